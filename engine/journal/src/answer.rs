//! What a journal asks and gets: functions with arguments, answers, and why there is none.

use ghanti_model::{CallError, Function, JournalEntry};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One side of a difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The function.
    pub function: Function,
    /// Its arguments.
    pub arguments: Json,
}

impl Side {
    /// The function and arguments of an entry.
    pub fn of(entry: &JournalEntry) -> Self {
        Self {
            function: entry.function,
            arguments: entry.arguments.clone(),
        }
    }
}

/// A function the flow is waiting in.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The function with its arguments.
    pub side: Side,
    /// When it was called, in milliseconds since 1970.
    pub called_ms: u64,
}

/// Where a replay diverged from the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// The entry's number, from 1.
    pub seq: u32,
    /// What was recorded there; `None` if the record ended before.
    pub expected: Option<Side>,
    /// What the flow called; `None` if it ended before.
    pub got: Option<Side>,
}

/// The journal is closed, so the flow must be terminated.
#[derive(Debug, Clone, PartialEq)]
pub enum Closed {
    /// [`ENTRIES_MAX`](crate::ENTRIES_MAX) or the maximum of bytes is reached.
    Full,
    /// The replay diverged from the record.
    Diverged(Divergence),
    /// The recorded answer of this entry does not fit this contract.
    Unreadable(u32),
}

/// The answer of a fallible function, as serialized in the journal: `{"ok": …}` or `{"err": …}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome<T> {
    /// The function returned a value.
    Ok(T),
    /// The function failed.
    Err(CallError),
}

impl<T> From<Result<T, CallError>> for Outcome<T> {
    fn from(result: Result<T, CallError>) -> Self {
        match result {
            Ok(value) => Outcome::Ok(value),
            Err(error) => Outcome::Err(error),
        }
    }
}

impl<T> From<Outcome<T>> for Result<T, CallError> {
    fn from(outcome: Outcome<T>) -> Self {
        match outcome {
            Outcome::Ok(value) => Ok(value),
            Outcome::Err(error) => Err(error),
        }
    }
}
