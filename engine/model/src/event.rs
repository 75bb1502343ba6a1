//! What happens to a call, as events. Everything that the engine knows about a call is a fold over
//! its events: see [`CallRecord::fold`](crate::CallRecord::fold).
//!
//! An event states a fact, never a conclusion: "the status callback reported this", not "the
//! outcome is that". The fold draws the conclusions, so that they are the same whichever node
//! recorded which event, and in whatever order the events arrive.
//!
//! As JSON an event is one object:
//!
//! ```json
//! {"id":"0190…","call_id":"0190…","node":"0190…","unix_ms":1795000000000,
//!  "kind":"prompt-played",
//!  "data":{"line":3,"prompt":4,"template":"greeting","heard":"whole","heard_ms":2400}}
//! ```
//!
//! `kind` is the name of the [`EventKind`] variant in kebab-case, `data` its fields; a variant
//! without fields has no `data`. These names are stable: events are stored permanently, and other
//! versions of the engine read them. An event whose kind this engine does not know, or whose data
//! it cannot read, becomes [`EventKind::Other`] and keeps its data.

mod id;
mod parts;
#[cfg(test)]
pub(crate) mod samples;
mod turn;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use self::id::{EventId, EventMark};
pub use self::parts::{
    ActionBegun, AgentReported, AppletAsked, Cause, ConnectAnswered, DialAnswer, FlowEnd,
    HostCalled, LegReport, PassthruAfter, Recorded, Repeat, Requested, StatusReported, StreamEnd,
    StreamResumed, StreamStarted,
};
pub use self::turn::TurnLatency;
use crate::{
    CallId, CallRecord, CallSid, Decision, DeletedFor, Erased, Extent, FailureReport, FlowName,
    Language, Line, Masked, NodeId, PhoneNumber, Problem, PromptId, Step, VersionMove,
};

/// Something that happened to a call, with its time and the node that recorded it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallEvent {
    /// Its id. An event that arrives twice is recognised by it.
    pub id: EventId,
    /// The call.
    pub call_id: CallId,
    /// The node that recorded it.
    pub node: NodeId,
    /// When it was recorded, in milliseconds since 1970-01-01T00:00:00Z by that node's clock, but
    /// not before any event of the call that the node knew. 0 for an imported record.
    pub unix_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

impl CallEvent {
    /// Returns its position among the events of its call.
    pub fn mark(&self) -> EventMark {
        EventMark {
            unix_ms: self.unix_ms,
            id: self.id,
        }
    }

    /// Makes the event that imports a call's record from an engine version without events. It comes
    /// before all other events of the call, and has the same id on every node.
    pub fn imported(record: CallRecord) -> Self {
        Self {
            id: EventId::of_import(record.call_id),
            call_id: record.call_id,
            node: NodeId::NONE,
            unix_ms: 0,
            kind: EventKind::Imported(Box::new(record)),
        }
    }
}

/// What happened. `line` is the number of a line of the transcript, from 0.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "kebab-case")]
pub enum EventKind {
    /// The call's record from an engine version without events.
    Imported(Box<CallRecord>),
    /// A customer's record was stored for an upcoming call.
    Requested(Requested),
    /// Exotel is about to be asked to dial the customer. It is saved before the request is sent: a
    /// call with this event may have been dialled.
    Dialling,
    /// What is known of the request to dial.
    Dialled(DialAnswer),
    /// The call is a further call of an order. Sets only fields that are not set yet.
    Attributed {
        /// The order that it was dialled for.
        order: Option<CallId>,
        /// The customer's number.
        customer_number: Option<PhoneNumber>,
        /// The flow that the order names.
        flow: Option<FlowName>,
    },
    /// Exotel's id of the call became known.
    Named {
        /// The id.
        call_sid: CallSid,
    },
    /// An applet before the bot made its request: Passthru, or another one that binds the call.
    AppletAsked(Box<AppletAsked>),
    /// The engine refused the call because it was full or stopping.
    Refused {
        /// The reason, in words.
        reason: String,
        /// The reason, with the entry point and a hint.
        detail: String,
    },
    /// The call's media stream started.
    StreamStarted(Box<StreamStarted>),
    /// Another node went on with the call, whose node had stopped.
    StreamResumed(StreamResumed),
    /// The stream did not start in time.
    StreamOverdue {
        /// What is known about it, used as the start of the problem's detail.
        what: String,
        /// A problem seen on a socket that named no call. It is used if the record names no cause.
        unnamed: Option<Cause>,
    },
    /// One of the nine steps was reached.
    StepReached {
        /// The step.
        step: Step,
    },
    /// A host function that the flow called has returned.
    HostCalled(Box<HostCalled>),
    /// The flow invoked an action that acts, which the engine is about to do. Its answer is in the entry
    /// of the journal that follows; if none does, whether it was done is not known.
    ActionBegun(ActionBegun),
    /// The call's language was set.
    LanguageSet {
        /// The new language.
        language: Language,
    },
    /// The flow established a fact, such as who is on the line.
    Established {
        /// The fact's name.
        name: String,
    },
    /// A decision was made on what happens after the conversation.
    Decided(Decision),
    /// The flow set the disposition of the conversation.
    Disposed {
        /// The disposition.
        disposition: String,
        /// Further detail.
        detail: Option<String>,
    },
    /// The flow noted a value.
    Noted {
        /// Its name.
        name: String,
        /// The value.
        value: Masked,
    },
    /// The flow asked for another call with the customer.
    CallAgain {
        /// When, in milliseconds since 1970-01-01T00:00:00Z.
        at_ms: u64,
    },
    /// A prompt started to play.
    PromptStarted {
        /// Its line of the transcript.
        line: u32,
        /// Its number in the call.
        prompt: PromptId,
        /// The line as it is when the prompt starts.
        text: Line,
    },
    /// A prompt was played to its end, or no more of it will be played.
    PromptPlayed {
        /// Its line of the transcript.
        line: u32,
        /// Its number in the call.
        prompt: PromptId,
        /// Its template's name; empty if it has none.
        template: String,
        /// How much of it was heard.
        heard: Extent,
        /// How many milliseconds of it were heard.
        heard_ms: u64,
    },
    /// The prompt being played was paused, because the caller began to speak.
    PromptPaused {
        /// Its line of the transcript.
        line: u32,
        /// Its number in the call.
        prompt: PromptId,
        /// Its template's name; empty if it has none.
        template: String,
        /// How many milliseconds of it had been heard.
        heard_ms: u64,
        /// When they began to speak, in milliseconds since the stream's start.
        at_ms: u64,
        /// How long after that the engine paused the prompt, in milliseconds.
        stopped_after_ms: u64,
    },
    /// A paused prompt went on, because what the caller said was nothing.
    PromptResumed {
        /// Its line of the transcript.
        line: u32,
        /// Its number in the call.
        prompt: PromptId,
        /// Its template's name; empty if it has none.
        template: String,
        /// From where, in milliseconds of the prompt: what was heard last is said again.
        from_ms: u64,
        /// How long nothing was sent, in milliseconds.
        paused_ms: u64,
    },
    /// A later mark came back, which confirms a prompt that was only assumed to have been heard.
    PromptConfirmed {
        /// Its line of the transcript.
        line: u32,
        /// Its number in the call.
        prompt: PromptId,
        /// Its template's name; empty if it has none.
        template: String,
    },
    /// A question was asked.
    Asked {
        /// Its name.
        question: String,
    },
    /// The engine started to listen for an answer.
    Listening,
    /// The caller interrupted a prompt.
    BargedIn {
        /// When they began to speak, in milliseconds since the stream's start.
        at_ms: u64,
        /// How long after that the engine stopped the prompt, in milliseconds; absent in events of
        /// engine versions that did not measure it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped_after_ms: Option<u64>,
    },
    /// The bot has begun to say something in reply to a turn of the caller, or to their key.
    Responded(TurnLatency),
    /// The caller said something that counts for the question, as an answer or a no-match.
    Utterance {
        /// Its line of the transcript.
        line: u32,
        /// The line.
        text: Line,
    },
    /// The caller spoke, but it does not count as an answer: usually they spoke over a prompt.
    TalkedOver {
        /// Its line of the transcript.
        line: u32,
        /// The line.
        text: Line,
    },
    /// The caller pressed keys.
    Keys {
        /// Its line of the transcript.
        line: u32,
        /// The line.
        text: Line,
    },
    /// Something went wrong.
    Problem {
        /// The problem.
        problem: Problem,
        /// When the record keeps it although it has a similar one.
        repeat: Repeat,
    },
    /// The call moved to a newer version of its flow, or stayed on its own.
    VersionMoved(VersionMove),
    /// The flow failed.
    FlowFailed(Box<FailureReport>),
    /// The engine could not run the conversation.
    EngineEnded {
        /// The outcome: `no-flow`, `no-voice`, `connection-lost` or `engine-failed`.
        outcome: String,
        /// Whether the call is hung up, whatever was decided.
        hang_up: bool,
    },
    /// The conversation has ended.
    ConversationEnded {
        /// Why the stream ended.
        stream: StreamEnd,
        /// How the flow's run ended; `None` if it was stopped before its end, `Returned` if there
        /// was no flow.
        flow: Option<FlowEnd>,
        /// The last prompt, and how much of it was heard.
        last_position: String,
        /// When the flow called its first function, in milliseconds since 1970-01-01T00:00:00Z.
        began_ms: Option<u64>,
    },
    /// The stream is over; the conversation adds no further events.
    StreamClosed,
    /// The engine began to record the stream.
    RecordingBegun {
        /// The file's name.
        file: String,
        /// Where it begins, in milliseconds since the start of the call.
        at_ms: u64,
        /// The name of the engine in whose data folder it is. Absent from older events.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        engine: Option<String>,
    },
    /// A recording has ended.
    Recorded(Box<Recorded>),
    /// The file of a recording was deleted.
    RecordingDeleted {
        /// The file's name.
        file: String,
        /// Why.
        why: DeletedFor,
    },
    /// The node that ran the call, or waited for its stream, has stopped without ending it:
    /// usually its lease has expired.
    Abandoned,
    /// The Passthru applet after the bot, or the one after Connect, made its request.
    PassthruAfter(Box<PassthruAfter>),
    /// The Connect applet asked for the agents' numbers, and was answered.
    ConnectAnswered(ConnectAnswered),
    /// Connect's event URL reported the progress of an agent's leg.
    AgentReported(AgentReported),
    /// The applets after the bot have had enough time to ask for the agents.
    TransferOverdue,
    /// A status callback arrived.
    StatusReported(Box<StatusReported>),
    /// What earlier events of the call say of persons was erased.
    Erased(Erased),
    /// An event that this engine cannot read: of a kind from a later version, with data that it
    /// does not understand, or with erased data.
    #[serde(untagged)]
    Other {
        /// Its kind.
        kind: String,
        /// Its data, unchanged; `null` if there are none.
        #[serde(default, skip_serializing_if = "Json::is_null")]
        data: Json,
    },
}

impl EventKind {
    /// Returns the kind's name in JSON and in the database.
    pub fn name(&self) -> &str {
        match self {
            EventKind::Imported(_) => "imported",
            EventKind::Requested(_) => "requested",
            EventKind::Dialling => "dialling",
            EventKind::Dialled(_) => "dialled",
            EventKind::Attributed { .. } => "attributed",
            EventKind::Named { .. } => "named",
            EventKind::AppletAsked(_) => "applet-asked",
            EventKind::Refused { .. } => "refused",
            EventKind::StreamStarted(_) => "stream-started",
            EventKind::StreamOverdue { .. } => "stream-overdue",
            EventKind::StepReached { .. } => "step-reached",
            EventKind::HostCalled(_) => "host-called",
            EventKind::ActionBegun(_) => "action-begun",
            EventKind::LanguageSet { .. } => "language-set",
            EventKind::Established { .. } => "established",
            EventKind::Decided(_) => "decided",
            EventKind::Disposed { .. } => "disposed",
            EventKind::Noted { .. } => "noted",
            EventKind::CallAgain { .. } => "call-again",
            EventKind::PromptStarted { .. } => "prompt-started",
            EventKind::PromptPlayed { .. } => "prompt-played",
            EventKind::PromptPaused { .. } => "prompt-paused",
            EventKind::PromptResumed { .. } => "prompt-resumed",
            EventKind::PromptConfirmed { .. } => "prompt-confirmed",
            EventKind::Asked { .. } => "asked",
            EventKind::Listening => "listening",
            EventKind::BargedIn { .. } => "barged-in",
            EventKind::Responded(_) => "responded",
            EventKind::Utterance { .. } => "utterance",
            EventKind::TalkedOver { .. } => "talked-over",
            EventKind::Keys { .. } => "keys",
            EventKind::Problem { .. } => "problem",
            EventKind::VersionMoved(_) => "version-moved",
            EventKind::FlowFailed(_) => "flow-failed",
            EventKind::EngineEnded { .. } => "engine-ended",
            EventKind::ConversationEnded { .. } => "conversation-ended",
            EventKind::StreamClosed => "stream-closed",
            EventKind::StreamResumed(_) => "stream-resumed",
            EventKind::RecordingBegun { .. } => "recording-begun",
            EventKind::Recorded(_) => "recorded",
            EventKind::RecordingDeleted { .. } => "recording-deleted",
            EventKind::Abandoned => "abandoned",
            EventKind::PassthruAfter(_) => "passthru-after",
            EventKind::ConnectAnswered(_) => "connect-answered",
            EventKind::AgentReported(_) => "agent-reported",
            EventKind::TransferOverdue => "transfer-overdue",
            EventKind::StatusReported(_) => "status-reported",
            EventKind::Erased(_) => "erased",
            EventKind::Other { kind, .. } => kind,
        }
    }

    /// Returns whether the event is a request of an applet or a callback. Anyone who knows the
    /// call's id can send those, so their number is limited ([`REPORTS`](crate::fold::REPORTS)).
    pub fn is_reported(&self) -> bool {
        matches!(
            self,
            EventKind::AppletAsked(_)
                | EventKind::PassthruAfter(_)
                | EventKind::ConnectAnswered(_)
                | EventKind::AgentReported(_)
                | EventKind::StatusReported(_)
        )
    }

    /// Whether only the node that has the call's stream can have seen it.
    pub fn is_of_stream(&self) -> bool {
        match self {
            EventKind::StepReached { .. }
            | EventKind::HostCalled(_)
            | EventKind::ActionBegun(_)
            | EventKind::LanguageSet { .. }
            | EventKind::Established { .. }
            | EventKind::Decided(_)
            | EventKind::Disposed { .. }
            | EventKind::Noted { .. }
            | EventKind::CallAgain { .. }
            | EventKind::PromptStarted { .. }
            | EventKind::PromptPlayed { .. }
            | EventKind::PromptPaused { .. }
            | EventKind::PromptResumed { .. }
            | EventKind::PromptConfirmed { .. }
            | EventKind::Asked { .. }
            | EventKind::Listening
            | EventKind::BargedIn { .. }
            | EventKind::Responded(_)
            | EventKind::Utterance { .. }
            | EventKind::TalkedOver { .. }
            | EventKind::Keys { .. }
            | EventKind::VersionMoved(_)
            | EventKind::FlowFailed(_)
            | EventKind::EngineEnded { .. }
            | EventKind::ConversationEnded { .. }
            | EventKind::RecordingBegun { .. }
            | EventKind::StreamClosed => true,
            EventKind::Imported(_)
            | EventKind::Requested(_)
            | EventKind::Dialling
            | EventKind::Dialled(_)
            | EventKind::Attributed { .. }
            | EventKind::Named { .. }
            | EventKind::AppletAsked(_)
            | EventKind::Refused { .. }
            | EventKind::StreamStarted(_)
            | EventKind::StreamResumed(_)
            | EventKind::StreamOverdue { .. }
            | EventKind::Problem { .. }
            | EventKind::Recorded(_)
            | EventKind::RecordingDeleted { .. }
            | EventKind::Abandoned
            | EventKind::PassthruAfter(_)
            | EventKind::ConnectAnswered(_)
            | EventKind::AgentReported(_)
            | EventKind::TransferOverdue
            | EventKind::StatusReported(_)
            | EventKind::Erased(_)
            | EventKind::Other { .. } => false,
        }
    }

    /// Whether it ends a call, or is reported of one that has ended.
    pub fn ends_call(&self) -> bool {
        matches!(
            self,
            EventKind::StreamClosed
                | EventKind::Dialled(DialAnswer::Refused { .. })
                | EventKind::Refused { .. }
                | EventKind::StreamOverdue { .. }
                | EventKind::Abandoned
                | EventKind::TransferOverdue
                | EventKind::StatusReported(_)
        )
    }

    /// Makes a problem event. `repeat` says when the record keeps it.
    pub fn problem(unix_ms: u64, name: &str, detail: String, repeat: Repeat) -> Self {
        EventKind::Problem {
            problem: Problem {
                unix_ms,
                name: name.to_owned(),
                detail,
            },
            repeat,
        }
    }
}

/// Shows only the kind: the data may be personal and must not be logged.
impl fmt::Debug for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
