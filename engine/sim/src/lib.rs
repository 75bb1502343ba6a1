//! An Exotel of our own that calls the engine, with a caller who talks: for demonstrations, tests
//! and load.
//!
//! It speaks Exotel's wire and nothing else: HTTP applets, one WebSocket, real time. It never looks
//! inside the engine, except by the engine's public API, and it reports whatever the engine does
//! that a real Exotel would stumble over.
//!
//! | module | what it is |
//! |---|---|
//! | [`scenario`] | the file: who is called, what he says after what he hears, what must come of it |
//! | [`run`](mod@run) | one call from Passthru to status |
//! | [`conversation`] | its stream, frame by frame |
//! | [`director`], [`heard`] | when the caller's next step is due, and what he heard |
//! | [`caller_audio`], [`room`], [`playback`], [`voice`] | the caller's audio, what else is on the line, the network's buffer, the caller's voice |
//! | [`wire`], [`wire_check`], [`fault`] | the socket, Exotel's rules, their breaches |
//! | [`verdict`], [`report`], [`listener`] | what came of it |
//! | [`load`](mod@load) | many calls at once, for benches |

pub mod applets;
pub mod bot_words;
pub mod caller_audio;
pub mod conversation;
pub mod director;
pub mod facts;
pub mod fault;
pub mod heard;
pub mod listener;
pub mod load;
pub mod playback;
pub mod report;
pub mod room;
pub mod run;
pub mod scenario;
mod socket;
pub mod stream_url;
pub mod verdict;
pub mod voice;
pub mod watch;
pub mod wire;
pub mod wire_check;
pub mod wire_log;

pub use fault::WireFault;
pub use listener::{Event, Listener, Silent, View, Who};
pub use load::{BotFrames, Load, LoadReport, Stage, load, load_in_stages};
pub use report::{CallReport, Files};
pub use run::{RunError, run, run_with};
pub use scenario::{Scenario, ScenarioError};
