//! Why one attempt failed, before the action's name is added.

/// Why an attempt came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The input cannot be used.
    Input(String),
    /// This call cannot have it.
    Refused(String),
    /// The service did not do it.
    Unavailable {
        reason: String,
        /// Whether the service is at fault whatever it was asked, so that it counts for the circuit
        /// breaker. A flow must not be able to make others wait by what it asks.
        is_fault: bool,
    },
}

impl Fault {
    /// The service cannot be asked.
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable {
            reason: reason.into(),
            is_fault: true,
        }
    }

    /// The same, without counting for the circuit breaker.
    pub(crate) fn blameless(self) -> Self {
        match self {
            Self::Unavailable { reason, .. } => Self::answer(reason),
            other => other,
        }
    }

    /// It answered something that cannot be used.
    pub(crate) fn answer(reason: impl Into<String>) -> Self {
        Self::Unavailable {
            reason: reason.into(),
            is_fault: false,
        }
    }
}
