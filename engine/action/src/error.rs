//! Why an action was not done.

/// Why an action was not done, by what the flow or the operator can do about it. No message has a
/// value of the input, anything that a server replied, or a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// The operator defines no action of this name.
    #[error(
        "`{0}` is not an action of this engine: the operator has to define `[actions.{0}]` in ghanti.toml"
    )]
    Unknown(String),
    /// The input does not fit.
    #[error("the input of `{action}` cannot be used: {reason}")]
    Input {
        /// The action.
        action: String,
        /// What does not fit, with the hint.
        reason: String,
    },
    /// This call cannot have it done, whatever the input is.
    #[error("`{action}` cannot be done in this call: {reason}")]
    Refused {
        /// The action.
        action: String,
        /// Why, with the hint.
        reason: String,
    },
    /// The service did not do it, or did not say so in time.
    #[error("`{action}` is not available: {reason}")]
    Unavailable {
        /// The action.
        action: String,
        /// Why, with the hint.
        reason: String,
    },
}
