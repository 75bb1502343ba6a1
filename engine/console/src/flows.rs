//! The flows with their versions, and what was rejected.

use maud::{Markup, html};

use crate::layout::{Place, Site, page};
use crate::versions::{Version, table};

/// A rejected version, or an entry that is not a flow.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The flow, or the file.
    pub flow: String,
    /// The step that it failed.
    pub step: String,
    /// Why.
    pub reason: String,
    /// The line.
    pub line: Option<usize>,
    /// What to do.
    pub hint: String,
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub rejected_ms: Option<u64>,
}

/// A flow.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Its name.
    pub name: String,
    /// Its versions.
    pub versions: Vec<Version>,
    /// What was rejected.
    pub rejected: Vec<Fault>,
    /// What does not keep it from taking calls.
    pub warnings: Vec<String>,
    /// Runs since the start that trapped, met a limit or failed.
    pub failures: [u64; 3],
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct FlowsPage {
    /// The flows.
    pub flows: Vec<Flow>,
    /// Entries of the folder that are not flows.
    pub invalid: Vec<Fault>,
    /// The flow of calls that none claims, and why it is that one.
    pub unclaimed: (Option<String>, String),
    /// The result of the last order.
    pub message: Option<String>,
}

/// The page.
pub fn flows(site: &Site, shown: &FlowsPage) -> String {
    let words = site.words;
    let content = html! {
        div class="headed" {
            h1 { (words.flows) }
            @if site.is_admin() {
                form method="post" action=(site.path("flows/reload")) { (site.csrf_field()) button class="quiet" { (words.reload) } }
            }
        }
        @if let Some(message) = &shown.message { p class="notice" role="status" { (message) } }
        @if shown.flows.is_empty() { p class="empty" { (words.no_flows) } }
        @for flow in &shown.flows { (one(site, flow)) }
        @if !shown.invalid.is_empty() {
            section aria-labelledby="invalid" { h2 id="invalid" { (words.invalid) } @for fault in &shown.invalid { (rejected(site, fault)) } }
        }
        p class="hint" {
            (words.unclaimed) " " strong { (shown.unclaimed.0.as_deref().unwrap_or(words.nobody_takes)) } " – " span lang="en" { (shown.unclaimed.1) }
        }
    };
    page(site, words.flows, Place::Flows, &["console.js"], &content)
}

fn one(site: &Site, flow: &Flow) -> Markup {
    let words = site.words;
    let [trapped, limited, failed] = flow.failures;
    let has = |stage: &str| flow.versions.iter().any(|version| version.stage == stage);
    let may_promote = site.is_admin() && (has("candidate") || has("rolled-back"));
    let may_roll_back = site.is_admin() && (has("candidate") || has("previous"));
    html! {
        section class="panel" {
            div class="headed" {
                h2 { a href={ (site.path("flows/")) (flow.name) } { (flow.name) } }
                div class="buttons" {
                    @if may_promote { (order(site, flow, "promote", words.promote)) }
                    @if may_roll_back { (order(site, flow, "rollback", words.roll_back)) }
                }
            }
            (table(site, &flow.name, &flow.versions, None))
            @if trapped + limited + failed > 0 {
                p { strong class="problems" { (words.failures) } " " (words.trapped) " " (trapped) ", " (words.limited) " " (limited) ", " (words.failed) " " (failed) }
            }
            @for warning in &flow.warnings { div class="finding warning" { p { (warning) } } }
            @for fault in &flow.rejected { (rejected(site, fault)) }
            p { a href={ (site.path("calls")) "?flow=" (flow.name) } { (words.calls_of_flow) } }
        }
    }
}

fn order(site: &Site, flow: &Flow, action: &str, name: &str) -> Markup {
    html! {
        form method="post" action=(site.path(&format!("flows/{}/{action}", flow.name))) data-confirm={ (name) ": " (flow.name) "?" } {
            (site.csrf_field())
            button { (name) }
        }
    }
}

fn rejected(site: &Site, fault: &Fault) -> Markup {
    let words = site.words;
    html! {
        div class="finding error" {
            h3 {
                (words.rejected) ": " (fault.flow) " · " (fault.step)
                @if let Some(line) = fault.line { " · " (words.line) " " (line) }
                @if let Some(at) = fault.rejected_ms { " " span class="aside" { (site.time(at)) } }
            }
            p lang="en" { (fault.reason) }
            p class="fix" { strong { (words.fix) } " " span lang="en" { (fault.hint) } }
        }
    }
}
