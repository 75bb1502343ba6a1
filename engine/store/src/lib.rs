//! Storage: sessions and customers in Redis or in process, events and records of calls in SQLite or
//! PostgreSQL, and there the customers to be called and the campaigns that call them; limits of requests
//! per minute, in process or shared in Redis.
//!
//! This crate knows nothing about HTTP, flows or speech. Every operation is bounded in time and
//! retries only briefly, so that a call never waits for a store. Events of calls are saved through
//! [`EventWriter`], which survives an outage of the database.

pub mod binding;
pub mod campaigns;
pub mod do_not_call;
mod keyed;
pub mod keys;
mod layered;
pub mod lease;
pub mod lists;
pub mod memory;
pub mod meter;
pub mod open;
pub mod outbox;
pub mod rate;
pub mod recordings;
pub mod records;
pub mod redis;
pub mod search;
pub mod sessions;
mod spool;
pub mod sql;
mod tls;
pub mod writer;

pub use self::redis::{RedisSessions, RequestRate};
pub use binding::{Binding, Claimant, Ends, Order, Sighting};
pub use campaigns::{
    AttemptOf, Begun, Campaign, CampaignState, DialHistory, DueCustomer, HourlyOutcome, MemberOf,
    NextStep, OpenAttempt, Progress, Reached, Reported, Tally,
};
pub use do_not_call::DoNotCall;
pub use keys::{NumberKey, SessionSettings};
pub use layered::LayeredSessions;
pub use lease::Lease;
pub use lists::{CustomerKey, CustomerList, ListedCustomer, Put, Removed};
pub use memory::MemorySessions;
pub use meter::StoreMeter;
pub use open::OpenError;
pub use outbox::{Backlog, Claimed, DeadLetter, Message, Outbox, RecordGist};
pub use rate::{Bucket, PerMinute, Slot};
pub use recordings::{RecordingName, Recordings, Room, Track};
pub use records::{CallRecords, DialRequestKey, NodeLease, REQUEST_KEPT_MS};
pub use search::{CallFilter, CallPage, CallPlace, CallSummary};
pub use sessions::{DEADLINE, SessionStore, StoreError};
pub use sql::{
    Aged, Ages, AttemptResult, AuditEntry, BrokenCall, CallErased, ChainChecks, NewAttempt,
    NumberErased, Occurrence, SqlRecords,
};
pub use writer::{EventWriter, Flushed};
