//! The versions of a flow, as the page of all flows and that of one show them.

use maud::{Markup, html};

use crate::layout::Site;
use crate::now::short;

/// A version.
#[derive(Debug, Clone)]
pub struct Version {
    /// Its digest.
    pub id: String,
    /// The author's number.
    pub version: String,
    /// Its stage.
    pub stage: &'static str,
    /// How many calls it has.
    pub calls: u32,
    /// A candidate's share, in percent.
    pub weight: Option<u8>,
    /// How it came; `None` where that is not known.
    pub came: Option<Came>,
    /// Why it was rolled back.
    pub reason: Option<String>,
}

/// How a version came to the engine, and when.
#[derive(Debug, Clone)]
pub struct Came {
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: u64,
    /// The name of the token with which it came, if it came with one.
    pub by: Option<String>,
    /// The way.
    pub way: Way,
}

/// The way in which a version came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Its files were found in the folder.
    Folder,
    /// It was sent over the API.
    Api,
    /// A prompt was changed in the console.
    Prompt {
        /// Its name.
        prompt: String,
        /// The language that got another text.
        language: String,
    },
}

/// The table of them. `shown` is the version that the page is of.
pub(crate) fn table(site: &Site, flow: &str, versions: &[Version], shown: Option<&str>) -> Markup {
    let words = site.words;
    html! {
        table class="list versions" {
            thead { tr { @for name in [words.version, words.digest, words.stage, words.calls_now, words.published] { th scope="col" { (name) } } } }
            tbody { @for version in versions { (row(site, flow, version, shown == Some(&version.id))) } }
        }
    }
}

fn row(site: &Site, flow: &str, version: &Version, is_shown: bool) -> Markup {
    let words = site.words;
    html! {
        tr aria-current=[is_shown.then_some("true")] {
            td data-label=(words.version) {
                @if is_shown { strong { (version.version) } }
                @else { a href={ (site.path("flows/")) (flow) "?version=" (version.id) } { (version.version) } }
            }
            td data-label=(words.digest) {
                a class="digest" title=(version.id) href={ (site.path("calls")) "?version=" (version.id) } { (short(&version.id)) }
            }
            td data-label=(words.stage) {
                span class={ "chip " (version.stage) } { (version.stage) }
                @if let Some(weight) = version.weight { " " (weight) " %" }
                @if let Some(reason) = &version.reason { " " span class="aside" lang="en" { (reason) } }
            }
            td data-label=(words.calls_now) class="number" { (version.calls) }
            td data-label=(words.published) { (came(site, version.came.as_ref())) }
        }
    }
}

fn came(site: &Site, came: Option<&Came>) -> Markup {
    let words = site.words;
    html! {
        @if let Some(came) = came {
            (site.time(came.at_ms)) " "
            span class="aside" {
                @if let Some(by) = &came.by { (by) " · " }
                @match &came.way {
                    Way::Folder => (words.copied_into_folder),
                    Way::Api => (words.over_the_api),
                    Way::Prompt { prompt, language } => { (words.changed_prompt) " " (prompt) ", " (language) },
                }
            }
        } @else { "–" }
    }
}
