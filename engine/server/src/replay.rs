//! `ghanti replay`: runs recorded calls again, against their own version of a flow or another one,
//! and reports the differences.
//!
//! It reads records and flows. It performs no action, synthesizes no speech, and writes to no store
//! and no log; only the cache of compiled components is written, as usual.

mod calls;
mod flows;
mod gate;
mod report;
mod since;
mod sweep;
mod verdict;
mod words;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use ghanti_dialog::{EngineError, FlowVersion, Rejection, RunEnd};
use ghanti_model::{CallRecord, Journal, JournalError};
use ghanti_session::FlowPrompts;
use ghanti_store::StoreError;

use crate::config::Config;
use crate::open::Folders;
use calls::Calls;
use flows::Flows;
pub use gate::RecordedCheck;
pub use ghanti_dialog::DifferenceKind;
pub use report::Replayed;
pub use sweep::{Group, Progress, Sweep};
pub use verdict::Told;
use words::Words;

/// Options of a replay.
#[derive(Debug, Clone, Default)]
pub struct ReplaySettings {
    /// The version to run against: a flow's folder, or a component. When absent, the flow that is
    /// now in the flows folder.
    pub flow: Option<PathBuf>,
    /// Kinds of differences that are shown but do not count as a failure.
    pub tolerated: BTreeSet<DifferenceKind>,
}

/// Why a replay could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// No record has this id.
    #[error(
        "there is no call `{0}` in the records: name our id of the call, Exotel's CallSid, or a file with its journal or record"
    )]
    NoCall(String),
    /// The text is neither an id nor a file.
    #[error(
        "`{0}` is neither a file nor an id of a call: name our id of the call, Exotel's CallSid, or a file with its journal or record"
    )]
    NotACall(String),
    /// There is no database of records.
    #[error("there are no call records in `{}`: name the data folder with --data, or the database in the configuration", .0.display())]
    NoRecords(PathBuf),
    /// The call ended before a flow started.
    #[error("the call `{0}` has no journal: it never came to a flow")]
    NoJournal(String),
    /// A file cannot be read.
    #[error("cannot read `{}`: {reason}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The journal is malformed, or of a format that this engine cannot read.
    #[error("cannot replay `{call}`: {reason}")]
    Journal {
        /// The call.
        call: String,
        /// Why not.
        reason: JournalError,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Records(#[from] ghanti_store::OpenError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The WebAssembly engine cannot be created.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The flow cannot be loaded.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The argument of `--since` is not a time.
    #[error(
        "`{0}` is no time to begin at: write a date (`2026-11-30`), or how long ago (`2d`, `12h`, `30m`)"
    )]
    Since(String),
}

/// A recorded call: its journal, and its record if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) journal: Journal,
    pub(crate) record: Option<CallRecord>,
}

/// Replays recorded calls.
pub struct Replayer {
    calls: Calls,
    flows: Flows,
    tolerated: BTreeSet<DifferenceKind>,
    offset_minutes: i16,
    at_once: usize,
}

impl Replayer {
    /// Creates a replayer. Flows are loaded when a call first needs them.
    pub fn new(
        config: &Config,
        folders: &Folders,
        settings: ReplaySettings,
    ) -> Result<Self, ReplayError> {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            calls: Calls::new(config, folders),
            flows: Flows::new(config, folders, settings.flow, at_once)?,
            tolerated: settings.tolerated,
            offset_minutes: config.calls.offset_minutes,
            at_once,
        })
    }

    /// Replays one call, named by our id, its CallSid, or a file with its journal or record.
    pub async fn one(&self, call: &str) -> Result<Replayed, ReplayError> {
        let recorded = self.calls.find(call).await?;
        let version = self.flows.version(&recorded.journal.header.flow).await?;
        self.replay(recorded, &version).await
    }

    async fn replay(
        &self,
        recorded: Recorded,
        version: &Arc<FlowVersion<FlowPrompts>>,
    ) -> Result<Replayed, ReplayError> {
        Ok(
            replayed(&recorded, version, self.offset_minutes, &self.tolerated)
                .await?
                .0,
        )
    }
}

/// Replays one call, continuing past differences wherever the record still has an answer. Also
/// returns how the run ended.
async fn replayed(
    recorded: &Recorded,
    version: &Arc<FlowVersion<FlowPrompts>>,
    offset_minutes: i16,
    tolerated: &BTreeSet<DifferenceKind>,
) -> Result<(Replayed, RunEnd), ReplayError> {
    let everything = DifferenceKind::ALL.into_iter().collect();
    let call = recorded.journal.header.call_id;
    let unreadable = |reason| ReplayError::Journal {
        call: call.to_string(),
        reason,
    };
    let comparison = version
        .compare(recorded.journal.clone(), &everything)
        .await
        .map_err(unreadable)?;
    let end = comparison.end.clone();
    let words = Words::new(recorded, version, offset_minutes);
    Ok((Replayed::new(recorded, comparison, &words, tolerated), end))
}
