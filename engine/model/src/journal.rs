//! The journal of a call: every host function the flow called, with arguments and answer.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::{CallId, FlowName, VersionId};

/// The format this engine writes. Higher formats are rejected with [`JournalError::Newer`].
pub const FORMAT: u32 = 1;

/// A host function of the contract, named as in `wit/dialog.wit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(
    missing_docs,
    reason = "each is the function of the same name in wit/dialog.wit"
)]
pub enum Function {
    Facts,
    SetLanguage,
    Establish,
    Transfer,
    Outcome,
    Milestone,
    CallAgain,
    /// `customer.get`; `field` in journals of format 1.
    #[serde(alias = "field")]
    Get,
    /// `customer.all`; `fields` in journals of format 1.
    #[serde(alias = "fields")]
    All,
    Lookup,
    Note,
    History,
    Invoke,
    Say,
    Ask,
    Collect,
    Drain,
    Pause,
    Now,
    Random,
    Log,
    Setting,
}

/// What a function does outside the flow, which decides what a replay does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Has no effect that anything else can read.
    Inert,
    /// Reads state of the call itself.
    Local,
    /// Reads data from outside the call.
    Read,
    /// Changes the call or data outside it.
    Act,
    /// Waits for the caller.
    Wait,
}

impl Function {
    /// The class of this function.
    pub fn class(self) -> Class {
        match self {
            Function::Log => Class::Inert,
            Function::Now
            | Function::Random
            | Function::Facts
            | Function::Setting
            | Function::Get
            | Function::All => Class::Local,
            Function::Lookup | Function::History => Class::Read,
            Function::SetLanguage
            | Function::Establish
            | Function::Transfer
            | Function::Outcome
            | Function::Milestone
            | Function::CallAgain
            | Function::Note
            // also an action that only reads: the journal does not say which one does
            | Function::Invoke
            | Function::Say => Class::Act,
            Function::Ask | Function::Collect | Function::Drain | Function::Pause => Class::Wait,
        }
    }
}

/// One call of a host function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JournalEntry {
    /// Position in the journal, from 1.
    pub seq: u32,
    /// Milliseconds from the start of the call to this function call.
    pub at_ms: u64,
    /// Duration of the function call in milliseconds.
    pub took_ms: u64,
    /// The function called.
    pub function: Function,
    /// The arguments, as one JSON value.
    pub arguments: Json,
    /// The answer: `{"ok": …}` or `{"err": …}` for functions that can fail.
    pub answer: Json,
}

/// Which call, flow and version a journal belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JournalHeader {
    /// See [`FORMAT`].
    pub format: u32,
    /// The call.
    pub call_id: CallId,
    /// The flow.
    pub flow: FlowName,
    /// The version of the flow.
    pub version: VersionId,
    /// The seed of the call's random numbers.
    pub seed: u64,
    /// When the first function was called, in milliseconds since 1970-01-01T00:00:00Z; absent until
    /// then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_ms: Option<u64>,
}

/// A complete journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Journal {
    /// The call, flow and version it belongs to.
    pub header: JournalHeader,
    /// In call order.
    pub entries: Vec<JournalEntry>,
}

/// Why a journal cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// It was written by a later engine.
    #[error(
        "the journal has format {0} and this engine reads format {FORMAT}: take the engine that wrote it, or a later one"
    )]
    Newer(u64),
    /// It has no `header.format`.
    #[error(
        "it is no journal, since `header.format` is missing: give the `journal` of a call's record"
    )]
    NoFormat,
    /// It declares a known format but does not parse as one.
    #[error(
        "the journal of format {FORMAT} cannot be read: it was cut off or changed; fetch it again"
    )]
    Malformed,
}

impl JournalHeader {
    /// Rejects a format that this engine does not know.
    pub fn check(&self) -> Result<(), JournalError> {
        if self.format > FORMAT {
            Err(JournalError::Newer(u64::from(self.format)))
        } else {
            Ok(())
        }
    }
}

impl Journal {
    /// Reads a journal. The format is checked first, because a later format may contain anything.
    pub fn read(json: Json) -> Result<Self, JournalError> {
        let format = json
            .pointer("/header/format")
            .and_then(Json::as_u64)
            .ok_or(JournalError::NoFormat)?;
        if format > u64::from(FORMAT) {
            return Err(JournalError::Newer(format));
        }
        serde_json::from_value(json).map_err(|_| JournalError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_journal_of_a_later_format_is_refused_by_name_whatever_is_in_it() {
        let error = Journal::read(json!({ "header": { "format": 2 }, "turns": [] })).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the journal has format 2 and this engine reads format 1: take the engine that wrote it, or a later one"
        );
        assert_eq!(
            Journal::read(json!({ "entries": [] })),
            Err(JournalError::NoFormat)
        );
        assert_eq!(
            Journal::read(json!({ "header": { "format": 1 } })),
            Err(JournalError::Malformed)
        );
    }

    #[test]
    fn a_confidence_that_is_read_back_is_the_one_that_was_written() {
        let written = serde_json::to_string(&json!(0.940_615_534_782_409_7_f64)).unwrap();
        let read: Json = serde_json::from_str(&written).unwrap();
        assert_eq!(read, json!(0.940_615_534_782_409_7_f64), "{written}");
    }
}
