//! Sessions and customers: what Exotel's requests before, during and after a call must find again within milliseconds.

use std::time::Duration;

use async_trait::async_trait;
use samvaad_model::{CallId, CallSid, CustomerRecord, Decision, PhoneNumber};

/// The store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No answer in time, or a refused connection. The call goes on without.
    #[error("{store} is not reachable: {reason}")]
    Unavailable {
        /// Which store.
        store: &'static str,
        /// What the client said, without secrets.
        reason: String,
    },
    /// What was stored is not what this engine writes.
    #[error("{store} holds something unreadable under `{key}`: {reason}")]
    Unreadable {
        /// Which store.
        store: &'static str,
        /// Where, numbers masked.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The longest any session store operation may take before it is `Unavailable`.
pub const DEADLINE: Duration = Duration::from_secs(1);

/// Sessions and customers, in Redis or in process. Every key has a TTL.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Stores a customer's record for a coming call: found again by its call id and by its phone number (the newest record of a number wins).
    async fn put_customer(&self, customer: &CustomerRecord) -> Result<(), StoreError>;

    /// The record of a call id.
    async fn customer_by_call(&self, call: CallId) -> Result<Option<CustomerRecord>, StoreError>;

    /// The newest record of a number, in whatever spelling it came.
    async fn customer_by_phone(&self, phone: &PhoneNumber) -> Result<Option<CustomerRecord>, StoreError>;

    /// Remembers that Exotel's CallSid is this call of ours. The first binding of a CallSid wins; what is bound is returned.
    async fn bind(&self, sid: &CallSid, call: CallId) -> Result<CallId, StoreError>;

    /// Our call of a CallSid.
    async fn bound(&self, sid: &CallSid) -> Result<Option<CallId>, StoreError>;

    /// Stores what is to happen after the conversation, for the applets that ask next.
    async fn put_decision(&self, sid: &CallSid, decision: &Decision) -> Result<(), StoreError>;

    /// What was decided.
    async fn decision(&self, sid: &CallSid) -> Result<Option<Decision>, StoreError>;

    /// A flow's look-up of a key outside of ours; none under ours.
    async fn lookup(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}
