//! The journal of a call: every host function it called, with arguments and answer.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{CallId, FlowName, VersionId};

/// The format written by this engine. A reader refuses a higher one by name.
pub const FORMAT: u32 = 1;

/// A function of the contract, by its name there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    Field,
    Fields,
    Lookup,
    Note,
    Say,
    Ask,
    Collect,
    Drain,
    Now,
    Random,
    Log,
    Setting,
}

/// What a function does to the world, and so what a replay has to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Changes nothing that anyone can ask for.
    Inert,
    /// Reads something of the call itself.
    Local,
    /// Reads the world.
    Read,
    /// Changes the world.
    Act,
    /// Waits for the caller.
    Wait,
}

impl Function {
    /// Its class.
    pub fn class(self) -> Class {
        match self {
            Function::Log => Class::Inert,
            Function::Now
            | Function::Random
            | Function::Facts
            | Function::Setting
            | Function::Field
            | Function::Fields => Class::Local,
            Function::Lookup => Class::Read,
            Function::SetLanguage
            | Function::Establish
            | Function::Transfer
            | Function::Outcome
            | Function::Note
            | Function::Say => Class::Act,
            Function::Ask | Function::Collect | Function::Drain => Class::Wait,
        }
    }
}

/// One call of a host function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Its place, from 1.
    pub seq: u32,
    /// Milliseconds from the call's start to the function's call.
    pub at_ms: u64,
    /// Milliseconds it took.
    pub took_ms: u64,
    /// Which function.
    pub function: Function,
    /// Its arguments, as one value.
    pub arguments: Json,
    /// Its answer: `{"ok": …}` or `{"err": …}` for functions that can fail.
    pub answer: Json,
}

/// What the journal is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalHeader {
    /// See [`FORMAT`].
    pub format: u32,
    /// Which call.
    pub call_id: CallId,
    /// Which flow.
    pub flow: FlowName,
    /// Which version of it.
    pub version: VersionId,
    /// The seed of the call's randomness.
    pub seed: u64,
    /// When the first function was called, in milliseconds since 1970; absent as long as none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_ms: Option<u64>,
}

/// A whole journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    /// What it is of.
    pub header: JournalHeader,
    /// In the order of the calls.
    pub entries: Vec<JournalEntry>,
}

/// A journal that this engine does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// A later engine wrote it.
    #[error(
        "the journal has format {0} and this engine reads format {FORMAT}: take the engine that wrote it, or a later one"
    )]
    Newer(u64),
    /// It says no format.
    #[error(
        "it is no journal, since `header.format` is missing: give the `journal` of a call's record"
    )]
    NoFormat,
    /// It says a format and does not keep to it.
    #[error(
        "the journal of format {FORMAT} cannot be read: it was cut off or changed; fetch it again"
    )]
    Malformed,
}

impl JournalHeader {
    /// Refuses a format that this engine does not know.
    pub fn check(&self) -> Result<(), JournalError> {
        if self.format > FORMAT {
            Err(JournalError::Newer(u64::from(self.format)))
        } else {
            Ok(())
        }
    }
}

impl Journal {
    /// Reads a journal. The format is looked at before all else, since a later one may hold what
    /// this engine has no words for.
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
}
