//! The data of larger events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AgentLegState, CallId, CallSid, Direction, FlowName, JournalEntry, JournalHeader, Language,
    PhoneNumber, RecordingState, StreamSid, TraceContext, VersionId,
};

/// A problem without its time, which is that of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// A short fixed name.
    pub name: String,
    /// One sentence including the hint, without personal data.
    pub detail: String,
}

impl Cause {
    /// Creates a cause.
    pub fn new(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            detail: detail.into(),
        }
    }
}

/// When a record keeps a problem although it may have a similar one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeat {
    /// Always.
    Always,
    /// Unless it has one with the same name and detail.
    OncePerSentence,
    /// Unless it has one with the same name.
    OncePerName,
}

/// A customer's record was stored for an upcoming call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// The customer's number; `None` once it was erased.
    pub customer_number: Option<PhoneNumber>,
    /// The requested flow, if any.
    pub flow: Option<FlowName>,
    /// Whether the node that recorded it dials the customer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dials: bool,
    /// The trace that the request was part of, for a link from the call's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traced_from: Option<TraceContext>,
}

/// What is known of a request to dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum DialAnswer {
    /// Exotel took it. Whether the customer answers is reported later.
    Accepted {
        /// Exotel's id of the call.
        call_sid: CallSid,
    },
    /// The customer was certainly not dialled.
    Refused {
        /// The reason with a hint, without personal data.
        reason: String,
    },
    /// Perhaps the customer was dialled, so the request is not repeated. A status callback or an
    /// applet's request may show it.
    Unknown {
        /// The reason with a hint, without personal data.
        reason: String,
    },
}

/// A request of an applet before the bot, and what was found about its call. Which of the problems
/// a record keeps depends on whether the call's stream has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppletAsked {
    /// Whether the applet was Passthru, whose request is a step of the call.
    pub is_passthru: bool,
    /// When the request came, in milliseconds since 1970-01-01T00:00:00Z; its event is made when the
    /// call is found, which may be after the stream's begin. Absent from older events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// Exotel's id of the call.
    pub call_sid: CallSid,
    /// The order that the call was dialled for.
    pub order: Option<CallId>,
    /// Whether the customer called or was called.
    pub direction: Option<Direction>,
    /// The customer's number.
    pub customer_number: Option<PhoneNumber>,
    /// The number of the line.
    pub line_number: Option<PhoneNumber>,
    /// Problems of a call whose stream has not started.
    pub problems: Vec<Cause>,
    /// Problems of a call whose stream has started.
    pub late_problems: Vec<Cause>,
    /// Whether a customer's record was found for the call.
    #[serde(default)]
    pub customer_found: bool,
}

/// An action that acts was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionBegun {
    /// Its name.
    pub name: String,
    /// The number of its invocation in the call, from which its idempotency key is made.
    pub nth: u32,
}

/// A call's media stream started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStarted {
    /// The stream's id.
    pub stream_sid: StreamSid,
    /// Exotel's id of the call, if known.
    pub call_sid: Option<CallSid>,
    /// The order that the call was dialled for.
    pub order: Option<CallId>,
    /// Whether the customer called or was called.
    pub direction: Option<Direction>,
    /// The number on the line, which may differ from the one that was ordered.
    pub customer_number: Option<PhoneNumber>,
    /// The number of the line.
    pub line_number: Option<PhoneNumber>,
    /// The flow, if one was chosen.
    pub flow: Option<FlowName>,
    /// Its version.
    pub version: Option<VersionId>,
    /// The customer's language.
    pub language: Language,
    /// A digest of what identifies the customer of the call's record
    /// ([`customer_digest`](crate::customer_digest)); `None` once it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The header of the flow's journal, if there is a flow.
    pub journal: Option<JournalHeader>,
}

/// Another node went on with a call whose node had stopped, on another stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamResumed {
    /// The new stream's id.
    pub stream_sid: StreamSid,
    /// How many entries of the journal are kept; what came after them is done again.
    pub entries: u32,
}

/// A host function that the flow called has returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostCalled {
    /// When the flow called its first function, in milliseconds since 1970-01-01T00:00:00Z.
    pub began_ms: Option<u64>,
    /// The journal entry.
    pub entry: JournalEntry,
}

/// A recording has ended, or what an engine that died has left of it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The file's name.
    pub file: String,
    /// What became of it: never [`RecordingState::Begun`] or [`RecordingState::Deleted`].
    pub state: RecordingState,
    /// The SHA-256 of the file, in hexadecimal, if there is one.
    pub sha256: Option<String>,
    /// The length of the file.
    pub bytes: u64,
    /// How long it lasts.
    pub length_ms: u64,
    /// How much of it is silent because the disk did not keep up.
    pub lost_ms: u64,
    /// Why it is cut or missing, with a hint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why a call's stream ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamEnd {
    /// The engine closed it after the last prompt.
    Finished,
    /// Exotel ended it (`stop`): the caller hung up.
    HungUp,
    /// The socket closed without a `stop`.
    Lost,
    /// No caller audio arrived for so long that nobody can be on the line.
    PeerLost {
        /// Whether any audio had arrived before.
        ever: bool,
    },
    /// The call reached its maximum length.
    TooLong,
    /// The engine is shutting down.
    EngineStopped,
    /// An operator had it ended.
    EndedByOperator,
    /// An answering machine had the call.
    Voicemail,
}

/// How a flow's run ended, as far as the call's outcome depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowEnd {
    /// It returned: its decision can be carried out.
    Returned,
    /// It left after the call had ended.
    CallEnded,
    /// It was ended when the call reached its maximum length.
    TooLong,
    /// It trapped, exceeded a limit or returned an error.
    Failed {
        /// One sentence for the flow's author.
        reason: String,
    },
}

/// What a request reports about an agent's leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegReport {
    /// How far the leg got, if reported.
    pub state: Option<AgentLegState>,
    /// The agent's number, masked, if reported.
    pub agent: Option<String>,
    /// How long the agent talked with the caller, in seconds, if reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talked_s: Option<u32>,
}

/// A request of a Passthru applet after the bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassthruAfter {
    /// The parameters that Exotel sent, masked.
    #[serde(rename = "told")]
    pub parameters: BTreeMap<String, String>,
    /// When the request came, in milliseconds since 1970-01-01T00:00:00Z; its event is made when it has
    /// been answered and the call is found. Absent from older events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// What Exotel says went wrong with the stream.
    pub problem: Option<Cause>,
    /// How the agent's leg ended, if the applet is after Connect.
    pub leg: LegReport,
}

/// A request of the Connect applet for the numbers to dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectAnswered {
    /// The numbers returned, masked, in dialling order.
    pub numbers: Vec<String>,
}

/// A request to Connect's event URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentReported {
    /// Exotel's name for the event (`EventType`), such as `Answered`.
    pub event: Option<String>,
    /// What it reports about the leg.
    pub leg: LegReport,
}

/// A status callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReported {
    /// The parameters that Exotel sent, masked.
    #[serde(rename = "told")]
    pub parameters: BTreeMap<String, String>,
    /// Exotel's id of the call.
    pub call_sid: Option<CallSid>,
    /// Whether the customer called or was called.
    pub direction: Option<Direction>,
    /// The agents' legs.
    pub agents: Vec<LegReport>,
}
