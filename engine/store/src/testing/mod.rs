//! Real servers for tests: a redis-server and a PostgreSQL of the test's own, each with a free port
//! and its own folder. They are removed when the test ends, however it ends.
//!
//! For tests only (feature `testing`): everything here blocks, and panics if a server cannot be
//! started, saying what is missing.
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
