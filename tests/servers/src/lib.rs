//! Servers for tests: a redis-server and a PostgreSQL of the test's own, each with a free port and its
//! own folder, and stand-ins that answer as the test says, faults included. They are removed when the test ends, however it ends.
//!
//! For tests only: everything here blocks, and panics if a server cannot be started, saying what is
//! missing. It is a crate of its own, and no feature of the store's, so that tests and the binary
//! share what is built of the store and of all that use it.
#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a test without its server is a failed test, and this says why"
)]

pub mod certificates;
mod other;
mod postgres;
mod process;
mod redis;
mod stand_in;

pub use self::other::OtherServer;
pub use self::postgres::PostgresServer;
pub use self::process::free_port;
pub use self::redis::RedisServer;
pub use self::stand_in::{Asked, Reply, StandIn};
