//! Storage: sessions and customers in Redis or in process, call records in SQLite or PostgreSQL.
//!
//! It knows nothing of HTTP, flows or speech. Every operation is bounded in time; none retries for
//! long: a call never waits for a store. What happens to a call goes through [`EventWriter`],
//! which outlasts a database that is away.

pub mod binding;
pub mod do_not_call;
mod keyed;
pub mod keys;
mod layered;
pub mod lease;
pub mod memory;
pub mod open;
pub mod records;
pub mod redis;
pub mod sessions;
mod spool;
pub mod sql;
#[cfg(feature = "testing")]
pub mod testing;
pub mod writer;

pub use self::redis::RedisSessions;
pub use binding::{Binding, Claimant, Ends, Order, Sighting};
pub use do_not_call::DoNotCall;
pub use keys::SessionSettings;
pub use layered::LayeredSessions;
pub use lease::Lease;
pub use memory::MemorySessions;
pub use open::OpenError;
pub use records::CallRecords;
pub use sessions::{DEADLINE, SessionStore, StoreError};
pub use sql::SqlRecords;
pub use writer::{EventWriter, Flushed};
