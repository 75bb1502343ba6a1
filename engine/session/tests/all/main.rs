//! All tests of the crate from outside, in one program: each program of its own would be linked
//! with the whole engine of WebAssembly.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod binding;
mod common;
mod customer;
mod fallback_prompt;
mod silent;
