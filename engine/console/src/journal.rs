//! The journal of a call, an entry each: what the flow asked of the engine, and what it got.

use ghanti_model::{CallId, Masked};
use maud::{Markup, html};

use crate::events::after;
use crate::layout::Site;

/// An entry.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number, from 1.
    pub seq: u32,
    /// When it was called, in milliseconds since the beginning of the journal.
    pub at_ms: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What was called and its result, by the flow's own names.
    pub what: String,
    /// The arguments and the answer, as JSON.
    pub detail: Masked,
    /// Whether it is a question that was answered.
    pub is_answered: bool,
}

/// The entries as a table; at each question that was answered, the way to answer it otherwise.
pub(crate) fn journal(site: &Site, call: CallId, entries: &[Entry], has_more: bool) -> Markup {
    let words = site.words;
    html! {
        table class="events journal" {
            thead { tr { th scope="col" { (words.entry) } th scope="col" { (words.after) } th scope="col" { (words.took) } th scope="col" { (words.more_of_it) } } }
            tbody {
                @for entry in entries {
                    tr {
                        td class="number" { (entry.seq) }
                        td class="number" { (after(entry.at_ms)) }
                        td class="number" { (entry.took_ms) " " (words.ms) }
                        td {
                            span lang="en" { (entry.what) }
                            @if entry.is_answered {
                                " " a class="quiet" href=(site.path(&format!("calls/{call}/otherwise?at={}", entry.seq)))
                                    aria-label={ (words.otherwise) ", " (words.entry) " " (entry.seq) } { (words.otherwise) }
                            }
                            details { summary aria-label={ (words.arguments) ", " (words.entry) " " (entry.seq) } { (words.arguments) } code lang="en" { (site.personal(&entry.detail)) } }
                        }
                    }
                }
            }
        }
        @if has_more { p class="hint" { (words.more_entries) } }
    }
}
