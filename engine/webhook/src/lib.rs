//! Signed webhooks, which report the results of calls to other systems, such as a lender's CRM.
//!
//! Changes of a call's record become messages ([`kind`]), which are written in the transaction of the
//! events that caused them ([`outbox`]), and sent from there until they are delivered or given up
//! ([`delivery`]). They are signed as the Standard Webhooks specification
//! says ([`signature`]). A message arrives at least once; its id is the same each time.
//!
//! A receiver that is slow or down delays only its own messages, which wait in the database.

pub mod backoff;
pub mod body;
pub mod delivery;
pub mod endpoint;
pub mod http;
pub mod kind;
pub mod outbox;
pub mod signature;

pub use backoff::Backoff;
pub use delivery::{Counts, Delivery};
pub use endpoint::{Endpoint, EndpointError, Target};
pub use kind::{KINDS, Kind};
pub use outbox::CallMessages;
pub use signature::{SigningKey, UnusableKey};
