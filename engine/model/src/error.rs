//! Errors that host functions return to a flow.

use serde::{Deserialize, Serialize};

/// A manifest rule that a request broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The template, transfer target, look-up key or voice concerned.
    pub subject: String,
    /// What had to be established first and was not.
    pub missing: Vec<String>,
    /// One sentence including the hint.
    pub reason: String,
}

/// The contract's `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum CallError {
    /// The call is over.
    #[error("the call has ended")]
    CallEnded,
    /// A manifest rule forbids it at this point.
    #[error("refused: {}", .0.reason)]
    Refused(Refusal),
    /// An argument is invalid.
    #[error("invalid argument: {0}")]
    Invalid(String),
    /// A service did not answer in time.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A limit was reached.
    #[error("limit reached: {0}")]
    Limit(String),
}
