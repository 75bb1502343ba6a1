//! The list of calls, with its search.

use ghanti_model::{CallState, Direction};
use ghanti_store::CallSummary;
use maud::{Markup, html};

use crate::layout::{Place, Site, page};
use crate::times::length;

/// What is asked for, as it was written; empty where nothing is.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// A number, a CallSid or the engine's own id.
    pub q: String,
    /// The state.
    pub state: String,
    /// The outcome.
    pub outcome: String,
    /// The flow.
    pub flow: String,
    /// The flow's version, which pages of flows lead to.
    pub version: String,
    /// The campaign that dialled.
    pub campaign: String,
    /// `true` for calls that went wrong, `false` for the others.
    pub problems: String,
    /// The first day or time, as a clock of the calls' zone shows it.
    pub since: String,
    /// The day or time after the last one, likewise.
    pub until: String,
}

impl Search {
    fn is_narrowed(&self) -> bool {
        let all = [
            &self.q,
            &self.state,
            &self.outcome,
            &self.flow,
            &self.version,
            &self.campaign,
            &self.problems,
            &self.since,
            &self.until,
        ];
        all.into_iter().any(|text| !text.is_empty())
    }
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct CallsPage {
    /// What was asked for.
    pub search: Search,
    /// The calls.
    pub calls: Vec<CallSummary>,
    /// The query of the page after this one.
    pub next: Option<String>,
    /// The query of the first page, where this is another one.
    pub first: Option<String>,
    /// The query of this page with numbers shown, or masked again.
    pub other_numbers: String,
    /// The query of the same search for calls that went wrong.
    pub wrong: String,
    /// The flows that may be chosen.
    pub flows: Vec<String>,
    /// The outcomes that may be chosen, besides those that flows set.
    pub outcomes: Vec<String>,
    /// What of the search cannot be read, with what to write.
    pub unreadable: Option<(String, String)>,
}

/// The page.
pub fn calls(site: &Site, shown: &CallsPage) -> String {
    let words = site.words;
    let content = html! {
        div class="headed" {
            h1 { (words.calls) }
            @if shown.search.problems != "true" { a class="quiet" href={ (site.path("calls")) "?" (shown.wrong) } { (words.went_wrong) } }
            @if site.is_operator() {
                a class="quiet" href={ (site.path("calls")) "?" (shown.other_numbers) } {
                    @if site.has_numbers { (words.mask_numbers) } @else { (words.show_numbers) }
                }
            }
        }
        (form(site, shown))
        @if let Some((what, fix)) = &shown.unreadable {
            div class="notice" role="alert" lang="en" { p { (what) } p class="fix" { (fix) } }
        } @else if shown.calls.is_empty() {
            p class="empty" { @if shown.search.is_narrowed() { (words.no_such_calls) } @else { (words.no_calls) } }
        } @else {
            (table(site, &shown.calls))
        }
        nav class="pages" aria-label=(words.pages_of_list) {
            @if let Some(first) = &shown.first { a href={ (site.path("calls")) "?" (first) } { (words.newest) } }
            @if let Some(next) = &shown.next { a rel="next" href={ (site.path("calls")) "?" (next) } { (words.older) } }
        }
    };
    page(site, words.calls, Place::Calls, &["console.js"], &content)
}

fn form(site: &Site, shown: &CallsPage) -> Markup {
    let (words, search) = (site.words, &shown.search);
    let states = [
        ("pending", words.pending),
        ("live", words.live),
        ("ended", words.ended),
    ];
    html! {
        form class="search" role="search" method="get" action=(site.path("calls")) {
            @if site.has_numbers { input type="hidden" name="numbers" value="true"; }
            @if !search.version.is_empty() { input type="hidden" name="version" value=(search.version); }
            div class="wide" {
                label for="q" { (words.search) }
                input id="q" name="q" type="search" value=(search.q) placeholder=(words.search_hint) autocomplete="off" spellcheck="false"
                    maxlength="128" data-search aria-keyshortcuts="/";
            }
            div {
                label for="flow" { (words.flow) }
                select id="flow" name="flow" {
                    option value="" { (words.any) }
                    @for flow in &shown.flows { option selected[*flow == search.flow] { (flow) } }
                }
            }
            div {
                label for="outcome" { (words.outcome) }
                input id="outcome" name="outcome" value=(search.outcome) list="outcomes" autocomplete="off" maxlength="128" placeholder=(words.any);
                datalist id="outcomes" { @for outcome in &shown.outcomes { option value=(outcome) {} } }
            }
            div {
                label for="state" { (words.state) }
                select id="state" name="state" {
                    option value="" { (words.any) }
                    @for (value, name) in states { option value=(value) selected[value == search.state] { (name) } }
                }
            }
            div {
                label for="problems" { (words.problems) }
                select id="problems" name="problems" {
                    option value="" { (words.any) }
                    @for (value, name) in [("true", words.went_wrong), ("false", words.went_well)] {
                        option value=(value) selected[value == search.problems] { (name) }
                    }
                }
            }
            div {
                label for="campaign" { (words.campaign) }
                input id="campaign" name="campaign" value=(search.campaign) autocomplete="off" maxlength="128" placeholder=(words.any);
            }
            div { label for="since" { (words.since) } input id="since" name="since" type="datetime-local" value=(minute(&search.since)); }
            div { label for="until" { (words.until) } input id="until" name="until" type="datetime-local" value=(minute(&search.until)); }
            div class="buttons" {
                button { (words.find) }
                @if search.is_narrowed() { a class="quiet" href=(site.path("calls")) { (words.clear) } }
            }
        }
    }
}

/// A day or a time as a field of the form takes it: a day begins at midnight.
fn minute(text: &str) -> String {
    if text.is_empty() || text.contains('T') {
        text.to_owned()
    } else {
        format!("{text}T00:00")
    }
}

/// The calls as a table.
pub(crate) fn table(site: &Site, calls: &[CallSummary]) -> Markup {
    let words = site.words;
    html! {
        table class="list" {
            thead {
                tr {
                    @for name in [words.when, words.customer, words.flow, words.language_of_call, words.lasted, words.outcome, words.problems] {
                        th scope="col" { (name) }
                    }
                }
            }
            tbody {
                @for call in calls {
                    tr class=[call.went_wrong().then_some("troubled")] {
                        td data-label=(words.when) {
                            a href=(site.path(&format!("calls/{}", call.call_id))) { (site.time(call.created_ms)) }
                        }
                        td data-label=(words.customer) class="number" { (direction(site, call.direction)) (site.number(call.customer_number.as_ref())) }
                        td data-label=(words.flow) { (call.flow.as_ref().map_or("–", |flow| flow.as_str())) }
                        td data-label=(words.language_of_call) {
                            @match &call.language { Some(language) => (language.to_string()), None => "–" }
                        }
                        td data-label=(words.lasted) class="number" { (lasted(call)) }
                        td data-label=(words.outcome) { (outcome(site, call.state, call.outcome.as_deref())) }
                        td data-label=(words.problems) class="number" {
                            @if call.problems > 0 { strong class="problems" { (call.problems) } } @else { "–" }
                        }
                    }
                }
            }
        }
    }
}

fn lasted(call: &CallSummary) -> String {
    match (call.started_ms, call.ended_ms) {
        (Some(started), Some(ended)) => length(ended.saturating_sub(started)),
        _ => "–".to_owned(),
    }
}

/// An arrow for who called whom.
pub(crate) fn direction(site: &Site, direction: Option<Direction>) -> Markup {
    let (sign, words) = match direction {
        Some(Direction::Inbound) => ("↙", site.words.inbound),
        Some(Direction::Outbound) => ("↗", site.words.outbound),
        None => return html! {},
    };
    html! { span class="direction" role="img" aria-label=(words) title=(words) { (sign) } " " }
}

/// A call's outcome, or its state as long as it has none.
pub(crate) fn outcome(site: &Site, state: CallState, outcome: Option<&str>) -> Markup {
    let words = site.words;
    match (state, outcome) {
        (CallState::Live, _) => html! { span class="chip live" { (words.live) } },
        (CallState::Pending, None) => html! { span class="chip pending" { (words.pending) } },
        (_, Some(outcome)) => {
            // the engine's own outcomes are of what it saw, a flow's are its own words
            let kind = ghanti_model::Outcome::parse(outcome).map_or("of-flow", kind);
            html! { span class={ "chip " (kind) } { (outcome) } }
        }
        (CallState::Ended, None) => html! { span class="chip" { (words.ended) } },
    }
}

fn kind(outcome: ghanti_model::Outcome) -> &'static str {
    use ghanti_model::Outcome::{Completed, Transferred};
    match outcome {
        Completed | Transferred => "good",
        failure if failure.is_failure() => "bad",
        _ => "plain",
    }
}
