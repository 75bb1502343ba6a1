//! Events of calls, and the records that follow from them: what remains of a call for good.

use std::sync::Arc;

use async_trait::async_trait;
use ghanti_model::{
    CallEvent, CallId, CallLog, CallRecord, CallSid, EventId, EventMark, NodeId, PhoneNumber,
};

use crate::{DoNotCall, StoreError};

/// Events and records of calls, in SQLite or PostgreSQL.
#[async_trait]
pub trait CallRecords: Send + Sync {
    /// Adds events, of any calls and in any order: all of them or none. What is there already stays
    /// as it is. The records of their calls follow in the same transaction; what a customer asked
    /// for in one ([`DoNotCall`]) is kept with their number, once.
    async fn append(&self, events: &[Arc<CallEvent>]) -> Result<(), StoreError>;

    /// Takes over the record of a call that was held before there were events. One that is there
    /// stays as it is.
    async fn import(&self, record: &CallRecord) -> Result<(), StoreError> {
        self.append(&[Arc::new(CallEvent::imported(record.clone()))])
            .await
    }

    /// At most `limit` events of a call in their order, behind a mark; without one its first.
    async fn events(
        &self,
        call: CallId,
        behind: Option<EventMark>,
        limit: u32,
    ) -> Result<Vec<CallEvent>, StoreError>;

    /// Which call an event is of, and its place there.
    async fn place_of(&self, event: EventId) -> Result<Option<(CallId, EventMark)>, StoreError>;

    /// The record of a call, with its place among the call's events.
    async fn log_by_id(&self, call: CallId) -> Result<Option<CallLog>, StoreError>;

    /// The newest record of an Exotel CallSid, with its place among the call's events.
    async fn log_by_sid(&self, sid: &CallSid) -> Result<Option<CallLog>, StoreError>;

    /// The record of a call.
    async fn by_id(&self, call: CallId) -> Result<Option<CallRecord>, StoreError> {
        Ok(self.log_by_id(call).await?.map(CallLog::into_record))
    }

    /// The newest record of an Exotel CallSid.
    async fn by_sid(&self, sid: &CallSid) -> Result<Option<CallRecord>, StoreError> {
        Ok(self.log_by_sid(sid).await?.map(CallLog::into_record))
    }

    /// The newest records, at most `limit`, newest first.
    async fn newest(&self, limit: u32) -> Result<Vec<CallRecord>, StoreError>;

    /// A node is alive, and holds its calls until `lease_until_ms`. A time that has passed gives
    /// its calls up.
    async fn heartbeat(
        &self,
        node: NodeId,
        now_unix_ms: u64,
        lease_until_ms: u64,
    ) -> Result<(), StoreError>;

    /// Ends the calls that are live, or wait for their stream, on nodes whose lease has run out;
    /// tells how many. `node` is the one that does it.
    async fn close_abandoned(&self, node: NodeId, now_unix_ms: u64) -> Result<u64, StoreError>;

    /// The customer's newest do-not-call request that has not been lifted.
    async fn do_not_call(&self, phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError>;

    /// Lifts all do-not-call requests of a number, including `unsaved`, whose record may not have
    /// reached the database yet. Returns how many were in force.
    async fn lift_do_not_call(
        &self,
        phone: &PhoneNumber,
        unsaved: Option<DoNotCall>,
        now_unix_ms: u64,
    ) -> Result<u64, StoreError>;

    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;
}
