//! All integration tests of the crate in one program: separate programs would each link the whole
//! WebAssembly engine.
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
