//! The load generator: an Exotel that places many calls at once, at a rate, and measures what their
//! callers get from the bot, and what the bot's process spends on it.
//!
//! It knows a bot by Exotel's wire alone: applets over HTTP and one WebSocket per call. It never looks
//! inside the engine, except at its process from outside (`/proc`).
//!
//! Built to cost little, so that it measures the bot: one task per call, one thread as the clock of
//! all, the caller's audio prepared and encoded once, values counted in histograms. How late its own
//! frames are is measured beside everything else; a generator that falls behind makes its figures void
//! and says so ([`report`]).
//!
//! | module | content |
//! |---|---|
//! | [`plan`] | what is to be done: stages, rate, callers |
//! | [`callers`], [`speech`] | what callers do, and their audio |
//! | [`target`] | the bot: an engine with its applets, or a bare socket |
//! | [`run`](mod@run) | a stage: calls are begun, replaced and ended |
//! | [`call`], [`stream`] | one call, and its stream |
//! | [`clock`] | the clock of all calls |
//! | [`playout`] | when the bot's audio is played: lateness, gaps, marks |
//! | [`measures`] | histograms and counts of a stage |
//! | [`process`], [`timeline`], [`machine`] | what a process spends, and how that changes |
//! | [`report`] | the report: JSON, Markdown, plots |
//! | [`echo`] | the floor: a server that only sends audio back |

pub mod call;
pub mod callers;
pub mod clock;
pub mod echo;
pub mod machine;
pub mod measures;
pub mod plan;
pub mod playout;
pub mod process;
pub mod report;
pub mod run;
pub mod speech;
pub mod stream;
pub mod target;
pub mod timeline;
