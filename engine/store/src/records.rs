//! Call records: what remains of a call for good.

use async_trait::async_trait;
use ghanti_model::{CallId, CallRecord, CallSid, CallState, PhoneNumber, Step};

use crate::{DoNotCall, StoreError};

/// Call records, in SQLite or PostgreSQL.
#[async_trait]
pub trait CallRecords: Send + Sync {
    /// Writes a record, whole; the one of the same call id is replaced. What a customer asked for
    /// in it ([`DoNotCall`]) is kept with their number, once.
    async fn save(&self, record: &CallRecord) -> Result<(), StoreError>;

    /// The record of a call.
    async fn by_id(&self, call: CallId) -> Result<Option<CallRecord>, StoreError>;

    /// The newest record of an Exotel CallSid.
    async fn by_sid(&self, sid: &CallSid) -> Result<Option<CallRecord>, StoreError>;

    /// The newest records, newest first, at most `limit`.
    async fn newest(&self, limit: u32) -> Result<Vec<CallRecord>, StoreError>;

    /// Ends every record left `live` by an engine that died, with outcome `engine-stopped`; tells
    /// how many. Called once, at start.
    async fn end_abandoned(&self, now_unix_ms: u64) -> Result<u64, StoreError>;

    /// Whether a customer has asked not to be called any more, the newest wish that was not lifted.
    async fn do_not_call(&self, phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError>;

    /// Lifts all wishes of a number, and `unsaved`, whose record may still be on its way to the
    /// database; tells how many were in force there.
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

/// What becomes of a live call when its engine died. The outcome is the engine's own, whatever the
/// flow had in mind.
pub(crate) fn abandon(record: &mut CallRecord, now_unix_ms: u64) {
    record.state = CallState::Ended;
    record.outcome = Some(ENGINE_STOPPED.to_owned());
    record
        .detail
        .get_or_insert_with(|| "the engine stopped during the call".to_owned());
    record.ended_ms = Some(now_unix_ms);
    record.reach(Step::Completed, now_unix_ms);
}
