//! How long a caller waits for the bot's reply, by stage.

use serde::{Deserialize, Serialize};

/// How long the engine took from the end of a caller's turn, or their key, to the first audio of what
/// the bot says next, by stage, in milliseconds. A stage that the turn did not have is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TurnLatency {
    /// The question that was open.
    pub question: String,
    /// From the caller's last sound until their turn had ended. Absent for keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_ms: Option<u64>,
    /// From there until the recogniser's final words. Absent for keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_ms: Option<u64>,
    /// From the answer until what the flow does next in the call. Absent where the question was put
    /// again, which is not the flow's decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_ms: Option<u64>,
    /// From there until the first audio of the next prompt was sent. Absent where an acknowledgement
    /// was playing meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_ms: Option<u64>,
    /// From the caller's last sound, or their key, until the first audio in reply: that, or the
    /// acknowledgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole_ms: Option<u64>,
}

impl TurnLatency {
    /// The stages that there are, with their names.
    pub fn stages(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("endpoint", self.endpoint_ms),
            ("result", self.result_ms),
            ("flow", self.flow_ms),
            ("audio", self.audio_ms),
            ("whole", self.whole_ms),
        ]
        .into_iter()
        .filter_map(|(stage, ms)| Some((stage, ms?)))
    }
}
