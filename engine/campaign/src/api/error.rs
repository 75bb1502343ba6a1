//! What became of a request.

use std::time::Duration;

use ghanti_exotel::rest::{Call, ReplyError, RequestError};

use crate::rate::OverLimit;

/// What is known of a dial.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a dial of which nothing is known has to be settled later"]
pub enum Dialled {
    /// Exotel took it. Whether the call is answered is reported later.
    Accepted(Call),
    /// It was certainly not dialled. It may be dialled again when the cause is gone.
    Refused(ApiError),
    /// Perhaps it was dialled. It must not be dialled again before that is known: from the status
    /// callback, or from [`recent_calls`](super::ExotelApi::recent_calls) once the call would have
    /// ended.
    Unknown(ApiError),
}

/// Why a request has no result. No message holds a secret or a whole phone number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The request is beyond Exotel's limits. It was not sent.
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
    #[error("the connection to `{host}` broke before the reply had come: {reason}")]
    Broken {
        /// The host.
        host: String,
        /// The library's error.
        reason: String,
    },
    /// A success whose body is too long to be read. It was probably carried out.
    #[error("the reply of `{host}` is longer than {limit} bytes")]
    TooLong {
        /// The host.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// Exotel's reply is no success.
    #[error(transparent)]
    Reply(#[from] ReplyError),
}

impl ApiError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            ApiError::Request(_) => "correct the request",
            ApiError::OverLimit(_) => {
                "wait; if Exotel has raised the account's limit, raise `requests-per-minute` of `[exotel]`"
            }
            ApiError::NotConnected { .. } => {
                "see whether this machine reaches Exotel (DNS, firewall, proxy), and whether `region` or `api-url` of `[exotel]` is right"
            }
            ApiError::TimedOut { .. } | ApiError::Broken { .. } | ApiError::TooLong { .. } => {
                "do not dial again: wait for the status callback, or look for the call in Exotel's call log"
            }
            ApiError::Reply(error) => error.hint(),
        }
    }

    /// Whether the request certainly had no effect, so that a call was not dialled.
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

    /// Whether a read may succeed when it is repeated soon.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            ApiError::NotConnected { .. } | ApiError::TimedOut { .. } | ApiError::Broken { .. } => {
                true
            }
            ApiError::Reply(error) => matches!(error, ReplyError::Server { .. }),
            ApiError::Request(_) | ApiError::OverLimit(_) | ApiError::TooLong { .. } => false,
        }
    }
}
