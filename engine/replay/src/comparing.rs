//! A record that is compared with a running flow, entry by entry.

use std::collections::{BTreeSet, VecDeque};

use ghanti_journal::{AnswerSource, Closed, Divergence, Next, Outcome, Side};
use ghanti_model::{CallError, DifferenceKind, Function, JournalEntry, json_path};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use crate::difference::Difference;

/// A record being compared, and the differences so far.
#[derive(Debug)]
pub(crate) struct Comparing {
    recorded: VecDeque<JournalEntry>,
    tolerated: BTreeSet<DifferenceKind>,
    /// Whether the version's rules are applied to recorded calls.
    judges: bool,
    differences: Vec<Difference>,
    /// The recorded answer to the current function, for the conversation.
    answer: Json,
    /// Whether the conversation was reached, so that no rule refused the call before.
    is_reached: bool,
    last_seq: u32,
    /// When the last function was answered.
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

    /// Like [`Comparing::new`], for entries that are valid whatever the version's rules are.
    pub(crate) fn past(entries: Vec<JournalEntry>, tolerated: BTreeSet<DifferenceKind>) -> Self {
        Self {
            judges: false,
            ..Self::new(entries, tolerated)
        }
    }

    /// Whether the version has repeated all of the record that it must.
    pub(crate) fn is_over(&self) -> bool {
        self.recorded
            .iter()
            .all(|entry| is_versions_own(entry.function))
    }

    /// When the last function was answered, in milliseconds from the beginning of the journal.
    pub(crate) fn answered_ms(&self) -> u64 {
        self.answered_ms
    }

    /// Finds the recorded entry for a call of a function, or the difference that ends the replay.
    pub(crate) fn compare(
        &mut self,
        function: Function,
        arguments: &Json,
    ) -> Result<Next, Difference> {
        if is_versions_own(function) {
            let alike =
                |entry: &&JournalEntry| entry.function == function && entry.arguments == *arguments;
            let entry = match self.recorded.front().filter(alike) {
                Some(_) => self.recorded.pop_front(),
                None => None,
            };
            let entry = entry.unwrap_or_else(|| self.unrecorded(function, arguments.clone()));
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
        let entry = match self.recorded.pop_front() {
            Some(entry) if entry.function == function && same_arguments(&entry, arguments) => entry,
            entry => {
                let got = Side {
                    function,
                    arguments: arguments.clone(),
                };
                let seq = entry
                    .as_ref()
                    .map_or(self.last_seq.saturating_add(1), |entry| entry.seq);
                let difference =
                    Difference::of(seq, entry.as_ref().map(Side::of), Some(got.clone()));
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

    /// Compares the result of the version's rules with the recorded answer; both are encoded as in
    /// the journal.
    fn compare_answers(
        &mut self,
        entry: &JournalEntry,
        expected: &Json,
        got: &Json,
    ) -> Result<(), Difference> {
        if is_versions_own(entry.function) {
            return Ok(());
        }
        let refused = |answer: &Json| match Outcome::<IgnoredAny>::deserialize(answer) {
            Ok(Outcome::Err(
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
        let both = Some(Side::of(entry));
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

    /// Returns the recorded answer to the current function; called when the conversation is
    /// reached.
    pub(crate) fn answer(&mut self) -> Json {
        self.is_reached = true;
        self.answer.clone()
    }

    /// Like [`Comparing::answer`], without marking the conversation as reached.
    pub(crate) fn coming_answer(&self) -> Json {
        self.answer.clone()
    }

    /// All differences. Unless the comparison itself ended the run, they include what the record
    /// has beyond it.
    pub(crate) fn differences(&self, was_ended: bool) -> Vec<Difference> {
        let mut differences = self.differences.clone();
        let rest = || {
            self.recorded
                .iter()
                .filter(|entry| !is_versions_own(entry.function))
        };
        if !was_ended && let Some(first) = rest().next() {
            // a missing decision is more serious than whatever precedes it
            let reported =
                rest().map(|entry| Difference::of(entry.seq, Some(Side::of(entry)), None));
            let gravest = reported.min_by_key(|difference| difference.kind);
            differences.push(
                gravest.unwrap_or_else(|| Difference::of(first.seq, Some(Side::of(first)), None)),
            );
        }
        differences
    }

    fn note_time(&mut self, entry: &JournalEntry) {
        self.last_seq = self.last_seq.max(entry.seq);
        self.answered_ms = entry.at_ms.saturating_add(entry.took_ms);
    }

    /// An entry for a call that is not in the record and needs no recorded answer.
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

impl AnswerSource for Comparing {
    fn next(&mut self, _seq: u32, function: Function, arguments: &Json) -> Result<Next, Closed> {
        Ok(self.compare(function, arguments)?)
    }

    fn judge(
        &mut self,
        entry: &JournalEntry,
        recorded: &Json,
        answer: &Json,
    ) -> Result<(), Closed> {
        Ok(self.compare_answers(entry, recorded, answer)?)
    }

    fn divergence(&self) -> Option<Divergence> {
        let differences = self.differences(true);
        differences.first().map(Difference::divergence)
    }
}

/// Whether a function was called with the same arguments, as far as the record has them: inputs of
/// actions are recorded without what is redacted, and are null where they were refused unread.
fn same_arguments(entry: &JournalEntry, got: &Json) -> bool {
    let recorded = &entry.arguments;
    if entry.function != Function::Invoke {
        return recorded == got;
    }
    let is_unread = |arguments: &Json| arguments.get(1).is_some_and(Json::is_null);
    let is_named_alike = recorded.get(0).is_some() && recorded.get(0) == got.get(0);
    json_path::alike(recorded, got) || (is_named_alike && (is_unread(recorded) || is_unread(got)))
}

/// Functions that a version may call more or less often and still hold the same conversation:
/// logging, and reading its own settings.
pub(crate) fn is_versions_own(function: Function) -> bool {
    matches!(function, Function::Log | Function::Setting)
}

/// Whether the manifest's rules apply to a function.
fn has_rules(function: Function) -> bool {
    matches!(
        function,
        Function::SetLanguage
            | Function::Establish
            | Function::Transfer
            | Function::Outcome
            | Function::Lookup
            | Function::Note
            | Function::Invoke
            | Function::Say
            | Function::Ask
            | Function::Collect
    )
}
