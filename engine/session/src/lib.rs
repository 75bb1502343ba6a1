//! One live call: a pure state machine ([`machine`]), and the one task that drives it
//! ([`run_call`]).
//!
//! The machine does no I/O and reads no clock. The driver never decides what is said; the flow
//! does. Caller audio never waits for a flow, a store, a disk or a log.

mod acting;
pub mod arrivals;
pub mod binding;
mod both_sides;
pub mod call;
pub mod call_registry;
mod caller_audio;
pub mod connect;
mod doubled;
pub mod driver;
pub mod ending;
pub mod event;
pub mod events;
pub mod fallback_prompt;
pub mod files;
pub mod find;
mod given;
pub mod known_ahead;
pub mod latency;
pub mod lateness;
pub mod listening;
pub mod live;
pub mod log_lines;
pub mod machine;
pub mod migration;
pub mod network;
pub mod opening_hours;
pub mod outcomes;
mod pace;
mod playback;
pub mod postmortem;
mod prepare;
mod question;
mod recent_calls;
pub mod recorder;
pub mod recording;
mod rendered_prompt;
pub mod resumption;
pub mod run;
pub mod running;
pub mod services;
pub mod speculation;
pub mod standing;
pub mod targets;
pub mod transfer;
mod unheard;
pub mod wire;
mod woken;
mod wording;

pub use arrivals::Arrivals;
pub use call::{LiveCall, LiveCalls};
pub use call_registry::{CallRegistry, Change};
pub use events::Events;
pub use listening::{Levels, Monitor, NotHeard};
pub use live::MIN_CONFIDENCE;
pub use playback::Sending;
pub use question::{Answers, Asked};
pub use rendered_prompt::{Fetch, RenderedPrompt, Source};
pub use run::{Permit, Ran, run_call};
pub use services::{CallSettings, Services};
pub use speculation::{Speculation, SpeculationSettings, Speculator};
pub use wire::{Break, Received, Text, Wire, WireClosed};
pub use woken::Woken;

use std::time::Duration;

/// How long a flow may take to return once its call has ended.
pub const LEAVE: Duration = Duration::from_secs(2);
