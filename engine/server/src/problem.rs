//! The response to a request that cannot be served: a JSON object with the error and a hint.

use axum::Json;
use axum::extract::Request;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, RETRY_AFTER, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ghanti_manifest::FieldProblem;
use serde::Serialize;

/// An error response, with a hint for the person who reads it.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    body: Body,
    cause: Option<Cause>,
}

/// Why one of Exotel's requests could not be served because the set-up is wrong. Such requests are
/// logged, counted and kept with their call (`unserved.rs`). The cause is passed to that middleware
/// in the response's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The token is missing or wrong.
    Token,
    /// No route matches the path.
    Path,
    /// The route does not accept the method.
    Method,
    /// A media stream was requested without a WebSocket upgrade.
    Upgrade,
    /// The body cannot be read.
    Body,
}

#[derive(Debug, Serialize)]
struct Body {
    error: String,
    hint: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field>,
}

/// A field of the body that cannot be used. Its value is personal, so letters and digits are
/// masked.
#[derive(Debug, Serialize)]
struct Field {
    field: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    reason: String,
}

impl Problem {
    /// Creates a response with this status.
    pub fn new(status: StatusCode, error: impl Into<String>, hint: &'static str) -> Self {
        Self {
            status,
            body: Body {
                error: error.into(),
                hint,
                fields: Vec::new(),
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

    /// A 400 that lists all missing or unreadable fields, both in the error and as a list.
    pub fn fields(problems: Vec<FieldProblem>) -> Self {
        let told = problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ");
        let mut problem = Self::bad_request(
            format!("the record was not stored: {told}"),
            "correct these fields and send the record again",
        );
        let field = |FieldProblem {
                         field,
                         shape,
                         reason,
                     }| Field {
            field,
            value: shape,
            reason,
        };
        problem.body.fields = problems.into_iter().map(field).collect();
        problem
    }

    /// A 400.
    pub fn bad_request(error: impl Into<String>, hint: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, hint)
    }

    /// A 503: a store does not answer.
    pub fn unavailable(error: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            error,
            "see /readyz, and the log of this time",
        )
    }
}

impl IntoResponse for Problem {
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

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        Self::new(
            rejection.status(),
            rejection.body_text(),
            "send a whole body of at most 256 KiB",
        )
        .because(Cause::Body)
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(
            rejection.status(),
            rejection.body_text(),
            "write the path in UTF-8, percent-encoded",
        )
    }
}

impl From<WebSocketUpgradeRejection> for Problem {
    fn from(rejection: WebSocketUpgradeRejection) -> Self {
        Self::new(
            rejection.status(),
            rejection.body_text(),
            "connect by WebSocket, as Exotel's Voicebot applet does; a proxy in between has to pass `Upgrade`",
        )
        .because(Cause::Upgrade)
    }
}

/// Middleware that adds `Connection: close` to an error response to a request with a body. Such a
/// response may be sent before the body has been read, which ends the connection; the header makes
/// the peer send its next request on another one (RFC 9112, 9.6).
pub async fn end_connection(request: Request, next: Next) -> Response {
    let has_body = request.version() <= Version::HTTP_11 && has_body(request.headers());
    let mut response = next.run(request).await;
    if has_body && (response.status().is_client_error() || response.status().is_server_error()) {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether a request has a body, by RFC 9112, 6.3.
fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers
            .get(CONTENT_LENGTH)
            .is_some_and(|length| length != "0")
}

/// The response for an unknown path.
pub async fn no_such_route(uri: Uri) -> Problem {
    // the path only: a query may contain phone numbers
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("nothing is at `{}`", uri.path()),
        "GET /websocket-url tells what to paste into Exotel's applets",
    )
    .because(Cause::Path)
}

/// The response for a known path with another method.
pub async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("`{}` does not take {method}", uri.path()),
        "Exotel's applets use GET, its status callback POST",
    )
    .because(Cause::Method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_done_now_says_when_to_ask_again() {
        let after = |problem: Problem| problem.into_response().headers().get(RETRY_AFTER).cloned();
        assert_eq!(
            after(Problem::unavailable("Redis does not answer")).unwrap(),
            "1"
        );
        assert_eq!(after(Problem::bad_request("no JSON", "send JSON")), None);
    }
}
