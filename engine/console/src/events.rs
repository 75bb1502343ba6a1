//! The events of a call, a line each. What was said and numbers are not repeated here.

use ghanti_model::{CallEvent, EventKind, Extent};
use maud::{Markup, html};

use crate::layout::Site;

/// The events as a table.
pub(crate) fn events(site: &Site, events: &[CallEvent], has_more: bool) -> Markup {
    let words = site.words;
    let since = events.first().map_or(0, |event| event.unix_ms);
    html! {
        table class="events" {
            thead { tr { th scope="col" { (words.after) } th scope="col" { (words.event) } th scope="col" { (words.more_of_it) } } }
            tbody {
                @for event in events {
                    tr {
                        td class="number" title=(crate::times::shown(event.unix_ms, &site.zone)) { (after(event.unix_ms.saturating_sub(since))) }
                        td { (event.kind.name()) }
                        td { (gist(&event.kind)) }
                    }
                }
            }
        }
        @if has_more { p class="hint" { (words.more_events) } }
    }
}

/// A time since the first event, or the first entry.
pub(crate) fn after(ms: u64) -> String {
    format!("+{}.{:03}", ms / 1_000, ms % 1_000)
}

fn heard(heard: Extent) -> &'static str {
    match heard {
        Extent::Whole => "whole",
        Extent::Assumed => "assumed",
        Extent::Partial => "partial",
        Extent::Unheard => "unheard",
    }
}

/// The details of an event besides its name.
fn gist(kind: &EventKind) -> String {
    match kind {
        EventKind::Named { call_sid } => call_sid.to_string(),
        EventKind::Refused { reason, .. } => reason.clone(),
        EventKind::StreamOverdue { what, .. } => what.clone(),
        EventKind::StepReached { step } => step.name().to_owned(),
        EventKind::LanguageSet { language } => language.to_string(),
        EventKind::Established { name } | EventKind::Noted { name, .. } => name.clone(),
        EventKind::Disposed { disposition, .. } => disposition.clone(),
        EventKind::PromptPlayed {
            template,
            heard: extent,
            heard_ms,
            ..
        } => format!("{template} · {} · {heard_ms} ms", heard(*extent)),
        EventKind::PromptStarted { text, .. } | EventKind::Utterance { text, .. } => {
            text.name.clone()
        }
        EventKind::PromptPaused {
            template, heard_ms, ..
        } => format!("{template} · {heard_ms} ms"),
        EventKind::PromptResumed {
            template, from_ms, ..
        } => format!("{template} · {from_ms} ms"),
        EventKind::PromptConfirmed { template, .. } => template.clone(),
        EventKind::Asked { question } => question.clone(),
        EventKind::Problem { problem, .. } => problem.name.clone(),
        EventKind::EngineEnded { outcome, .. } => outcome.clone(),
        EventKind::ConversationEnded { last_position, .. } => last_position.clone(),
        EventKind::RecordingBegun { file, .. } => file.clone(),
        EventKind::VersionMoved(moved) => format!("{} → {}", moved.from, moved.to),
        _ => String::new(),
    }
}
