//! The audit log: who changed what through the API or the console, and who looked at what is masked.
//!
//! An entry is written after the answer is known, in the background; one that cannot be written is
//! logged in its place, so that it is not lost without a trace.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use ghanti_model::unix_ms;
use ghanti_store::AuditEntry;

use crate::access;
use crate::app::App;
use crate::fallback::is_of_api;
use crate::role::{Identity, changes};

/// The longest path that is kept, in characters.
const PATH: usize = 200;
/// The fewest digits of a segment of a path that may be a phone number.
const NUMBER: usize = 5;

/// What a request changed to what, where its path does not say it; nothing personal. A handler adds it to
/// its answer as an extension.
#[derive(Debug, Clone)]
pub struct Detail(pub String);

/// Middleware that keeps each request to the API that changes something, whether it was allowed or
/// not, with the name of the token.
pub async fn keep(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !is_of_api(path) || !changes(request.method()) {
        return next.run(request).await;
    }
    let identity = access::identity(&app.config, request.headers());
    let (action, path) = (request.method().to_string(), path.to_owned());
    let mut answer = next.run(request).await;
    let detail = answer.extensions_mut().remove::<Detail>();
    if let Some(identity) = identity {
        write(&app, &identity, &action, &path, answer.status(), detail);
    }
    answer
}

/// Keeps what somebody did. `path` is that of the request; phone numbers in it are left out.
pub fn write(
    app: &App,
    identity: &Identity,
    action: &str,
    path: &str,
    status: StatusCode,
    detail: Option<Detail>,
) {
    let entry = AuditEntry {
        unix_ms: unix_ms(),
        token: identity.name.clone(),
        role: identity.role.name().to_owned(),
        action: action.to_owned(),
        path: without_numbers(path),
        status: status.as_u16(),
        detail: detail.map(|Detail(detail)| detail),
    };
    tracing::info!(
        token = entry.token,
        role = entry.role,
        action = entry.action,
        path = entry.path,
        status = entry.status,
        detail = entry.detail,
        "a token was used"
    );
    let records = app.records.clone();
    app.tasks.spawn(async move {
        if let Err(error) = records.add_audit(&entry).await {
            tracing::error!(?entry, %error, "an entry of the audit log could not be stored: keep this line in its place");
        }
    });
}

/// A path with a word in place of each phone number.
fn without_numbers(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        let text = percent_encoding::percent_decode_str(segment).decode_utf8_lossy();
        let digits = text.chars().filter(char::is_ascii_digit).count();
        let is_number = digits >= NUMBER
            && !text
                .chars()
                .any(|character| character.is_ascii_alphabetic());
        if is_number { "NUMBER" } else { segment }
    });
    let path = segments.collect::<Vec<_>>().join("/");
    path.chars().take(PATH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_phone_number_is_kept() {
        for (path, kept) in [
            ("/api/do-not-call/+919876500001", "/api/do-not-call/NUMBER"),
            (
                "/api/do-not-call/%2B91%2098765-00001",
                "/api/do-not-call/NUMBER",
            ),
            (
                "/api/calls/01a221c1-e2c4-75e6-91d0-82cd4b63e10a",
                "/api/calls/01a221c1-e2c4-75e6-91d0-82cd4b63e10a",
            ),
            (
                "/api/campaigns/june-2026/start",
                "/api/campaigns/june-2026/start",
            ),
        ] {
            assert_eq!(without_numbers(path), kept);
        }
        assert_eq!(without_numbers(&"x".repeat(500)).len(), PATH);
    }
}
