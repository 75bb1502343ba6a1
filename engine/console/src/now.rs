//! What goes on now: the calls that are live, and how the engine is.

use ghanti_model::{CallId, Direction, Line, PhoneNumber};
use maud::{Markup, html};

use crate::calls::direction;
use crate::layout::{Place, Site, page};
use crate::lines::lines;
use crate::times::length;

/// A live call.
#[derive(Debug, Clone)]
pub struct Live {
    /// Its id.
    pub call_id: CallId,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The customer's number.
    pub number: Option<PhoneNumber>,
    /// Its flow.
    pub flow: Option<String>,
    /// The flow's version.
    pub version: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// The last step that it has reached.
    pub step: Option<String>,
    /// When its stream started, in milliseconds since 1970-01-01T00:00:00Z.
    pub started_ms: u64,
    /// What was said last.
    pub last: Vec<Line>,
    /// How many problems it has.
    pub problems: usize,
}

/// A store, and what it says.
#[derive(Debug, Clone)]
pub struct Store {
    /// What it is for.
    pub name: &'static str,
    /// Why it does not work, if it does not.
    pub away: Option<String>,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct Now {
    /// How many calls are live.
    pub live: usize,
    /// Those that are shown, the newest first.
    pub calls: Vec<Live>,
    /// How many are expected: their applet has been answered.
    pub awaited: usize,
    /// How many may be live.
    pub most: usize,
    /// Whether the engine takes no further calls, as it stops.
    pub is_draining: bool,
    /// Why fewer calls may be live than the operator wants.
    pub limited_by: Option<String>,
    /// Where calls were refused, why and how often.
    pub refusals: Vec<(&'static str, &'static str, u64)>,
    /// The stores.
    pub stores: Vec<Store>,
}

/// The page.
pub fn now(site: &Site, shown: &Now) -> String {
    let words = site.words;
    let stream = site.path(if site.has_numbers {
        "now?numbers=true"
    } else {
        "now"
    });
    let content = html! {
        div class="headed" {
            h1 { (words.now) }
            span class="connection" data-connection data-on=(words.connected) data-off=(words.reconnecting) role="status" {}
        }
        div data-stream=(stream) { (now_state(site, shown)) }
    };
    page(site, words.now, Place::Now, &["console.js"], &content)
}

/// The part of the page that changes.
pub fn now_state(site: &Site, shown: &Now) -> Markup {
    let words = site.words;
    html! {
        ul class="tiles" {
            li { span class="figure" { (shown.live) } span { (words.live_calls) } }
            li { span class="figure" { (shown.awaited) } span { (words.awaited) } }
            li { span class="figure" { (shown.most) } span { (words.places) } }
            @for store in &shown.stores {
                li class=[store.away.is_some().then_some("bad")] {
                    span class="figure" { @if store.away.is_some() { (words.away) } @else { (words.works) } }
                    span { (store.name) }
                    @if let Some(why) = &store.away { span class="hint" lang="en" { (why) } }
                }
            }
        }
        @if shown.is_draining { p class="notice" role="alert" { (words.draining) } }
        @if let Some(why) = &shown.limited_by { p class="notice" { (words.limited_by) " " span lang="en" { (why) } } }
        section aria-labelledby="live" {
            h2 id="live" { (words.live_calls) }
            @if shown.calls.is_empty() { p class="empty" { (words.nobody) } }
            div class="cards" { @for call in &shown.calls { (card(site, call)) } }
            @if shown.live > shown.calls.len() {
                p { a href={ (site.path("calls")) "?state=live" } { (words.all_live) " (" (shown.live) ")" } }
            }
        }
        @if !shown.refusals.is_empty() {
            section aria-labelledby="refused" {
                h2 id="refused" { (words.refused) }
                ul { @for (at, why, count) in &shown.refusals { li { (at) ": " (why) " · " (count) "×" } } }
            }
        }
    }
}

fn card(site: &Site, call: &Live) -> Markup {
    let words = site.words;
    html! {
        article class={ "card" @if call.problems > 0 { " troubled" } } {
            div class="headed" {
                h3 { a href=(site.path(&format!("calls/{}", call.call_id))) { (direction(site, call.direction)) (site.number(call.number.as_ref())) } }
                span class="number" { (length(site.now_ms.saturating_sub(call.started_ms))) }
            }
            p class="gist" {
                (call.flow.as_deref().unwrap_or("–"))
                @if let Some(version) = &call.version { " " span class="digest" title=(version) { (short(version)) } }
                @if let Some(language) = &call.language { " · " (language) }
                @if let Some(step) = &call.step { " · " (step) }
                @if call.problems > 0 { " · " strong class="problems" { (words.problems) ": " (call.problems) } }
            }
            (lines(site, &call.last, None))
        }
    }
}

/// The beginning of a version's digest.
pub(crate) fn short(version: &str) -> String {
    version.chars().take(12).collect()
}
