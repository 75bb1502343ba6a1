//! The parameters of a path: ids and names between its slashes.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::applet_error::AppletError;
use crate::problem::{Kind, Problem};

/// The parameters of a path, like [`Path`], but without control characters: no id or name has one,
/// and PostgreSQL accepts no text with a NUL.
#[derive(Debug)]
pub struct Segments<T>(pub T);

/// A path that cannot name anything.
#[derive(Debug, thiserror::Error)]
pub enum BadPath {
    /// It cannot be decoded.
    #[error("{}", .0.body_text())]
    Unreadable(PathRejection),
    /// It has a control character.
    #[error("the path has a control character, and no id or name has one")]
    Control,
}

impl BadPath {
    /// What to do about it.
    fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "send the path in UTF-8, percent-encoded",
            Self::Control => "send the id or name as the API returns it, percent-encoded",
        }
    }
}

impl<S, T> FromRequestParts<S> for Segments<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = BadPath;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, BadPath> {
        if percent_decode_str(parts.uri.path()).any(|byte| byte.is_ascii_control()) {
            return Err(BadPath::Control);
        }
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(segments)| Self(segments))
            .map_err(BadPath::Unreadable)
    }
}

impl From<BadPath> for Problem {
    fn from(bad: BadPath) -> Self {
        Self::new(Kind::UnreadablePath, bad.to_string(), bad.hint())
    }
}

impl From<BadPath> for AppletError {
    fn from(bad: BadPath) -> Self {
        Self::new(StatusCode::BAD_REQUEST, bad.to_string(), bad.hint())
    }
}

impl IntoResponse for BadPath {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
