//! The status of a call or leg, as named by callbacks, applets and the API.

/// The status of a call or leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallStatus {
    /// Waiting to be dialled.
    Queued,
    /// Ringing.
    Ringing,
    /// In conversation.
    InProgress,
    /// Ended after being answered.
    Completed,
    /// Could not be connected.
    Failed,
    /// The line was busy.
    Busy,
    /// It rang and nobody answered.
    NoAnswer,
    /// Cancelled before it was answered.
    Canceled,
    /// An undocumented status, in lower case.
    Other(String),
}

impl CallStatus {
    /// Parses Exotel's word; both spellings of "cancelled" occur.
    pub fn parse(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "queued" => CallStatus::Queued,
            "ringing" => CallStatus::Ringing,
            "in-progress" => CallStatus::InProgress,
            "completed" => CallStatus::Completed,
            "failed" => CallStatus::Failed,
            "busy" => CallStatus::Busy,
            "no-answer" => CallStatus::NoAnswer,
            "canceled" | "cancelled" => CallStatus::Canceled,
            other => CallStatus::Other(other.to_owned()),
        }
    }

    /// Exotel's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            CallStatus::Queued => "queued",
            CallStatus::Ringing => "ringing",
            CallStatus::InProgress => "in-progress",
            CallStatus::Completed => "completed",
            CallStatus::Failed => "failed",
            CallStatus::Busy => "busy",
            CallStatus::NoAnswer => "no-answer",
            CallStatus::Canceled => "canceled",
            CallStatus::Other(word) => word,
        }
    }

    /// Whether the call is over.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            CallStatus::Completed
                | CallStatus::Failed
                | CallStatus::Busy
                | CallStatus::NoAnswer
                | CallStatus::Canceled
        )
    }
}
