//! Violations of Exotel's rules by the engine. Any of them fails a scenario.

use serde::{Serialize, Serializer};

/// A violation of Exotel's rules, on the socket or in the answer to an applet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(
    missing_docs,
    reason = "each message says what its variant and its values are"
)]
pub enum WireFault {
    #[error("a text message of {bytes} bytes is not JSON")]
    NotJson { bytes: usize },
    #[error("a binary message of {bytes} bytes: Exotel knows text only")]
    Binary { bytes: usize },
    #[error("an event `{event}` that Exotel does not know: send `media`, `mark` or `clear`")]
    UnknownEvent { event: String },
    #[error("`{event}` before `start`")]
    BeforeStart { event: String },
    #[error("`{event}` without the `stream_sid` of `start`: Exotel ignores it")]
    WrongStreamSid { event: String },
    #[error("a `mark` without a name")]
    MarkWithoutName,
    #[error("a `media` payload that is not base64")]
    NotBase64,
    #[error("a frame that Exotel cannot play: {problem}")]
    Frame { problem: String },
    #[error("the bot closed the stream with {ms} ms of its audio unheard")]
    ClosedTooEarly { ms: u64 },
    #[error("the connection broke without a close: {reason}")]
    Broken { reason: String },
    #[error("the stream could not be opened: {reason}")]
    Handshake { reason: String },
    #[error(
        "the stream's URL has {pairs} parameters of {characters} characters: Exotel accepts 3 pairs and 256 characters"
    )]
    TooManyParameters { pairs: usize, characters: usize },
    #[error("the engine did not accept the call: {words}")]
    Refused { words: String },
    #[error("`{request}`: {problem}")]
    Applet {
        request: &'static str,
        problem: String,
    },
}

impl Serialize for WireFault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
