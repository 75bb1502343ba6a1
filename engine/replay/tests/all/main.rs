//! Recorded calls against versions, in one program: each program of its own would link the whole
//! WebAssembly engine.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "../../../catalogue/tests/all/common/mod.rs"]
mod common;
mod conversation;
mod otherwise;
mod replay;
