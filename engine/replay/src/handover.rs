//! Replay for a version that is to take a running call over: it must repeat what was done so far,
//! and reach the point where the call waits.
//!
//! What the caller has already heard and answered is kept: the version's rules are not applied to
//! it again, and only wording may differ.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use ghanti_journal::{
    AnswerSource, Closed, Divergence, Next, Outcome, SharedJournal, SharedSource, Side, Waiting,
    lock,
};
use ghanti_model::{CallError, DifferenceKind, Function, JournalEntry, VersionId};
use serde_json::Value as Json;

use crate::comparing::{Comparing, is_versions_own};
use crate::difference::Difference;

/// The handover of a running call to another version of its flow.
#[derive(Debug, Clone)]
pub struct Handover {
    journal: SharedJournal,
    source: SharedSource<Repeating>,
}

impl Handover {
    /// Begins the handover of the call of `running` to a version. Returns `None` if its flow is not
    /// waiting now.
    pub fn begin(running: &SharedJournal, version: VersionId) -> Option<Self> {
        let (journal, source) = running.copy_from_source(version, Repeating::new)?;
        Some(Self { journal, source })
    }

    /// The journal with which the version is to run. It repeats what was done so far, until the
    /// version reaches the function in which the call waits.
    pub fn journal(&self) -> &SharedJournal {
        &self.journal
    }

    /// Makes the journal live once the version waits where the flow of `running` waits. Returns
    /// false if it is not there, or if the call has moved on since.
    pub fn complete(&self, running: &SharedJournal) -> bool {
        // not locked while the journal is: that locks the source in turn
        let has_arrived = lock(&self.source).has_arrived();
        has_arrived && self.journal.go_live(running)
    }

    /// Why the version, whose run has ended, did not reach the point where the call waits.
    pub fn refusal(&self) -> Difference {
        lock(&self.source).refusal()
    }
}

/// A version on its way to the point where a call waits.
#[derive(Debug)]
struct Repeating {
    past: Comparing,
    /// The function in which the call waits.
    waiting: Arc<Waiting>,
    seq: u32,
    /// The first difference that rules the version out.
    refusal: Option<Difference>,
    has_arrived: bool,
}

impl Repeating {
    /// `waiting` is the function in which the call waits, after these entries.
    fn new(entries: Vec<JournalEntry>, waiting: Arc<Waiting>) -> Self {
        let seq = entries
            .last()
            .map_or(0, |entry| entry.seq)
            .saturating_add(1);
        let past = Comparing::past(entries, BTreeSet::from([DifferenceKind::Wording]));
        Self {
            past,
            waiting,
            seq,
            refusal: None,
            has_arrived: false,
        }
    }

    fn repeat(&mut self, function: Function, arguments: &Json) -> Result<Next, Difference> {
        if is_versions_own(function) || !self.past.is_over() {
            return self
                .past
                .compare(function, arguments)
                .map_err(|difference| self.refuse(difference));
        }
        let (expected, got) = (
            self.waiting.side.clone(),
            Side {
                function,
                arguments: arguments.clone(),
            },
        );
        if expected != got {
            let difference = Difference::of(self.seq, Some(expected), Some(got));
            if difference.kind != DifferenceKind::Wording || !difference.can_be_passed() {
                return Err(self.refuse(difference));
            }
        }
        self.has_arrived = true;
        Ok(Next::Waiting(Arc::clone(&self.waiting)))
    }

    /// Called when the function in which the call waits returned to this version before the
    /// take-over: the version's own rules answered it.
    fn refused_there(&mut self, answer: &Json) -> Difference {
        let side = Some(self.waiting.side.clone());
        let rule = match serde_json::from_value(answer.clone()) {
            Ok(Outcome::<Json>::Err(CallError::CallEnded)) => "the call has ended".to_owned(),
            Ok(Outcome::<Json>::Err(error)) => format!("this version refuses it: {error}"),
            Ok(Outcome::Ok(_)) | Err(_) => "this version does not wait there".to_owned(),
        };
        self.refuse(Difference {
            kind: DifferenceKind::Decisions,
            seq: self.seq,
            expected: side.clone(),
            got: side,
            rule: Some(rule),
        })
    }

    fn refuse(&mut self, difference: Difference) -> Difference {
        self.refusal.get_or_insert_with(|| difference.clone());
        difference
    }

    /// Why the version did not reach the point where the call waits; for a run that has ended.
    fn refusal(&self) -> Difference {
        let ended_before = || Difference::of(self.seq, Some(self.waiting.side.clone()), None);
        self.refusal.clone().unwrap_or_else(|| {
            self.past
                .differences(false)
                .pop()
                .unwrap_or_else(ended_before)
        })
    }

    fn has_arrived(&self) -> bool {
        self.has_arrived && self.refusal.is_none()
    }
}

impl AnswerSource for Repeating {
    fn next(&mut self, _seq: u32, function: Function, arguments: &Json) -> Result<Next, Closed> {
        Ok(self.repeat(function, arguments)?)
    }

    fn answered(&mut self, answer: &Json) -> Result<(), Closed> {
        Err(self.refused_there(answer).into())
    }

    fn is_ahead(&self) -> bool {
        true
    }

    fn answered_ms(&self) -> Option<u64> {
        Some(self.past.answered_ms())
    }

    fn divergence(&self) -> Option<Divergence> {
        Some(self.refusal().divergence())
    }
}
