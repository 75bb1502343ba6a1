//! Replies about calls: an accepted call, its details, a list of calls, an error.
//!
//! Source: Exotel, "Make a call", "Call details" and "Bulk call details" APIs.

use ghanti_model::{CallSid, Direction, PhoneNumber};
use serde_json::Value;

use super::tree;
use crate::{CallStatus, Parameters, ParseError};

/// A response of the API to `Calls/connect`.
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

/// All that Exotel reports of a call. Times are Exotel's strings, in Indian time without a zone.
/// Duration, price and end are final about two minutes after the call. Neither `CustomField` nor
/// legs are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallDetails {
    /// Id, status, duration and recording.
    pub call: Call,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The number called first: the customer.
    pub from: Option<PhoneNumber>,
    /// The number called second; absent for calls that are connected to a flow.
    pub to: Option<PhoneNumber>,
    /// The ExoPhone.
    pub exophone: Option<PhoneNumber>,
    /// When the call was created.
    pub created: Option<String>,
    /// When this report was last changed.
    pub updated: Option<String>,
    /// When the call started.
    pub started: Option<String>,
    /// When the call ended.
    pub ended: Option<String>,
    /// The price, in the account's currency.
    pub price: Option<String>,
    /// `human` or `machine`, where answering machines are detected.
    pub answered_by: Option<String>,
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

/// Parses a response to `Calls/connect`, JSON or XML; names are case-insensitive.
///
/// # Errors
/// The text is neither JSON nor XML, or has neither a `Call` with a `Sid` nor a `RestException`.
pub fn parse_reply(text: &str) -> Result<ApiReply, ParseError> {
    let parameters = Parameters::from_value(&tree::read(text)?);
    if let Some(exception) = exception(&parameters) {
        return Ok(ApiReply::Exception(exception));
    }
    call(&parameters).map(ApiReply::Call)
}

/// Parses the details of one call.
///
/// # Errors
/// The text is neither JSON nor XML, or has no `Call` with a `Sid`.
pub fn parse_details(text: &str) -> Result<CallDetails, ParseError> {
    details(&Parameters::from_value(&tree::read(text)?))
}

/// Parses a list of calls. Entries without a `Sid` are left out. The list is one page, of 50 calls
/// by default; calls that have not ended are not in it.
///
/// # Errors
/// The text is neither JSON nor XML, or has no such list.
pub fn parse_calls(text: &str) -> Result<Vec<CallDetails>, ParseError> {
    let tree = tree::read(text)?;
    let list = tree::items(&tree, "Calls", "Call").ok_or(ParseError::Missing {
        field: "Calls",
        expected: "the list of calls",
    })?;
    let read = |item: &Value| {
        let wrapped = Value::Object([("Call".to_owned(), item.clone())].into_iter().collect());
        details(&Parameters::from_value(&wrapped)).ok()
    };
    Ok(list.into_iter().filter_map(read).collect())
}

/// The `RestException` of a response, if there is one.
pub(super) fn parse_exception(text: &str) -> Option<RestException> {
    exception(&Parameters::from_value(&tree::read(text).ok()?))
}

fn exception(parameters: &Parameters) -> Option<RestException> {
    parameters
        .has_prefix("RestException[")
        .then(|| RestException {
            status: parameters.count("RestException[Status]"),
            code: parameters.text("RestException[Code]"),
            message: parameters
                .text("RestException[Message]")
                .unwrap_or_default(),
        })
}

fn call(parameters: &Parameters) -> Result<Call, ParseError> {
    let sid = parameters
        .get("Call[Sid]")
        .and_then(|sid| CallSid::parse(sid).ok());
    Ok(Call {
        sid: sid.ok_or(ParseError::Missing {
            field: "Call.Sid",
            expected: "a `Call` or a `RestException`; ask with `.json` in the path",
        })?,
        status: parameters.get("Call[Status]").map(CallStatus::parse),
        duration_s: parameters.count("Call[Duration]"),
        recording_url: parameters.text("Call[RecordingUrl]"),
    })
}

fn details(parameters: &Parameters) -> Result<CallDetails, ParseError> {
    Ok(CallDetails {
        call: call(parameters)?,
        direction: parameters.get("Call[Direction]").and_then(Direction::parse),
        from: parameters.phone_number("Call[From]"),
        to: parameters.phone_number("Call[To]"),
        exophone: parameters.phone_number("Call[PhoneNumberSid]"),
        created: parameters.text("Call[DateCreated]"),
        updated: parameters.text("Call[DateUpdated]"),
        started: parameters.text("Call[StartTime]"),
        ended: parameters.text("Call[EndTime]"),
        price: parameters.text("Call[Price]"),
        answered_by: parameters.text("Call[AnsweredBy]"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &str = "<Sid>c1</Sid><Status>completed</Status><From>09876543210</From><To></To><PhoneNumberSid>08047112233</PhoneNumberSid>\
        <Direction>outbound-api</Direction><Duration>17</Duration><Price>1.500</Price><StartTime>2026-11-22 10:00:00</StartTime>\
        <EndTime>1970-01-01 05:30:00</EndTime>";

    #[test]
    fn an_accepted_call_is_read_in_any_case_of_letters() {
        for text in [
            r#"{"Call":{"Sid":"c1","ParentCallSid":null,"Status":"in-progress","To":null,"Duration":null,"RecordingUrl":null}}"#,
            r#"{"call":{"sid":"c1","status":"in-progress"}}"#,
            "<?xml version=\"1.0\"?>\n<TwilioResponse><Call><Sid>c1</Sid><Status>in-progress</Status><Duration/></Call></TwilioResponse>",
            "<twilioresponse><call><sid>c1</sid><status>in-progress</status></call></twilioresponse>",
            "<Call><Sid>c1</Sid><Status>in-progress</Status></Call>",
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
            r#"{"Call":{"Sid":"a b"}}"#,
        ] {
            assert!(parse_reply(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_exception_has_its_code_as_number_or_text() {
        for text in [
            r#"{"RestException":{"Status":400,"Code":34001,"Message":"Bad/missing parameters"}}"#,
            r#"{"restexception":{"status":"400","code":"34001","message":"Bad/missing parameters"}}"#,
            "<TwilioResponse><RestException><Status>400</Status><Code>34001</Code><Message>Bad/missing parameters</Message>\
             </RestException></TwilioResponse>",
        ] {
            let expected = RestException {
                status: Some(400),
                code: Some("34001".to_owned()),
                message: "Bad/missing parameters".to_owned(),
            };
            assert_eq!(
                parse_reply(text).unwrap(),
                ApiReply::Exception(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn details_are_read_alone_and_in_lists() {
        let xml = format!("<TwilioResponse><Call>{CALL}</Call></TwilioResponse>");
        let found = parse_details(&xml).unwrap();
        assert_eq!(found.call.status, Some(CallStatus::Completed));
        assert_eq!(found.call.duration_s, Some(17));
        assert_eq!(
            found.from,
            Some(PhoneNumber::parse("+919876543210").unwrap())
        );
        assert_eq!(found.exophone, PhoneNumber::parse("08047112233").ok());
        assert_eq!((found.to.clone(), found.ended.clone()), (None, None));
        assert_eq!(found.direction, Some(Direction::Outbound));
        assert_eq!(found.price.as_deref(), Some("1.500"));
        assert!(!format!("{found:?}").contains("987654"));

        let json = r#"{"Metadata":{"PageSize":50},"Calls":[{"Sid":"c1","Status":"busy"},{"Status":"busy"},{"Sid":"c2"}]}"#;
        let list = |text: &str| -> Vec<String> {
            parse_calls(text)
                .unwrap()
                .iter()
                .map(|found| found.call.sid.to_string())
                .collect()
        };
        assert_eq!(list(json), ["c1", "c2"]);
        assert_eq!(list(r#"{"Calls":[]}"#), [""; 0]);
        let two = format!(
            "<TwilioResponse><Calls><Call>{CALL}</Call><Call>{CALL}</Call></Calls></TwilioResponse>"
        );
        assert_eq!(list(&two), ["c1", "c1"]);
        assert!(parse_calls("{}").is_err() && parse_details("{}").is_err());
    }
}
