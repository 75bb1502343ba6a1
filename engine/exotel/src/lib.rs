//! Exotel's words: the messages of its media stream, the requests and replies of its applets, its
//! callbacks.
//!
//! Reading is tolerant, because Exotel's documents, samples and real calls disagree; writing is
//! strict, because only one spelling is known to work everywhere. Nothing here does I/O, reads a
//! clock or logs. No input makes it panic: what cannot be understood is an error that names the
//! thing and the hint, what is not known is passed over.
//!
//! | module | direction | words |
//! |---|---|---|
//! | [`inbound`] | Exotel to engine | `connected`, `start`, `media`, `dtmf`, `mark`, `stop` |
//! | [`outbound`] | engine to Exotel | `media`, `mark`, `clear` |
//! | [`far_end`] | both, seen from Exotel's side | for a simulator |
//! | [`applet`] | HTTP | Passthru, dynamic WebSocket URL, SwitchCase, Connect |
//! | [`status`] | HTTP | the status callback |
//! | [`rest`] | HTTP | what Exotel's API answers |

pub mod applet;
mod error;
pub mod far_end;
mod frame;
pub mod inbound;
mod lenient;
pub mod media;
mod multipart;
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
