//! Messages to other systems about what became of a call. They are written in the transaction that
//! saves the events they report, so that neither is saved without the other.
//!
//! What the messages say, and to whom, is decided by an [`Outbox`]; how they are kept, taken by one
//! node at a time and given up is in [`SqlRecords`](crate::SqlRecords).

use ghanti_model::fold::network::final_status;
use ghanti_model::{CallId, CallRecord, CallState, ChainHead, Problem};

use crate::DoNotCall;

/// Decides which messages a change of a call's record makes.
pub trait Outbox: Send + Sync {
    /// Returns the messages of a record that was `before` and has changed, in the order in which
    /// they are to be sent. Called within a transaction: it must neither wait nor fail. `unix_ms`
    /// is the time of the newest event, in milliseconds since 1970-01-01T00:00:00Z, and `chain` the
    /// head of the call's hash chain after the events.
    fn messages(
        &self,
        before: &RecordGist,
        after: &CallRecord,
        chain: &ChainHead,
        unix_ms: u64,
    ) -> Vec<Message>;

    /// Messages have been saved.
    fn saved(&self);
}

/// What messages depend on, of a record before it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordGist {
    /// Pending, live or ended.
    pub state: CallState,
    /// Whether the call's stream has started.
    pub has_started: bool,
    /// What became of it.
    pub outcome: Option<String>,
    /// What went wrong, in order.
    pub problems: Vec<Problem>,
    /// Whether the customer asked not to be called again.
    pub is_unwanted: bool,
    /// Whether Exotel has reported the call's final status.
    pub is_reported: bool,
}

impl RecordGist {
    /// Returns the gist of a record.
    pub fn of(record: &CallRecord) -> Self {
        Self {
            state: record.state,
            has_started: record.started_ms.is_some(),
            outcome: record.outcome.clone(),
            problems: record.problems.clone(),
            is_unwanted: DoNotCall::of(record).is_some(),
            is_reported: final_status(record).is_some(),
        }
    }
}

/// A message that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id, which no other message has and which stays the same however often it is sent.
    pub id: String,
    /// The name of the endpoint that it goes to.
    pub endpoint: String,
    /// Its kind, such as `call.ended`.
    pub kind: String,
    /// What is sent.
    pub body: String,
}

/// A message that this node has taken, to send it once.
#[derive(Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Its place among all messages.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The name of the endpoint that it goes to.
    pub endpoint: String,
    /// The call that it is about.
    pub call_id: Option<CallId>,
    /// Its kind.
    pub kind: String,
    /// What is sent.
    pub body: String,
    /// When it was written, in milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: u64,
    /// How often it has been taken, this time included.
    pub attempts: u32,
}

/// Shows no body: it may be personal.
impl std::fmt::Debug for Claimed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claimed")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("kind", &self.kind)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// A message that was given up, without its body.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeadLetter {
    /// Its id.
    pub id: String,
    /// The name of the endpoint that it was for.
    pub endpoint: String,
    /// The call that it is about.
    pub call_id: String,
    /// Its kind.
    pub kind: String,
    /// When it was written, in milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up, likewise.
    pub dead_ms: u64,
    /// Why the last attempt failed.
    pub error: String,
}

/// How many messages of an endpoint there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The endpoint's name.
    pub endpoint: String,
    /// Those that are still to be delivered.
    pub waiting: u64,
    /// Those that were given up.
    pub dead: u64,
}
