//! One call: what was said and how it sounds, what went wrong and what to do, its steps and events.

use ghanti_model::{CallEvent, CallRecord, CallState, Decision};
use maud::{Markup, html};

use crate::calls::{direction, outcome};
use crate::events::events;
use crate::journal::{Entry, journal};
use crate::latency::{Turn, latency};
use crate::layout::{Place, Site, page};
use crate::lines::lines;
use crate::now::{meters, short};
use crate::replay::{Held, choose, select};
use crate::times::length;

/// What is wrong with the set-up by this call, as the doctor says it.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its name.
    pub code: String,
    /// Whether it is an error, rather than a warning.
    pub is_error: bool,
    /// What is wrong.
    pub sentence: String,
    /// What was seen.
    pub evidence: Vec<String>,
    /// What to do.
    pub fix: String,
}

/// A recording that can be heard.
#[derive(Debug, Clone)]
pub struct Player {
    /// Its number in the record, from 1.
    pub number: u32,
    /// Where it begins, in milliseconds since the start of the call.
    pub at_ms: u64,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct CallPage {
    /// The record.
    pub record: CallRecord,
    /// The doctor's findings.
    pub findings: Vec<Finding>,
    /// The recordings that can be heard.
    pub players: Vec<Player>,
    /// Its first events.
    pub events: Vec<CallEvent>,
    /// Whether there are more.
    pub has_more_events: bool,
    /// How long the caller waited at each turn.
    pub turns: Vec<Turn>,
    /// The first entries of its journal, for those who may see it; `None` if there is none.
    pub journal: Option<Vec<Entry>>,
    /// Whether there are more.
    pub has_more_entries: bool,
    /// The versions of its flow that the engine holds.
    pub versions: Vec<Held>,
    /// How loud both sides of a live call are.
    pub levels: Option<(u8, u8)>,
}

/// The page.
pub fn call(site: &Site, shown: &CallPage) -> String {
    let (words, record) = (site.words, &shown.record);
    let below = format!("calls/{}", record.call_id);
    let is_over = record.state == CallState::Ended;
    let stream = (!is_over).then(|| site.path(&format!("{below}/stream{}", with(site))));
    let content = html! {
        p class="back" { a href=(site.path(&format!("calls{}", with(site)))) { "← " (words.calls) } }
        div data-stream=[stream] {
            @if is_over { (state(site, record, &shown.players)) } @else { (call_state(site, record, shown.levels)) }
        }
        @if record.state == CallState::Live && site.is_operator() { (listen_in(site, record)) }
        @if record.state == CallState::Live && site.is_operator() { (move_to(site, shown)) }
        @if !is_over && site.is_operator() {
            form method="post" action=(site.path(&format!("{below}/hang-up"))) data-confirm={ (words.end_call) "?" } {
                (site.csrf_field())
                button class="hang-up" { (words.end_call) }
            }
        }
        (trouble(site, shown))
        (facts(site, record))
        @if !shown.turns.is_empty() {
            section aria-labelledby="waits" { h2 id="waits" { (words.waits) } (latency(site, &shown.turns)) }
        }
        @if is_over && site.is_operator() && record.flow.is_some() { (replays(site, shown)) }
        section aria-labelledby="events" {
            h2 id="events" { (words.events) }
            details { summary { (words.show_events) " (" (shown.events.len()) ")" } (events(site, &shown.events, shown.has_more_events)) }
        }
        p class="actions" {
            @if record.customer_number.is_some() {
                a href={ (site.path(&format!("{below}/customer"))) (with(site)) } { (words.customer_of_call) } " "
            }
            @if site.is_operator() {
                a href=(site.path(&format!("{below}/record.json"))) download { (words.export) }
            }
            @if !site.is_operator() {} @else if !site.has_numbers { a href="?numbers=true" { (words.show_numbers) } } @else { a href="?" { (words.mask_numbers) } }
        }
    };
    let title = format!(
        "{} {}",
        words.call,
        site.number(record.customer_number.as_ref())
    );
    page(site, &title, Place::Calls, &["console.js"], &content)
}

/// The other versions that a live call can be moved to.
fn move_to(site: &Site, shown: &CallPage) -> Markup {
    let words = site.words;
    let running = shown.record.version.as_ref().map(ToString::to_string);
    let others = shown.versions.iter().cloned();
    let others: Vec<_> = others
        .filter(|version| running.as_ref() != Some(&version.id))
        .collect();
    let action = site.path(&format!("calls/{}/version", shown.record.call_id));
    html! {
        @if !others.is_empty() {
            form method="post" action=(action) {
                (site.csrf_field())
                label for="move-to" { (words.move_to) } " "
                (select(site, &others, "", "move-to")) " "
                button { (words.move_call) }
                p class="hint" { (words.move_hint) }
            }
        }
    }
}

fn with(site: &Site) -> &'static str {
    if site.has_numbers {
        "?numbers=true"
    } else {
        ""
    }
}

/// The part of the page that changes while the call goes on. `levels` are how loud both sides are.
pub fn call_state(site: &Site, record: &CallRecord, levels: Option<(u8, u8)>) -> Markup {
    html! {
        (state(site, record, &[]))
        (meters(site, levels))
    }
}

/// The sound of a live call.
fn listen_in(site: &Site, record: &CallRecord) -> Markup {
    let words = site.words;
    html! {
        section id="listen" aria-labelledby="listen-in" class="panel" {
            h2 id="listen-in" { (words.listen_in) }
            audio controls preload="none" src=(site.path(&format!("calls/{}/listen", record.call_id))) aria-label=(words.listen_in) {}
            p class="hint" { span class="dot caller" {} (words.caller_left) " " span class="dot bot" {} (words.bot_right) " · " (words.listen_hint) }
        }
    }
}

/// The journal, and what may be tried with it.
fn replays(site: &Site, shown: &CallPage) -> Markup {
    let (words, record) = (site.words, &shown.record);
    let recorded = shown.versions.iter().find(|version| version.is_recorded);
    let chosen = recorded.or(shown.versions.first());
    html! {
        section aria-labelledby="journal" {
            h2 id="journal" { (words.journal) }
            @match &shown.journal {
                None => p class="empty" { (words.journal_gone) },
                Some(entries) => {
                    @if let Some(chosen) = chosen { (choose(site, record.call_id, &shown.versions, &chosen.id)) }
                    @else { p class="hint" { (words.version_gone) } }
                    details { summary { (words.show_entries) " (" (entries.len()) ")" } (journal(site, record.call_id, entries, shown.has_more_entries)) }
                }
            }
        }
    }
}

fn state(site: &Site, record: &CallRecord, players: &[Player]) -> Markup {
    let words = site.words;
    let lasted = match (record.started_ms, record.ended_ms) {
        (Some(started), Some(ended)) => Some(ended.saturating_sub(started)),
        (Some(started), None) => Some(site.now_ms.saturating_sub(started)),
        _ => None,
    };
    html! {
        div class="headed" {
            h1 { (direction(site, record.direction)) (site.number(record.customer_number.as_ref())) }
            (outcome(site, record.state, record.outcome.as_deref()))
        }
        p class="gist" {
            (site.time(record.started_ms.unwrap_or(record.created_ms)))
            @if let Some(lasted) = lasted { " · " (length(lasted)) }
            @if let Some(flow) = &record.flow { " · " (flow.as_str()) }
            @if let Some(language) = &record.language { " · " (language.to_string()) }
            @if let Some(detail) = &record.detail { " · " (site.personal(&detail.as_str().into())) }
        }
        @for player in players { (listen(site, record, player)) }
        section aria-labelledby="said" {
            h2 id="said" { (words.transcript) }
            (lines(site, &record.transcript, players.first().map(|player| player.at_ms)))
        }
    }
}

fn listen(site: &Site, record: &CallRecord, player: &Player) -> Markup {
    let words = site.words;
    let source = |what: &str| {
        site.path(&format!(
            "calls/{}/{what}?number={}",
            record.call_id, player.number
        ))
    };
    html! {
        div class="player" data-player {
            div class="picture" data-waveform=(source("waveform")) { span class="hint" { (words.loading) } }
            audio controls preload="metadata" src=(source("recording")) aria-label=(words.recording) {}
            p class="hint" { span class="dot caller" {} (words.caller) " " span class="dot bot" {} (words.bot) " · " (words.hear_hint) }
        }
    }
}

fn trouble(site: &Site, shown: &CallPage) -> Markup {
    let (words, record) = (site.words, &shown.record);
    html! {
        @if !record.problems.is_empty() || record.failure.is_some() || !shown.findings.is_empty() {
            section aria-labelledby="problems" {
                h2 id="problems" { (words.problems) }
                @for problem in &record.problems {
                    div class="finding warning" {
                        h3 { (problem.name) " " span class="aside" { (site.time(problem.unix_ms)) } }
                        p lang="en" { (site.personal(&problem.detail.as_str().into())) }
                    }
                }
                @for finding in &shown.findings { (write_finding(site, finding)) }
            }
        }
    }
}

/// A finding with its evidence and what to do.
pub(crate) fn write_finding(site: &Site, finding: &Finding) -> Markup {
    let kind = if finding.is_error { "error" } else { "warning" };
    html! {
        div class={ "finding " (kind) } {
            h3 { (finding.code) }
            p lang="en" { (finding.sentence) }
            @if site.is_operator() && !finding.evidence.is_empty() { ul lang="en" { @for seen in &finding.evidence { li { (seen) } } } }
            p class="fix" { strong { (site.words.fix) } " " span lang="en" { (finding.fix) } }
        }
    }
}

/// The versions that the call was moved to, or was not and why.
fn moves(site: &Site, record: &CallRecord) -> String {
    let shown = record.moves.iter().map(|each| {
        let to = short(&each.to.to_string());
        match &each.refused {
            None => format!("→ {to}"),
            Some(why) => format!("{to}: {}: {why}", site.words.not_moved),
        }
    });
    shown.collect::<Vec<_>>().join("; ")
}

fn facts(site: &Site, record: &CallRecord) -> Markup {
    let words = site.words;
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    let decision = record.decision.as_ref().map(|decision| match decision {
        Decision::Transfer { target, .. } => format!("{} {target}", words.transfer_to),
        Decision::HangUp => words.hang_up.to_owned(),
    });
    let version = record.version.as_ref();
    let facts = [
        (words.id, Some(record.call_id.to_string())),
        (
            "CallSid",
            record.call_sid.as_ref().map(|sid| sid.to_string()),
        ),
        (
            words.line_number,
            record
                .line_number
                .as_ref()
                .map(|line| site.number(Some(line))),
        ),
        (words.version, version.map(ToString::to_string)),
        (words.moved, text(Some(moves(site, record)))),
        (words.disposition, text(record.disposition.clone())),
        (words.then, decision),
        (words.established, text(Some(record.established.join(", ")))),
    ];
    html! {
        div class="columns" {
            section aria-labelledby="facts" {
                h2 id="facts" { (words.facts) }
                dl {
                    @for (name, value) in facts {
                        @if let Some(value) = value { dt { (name) } dd { (value) } }
                    }
                    @for (name, value) in &record.notes { dt { (words.note) " " (name) } dd { (site.personal(value)) } }
                }
            }
            section aria-labelledby="steps" {
                h2 id="steps" { (words.steps) }
                ol class="steps" {
                    @for entry in &record.steps { li { span { (entry.step.name()) } " " span class="aside" { (site.time(entry.unix_ms)) } } }
                }
            }
            @if site.is_operator() && !record.exotel.is_empty() {
                section aria-labelledby="exotel" {
                    h2 id="exotel" { (words.exotel) }
                    dl { @for (name, value) in &record.exotel { dt { (name) } dd { (value) } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ghanti_model::{CallId, Language, Line, Problem, Speaker};

    use super::*;
    use crate::words::ENGLISH;

    const ATTACK: &str = "</span><script>alert('x')</script><img src=x onerror=\"a()\">&";

    fn record() -> CallRecord {
        let mut record = CallRecord::new(CallId::generate(), 1_795_770_000_000);
        record.state = CallState::Ended;
        record.flow = ghanti_model::FlowName::parse("emi").ok();
        record.outcome = Some(ATTACK.to_owned());
        record.detail = Some(ATTACK.to_owned());
        record.transcript = vec![Line {
            at_ms: 2_000,
            lasted_ms: 900,
            speaker: Speaker::Caller,
            text: ATTACK.into(),
            language: Language::english(),
            name: ATTACK.to_owned(),
            heard: None,
            confidence: None,
        }];
        record.notes.insert(ATTACK.to_owned(), ATTACK.into());
        record.exotel.insert(ATTACK.to_owned(), ATTACK.to_owned());
        record.problems = vec![Problem {
            unix_ms: 1_795_770_001_000,
            name: "bad-frame".to_owned(),
            detail: ATTACK.to_owned(),
        }];
        record
    }

    #[test]
    fn nothing_that_anybody_said_is_markup() {
        let site = Site {
            prefix: "/bot".to_owned(),
            csrf: "token".to_owned(),
            member: Some("api-token".to_owned()),
            role: ghanti_model::Role::Operator,
            zone: ghanti_model::Zone::fixed(330),
            now_ms: 1_795_770_002_000,
            has_numbers: false,
            words: &ENGLISH,
            here: String::new(),
        };
        let shown = CallPage {
            findings: vec![Finding {
                code: "old-host".to_owned(),
                is_error: true,
                sentence: ATTACK.to_owned(),
                evidence: vec![ATTACK.to_owned()],
                fix: ATTACK.to_owned(),
            }],
            players: vec![Player {
                number: 1,
                at_ms: 500,
            }],
            events: Vec::new(),
            has_more_events: false,
            turns: Vec::new(),
            journal: Some(vec![Entry {
                seq: 1,
                at_ms: 0,
                took_ms: 0,
                what: ATTACK.to_owned(),
                detail: ATTACK.into(),
                is_answered: true,
            }]),
            has_more_entries: false,
            versions: Vec::new(),
            levels: None,
            record: record(),
        };
        let html = call(&site, &shown);
        for markup in ["<script>", "<img"] {
            assert!(!html.contains(markup), "{markup}: {html}");
        }
        let message = html.matches("&lt;script&gt;alert").count();
        assert_eq!(message, 14, "each is shown: {html}");
        // the line is heard where it is in the recording
        assert!(
            html.contains("data-from=\"1500\" data-until=\"2400\""),
            "{html}"
        );
    }
}
