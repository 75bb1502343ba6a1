//! Responses for unknown routes and methods, and closing of connections after errors.

use axum::extract::Request;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::applet_error::AppletError;
use crate::cause::Cause;
use crate::problem::{Kind, Problem};

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

/// Whether a path, without the configured prefix, is of the API.
pub fn is_of_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// The response for an unknown path.
pub async fn no_such_route(uri: Uri) -> Response {
    // the path only: a query may contain phone numbers
    let detail = format!("nothing is at `{}`", uri.path());
    if is_of_api(uri.path()) {
        let hint = "GET /api/openapi.json describes what is there, /api/docs shows it";
        return Problem::new(Kind::UnknownPath, detail, hint)
            .because(Cause::Path)
            .into_response();
    }
    let hint = "GET /websocket-url returns what to paste into Exotel's applets";
    AppletError::new(StatusCode::NOT_FOUND, detail, hint)
        .because(Cause::Path)
        .into_response()
}

/// The response for a known path with another method.
pub async fn wrong_method(method: Method, uri: Uri) -> Response {
    let detail = format!("`{}` does not take {method}", uri.path());
    if is_of_api(uri.path()) {
        let hint = "GET /api/openapi.json describes what it takes, /api/docs shows it";
        return Problem::new(Kind::WrongMethod, detail, hint)
            .because(Cause::Method)
            .into_response();
    }
    let hint = "Exotel's applets use GET, its status callback POST";
    AppletError::new(StatusCode::METHOD_NOT_ALLOWED, detail, hint)
        .because(Cause::Method)
        .into_response()
}
