//! All integration tests of the crate in one program: each program of its own would link the whole
//! WebAssembly engine.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;
mod exploring;
mod flow_tests;
mod gate;
mod limits;
mod loading;
mod questions;
mod restarts;
mod routing;
mod rules;
mod version_set;
mod watched;
mod watching;
