//! A simulator of Exotel that calls the engine, with a caller who speaks: for demonstrations, tests
//! and load. It also plays the API by which the engine dials.
//!
//! It uses only Exotel's interfaces: HTTP applets and one WebSocket, in real time. It never looks
//! inside the engine, except through the engine's public API, and it reports everything the engine
//! does that a real Exotel could not handle.
//!
//! | module | content |
//! |---|---|
//! | [`scenario`] | the scenario file: who is called, how they respond, what is expected |
//! | [`run`](mod@run) | one call, from Passthru to the status callback |
//! | [`exotel`] | a server that plays Exotel's side of outbound calls |
//! | [`applets`], [`exotel_http`], [`facts`], [`agent`] | Exotel's HTTP requests and their parameters |
//! | [`stream_url`] | the stream's URL as Exotel reads it |
//! | [`conversation`] | the stream of a call, frame by frame |
//! | [`director`], [`heard`], [`watch`] | when the caller's next step is due |
//! | [`caller_audio`], [`room`], [`voice`] | the caller's audio |
//! | [`playback`] | the network's playback buffer |
//! | [`socket`], [`wire`], [`wire_log`] | the socket, and the log of its messages |
//! | [`wire_check`], [`fault`] | Exotel's rules, and violations of them |
//! | [`broken`] | peers that break the protocol, and what a bot does about them |
//! | [`verdict`], [`bot_words`] | whether the call went as expected |
//! | [`report`], [`listener`] | results, and live events |

pub mod agent;
pub mod applets;
pub mod bot_words;
pub mod broken;
pub mod caller_audio;
pub mod conversation;
pub mod director;
pub mod exotel;
pub mod exotel_http;
pub mod facts;
pub mod fault;
pub mod heard;
pub mod http;
pub mod listener;
pub mod playback;
pub mod proxy;
pub mod report;
pub mod room;
pub mod run;
pub mod scenario;
pub mod socket;
pub mod stream_url;
pub mod verdict;
pub mod voice;
pub mod watch;
pub mod wire;
pub mod wire_check;
pub mod wire_log;

pub use fault::WireFault;
pub use listener::{Event, Listener, Silent, View, Who};
pub use report::{CallReport, Files};
pub use run::{RunError, run, run_with};
pub use scenario::{Scenario, ScenarioError};
