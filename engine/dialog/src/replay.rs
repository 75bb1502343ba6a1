//! Replay for people: a recorded call runs against a version, and every difference is told with its
//! kind.
//!
//! It goes further than [`FlowVersion::replay`], which ends at the first difference. The world is
//! the record's: what the caller answered, what the stores held, the time and chance. All else is
//! the version's own: its settings, and the rules of its manifest, so that a prompt it would refuse
//! is told although the record has it spoken. Nothing is spoken, asked or changed.

mod comparing;
mod difference;
mod recorded;
mod succeeding;
mod told;
mod turn;

use std::collections::BTreeSet;

use ghanti_model::{Journal, JournalEntry, JournalError};

pub(crate) use comparing::{Comparing, Next};
pub use difference::{Difference, DifferenceKind, other_words};
use recorded::RecordedCaller;
pub(crate) use succeeding::Succeeding;
pub use turn::{TranscriptTurn, What, prompts, turns};

use crate::journal::{Closed, SharedJournal};
use crate::run::RunEnd;
use crate::version::FlowVersion;

/// What came of a replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// How the run ended; [`RunEnd::Diverged`] where the record could not tell what follows.
    pub end: RunEnd,
    /// In the order of the conversation; empty when the version does what the record says.
    pub differences: Vec<Difference>,
    /// What the version did, as far as it came, with the answers it got. [`turns`] makes them
    /// readable.
    pub entries: Vec<JournalEntry>,
}

impl Comparison {
    /// Whether the run came to its end, and not to a point behind which the record tells nothing.
    pub fn is_whole(&self) -> bool {
        !matches!(self.end, RunEnd::Diverged(_))
    }
}

impl<P> FlowVersion<P> {
    /// Runs a recorded call of any version against this one. The run goes on past differences of
    /// the `tolerated` kinds with the record's answer, where that still is an answer to what was
    /// asked; any other difference ends it.
    pub async fn compare(
        &self,
        recorded: Journal,
        tolerated: &BTreeSet<DifferenceKind>,
    ) -> Result<Comparison, JournalError> {
        recorded.header.check()?;
        let caller = RecordedCaller::new(&recorded);
        let journal = SharedJournal::compare(recorded, tolerated.clone());
        let limits = self.manifest().limits.of_replay();
        let conversation = Box::new(caller.reading(journal.clone()));
        let end = self
            .program
            .run(conversation, journal.clone(), self.rules.clone(), &limits)
            .await;
        let differences = journal.differences(matches!(end, RunEnd::Diverged(_)));
        let end = match (end, differences.last()) {
            // the flow ended and the record goes on
            (end, Some(last))
                if last.got.is_none()
                    && !matches!(end, RunEnd::Diverged(_))
                    && !end.is_failure() =>
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
}

impl From<Difference> for Closed {
    fn from(difference: Difference) -> Self {
        Closed::Diverged(difference.divergence())
    }
}
