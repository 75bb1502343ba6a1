//! Requests of Exotel's applets over HTTP, and the replies to them.
//!
//! Source: Exotel's pages on the Passthru, SwitchCase, Voicebot (dynamic URL) and Connect (dynamic
//! URL) applets.

mod connect;
mod leg;
mod reply;
mod request;
mod stream_outcome;

pub use connect::{
    Channels, ConnectReply, ConnectTerms, Destination, MAX_CONVERSATION_S, MAX_RINGING_S,
    MusicOnHold, MusicType, PlaybackTo, PlaybackType, StartCallPlayback,
};
pub use leg::Leg;
pub use reply::{DynamicUrl, SwitchCase};
pub use request::PassthruRequest;
pub use stream_outcome::{DisconnectedBy, StreamOutcome, StreamStatus};
