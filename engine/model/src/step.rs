//! The nine steps of a call.

use serde::{Deserialize, Serialize};

/// A step that a call has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A record was stored for an upcoming call.
    Triggered,
    /// The request from Exotel's Passthru applet arrived.
    PassthruReceived,
    /// The media stream started (`start`).
    StreamConnected,
    /// The customer's record was found.
    CustomerLoaded,
    /// The first prompt started to play.
    Greeting,
    /// The engine listened for an answer for the first time.
    Listening,
    /// The caller heard the EMI prompt to its end.
    EmiDelivered,
    /// The transfer question was asked.
    TransferAsked,
    /// The call has its outcome.
    Completed,
}

/// A step with the time it was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEntry {
    /// The step.
    pub step: Step,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
}
