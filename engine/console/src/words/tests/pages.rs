//! Every page once, with values that are no words of it.

use ghanti_model::event::TurnLatency;
use ghanti_model::{CallId, CallRecord, CallState, PhoneNumber, Role, Zone};
use ghanti_store::{AttemptOf, CallSummary, MemberOf};

use super::super::Words;
use crate::{
    Answer, Applet, AuditPage, CallPage, CallsPage, Came, Campaign, CampaignPage, CampaignsPage,
    Choice, Customer, CustomerPage, Difference, Draft, Editing, Ended, Entry, Fault, Field,
    Finding, Flow, FlowMap, FlowPage, FlowsPage, Funnel, GoesOn, Held, ImportForm, ImportPage,
    Imported, Input, Lamp, List, Live, Load, MapPage, MapState, MappedField, NewCampaign, Notice,
    Now, Open, OtherwisePage, Path, Paths, Player, PromptPage, PromptRow, PromptText, Property,
    Published, Refused, RejectedRow, Replay, ReplayPage, Rule, Said, Search, SetWeight, SetupPage,
    Site, Spoken, Store, TelephonePage, Unable, Uncertain, Unread, Variable, Version, Way, Who,
};

const AT_MS: u64 = 1_795_770_000_000;

pub(super) fn site(words: &'static Words) -> Site {
    Site {
        prefix: String::new(),
        csrf: "1".to_owned(),
        member: Some("1".to_owned()),
        role: Role::Admin,
        zone: Zone::fixed(330),
        now_ms: AT_MS,
        has_numbers: false,
        words,
        here: String::new(),
    }
}

fn finding() -> Finding {
    Finding {
        code: "1".to_owned(),
        is_error: true,
        sentence: "this is English".to_owned(),
        evidence: vec!["this is English".to_owned()],
        fix: "this is English".to_owned(),
    }
}

fn campaign_of(state: &'static str) -> Campaign {
    Campaign {
        name: "1".to_owned(),
        list: "1".to_owned(),
        flow: "1".to_owned(),
        state,
        reason: Some("this is English".to_owned()),
        created_ms: AT_MS,
        started_ms: Some(AT_MS),
        ended_ms: Some(AT_MS),
    }
}

fn funnel() -> Funnel {
    Funnel {
        steps: [9, 7, 5, 3, 1],
        goals: vec!["1".to_owned()],
        attempts_left: 1,
        pace: (1, 2),
        calls_per_minute: 1,
        in_progress: (1, 1),
        hours: vec![(AT_MS, vec![("1".to_owned(), 1)])],
        customers: ["waiting", "calling", "done"]
            .map(|state| (state.to_owned(), None, 1))
            .into(),
    }
}

fn record(state: CallState) -> CallRecord {
    let mut record = CallRecord::new(CallId::generate(), AT_MS);
    record.state = state;
    record.customer_number = PhoneNumber::parse("+919876543210").ok();
    record.flow = ghanti_model::FlowName::parse("1").ok();
    record.notes.insert("1".to_owned(), "1".into());
    record.exotel.insert("1".to_owned(), "1".to_owned());
    record
}

fn held() -> Vec<Held> {
    vec![Held {
        id: "1".to_owned(),
        version: "1".to_owned(),
        stage: "1",
        is_recorded: true,
    }]
}

/// Replays, and how a call goes on otherwise, at every sort of place.
fn runs(site: &Site) -> Vec<(&'static str, String)> {
    let unable = || Unable {
        reason: site.words.journal_incomplete,
        detail: Some("this is English".to_owned()),
    };
    let replayed = Replay {
        recorded: "1".to_owned(),
        against: "1".to_owned(),
        has_words: false,
        conversation: vec!["this is English".to_owned()],
        differences: vec![Difference {
            seq: 1,
            kind: "1".to_owned(),
            subject: "this is English".to_owned(),
            recorded: "this is English".into(),
            now: "this is English".into(),
            at: Some("this is English".into()),
            breaks_off: true,
        }],
    };
    let same = Replay {
        differences: Vec::new(),
        ..replayed.clone()
    };
    let replay = |chosen: &str, replayed| {
        let shown = ReplayPage {
            call: CallId::generate(),
            versions: held(),
            chosen: chosen.to_owned(),
            replayed,
        };
        crate::replay(site, &shown)
    };
    let goes_on = |open, ended| {
        let said = |who, text: &str| Said {
            who,
            text: text.into(),
            name: "1".to_owned(),
        };
        Ok(GoesOn {
            before: vec!["this is English".to_owned()],
            lines: vec![
                said(Who::Bot, "1"),
                said(Who::Caller, "this is English"),
                said(Who::Flow, "this is English"),
            ],
            open,
            ended,
            outcome: Some("1".to_owned()),
            transfer: Some("1".to_owned()),
        })
    };
    let otherwise = |goes_on, refused| {
        let shown = OtherwisePage {
            call: CallId::generate(),
            at: 1,
            versions: held(),
            chosen: "1".to_owned(),
            answers: vec!["silent".to_owned()],
            refused,
            goes_on,
        };
        crate::otherwise(site, &shown)
    };
    let question = Open::Question {
        name: "1".to_owned(),
        choices: vec![Answer {
            id: "1".to_owned(),
            key: Some('1'),
        }],
        takes_words: true,
        takes_keys: true,
    };
    let failed = Ended::Failed("this is English".to_owned());
    vec![
        ("a replay", replay("1", Ok(replayed))),
        ("a replay without a difference", replay("2", Ok(same))),
        ("no replay", replay("1", Err(unable()))),
        (
            "a question otherwise",
            otherwise(
                goes_on(Some(question), None),
                Some(site.words.answer_unusable),
            ),
        ),
        (
            "an action otherwise",
            otherwise(goes_on(Some(Open::Action("1".to_owned())), None), None),
        ),
        (
            "an end otherwise",
            otherwise(goes_on(None, Some(Ended::Returned)), None),
        ),
        (
            "a hang-up otherwise",
            otherwise(goes_on(None, Some(Ended::HungUp)), None),
        ),
        (
            "a failure otherwise",
            otherwise(goes_on(None, Some(failed)), None),
        ),
        ("nothing otherwise", otherwise(Err(unable()), None)),
    ]
}

pub(super) fn pages(words: &'static Words) -> Vec<(&'static str, String)> {
    let site = &site(words);
    let calls: Vec<CallSummary> = [CallState::Live, CallState::Pending, CallState::Ended]
        .iter()
        .map(|state| (&record(*state)).into())
        .collect();
    let fault = || Fault {
        flow: "1".to_owned(),
        step: "1".to_owned(),
        reason: "this is English".to_owned(),
        line: Some(1),
        hint: "this is English".to_owned(),
        rejected_ms: Some(AT_MS),
    };
    let list = |calls: Vec<CallSummary>, unreadable| CallsPage {
        search: Search::default(),
        calls,
        next: Some("1".to_owned()),
        first: Some("1".to_owned()),
        other_numbers: String::new(),
        wrong: String::new(),
        flows: vec!["1".to_owned()],
        outcomes: Vec::new(),
        unreadable,
    };
    let of_call = |state| CallPage {
        record: record(state),
        findings: vec![finding()],
        players: vec![Player {
            number: 1,
            at_ms: 0,
        }],
        events: Vec::new(),
        has_more_events: true,
        turns: vec![(1_000, TurnLatency::default())],
        journal: Some(vec![Entry {
            seq: 1,
            at_ms: 0,
            took_ms: 1,
            what: "this is English".to_owned(),
            detail: "1".into(),
            is_answered: true,
        }]),
        has_more_entries: true,
        versions: held(),
        levels: Some((1, 2)),
    };
    let states = [
        "draft",
        "running",
        "paused",
        "stopped",
        "cancelled",
        "finished",
    ];
    let customer = Customer {
        number: PhoneNumber::parse("+919876543210").unwrap(),
        by_call: Some(CallId::generate()),
        do_not_call: Some((CallId::generate(), AT_MS)),
        calls: calls.clone(),
        notes: vec![(CallId::generate(), AT_MS, "1".to_owned(), "1".into())],
        campaigns: ["waiting", "calling", "done"]
            .map(|state| MemberOf {
                campaign: "1".to_owned(),
                state: state.to_owned(),
                due_ms: Some(AT_MS),
                attempts: 1,
                outcome: None,
                reason: Some("this is English".to_owned()),
            })
            .into(),
        attempts: vec![AttemptOf {
            campaign: "1".to_owned(),
            number: 1,
            began_ms: AT_MS,
            outcome: None,
            call_id: CallId::generate(),
        }],
    };
    let now = |calls: Vec<Live>| Now {
        live: 9,
        calls,
        awaited: 1,
        most: 1,
        is_draining: true,
        limited_by: Some("this is English".to_owned()),
        refusals: vec![("1", "1", 1)],
        stores: vec![Store {
            name: "1",
            away: Some("this is English".to_owned()),
        }],
        load: Load {
            most: 121,
            places: vec![1],
            refused: vec![1],
            recognition_ms: vec![1],
            prompts: vec![1],
            late_ms: vec![1],
        },
    };
    let live = Live {
        call_id: CallId::generate(),
        direction: Some(ghanti_model::Direction::Inbound),
        number: None,
        flow: None,
        version: None,
        language: None,
        step: None,
        started_ms: AT_MS,
        last: Vec::new(),
        problems: 1,
        levels: Some((1, 2)),
    };
    let flow = Flow {
        name: "1".to_owned(),
        versions: versions(),
        rejected: vec![fault()],
        warnings: Vec::new(),
        failures: [1, 1, 1],
    };
    let flows = |flows: Vec<Flow>| FlowsPage {
        flows,
        invalid: vec![fault()],
        unclaimed: (None, "this is English".to_owned()),
        message: None,
    };
    let unreadable = Some(("this is English".to_owned(), "this is English".to_owned()));
    let mut pages = vec![
        ("now", crate::now(site, &now(vec![live]))),
        ("nobody", crate::now(site, &now(Vec::new()))),
        ("calls", crate::calls(site, &list(calls, None))),
        (
            "no calls",
            crate::calls(site, &list(Vec::new(), unreadable.clone())),
        ),
        ("a call", crate::call(site, &of_call(CallState::Ended))),
        ("a live call", crate::call(site, &of_call(CallState::Live))),
        (
            "no campaigns",
            crate::campaigns(
                site,
                &CampaignsPage {
                    campaigns: Vec::new(),
                },
            ),
        ),
        (
            "campaigns",
            crate::campaigns(
                site,
                &CampaignsPage {
                    campaigns: states
                        .map(|state| (campaign_of(state), Some(funnel())))
                        .into(),
                },
            ),
        ),
        (
            "a customer",
            crate::customer(
                site,
                &CustomerPage {
                    customer: Some(customer),
                    was_lifted: true,
                    unreadable,
                    ..CustomerPage::default()
                },
            ),
        ),
        ("flows", crate::flows(site, &flows(vec![flow]))),
        ("no flows", crate::flows(site, &flows(Vec::new()))),
        (
            "setup",
            crate::setup(
                site,
                &SetupPage {
                    applets: vec![Applet {
                        title: "this is English".to_owned(),
                        paste: vec![("this is English".to_owned(), "1".to_owned())],
                        settings: vec!["this is English".to_owned()],
                        lamps: vec![(Lamp::Never, "this is English".to_owned())],
                    }],
                    has_tokens: false,
                    findings: vec![finding()],
                    settings: "this = 'English'".to_owned(),
                },
            ),
        ),
        (
            "telephone",
            crate::telephone(
                site,
                &TelephonePage {
                    flows: vec![Choice {
                        name: "1".to_owned(),
                        fields: vec![Field {
                            name: "1".to_owned(),
                            is_required: true,
                            example: "1".to_owned(),
                        }],
                    }],
                    chosen: None,
                    rate_hz: 8_000,
                },
            ),
        ),
        (
            "audit",
            crate::audit(
                site,
                &AuditPage {
                    entries: Vec::new(),
                    next: Some("1".to_owned()),
                },
            ),
        ),
        ("login", crate::login(site, "", true)),
        (
            "notice",
            crate::notice(
                site,
                &Notice {
                    title: "1".to_owned(),
                    language: "en",
                    detail: "this is English".to_owned(),
                    hint: "this is English".to_owned(),
                },
            ),
        ),
    ];
    pages.extend(pages_of_a_flow(site));
    pages.extend(runs(site));
    for state in states {
        let shown = CampaignPage {
            campaign: campaign_of(state),
            funnel: funnel(),
            plan: "1".to_owned(),
            was_changed: true,
            was_made: true,
        };
        pages.push((state, crate::campaign(site, &shown)));
    }
    pages.extend(of_imports(site));
    pages
}

/// The pages on which lists are imported and campaigns are made.
fn of_imports(site: &Site) -> Vec<(&'static str, String)> {
    let mut pages = Vec::new();
    let form = |reported| ImportForm {
        flows: vec!["1".to_owned()],
        reported: Some(reported),
        english: Some("this is English".to_owned()),
        ..ImportForm::default()
    };
    for reported in [
        Unread::TooLarge,
        Unread::NoFile,
        Unread::Broken,
        Unread::Busy,
        Unread::Gone,
    ] {
        pages.push(("an upload", crate::import_form(site, &form(reported))));
    }
    let field = |uncertain| MappedField {
        name: "this-is-english".to_owned(),
        kind: "text".to_owned(),
        is_required: true,
        column: Some(0),
        uncertain,
        values: vec!["1".into()],
    };
    for (is_check, is_under_way, ended_early) in [
        (true, false, None),
        (false, true, None),
        (false, false, None),
        (false, false, Some("this is English".to_owned())),
    ] {
        let shown = ImportPage {
            id: "1".to_owned(),
            file: "1".to_owned(),
            flow: "1".to_owned(),
            list: "1".to_owned(),
            lines: vec![2],
            fields: vec![
                field(None),
                field(Some(Uncertain::Missing)),
                field(Some(Uncertain::Several(vec![0, 1]))),
                field(Some(Uncertain::Shared)),
            ],
            columns: vec!["1".to_owned(), "2".to_owned()],
            unused: vec![(1, vec!["1".into()])],
            is_held: true,
            is_busy: true,
            imported: Some(Imported {
                is_check,
                is_under_way,
                ended_early,
                rows: 1,
                stored: 1,
                updated: 1,
                unchanged: 1,
                rejected: 5,
                shown: vec![RejectedRow {
                    line: 2,
                    problems: vec![Refused {
                        field: "phone".to_owned(),
                        reason: "this is English".to_owned(),
                    }],
                }],
                has_file: true,
                is_whole: false,
            }),
        };
        pages.push(("an import", crate::import(site, &shown)));
    }
    let wrong = || Input {
        value: "1".to_owned(),
        wrong: Some("this is English".to_owned()),
    };
    for lists in [Vec::new(), vec![("1".to_owned(), "1".to_owned(), 1)]] {
        let shown = NewCampaign {
            lists,
            name: wrong(),
            list: wrong(),
            rules: Rule::ALL.map(|rule| (rule, wrong())).into(),
            weekdays: ghanti_model::hours::WEEKDAYS.map(|day| (day, true)).into(),
            wrong: vec!["this is English".to_owned()],
        };
        pages.push(("a new campaign", crate::new_campaign(site, &shown)));
    }
    let list = List {
        name: "1".to_owned(),
        flow: "1".to_owned(),
        customers: 1,
        changed_ms: AT_MS,
    };
    for lists in [Vec::new(), vec![list]] {
        let shown = CustomerPage {
            lists: Some(lists),
            ..CustomerPage::default()
        };
        pages.push(("lists", crate::customer(site, &shown)));
    }
    pages
}

/// The pages of one flow, with everything that may be on them.
/// One that came in each way, and one of which that is not known.
fn versions() -> Vec<Version> {
    let prompt = Way::Prompt {
        prompt: "1".to_owned(),
        language: "1".to_owned(),
    };
    let came = |way| Came {
        at_ms: AT_MS,
        by: (way != Way::Folder).then(|| "1".to_owned()),
        way,
    };
    [Some(Way::Folder), Some(Way::Api), Some(prompt), None]
        .map(|way| Version {
            id: "1".to_owned(),
            version: "1".to_owned(),
            stage: "1",
            calls: 1,
            weight: Some(1),
            manifest_weight: 1,
            set: way.is_some().then(|| SetWeight {
                by: "1".to_owned(),
                at_ms: AT_MS,
            }),
            came: way.map(came),
            reason: Some("this is English".to_owned()),
        })
        .into()
}

fn pages_of_a_flow(site: &Site) -> Vec<(&'static str, String)> {
    let english = || "this is English".to_owned();
    let variable = || Variable {
        name: "1".to_owned(),
        kind: Some("1"),
        example: Some("1".to_owned()),
    };
    let flow = |prompts: Vec<PromptRow>| FlowPage {
        name: "1".to_owned(),
        title: Some("1".to_owned()),
        id: "1".to_owned(),
        version: "1".to_owned(),
        stage: "1",
        share: Some(1),
        versions: versions(),
        languages: vec!["1".to_owned()],
        prompts,
        may_hear: true,
        has_set: true,
    };
    let row = |texts| PromptRow {
        template: "1".to_owned(),
        group: "1".to_owned(),
        variables: vec![variable()],
        is_interruptible: false,
        requires: vec!["1".to_owned()],
        is_part: true,
        texts,
    };
    let text = |text: Option<&str>, draft| PromptText {
        language: "1".to_owned(),
        text: text.map(str::to_owned),
        line: Some(1),
        comment: "1".to_owned(),
        spoken: Some("2".to_owned()),
        draft,
    };
    let draft = || {
        Some(Draft {
            text: "1".to_owned(),
            title: english(),
            step: Some("1".to_owned()),
            line: Some(1),
            reason: english(),
            hint: english(),
        })
    };
    let prompt = |editing| PromptPage {
        flow: "1".to_owned(),
        template: "1".to_owned(),
        group: "1".to_owned(),
        id: "1".to_owned(),
        version: "1".to_owned(),
        stage: "1",
        variables: vec![variable()],
        is_interruptible: false,
        requires: vec!["1".to_owned()],
        is_part: true,
        texts: vec![
            text(Some("1"), None),
            text(Some("1"), draft()),
            text(None, None),
        ],
        editing,
        published: Some(Published {
            language: "1".to_owned(),
            stage: "1",
            share: Some(1),
        }),
    };
    let said = |is_bot, is_caller| Spoken {
        is_bot,
        is_caller,
        is_partly: true,
        is_unheard: true,
        text: if is_bot { "1".to_owned() } else { english() },
        name: "1".to_owned(),
    };
    let paths = || {
        vec![Paths {
            end: english(),
            paths: vec![Path {
                number: 1,
                answers: english(),
                lasts_ms: 1_000,
                customer: english(),
                lines: vec![said(true, false), said(false, true), said(false, false)],
            }],
        }]
    };
    let drawn = MapState::Drawn(Box::new(FlowMap {
        svg: "<svg></svg>".to_owned(),
        language: "1".to_owned(),
        paths: 1,
        longest_ms: 1_000,
        customers: vec![english()],
        is_whole: false,
        limits: vec![english()],
        properties: [None, Some(english())]
            .map(|broken| Property {
                property: english(),
                broken,
            })
            .into(),
        findings: vec![(true, english(), english())],
        ends: paths(),
        side_ends: paths(),
    }));
    let empty = MapState::Drawn(Box::new(FlowMap {
        svg: String::new(),
        language: "1".to_owned(),
        paths: 0,
        longest_ms: 0,
        customers: Vec::new(),
        is_whole: true,
        limits: Vec::new(),
        properties: Vec::new(),
        findings: Vec::new(),
        ends: Vec::new(),
        side_ends: Vec::new(),
    }));
    let map = |state| MapPage {
        flow: "1".to_owned(),
        id: "1".to_owned(),
        version: "1".to_owned(),
        stage: "1",
        languages: vec!["1".to_owned(), "2".to_owned()],
        state,
    };
    let flows = [
        flow(Vec::new()),
        flow(vec![row(vec![Some("1".to_owned())]), row(vec![None])]),
    ];
    let prompts = [
        prompt(Editing::Open),
        prompt(Editing::NotTheirs),
        prompt(Editing::Other),
        prompt(Editing::Fixed(english(), english())),
    ];
    let maps = [
        map(drawn),
        map(empty),
        map(MapState::Drawing),
        map(MapState::Busy),
        map(MapState::Failed),
    ];
    let flows = flows.iter().map(|page| ("a flow", crate::flow(site, page)));
    let prompts = prompts
        .iter()
        .map(|page| ("a prompt", crate::prompt(site, page)));
    let maps = maps
        .iter()
        .map(|page| ("a map", crate::flow_map(site, page)));
    flows.chain(prompts).chain(maps).collect()
}
