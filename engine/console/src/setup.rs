//! The set-up: what to paste into Exotel's applets, what they have asked, what the doctor finds, and
//! the settings in force.

use maud::{Markup, html};

use crate::call::{Finding, write_finding};
use crate::layout::{Place, Site, page};

/// What an applet has asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lamp {
    /// It was served.
    Asked,
    /// It was refused.
    Refused,
    /// It has not asked.
    Never,
}

/// An applet of Exotel's flow.
#[derive(Debug, Clone)]
pub struct Applet {
    /// Its name, and its place.
    pub title: String,
    /// What to paste, each with where.
    pub paste: Vec<(String, String)>,
    /// Settings and branches.
    pub settings: Vec<String>,
    /// What it has asked, in words.
    pub lamps: Vec<(Lamp, String)>,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct SetupPage {
    /// The applets in their order.
    pub applets: Vec<Applet>,
    /// Whether tokens are shown as they are.
    pub has_tokens: bool,
    /// What the doctor finds.
    pub findings: Vec<Finding>,
    /// The settings in force, as the configuration file has them, without secrets.
    pub settings: String,
}

/// The page.
pub fn setup(site: &Site, shown: &SetupPage) -> String {
    let words = site.words;
    let content = html! {
        div class="headed" { h1 { (words.setup) } a class="quiet" href=(site.path("setup")) { (words.look_again) } }
        section aria-labelledby="findings" {
            h2 id="findings" { (words.doctor) }
            @if shown.findings.is_empty() { p class="empty good" { (words.nothing_wrong) } }
            @for finding in &shown.findings { (write_finding(site, finding)) }
        }
        section aria-labelledby="applets" {
            h2 id="applets" { (words.applets) }
            p class="hint" { (words.applets_hint) }
            @if !shown.has_tokens { p class="notice" { (words.no_tokens) } }
            ol class="applets" { @for applet in &shown.applets { li class="card" { (one(site, applet)) } } }
        }
        section aria-labelledby="settings" {
            h2 id="settings" { (words.settings) }
            details { summary { (words.show_settings) } pre class="settings" tabindex="0" lang="en" { (shown.settings) } }
        }
    };
    page(site, words.setup, Place::Setup, &["console.js"], &content)
}

fn one(site: &Site, applet: &Applet) -> Markup {
    let words = site.words;
    html! {
        div class="headed" {
            h3 lang="en" { (applet.title) }
            span class="lamps" {
                @for (lamp, message) in &applet.lamps {
                    @let kind = match lamp { Lamp::Asked => "good", Lamp::Refused => "bad", Lamp::Never => "plain" };
                    span class={ "chip " (kind) } lang="en" { (message) }
                }
            }
        }
        dl {
            @for (place, value) in &applet.paste {
                dt lang="en" { (place) }
                dd class="paste" { code { (value) } button type="button" class="quiet" data-copy data-done=(words.copied) { (words.copy) } }
            }
        }
        @if !applet.settings.is_empty() { ul lang="en" { @for setting in &applet.settings { li { (setting) } } } }
    }
}
