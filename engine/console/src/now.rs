//! What goes on now: the calls that are live, and how the engine is.

use ghanti_model::{CallId, Direction, Line, PhoneNumber};
use maud::{Markup, html};

use crate::calls::direction;
use crate::layout::{Place, Site, page};
use crate::lines::lines;
use crate::sparkline::{Measure, sparkline};
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
    /// How loud the caller and the bot are, each from 0 to 100; `None` if it is not known.
    pub levels: Option<(u8, u8)>,
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
    /// The load of the last minutes.
    pub load: Load,
}

/// The load of the last minutes: values of each measure, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Load {
    /// How many values there may be.
    pub most: usize,
    /// Live calls.
    pub places: Vec<u64>,
    /// Calls that were refused since the value before.
    pub refused: Vec<u64>,
    /// How far the recogniser was behind the callers, in milliseconds.
    pub recognition_ms: Vec<u64>,
    /// Prompts that were being synthesised or read.
    pub prompts: Vec<u64>,
    /// The longest that a call had to wait until it was attended, in milliseconds.
    pub late_ms: Vec<u64>,
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
        (load(site, shown))
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

fn load(site: &Site, shown: &Now) -> Markup {
    let (words, load) = (site.words, &shown.load);
    let measure = |name, values, unit, full| Measure {
        name,
        values,
        unit,
        full,
    };
    let places = u64::try_from(shown.most).unwrap_or(u64::MAX);
    html! {
        @if !load.places.is_empty() {
            section aria-labelledby="load" {
                h2 id="load" { (words.last_ten_minutes) }
                ul class="sparks" {
                    @for measure in [
                        measure(words.places_used, &load.places, "", places.min(10)),
                        measure(words.refused_calls, &load.refused, "", 1),
                        measure(words.recognition_behind, &load.recognition_ms, words.ms, 100),
                        measure(words.prompts_made, &load.prompts, "", 4),
                        measure(words.frames_late, &load.late_ms, words.ms, 20),
                    ] { (sparkline(words, &measure, load.most)) }
                }
            }
        }
    }
}

/// How loud both sides are.
pub(crate) fn meters(site: &Site, levels: Option<(u8, u8)>) -> Markup {
    let words = site.words;
    let (caller, bot) = levels.unwrap_or_default();
    html! {
        @if levels.is_some() {
            p class="levels" {
                @for (name, level) in [(words.caller, caller), (words.bot, bot)] {
                    span class="level" {
                        span aria-hidden="true" { (name) }
                        meter min="0" max="100" value=(level) aria-label={ (words.level) ": " (name) } { (level) }
                    }
                }
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
            (meters(site, call.levels))
            (lines(site, &call.last, None))
            @if site.is_operator() {
                p { a href=(site.path(&format!("calls/{}#listen", call.call_id))) aria-label={ (words.listen_in) ": " (site.number(call.number.as_ref())) } { (words.listen_in) } }
            }
        }
    }
}

/// The beginning of a version's digest.
pub(crate) fn short(version: &str) -> String {
    version.chars().take(12).collect()
}
