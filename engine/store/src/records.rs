//! Events of calls and the records folded from them: what is kept of a call permanently.

use std::sync::Arc;

use async_trait::async_trait;
use ghanti_model::chain::sha256;
use ghanti_model::{
    CallEvent, CallId, CallLog, CallRecord, CallSid, EventId, EventMark, NodeId, PhoneNumber,
};

use crate::{DoNotCall, StoreError};

/// For how long the key of a request to dial is kept: a day.
pub const REQUEST_KEPT_MS: u64 = 24 * 3_600_000;

/// A request to dial that was made with a key of the sender's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialRequestKey {
    /// The SHA-256 of the key, in hexadecimal.
    pub key_hash: String,
    /// The SHA-256 of the request's body, in hexadecimal.
    pub body_hash: String,
    /// The call that the request made.
    pub call_id: CallId,
}

impl DialRequestKey {
    /// Hashes the key and the body of a request.
    pub fn new(key: &str, body: &[u8], call_id: CallId) -> Self {
        Self {
            key_hash: sha256(key.as_bytes()),
            body_hash: sha256(body),
            call_id,
        }
    }
}

/// A node's lease on its calls, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeLease {
    /// The node.
    pub node: NodeId,
    /// When it was renewed last, in milliseconds since 1970-01-01T00:00:00Z by that node's clock: it shows
    /// that the node lives by changing, and is not to be compared with any other time.
    pub heartbeat_ms: u64,
    /// Whether the node has stopped and given it up.
    pub is_given_up: bool,
}

/// Events and records of calls in a database: SQLite or PostgreSQL.
#[async_trait]
pub trait CallRecords: Send + Sync {
    /// Adds events of any calls, in any order, in one transaction. Events that are stored already
    /// are kept as they are. The records of their calls are updated in the same transaction; a
    /// do-not-call request in one ([`DoNotCall`]) is also stored with the customer's number, once
    /// per call.
    async fn append(&self, events: &[Arc<CallEvent>]) -> Result<(), StoreError>;

    /// Stores a call's record from an engine version without events, as the first event of that
    /// call. A record that was imported before is kept.
    async fn import(&self, record: &CallRecord) -> Result<(), StoreError> {
        self.append(&[Arc::new(CallEvent::imported(record.clone()))])
            .await
    }

    /// Returns at most `limit` events of a call in their order: those after the mark `after` or,
    /// without one, the first.
    async fn events(
        &self,
        call: CallId,
        after: Option<EventMark>,
        limit: u32,
    ) -> Result<Vec<CallEvent>, StoreError>;

    /// Returns the call of an event, and the event's position among those of the call.
    async fn place_of(&self, event: EventId) -> Result<Option<(CallId, EventMark)>, StoreError>;

    /// Returns the record of a call, with the position of its newest event.
    async fn log_by_id(&self, call: CallId) -> Result<Option<CallLog>, StoreError>;

    /// Returns the newest record of a CallSid, with the position of its newest event.
    async fn log_by_sid(&self, sid: &CallSid) -> Result<Option<CallLog>, StoreError>;

    /// Returns the record of a call.
    async fn by_id(&self, call: CallId) -> Result<Option<CallRecord>, StoreError> {
        Ok(self.log_by_id(call).await?.map(CallLog::into_record))
    }

    /// Returns the newest record of a CallSid.
    async fn by_sid(&self, sid: &CallSid) -> Result<Option<CallRecord>, StoreError> {
        Ok(self.log_by_sid(sid).await?.map(CallLog::into_record))
    }

    /// Returns the newest records without their journals, at most `limit`, newest first.
    async fn newest(&self, limit: u32) -> Result<Vec<CallRecord>, StoreError>;

    /// Returns the newest records of a number's ended calls, at most `limit`, newest first.
    async fn ended_of(
        &self,
        phone: &PhoneNumber,
        limit: u32,
    ) -> Result<Vec<CallRecord>, StoreError>;

    /// Renews a node's lease on its calls: the current time, and until when it has them, in milliseconds
    /// since 1970-01-01T00:00:00Z. Of a lease that ends at once the calls count as abandoned.
    async fn heartbeat(
        &self,
        node: NodeId,
        now_unix_ms: u64,
        lease_until_ms: u64,
    ) -> Result<(), StoreError>;

    /// Returns when a node renewed its lease last, by its own clock, in milliseconds since
    /// 1970-01-01T00:00:00Z; `None` if it has no lease any more.
    async fn last_heartbeat(&self, node: NodeId) -> Result<Option<u64>, StoreError>;

    /// Returns the leases of all nodes, also of those that were not renewed for long.
    async fn leases(&self) -> Result<Vec<NodeLease>, StoreError>;

    /// Ends calls that are live, or that wait for their stream, on nodes that are gone or have no lease.
    /// Returns how many. `node` is the node that does it.
    async fn close_abandoned(
        &self,
        node: NodeId,
        gone: &[NodeId],
        now_unix_ms: u64,
    ) -> Result<u64, StoreError>;

    /// Claims for a node to go on with a call whose engine has stopped, after it was taken up `nth`
    /// times before. Returns whether the node may: of several it is one, as long as that one lives.
    async fn claim_resumption(
        &self,
        call: CallId,
        nth: u32,
        node: NodeId,
        now_unix_ms: u64,
    ) -> Result<bool, StoreError>;

    /// Claims a CallSid for a call that was dialled without a reply and may be the one that Exotel
    /// lists under it. Returns whether it is the call's: of several it is one's.
    async fn claim_call_sid(
        &self,
        sid: &CallSid,
        call: CallId,
        now_unix_ms: u64,
    ) -> Result<bool, StoreError>;

    /// Returns the customer's newest do-not-call request that has not been lifted.
    async fn do_not_call(&self, phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError>;

    /// Lifts all do-not-call requests of a number, including `unsaved`, whose record may not have
    /// reached the database yet. Returns how many were in force.
    async fn lift_do_not_call(
        &self,
        phone: &PhoneNumber,
        unsaved: Option<DoNotCall>,
        now_unix_ms: u64,
    ) -> Result<u64, StoreError>;

    /// Claims the key of a request to dial for a call. Returns the request that has the key: this one,
    /// or an earlier one of the last [`REQUEST_KEPT_MS`].
    async fn claim_request(
        &self,
        request: &DialRequestKey,
        now_unix_ms: u64,
    ) -> Result<DialRequestKey, StoreError>;

    /// Checks that the database answers.
    async fn ping(&self) -> Result<(), StoreError>;
}
