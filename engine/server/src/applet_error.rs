//! The answer to a request of Exotel's that cannot be served: a JSON object with the error and a
//! hint.
//!
//! It is not a problem of RFC 9457 as the API's are. Exotel's applets look at the status alone, and
//! are set up by hand against what the engine answers: what a person sees who opens such a URL stays
//! as it is, whatever becomes of the API.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::cause::Cause;

/// An error response to Exotel, with a hint for the person who reads it.
#[derive(Debug)]
pub struct AppletError {
    status: StatusCode,
    body: Body,
    cause: Option<Cause>,
}

#[derive(Debug, Serialize)]
struct Body {
    error: String,
    hint: &'static str,
}

impl AppletError {
    /// Creates a response with this status.
    pub fn new(status: StatusCode, error: impl Into<String>, hint: &'static str) -> Self {
        Self {
            status,
            body: Body {
                error: error.into(),
                hint,
            },
            cause: None,
        }
    }

    /// Adds a cause, so that the request is logged and counted.
    pub fn because(self, cause: Cause) -> Self {
        Self {
            cause: Some(cause),
            ..self
        }
    }
}

impl IntoResponse for AppletError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            // in seconds (RFC 9110, 10.2.3)
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

impl From<BytesRejection> for AppletError {
    fn from(rejection: BytesRejection) -> Self {
        let hint = "send a whole body of at most 256 KiB";
        Self::new(rejection.status(), rejection.body_text(), hint).because(Cause::Body)
    }
}

impl From<WebSocketUpgradeRejection> for AppletError {
    fn from(rejection: WebSocketUpgradeRejection) -> Self {
        Self::new(
            rejection.status(),
            rejection.body_text(),
            "connect by WebSocket, as Exotel's Voicebot applet does; a proxy in between has to pass `Upgrade`",
        )
        .because(Cause::Upgrade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_done_now_says_when_to_ask_again() {
        let after = |status| {
            let response = AppletError::new(status, "full", "raise it").into_response();
            response.headers().get(RETRY_AFTER).cloned()
        };
        assert_eq!(after(StatusCode::SERVICE_UNAVAILABLE).unwrap(), "1");
        assert_eq!(after(StatusCode::FORBIDDEN), None);
    }
}
