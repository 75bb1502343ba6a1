//! What events say of persons, and events without it. Pure.
//!
//! What is left tells what happened in a call: kinds and times, flow, version, names of questions
//! and templates, how much of a prompt was heard, outcome. The engine's own sentences (problems,
//! reasons of refusals) hold nothing personal and stay; whatever a flow, a caller or a customer's
//! record has put into an event goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::FlowEnd;
use crate::{CallRecord, EventKind, FailureReport, Line, Masked};

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
            _ => {}
        }
    }

    fn erase_personal(&mut self) {
        match self {
            Self::Imported(record) => record.erase_personal(),
            Self::Requested(requested) => requested.customer_number = None,
            Self::Attributed {
                customer_number, ..
            } => *customer_number = None,
            Self::AppletAsked(asked) => asked.customer_number = None,
            Self::StreamStarted(started) => started.customer_number = None,
            Self::Disposed { detail, .. } => *detail = None,
            Self::Noted { value, .. } => *value = Masked::default(),
            Self::PromptStarted { text, .. }
            | Self::Utterance { text, .. }
            | Self::TalkedOver { text, .. }
            | Self::Keys { text, .. } => erase_line(text),
            Self::FlowFailed(report) => erase_report(report),
            Self::ConversationEnded {
                flow: Some(FlowEnd::Failed { reason }),
                ..
            } => ERASED.clone_into(reason),
            Self::PassthruAfter(asked) => keep_facts(&mut asked.told),
            Self::StatusReported(reported) => keep_facts(&mut reported.told),
            // what it says is unknown
            Self::Other { data, .. } => *data = serde_json::Value::Null,
            _ => {}
        }
    }
}

impl CallRecord {
    fn erase_personal(&mut self) {
        self.customer_number = None;
        self.detail = None;
        self.journal = None;
        for value in self.notes.values_mut() {
            *value = Masked::default();
        }
        self.transcript.iter_mut().for_each(erase_line);
        if let Some(report) = &mut self.failure {
            erase_report(report);
        }
        keep_facts(&mut self.exotel);
    }
}

fn erase_line(line: &mut Line) {
    line.text = Masked::default();
}

fn erase_report(report: &mut FailureReport) {
    ERASED.clone_into(&mut report.reason);
    report.traceback.clear();
    report.entries.clear();
    report.log.clear();
}

fn keep_facts(told: &mut BTreeMap<String, String>) {
    told.retain(|name, _| {
        let last = name.trim_end_matches(']').rsplit('[').next();
        let last = last.unwrap_or(name).to_ascii_lowercase();
        KEPT.contains(&last.as_str())
    });
}
