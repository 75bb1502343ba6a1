//! Sessions and customers: what Exotel's requests before, during and after a call must find again
//! within milliseconds.

use std::time::Duration;

use async_trait::async_trait;
use ghanti_model::{CallId, CallSid, CustomerRecord, Decision, PhoneNumber};

use crate::binding::{Binding, Claimant, Order, Sighting};

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

/// The orders of one number that are kept; beyond them the oldest are no longer found by the
/// number.
pub const ORDERS_OF_A_NUMBER: usize = 32;

/// What applets said of one call is kept so many times, the newest: Exotel asks twice before the
/// stream, and may ask again.
pub const SIGHTINGS_OF_A_CALL: usize = 16;

/// Sessions and customers, in Redis or in process. Every key has a TTL.
///
/// Functions that end in `_here` answer at once from what this process itself keeps, and never wait
/// for a server.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Stores an order: found again by its id and by its phone number.
    async fn put_customer(&self, customer: &CustomerRecord) -> Result<(), StoreError>;

    /// The record of an order.
    async fn customer_by_call(&self, order: CallId) -> Result<Option<CustomerRecord>, StoreError>;

    /// The orders of a number, in whatever spelling it came, newest first: at most
    /// [`ORDERS_OF_A_NUMBER`], and none that has expired.
    async fn orders_of(&self, phone: &PhoneNumber) -> Result<Vec<Order>, StoreError>;

    /// Notes that a call has begun in which the order was handed to a flow: it is no longer open.
    async fn hold(&self, order: CallId) -> Result<(), StoreError>;

    /// Claims the order's own id for the record of a call. The first claim wins: returns whether it
    /// is the claimant's. Every further call of the order has a record under an id of its own.
    async fn claim(&self, order: CallId, claimant: Claimant<'_>) -> Result<bool, StoreError>;

    /// The same in this process alone.
    fn claim_here(&self, order: CallId, claimant: Claimant<'_>) -> bool;

    /// Keeps what a request has said of a call, for this process alone.
    fn see_here(&self, sid: &CallSid, sighting: &Sighting);

    /// The same for all engines.
    async fn see(&self, sid: &CallSid, sighting: &Sighting) -> Result<(), StoreError>;

    /// What requests have said of a call, newest first, at most [`SIGHTINGS_OF_A_CALL`].
    async fn sightings(&self, sid: &CallSid) -> Result<Vec<Sighting>, StoreError>;

    /// Remembers which call of ours Exotel's CallSid is. The first binding of a CallSid wins; what
    /// is bound is returned.
    async fn bind(&self, sid: &CallSid, binding: Binding) -> Result<Binding, StoreError>;

    /// The same in this process alone.
    fn bind_here(&self, sid: &CallSid, binding: Binding) -> Binding;

    /// Our call of a CallSid.
    async fn bound(&self, sid: &CallSid) -> Result<Option<Binding>, StoreError>;

    /// Stores what is to happen after the conversation, for the applets that ask next.
    async fn put_decision(&self, sid: &CallSid, decision: &Decision) -> Result<(), StoreError>;

    /// What was decided.
    async fn decision(&self, sid: &CallSid) -> Result<Option<Decision>, StoreError>;

    /// A flow's look-up of a key outside of ours; none under ours.
    async fn lookup(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}
