//! Whether a customer may be called now, and the next step after a call: pure functions of a plan and
//! of the known facts.

use std::collections::BTreeMap;

use ghanti_model::{CallId, CallRecord, Masked, NoZone, Zone};
use ghanti_store::{DialHistory, NextStep};
use time::Date;

use crate::outcome::Class;
use crate::plan::{ATTEMPTS, Again, Plan, day};

/// A note with the day until which the customer promised to pay: they are not called before its end.
const PROMISE: &str = "promise-date";

/// The facts about a customer before they are dialled.
#[derive(Debug, Clone)]
pub struct Known {
    /// The time, in milliseconds since 1970-01-01T00:00:00Z.
    pub now_ms: u64,
    /// Where their local time is that of.
    pub zone: Zone,
    /// The calls that campaigns made to their number.
    pub history: DialHistory,
    /// The call in which they asked not to be called again.
    pub do_not_call: Option<CallId>,
}

/// Whether a customer may be called now; the error is when, or why not.
pub fn check(plan: &Plan, known: &Known) -> Result<(), NextStep> {
    let history = &known.history;
    let limits = &plan.limits;
    let done = |reason: String| {
        Err(NextStep::Done {
            reason: Some(reason),
        })
    };
    if let Some(call) = known.do_not_call {
        return done(format!("asked not to be called any more, in call {call}"));
    }
    if history.of_campaign >= plan.retry.attempts {
        return done(format!(
            "called {} times in this campaign",
            history.of_campaign
        ));
    }
    if history.in_all >= limits.in_all {
        return done(format!("called {} times in all", history.in_all));
    }
    let mut earliest = known.now_ms;
    let mut reason = "outside the calling hours";
    let mut not_before = |time: Option<u64>, why: &'static str| {
        if let Some(time) = time
            && time > earliest
        {
            (earliest, reason) = (time, why);
        }
    };
    let tomorrow = tomorrow(known.now_ms, &known.zone);
    not_before(
        tomorrow.filter(|_| history.today >= limits.per_day),
        "called often enough today",
    );
    not_before(
        tomorrow.filter(|_| history.week >= limits.per_week),
        "called often enough this week",
    );
    not_before(
        history
            .last_ms
            .map(|last| last.saturating_add(limits.spacing.ms())),
        "called a short while ago",
    );
    not_before(history.not_before_ms, "promised to pay by a date");
    not_before(
        plan.first_day.and_then(|day| midnight(day, &known.zone)),
        "the campaign begins later",
    );
    match opening(plan, earliest, &known.zone) {
        None => done("the campaign has no more days to call".to_owned()),
        Some(opens) if opens > known.now_ms => Err(NextStep::Again {
            due_ms: opens,
            reason: reason.to_owned(),
        }),
        Some(_) => Ok(()),
    }
}

/// The earliest time from one on at which the plan allows calls; `None` after its last day.
pub fn opening(plan: &Plan, from_ms: u64, zone: &Zone) -> Option<u64> {
    let opens = plan.hours.opening(from_ms, zone)?;
    let over_ms = plan
        .last_day
        .and_then(Date::next_day)
        .and_then(|day| midnight(day, zone));
    (over_ms.is_none_or(|over_ms| opens < over_ms)).then_some(opens)
}

/// The zone that a customer's record names; `None` if it names none, or a field for it is blank, as cells of
/// lists are.
///
/// # Errors
/// The field whose value is no zone.
pub fn zone_named(
    fields: &BTreeMap<String, Masked>,
) -> Result<Option<Zone>, (&'static str, NoZone)> {
    let is_given = |value: &Masked| !value.expose().trim().is_empty();
    let given = fields.iter().filter(|(_, value)| is_given(value));
    let given = given.map(|(name, value)| (name.clone(), value.clone()));
    Zone::of(&given.collect())
}

/// The zone of a customer: that of their record or, if it names none, of the plan, else the
/// engine's.
///
/// # Errors
/// The record names one that cannot be read: when the customer may be called is not known.
pub fn zone_of(
    fields: &BTreeMap<String, Masked>,
    plan: &Plan,
    default: &Zone,
) -> Result<Zone, NextStep> {
    match zone_named(fields) {
        Ok(Some(zone)) => Ok(zone),
        Ok(None) => Ok(plan.zone().unwrap_or_else(|| default.clone())),
        Err((field, no_zone)) => Err(NextStep::Done {
            reason: Some(format!("the field `{field}` {no_zone}")),
        }),
    }
}

/// The next step after a call of a class. `made` is the number of calls to the customer in this
/// campaign, including this one if it counts; `number` is the number of attempts.
pub fn after(
    plan: &Plan,
    (class, outcome): (Class, &str),
    notes: &Notes,
    (made, number): (u32, u32),
    now_ms: u64,
) -> NextStep {
    let retry = &plan.retry;
    let by_class = match class {
        Class::Reached => Again::Never,
        Class::Busy => retry.busy,
        Class::NoAnswer => retry.no_answer,
        Class::Failed => retry.failed,
        Class::Voicemail => retry.voicemail,
        Class::HungUp => retry.hung_up,
        Class::Later => retry.later,
        Class::Dropped => retry.dropped,
        Class::Unknown => retry.unknown,
        Class::NotDialled => retry.not_dialled,
    };
    let again = retry.outcomes.get(outcome).copied().unwrap_or(by_class);
    let (due_ms, reason) = match (notes.call_again_ms, again) {
        (Some(asked), _) if asked > now_ms => (asked, "asked to be called then".to_owned()),
        (_, Again::After(span)) => (
            now_ms.saturating_add(span.ms()),
            format!("again {span} after `{outcome}`"),
        ),
        (_, Again::Never) => return NextStep::Done { reason: None },
    };
    if made >= retry.attempts {
        return NextStep::Done {
            reason: Some(format!("called {made} times in this campaign")),
        };
    }
    if number >= ATTEMPTS {
        return NextStep::Done {
            reason: Some(format!("{number} attempts were made")),
        };
    }
    NextStep::Again { due_ms, reason }
}

/// A flow's notes about further calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notes {
    /// When the customer asked to be called again, in milliseconds since 1970-01-01T00:00:00Z.
    pub call_again_ms: Option<u64>,
    /// The time before which not to call them, likewise: the end of the day by which they promised to
    /// pay.
    pub not_before_ms: Option<u64>,
}

impl Notes {
    /// Reads the time for another call from a call's record, and its note `promise-date` (a day). An
    /// invalid day is ignored.
    pub fn of(record: &CallRecord, zone: &Zone) -> Self {
        let promise = record.notes.get(PROMISE).map(Masked::expose);
        Self {
            call_again_ms: record.call_again_ms,
            not_before_ms: promise
                .and_then(|text| day::parse(text.trim()))
                .and_then(Date::next_day)
                .and_then(|day| midnight(day, zone)),
        }
    }
}

/// The start of the local day of a time, in milliseconds since 1970-01-01T00:00:00Z.
pub fn start_of_day(now_ms: u64, zone: &Zone) -> Option<u64> {
    midnight(zone.local(now_ms)?.date(), zone)
}

fn tomorrow(now_ms: u64, zone: &Zone) -> Option<u64> {
    midnight(zone.local(now_ms)?.date().next_day()?, zone)
}

fn midnight(day: Date, zone: &Zone) -> Option<u64> {
    zone.first(day, 0)
}

#[cfg(test)]
#[path = "rules/tests.rs"]
mod tests;
