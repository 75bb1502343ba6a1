//! Sessions and customers: the data that Exotel's requests before, during and after a call must
//! find within milliseconds.

use std::time::Duration;

use async_trait::async_trait;
use ghanti_model::{CallId, CallSid, CustomerRecord, Decision, PhoneNumber};

use crate::StoreMeter;
use crate::binding::{Binding, Claimant, Order, Sighting};

/// Why a store operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer in time, or refused the connection. The call goes on without it.
    #[error("{store} is not reachable: {reason}")]
    Unavailable {
        /// The store.
        store: &'static str,
        /// The client's error message, without secrets.
        reason: String,
    },
    /// The stored value is not one that this engine writes.
    #[error("{store} has something unreadable under `{key}`: {reason}")]
    Unreadable {
        /// The store.
        store: &'static str,
        /// The key, with phone numbers masked.
        key: String,
        /// What is wrong with the value.
        reason: String,
    },
}

/// The longest one request to a store may take before it is `Unavailable`. An operation of
/// [`SessionStore`] makes at most two.
pub const DEADLINE: Duration = Duration::from_secs(1);

/// How many orders are kept per phone number. The oldest beyond that can no longer be found by the
/// number.
pub const ORDERS_OF_A_NUMBER: usize = 32;

/// How many sightings are kept per call, the newest ones: Exotel asks twice before the stream, and
/// may ask again.
pub const SIGHTINGS_OF_A_CALL: usize = 16;

/// Sessions and customers, in Redis or in process. Every key has a TTL.
///
/// Functions ending in `_here` return at once from what this process keeps, and never wait for a
/// server.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Stores an order, to be found by its id and by its phone number.
    async fn put_customer(&self, customer: &CustomerRecord) -> Result<(), StoreError>;

    /// The customer's record of an order.
    async fn customer_by_call(&self, order: CallId) -> Result<Option<CustomerRecord>, StoreError>;

    /// The unexpired orders of a number, in any spelling of it: at most [`ORDERS_OF_A_NUMBER`] per
    /// store, the newest of each store first.
    async fn orders_of(&self, phone: &PhoneNumber) -> Result<Vec<Order>, StoreError>;

    /// Marks an order as used ("held"): a call has started in which it was handed to a flow, so it is no
    /// longer open.
    async fn hold(&self, order: CallId) -> Result<(), StoreError>;

    /// Claims the order's own id for the record of a call. The first claim wins. Returns whether
    /// this claimant has it; any other call of the order gets a record with a new id.
    async fn claim(&self, order: CallId, claimant: Claimant<'_>) -> Result<bool, StoreError>;

    /// Like [`SessionStore::claim`], but in this process only.
    fn claim_here(&self, order: CallId, claimant: Claimant<'_>) -> bool;

    /// Keeps what a request reported about a call, in this process only.
    fn see_here(&self, sid: &CallSid, sighting: &Sighting);

    /// Like [`SessionStore::see_here`], but for all nodes.
    async fn see(&self, sid: &CallSid, sighting: &Sighting) -> Result<(), StoreError>;

    /// What requests have reported about a call: at most [`SIGHTINGS_OF_A_CALL`] sightings per
    /// store, the newest of each store first.
    async fn sightings(&self, sid: &CallSid) -> Result<Vec<Sighting>, StoreError>;

    /// Binds Exotel's CallSid to a call of ours. The first binding of a CallSid wins; returns the
    /// binding in force.
    async fn bind(&self, sid: &CallSid, binding: Binding) -> Result<Binding, StoreError>;

    /// Like [`SessionStore::bind`], but in this process only.
    fn bind_here(&self, sid: &CallSid, binding: Binding) -> Binding;

    /// The binding of a CallSid.
    async fn bound(&self, sid: &CallSid) -> Result<Option<Binding>, StoreError>;

    /// Stores the decision on what happens after the conversation, for the applets that ask next.
    async fn put_decision(&self, sid: &CallSid, decision: &Decision) -> Result<(), StoreError>;

    /// The decision on what happens after the conversation.
    async fn decision(&self, sid: &CallSid) -> Result<Option<Decision>, StoreError>;

    /// Erases what is kept by a person's number and of their calls: orders, customers' records, what
    /// requests reported, decisions. Returns how many keys there were. The calls' CallSids stay bound
    /// to their ids, so that late reports of Exotel find them.
    async fn erase(
        &self,
        phone: &PhoneNumber,
        calls: &[CallId],
        sids: &[CallSid],
    ) -> Result<u64, StoreError>;

    /// Looks up a key for a flow. The engine's own keys are never found.
    async fn lookup(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// How often the server behind this store has failed; `None` without one.
    fn meter(&self) -> Option<&StoreMeter> {
        None
    }
}
