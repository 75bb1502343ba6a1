//! Removes personal data from events. Pure.
//!
//! An erased event still shows what happened in a call: kinds and times, flow, version, names of
//! questions and templates, how much of a prompt was heard, outcome. The engine's own sentences
//! (most problems, reasons of refusals) contain nothing personal and stay; whatever comes from a
//! flow, a caller or a customer's record is removed, and so are sentences that may quote it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Cause, FlowEnd};
use crate::{CallRecord, Decision, EventKind, FailureReport, Line, Masked, VersionMove};

/// Stands in place of a sentence that may have quoted a customer.
const ERASED: &str = "(erased)";
/// What is kept of Exotel's parameters: how the call and its legs went, and how long they took. The
/// names are those after the last bracket, in lower case.
const KEPT: [&str; 7] = [
    "callstatus",
    "conversationduration",
    "dialcallduration",
    "direction",
    "duration",
    "oncallduration",
    "status",
];

/// Problems whose sentence may quote a flow, what it wanted to say, a customer's record, a message of
/// the stream or Exotel's report of one.
const QUOTING: [&str; 7] = [
    "bad-frame",
    "bad-outbound-frame",
    "flow-failed",
    "prompt-failed",
    "recognition-failed",
    "stream-failed",
    "unusable-field",
];

/// What can be erased of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Erasable {
    /// The flow's journal: its host calls with their arguments and answers.
    Journal,
    /// Everything personal: the journal too, as it repeats what was said.
    Personal,
}

/// The event that says what was erased of a call, so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// What was erased this time.
    pub what: Erasable,
    /// How many events of the call are not as they were recorded, now.
    pub events: u64,
    /// The digest of what is left of them ([`crate::chain::digest`]).
    pub digest: String,
}

impl EventKind {
    /// The event without what is to be erased; `None` if there is nothing of it in the event.
    pub fn without(&self, what: Erasable) -> Option<Self> {
        let mut left = self.clone();
        match what {
            Erasable::Journal => left.erase_journal(),
            Erasable::Personal => {
                left.erase_journal();
                left.erase_personal();
            }
        }
        (left != *self).then_some(left)
    }

    fn erase_journal(&mut self) {
        match self {
            Self::Imported(record) => record.journal = None,
            Self::StreamStarted(started) => started.journal = None,
            Self::HostCalled(called) => {
                called.entry.arguments = serde_json::Value::Null;
                called.entry.answer = serde_json::Value::Null;
            }
            Self::Requested(_)
            | Self::Dialling
            | Self::Dialled(_)
            | Self::Attributed { .. }
            | Self::Named { .. }
            | Self::AppletAsked(_)
            | Self::Refused { .. }
            | Self::StreamResumed(_)
            | Self::StreamOverdue { .. }
            | Self::StepReached { .. }
            | Self::LanguageSet { .. }
            | Self::Established { .. }
            | Self::Decided(_)
            | Self::Disposed { .. }
            | Self::Noted { .. }
            | Self::CallAgain { .. }
            | Self::PromptStarted { .. }
            | Self::PromptPlayed { .. }
            | Self::PromptPaused { .. }
            | Self::PromptResumed { .. }
            | Self::PromptConfirmed { .. }
            | Self::Asked { .. }
            | Self::Listening
            | Self::BargedIn { .. }
            | Self::Responded(_)
            | Self::Utterance { .. }
            | Self::TalkedOver { .. }
            | Self::Keys { .. }
            | Self::Problem { .. }
            | Self::VersionMoved(_)
            | Self::FlowFailed(_)
            | Self::EngineEnded { .. }
            | Self::ConversationEnded { .. }
            | Self::StreamClosed
            | Self::ActionBegun(_)
            | Self::RecordingBegun { .. }
            | Self::Recorded(_)
            | Self::RecordingDeleted { .. }
            | Self::Abandoned
            | Self::PassthruAfter(_)
            | Self::ConnectAnswered(_)
            | Self::AgentReported(_)
            | Self::TransferOverdue
            | Self::StatusReported(_)
            | Self::Erased(_)
            | Self::Other { .. } => {}
        }
    }

    fn erase_personal(&mut self) {
        match self {
            Self::Imported(record) => record.erase_personal(),
            Self::Requested(requested) => requested.customer_number = None,
            Self::Attributed {
                customer_number, ..
            } => *customer_number = None,
            Self::AppletAsked(asked) => {
                asked.customer_number = None;
                asked.problems.iter_mut().for_each(erase_cause);
                asked.late_problems.iter_mut().for_each(erase_cause);
            }
            Self::StreamOverdue { unnamed, .. } => unnamed.iter_mut().for_each(erase_cause),
            Self::StreamStarted(started) => {
                started.customer_number = None;
                started.customer = None;
            }
            Self::Disposed { detail, .. } => *detail = None,
            Self::Noted { value, .. } => *value = Masked::default(),
            Self::Decided(decision) => erase_words(decision),
            Self::PromptStarted { text, .. }
            | Self::Utterance { text, .. }
            | Self::TalkedOver { text, .. }
            | Self::Keys { text, .. } => erase_line(text),
            Self::Problem { problem, .. } => erase_sentence(&problem.name, &mut problem.detail),
            Self::VersionMoved(moved) => erase_move(moved),
            Self::FlowFailed(report) => erase_report(report),
            Self::ConversationEnded {
                flow: Some(FlowEnd::Failed { reason }),
                ..
            } => ERASED.clone_into(reason),
            Self::PassthruAfter(asked) => {
                keep_facts(&mut asked.parameters);
                asked.problem.iter_mut().for_each(erase_cause);
            }
            Self::StatusReported(reported) => keep_facts(&mut reported.parameters),
            // what it says is unknown
            Self::Other { data, .. } => *data = serde_json::Value::Null,
            // names, times, measures, the engine's own sentences, agents; the journal is erased before
            Self::Dialling
            | Self::Dialled(_)
            | Self::Named { .. }
            | Self::Refused { .. }
            | Self::StreamResumed(_)
            | Self::StepReached { .. }
            | Self::HostCalled(_)
            | Self::LanguageSet { .. }
            | Self::Established { .. }
            | Self::CallAgain { .. }
            | Self::PromptPlayed { .. }
            | Self::PromptPaused { .. }
            | Self::PromptResumed { .. }
            | Self::PromptConfirmed { .. }
            | Self::Asked { .. }
            | Self::Listening
            | Self::BargedIn { .. }
            | Self::Responded(_)
            | Self::EngineEnded { .. }
            | Self::ConversationEnded {
                flow: None | Some(FlowEnd::Returned | FlowEnd::CallEnded | FlowEnd::TooLong),
                ..
            }
            | Self::StreamClosed
            | Self::ActionBegun(_)
            | Self::RecordingBegun { .. }
            | Self::Recorded(_)
            | Self::RecordingDeleted { .. }
            | Self::Abandoned
            | Self::ConnectAnswered(_)
            | Self::AgentReported(_)
            | Self::TransferOverdue
            | Self::Erased(_) => {}
        }
    }
}

/// Removes what an agent was to hear of the customer.
fn erase_words(decision: &mut Decision) {
    if let Decision::Transfer { words, .. } = decision {
        *words = None;
    }
}

impl CallRecord {
    fn erase_personal(&mut self) {
        self.customer_number = None;
        self.customer = None;
        self.decision.iter_mut().for_each(erase_words);
        self.detail = None;
        self.journal = None;
        for value in self.notes.values_mut() {
            *value = Masked::default();
        }
        self.transcript.iter_mut().for_each(erase_line);
        for problem in &mut self.problems {
            erase_sentence(&problem.name, &mut problem.detail);
        }
        self.moves.iter_mut().for_each(erase_move);
        if let Some(report) = &mut self.failure {
            erase_report(report);
        }
        keep_facts(&mut self.exotel);
    }
}

fn erase_line(line: &mut Line) {
    line.text = Masked::default();
}

fn erase_cause(cause: &mut Cause) {
    erase_sentence(&cause.name, &mut cause.detail);
}

/// Erases the sentence of a problem that may quote somebody.
fn erase_sentence(problem: &str, sentence: &mut String) {
    if QUOTING.contains(&problem) {
        ERASED.clone_into(sentence);
    }
}

/// Erases why a version was not taken: it may be what a flow said as it failed.
fn erase_move(moved: &mut VersionMove) {
    if let Some(refused) = &mut moved.refused {
        ERASED.clone_into(refused);
    }
}

fn erase_report(report: &mut FailureReport) {
    ERASED.clone_into(&mut report.reason);
    report.traceback.clear();
    report.entries.clear();
    report.log.clear();
}

fn keep_facts(parameters: &mut BTreeMap<String, String>) {
    parameters.retain(|name, _| {
        let last = name.trim_end_matches(']').rsplit('[').next();
        let last = last.unwrap_or(name).to_ascii_lowercase();
        KEPT.contains(&last.as_str())
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::event::Repeat;
    use crate::{CallId, Problem, VersionId};

    const QUOTED: &str = "the flow returned an error: no EMI of Asha Rao, 9876543210";

    fn moved() -> VersionMove {
        let version = |text: &str| VersionId::parse(text).unwrap();
        VersionMove {
            unix_ms: 8,
            from: version("ab12"),
            to: version("cd34"),
            seq: 1,
            refused: Some(QUOTED.to_owned()),
        }
    }

    fn left(kind: &EventKind) -> String {
        let left = kind.without(Erasable::Personal);
        serde_json::to_string(left.as_ref().unwrap_or(kind)).unwrap()
    }

    #[test]
    fn sentences_that_may_quote_a_flow_are_erased() {
        let problem = |name: &str| EventKind::problem(5, name, QUOTED.to_owned(), Repeat::Always);
        let mut record = CallRecord::new(CallId::generate(), 1);
        record.moves.push(moved());
        for name in ["flow-failed", "prompt-failed"] {
            record.problems.push(Problem {
                unix_ms: 5,
                name: name.to_owned(),
                detail: QUOTED.to_owned(),
            });
        }
        let names = record.problems.len();
        let imported = EventKind::Imported(Box::new(record));
        for kind in [
            problem("flow-failed"),
            problem("prompt-failed"),
            EventKind::VersionMoved(moved()),
            EventKind::StreamOverdue {
                what: "no stream came".to_owned(),
                unnamed: Some(Cause::new("bad-frame", QUOTED)),
            },
            imported.clone(),
        ] {
            let left = left(&kind);
            assert!(!left.contains("Asha") && left.contains(ERASED), "{left}");
        }
        // what happened can still be read
        let left = left(&imported);
        assert_eq!(left.matches(ERASED).count(), names + 1);
        assert!(left.contains("flow-failed") && left.contains("cd34"));
    }

    #[test]
    fn the_engines_own_sentences_stay() {
        let own = EventKind::problem(5, "no-marks", "no mark came".to_owned(), Repeat::Always);
        assert_eq!(own.without(Erasable::Personal), None);
        let moved = VersionMove {
            refused: None,
            ..moved()
        };
        assert_eq!(
            EventKind::VersionMoved(moved).without(Erasable::Personal),
            None
        );
    }

    #[test]
    fn what_is_left_has_nothing_more_to_erase() {
        for kind in crate::event::samples::every_kind(CallId::generate()) {
            let left = kind.without(Erasable::Personal);
            assert!(left.is_none_or(|left| left.without(Erasable::Personal).is_none()));
        }
    }
}
