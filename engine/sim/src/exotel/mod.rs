//! A server that plays Exotel's side of outbound calls: the engine dials by REST, the customer's
//! phone rings, a flow of applets runs, the Voicebot applet connects to the engine, and callbacks
//! report the end.
//!
//! What is played is set up in one TOML file ([`setup`]): an account, flows of applets (also wrong
//! ones), how customers respond by their number, and faults in percent. Sources are Exotel's pages
//! as named beside each shape; where they disagree or say nothing, the comment says so.
//!
//! | module | content |
//! |---|---|
//! | [`setup`], [`faults`] | the file, and what is drawn by chance |
//! | [`server`] | connections, the stop |
//! | [`rest`], [`request`], [`reply`], [`rate`] | the account's API |
//! | [`exchange`], [`calls`] | what all calls share, and the log of each |
//! | [`call`] | one call: ringing, the flow, callbacks |
//! | [`flow`], [`stream`], [`agents`] | the applets |
//! | [`callback`] | the status callback |

pub mod agents;
pub mod call;
pub mod callback;
pub mod calls;
pub mod exchange;
pub mod faults;
pub mod flow;
mod multipart;
pub mod rate;
pub mod reply;
pub mod request;
pub mod rest;
pub mod server;
pub mod setup;
mod sms;
mod speech;
pub mod stream;

pub use server::serve;
pub use setup::{Setup, SetupError};
