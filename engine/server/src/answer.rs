//! Successful responses of the API.

use axum::Json;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ghanti_model::chain::hexadecimal;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::masked::mask;
use crate::problem::{Kind, Problem};
use crate::times;

/// Bytes of the SHA-256 in a tag.
const TAG_BYTES: usize = 16;

/// A JSON response in which each time is also given as ISO 8601.
#[derive(Debug)]
pub struct Answer<T>(pub T);

/// An answer of which viewers are shown what is not personal.
#[derive(Debug)]
pub struct Maskable<T> {
    answer: Answer<T>,
    is_masked: bool,
}

impl<T: Serialize> Answer<T> {
    /// Masks the answer, or not.
    pub fn masked(self, is_masked: bool) -> Maskable<T> {
        let answer = self;
        Maskable { answer, is_masked }
    }
}

impl<T: Serialize> Maskable<T> {
    fn value(&self) -> Result<serde_json::Value, Problem> {
        let value = serde_json::to_value(&self.answer.0);
        let mut value = value
            .map_err(|error| Problem::new(Kind::Internal, error.to_string(), "report this"))?;
        times::add(&mut value);
        if self.is_masked {
            mask(&mut value);
        }
        Ok(value)
    }

    /// The response with an entity tag of its content. A client that sends the tag as `If-None-Match`
    /// gets 304 while the content is unchanged (RFC 9110, 13.1.2).
    pub fn tagged(&self, asked: &HeaderMap) -> Response {
        match self.value().map(|value| value.to_string()) {
            Ok(text) => tagged(text.into_bytes(), "application/json", asked),
            Err(problem) => problem.into_response(),
        }
    }
}

impl<T: Serialize> IntoResponse for Maskable<T> {
    fn into_response(self) -> Response {
        match self.value() {
            Ok(value) => Json(value).into_response(),
            Err(problem) => problem.into_response(),
        }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        self.masked(false).into_response()
    }
}

/// Whether `If-None-Match` contains this entity tag, which is in quotation marks.
pub fn has_tag(asked: &HeaderMap, tag: &str) -> bool {
    asked
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        // weak comparison, as for any `If-None-Match`
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// The headers of a personal response that a browser may cache but must revalidate each time.
/// `tag` is its entity tag, in quotation marks.
pub fn private_cache(tag: &str) -> [(HeaderName, HeaderValue); 2] {
    [
        (CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (
            ETAG,
            HeaderValue::from_str(tag).unwrap_or(HeaderValue::from_static("\"\"")),
        ),
    ]
}

/// A body with an entity tag of its content, or 304 if the client has it.
pub fn tagged(body: Vec<u8>, media_type: &'static str, asked: &HeaderMap) -> Response {
    let hash = Sha256::digest(&body);
    let digits = hexadecimal(hash.get(..TAG_BYTES).unwrap_or_default());
    let tag = format!("\"{digits}\"");
    let headers = private_cache(&tag);
    if has_tag(asked, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let media_type = [(axum::http::header::CONTENT_TYPE, media_type)];
    (headers, media_type, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_has_cached_is_not_sent_again() {
        let ask = |known: &'static str| {
            let mut asked = HeaderMap::new();
            asked.insert(IF_NONE_MATCH, HeaderValue::from_static(known));
            Answer("said").masked(false).tagged(&asked)
        };
        let first = Answer("said").masked(false).tagged(&HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
        let known: &'static str = Box::leak(format!("\"other\", W/{tag}").into_boxed_str());
        for (known, status) in [(known, 304), ("*", 304), ("\"other\"", 200)] {
            assert_eq!(ask(known).status(), status, "{known}");
            assert_eq!(ask(known).headers()[ETAG], tag);
        }
    }
}
