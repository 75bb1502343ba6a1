//! Responses of Exotel's API: an accepted call, an error, the number of active streams. This module
//! only parses; requests are sent elsewhere.
//!
//! Source: Exotel, "Make a call" API (`.json` form) and its page on WSS errors and monitoring
//! (XML).

use ghanti_model::CallSid;

use crate::{CallStatus, Parameters, ParseError};

/// A JSON response of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiReply {
    /// The call was accepted; whether it is answered is reported later.
    Call(Call),
    /// The request was rejected.
    Exception(RestException),
}

/// An accepted call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub sid: CallSid,
    /// The call's status, usually `in-progress` from the start.
    pub status: Option<CallStatus>,
    /// Duration in seconds; final some minutes after the call.
    pub duration_s: Option<u32>,
    /// URL of the recording.
    pub recording_url: Option<String>,
}

/// Why Exotel rejected the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("exotel refused (`{status:?}`, code `{code:?}`): {message}")]
pub struct RestException {
    /// The HTTP status, repeated in the body.
    pub status: Option<u32>,
    /// Exotel's code, such as `34001` for bad or missing parameters.
    pub code: Option<String>,
    /// Exotel's message.
    pub message: String,
}

/// The number of active media streams of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveStreams {
    /// Current number.
    pub active: u32,
    /// Maximum; calls beyond it end with `Streaming_call_throttled`.
    pub limit: u32,
}

/// Parses a JSON response; keys are case-insensitive.
///
/// # Errors
/// The text is not JSON, or has neither a `Call` with a `Sid` nor a `RestException`.
pub fn parse_reply(text: &str) -> Result<ApiReply, ParseError> {
    let parameters = Parameters::from_json(text)?;
    if parameters.has_prefix("RestException[") {
        return Ok(ApiReply::Exception(RestException {
            status: parameters.count("RestException[Status]"),
            code: parameters.text("RestException[Code]"),
            message: parameters
                .text("RestException[Message]")
                .unwrap_or_default(),
        }));
    }
    let sid = parameters
        .get("Call[Sid]")
        .and_then(|sid| CallSid::parse(sid).ok());
    Ok(ApiReply::Call(Call {
        sid: sid.ok_or(ParseError::Missing {
            field: "Call.Sid",
            expected: "a `Call` or a `RestException`; ask with `.json` in the path",
        })?,
        status: parameters.get("Call[Status]").map(CallStatus::parse),
        duration_s: parameters.count("Call[Duration]"),
        recording_url: parameters.text("Call[RecordingUrl]"),
    }))
}

impl ActiveStreams {
    /// Parses the XML response of `ActiveStreams`.
    pub fn parse(xml: &str) -> Result<Self, ParseError> {
        let count = |field: &'static str| {
            let inner = xml
                .split_once(&format!("<{field}>"))
                .and_then(|(_, rest)| rest.split_once('<'))
                .map(|(inner, _)| inner.trim());
            inner
                .and_then(|inner| inner.parse().ok())
                .ok_or(ParseError::Missing {
                    field,
                    expected: "a count between its tags",
                })
        };
        Ok(Self {
            active: count("ActiveStreamCount")?,
            limit: count("ThrottleLimit")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accepted_call_is_read_in_any_case_of_letters() {
        for text in [
            r#"{"Call":{"Sid":"c1","ParentCallSid":null,"Status":"in-progress","To":null,"Duration":null,"RecordingUrl":null}}"#,
            r#"{"call":{"sid":"c1","status":"in-progress"}}"#,
        ] {
            let expected = Call {
                sid: CallSid::parse("c1").unwrap(),
                status: Some(CallStatus::InProgress),
                duration_s: None,
                recording_url: None,
            };
            assert_eq!(parse_reply(text).unwrap(), ApiReply::Call(expected));
        }
    }

    #[test]
    fn what_is_neither_call_nor_error_is_refused() {
        for text in [
            "",
            "<TwilioResponse/>",
            "{}",
            r#"{"Call":{}}"#,
            r#"{"Call":{"Sid":""}}"#,
        ] {
            assert!(parse_reply(text).is_err(), "{text}");
        }
        assert!(ActiveStreams::parse("<ActiveStreamCount>x</ActiveStreamCount>").is_err());
    }
}
