//! How a media stream ended, as reported to the applet after it: `Stream[Status]` and so on, or one
//! `Stream` parameter holding JSON.
//!
//! Source: Exotel's support article on Passthru after the Voicebot applet.

use ghanti_model::StreamSid;

use crate::Parameters;

/// The end of a stream. If the bot closed the socket it is completed/bot, if the caller hung up
/// cancelled/user (in one sample completed/user), if the engine could not be reached failed/none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamOutcome {
    /// The stream's id; `None` if it never started.
    pub sid: Option<StreamSid>,
    /// How it ended.
    pub status: Option<StreamStatus>,
    /// Duration in seconds.
    pub duration_s: Option<u32>,
    /// Who ended it.
    pub disconnected_by: Option<DisconnectedBy>,
    /// Exotel's error text (`3009 failed to establish ws conn`). For display only.
    pub error: Option<String>,
    /// Further detail, such as `Streaming_call_throttled`.
    pub detailed_status: Option<String>,
    /// URL of the recording, if the applet records.
    pub recording_url: Option<String>,
}

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamStatus {
    /// It reached its end.
    Completed,
    /// It could not be established, or it broke.
    Failed,
    /// The caller ended it.
    Cancelled,
    /// An undocumented status, in lower case.
    Other(String),
}

/// Who ended a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisconnectedBy {
    /// The engine.
    Bot,
    /// The caller.
    User,
    /// An undocumented value, in lower case.
    Other(String),
}

impl StreamOutcome {
    pub(crate) fn read(parameters: &Parameters) -> Option<Self> {
        parameters.has_prefix("Stream[").then(|| Self {
            sid: parameters
                .get("Stream[StreamSID]")
                .and_then(|sid| StreamSid::parse(sid).ok()),
            status: parameters.get("Stream[Status]").map(StreamStatus::parse),
            duration_s: parameters.count("Stream[Duration]"),
            disconnected_by: parameters
                .get("Stream[DisconnectedBy]")
                .and_then(DisconnectedBy::parse),
            error: parameters.text("Stream[Error]"),
            detailed_status: parameters.text("Stream[DetailedStatus]"),
            recording_url: parameters.text("Stream[RecordingUrl]"),
        })
    }

    /// Whether the account exceeded its limit of concurrent streams.
    pub fn is_throttled(&self) -> bool {
        self.detailed_status
            .as_deref()
            .is_some_and(|status| status.eq_ignore_ascii_case("Streaming_call_throttled"))
    }
}

impl StreamStatus {
    fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "completed" => StreamStatus::Completed,
            "failed" => StreamStatus::Failed,
            "cancelled" | "canceled" => StreamStatus::Cancelled,
            other => StreamStatus::Other(other.to_owned()),
        }
    }
}

impl DisconnectedBy {
    /// `None` for Exotel's `NA`.
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "bot" => Some(DisconnectedBy::Bot),
            "user" => Some(DisconnectedBy::User),
            "na" => None,
            other => Some(DisconnectedBy::Other(other.to_owned())),
        }
    }
}
