//! The lines of a transcript.

use ghanti_model::{Extent, Line, Speaker};
use maud::{Markup, html};

use crate::layout::Site;
use crate::times::length;

/// The lines, as a log that screen readers follow. `offset_ms` is where the recording begins; without
/// a recording no line can be heard.
pub(crate) fn lines(site: &Site, lines: &[Line], offset_ms: Option<u64>) -> Markup {
    let words = site.words;
    if lines.is_empty() {
        return html! { p class="empty" { (words.nothing_said) } };
    }
    html! {
        // a list with another role would be none to screen readers
        div class="transcript" role="log" aria-label=(words.transcript) {
            ol {
                @for line in by_time(lines) {
                    (each(site, line, offset_ms))
                }
            }
        }
    }
}

/// The lines as they began: what a caller says is known only when they have said it, and the bot's next words may have begun
/// meanwhile.
fn by_time(lines: &[Line]) -> Vec<&Line> {
    let mut lines: Vec<&Line> = lines.iter().collect();
    lines.sort_by_key(|line| line.at_ms);
    lines
}

fn each(site: &Site, line: &Line, offset_ms: Option<u64>) -> Markup {
    let words = site.words;
    let (kind, who) = match line.speaker {
        Speaker::Bot => ("bot", words.bot),
        Speaker::Caller => ("caller", words.caller),
        Speaker::Keys => ("keys", words.keys),
    };
    let heard = match line.heard {
        Some(Extent::Partial) => Some(words.heard_partly),
        Some(Extent::Unheard) => Some(words.unheard),
        Some(Extent::Whole | Extent::Assumed) | None => None,
    };
    let at = length(line.at_ms);
    let within = |offset: u64| line.at_ms.checked_sub(offset);
    html! {
        li class={ "line " (kind) } data-from=[offset_ms.and_then(within)]
            data-until=[offset_ms.and_then(within).map(|from| from + line.lasted_ms)] {
            @if offset_ms.and_then(within).is_some() {
                button type="button" class="at" data-hear title=(words.hear) aria-label={ (words.hear) " " (at) } { (at) }
            } @else {
                span class="at" { (at) }
            }
            span class="who" { (who) }
            span class="said" {
                span lang=(line.language.to_string()) dir="auto" { (site.personal(&line.text)) }
                @if let Some(heard) = heard { " " span class="aside" { (heard) } }
                @if !line.name.is_empty() { " " span class="aside name" { (line.name) } }
            }
        }
    }
}
