//! The record beside a running flow: what it has at this point, and what of that differs.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use ghanti_model::{CallError, Function, JournalEntry};
use serde_json::Value as Json;

use super::difference::{Difference, DifferenceKind};
use crate::journal::{Outcome, Side, Waiting};

/// Where a function's answer comes from.
pub(crate) enum Next {
    /// From the world: there is no record.
    Live,
    /// From this entry.
    Record(JournalEntry),
    /// From the version: its settings, its rules. The entry tells the time, and what the record has
    /// as an answer.
    Version(JournalEntry),
    /// From the world, to which the call that is taken over has already put it.
    Waiting(Arc<Waiting>),
}

/// A record that is compared with, entry by entry.
#[derive(Debug)]
pub(crate) struct Comparing {
    recorded: VecDeque<JournalEntry>,
    tolerated: BTreeSet<DifferenceKind>,
    /// Whether the version's rules judge what the record has.
    judges: bool,
    differences: Vec<Difference>,
    /// The record's answer to the function that runs, for the conversation.
    answer: Json,
    /// Whether the conversation was asked, so that no rule stood before it.
    is_reached: bool,
    last_seq: u32,
    /// When the last function had its answer.
    answered_ms: u64,
}

impl Comparing {
    pub(crate) fn new(entries: Vec<JournalEntry>, tolerated: BTreeSet<DifferenceKind>) -> Self {
        let (recorded, differences) = (entries.into(), Vec::new());
        let judges = true;
        Self {
            recorded,
            tolerated,
            judges,
            differences,
            answer: Json::Null,
            is_reached: false,
            last_seq: 0,
            answered_ms: 0,
        }
    }

    /// The same for what stands whatever the version's rules are.
    pub(crate) fn past(entries: Vec<JournalEntry>, tolerated: BTreeSet<DifferenceKind>) -> Self {
        Self {
            judges: false,
            ..Self::new(entries, tolerated)
        }
    }

    /// Whether nothing of the record is left that the version has to repeat.
    pub(crate) fn is_over(&self) -> bool {
        self.recorded
            .iter()
            .all(|entry| is_versions_own(entry.function))
    }

    /// When the last function had its answer, in milliseconds from the call's first function.
    pub(crate) fn answered_ms(&self) -> u64 {
        self.answered_ms
    }

    /// Finds the entry that a call of a function comes to, or the difference that ends the replay.
    pub(crate) fn next(&mut self, function: Function, arguments: Json) -> Result<Next, Difference> {
        if is_versions_own(function) {
            let alike =
                |entry: &&JournalEntry| entry.function == function && entry.arguments == arguments;
            let entry = match self.recorded.front().filter(alike) {
                Some(_) => self.recorded.pop_front(),
                None => None,
            };
            let entry = entry.unwrap_or_else(|| self.unrecorded(function, arguments));
            self.note_time(&entry);
            return Ok(if function == Function::Log {
                Next::Record(entry)
            } else {
                Next::Version(entry)
            });
        }
        while self
            .recorded
            .front()
            .is_some_and(|entry| is_versions_own(entry.function))
        {
            self.recorded.pop_front();
        }
        let entry = self.recorded.pop_front();
        let got = Side {
            function,
            arguments,
        };
        let entry = match entry {
            Some(entry) if entry.function == got.function && entry.arguments == got.arguments => {
                entry
            }
            entry => {
                let seq = entry
                    .as_ref()
                    .map_or(self.last_seq.saturating_add(1), |entry| entry.seq);
                let difference = Difference::of(seq, entry.as_ref().map(side), Some(got.clone()));
                match entry {
                    Some(entry)
                        if self.tolerated.contains(&difference.kind)
                            && difference.can_be_passed() =>
                    {
                        self.differences.push(difference);
                        JournalEntry {
                            arguments: got.arguments,
                            ..entry
                        }
                    }
                    _ => {
                        self.differences.push(difference.clone());
                        return Err(difference);
                    }
                }
            }
        };
        self.note_time(&entry);
        if !self.judges || !has_rules(function) {
            return Ok(Next::Record(entry));
        }
        (self.answer, self.is_reached) = (entry.answer.clone(), false);
        Ok(Next::Version(entry))
    }

    /// Compares what the version's rules made of a call with the record; both answers are in the
    /// journal's spelling.
    pub(crate) fn judge(
        &mut self,
        entry: &JournalEntry,
        expected: &Json,
        got: &Json,
    ) -> Result<(), Difference> {
        if is_versions_own(entry.function) {
            return Ok(());
        }
        let refused = |answer: &Json| match serde_json::from_value(answer.clone()) {
            Ok(Outcome::<Json>::Err(
                error @ (CallError::Refused(_) | CallError::Invalid(_) | CallError::Limit(_)),
            )) => Some(error),
            _ => None,
        };
        let rule = match (refused(expected), refused(got)) {
            (Some(CallError::Refused(refusal)), _) if self.is_reached => {
                format!("this version allows what was refused: {}", refusal.reason)
            }
            _ if expected == got => return Ok(()),
            (None, Some(error)) => format!("this version refuses it: {error}"),
            // refused on both sides, in other words
            _ => return Ok(()),
        };
        let both = Some(side(entry));
        let difference = Difference {
            kind: DifferenceKind::Decisions,
            seq: entry.seq,
            expected: both.clone(),
            got: both,
            rule: Some(rule),
        };
        self.differences.push(difference.clone());
        Err(difference)
    }

    /// The record's answer to the function that runs; the conversation takes it.
    pub(crate) fn answer(&mut self) -> Json {
        self.is_reached = true;
        self.answer.clone()
    }

    /// The same, for who merely looks.
    pub(crate) fn coming_answer(&self) -> Json {
        self.answer.clone()
    }

    /// All differences; after a run that came to its end also what the record has beyond it.
    pub(crate) fn differences(&self, was_ended: bool) -> Vec<Difference> {
        let mut differences = self.differences.clone();
        let rest = || {
            self.recorded
                .iter()
                .filter(|entry| !is_versions_own(entry.function))
        };
        if !was_ended && let Some(first) = rest().next() {
            // a decision that is not made any more weighs more than whatever stood before it
            let told = rest().map(|entry| Difference::of(entry.seq, Some(side(entry)), None));
            let gravest = told.min_by_key(|difference| difference.kind);
            differences.push(
                gravest.unwrap_or_else(|| Difference::of(first.seq, Some(side(first)), None)),
            );
        }
        differences
    }

    fn note_time(&mut self, entry: &JournalEntry) {
        self.last_seq = self.last_seq.max(entry.seq);
        self.answered_ms = entry.at_ms.saturating_add(entry.took_ms);
    }

    /// What the record does not have and nobody has to be asked for.
    fn unrecorded(&self, function: Function, arguments: Json) -> JournalEntry {
        JournalEntry {
            seq: self.last_seq,
            at_ms: self.answered_ms,
            took_ms: 0,
            function,
            arguments,
            answer: Json::Null,
        }
    }
}

/// What a version may do more or less of without being another conversation: it logs, and reads its
/// own settings.
pub(crate) fn is_versions_own(function: Function) -> bool {
    matches!(function, Function::Log | Function::Setting)
}

/// Whether the manifest has a say.
fn has_rules(function: Function) -> bool {
    matches!(
        function,
        Function::SetLanguage
            | Function::Establish
            | Function::Transfer
            | Function::Outcome
            | Function::Lookup
            | Function::Note
            | Function::Say
            | Function::Ask
            | Function::Collect
    )
}

fn side(entry: &JournalEntry) -> Side {
    Side {
        function: entry.function,
        arguments: entry.arguments.clone(),
    }
}
