//! The rules of a campaign, as an operator writes them. Every rule has a default; an empty plan
//! calls every customer up to three times, from 08:00 to 19:00, ten at a time.
//!
//! ```toml
//! [hours]
//! from = "09:30"
//! to = "18:00"
//! weekdays = ["mon", "tue", "wed", "thu", "fri"]
//!
//! [retry]
//! attempts = 3
//! busy = "15m"
//! ```

pub(crate) mod day;
mod hours;
mod span;

use std::collections::BTreeMap;

use ghanti_model::{Outcome, PhoneNumber, Zone};
use serde::{Deserialize, Serialize};
use time::Date;

pub use hours::{Clock, Hours, Weekdays};
pub use span::{Again, Span};

/// Maximum number of calls in progress of a campaign.
const CALLS_AT_ONCE: u32 = 2_000;
/// Exotel's limit of requests for an account; a campaign cannot be faster.
const CALLS_PER_MINUTE: u32 = 200;
/// Maximum number of attempts for a customer.
pub const ATTEMPTS: u32 = 50;
/// Maximum number of numbers to call from.
const CALLER_IDS: usize = 100;
/// How much of an unknown time zone is shown, in characters.
const ZONE_SHOWN: usize = 64;
/// Maximum number of outcomes with a rule, and of those that are the goal.
const OUTCOMES: usize = 100;
/// The series that the Telecom Regulatory Authority of India has reserved for service and
/// transactional calls of banks and other regulated companies (TRAI direction of 19 November 2025).
const SERVICE_SERIES: &str = "+911600";

/// The rules of a campaign.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plan {
    /// When customers may be called, in their local time.
    pub hours: Hours,
    /// The zone of customers whose record names none, as [`Zone::parse`] reads it; without one, the
    /// engine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The first day on which customers are called; without one they are called at once.
    #[serde(with = "day", skip_serializing_if = "Option::is_none")]
    pub first_day: Option<Date>,
    /// The last day on which customers are called.
    #[serde(with = "day", skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Date>,
    /// How often a customer may be called, and how many at once.
    pub limits: Limits,
    /// Who is called again, and when.
    pub retry: Retry,
    /// The numbers to call from. A customer is always called from the same one. Without any, the
    /// number of `[exotel]`.
    pub caller_ids: Vec<PhoneNumber>,
    /// Whether the numbers to call from must be of the 1600 series, as service and transactional
    /// calls of regulated lenders must be.
    pub service_series: bool,
    /// When the campaign stops automatically.
    pub stop: Stop,
    /// The outcomes that the campaign is for: customers with one of them have reached its goal.
    pub goal: Goal,
}

/// `goal`: outcomes of the engine, or dispositions of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Goal(pub Vec<String>);

impl Default for Goal {
    fn default() -> Self {
        let outcomes = [Outcome::Completed, Outcome::Transferred];
        Self(outcomes.map(String::from).into())
    }
}

/// `[limits]`. Calls of all campaigns to a number count, whatever their outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Calls to a customer on one day.
    pub per_day: u32,
    /// Calls to a customer within seven days.
    pub per_week: u32,
    /// Calls to a customer in total.
    pub in_all: u32,
    /// Minimum time between two calls to a customer.
    pub spacing: Span,
    /// Calls in progress at a time, from the dial to the end of the conversation with an agent.
    pub calls_at_once: u32,
    /// Dials in a minute.
    pub calls_per_minute: u32,
    /// How many agents take transferred calls. If set, no more calls are dialled than the free ones
    /// can take.
    pub agents: Option<u32>,
    /// How many calls are in progress for each free agent: not every call is transferred.
    pub calls_per_agent: u32,
}

/// `[retry]`: after how long a customer is called again, by the result of the call; `never` if they are
/// not called again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Retry {
    /// Calls to a customer in this campaign, the first one included.
    pub attempts: u32,
    /// Their line was busy.
    pub busy: Again,
    /// They did not answer, or said nothing.
    pub no_answer: Again,
    /// The network could not connect them.
    pub failed: Again,
    /// A machine answered.
    pub voicemail: Again,
    /// They hung up, or were not understood, before they were identified.
    pub hung_up: Again,
    /// They asked to be called later, and the flow noted no time.
    pub later: Again,
    /// The call ended because of a failure on our side or the network's.
    pub dropped: Again,
    /// It is not known whether they were called.
    pub unknown: Again,
    /// Exotel refused to dial.
    pub not_dialled: Again,
    /// Times for single outcomes, such as a flow's own; they override those above.
    pub outcomes: BTreeMap<String, Again>,
}

/// `[stop]`: a campaign stops automatically if most of its calls fail, until an operator resumes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stop {
    /// Stops when this share of the last calls failed, in percent; 0 never stops.
    pub failed_percent: u32,
    /// The number of last calls that are considered.
    pub of_calls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_day: 3,
            per_week: 10,
            in_all: 30,
            spacing: Span::minutes(30),
            calls_at_once: 10,
            calls_per_minute: 60,
            agents: None,
            calls_per_agent: 2,
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            busy: Again::minutes(30),
            no_answer: Again::minutes(120),
            failed: Again::minutes(120),
            voicemail: Again::minutes(240),
            hung_up: Again::minutes(240),
            later: Again::minutes(240),
            dropped: Again::minutes(60),
            unknown: Again::minutes(240),
            not_dialled: Again::minutes(15),
            outcomes: BTreeMap::new(),
        }
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            failed_percent: 60,
            of_calls: 20,
        }
    }
}

impl Plan {
    /// The errors in the plan, one sentence each with its fix; empty if it is valid.
    pub fn errors(&self) -> Vec<String> {
        let mut errors = Vec::new();
        self.hours.check(&mut errors);
        if let Some(zone) = &self.time_zone
            && let Err(no_zone) = Zone::parse(zone)
        {
            let shown: String = zone.chars().take(ZONE_SHOWN).collect();
            errors.push(format!(
                "`time-zone` is `{}`, which {no_zone}",
                shown.escape_debug()
            ));
        }
        if let (Some(first), Some(last)) = (self.first_day, self.last_day)
            && last < first
        {
            errors.push("`last-day` is before `first-day`: swap them".to_owned());
        }
        let Limits {
            per_day,
            per_week,
            in_all,
            spacing: _,
            calls_at_once,
            calls_per_minute,
            agents,
            calls_per_agent,
        } = &self.limits;
        let mut range = |name: &str, value: u32, most: u32| {
            if !(1..=most).contains(&value) {
                errors.push(format!("`{name}` is {value}: set 1 to {most}"));
            }
        };
        range("limits.per-day", *per_day, ATTEMPTS);
        range("limits.per-week", *per_week, ATTEMPTS);
        range("limits.in-all", *in_all, 1_000);
        range("limits.calls-at-once", *calls_at_once, CALLS_AT_ONCE);
        range(
            "limits.calls-per-minute",
            *calls_per_minute,
            CALLS_PER_MINUTE,
        );
        range("limits.agents", agents.unwrap_or(1), CALLS_AT_ONCE);
        range("limits.calls-per-agent", *calls_per_agent, 20);
        range("retry.attempts", self.retry.attempts, ATTEMPTS);
        range("stop.of-calls", self.stop.of_calls, 1_000);
        if self.stop.failed_percent > 100 {
            errors.push("`stop.failed-percent` is over 100: set 0 to 100".to_owned());
        }
        if self.caller_ids.len() > CALLER_IDS {
            errors.push(format!("`caller-ids` has more than {CALLER_IDS} numbers"));
        }
        if self.retry.outcomes.len() > OUTCOMES {
            errors.push(format!("`retry.outcomes` has more than {OUTCOMES} names"));
        }
        if self.goal.0.len() > OUTCOMES {
            errors.push(format!("`goal` has more than {OUTCOMES} outcomes"));
        }
        errors
    }

    /// The errors in the numbers to call from, given that of `[exotel]`.
    pub fn caller_id_errors(&self, default: &PhoneNumber) -> Vec<String> {
        if !self.service_series {
            return Vec::new();
        }
        let numbers = if self.caller_ids.is_empty() {
            std::slice::from_ref(default)
        } else {
            &self.caller_ids
        };
        let outside = numbers
            .iter()
            .filter(|number| !number.expose().starts_with(SERVICE_SERIES));
        outside
            .map(|number| format!("the number to call from `{number}` is not of the 1600 series: name one that is in `caller-ids`, or leave `service-series` out"))
            .collect()
    }

    /// The zone of customers whose record names none; `None` if that is the engine's.
    pub fn zone(&self) -> Option<Zone> {
        Zone::parse(self.time_zone.as_deref()?).ok()
    }

    /// Minimum time between two dials in milliseconds.
    pub fn pace_ms(&self) -> u64 {
        60_000 / u64::from(self.limits.calls_per_minute.max(1))
    }

    /// Maximum number of calls in progress while this many are with agents.
    pub fn at_once(&self, with_agents: u64) -> u32 {
        let limits = &self.limits;
        let Some(agents) = limits.agents else {
            return limits.calls_at_once;
        };
        let with_agents = u32::try_from(with_agents).unwrap_or(u32::MAX);
        let free = agents.saturating_sub(with_agents);
        let for_agents = free
            .saturating_mul(limits.calls_per_agent)
            .saturating_add(with_agents);
        limits.calls_at_once.min(for_agents)
    }
}
