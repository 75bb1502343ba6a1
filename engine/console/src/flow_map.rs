//! The map of a flow's conversations: the drawing, the properties, and every path.

use maud::{Markup, PreEscaped, html};

use crate::flow::of_version;
use crate::layout::{Place, Site, page};
use crate::times;

/// A property that the manifest states.
#[derive(Debug, Clone)]
pub struct Property {
    /// The property.
    pub property: String,
    /// The path on which it does not hold.
    pub broken: Option<String>,
}

/// Something that is said or done on a path.
#[derive(Debug, Clone)]
pub struct Spoken {
    /// Whether the bot says it.
    pub is_bot: bool,
    /// Whether the caller does; else the flow does something.
    pub is_caller: bool,
    /// Whether a prompt was heard in part.
    pub is_partly: bool,
    /// Whether it was not heard.
    pub is_unheard: bool,
    /// What.
    pub text: String,
    /// The template or the question.
    pub name: String,
}

/// A path.
#[derive(Debug, Clone)]
pub struct Path {
    /// Its number, from 1.
    pub number: usize,
    /// What is answered on it.
    pub answers: String,
    /// How long the call lasts, in milliseconds.
    pub lasts_ms: u64,
    /// The customer.
    pub customer: String,
    /// What is said and done.
    pub lines: Vec<Spoken>,
}

/// The paths with one end.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The end.
    pub end: String,
    /// The paths.
    pub paths: Vec<Path>,
}

/// A map.
#[derive(Debug, Clone)]
pub struct FlowMap {
    /// The drawing: an SVG element, in which everything is escaped.
    pub svg: String,
    /// The language of the prompts.
    pub language: String,
    /// How many paths there are.
    pub paths: usize,
    /// How long the longest call lasts, in milliseconds.
    pub longest_ms: u64,
    /// The customers and calls that were tried.
    pub customers: Vec<String>,
    /// Whether every path is there.
    pub is_whole: bool,
    /// What was not explored.
    pub limits: Vec<String>,
    /// The properties.
    pub properties: Vec<Property>,
    /// What is odd: whether it is an error, what, and on which path.
    pub findings: Vec<(bool, String, String)>,
    /// The paths, by their ends.
    pub ends: Vec<Paths>,
    /// Those to ends that are reached in a roundabout way alone.
    pub side_ends: Vec<Paths>,
}

/// A map, or why there is none yet.
#[derive(Debug, Clone)]
pub enum MapState {
    /// The map.
    Drawn(Box<FlowMap>),
    /// It is being drawn.
    Drawing,
    /// Another one is being drawn.
    Busy,
    /// It cannot be drawn.
    Failed,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct MapPage {
    /// The flow.
    pub flow: String,
    /// The digest of the version.
    pub id: String,
    /// The author's number.
    pub version: String,
    /// Its stage.
    pub stage: &'static str,
    /// The languages.
    pub languages: Vec<String>,
    /// The map.
    pub state: MapState,
}

/// The page.
pub fn flow_map(site: &Site, shown: &MapPage) -> String {
    let words = site.words;
    let content = html! {
        p class="back" {
            a href=(site.path("flows")) { (words.flows) } " / "
            a href={ (site.path("flows/")) (shown.flow) "?version=" (shown.id) } { (shown.flow) }
        }
        h1 { (words.map) }
        (of_version(site, &shown.version, &shown.id, shown.stage, None))
        @match &shown.state {
            MapState::Drawing => p class="empty" role="status" { (words.map_drawing) },
            MapState::Busy => p class="empty" role="status" { (words.map_busy) },
            MapState::Failed => div class="notice" role="alert" { p { (words.map_failed) } },
            MapState::Drawn(map) => (drawn(site, shown, map)),
        }
    };
    let title = format!("{} · {}", words.map, shown.flow);
    page(site, &title, Place::Flows, &["console.js"], &content)
}

fn drawn(site: &Site, shown: &MapPage, map: &FlowMap) -> Markup {
    let words = site.words;
    html! {
        p class="hint" { (words.map_hint) }
        @if !map.is_whole || !map.limits.is_empty() {
            div class="notice" {
                @if !map.is_whole { p { (words.map_cut) } }
                ul lang="en" { @for limit in &map.limits { li { (limit) } } }
            }
        }
        dl class="facts" {
            div { dt { (words.paths) } dd { (map.paths) } }
            div { dt { (words.longest_call) } dd { (times::length(map.longest_ms)) } }
            div { dt { (words.customers_tried) } dd lang="en" { (map.customers.join("; ")) } }
        }
        section aria-labelledby="drawing" {
            h2 id="drawing" { (words.conversation) }
            div class="wide drawing" tabindex="0" role="region" aria-labelledby="drawing" lang="en" { (PreEscaped(&map.svg)) }
        }
        section aria-labelledby="properties" {
            h2 id="properties" { (words.properties) }
            @if map.properties.is_empty() { p class="empty" { (words.no_properties) } }
            ul class="plain" {
                @for Property { property, broken } in &map.properties {
                    li {
                        @match broken {
                            None => span class="chip good" { (words.holds) },
                            Some(_) => span class="chip bad" { (words.broken) },
                        }
                        " " span lang="en" { (property) @if let Some(path) = broken { ": " (path) } }
                    }
                }
                @for (is_error, message, path) in &map.findings {
                    li lang="en" { span class={ "chip " (if *is_error { "bad" } else { "pending" }) } { (if *is_error { "error" } else { "warning" }) } " " (message) " " span class="aside" { (path) } }
                }
            }
        }
        section aria-labelledby="paths" {
            div class="headed" {
                h2 id="paths" { (words.every_path) }
                (choose(site, shown, &map.language))
            }
            @for group in &map.ends { (group_of(site, group, &map.language)) }
        }
        @if !map.side_ends.is_empty() {
            section aria-labelledby="side" {
                h2 id="side" { (words.side_ends) }
                @for group in &map.side_ends { (group_of(site, group, &map.language)) }
            }
        }
    }
}

fn choose(site: &Site, shown: &MapPage, language: &str) -> Markup {
    let words = site.words;
    html! {
        @if shown.languages.len() > 1 {
            form class="choose" method="get" action={ (site.path("flows/")) (shown.flow) "/map" } {
                input type="hidden" name="version" value=(shown.id);
                label for="language" { (words.language_of_call) }
                select id="language" name="language" {
                    @for each in &shown.languages { option selected[each == language] { (each) } }
                }
                button class="quiet" { (words.choose) }
            }
        }
    }
}

fn group_of(site: &Site, group: &Paths, language: &str) -> Markup {
    html! {
        h3 class="end" lang="en" { (group.end) " (" (group.paths.len()) ")" }
        @for path in &group.paths {
            details class="path" {
                summary { (path.number) ". " span lang="en" { (path.answers) } " " span class="aside" { (times::length(path.lasts_ms)) } }
                div class="transcript" {
                    ol { @for line in &path.lines { (said(site, line, language)) } }
                }
                p class="hint" { (site.words.customer) ": " span lang="en" { (path.customer) } }
            }
        }
    }
}

fn said(site: &Site, line: &Spoken, language: &str) -> Markup {
    let words = site.words;
    let (class, who) = match (line.is_bot, line.is_caller) {
        (true, _) => ("bot", words.bot),
        (_, true) => ("caller", words.caller),
        _ => ("done", words.flow),
    };
    html! {
        li class={ "line " (class) } {
            span class="at" {}
            span class="who" { (who) }
            span class="said" {
                span lang=(if line.is_bot { language } else { "en" }) { (line.text) }
                @if line.is_partly { " " span class="aside" { (words.heard_partly) } }
                @if line.is_unheard { " " span class="aside" { (words.unheard) } }
                @if !line.name.is_empty() { " " span class="name aside" { (line.name) } }
            }
        }
    }
}
