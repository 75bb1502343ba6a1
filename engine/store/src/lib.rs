//! Where data lives: sessions and customers (Redis, or in process), call records (SQLite or PostgreSQL).
//!
//! It knows nothing of HTTP, flows or speech. Every operation is bounded in time; none retries for long: a call never waits for a store.

pub mod records;
pub mod sessions;

pub use records::CallRecords;
pub use sessions::{DEADLINE, SessionStore, StoreError};
