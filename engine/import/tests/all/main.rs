//! Lists as they are sent, as files: what is read of them, and what is said of them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;
mod delimited;
mod rejects;
mod workbook;
