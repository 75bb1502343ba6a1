//! The call record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::event::ActionBegun;
use crate::{
    CallId, CallSid, Direction, FailureReport, FlowName, Journal, Language, Line, Masked, NodeId,
    Outcome, PhoneNumber, Recording, StepEntry, StreamSid, Transfer, VersionId,
};

/// The state of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallState {
    /// Stored, not yet connected.
    Pending,
    /// A stream is open.
    Live,
    /// Over; `outcome` is set.
    Ended,
}

/// What is known of a request to dial a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DialState {
    /// It waits for its turn. Exotel was not asked.
    Waiting,
    /// Exotel is asked. If the engine dies now, it stays unknown whether the customer was dialled.
    Asked,
    /// Exotel took the request.
    Accepted,
    /// The customer was certainly not dialled.
    Refused,
    /// Perhaps the customer was dialled.
    Unknown,
}

/// What Exotel is to do after the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Decision {
    /// Connect an agent.
    Transfer {
        /// The target's name in the manifest.
        target: String,
        /// The numbers to dial, in order.
        numbers: Vec<PhoneNumber>,
        /// What the agent alone hears before they are connected, in place of the operator's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<Masked>,
    },
    /// Hang up.
    HangUp,
}

impl Decision {
    /// The decision with what an agent is to hear, where it connects one.
    pub fn with_words(mut self, heard: Option<Masked>) -> Self {
        if let Decision::Transfer { words, .. } = &mut self {
            *words = heard;
        }
        self
    }
}

/// Something that went wrong during the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CallProblem)]
pub struct Problem {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// A short fixed name such as `store-unavailable`, `flow-failed` or `bad-frame`.
    pub name: String,
    /// One sentence including the hint, without personal data.
    pub detail: String,
}

/// A newer version of the flow that was published during the call, and whether the call moved to
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionMove {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// The version the call was running.
    pub from: VersionId,
    /// The newer version.
    pub to: VersionId,
    /// The journal entry at which the call was waiting, from 1. If the call moved, this entry and
    /// all later ones belong to the newer version.
    pub seq: u32,
    /// Why the call stayed on its version; absent if it moved. One sentence, without personal data.
    pub refused: Option<String>,
}

/// One call, from its request to its end. Every call has one record, with one outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallRecord {
    /// The engine's call id.
    pub call_id: CallId,
    /// The order it was dialled for: the id that `POST /api/calls` returned. The first call of an
    /// order has the order's id; each further call has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<CallId>,
    /// Exotel's id, once known.
    pub call_sid: Option<CallSid>,
    /// The stream's id, once known.
    pub stream_sid: Option<StreamSid>,
    /// The engine process that took the stream: events of a conversation that any other process
    /// reports do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// The state of the call.
    pub state: CallState,
    /// Whether the customer called or was called.
    pub direction: Option<Direction>,
    /// The customer's number.
    pub customer_number: Option<PhoneNumber>,
    /// The number of the line.
    pub line_number: Option<PhoneNumber>,
    /// The flow, once chosen.
    pub flow: Option<FlowName>,
    /// The flow's version; if the call moved, the version it moved to.
    pub version: Option<VersionId>,
    /// Newer versions published during the call, for flows that let running calls move.
    #[serde(default)]
    pub moves: Vec<VersionMove>,
    /// How often another engine went on with the call, whose engine had stopped.
    #[serde(default, skip_serializing_if = "is_none")]
    pub resumptions: u32,
    /// Whether the call went on after it had been taken for over and reported as ended: its engine
    /// had stopped, or its stream came late.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reopened: bool,
    /// The action that acts and was begun last, while its answer is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acting: Option<ActionBegun>,
    /// The language at the end of the call.
    pub language: Option<Language>,
    /// What happened, as one outcome: the name of an [`Outcome`], or the flow's disposition, such
    /// as `declined`. What the network reports takes precedence over the flow's disposition.
    pub outcome: Option<String>,
    /// The flow's own disposition of the conversation (`call.outcome`), whatever the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    /// Further detail: where the caller hung up, or which fields were missing.
    pub detail: Option<String>,
    /// What happens next, as returned by `/passthru/after` and `/connect`.
    pub decision: Option<Decision>,
    /// The progress of a transfer, once one was decided or requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
    /// What is known of the engine's request to dial; absent if the engine has not dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dial: Option<DialState>,
    /// What the flow established, such as `identity`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub established: Vec<String>,
    /// Values noted by the flow.
    pub notes: BTreeMap<String, Masked>,
    /// When the flow asked for another call with the customer, in milliseconds since
    /// 1970-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_again_ms: Option<u64>,
    /// A digest of what identifies the customer of the call's record; calls with the same one are
    /// about the same customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The steps reached.
    pub steps: Vec<StepEntry>,
    /// The transcript.
    pub transcript: Vec<Line>,
    /// Problems, in order.
    pub problems: Vec<Problem>,
    /// The failure report, if the flow failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureReport>,
    /// The flow's journal.
    pub journal: Option<Journal>,
    /// The engine's own recordings, one for each stream that was recorded, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recordings: Vec<Recording>,
    /// When the record was created, in milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: u64,
    /// When the stream started, likewise.
    pub started_ms: Option<u64>,
    /// When the stream ended, likewise.
    pub ended_ms: Option<u64>,
    /// What Exotel reported after the call (`POST /status` and the Passthru applet), verbatim
    /// except that numbers are masked.
    pub exotel: BTreeMap<String, String>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

fn is_none(count: &u32) -> bool {
    *count == 0
}

impl CallRecord {
    /// An empty record of a call that is not yet connected: of no event.
    pub fn new(call_id: CallId, created_ms: u64) -> Self {
        Self {
            call_id,
            order: None,
            call_sid: None,
            stream_sid: None,
            node: None,
            state: CallState::Pending,
            direction: None,
            customer_number: None,
            line_number: None,
            flow: None,
            version: None,
            moves: Vec::new(),
            resumptions: 0,
            reopened: false,
            acting: None,
            language: None,
            outcome: None,
            disposition: None,
            detail: None,
            decision: None,
            transfer: None,
            dial: None,
            established: Vec::new(),
            notes: BTreeMap::new(),
            call_again_ms: None,
            customer: None,
            steps: Vec::new(),
            transcript: Vec::new(),
            problems: Vec::new(),
            failure: None,
            journal: None,
            recordings: Vec::new(),
            created_ms,
            started_ms: None,
            ended_ms: None,
            exotel: BTreeMap::new(),
        }
    }

    /// The outcome, if it is one of the engine's own.
    pub fn own_outcome(&self) -> Option<Outcome> {
        self.outcome.as_deref().and_then(Outcome::parse)
    }

    /// Whether something went wrong: the record has a problem, or its outcome is a
    /// [failure](Outcome::is_failure).
    pub fn went_wrong(&self) -> bool {
        !self.problems.is_empty() || self.own_outcome().is_some_and(Outcome::is_failure)
    }

    /// Whether the outcome is this one.
    pub fn has_outcome(&self, outcome: Outcome) -> bool {
        self.own_outcome() == Some(outcome)
    }
}
