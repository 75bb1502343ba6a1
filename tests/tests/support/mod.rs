//! What the end-to-end tests share: the built program, an engine of the test's own, calls played
//! against it, and a bare socket.
#![allow(dead_code, unused_imports, reason = "each test takes what it needs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod engine;
mod follower;
mod playing;
mod program;
mod receiver;
mod stream;

pub use engine::{Engine, PATIENCE, Refusal, Setup, refusal};
pub use follower::{API_TOKEN, Follower, Received, ids};
pub use playing::{Playing, Report, scenario};
pub use program::{parts_of_emi_reminder, program, root};
pub use receiver::{Got, KEY, Receiver, Reply};
pub use stream::{Stream, silence_of, start_of};

/// The prompts of the flow `acts`, but for its greeting.
#[allow(dead_code, reason = "not every test program needs it")]
pub const ACTS_PROMPTS: &str = include_str!("../../../engine/host/tests/fixtures/acts.ftl");
/// The questions of the flow `acts`, the last part of its manifest.
#[allow(dead_code, reason = "not every test program needs it")]
pub const ACTS_QUESTIONS: &str =
    include_str!("../../../engine/host/tests/fixtures/acts.questions.toml");
