//! What happens to a call, one event each. All that is known of a call is a fold over its events:
//! see [`CallRecord::fold`](crate::CallRecord::fold).
//!
//! An event states a fact, never a conclusion: "the status callback said this", not "the outcome is
//! that". What follows from the facts is the fold's to say, so that it is the same whichever node
//! saw which of them, and in whatever order they arrive.
//!
//! As JSON an event is one object:
//!
//! ```json
//! {"id":"0190…","call_id":"0190…","node":"0190…","unix_ms":1795000000000,
//!  "kind":"prompt-played","data":{"line":3,"prompt":4,"template":"greeting","heard":"whole","heard_ms":2400}}
//! ```
//!
//! `kind` is the variant's name of [`Happened`] in kebab-case, `data` its fields; a variant without
//! fields has no `data`. These names are stable: events are kept for good, and another version of
//! the engine reads them. A kind that this engine does not know is kept as [`Happened::Other`], with
//! its data as they are.

mod id;
mod parts;
#[cfg(test)]
pub(crate) mod samples;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use self::id::{EventId, EventMark, NodeId};
pub use self::parts::{
    AgentReported, AppletAsked, Cause, ConnectAnswered, FlowEnd, HostCalled, LegReport,
    PassthruAfter, Repeat, Requested, StatusReported, StreamEnd, StreamStarted,
};
use crate::{
    CallId, CallRecord, CallSid, Decision, Extent, FailureReport, FlowName, Language, Line, Masked,
    PhoneNumber, Problem, PromptId, Step, VersionMove,
};

/// One thing that happened to a call, with its time and the node that saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallEvent {
    /// Its own id, by which it is known again when it arrives twice.
    pub id: EventId,
    /// Which call.
    pub call_id: CallId,
    /// The node that saw it.
    pub node: NodeId,
    /// When, in milliseconds since 1970-01-01T00:00:00Z by that node's clock. It is never before
    /// anything that the node knew of the call. 0 for an imported record.
    pub unix_ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: Happened,
}

impl CallEvent {
    /// Its place among the events of its call.
    pub fn mark(&self) -> EventMark {
        EventMark {
            unix_ms: self.unix_ms,
            id: self.id,
        }
    }

    /// The record of a call that was held before there were events, as the first event of that
    /// call, before whatever else is known of it. It is the same event whoever makes it.
    pub fn imported(record: CallRecord) -> Self {
        Self {
            id: EventId::of_import(record.call_id),
            call_id: record.call_id,
            node: NodeId::NONE,
            unix_ms: 0,
            what: Happened::Imported(Box::new(record)),
        }
    }
}

/// What happened. The `line` of an event is the number of the transcript's line, from 0.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "kebab-case")]
pub enum Happened {
    /// The record of a call that was held before there were events.
    Imported(Box<CallRecord>),
    /// A customer's record was stored for a coming call.
    Requested(Requested),
    /// It is a further call of an order; what is known already stands.
    Attributed {
        /// The order.
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
    /// The Passthru applet before the bot asked, or another that binds the call.
    AppletAsked(Box<AppletAsked>),
    /// The engine did not take the call.
    Refused {
        /// Why, in words.
        reason: String,
        /// The same with where and what to do.
        detail: String,
    },
    /// Its media stream began.
    StreamStarted(Box<StreamStarted>),
    /// The stream that the applets announced did not come in time.
    StreamOverdue {
        /// What is known of it, as the beginning of a sentence.
        what: String,
        /// A cause that was seen on a socket which named no call; it counts where no other is known.
        unnamed: Option<Cause>,
    },
    /// One of the nine steps was reached.
    StepReached {
        /// Which.
        step: Step,
    },
    /// The flow called a host function and has its answer.
    HostCalled(Box<HostCalled>),
    /// The call's language was set.
    LanguageSet {
        /// The new one.
        language: Language,
    },
    /// The flow established something, such as who is on the line.
    Established {
        /// Its name.
        name: String,
    },
    /// What happens after the conversation was decided.
    Decided(Decision),
    /// The flow said what the conversation came to.
    Disposed {
        /// Its name.
        disposition: String,
        /// More about it.
        detail: Option<String>,
    },
    /// The flow noted a value.
    Noted {
        /// Its name.
        name: String,
        /// The value.
        value: Masked,
    },
    /// A prompt began to play.
    PromptStarted {
        /// Which line of the transcript it is.
        line: u32,
        /// Its number in the call.
        prompt: PromptId,
        /// The line as it begins.
        text: Line,
    },
    /// A prompt came to its end, or was cut off.
    PromptPlayed {
        /// Which line of the transcript it is.
        line: u32,
        /// Its number in the call.
        prompt: PromptId,
        /// Its template's name, or nothing.
        template: String,
        /// How much was heard.
        heard: Extent,
        /// Milliseconds of it that were heard.
        heard_ms: u64,
    },
    /// A prompt that was assumed to have been heard was heard to its end: its mark came after all.
    PromptConfirmed {
        /// Which line of the transcript it is.
        line: u32,
        /// Its number in the call.
        prompt: PromptId,
        /// Its template's name, or nothing.
        template: String,
    },
    /// A question was put.
    Asked {
        /// Its name.
        question: String,
    },
    /// The engine listens for an answer.
    Listening,
    /// The caller interrupted a prompt.
    BargedIn {
        /// Milliseconds from the stream's start.
        at_ms: u64,
    },
    /// The caller said something.
    Utterance {
        /// Which line of the transcript it is.
        line: u32,
        /// The line.
        text: Line,
    },
    /// The caller spoke over a prompt, which is no answer.
    TalkedOver {
        /// Which line of the transcript it is.
        line: u32,
        /// The line.
        text: Line,
    },
    /// The caller pressed keys.
    Keys {
        /// Which line of the transcript it is.
        line: u32,
        /// The line.
        text: Line,
    },
    /// Something went wrong.
    Problem {
        /// What.
        problem: Problem,
        /// Whether one like it is kept again.
        repeat: Repeat,
    },
    /// A newer version of the flow was there, and what became of it.
    VersionMoved(VersionMove),
    /// The flow failed.
    FlowFailed(Box<FailureReport>),
    /// The engine ended the conversation for a reason of its own.
    EngineEnded {
        /// The outcome that it is: `no-flow`, `connection-lost`, `engine-failed`.
        outcome: String,
        /// Whether nothing is to follow any more, whatever was decided.
        hang_up: bool,
    },
    /// The conversation is over.
    ConversationEnded {
        /// How the stream ended.
        stream: StreamEnd,
        /// How the flow ended; nothing where it was left while it ran.
        flow: Option<FlowEnd>,
        /// How far the conversation had come.
        last_position: String,
        /// When the flow called its first function, in milliseconds since 1970.
        began_ms: Option<u64>,
    },
    /// The call's stream is closed, and nothing more comes of it.
    StreamClosed,
    /// The node that held the call, or waited for its stream, has given no sign of life for so long
    /// that it counts as dead.
    Abandoned,
    /// The Passthru applet behind the bot asked, or the one behind Connect.
    PassthruAfter(Box<PassthruAfter>),
    /// The Connect applet asked, and was answered.
    ConnectAnswered(ConnectAnswered),
    /// Connect's event URL reported something of an agent's leg.
    AgentReported(AgentReported),
    /// The applets behind the bot had their time to ask.
    TransferOverdue,
    /// A status callback came.
    StatusReported(Box<StatusReported>),
    /// Something that this engine has no word for: it was written by a later one.
    #[serde(untagged)]
    Other {
        /// The later engine's name for it.
        kind: String,
        /// Its data, as they are.
        #[serde(default, skip_serializing_if = "Json::is_null")]
        data: Json,
    },
}

impl Happened {
    /// The kind's name in JSON and in the database.
    pub fn kind(&self) -> &str {
        match self {
            Happened::Imported(_) => "imported",
            Happened::Requested(_) => "requested",
            Happened::Attributed { .. } => "attributed",
            Happened::Named { .. } => "named",
            Happened::AppletAsked(_) => "applet-asked",
            Happened::Refused { .. } => "refused",
            Happened::StreamStarted(_) => "stream-started",
            Happened::StreamOverdue { .. } => "stream-overdue",
            Happened::StepReached { .. } => "step-reached",
            Happened::HostCalled(_) => "host-called",
            Happened::LanguageSet { .. } => "language-set",
            Happened::Established { .. } => "established",
            Happened::Decided(_) => "decided",
            Happened::Disposed { .. } => "disposed",
            Happened::Noted { .. } => "noted",
            Happened::PromptStarted { .. } => "prompt-started",
            Happened::PromptPlayed { .. } => "prompt-played",
            Happened::PromptConfirmed { .. } => "prompt-confirmed",
            Happened::Asked { .. } => "asked",
            Happened::Listening => "listening",
            Happened::BargedIn { .. } => "barged-in",
            Happened::Utterance { .. } => "utterance",
            Happened::TalkedOver { .. } => "talked-over",
            Happened::Keys { .. } => "keys",
            Happened::Problem { .. } => "problem",
            Happened::VersionMoved(_) => "version-moved",
            Happened::FlowFailed(_) => "flow-failed",
            Happened::EngineEnded { .. } => "engine-ended",
            Happened::ConversationEnded { .. } => "conversation-ended",
            Happened::StreamClosed => "stream-closed",
            Happened::Abandoned => "abandoned",
            Happened::PassthruAfter(_) => "passthru-after",
            Happened::ConnectAnswered(_) => "connect-answered",
            Happened::AgentReported(_) => "agent-reported",
            Happened::TransferOverdue => "transfer-overdue",
            Happened::StatusReported(_) => "status-reported",
            Happened::Other { kind, .. } => kind,
        }
    }

    /// Whether it came over HTTP from whoever knows the call's id, so that it is bounded in number.
    pub fn is_reported(&self) -> bool {
        matches!(
            self,
            Happened::AppletAsked(_)
                | Happened::PassthruAfter(_)
                | Happened::ConnectAnswered(_)
                | Happened::AgentReported(_)
                | Happened::StatusReported(_)
        )
    }

    /// Whether only the node that holds the call's stream can have seen it.
    pub fn is_of_stream(&self) -> bool {
        match self {
            Happened::StepReached { .. }
            | Happened::HostCalled(_)
            | Happened::LanguageSet { .. }
            | Happened::Established { .. }
            | Happened::Decided(_)
            | Happened::Disposed { .. }
            | Happened::Noted { .. }
            | Happened::PromptStarted { .. }
            | Happened::PromptPlayed { .. }
            | Happened::PromptConfirmed { .. }
            | Happened::Asked { .. }
            | Happened::Listening
            | Happened::BargedIn { .. }
            | Happened::Utterance { .. }
            | Happened::TalkedOver { .. }
            | Happened::Keys { .. }
            | Happened::VersionMoved(_)
            | Happened::FlowFailed(_)
            | Happened::EngineEnded { .. }
            | Happened::ConversationEnded { .. }
            | Happened::StreamClosed => true,
            Happened::Imported(_)
            | Happened::Requested(_)
            | Happened::Attributed { .. }
            | Happened::Named { .. }
            | Happened::AppletAsked(_)
            | Happened::Refused { .. }
            | Happened::StreamStarted(_)
            | Happened::StreamOverdue { .. }
            | Happened::Problem { .. }
            | Happened::Abandoned
            | Happened::PassthruAfter(_)
            | Happened::ConnectAnswered(_)
            | Happened::AgentReported(_)
            | Happened::TransferOverdue
            | Happened::StatusReported(_)
            | Happened::Other { .. } => false,
        }
    }

    /// Whether it ends a call, or is reported of one that has ended.
    pub fn ends_call(&self) -> bool {
        matches!(
            self,
            Happened::StreamClosed
                | Happened::Refused { .. }
                | Happened::StreamOverdue { .. }
                | Happened::Abandoned
                | Happened::TransferOverdue
                | Happened::StatusReported(_)
        )
    }

    /// A problem that is kept as often as it comes.
    pub fn problem(unix_ms: u64, name: &str, detail: String, repeat: Repeat) -> Self {
        Happened::Problem {
            problem: Problem {
                unix_ms,
                name: name.to_owned(),
                detail,
            },
            repeat,
        }
    }
}

/// The kind alone: what is in an event may be personal, and has no place in a log.
impl fmt::Debug for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

#[cfg(test)]
mod tests;
