//! A prompt's page: its text in each language, how it is spoken, and the forms that change it.

use maud::{Markup, html};

use crate::flow::{Variable, hear_button, heard, of_version, rules};
use crate::layout::{Place, Site, page};

/// The most lines of a text that are seen at once.
const ROWS_MAX: usize = 12;
/// About how many letters fit into a line.
const LINE_LETTERS: usize = 60;

/// Whether prompts may be changed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Editing {
    /// They may.
    Open,
    /// Whoever looks may not.
    NotTheirs,
    /// The folder has other files than this version's.
    Other,
    /// The engine cannot; why, and what to do.
    Fixed(String, String),
}

/// A text that was typed and not published.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The text.
    pub text: String,
    /// What was wrong, in some words.
    pub title: String,
    /// The step of loading that failed.
    pub step: Option<String>,
    /// The line.
    pub line: Option<u32>,
    /// Why.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

/// A prompt in one language.
#[derive(Debug, Clone)]
pub struct PromptText {
    /// The language.
    pub language: String,
    /// Its text; none where the language lacks it.
    pub text: Option<String>,
    /// The line in the language's file.
    pub line: Option<usize>,
    /// The comment above it.
    pub comment: String,
    /// The words with example values.
    pub spoken: Option<String>,
    /// What was typed and not published.
    pub draft: Option<Draft>,
}

/// A version that was just published.
#[derive(Debug, Clone)]
pub struct Published {
    /// The language that was changed.
    pub language: String,
    /// The stage of the version.
    pub stage: &'static str,
    /// The share of the calls that it takes as a candidate, in percent.
    pub share: Option<u8>,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct PromptPage {
    /// The flow.
    pub flow: String,
    /// The template.
    pub template: String,
    /// The heading above it.
    pub group: String,
    /// The digest of the version.
    pub id: String,
    /// The author's number.
    pub version: String,
    /// Its stage.
    pub stage: &'static str,
    /// The variables.
    pub variables: Vec<Variable>,
    /// Whether the manifest lets callers interrupt it.
    pub is_interruptible: bool,
    /// What has to be established or heard before it may be said.
    pub requires: Vec<String>,
    /// Whether other prompts consist of it.
    pub is_part: bool,
    /// Its texts.
    pub texts: Vec<PromptText>,
    /// Whether it may be changed.
    pub editing: Editing,
    /// What was just published.
    pub published: Option<Published>,
}

/// The page.
pub fn prompt(site: &Site, shown: &PromptPage) -> String {
    let words = site.words;
    let content = html! {
        p class="back" {
            a href=(site.path("flows")) { (words.flows) } " / "
            a href={ (site.path("flows/")) (shown.flow) "?version=" (shown.id) } { (shown.flow) }
        }
        h1 { (shown.template) }
        @if !shown.group.is_empty() { p class="gist" { (shown.group) } }
        (of_version(site, &shown.version, &shown.id, shown.stage, None))
        @if let Some(published) = &shown.published {
            div class="notice good" role="status" {
                p {
                    strong { (words.published) " " (published.language) } ": " code { (shown.id) } " · " (published.stage)
                    @if let Some(share) = published.share { ", " (share) " % " (words.share_of_calls) }
                }
            }
        }
        div class="rules" { (rules(site, shown.is_interruptible, &shown.requires, shown.is_part)) }
        @if !shown.variables.is_empty() { (variables(site, &shown.variables)) }
        @match &shown.editing {
            Editing::Open | Editing::NotTheirs => {},
            Editing::Other => div class="notice" { p { (words.other_in_folder) } },
            Editing::Fixed(reason, hint) => div class="notice" { p lang="en" { (reason) } p class="fix" lang="en" { (hint) } },
        }
        div class="texts" { @for text in &shown.texts { (one(site, shown, text)) } }
        (heard(site))
    };
    let scripts: &[&str] = &["console.js", "prompts.js"];
    page(site, &shown.template, Place::Flows, scripts, &content)
}

fn variables(site: &Site, variables: &[Variable]) -> Markup {
    let words = site.words;
    html! {
        table class="list" {
            thead { tr { @for name in [words.variable, words.kind, words.example] { th scope="col" { (name) } } } }
            tbody {
                @for variable in variables {
                    tr {
                        td data-label=(words.variable) { code { "$" (variable.name) } }
                        td data-label=(words.kind) { (variable.kind.unwrap_or("–")) }
                        td data-label=(words.example) { (variable.example.as_deref().unwrap_or("–")) }
                    }
                }
            }
        }
    }
}

fn one(site: &Site, shown: &PromptPage, text: &PromptText) -> Markup {
    let words = site.words;
    let language = &text.language;
    html! {
        section class="panel" aria-labelledby={ "language-" (language) } {
            h2 id={ "language-" (language) } {
                (language)
                @if let Some(line) = text.line { " " span class="aside" { code lang="en" { "prompts/" (language) ".ftl" } " " (words.line) " " (line) } }
            }
            @if !text.comment.is_empty() { p class="hint pattern" { (text.comment) } }
            @if let Some(own) = &text.text {
                p class="pattern" lang=(language) { (own) }
                @if let Some(spoken) = text.spoken.as_ref().filter(|spoken| *spoken != own) {
                    p class="hint" { (words.as_spoken) " " span lang=(language) { (spoken) } }
                }
                @if let Some(draft) = &text.draft { (refused(site, draft)) }
                (form(site, shown, text, own))
            } @else {
                p { span class="chip pending" { (words.lacking) } }
            }
        }
    }
}

fn refused(site: &Site, draft: &Draft) -> Markup {
    let words = site.words;
    html! {
        div class="finding error" role="alert" {
            h3 {
                (words.not_published) ": " span lang="en" { (draft.title) }
                @if let Some(step) = &draft.step { " · " (step) }
                @if let Some(line) = draft.line { " · " (words.line) " " (line) }
            }
            p class="pattern" lang="en" { (draft.reason) }
            p class="fix" { strong { (words.fix) } " " span lang="en" { (draft.hint) } }
        }
    }
}

fn form(site: &Site, shown: &PromptPage, text: &PromptText, own: &str) -> Markup {
    let words = site.words;
    let (flow, template, language) = (&shown.flow, &shown.template, &text.language);
    let draft = text.draft.as_ref().map(|draft| draft.text.as_str());
    let (id, typed) = (format!("text-{language}"), draft.unwrap_or(own));
    let may_publish = shown.editing == Editing::Open;
    let hear = site.path(&format!("flows/{flow}/hear"));
    let publish = site.path(&format!("flows/{flow}/prompts/{template}/{language}"));
    let lines = typed.lines();
    let rows: usize = lines
        .map(|line| 1 + line.chars().count() / LINE_LETTERS)
        .sum();
    html! {
        form method="post" action=(if may_publish { &publish } else { &hear })
            data-confirm=[may_publish.then(|| format!("{}: {template}, {language}?", words.publish))] {
            (site.csrf_field())
            input type="hidden" name="version" value=(shown.id);
            @if may_publish || draft.is_some() {
                label for=(id) { (words.new_text) }
                // the first new line of a text area's content is left out by browsers
                textarea id=(id) name="text" lang=(language) rows=(rows.clamp(2, ROWS_MAX)) readonly[!may_publish] required
                    autofocus[draft.is_some()]
                    spellcheck="true" aria-invalid=[draft.map(|_| "true")] { "\n" (typed) }
            }
            div class="buttons" {
                @if may_publish {
                    // what Enter would press comes first
                    button { (words.publish) }
                }
                (hear_button(site, &hear, language, template))
            }
        }
    }
}
