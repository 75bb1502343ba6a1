//! What the larger events consist of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    AgentLegState, CallId, CallSid, Direction, FlowName, JournalEntry, JournalHeader, Language,
    PhoneNumber, StreamSid, VersionId,
};

/// A problem without its time: that is the event's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// A short fixed name.
    pub name: String,
    /// One sentence with the hint, free of personal data.
    pub detail: String,
}

impl Cause {
    /// A cause of this name.
    pub fn new(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            detail: detail.into(),
        }
    }
}

/// Whether a problem is kept where there is one like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeat {
    /// Each time.
    Always,
    /// Once for each name and sentence.
    OncePerSentence,
    /// Once for each name.
    OncePerName,
}

/// A customer's record was stored for a coming call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// The customer's number.
    pub customer_number: PhoneNumber,
    /// The flow that was asked for, where one was.
    pub flow: Option<FlowName>,
}

/// An applet before the bot asked, and what was found of its call. A problem counts by when it is
/// heard of: before the stream has started, or after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppletAsked {
    /// Whether it was the Passthru applet, which is a step of the call.
    pub is_passthru: bool,
    /// Exotel's id of the call.
    pub call_sid: CallSid,
    /// The order that the call is of.
    pub order: Option<CallId>,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The customer's number.
    pub customer_number: Option<PhoneNumber>,
    /// The line's number.
    pub line_number: Option<PhoneNumber>,
    /// What went wrong, for a call whose stream has not started.
    pub problems: Vec<Cause>,
    /// The same for one whose stream has.
    pub late_problems: Vec<Cause>,
    /// Whether a customer's record was found for the call.
    #[serde(default)]
    pub customer_found: bool,
}

/// A call's media stream began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStarted {
    /// The stream's id.
    pub stream_sid: StreamSid,
    /// Exotel's id of the call, where it was told.
    pub call_sid: Option<CallSid>,
    /// The order that the call is of.
    pub order: Option<CallId>,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The number on the line, which need not be the one that was ordered.
    pub customer_number: Option<PhoneNumber>,
    /// The line's number.
    pub line_number: Option<PhoneNumber>,
    /// The flow, where one was chosen.
    pub flow: Option<FlowName>,
    /// Its version.
    pub version: Option<VersionId>,
    /// The customer's language.
    pub language: Language,
    /// The head of the flow's journal, where there is a flow.
    pub journal: Option<JournalHeader>,
}

/// The flow called a host function, and has its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostCalled {
    /// When the flow called its first function, in milliseconds since 1970-01-01T00:00:00Z.
    pub began_ms: Option<u64>,
    /// The entry of its journal.
    pub entry: JournalEntry,
}

/// Why a call's stream ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamEnd {
    /// The engine closed it: all was said.
    Finished,
    /// Exotel told that it is over (`stop`): the caller hung up.
    HungUp,
    /// The socket closed without a `stop`.
    Lost,
    /// No audio has come for so long that nobody can be there. `ever` says whether any had come at
    /// all.
    PeerLost {
        /// See above.
        ever: bool,
    },
    /// The call reached its longest time.
    TooLong,
    /// The engine is shutting down.
    EngineStopped,
}

/// How a flow's run ended, as far as the call's outcome depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowEnd {
    /// It returned: what it decided can be carried out.
    Returned,
    /// It left when the call had ended.
    CallEnded,
    /// It was ended at the call's longest time.
    TooLong,
    /// It trapped, exceeded a limit or returned an error.
    Failed {
        /// One sentence for the flow's author.
        reason: String,
    },
}

/// What was reported of one agent's leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegReport {
    /// How far it came, where that was said.
    pub state: Option<AgentLegState>,
    /// The agent's number, masked.
    pub agent: Option<String>,
}

/// A Passthru applet behind the bot asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassthruAfter {
    /// What Exotel told, numbers masked.
    pub told: BTreeMap<String, String>,
    /// What Exotel says went wrong with the stream.
    pub problem: Option<Cause>,
    /// How the agent's leg ended, as an applet behind Connect is told.
    pub leg: LegReport,
}

/// The Connect applet asked whom to dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectAnswered {
    /// The numbers that were answered, masked, in the order of dialling.
    pub numbers: Vec<String>,
}

/// Connect's event URL was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentReported {
    /// Exotel's word for what happened.
    pub event: Option<String>,
    /// What it says of the leg.
    pub leg: LegReport,
}

/// A status callback came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReported {
    /// What Exotel told, numbers masked.
    pub told: BTreeMap<String, String>,
    /// Exotel's id of the call.
    pub call_sid: Option<CallSid>,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The agents' legs.
    pub agents: Vec<LegReport>,
}
