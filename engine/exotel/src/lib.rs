//! Exotel's protocol: media stream messages, applet requests and replies, and callbacks.
//!
//! Parsing is lenient, because Exotel's documentation, samples and real calls disagree; writing is
//! strict, because only one spelling is known to work everywhere. This crate does no I/O, reads no
//! clock and logs nothing. No input makes it panic: an invalid message is an error that names the
//! field and gives a hint; unknown keys and events are ignored.
//!
//! | module | direction | contents |
//! |---|---|---|
//! | [`inbound`] | Exotel to engine | `connected`, `start`, `media`, `dtmf`, `mark`, `stop` |
//! | [`outbound`] | engine to Exotel | `media`, `mark`, `clear` |
//! | [`far_end`] | both, from Exotel's side | for a simulator |
//! | [`applet`] | HTTP | Passthru, dynamic WebSocket URL, SwitchCase, Connect |
//! | [`status`] | HTTP | the status callback |
//! | [`multipart`] | HTTP | forms with parts, of callbacks and of browsers |
//! | [`rest`] | HTTP | requests to Exotel's API and its replies |

pub mod applet;
mod error;
pub mod far_end;
mod frame;
pub mod inbound;
mod lenient;
pub mod media;
pub mod multipart;
pub mod outbound;
pub mod parameters;
mod repair;
pub mod rest;
pub mod status;

pub use error::ParseError;
pub use far_end::{FarEnd, Outbound, parse_outbound};
pub use ghanti_model::CallStatus;
pub use inbound::{Dtmf, Inbound, Mark, Start, Stop};
pub use media::{Encoding, FrameError, Media, MediaFormat};
pub use outbound::OutboundWriter;
pub use parameters::Parameters;
