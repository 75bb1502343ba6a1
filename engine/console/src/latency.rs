//! How long the caller waited for the bot at each turn, by stage.

use ghanti_model::event::TurnLatency;
use maud::{Markup, html};

use crate::events::after;
use crate::layout::Site;

/// The width of a bar, in units of the picture.
const WIDTH: u64 = 200;
/// The height of a bar.
const HEIGHT: u64 = 12;
/// A wait this long fills a bar, in milliseconds, unless one of the call was longer.
const FULL_MS: u64 = 1_500;

/// A turn: when the reply began, in milliseconds since the first event, and how long it took.
pub type Turn = (u64, TurnLatency);

/// The turns as a table, with a bar of the stages each.
pub(crate) fn latency(site: &Site, turns: &[Turn]) -> Markup {
    let words = site.words;
    let longest = turns.iter().filter_map(|(_, turn)| total(turn)).max();
    let full_ms = longest.unwrap_or_default().max(FULL_MS);
    let cell = |label: &str, ms: Option<u64>| {
        html! { td class="number" data-label=(label) { @if let Some(ms) = ms { (ms) " " (words.ms) } @else { "–" } } }
    };
    html! {
        p class="hint" {
            span class="dot endpoint" {} (words.stage_endpoint) " " span class="dot result" {} (words.stage_result) " "
            span class="dot of-flow" {} (words.stage_flow) " " span class="dot audio" {} (words.stage_audio)
        }
        p class="hint" { (words.stage_hint) }
        table class="list latency" {
            thead {
                tr {
                    th scope="col" { (words.after) } th scope="col" { (words.question) }
                    th scope="col" { (words.stage_endpoint) } th scope="col" { (words.stage_result) }
                    th scope="col" { (words.stage_flow) } th scope="col" { (words.stage_audio) }
                    th scope="col" { (words.stage_whole) } th scope="col" { (words.stages) }
                }
            }
            tbody {
                @for (at_ms, turn) in turns {
                    tr {
                        td class="number" data-label=(words.after) { (after(*at_ms)) }
                        td data-label=(words.question) { (turn.question) }
                        (cell(words.stage_endpoint, turn.endpoint_ms))
                        (cell(words.stage_result, turn.result_ms))
                        (cell(words.stage_flow, turn.flow_ms))
                        (cell(words.stage_audio, turn.audio_ms))
                        (cell(words.stage_whole, turn.whole_ms))
                        td data-label=(words.stages) { (bar(turn, full_ms)) }
                    }
                }
            }
        }
    }
}

fn total(turn: &TurnLatency) -> Option<u64> {
    let stages = [
        turn.endpoint_ms,
        turn.result_ms,
        turn.flow_ms,
        turn.audio_ms,
    ];
    let sum = stages.into_iter().flatten().sum();
    turn.whole_ms.max(Some(sum))
}

/// The stages one after the other. The numbers are in the row, so that it is a picture for eyes alone.
fn bar(turn: &TurnLatency, full_ms: u64) -> Markup {
    let stages = [
        ("endpoint", turn.endpoint_ms),
        ("result", turn.result_ms),
        ("of-flow", turn.flow_ms),
        ("audio", turn.audio_ms),
    ];
    let at = |ms: u64| (ms * WIDTH / full_ms.max(1)).min(WIDTH);
    let mut before = 0;
    let parts = stages.into_iter().filter_map(|(stage, ms)| {
        let (from, until) = (before, before + ms?);
        before = until;
        // a stage of no time is a line all the same
        Some((stage, at(from), (at(until) - at(from)).max(1)))
    });
    html! {
        svg class="bar" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" aria-hidden="true" {
            @for (stage, x, width) in parts { rect class=(stage) x=(x) y="0" width=(width) height=(HEIGHT) {} }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_stand_one_behind_the_other_and_what_a_turn_did_not_have_is_left_out() {
        let turn = TurnLatency {
            question: "identity".to_owned(),
            endpoint_ms: Some(750),
            flow_ms: Some(0),
            audio_ms: Some(375),
            ..TurnLatency::default()
        };
        let drawn = bar(&turn, FULL_MS).into_string();
        let parts: Vec<_> = drawn.split("<rect ").skip(1).collect();
        assert_eq!(parts.len(), 3, "{drawn}");
        for (part, at) in parts.iter().zip([
            "class=\"endpoint\" x=\"0\" y=\"0\" width=\"100\"",
            "class=\"of-flow\" x=\"100\" y=\"0\" width=\"1\"",
            "class=\"audio\" x=\"100\" y=\"0\" width=\"50\"",
        ]) {
            assert!(part.starts_with(at), "{part}");
        }
        assert_eq!(total(&turn), Some(1_125));
    }
}
