//! The campaigns, and one of them: its state, its progress, and the results of its calls.

use maud::{Markup, html};

use crate::layout::{Place, Site, page};

/// A campaign.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Its name.
    pub name: String,
    /// Its list.
    pub list: String,
    /// Its flow.
    pub flow: String,
    /// Its state.
    pub state: &'static str,
    /// Why it is in this state.
    pub reason: Option<String>,
    /// When it was made, in milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: u64,
    /// When it was first started, likewise.
    pub started_ms: Option<u64>,
    /// When it was cancelled or finished, likewise.
    pub ended_ms: Option<u64>,
}

/// How far a campaign has come, in customers.
#[derive(Debug, Clone)]
pub struct Funnel {
    /// Listed, dialled, answered, identified, and those who have reached the goal.
    pub steps: [u64; 5],
    /// The outcomes that are its goal.
    pub goals: Vec<String>,
    /// Attempts that may still be made.
    pub attempts_left: u64,
    /// Attempts begun within the last minute, and within the last hour.
    pub pace: (u64, u64),
    /// The most dials in a minute.
    pub calls_per_minute: u32,
    /// Calls in progress, and of them those with agents.
    pub in_progress: (u64, u64),
    /// The outcomes of the last day by the hour, the newest first: when the hour began, and how many attempts had
    /// which outcome.
    pub hours: Vec<(u64, Vec<(String, u64)>)>,
    /// Customers by state and outcome.
    pub customers: Vec<(String, Option<String>, u64)>,
}

/// What the page of all campaigns shows.
#[derive(Debug, Clone)]
pub struct CampaignsPage {
    /// The campaigns, newest first, with the progress of those that are running.
    pub campaigns: Vec<(Campaign, Option<Funnel>)>,
}

/// What the page of a campaign shows.
#[derive(Debug, Clone)]
pub struct CampaignPage {
    /// The campaign.
    pub campaign: Campaign,
    /// How far it has come.
    pub funnel: Funnel,
    /// Its rules, as they are written.
    pub plan: String,
    /// Whether its state was just changed.
    pub was_changed: bool,
    /// Whether it was just made.
    pub was_made: bool,
}

/// The page of all campaigns.
pub fn campaigns(site: &Site, shown: &CampaignsPage) -> String {
    let words = site.words;
    let content = html! {
        div class="headed" {
            h1 { (words.campaigns) }
            div class="buttons" {
                a class="quiet" href=(site.path("campaigns")) { (words.look_again) }
                @if site.is_operator() { a class="quiet" href=(site.path("new-campaign")) { (words.new_campaign) } }
            }
        }
        @if shown.campaigns.is_empty() {
            p class="empty" { (words.no_campaigns) }
        } @else {
            table class="list" {
                thead {
                    tr {
                        @for name in [words.campaign, words.state, words.flow, words.customer_list, words.created, words.progress] {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for (campaign, funnel) in &shown.campaigns {
                        tr class=[(campaign.state == "stopped").then_some("troubled")] {
                            td data-label=(words.campaign) { a href=(path(site, campaign)) { (campaign.name) } }
                            td data-label=(words.state) { (state(site, campaign)) }
                            td data-label=(words.flow) { (campaign.flow) }
                            td data-label=(words.customer_list) { (campaign.list) }
                            td data-label=(words.created) { (site.time(campaign.created_ms)) }
                            td data-label=(words.progress) class="number" {
                                @match funnel { Some(funnel) => (short(site, funnel)), None => "–" }
                            }
                        }
                    }
                }
            }
        }
    };
    page(
        site,
        words.campaigns,
        Place::Campaigns,
        &["console.js"],
        &content,
    )
}

/// The page of a campaign.
pub fn campaign(site: &Site, shown: &CampaignPage) -> String {
    let (words, campaign, funnel) = (site.words, &shown.campaign, &shown.funnel);
    let content = html! {
        p class="back" { a href=(site.path("campaigns")) { "← " (words.campaigns) } }
        div class="headed" {
            h1 { (campaign.name) " " (state(site, campaign)) }
            div class="buttons" {
                a class="quiet" href=(path(site, campaign)) { (words.look_again) }
                @if site.is_operator() { (orders(site, campaign)) }
            }
        }
        @if shown.was_changed { p class="notice" role="status" { (words.campaign_changed) } }
        @if shown.was_made { p class="notice" role="status" { (words.campaign_made) } }
        p class="gist" {
            (words.flow) " " (campaign.flow) " · " (words.customer_list) " " (campaign.list)
            " · " (words.created) " " (site.time(campaign.created_ms))
            @if let Some(at) = campaign.started_ms { " · " (words.started) " " (site.time(at)) }
            @if let Some(at) = campaign.ended_ms { " · " (words.ended) " " (site.time(at)) }
        }
        section aria-labelledby="funnel" {
            h2 id="funnel" { (words.funnel) }
            (bars(site, funnel))
            p class="hint" { (words.goal_is) " " (funnel.goals.join(", ")) ". " (words.funnel_hint) }
        }
        section aria-labelledby="pace" {
            h2 id="pace" { (words.pace) }
            ul class="tiles" {
                li { span class="figure" { (funnel.in_progress.0) } span { (words.in_progress) } }
                li { span class="figure" { (funnel.in_progress.1) } span { (words.with_agents) } }
                li { span class="figure" { (funnel.pace.0) " / " (funnel.calls_per_minute) } span { (words.last_minute) } }
                li { span class="figure" { (funnel.pace.1) } span { (words.last_hour) } }
                li { span class="figure" { (funnel.attempts_left) } span { (words.attempts_left) } }
            }
        }
        section aria-labelledby="hours" {
            h2 id="hours" { (words.outcomes_by_hour) }
            (hours(site, &funnel.hours))
        }
        section aria-labelledby="customers" {
            h2 id="customers" { (words.customers) }
            (customers(site, &funnel.customers))
            p { a href={ (site.path("calls")) "?campaign=" (campaign.name) } { (words.calls_of_campaign) } " · "
                a href={ (site.path("calls")) "?campaign=" (campaign.name) "&problems=true" } { (words.went_wrong) } }
        }
        details { summary { (words.rules) } pre { (shown.plan) } }
    };
    page(
        site,
        &campaign.name,
        Place::Campaigns,
        &["console.js"],
        &content,
    )
}

fn path(site: &Site, campaign: &Campaign) -> String {
    site.path(&format!("campaigns/{}", campaign.name))
}

fn state(site: &Site, campaign: &Campaign) -> Markup {
    let words = site.words;
    let (kind, name) = match campaign.state {
        "running" => ("live", words.running),
        "paused" => ("pending", words.paused),
        "stopped" => ("bad", words.stopped),
        "finished" => ("good", words.finished),
        "cancelled" => ("plain", words.cancelled),
        _ => ("plain", words.draft),
    };
    html! {
        span class={ "chip " (kind) } { (name) }
        @if let Some(reason) = &campaign.reason { " " span class="aside" lang="en" { (reason) } }
    }
}

/// What an operator may do in this state.
fn orders(site: &Site, campaign: &Campaign) -> Markup {
    let words = site.words;
    let possible: &[(&str, &str)] = match campaign.state {
        "draft" => &[("start", words.start), ("cancel", words.cancel)],
        "running" => &[("pause", words.pause), ("cancel", words.cancel)],
        "paused" | "stopped" => &[("resume", words.resume), ("cancel", words.cancel)],
        _ => &[],
    };
    html! {
        @for (action, name) in possible {
            form method="post" action={ (path(site, campaign)) "/" (action) } data-confirm={ (name) ": " (campaign.name) "?" } {
                (site.csrf_field())
                button class=[(*action == "cancel").then_some("quiet")] { (name) }
            }
        }
    }
}

/// The funnel in one line.
fn short(site: &Site, funnel: &Funnel) -> Markup {
    let names = names(site);
    html! {
        @for (at, (name, customers)) in names.iter().zip(funnel.steps).enumerate() {
            @if at > 0 { " → " }
            abbr title=(name) { (customers) }
        }
    }
}

fn names(site: &Site) -> [&'static str; 5] {
    let words = site.words;
    [
        words.listed,
        words.dialled,
        words.answered_call,
        words.identified,
        words.goal,
    ]
}

/// The funnel as bars, which say their numbers too.
fn bars(site: &Site, funnel: &Funnel) -> Markup {
    let [all, ..] = funnel.steps;
    let share = |customers: u64| customers.saturating_mul(100).checked_div(all).unwrap_or(0);
    html! {
        dl class="funnel" {
            @for (name, customers) in names(site).into_iter().zip(funnel.steps) {
                div {
                    dt { (name) }
                    dd {
                        span class="number" { (customers) " (" (share(customers)) " %)" }
                        // a drawing for the eye alone: the number says the same
                        progress max="100" value=(share(customers)) aria-hidden="true" {}
                    }
                }
            }
        }
    }
}

fn hours(site: &Site, hours: &[(u64, Vec<(String, u64)>)]) -> Markup {
    let words = site.words;
    if hours.is_empty() {
        return html! { p class="empty" { (words.no_outcomes) } };
    }
    html! {
        table class="list" {
            thead { tr { th scope="col" { (words.hour) } th scope="col" { (words.attempts) } th scope="col" { (words.outcomes) } } }
            tbody {
                @for (began_ms, outcomes) in hours {
                    tr {
                        td data-label=(words.hour) { (site.time(*began_ms)) }
                        td data-label=(words.attempts) class="number" { (outcomes.iter().map(|(_, calls)| calls).sum::<u64>()) }
                        td data-label=(words.outcomes) {
                            @for (outcome, calls) in outcomes { span class="chip" { (outcome) ": " (calls) } " " }
                        }
                    }
                }
            }
        }
    }
}

fn customers(site: &Site, customers: &[(String, Option<String>, u64)]) -> Markup {
    let words = site.words;
    if customers.is_empty() {
        return html! { p class="empty" { (words.nobody_enrolled) } };
    }
    let name = |state: &str| match state {
        "waiting" => words.waiting,
        "calling" => words.calling,
        _ => words.is_done,
    };
    html! {
        table class="list" {
            thead { tr { @for name in [words.state, words.last_outcome, words.customers] { th scope="col" { (name) } } } }
            tbody {
                @for (state, outcome, count) in customers {
                    tr {
                        td data-label=(words.state) { (name(state)) }
                        td data-label=(words.last_outcome) { (outcome.as_deref().unwrap_or("–")) }
                        td data-label=(words.customers) class="number" { (count) }
                    }
                }
            }
        }
    }
}
