//! The status callback: what Exotel tells of a call after it, once or more, late or never. It is
//! not signed.
//!
//! Source: Exotel, "StatusCallback". Only `CallSid`, `DateUpdated`, `Status` and `RecordingUrl`
//! always come; the rest where events were asked for.

use std::collections::BTreeMap;

use ghanti_model::{CallSid, Direction, Masked, PhoneNumber};

use crate::applet::Leg;
use crate::{CallStatus, Parameters, ParseError};

/// What a callback tells; what was not told is none. Times are Exotel's texts, in India's time
/// without saying so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusCallback {
    /// The call's id.
    pub call_sid: Option<CallSid>,
    /// The call's state.
    pub status: Option<CallStatus>,
    /// `terminal` or `answered`.
    pub event_type: Option<String>,
    /// Whom Exotel dialled first.
    pub from: Option<PhoneNumber>,
    /// Whom it dialled second.
    pub to: Option<PhoneNumber>,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// What was given when the call was asked for.
    pub custom_field: Option<Masked>,
    /// Seconds both legs talked.
    pub conversation_duration_s: Option<u32>,
    /// Where the recording is.
    pub recording_url: Option<String>,
    /// When the call came to be.
    pub date_created: Option<String>,
    /// When this was told.
    pub date_updated: Option<String>,
    /// When the call began.
    pub start_time: Option<String>,
    /// When it ended.
    pub end_time: Option<String>,
    /// The legs.
    pub legs: Vec<Leg>,
    /// All that was told, masked: for the call's record.
    pub told: BTreeMap<String, String>,
}

impl StatusCallback {
    /// Reads a body by its content type: multipart (Exotel's default), URL-encoded, or JSON.
    ///
    /// # Errors
    /// As [`Parameters::from_body`].
    pub fn from_body(content_type: Option<&str>, body: &[u8]) -> Result<Self, ParseError> {
        Parameters::from_body(content_type, body)
            .map(|parameters| Self::from_parameters(&parameters))
    }

    /// Reads the JSON form.
    pub fn from_json(text: &str) -> Result<Self, ParseError> {
        Parameters::from_json(text).map(|parameters| Self::from_parameters(&parameters))
    }

    /// Takes a form that somebody else has decoded.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        Self::from_parameters(&Parameters::from_pairs(pairs))
    }

    /// Takes decoded parameters.
    pub fn from_parameters(parameters: &Parameters) -> Self {
        Self {
            call_sid: parameters.call_sid(),
            status: parameters.get("Status").map(CallStatus::parse),
            event_type: parameters.text("EventType"),
            from: parameters.phone_number("From"),
            to: parameters.phone_number("To"),
            direction: parameters.get("Direction").and_then(Direction::parse),
            custom_field: parameters.masked_text("CustomField"),
            conversation_duration_s: parameters.count("ConversationDuration"),
            recording_url: parameters.text("RecordingUrl"),
            date_created: parameters.text("DateCreated"),
            date_updated: parameters.text("DateUpdated"),
            start_time: parameters.text("StartTime"),
            end_time: parameters.text("EndTime"),
            legs: Leg::all(parameters),
            told: parameters.masked(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_that_was_not_attempted_has_no_status() {
        let form = "CallSid=c1&Status=in-progress&EventType=answered&Legs%5B0%5D%5BStatus%5D=in-progress&Legs%5B1%5D%5BStatus%5D=";
        let json = r#"{"CallSid":"c1","Status":"in-progress","EventType":"answered","Legs":[{"Status":"in-progress"},{"Status":null}]}"#;
        let form =
            StatusCallback::from_body(Some("application/x-www-form-urlencoded"), form.as_bytes())
                .unwrap();
        let json = StatusCallback::from_json(json).unwrap();
        assert_eq!(form, json);
        let statuses: Vec<_> = form.legs.into_iter().map(|leg| leg.status).collect();
        assert_eq!(statuses, [Some(CallStatus::InProgress), None]);
    }

    #[test]
    fn the_four_basic_fields_are_enough() {
        let pairs = [
            ("CallSid", "c1"),
            ("DateUpdated", "2024-01-15 14:30:45"),
            ("Status", "no-answer"),
            ("RecordingUrl", "null"),
        ];
        let callback = StatusCallback::from_pairs(pairs);
        assert_eq!(
            (callback.status, callback.recording_url),
            (Some(CallStatus::NoAnswer), None)
        );
        assert_eq!(callback.told.len(), 3);
    }
}
