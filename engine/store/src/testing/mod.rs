//! Real servers for tests: a redis-server and a PostgreSQL of the test's own, each on a free port
//! and in a folder of its own, gone when the test is, however it ends.
//!
//! For tests alone (feature `testing`): everything here blocks, and panics with what is missing
//! where a server cannot be had.
#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a test without its server is a failed test, and this says why"
)]

mod postgres;
mod process;
mod redis;

pub use self::postgres::PostgresServer;
pub use self::redis::RedisServer;
