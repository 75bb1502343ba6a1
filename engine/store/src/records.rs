//! Call records: what is kept of a call permanently.

use async_trait::async_trait;
use ghanti_model::{CallId, CallRecord, CallSid, CallState, PhoneNumber, Step};

use crate::{DoNotCall, StoreError};

/// Call records in a database: SQLite or PostgreSQL.
#[async_trait]
pub trait CallRecords: Send + Sync {
    /// Saves a record, replacing any with the same call id. A do-not-call request in it
    /// ([`DoNotCall`]) is also stored with the customer's number, once.
    async fn save(&self, record: &CallRecord) -> Result<(), StoreError>;

    /// The record of a call.
    async fn by_id(&self, call: CallId) -> Result<Option<CallRecord>, StoreError>;

    /// The newest record of an Exotel CallSid.
    async fn by_sid(&self, sid: &CallSid) -> Result<Option<CallRecord>, StoreError>;

    /// The newest records, at most `limit`, newest first.
    async fn newest(&self, limit: u32) -> Result<Vec<CallRecord>, StoreError>;

    /// Ends every record that was left `live` by an engine that died, with outcome
    /// `engine-stopped`. Returns how many. Called once, at startup.
    async fn end_abandoned(&self, now_unix_ms: u64) -> Result<u64, StoreError>;

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

/// The outcome of a call whose engine died.
pub(crate) const ENGINE_STOPPED: &str = "engine-stopped";

/// Ends the record of a call whose engine died. The outcome is always the engine's own, whatever
/// disposition the flow had set.
pub(crate) fn abandon(record: &mut CallRecord, now_unix_ms: u64) {
    record.state = CallState::Ended;
    record.outcome = Some(ENGINE_STOPPED.to_owned());
    record
        .detail
        .get_or_insert_with(|| "the engine stopped during the call".to_owned());
    record.ended_ms = Some(now_unix_ms);
    record.reach(Step::Completed, now_unix_ms);
}
