//! The status callback: Exotel's report after a call, which may arrive once, repeatedly, late or
//! never. It is not signed.
//!
//! Source: Exotel, "StatusCallback". Only `CallSid`, `DateUpdated`, `Status` and `RecordingUrl` are
//! always present; the rest only if events were subscribed to.

use std::collections::BTreeMap;

use ghanti_model::{CallSid, Direction, Masked, PhoneNumber};

use crate::applet::Leg;
use crate::{CallStatus, Parameters, ParseError};

/// The content of a callback; absent values are `None`. Times are Exotel's strings, in Indian time
/// without a zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusCallback {
    /// The call's id.
    pub call_sid: Option<CallSid>,
    /// The call's status.
    pub status: Option<CallStatus>,
    /// `terminal` or `answered`.
    pub event_type: Option<String>,
    /// The number Exotel dialled first.
    pub from: Option<PhoneNumber>,
    /// The number Exotel dialled second.
    pub to: Option<PhoneNumber>,
    /// Whether the customer called or was called.
    pub direction: Option<Direction>,
    /// The value passed when the call was requested.
    pub custom_field: Option<Masked>,
    /// Seconds during which both legs were connected.
    pub conversation_duration_s: Option<u32>,
    /// URL of the recording.
    pub recording_url: Option<String>,
    /// When the call was created.
    pub date_created: Option<String>,
    /// When this report was made.
    pub date_updated: Option<String>,
    /// When the call started.
    pub start_time: Option<String>,
    /// When the call ended.
    pub end_time: Option<String>,
    /// The legs.
    pub legs: Vec<Leg>,
    /// All parameters, masked, for the call record.
    pub parameters: BTreeMap<String, String>,
}

impl StatusCallback {
    /// Parses a body by its content type: multipart (Exotel's default), URL-encoded or JSON.
    ///
    /// # Errors
    /// As [`Parameters::from_body`].
    pub fn from_body(content_type: Option<&str>, body: &[u8]) -> Result<Self, ParseError> {
        Parameters::from_body(content_type, body)
            .map(|parameters| Self::from_parameters(&parameters))
    }

    /// Parses the JSON form.
    pub fn from_json(text: &str) -> Result<Self, ParseError> {
        Parameters::from_json(text).map(|parameters| Self::from_parameters(&parameters))
    }

    /// Takes pairs that are already decoded.
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
            parameters: parameters.masked(),
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
        assert_eq!(callback.parameters.len(), 3);
    }
}
