//! Replay for a version that is to take a running call over: it must repeat what was done so far,
//! and reach the point where the call waits.
//!
//! What the caller has already been told and has answered stands: the version's rules are not
//! applied to it again, and only wording may differ.

use std::collections::BTreeSet;
use std::sync::Arc;

use ghanti_model::{CallError, Function, JournalEntry};
use serde_json::Value as Json;

use super::comparing::{Comparing, Next, is_versions_own};
use super::difference::{Difference, DifferenceKind};
use crate::journal::{Outcome, Side, Waiting};

/// A version on its way to the point where a call waits.
#[derive(Debug)]
pub(crate) struct Succeeding {
    past: Comparing,
    /// The function in which the call waits.
    waiting: Arc<Waiting>,
    seq: u32,
    /// The first difference that rules the version out.
    refusal: Option<Difference>,
    has_arrived: bool,
}

impl Succeeding {
    /// `waiting` is the function in which the call waits, after these entries.
    pub(crate) fn new(entries: Vec<JournalEntry>, waiting: Arc<Waiting>) -> Self {
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

    /// Decides where the answer to a function comes from.
    pub(crate) fn next(&mut self, function: Function, arguments: Json) -> Result<Next, Difference> {
        if is_versions_own(function) || !self.past.is_over() {
            return self
                .past
                .next(function, arguments)
                .map_err(|difference| self.refuse(difference));
        }
        let (expected, got) = (
            self.waiting.side.clone(),
            Side {
                function,
                arguments,
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
    pub(crate) fn refused_there(&mut self, answer: &Json) -> Difference {
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
    pub(crate) fn refusal(&self) -> Difference {
        let ended_before = || Difference::of(self.seq, Some(self.waiting.side.clone()), None);
        self.refusal.clone().unwrap_or_else(|| {
            self.past
                .differences(false)
                .pop()
                .unwrap_or_else(ended_before)
        })
    }

    pub(crate) fn has_arrived(&self) -> bool {
        self.has_arrived && self.refusal.is_none()
    }

    /// When the last replayed function was answered, in milliseconds from the beginning of the
    /// journal.
    pub(crate) fn answered_ms(&self) -> u64 {
        self.past.answered_ms()
    }
}
