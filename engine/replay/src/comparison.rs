//! Comparing replay: runs a recorded call against a version, and reports every difference with its
//! kind.
//!
//! It does not end at the first difference. What comes from outside is recorded: the caller's
//! answers, stored values, time and randomness. Everything else is the version's own: its settings,
//! and its manifest's rules, so that a prompt that the version would refuse is reported even though
//! it was spoken in the recorded call. Nothing is spoken, asked or changed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use ghanti_host::{FlowVersion, RunEnd};
use ghanti_journal::{Closed, SharedJournal, lock};
use ghanti_model::{DifferenceKind, Journal, JournalEntry, JournalError};

use crate::comparing::Comparing;
use crate::difference::Difference;
use crate::recorded::RecordedCaller;

/// The result of a comparing replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// How the run ended; [`RunEnd::Diverged`] if it ended at a difference.
    pub end: RunEnd,
    /// In the order of the conversation; empty if the version does exactly what was recorded.
    pub differences: Vec<Difference>,
    /// What the version did, as far as it got, with the answers it was given. [`turns`] makes them
    /// readable.
    pub entries: Vec<JournalEntry>,
}

impl Comparison {
    /// Whether the run came to its own end, rather than ending at a difference.
    pub fn is_whole(&self) -> bool {
        !matches!(self.end, RunEnd::Diverged(_))
    }
}

/// Runs a recorded call of any version against this one. The run continues past differences of the
/// `tolerated` kinds with the recorded answer, if that still answers what was asked; any other
/// difference ends it.
pub async fn compare(
    version: &FlowVersion,
    recorded: Journal,
    tolerated: &BTreeSet<DifferenceKind>,
) -> Result<Comparison, JournalError> {
    recorded.header.check()?;
    let caller = RecordedCaller::new(&recorded);
    let comparing = Comparing::new(recorded.entries, tolerated.clone());
    let record = Arc::new(Mutex::new(comparing));
    let journal = SharedJournal::from_source(recorded.header, Arc::clone(&record) as _);
    let limits = version.manifest().limits.of_replay();
    let conversation = Box::new(caller.reading(record.clone()));
    let end = version
        .run_within(conversation, journal.clone(), &limits)
        .await;
    let differences = lock(&record).differences(matches!(end, RunEnd::Diverged(_)));
    let end = match (end, differences.last()) {
        // the flow ended but the record goes on
        (end, Some(last))
            if last.got.is_none() && !matches!(end, RunEnd::Diverged(_)) && !end.is_failure() =>
        {
            RunEnd::Diverged(last.divergence())
        }
        (end, _) => end,
    };
    Ok(Comparison {
        end,
        differences,
        entries: journal.snapshot().entries,
    })
}

impl From<Difference> for Closed {
    fn from(difference: Difference) -> Self {
        Closed::Diverged(difference.divergence())
    }
}
