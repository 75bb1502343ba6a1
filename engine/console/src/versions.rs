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
    /// A candidate's share of the new calls that is in force, in percent.
    pub weight: Option<u8>,
    /// The share that its manifest asks for, in percent.
    pub manifest_weight: u8,
    /// Who has set the one that is in force, if somebody has.
    pub set: Option<SetWeight>,
    /// How it came; `None` where that is not known.
    pub came: Option<Came>,
    /// Why it was rolled back.
    pub reason: Option<String>,
}

/// By whom and when a candidate's share was set.
#[derive(Debug, Clone)]
pub struct SetWeight {
    /// The name of the token.
    pub by: String,
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: u64,
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
                @if let Some(weight) = version.weight {
                    " " (weight) " %"
                    @if let Some(set) = &version.set { " " span class="aside" { (words.set_by) " " (set.by) } }
                }
                @if let Some(reason) = &version.reason { " " span class="aside" lang="en" { (reason) } }
            }
            td data-label=(words.calls_now) class="number" { (version.calls) }
            td data-label=(words.published) { (came(site, version.came.as_ref())) }
        }
    }
}

/// The candidate's share of the new calls, why it is that, and for admins the form that sets another.
pub(crate) fn share(site: &Site, flow: &str, candidate: &Version) -> Markup {
    let words = site.words;
    let weight = candidate.weight.unwrap_or(candidate.manifest_weight);
    html! {
        section class="panel" aria-labelledby="share" {
            h2 id="share" { (words.candidates_share) }
            p class="gist" {
                strong { (weight) " %" } " " (words.share_of_calls) " · "
                @if let Some(set) = &candidate.set {
                    (words.set_by) " " (set.by) ", " (site.time(set.at_ms)) " · " (words.manifest_says) " " (candidate.manifest_weight) " %"
                } @else {
                    (words.as_manifest_says)
                }
            }
            @if site.is_admin() {
                form class="choose" method="post" action={ (site.path("flows/")) (flow) "/weight" } data-confirm={ (words.set_share) ": " (flow) "?" } {
                    (site.csrf_field())
                    input type="hidden" name="version" value=(candidate.id);
                    label for="weight" { (words.percent) }
                    input id="weight" type="number" name="weight" min="0" max="100" step="1" required value=(weight) aria-describedby="share-hint";
                    button { (words.set_share) }
                }
                p id="share-hint" class="hint" { (words.share_hint) }
            }
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
