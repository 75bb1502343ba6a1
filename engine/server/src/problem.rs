//! What a request that cannot be served is told: a JSON object with the thing and the mend.

use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An answer to a request that cannot be served.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    body: Body,
}

#[derive(Debug, Serialize)]
struct Body {
    error: String,
    mend: &'static str,
}

impl Problem {
    /// An answer with this status.
    pub fn new(status: StatusCode, error: impl Into<String>, mend: &'static str) -> Self {
        Self { status, body: Body { error: error.into(), mend } }
    }

    /// The request is unusable.
    pub fn bad_request(error: impl Into<String>, mend: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, mend)
    }

    /// A store does not answer.
    pub fn unavailable(error: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, "see /readyz, and the log of this time")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text(), "send a whole body of at most 256 KiB")
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text(), "write the path in UTF-8, percent-encoded")
    }
}

impl From<WebSocketUpgradeRejection> for Problem {
    fn from(rejection: WebSocketUpgradeRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text(), "connect by WebSocket, as Exotel's Voicebot applet does")
    }
}

/// Nothing is here.
pub async fn no_such_route(uri: Uri) -> Problem {
    // The path alone: a query may hold numbers.
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("nothing is at `{}`", uri.path()),
        "GET /websocket-url tells what to paste into Exotel's applets",
    )
}

/// Something is here, for another method.
pub async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("`{}` does not take {method}", uri.path()),
        "Exotel's applets use GET, its status callback POST",
    )
}
