//! A flow's page: its prompts in all languages side by side.

use maud::{Markup, html};

use crate::layout::{Place, Site, page};
use crate::now::short;
use crate::versions::{Version, share, table as versions};

/// A variable of a prompt.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type, if it is declared.
    pub kind: Option<&'static str>,
    /// A value that it may have.
    pub example: Option<String>,
}

/// A template with its texts.
#[derive(Debug, Clone)]
pub struct PromptRow {
    /// Its name.
    pub template: String,
    /// The heading above it in the file.
    pub group: String,
    /// Its variables.
    pub variables: Vec<Variable>,
    /// Whether the manifest lets callers interrupt it.
    pub is_interruptible: bool,
    /// What has to be established or heard before it may be said.
    pub requires: Vec<String>,
    /// Whether other prompts consist of it.
    pub is_part: bool,
    /// Its text in each language; `None` where the language has none.
    pub texts: Vec<Option<String>>,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct FlowPage {
    /// The flow's name.
    pub name: String,
    /// Its title.
    pub title: Option<String>,
    /// The digest of the version.
    pub id: String,
    /// The author's number.
    pub version: String,
    /// Its stage.
    pub stage: &'static str,
    /// The share of the calls that it takes as a candidate, in percent.
    pub share: Option<u8>,
    /// All versions.
    pub versions: Vec<Version>,
    /// The languages, the default first.
    pub languages: Vec<String>,
    /// The prompts.
    pub prompts: Vec<PromptRow>,
    /// Whether they may hear prompts, see examples and the map.
    pub may_hear: bool,
    /// Whether the candidate's share was just set.
    pub has_set: bool,
}

/// The page.
pub fn flow(site: &Site, shown: &FlowPage) -> String {
    let words = site.words;
    let content = html! {
        p class="back" { a href=(site.path("flows")) { (words.flows) } }
        div class="headed" {
            h1 { (shown.name) }
            div class="buttons" {
                @if shown.may_hear {
                    a class="quiet" href={ (site.path("flows/")) (shown.name) "/map?version=" (shown.id) } { (words.map) }
                }
                a class="quiet" href={ (site.path("calls")) "?flow=" (shown.name) } { (words.calls_of_flow) }
            }
        }
        @if let Some(title) = &shown.title { p class="gist" { (title) } }
        (of_version(site, &shown.version, &shown.id, shown.stage, shown.share))
        @if shown.has_set { p class="notice" role="status" { (words.share_was_set) } }
        section aria-labelledby="versions" {
            h2 id="versions" { (words.versions) }
            (versions(site, &shown.name, &shown.versions, Some(&shown.id)))
        }
        @for candidate in shown.versions.iter().filter(|version| version.weight.is_some()) {
            (share(site, &shown.name, candidate))
        }
        section aria-labelledby="prompts" {
            h2 id="prompts" { (words.prompts) }
            @if shown.prompts.is_empty() {
                p class="empty" { (words.no_prompts) }
            } @else {
                p class="hint" { (words.prompts_hint) }
                (table(site, shown))
                @if shown.may_hear { (heard(site)) }
            }
        }
    };
    let scripts: &[&str] = &["console.js", "prompts.js"];
    page(site, &shown.name, Place::Flows, scripts, &content)
}

/// The version that a page is of.
pub(crate) fn of_version(
    site: &Site,
    version: &str,
    id: &str,
    stage: &str,
    share: Option<u8>,
) -> Markup {
    let words = site.words;
    html! {
        p {
            (words.version) " " strong { (version) } " "
            code class="digest" title=(id) { (short(id)) } " "
            span class={ "chip " (stage) } { (stage) }
            @if let Some(share) = share { " " (share) " % " (words.share_of_calls) }
        }
    }
}

/// Where it is said what is heard.
pub(crate) fn heard(site: &Site) -> Markup {
    let words = site.words;
    html! {
        p class="heard" role="status" data-heard data-speaking=(words.speaking) data-playing=(words.playing)
            data-heard-it=(words.was_heard) data-failed=(words.cannot_hear) {}
    }
}

/// The button that has a prompt spoken, with the text of its form if that has one; `hear` is where.
pub(crate) fn hear_button(site: &Site, hear: &str, language: &str, template: &str) -> Markup {
    let words = site.words;
    html! {
        button class="quiet hear" name="prompt" value={ (language) "/" (template) } formaction=(hear) formtarget="_blank" data-hear
            aria-label={ (words.hear_it) ": " (template) ", " (language) } { (words.hear_it) }
    }
}

fn table(site: &Site, shown: &FlowPage) -> Markup {
    let words = site.words;
    let hear = site.path(&format!("flows/{}/hear", shown.name));
    let mut group = "";
    // each with the heading that it begins
    let rows = shown.prompts.iter().map(|row| {
        let is_new = row.group != group;
        group = &row.group;
        (
            is_new.then_some(group).filter(|group| !group.is_empty()),
            row,
        )
    });
    html! {
        form method="post" action=(hear) {
            (site.csrf_field())
            input type="hidden" name="version" value=(shown.id);
            div class="wide" tabindex="0" role="region" aria-labelledby="prompts" {
                table class="list prompts" {
                    thead { tr { th scope="col" { (words.prompt) } @for language in &shown.languages { th scope="col" { (language) } } } }
                    tbody {
                        @for (heading, row) in rows {
                            @if let Some(heading) = heading {
                                tr class="group" { th scope="rowgroup" colspan=(shown.languages.len() + 1) { (heading) } }
                            }
                            (prompt_row(site, shown, row, &hear))
                        }
                    }
                }
            }
        }
    }
}

fn prompt_row(site: &Site, shown: &FlowPage, row: &PromptRow, hear: &str) -> Markup {
    let words = site.words;
    html! {
        tr {
            td data-label=(words.prompt) {
                strong class="template" {
                    @if shown.may_hear {
                        a href={ (site.path("flows/")) (shown.name) "/prompts/" (row.template) "?version=" (shown.id) } { (row.template) }
                    } @else {
                        (row.template)
                    }
                }
                (rules(site, row.is_interruptible, &row.requires, row.is_part))
                @for variable in &row.variables { div class="aside" { code { "$" (variable.name) } " " (variable.kind.unwrap_or("–")) } }
            }
            @for (language, text) in shown.languages.iter().zip(&row.texts) {
                td data-label=(language) {
                    @if let Some(text) = text {
                        span class="pattern" lang=(language) { (text) }
                        @if shown.may_hear { div { (hear_button(site, hear, language, &row.template)) } }
                    } @else {
                        span class="chip pending" { (words.lacking) }
                    }
                }
            }
        }
    }
}

/// What the manifest says of a prompt.
pub(crate) fn rules(
    site: &Site,
    is_interruptible: bool,
    requires: &[String],
    is_part: bool,
) -> Markup {
    let words = site.words;
    html! {
        @if !is_interruptible { div { span class="chip" { (words.not_interruptible) } } }
        @if !requires.is_empty() { div class="aside" { (words.requires) " " (requires.join(", ")) } }
        @if is_part { div class="aside" { (words.is_part) } }
    }
}
