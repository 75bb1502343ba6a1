//! A recorded call against a version of its flow: what that would say and decide, and where it differs.

use ghanti_model::{CallId, Masked};
use maud::{Markup, html};

use crate::layout::{Place, Site, page};
use crate::now::short;

/// A version of the call's flow that the engine holds.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its digest.
    pub id: String,
    /// The author's number.
    pub version: String,
    /// Its stage.
    pub stage: &'static str,
    /// Whether the call was recorded on it.
    pub is_recorded: bool,
}

/// A difference between the record and the version.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The entry of the journal, from 1.
    pub seq: u32,
    /// Its kind.
    pub kind: String,
    /// What differs.
    pub subject: String,
    /// What was recorded.
    pub recorded: Masked,
    /// What the version does.
    pub now: Masked,
    /// Where their arguments first differ, with both values.
    pub at: Option<Masked>,
    /// Whether later entries were not compared.
    pub breaks_off: bool,
}

/// The result of a replay.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The version that the call was recorded on.
    pub recorded: String,
    /// The version that it was replayed against.
    pub against: String,
    /// Whether there is a transcript to compare the prompts' words with.
    pub has_words: bool,
    /// What would be said and decided, one line each.
    pub conversation: Vec<String>,
    /// The differences, most severe first.
    pub differences: Vec<Difference>,
}

/// Why something could not be run.
#[derive(Debug, Clone)]
pub struct Unable {
    /// The reason.
    pub reason: &'static str,
    /// What the engine says of it, in English.
    pub detail: Option<String>,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct ReplayPage {
    /// The call.
    pub call: CallId,
    /// The versions that may be chosen.
    pub versions: Vec<Held>,
    /// The one that is.
    pub chosen: String,
    /// Its result.
    pub replayed: Result<Replay, Unable>,
}

/// The page.
pub fn replay(site: &Site, shown: &ReplayPage) -> String {
    let words = site.words;
    let content = html! {
        p class="back" { a href=(site.path(&format!("calls/{}", shown.call))) { "← " (words.call) } }
        h1 { (words.replay) }
        p class="hint" { (words.replay_hint) }
        (choose(site, shown.call, &shown.versions, &shown.chosen))
        @match &shown.replayed {
            Ok(replay) => (result(site, replay)),
            Err(unable) => (why_not(unable)),
        }
    };
    page(site, words.replay, Place::Calls, &["console.js"], &content)
}

/// Chooses the version that a call is replayed against.
pub(crate) fn choose(site: &Site, call: CallId, versions: &[Held], chosen: &str) -> Markup {
    let words = site.words;
    html! {
        form class="choose" method="get" action=(site.path(&format!("calls/{call}/replay"))) {
            label for="against" { (words.against) }
            (select(site, versions, chosen, "against"))
            button { (words.run_replay) }
        }
    }
}

/// The versions, to choose one of. One that the engine does not hold any more is shown as that.
pub(crate) fn select(site: &Site, versions: &[Held], chosen: &str, id: &str) -> Markup {
    let words = site.words;
    let is_held = versions.iter().any(|version| version.id == chosen);
    html! {
        select name="version" id=(id) {
            @if !is_held && !chosen.is_empty() { option value=(chosen) selected { (short(chosen)) " · " (words.not_held) } }
            @for version in versions {
                option value=(version.id) selected[version.id == chosen] {
                    (short(&version.id)) " · " (version.version) " · " (version.stage)
                    @if version.is_recorded { " · " (words.recorded_on_it) }
                }
            }
        }
    }
}

/// Why there is no result.
pub(crate) fn why_not(unable: &Unable) -> Markup {
    html! {
        div class="notice" role="alert" {
            p { (unable.reason) }
            @if let Some(detail) = &unable.detail { p lang="en" { (detail) } }
        }
    }
}

fn result(site: &Site, replay: &Replay) -> Markup {
    let words = site.words;
    html! {
        section aria-labelledby="verdict" {
            h2 id="verdict" { (words.verdict) }
            p class="gist" { (words.recorded_on) " " span class="digest" { (short(&replay.recorded)) } " · " (words.against) " " span class="digest" { (short(&replay.against)) } }
            @if replay.differences.is_empty() {
                p class="empty good" { (words.no_difference) }
            } @else {
                p { strong { (words.differences) ": " (replay.differences.len()) } }
            }
            @if !replay.has_words { p class="hint" { (words.words_not_compared) } }
            @for difference in &replay.differences { (each(site, difference)) }
        }
        section aria-labelledby="would" {
            h2 id="would" { (words.what_it_does) }
            details { summary { (words.show_lines) " (" (replay.conversation.len()) ")" } (as_lines(&replay.conversation)) }
        }
    }
}

/// Lines of a replay, as they are.
pub(crate) fn as_lines(lines: &[String]) -> Markup {
    html! { ol class="replayed" lang="en" { @for line in lines { li { (line) } } } }
}

fn each(site: &Site, difference: &Difference) -> Markup {
    let words = site.words;
    let Difference {
        seq,
        kind,
        subject,
        recorded,
        now,
        at,
        breaks_off,
    } = difference;
    let weight = if matches!(kind.as_str(), "amounts" | "decisions") {
        "error"
    } else {
        "warning"
    };
    html! {
        div class={ "finding difference " (weight) } {
            h3 { span class="chip" lang="en" { (kind) } " " span lang="en" { (subject) } " " span class="aside" { (words.entry) " " (seq) } }
            dl {
                dt { (words.was_recorded) } dd lang="en" { (site.personal(recorded)) }
                dt { (words.version_does) } dd lang="en" { (site.personal(now)) }
                @if let Some(at) = at { dt { (words.differs_at) } dd lang="en" { (site.personal(at)) } }
            }
            @if *breaks_off { p class="hint" { (words.breaks_off) } }
        }
    }
}
