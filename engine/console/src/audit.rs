//! The audit log: who changed what, and who looked at what is masked.

use ghanti_store::AuditEntry;
use maud::html;

use crate::layout::{Place, Site, page};

/// What the page shows.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// The entries, newest first.
    pub entries: Vec<AuditEntry>,
    /// The query of the page after this one.
    pub next: Option<String>,
}

/// The page.
pub fn audit(site: &Site, shown: &AuditPage) -> String {
    let words = site.words;
    let content = html! {
        h1 { (words.audit) }
        @if shown.entries.is_empty() {
            p class="empty" { (words.no_audit) }
        } @else {
            table class="list" {
                thead { tr { @for name in [words.when, words.who, words.role, words.done, words.where_to, words.answered] { th scope="col" { (name) } } } }
                tbody {
                    @for entry in &shown.entries {
                        tr class=[(entry.status >= 400).then_some("troubled")] {
                            td data-label=(words.when) { (site.time(entry.unix_ms)) }
                            td data-label=(words.who) { (entry.token) }
                            td data-label=(words.role) { (entry.role) }
                            td data-label=(words.done) { (entry.action) }
                            td data-label=(words.where_to) {
                                code { (entry.path) }
                                @if let Some(detail) = &entry.detail { div class="hint" lang="en" { (detail) } }
                            }
                            td data-label=(words.answered) class="number" { (entry.status) }
                        }
                    }
                }
            }
        }
        nav class="pages" aria-label=(words.pages_of_list) {
            @if let Some(next) = &shown.next { a rel="next" href={ (site.path("audit")) "?" (next) } { (words.older) } }
        }
    };
    page(site, words.audit, Place::Audit, &["console.js"], &content)
}
