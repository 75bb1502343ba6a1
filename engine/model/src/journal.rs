//! The journal of a call: every host function it called, with arguments and answer.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{CallId, FlowName, VersionId};

/// The format written by this engine. A reader refuses a higher one by name.
pub const FORMAT: u32 = 1;

/// A function of the contract, by its name there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is the function of the same name in wit/dialog.wit")]
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
            Function::Now | Function::Random | Function::Facts | Function::Setting | Function::Field | Function::Fields => Class::Local,
            Function::Lookup => Class::Read,
            Function::SetLanguage | Function::Establish | Function::Transfer | Function::Outcome | Function::Note | Function::Say => {
                Class::Act
            }
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
}

/// A whole journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    /// What it is of.
    pub header: JournalHeader,
    /// In the order of the calls.
    pub entries: Vec<JournalEntry>,
}
