//! The nine steps of a call, as typed events.

use serde::{Deserialize, Serialize};

/// A step that a call has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A record was stored for a coming call.
    Triggered,
    /// Exotel's Passthru applet asked.
    PassthruReceived,
    /// The media stream began (`start`).
    StreamConnected,
    /// The customer's record was found.
    CustomerLoaded,
    /// The first prompt began to play.
    Greeting,
    /// The engine listens for an answer for the first time.
    Listening,
    /// The caller heard the instalment to its end.
    EmiDelivered,
    /// The transfer question was put.
    TransferAsked,
    /// The call has its outcome.
    Completed,
}

/// A step with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEntry {
    /// Which step.
    pub step: Step,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
}
