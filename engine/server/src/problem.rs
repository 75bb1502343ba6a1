//! The response to a request to the API that cannot be served: a problem of RFC 9457, with a hint
//! and, where fields are wrong, the list of them. Exotel gets other responses:
//! `applet_error.rs`.

mod kind;

use std::borrow::Cow;

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ghanti_host::Step;
use ghanti_manifest::FieldProblem;
use serde::Serialize;
use utoipa::ToSchema;

use crate::cause::Cause;

pub use kind::Kind;

/// The media type of a problem (RFC 9457, section 3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem, as the response and as its own body.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    body: Body,
    cause: Option<Cause>,
}

/// Why a request was not served (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Body {
    /// A URI reference that identifies the kind of the problem.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What the kind means.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What was wrong with this request.
    #[schema(value_type = String)]
    detail: Box<str>,
    /// What to do about it.
    hint: Cow<'static, str>,
    /// The stage of loading at which a version of a flow was rejected.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "by_name")]
    #[schema(value_type = Option<String>)]
    step: Option<Step>,
    /// The line of the file that the detail names first, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// The invalid fields or parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field>,
}

/// An invalid field of the body, or parameter. Its value may be personal, so letters and digits are
/// masked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemField)]
pub struct Field {
    /// Its name.
    field: String,
    /// Its value, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// What is wrong with it.
    reason: String,
}

impl Problem {
    /// Creates a problem of a kind: what was wrong with this request, and what to do about it.
    pub fn new(kind: Kind, detail: impl Into<String>, hint: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            body: Body {
                kind: kind.reference(),
                title: kind.title(),
                status: kind.status().as_u16(),
                detail: detail.into().into_boxed_str(),
                hint: hint.into(),
                step: None,
                line: None,
                fields: Vec::new(),
            },
            cause: None,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Adds a cause, so that the request is logged and counted.
    pub fn because(self, cause: Cause) -> Self {
        Self {
            cause: Some(cause),
            ..self
        }
    }

    /// Adds the stage of loading at which a version of a flow was rejected, and the line.
    pub fn at(mut self, step: Step, line: Option<usize>) -> Self {
        self.body.step = Some(step);
        self.body.line = line.and_then(|line| u32::try_from(line).ok());
        self
    }

    /// Replaces the detail.
    pub fn with_detail(mut self, detail: String) -> Self {
        self.body.detail = detail.into_boxed_str();
        self
    }

    /// Lists all missing or unreadable fields of a record, both in the detail and as a list.
    pub fn fields(problems: Vec<FieldProblem>) -> Self {
        let text = problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ");
        let mut problem = Self::new(
            Kind::UnusableFields,
            format!("the record was not stored: {text}"),
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

    /// An invalid parameter of the query. `takes` describes valid values.
    pub fn parameter(name: &str, reason: &str, takes: String) -> Self {
        let detail = format!("`{name}` {reason}");
        let mut problem = Self::new(Kind::UnusableParameter, detail, takes);
        problem.body.fields = vec![Field {
            field: name.to_owned(),
            value: None,
            reason: reason.to_owned(),
        }];
        problem
    }

    /// A body that is not the expected JSON, which `fix` shows. Only the position and the sort of the
    /// error are reported: the value may be a phone number or a name.
    pub fn json(error: &serde_json::Error, fix: &'static str) -> Self {
        let (kind, what) = if error.is_data() {
            (
                Kind::BodyNotExpected,
                "a field is unknown, missing or of the wrong type",
            )
        } else {
            (Kind::BodyNotJson, "the body is not JSON")
        };
        let (line, column) = (error.line(), error.column());
        Self::new(kind, format!("{what} (line {line}, column {column})"), fix)
    }

    /// The problem's texts, for a page.
    pub fn text(&self) -> ProblemText<'_> {
        ProblemText {
            status: self.kind.status(),
            title: self.body.title,
            detail: &self.body.detail,
            hint: &self.body.hint,
            step: self.body.step,
            line: self.body.line,
        }
    }

    /// A store does not answer.
    pub fn unavailable(error: impl std::fmt::Display) -> Self {
        Self::new(
            Kind::StoreUnavailable,
            error.to_string(),
            "see /readyz, and the log of this time",
        )
    }
}

/// The texts of a problem, for a page.
#[derive(Debug, Clone, Copy)]
pub struct ProblemText<'a> {
    /// The HTTP status.
    pub status: StatusCode,
    /// What the kind means.
    pub title: &'static str,
    /// What was wrong.
    pub detail: &'a str,
    /// What to do.
    pub hint: &'a str,
    /// The stage of loading at which a version of a flow was rejected.
    pub step: Option<Step>,
    /// The line of the file that the detail names first, from 1.
    pub line: Option<u32>,
}

/// Serializes a stage as its name.
fn by_name<S: serde::Serializer>(step: &Option<Step>, serializer: S) -> Result<S::Ok, S::Error> {
    match step {
        Some(step) => serializer.collect_str(step),
        None => serializer.serialize_none(),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.status(), Json(self.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        match self.kind.status() {
            StatusCode::SERVICE_UNAVAILABLE => {
                // in seconds (RFC 9110, 10.2.3)
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            StatusCode::UNAUTHORIZED => {
                // RFC 6750, section 3
                let challenge = HeaderValue::from_static("Bearer realm=\"ghanti\"");
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
            _ => {}
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        let kind = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Kind::BodyTooLarge
        } else {
            Kind::BodyNotRead
        };
        let hint = "send a whole body of at most 256 KiB, customers 4 MiB, a flow 48 MiB";
        Self::new(kind, rejection.body_text(), hint).because(Cause::Body)
    }
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
        assert_eq!(
            after(Problem::new(Kind::UnknownCall, "no such call", "")),
            None
        );
    }

    #[test]
    fn an_error_about_json_never_contains_its_values() {
        let error = |text: &str| serde_json::from_str::<Vec<u64>>(text).unwrap_err();
        for (text, kind) in [
            ("[9876543210", Kind::BodyNotJson),
            ("", Kind::BodyNotJson),
            ("[\"9876543210\"]", Kind::BodyNotExpected),
        ] {
            let problem = Problem::json(&error(text), "send numbers");
            assert_eq!(problem.kind, kind, "{text}");
            assert!(!problem.body.detail.contains("98765"), "{problem:?}");
        }
    }
}
