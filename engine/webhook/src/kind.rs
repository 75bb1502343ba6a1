//! The kinds of messages, and which of them a change of a call's record causes. Pure.

use ghanti_model::fold::network::final_status;
use ghanti_model::{CallRecord, CallState, Outcome, Problem};
use ghanti_store::{DoNotCall, RecordGist};

/// The event that a message reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The call's media stream has started: the customer is on the line with the bot.
    Started,
    /// Something went wrong in the call, or in how it was set up.
    Problem(Problem),
    /// The customer asked not to be called again.
    DoNotCall,
    /// The call has ended; its outcome is the one known at that time. It is reported once for each call,
    /// also for one that went on after its engine had been taken for dead.
    Ended,
    /// The outcome of a call that has ended has changed.
    OutcomeChanged,
    /// The result of a transfer is known: an agent answered, was busy, or was never asked for.
    TransferOutcome,
    /// Exotel has reported the call's final status, and with it duration and recording.
    Reported,
}

/// The names of all kinds.
pub const KINDS: [&str; 7] = [
    "call.started",
    "call.problem",
    "customer.do-not-call",
    "call.ended",
    "call.outcome-changed",
    "transfer.outcome",
    "call.reported",
];

impl Kind {
    /// The kind's name, as in the message's `type` and in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Started => "call.started",
            Kind::Problem(_) => "call.problem",
            Kind::DoNotCall => "customer.do-not-call",
            Kind::Ended => "call.ended",
            Kind::OutcomeChanged => "call.outcome-changed",
            Kind::TransferOutcome => "transfer.outcome",
            Kind::Reported => "call.reported",
        }
    }

    /// Returns the messages for a change, in the order in which they are sent.
    pub fn of_change(before: &RecordGist, after: &CallRecord) -> Vec<Self> {
        let is_over = after.state == CallState::Ended;
        let was_over = before.state == CallState::Ended;
        let outcome = after.outcome.as_deref();
        let is_changed = before.outcome.as_deref() != outcome;
        let is_of_transfer = after
            .own_outcome()
            .is_some_and(|own| own.is_of_transfer() && own != Outcome::TransferDecided);
        let mut kinds = Vec::new();
        if after.started_ms.is_some() && !before.has_started {
            kinds.push(Kind::Started);
        }
        let problems = after
            .problems
            .iter()
            .filter(|problem| !before.problems.contains(problem));
        kinds.extend(problems.cloned().map(Kind::Problem));
        if DoNotCall::of(after).is_some() && !before.is_unwanted {
            kinds.push(Kind::DoNotCall);
        }
        if is_over && !was_over && !after.reopened {
            kinds.push(Kind::Ended);
        } else if is_over && is_changed && !is_of_transfer {
            kinds.push(Kind::OutcomeChanged);
        }
        if is_over && is_of_transfer && is_changed {
            kinds.push(Kind::TransferOutcome);
        }
        if final_status(after).is_some() && !before.is_reported {
            kinds.push(Kind::Reported);
        }
        kinds
    }
}

/// Whether a pattern, in which `*` matches any characters, matches the name of a kind.
pub fn matches(pattern: &str, kind: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == kind,
        Some((start, rest)) => kind.strip_prefix(start).is_some_and(|kind| {
            let places = kind.char_indices().map(|(at, _)| at).chain([kind.len()]);
            places
                .filter_map(|at| kind.get(at..))
                .any(|kind| matches(rest, kind))
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeMap;

    use ghanti_model::{CallId, Decision};

    use super::*;

    fn ended(outcome: &str) -> CallRecord {
        CallRecord {
            state: CallState::Ended,
            outcome: Some(outcome.to_owned()),
            ..CallRecord::new(CallId::generate(), 1)
        }
    }

    fn kinds(before: &CallRecord, after: &CallRecord) -> Vec<&'static str> {
        let kinds = Kind::of_change(&RecordGist::of(before), after);
        kinds.iter().map(Kind::name).collect()
    }

    #[test]
    fn each_change_causes_one_message_and_no_change_none() {
        let new = CallRecord::new(CallId::generate(), 1);
        let live = CallRecord {
            state: CallState::Live,
            started_ms: Some(5),
            ..new.clone()
        };
        let declined = CallRecord {
            started_ms: Some(5),
            ..ended("declined")
        };
        assert_eq!(kinds(&new, &live), ["call.started"]);
        assert_eq!(kinds(&live, &declined), ["call.ended"]);
        assert_eq!(kinds(&new, &declined), ["call.started", "call.ended"]);
        for record in [&new, &live, &declined] {
            assert_eq!(kinds(record, record), Vec::<&str>::new());
        }
        assert_eq!(
            kinds(&ended("never-connected"), &ended("not-answered")),
            ["call.outcome-changed"]
        );
    }

    #[test]
    fn the_end_of_a_call_that_another_engine_went_on_with_is_reported_once() {
        let live = CallRecord {
            state: CallState::Live,
            started_ms: Some(5),
            ..CallRecord::new(CallId::generate(), 1)
        };
        let of = |record: &CallRecord, outcome: Option<&str>| CallRecord {
            state: outcome.map_or(CallState::Live, |_| CallState::Ended),
            outcome: outcome.map(str::to_owned),
            ..record.clone()
        };
        let stopped = of(&live, Some("engine-stopped"));
        let resumed = CallRecord {
            reopened: true,
            ..of(&stopped, None)
        };
        assert_eq!(kinds(&live, &stopped), ["call.ended"]);
        assert_eq!(kinds(&stopped, &resumed), Vec::<&str>::new());
        let ended = of(&resumed, Some("declined"));
        assert_eq!(kinds(&resumed, &ended), ["call.outcome-changed"]);
        let transferred = of(&resumed, Some("transferred"));
        assert_eq!(kinds(&resumed, &transferred), ["transfer.outcome"]);
        // it went on before anybody took it for over
        let moved = of(&live, Some("declined"));
        assert_eq!(kinds(&live, &moved), ["call.ended"]);
    }

    #[test]
    fn a_transfer_is_reported_once_its_result_is_known() {
        let decided = CallRecord {
            decision: Some(Decision::Transfer {
                words: None,
                target: "default".to_owned(),
                numbers: Vec::new(),
            }),
            ..ended("transfer-decided")
        };
        let live = CallRecord {
            state: CallState::Live,
            outcome: None,
            ..decided.clone()
        };
        assert_eq!(kinds(&live, &decided), ["call.ended"]);
        for outcome in ["transferred", "agent-busy", "agents-never-asked"] {
            assert_eq!(kinds(&decided, &ended(outcome)), ["transfer.outcome"]);
            assert_eq!(
                kinds(&live, &ended(outcome)),
                ["call.ended", "transfer.outcome"]
            );
        }
        assert_eq!(
            kinds(&ended("agent-busy"), &ended("transferred")),
            ["transfer.outcome"]
        );
    }

    #[test]
    fn a_do_not_call_request_a_problem_and_exotels_report_are_sent() {
        let problem = Problem {
            unix_ms: 7,
            name: "no-marks".to_owned(),
            detail: "no mark came back".to_owned(),
        };
        let before = ended("declined");
        let after = CallRecord {
            disposition: Some("do-not-call".to_owned()),
            problems: vec![problem],
            exotel: BTreeMap::from([("Status".to_owned(), "completed".to_owned())]),
            ..before.clone()
        };
        assert_eq!(
            kinds(&before, &after),
            ["call.problem", "customer.do-not-call", "call.reported"]
        );
    }

    #[test]
    fn patterns_match_kinds_with_stars() {
        for (pattern, kind, is_covered) in [
            ("*", "call.ended", true),
            ("call.*", "call.ended", true),
            ("call.*", "transfer.outcome", false),
            ("*outcome*", "call.outcome-changed", true),
            ("*.outcome", "transfer.outcome", true),
            ("*.outcome", "call.outcome-changed", false),
            ("call.ended", "call.ended", true),
            ("", "call.ended", false),
        ] {
            assert_eq!(matches(pattern, kind), is_covered, "{pattern} {kind}");
        }
    }
}
