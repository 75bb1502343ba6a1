//! Why a replay could not be run.

use std::path::PathBuf;

use ghanti_host::{EngineError, Rejection};
use ghanti_model::JournalError;
use ghanti_store::StoreError;

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
    /// Entries of the journal are not there.
    #[error(
        "the journal of `{call}` is incomplete: its entry {seq} is missing, or was erased in part"
    )]
    Incomplete {
        /// The call.
        call: String,
        /// The first entry that is missing, from 1.
        seq: u32,
    },
    /// The engine runs as many flows as it has room for.
    #[error("the engine has no free instance for a replay: try again when fewer calls are live")]
    NoRoom,
    /// There is nothing to answer otherwise.
    #[error("entry {seq} of the journal of `{call}` is no question that was answered")]
    NoAnswer {
        /// The call.
        call: String,
        /// The entry.
        seq: u32,
    },
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
