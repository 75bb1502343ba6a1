//! Peers that break the stream's protocol, or the network under it, towards any bot that speaks Exotel's
//! wire: what the bot does about each, what its record says where it is an engine, and whether a normal
//! call goes well afterwards.
//!
//! Faults are played one after another, so that the one that hurts the bot is known.

mod peer;
mod play;

use std::time::Duration;

use reqwest::Url;
use serde::{Serialize, Serializer};

use crate::applets::Applets;

/// How long a normal call waits for the bot's first audio: callers hang up on silence.
pub const FIRST_AUDIO: Duration = Duration::from_secs(10);

/// What a peer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The connection ends in the middle of the call.
    Vanish,
    /// Nothing more is sent, and the connection stays.
    Freeze,
    /// Nothing of the bot's audio is read, and the caller's goes on.
    ReadNothing,
    /// Audio is sent as fast as the bot takes it.
    TooFast,
    /// A fifth of the audio is sent.
    TooSlow,
    /// Each message is sent twice.
    Twice,
    /// Messages that are none of Exotel's.
    Garbage,
    /// A message that is longer than any of Exotel's.
    LongMessage,
    /// Audio before `start`.
    EarlyMedia,
    /// A second `start` on the same socket.
    SecondStart,
    /// A second socket for the same call.
    SecondStream,
    /// A socket without `start`.
    NoStart,
    /// A stream without audio.
    NoAudio,
    /// No mark is returned.
    NoMarks,
    /// A WebSocket frame that does not come to its end.
    HalfFrame,
    /// A WebSocket frame that breaks RFC 6455.
    BadFrame,
    /// A request that does not come to its end.
    HalfRequest,
}

impl Fault {
    /// All, in the order in which they are played.
    pub const ALL: [Self; 17] = [
        Self::Vanish,
        Self::Freeze,
        Self::ReadNothing,
        Self::TooFast,
        Self::TooSlow,
        Self::Twice,
        Self::Garbage,
        Self::LongMessage,
        Self::EarlyMedia,
        Self::SecondStart,
        Self::SecondStream,
        Self::NoStart,
        Self::NoAudio,
        Self::NoMarks,
        Self::HalfFrame,
        Self::BadFrame,
        Self::HalfRequest,
    ];

    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vanish => "vanish",
            Self::Freeze => "freeze",
            Self::ReadNothing => "read-nothing",
            Self::TooFast => "too-fast",
            Self::TooSlow => "too-slow",
            Self::Twice => "twice",
            Self::Garbage => "garbage",
            Self::LongMessage => "long-message",
            Self::EarlyMedia => "early-media",
            Self::SecondStart => "second-start",
            Self::SecondStream => "second-stream",
            Self::NoStart => "no-start",
            Self::NoAudio => "no-audio",
            Self::NoMarks => "no-marks",
            Self::HalfFrame => "half-frame",
            Self::BadFrame => "bad-frame",
            Self::HalfRequest => "half-request",
        }
    }

    /// The fault with a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

/// The bot that is called.
#[derive(Debug, Clone)]
pub enum Bot {
    /// An engine: Passthru and the dynamic URL are asked before each stream, and its record is read.
    Engine(Applets),
    /// A socket alone.
    Socket(Url),
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClosedBy {
    /// The bot.
    Bot,
    /// The peer: it hung up or vanished.
    Peer,
    /// Nobody, for as long as was waited.
    Nobody,
}

/// What became of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// Who ended it.
    pub closed_by: ClosedBy,
    /// How long after the fault began, in milliseconds.
    pub after_ms: u64,
    /// How much of the bot's audio arrived in the whole call, in milliseconds.
    pub heard_ms: u64,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// The record of an engine's call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Its outcome; none while the call counts as live.
    pub outcome: Option<String>,
    /// The names of its problems.
    pub problems: Vec<String>,
    /// How long after the end of the connection the record was closed, in milliseconds, to a quarter of a
    /// second; none if it was not.
    pub closed_after_ms: Option<u64>,
}

/// The result of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Played {
    /// The fault.
    pub fault: Fault,
    /// What became of its connection, or why there was none.
    #[serde(serialize_with = "either")]
    pub ending: Result<Ending, String>,
    /// The engine's record of the call; none where there is none, or none can be read.
    pub record: Option<Recorded>,
    /// The time until the first audio of a normal call afterwards, in milliseconds, or why it did not go
    /// well.
    #[serde(serialize_with = "either")]
    pub afterwards: Result<u64, String>,
}

/// A value as it is, a reason as `{"problem": …}`.
fn either<T: Serialize, S: Serializer>(
    result: &Result<T, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match result {
        Ok(value) => value.serialize(serializer),
        Err(problem) => serializer.collect_map([("problem", problem)]),
    }
}

impl Played {
    /// Whether the bot holds calls as before.
    pub fn is_survived(&self) -> bool {
        self.afterwards.is_ok()
    }
}

/// Holds a normal call: the time until its first audio, in milliseconds.
///
/// # Errors
/// It did not go well, in words.
pub async fn normal(bot: &Bot) -> Result<u64, String> {
    play::normal(bot).await
}

/// Plays a fault, then a normal call. Waits at most `patience` for a bot that does not end a connection.
pub async fn play(bot: &Bot, fault: Fault, patience: Duration) -> Played {
    play::play(bot, fault, patience).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_found_by_its_name() {
        for fault in Fault::ALL {
            assert_eq!(Fault::named(fault.name()), Some(fault));
            let json = serde_json::to_value(fault).unwrap();
            assert_eq!(json, fault.name(), "one name everywhere");
        }
        assert_eq!(Fault::named("bored"), None);
    }
}
