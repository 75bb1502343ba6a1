//! The form by which a campaign is made: its name, its list, and the rules that are changed most often.

use maud::{Markup, html};

use crate::layout::{Place, Site, page};
use crate::words::Words;

/// What the page shows.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// The lists with their flows, and how many customers they have.
    pub lists: Vec<(String, String, u64)>,
    /// The campaign's name.
    pub name: Input,
    /// Its list.
    pub list: Input,
    /// Its rules, in this order.
    pub rules: Vec<(Rule, Input)>,
    /// The days of the week, and whether customers are called on each.
    pub weekdays: Vec<(&'static str, bool)>,
    /// What is wrong with none of them alone.
    pub wrong: Vec<String>,
}

/// What was written in a field, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// What was written.
    pub value: String,
    /// What is wrong, in the engine's own words.
    pub wrong: Option<String>,
}

/// A rule of a campaign's plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The first day.
    FirstDay,
    /// The last day.
    LastDay,
    /// When customers may be called, from.
    From,
    /// Until.
    To,
    /// Calls in progress at a time.
    AtOnce,
    /// Dials in a minute.
    PerMinute,
    /// Agents who take transferred calls.
    Agents,
    /// Calls to a customer on one day.
    PerDay,
    /// Calls to a customer in this campaign.
    Attempts,
    /// After how long a busy line is called again.
    Busy,
    /// After how long who did not answer is called again.
    NoAnswer,
}

impl Rule {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 11] = [
        Self::FirstDay,
        Self::LastDay,
        Self::From,
        Self::To,
        Self::AtOnce,
        Self::PerMinute,
        Self::Agents,
        Self::PerDay,
        Self::Attempts,
        Self::Busy,
        Self::NoAnswer,
    ];

    /// Where it is in a plan.
    pub const fn path(self) -> &'static str {
        match self {
            Self::FirstDay => "first-day",
            Self::LastDay => "last-day",
            Self::From => "hours.from",
            Self::To => "hours.to",
            Self::AtOnce => "limits.calls-at-once",
            Self::PerMinute => "limits.calls-per-minute",
            Self::Agents => "limits.agents",
            Self::PerDay => "limits.per-day",
            Self::Attempts => "retry.attempts",
            Self::Busy => "retry.busy",
            Self::NoAnswer => "retry.no-answer",
        }
    }

    /// Whether its value is a number.
    pub const fn is_number(self) -> bool {
        matches!(
            self,
            Self::AtOnce | Self::PerMinute | Self::Agents | Self::PerDay | Self::Attempts
        )
    }

    const fn name(self, words: &Words) -> &'static str {
        match self {
            Self::FirstDay => words.first_day,
            Self::LastDay => words.last_day,
            Self::From => words.hours_from,
            Self::To => words.hours_to,
            Self::AtOnce => words.calls_at_once,
            Self::PerMinute => words.calls_per_minute,
            Self::Agents => words.agents,
            Self::PerDay => words.per_day,
            Self::Attempts => words.attempts,
            Self::Busy => words.again_busy,
            Self::NoAnswer => words.again_no_answer,
        }
    }

    /// How a browser asks for it.
    const fn kind(self) -> &'static str {
        match self {
            Self::FirstDay | Self::LastDay => "date",
            Self::From | Self::To => "time",
            Self::Busy | Self::NoAnswer => "text",
            _ => "number",
        }
    }
}

/// The page.
pub fn new_campaign(site: &Site, shown: &NewCampaign) -> String {
    let words = site.words;
    let content = html! {
        p class="back" { a href=(site.path("campaigns")) { "← " (words.campaigns) } }
        h1 { (words.new_campaign) }
        @for wrong in &shown.wrong { p class="notice" role="alert" lang="en" { (wrong) } }
        @if shown.lists.is_empty() {
            p class="empty" { (words.no_lists) " " a href=(site.path("import")) { (words.import_list) } }
        } @else {
            p class="hint" { (words.new_campaign_hint) }
            form class="search fields" method="post" action=(site.path("new-campaign")) {
                (site.csrf_field())
                div {
                    label for="name" { (words.campaign_name) }
                    input id="name" name="name" value=(shown.name.value) required maxlength="64" autocomplete="off" spellcheck="false"
                        aria-invalid=[shown.name.wrong.as_ref().map(|_| "true")] aria-describedby="name-wrong name-hint";
                    (wrong("name", &shown.name))
                    p id="name-hint" class="hint" { (words.name_hint) }
                }
                div {
                    label for="list" { (words.customer_list) }
                    select id="list" name="list" aria-invalid=[shown.list.wrong.as_ref().map(|_| "true")] aria-describedby="list-wrong" {
                        @for (name, flow, customers) in &shown.lists {
                            option value=(name) selected[*name == shown.list.value] { (name) " · " (flow) " · " (customers) }
                        }
                    }
                    (wrong("list", &shown.list))
                }
                @for (rule, input) in &shown.rules {
                    @let id = rule.path().replace('.', "-");
                    div {
                        label for=(id) { (rule.name(words)) }
                        input id=(id) name=(rule.path()) type=(rule.kind()) value=(input.value) min=[rule.is_number().then_some("1")] autocomplete="off"
                            aria-invalid=[input.wrong.as_ref().map(|_| "true")] aria-describedby={ (id) "-wrong" };
                        (wrong(&id, input))
                    }
                }
                fieldset class="wide" {
                    legend { (words.weekdays) }
                    // so that no day is something else than nothing said of days
                    input type="hidden" name="hours.weekdays" value="";
                    div class="buttons" {
                        @for (day, is_on) in &shown.weekdays {
                            label class="check" {
                                input type="checkbox" name="hours.weekdays" value=(day) checked[*is_on];
                                " " (day_name(words, day))
                            }
                        }
                    }
                }
                div class="buttons wide" { button { (words.make_campaign) } }
            }
            p class="hint" { (words.more_rules) }
        }
    };
    page(
        site,
        words.new_campaign,
        Place::Campaigns,
        &["console.js"],
        &content,
    )
}

fn wrong(id: &str, input: &Input) -> Markup {
    html! {
        p id={ (id) "-wrong" } class="error" lang="en" { @if let Some(wrong) = &input.wrong { (wrong) } }
    }
}

fn day_name(words: &Words, day: &str) -> &'static str {
    match day {
        "mon" => words.monday,
        "tue" => words.tuesday,
        "wed" => words.wednesday,
        "thu" => words.thursday,
        "fri" => words.friday,
        "sat" => words.saturday,
        _ => words.sunday,
    }
}
