//! What went wrong with a provider of speech over the network.
//!
//! No fault carries what was sent or received: texts, audio and keys stay out of logs and records.

use std::fmt;

use reqwest::StatusCode;

/// Why a provider gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No connection.
    #[error("cannot be reached ({0}): see `url`, and the network")]
    Unreachable(String),
    /// Nothing came in time.
    #[error("was silent for {0} ms")]
    Slow(u64),
    /// The connection ended before its time.
    #[error("broke off ({0})")]
    Broken(String),
    /// 401 or 403.
    #[error("answered {0}: see whether `key` is right and may do this")]
    Unauthorized(u16),
    /// 429.
    #[error("takes no more requests for now (429): see the limits of the account")]
    TooManyRequests,
    /// 5xx, or an error message within a connection.
    #[error("answered {0}: see what is wrong there")]
    Failing(u16),
    /// Another status that is no success.
    #[error("answered {0}: it does not take what was sent; see `url`, `voices` and the models")]
    Refused(u16),
    /// It reported an error within a connection.
    #[error("reported an error; see `voices`, the models, and what is wrong there")]
    Reported,
    /// What came is not what its documentation says.
    #[error("sent what is not understood ({0})")]
    Nonsense(String),
    /// It failed again and again, and is not asked for a while.
    #[error("failed again and again, and is left alone for a while")]
    Resting,
}

/// The faults by name, for counting.
pub const FAULTS: [&str; 9] = [
    "unreachable",
    "slow",
    "broken",
    "unauthorized",
    "too-many-requests",
    "failing",
    "refused",
    "nonsense",
    "unavailable",
];

impl Fault {
    /// The fault of a status, unless that is a success.
    pub(crate) fn of_status(status: StatusCode) -> Result<(), Self> {
        let code = status.as_u16();
        match code {
            200..=299 => Ok(()),
            401 | 403 => Err(Self::Unauthorized(code)),
            429 => Err(Self::TooManyRequests),
            500..=599 => Err(Self::Failing(code)),
            _ => Err(Self::Refused(code)),
        }
    }

    /// One of [`FAULTS`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Slow(_) => "slow",
            Self::Broken(_) => "broken",
            Self::Unauthorized(_) => "unauthorized",
            Self::TooManyRequests => "too-many-requests",
            Self::Failing(_) | Self::Reported => "failing",
            Self::Refused(_) => "refused",
            Self::Nonsense(_) => "nonsense",
            Self::Resting => "unavailable",
        }
    }

    /// Whether the same request may do better at once. What took long, or is over a limit, does not.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::Broken(_) | Self::Failing(_)
        )
    }
}

/// A provider that was lost, and who took over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The provider's name.
    pub provider: String,
    /// Why, with a hint.
    pub reason: String,
    /// The provider that goes on.
    pub next: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            provider,
            reason,
            next,
        } = self;
        write!(f, "`{next}` took over from `{provider}`: {reason}")
    }
}

/// How often a provider failed, by kind of fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureCount {
    /// The provider's name.
    pub provider: String,
    /// One of [`FAULTS`].
    pub fault: &'static str,
    /// How often.
    pub count: u64,
}
