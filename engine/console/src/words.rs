//! Every text of the console that is not a value, in one place, in English and Hindi. What the engine says
//! elsewhere too (problems, findings, settings) is English, and marked as such on Hindi pages.

mod hindi;
#[cfg(test)]
mod tests;

pub use hindi::HINDI;

/// The name of the product.
pub const PRODUCT: &str = "Ghanti";

macro_rules! words {
    ($($name:ident = $english:literal,)+) => {
        /// The texts of the console in one language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is named by what it says")]
        pub struct Words {
            $(pub $name: &'static str,)+
        }

        /// English.
        pub static ENGLISH: Words = Words {
            $($name: $english,)+
        };

        /// The texts in brackets, so that what is on a page besides them is seen.
        #[cfg(test)]
        pub(crate) static MARKED: Words = Words {
            $($name: concat!("⟦", $english, "⟧"),)+
        };

        #[cfg(test)]
        impl Words {
            /// All texts with their names.
            pub(crate) fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name),)+]
            }
        }
    };
}

/// The texts of a language, by its tag.
pub fn of_language(tag: &str) -> Option<&'static Words> {
    [&ENGLISH, &HINDI]
        .into_iter()
        .find(|words| words.language == tag)
}

/// The texts of the language that a browser would rather have, by its `Accept-Language` (RFC 9110, 12.5.4); English if it
/// wants neither.
pub fn preferred(asked: &str) -> &'static Words {
    let mut best: (f32, &'static Words) = (0.0, &ENGLISH);
    for range in asked.split(',') {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let primary = tag.trim().split('-').next().unwrap_or_default();
        let quality = parameters.trim().strip_prefix("q=");
        let quality = quality.map_or(Some(1.0), |quality| quality.trim().parse().ok());
        let words = of_language(&primary.to_ascii_lowercase());
        if let (Some(quality), Some(words)) = (quality, words)
            && quality > best.0
        {
            best = (quality, words);
        }
    }
    best.1
}

words! {
    language = "en",
    other_language = "hi",
    in_other_language = "हिन्दी",
    pages = "Pages",
    skip = "To the content",
    now = "Now",
    calls = "Calls",
    call = "Call",
    flows = "Flows",
    setup = "Set-up",
    telephone = "Telephone",
    audit = "Audit log",
    no_audit = "Nothing has been changed or unmasked yet.",
    who = "Who",
    role = "Role",
    done = "What",
    where_to = "Where",
    answered = "Answer",
    log_in = "Log in",
    log_out = "Log out",
    token = "API token",
    token_hint = "A token of [tokens] in ghanti.toml, or `api-token` of [server]",
    token_refused = "This is no token that is accepted.",
    to_calls = "To the list of calls",
    nothing_said = "Nothing has been said yet.",
    transcript = "Transcript",
    bot = "Bot",
    caller = "Caller",
    keys = "Keys",
    heard_partly = "(heard in part)",
    unheard = "(not heard)",
    hear = "Hear from",
    hear_hint = "press the picture, or a time in the transcript, to hear it from there",
    waveform = "How loud each side is over time, the caller above, the bot below",
    recording = "Recording of the call",
    loading = "Loading the waveform …",
    search = "Search",
    search_hint = "Phone in any spelling, CallSid or call id",
    flow = "Flow",
    any = "any",
    outcome = "Outcome",
    state = "State",
    since = "From",
    until = "Before",
    campaign = "Campaign",
    went_wrong = "What went wrong",
    went_well = "Without problems",
    find = "Find",
    clear = "Clear",
    pending = "pending",
    live = "live",
    ended = "ended",
    when = "When",
    customer = "Customer",
    language_of_call = "Language",
    lasted = "Length",
    problems = "Problems",
    no_calls = "There are no calls yet.",
    no_such_calls = "No call fits.",
    pages_of_list = "Pages of the list",
    newest = "← Newest",
    older = "Older →",
    show_numbers = "Show numbers",
    mask_numbers = "Mask numbers",
    inbound = "the customer called",
    outbound = "the customer was called",
    events = "Events",
    show_events = "Show the events",
    event = "Event",
    after = "After",
    more_of_it = "What",
    more_events = "There are more: GET /api/calls/{id}/events has all.",
    export = "Export as JSON",
    fix = "Fix:",
    facts = "Facts",
    id = "Id",
    line_number = "Line",
    version = "Version",
    disposition = "Disposition",
    then = "Then",
    transfer_to = "transfer to",
    hang_up = "Hang up",
    end_call = "End this call",
    established = "Established",
    note = "Note",
    steps = "Steps",
    exotel = "Reported by Exotel",
    live_calls = "Live calls",
    awaited = "Awaited",
    places = "Places",
    works = "works",
    away = "away",
    draining = "The engine is stopping: it takes no further calls.",
    limited_by = "Fewer calls than `max-calls` fit:",
    nobody = "Nobody is on the line.",
    all_live = "All live calls",
    refused = "Refused since the start",
    connected = "live",
    reconnecting = "connecting again …",
    reload = "Reload",
    no_flows = "No flow is loaded: put one into the flows folder.",
    invalid = "Not flows",
    unclaimed = "Calls that no flow claims go to",
    nobody_takes = "nobody",
    promote = "Promote",
    roll_back = "Roll back",
    digest = "Digest",
    stage = "Stage",
    calls_now = "Calls now",
    loaded = "Loaded",
    failures = "Failures since the start:",
    trapped = "trapped",
    limited = "at a limit",
    failed = "failed",
    calls_of_flow = "Calls of this flow",
    rejected = "Rejected",
    line = "line",
    promoted = "Promoted.",
    rolled_back = "Rolled back.",
    reloaded = "The folder was read again.",
    look_again = "Look again",
    doctor = "What the doctor finds",
    nothing_wrong = "Nothing is wrong as far as it was seen.",
    applets = "What to paste into Exotel's flow",
    applets_hint = "Build the flow in this order. The lamps tell what was asked since this engine started.",
    no_tokens = "TOKEN stands for the tokens of [server]: they are shown once `api-token` protects this page.",
    settings = "Settings in force",
    show_settings = "Show the settings",
    copy = "Copy",
    copied = "Copied",
    telephone_hint = "A call from this browser over the same wire as Exotel's. It is recorded like any other.",
    choose = "Choose",
    number = "Number",
    press_call = "Call",
    mute = "Mute",
    keypad = "Keys",
    ringing = "Calling …",
    talking = "Connected",
    over = "The call has ended.",
    open_call = "Open its page",
    starting = "The engine is starting: its flows are being loaded. This page loads again by itself.",
    no_microphone = "The microphone cannot be used: allow it for this page, which has to come over https or from localhost.",
    not_found = "Nothing is here",
    campaigns = "Campaigns",
    no_campaigns = "There are no campaigns yet: ghanti campaign new makes one.",
    customer_list = "List",
    created = "Made",
    started = "started",
    funnel = "How far it has come",
    funnel_hint = "A customer counts once a call with them is over.",
    goal_is = "The goal:",
    listed = "Listed",
    dialled = "Dialled",
    answered_call = "Answered",
    identified = "Identified",
    goal = "Goal",
    pace = "Pace",
    in_progress = "in progress",
    with_agents = "of them with agents",
    last_minute = "dialled in the last minute, of the most allowed",
    last_hour = "dialled in the last hour",
    attempts_left = "attempts left",
    outcomes_by_hour = "Outcomes by hour, of the last day",
    no_outcomes = "No call has ended within the last day.",
    hour = "Hour",
    attempts = "Attempts",
    attempt = "Attempt",
    outcomes = "Outcomes",
    last_outcome = "Last outcome",
    customers = "Customers",
    nobody_enrolled = "Nobody is enrolled yet.",
    calls_of_campaign = "Calls of this campaign",
    rules = "Rules",
    campaign_changed = "The campaign was changed.",
    running = "running",
    paused = "paused",
    stopped = "stopped",
    finished = "finished",
    cancelled = "cancelled",
    draft = "draft",
    start = "Start",
    pause = "Pause",
    resume = "Resume",
    cancel = "Cancel for good",
    waiting = "waiting",
    calling = "being called",
    is_done = "done",
    customer_of_call = "The customer",
    notes = "Notes",
    value = "Value",
    due = "Due",
    do_not_call = "Asked not to be called again:",
    lift = "They may be called again",
    lifted = "The customer may be called again.",
    out_of_date = "This form is out of date",
    out_of_date_detail = "Its token is not of your session: the session has ended, or the form is not this engine's.",
    out_of_date_hint = "Open the page again and send the form from there.",
    map = "Map",
    prompts = "Prompts",
    prompt = "Prompt",
    no_prompts = "This version has no prompt files: a component alone says what is written in its code, and there is nothing to edit here.",
    prompts_hint = "Press a prompt's name to see how it is spoken, and to change it. What is in braces is filled in during the call.",
    share_of_calls = "of the new calls",
    other_versions = "Other versions:",
    hear_it = "Hear it",
    speaking = "Being spoken:",
    playing = "Playing:",
    was_heard = "Heard:",
    cannot_hear = "It cannot be heard:",
    lacking = "lacking in this language",
    not_interruptible = "heard to its end",
    requires = "Requires",
    is_part = "Part of other prompts",
    variable = "Variable",
    kind = "Type",
    example = "Example",
    as_spoken = "As it is spoken:",
    new_text = "New text",
    publish = "Publish",
    published = "Published",
    not_published = "Not published",
    other_in_folder = "The flows folder has other files than this version's, so nothing can be changed here. Show the version that is in the folder, or promote or deploy the one that you want.",
    map_drawing = "The map is being drawn: every path of the conversation is tried. This page loads again by itself.",
    map_busy = "Another version is being explored at this moment, and only one is at a time. This page loads again by itself.",
    map_failed = "The map could not be drawn. The log of this time says why.",
    map_hint = "Each box is a question with what it says, each row what callers may answer, what is said then, and where it leads. A dashed end is reached in a roundabout way alone.",
    map_cut = "Not every path is here: the exploration was cut short.",
    paths = "Different paths",
    longest_call = "Longest call",
    customers_tried = "Customers and calls that were tried",
    conversation = "The conversation",
    properties = "Properties",
    no_properties = "The manifest states no properties.",
    holds = "holds",
    broken = "does not hold",
    every_path = "Every path",
    side_ends = "Ends reached in a roundabout way alone",
}
