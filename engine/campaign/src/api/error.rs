//! The results of requests.

use std::time::Duration;

use ghanti_exotel::rest::{Call, ReplyError, RequestError};

use crate::rate::OverLimit;

/// The result of a dial.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a dial with an unknown result has to be resolved later"]
pub enum Dialled {
    /// Exotel accepted it. Whether the call is answered is reported later.
    Accepted(Call),
    /// It was certainly not dialled. It may be dialled again once the cause is fixed.
    Refused(ApiError),
    /// It may have been dialled. It must not be dialled again before that is known: from the status
    /// callback, or from [`recent_calls`](super::ExotelApi::recent_calls) once the call would have
    /// ended.
    Unknown(ApiError),
}

/// Why a request has no result. No message contains a secret or a whole phone number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The request exceeds Exotel's limits. It was not sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Too many requests. It was not sent.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// There is no connection. It was not sent.
    #[error("cannot connect to `{host}`: {reason}")]
    NotConnected {
        /// The host.
        host: String,
        /// The system's or library's error.
        reason: String,
    },
    /// No reply came in time. It may have been carried out.
    #[error("no reply from `{host}` within {} s", .after.as_secs_f32())]
    TimedOut {
        /// The host.
        host: String,
        /// The time-out.
        after: Duration,
    },
    /// The connection broke after the request may have been sent. It may have been carried out.
    #[error("the connection to `{host}` broke before the reply: {reason}")]
    Broken {
        /// The host.
        host: String,
        /// The library's error.
        reason: String,
    },
    /// A successful reply whose body is too long. The request was probably carried out.
    #[error("the reply of `{host}` is longer than {limit} bytes")]
    TooLong {
        /// The host.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// Exotel's reply is an error.
    #[error(transparent)]
    Reply(#[from] ReplyError),
}

impl ApiError {
    /// How to fix it.
    pub fn hint(&self) -> &'static str {
        match self {
            ApiError::Request(_) => "correct the request",
            ApiError::OverLimit(_) => {
                "wait; if Exotel has raised the account's limit, raise `requests-per-minute` of `[exotel]`"
            }
            ApiError::NotConnected { .. } => {
                "check that this machine can reach Exotel (DNS, firewall, proxy), and that `region` or `api-url` of `[exotel]` is right"
            }
            ApiError::TimedOut { .. } | ApiError::Broken { .. } | ApiError::TooLong { .. } => {
                "do not dial again: wait for the status callback, or look for the call in Exotel's call log"
            }
            ApiError::Reply(error) => error.hint(),
        }
    }

    /// Whether the request certainly had no effect, so that no call was dialled.
    pub fn is_refusal(&self) -> bool {
        match self {
            ApiError::Request(_) | ApiError::OverLimit(_) | ApiError::NotConnected { .. } => true,
            ApiError::TimedOut { .. } | ApiError::Broken { .. } | ApiError::TooLong { .. } => false,
            ApiError::Reply(error) => error.is_refusal(),
        }
    }

    /// After how long a refused request may be repeated, if that is known.
    pub fn retry_in(&self) -> Option<Duration> {
        match self {
            ApiError::OverLimit(OverLimit { retry_in }) => Some(*retry_in),
            ApiError::Reply(ReplyError::RateLimited { retry_after, .. }) => Some(*retry_after),
            _ => None,
        }
    }

    /// Whether a retry of a read may succeed.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            ApiError::NotConnected { .. } | ApiError::TimedOut { .. } | ApiError::Broken { .. } => {
                true
            }
            ApiError::Reply(error) => matches!(error, ReplyError::Server { .. }),
            ApiError::Request(_) | ApiError::OverLimit(_) | ApiError::TooLong { .. } => false,
        }
    }
}
