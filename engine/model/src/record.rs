//! The record of a call: what a lender can show.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    CallId, CallSid, Direction, FailureReport, FlowName, Journal, Language, Line, Masked,
    PhoneNumber, StepEntry, StreamSid, Transfer, VersionId,
};

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallState {
    /// Stored, not yet connected.
    Pending,
    /// A stream is open.
    Live,
    /// Over; `outcome` is set.
    Ended,
}

/// What is to happen after the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Decision {
    /// Connect an agent.
    Transfer {
        /// The manifest's name of the target.
        target: String,
        /// Whom to dial, in this order.
        numbers: Vec<PhoneNumber>,
    },
    /// Hang up.
    HangUp,
}

/// Something that went wrong, told to whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// A short fixed name: `store-unavailable`, `flow-trap`, `bad-frame`.
    pub name: String,
    /// One sentence with the hint, free of personal data.
    pub detail: String,
}

/// A newer version of the flow that was there while the call was going on, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionMove {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// The version that the call had.
    pub from: VersionId,
    /// The newer one.
    pub to: VersionId,
    /// The journal entry in which the call waited, from 1. Where the call moved, this entry and all
    /// that follow are of the newer version.
    pub seq: u32,
    /// Why the call stayed where it was; nothing where it moved. One sentence, free of personal
    /// data.
    pub refused: Option<String>,
}

/// One call, from its request to its end. Every call has one, with one outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Our id.
    pub call_id: CallId,
    /// The order it was dialled for: the id that `POST /api/calls` answered. The first call of an
    /// order has its id; each further one has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<CallId>,
    /// Exotel's id, once known.
    pub call_sid: Option<CallSid>,
    /// The stream's id, once known.
    pub stream_sid: Option<StreamSid>,
    /// Where the call is.
    pub state: CallState,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The customer's number.
    pub customer_number: Option<PhoneNumber>,
    /// The line's number.
    pub line_number: Option<PhoneNumber>,
    /// The flow, once chosen.
    pub flow: Option<FlowName>,
    /// Its version; of a call that moved, the one it moved to.
    pub version: Option<VersionId>,
    /// Newer versions that were there while it was going on, where the flow lets running calls
    /// move.
    #[serde(default)]
    pub moves: Vec<VersionMove>,
    /// The language at the end.
    pub language: Option<Language>,
    /// The one outcome: what happened. What the network reports stands before what the flow meant
    /// to come of it.
    ///
    /// | outcomes | of |
    /// |---|---|
    /// | `not-answered`, `busy`, `call-failed`, `call-canceled` | calls that the customer never took, by the status callback |
    /// | `never-connected`, `refused-busy` | calls without a stream |
    /// | `transfer-decided`, then `transferred`, `agent-busy`, `agents-not-answering`, `agent-unreachable`, `hung-up-before-agent` or `agents-never-asked` | transfers, as far as the agent's leg is known |
    /// | `hung-up`, `flow-failed`, `connection-lost`, `peer-lost`, `no-media`, `no-flow`, `engine-stopped`, `engine-failed`, `too-long` | conversations that did not come to their end |
    /// | any other, such as `declined` | all other conversations: the flow's disposition |
    pub outcome: Option<String>,
    /// What the flow itself called the conversation (`call.outcome`), whatever became of it
    /// afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    /// More about it: where the caller hung up, the fields that were missing.
    pub detail: Option<String>,
    /// What happens next, as `/passthru/after` and `/connect` answer it.
    pub decision: Option<Decision>,
    /// What became of a transfer, where one was decided or asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
    /// Values the flow noted.
    pub notes: BTreeMap<String, Masked>,
    /// The steps reached.
    pub steps: Vec<StepEntry>,
    /// Who said what.
    pub transcript: Vec<Line>,
    /// What went wrong.
    pub problems: Vec<Problem>,
    /// How the flow failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureReport>,
    /// The flow's journal.
    pub journal: Option<Journal>,
    /// Milliseconds since 1970-01-01T00:00:00Z of the record's making.
    pub created_ms: u64,
    /// The same of the stream's start.
    pub started_ms: Option<u64>,
    /// The same of the stream's end.
    pub ended_ms: Option<u64>,
    /// What Exotel told of the call afterwards (`POST /status` and the Passthru after), as it told
    /// it, numbers masked.
    pub exotel: BTreeMap<String, String>,
}

impl CallRecord {
    /// An empty record of a call that is not yet connected: of no event.
    pub fn new(call_id: CallId, created_ms: u64) -> Self {
        Self {
            call_id,
            order: None,
            call_sid: None,
            stream_sid: None,
            state: CallState::Pending,
            direction: None,
            customer_number: None,
            line_number: None,
            flow: None,
            version: None,
            moves: Vec::new(),
            language: None,
            outcome: None,
            disposition: None,
            detail: None,
            decision: None,
            transfer: None,
            notes: BTreeMap::new(),
            steps: Vec::new(),
            transcript: Vec::new(),
            problems: Vec::new(),
            failure: None,
            journal: None,
            created_ms,
            started_ms: None,
            ended_ms: None,
            exotel: BTreeMap::new(),
        }
    }
}
