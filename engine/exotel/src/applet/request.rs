//! Requests of applets: Passthru before and after the bot, the dynamic WebSocket URL, the Connect
//! applet's dynamic URL and its agent events. All are a GET with the same set of parameters, of
//! which each stage of a call sends some.
//!
//! Source: Exotel, "Passthru applet" (support article 48283) and its pages on dynamic URLs.

use std::collections::BTreeMap;

use ghanti_model::{CallSid, Direction, Masked, PhoneNumber};

use super::{Leg, StreamOutcome};
use crate::{CallStatus, Parameters};

/// A request of an applet; absent and placeholder values are `None`. Times are Exotel's strings, in
/// Indian time without a zone. `EndTime` is left out because it is a constant at this stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassthruRequest {
    /// The call's id; `None` if missing or an unexpanded template.
    pub call_sid: Option<CallSid>,
    /// Whether the customer called or was called.
    pub direction: Option<Direction>,
    /// `CallFrom`.
    pub call_from: Option<PhoneNumber>,
    /// `CallTo`; its leading 0 may be missing.
    pub call_to: Option<PhoneNumber>,
    /// `From`.
    pub from: Option<PhoneNumber>,
    /// `To`.
    pub to: Option<PhoneNumber>,
    /// The value passed when the call was requested.
    pub custom_field: Option<Masked>,
    /// Keys pressed in a Gather applet, without surrounding quotes.
    pub digits: Option<Masked>,
    /// The call's status.
    pub call_status: Option<CallStatus>,
    /// `call-attempt`, `completed`, `client-hangup`, `incomplete`, `voicemail`.
    pub call_type: Option<String>,
    /// How the agent's leg ended.
    pub dial_call_status: Option<CallStatus>,
    /// Seconds the agent's leg lasted; 0 without one.
    pub dial_call_duration_s: Option<u32>,
    /// The agent's number that was dialled; `None` for `sip:` addresses.
    pub dial_whom_number: Option<PhoneNumber>,
    /// The ExoPhone shown to the agent.
    pub outgoing_number: Option<PhoneNumber>,
    /// The flow's id at Exotel.
    pub flow_id: Option<String>,
    /// The account's numeric id at Exotel.
    pub tenant_id: Option<String>,
    /// The recording of a Connect or Voicemail applet.
    pub recording_url: Option<String>,
    /// When the call was created.
    pub created: Option<String>,
    /// When the call started.
    pub start_time: Option<String>,
    /// When the applet made the request.
    pub current_time: Option<String>,
    /// Connect's agent events: `Dial`, `Ringing`, `Answered`, `Terminal`.
    pub event_type: Option<String>,
    /// Connect's agent events: whether the agent is `busy` or `free`.
    pub agent_status: Option<String>,
    /// The reported legs.
    pub legs: Vec<Leg>,
    /// How the bot's stream ended, once it has.
    pub stream: Option<StreamOutcome>,
    /// All parameters, masked, for the call record.
    pub parameters: BTreeMap<String, String>,
}

impl PassthruRequest {
    /// Parses a query. Never fails: an applet has to get a reply even to an invalid request.
    pub fn parse(query: &str) -> Self {
        Self::from_parameters(&Parameters::from_query(query))
    }

    /// Like [`parse`](Self::parse), from decoded parameters.
    pub fn from_parameters(parameters: &Parameters) -> Self {
        Self {
            call_sid: parameters.call_sid(),
            direction: parameters.get("Direction").and_then(Direction::parse),
            call_from: parameters.phone_number("CallFrom"),
            call_to: parameters.phone_number("CallTo"),
            from: parameters.phone_number("From"),
            to: parameters.phone_number("To"),
            custom_field: parameters.masked_text("CustomField"),
            digits: parameters
                .get("digits")
                .map(|digits| digits.trim_matches('"'))
                .filter(|digits| !digits.is_empty())
                .map(Masked::from),
            call_status: parameters.get("CallStatus").map(CallStatus::parse),
            call_type: parameters.text("CallType"),
            dial_call_status: parameters.get("DialCallStatus").map(CallStatus::parse),
            dial_call_duration_s: parameters.count("DialCallDuration"),
            dial_whom_number: parameters.phone_number("DialWhomNumber"),
            outgoing_number: parameters.phone_number("OutgoingPhoneNumber"),
            flow_id: parameters.text("flow_id"),
            tenant_id: parameters.text("tenant_id"),
            recording_url: parameters.text("RecordingUrl"),
            created: parameters.text("Created"),
            start_time: parameters.text("StartTime"),
            current_time: parameters.text("CurrentTime"),
            event_type: parameters.text("EventType"),
            agent_status: parameters.text("Status"),
            legs: Leg::all(parameters),
            stream: StreamOutcome::read(parameters),
            parameters: parameters.masked(),
        }
    }

    /// The customer's number: `CallFrom`, else `From`, in both directions. An inbound call comes
    /// from the customer. On a call dialled into a flow the customer is `From` as well, because the
    /// API calls the number it dials first `From`; a real `outbound-dial` request confirms this
    /// (mobile number in `CallFrom`, ExoPhone in `CallTo`).
    pub fn customer_number(&self) -> Option<&PhoneNumber> {
        self.call_from.as_ref().or(self.from.as_ref())
    }

    /// The number of the line (the ExoPhone): `CallTo`, else `To`, for the same reason.
    pub fn line_number(&self) -> Option<&PhoneNumber> {
        self.call_to.as_ref().or(self.to.as_ref())
    }

    /// The parameters packed into `CustomField` (`call=…&name=…`); empty if there is none.
    pub fn custom_parameters(&self) -> Parameters {
        self.custom_field
            .as_ref()
            .map(|field| Parameters::from_query(field.expose()))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::applet::{DisconnectedBy, StreamStatus};

    #[test]
    fn nonsense_is_a_request_that_gives_nothing() {
        for query in [
            "",
            "&&&",
            "=",
            "%",
            "%ZZ=%FF",
            "CallSid",
            "\u{0}",
            "Stream=nonsense",
            "Legs=[1,2]",
            "Stream=[]",
        ] {
            let request = PassthruRequest::parse(query);
            assert_eq!(
                (request.call_sid.clone(), request.stream.clone()),
                (None, None),
                "{query}"
            );
        }
    }

    #[test]
    fn a_template_that_nobody_filled_in_is_no_call_sid() {
        for query in [
            "CallSid=%7BCallSid%7D",
            "CallSid={{CallSid}}",
            "CallSid=null",
            "CallSid=",
        ] {
            assert_eq!(PassthruRequest::parse(query).call_sid, None, "{query}");
        }
    }

    #[test]
    fn the_stream_is_given_in_brackets_or_as_json() {
        let brackets = "Stream%5BStreamSID%5D=s1&Stream%5BStatus%5D=completed&Stream%5BDuration%5D=28&Stream%5BDisconnectedBy%5D=user";
        let json = "Stream=%7B%22StreamSID%22%3A%22s1%22%2C%22Status%22%3A%22completed%22%2C%22Duration%22%3A28%2C%22DisconnectedBy%22%3A%22user%22%7D";
        for query in [brackets, json] {
            let stream = PassthruRequest::parse(query).stream.unwrap();
            assert_eq!(stream.sid.as_ref().unwrap().as_str(), "s1");
            assert_eq!(
                (stream.status, stream.duration_s),
                (Some(StreamStatus::Completed), Some(28))
            );
            assert_eq!(stream.disconnected_by, Some(DisconnectedBy::User));
        }
    }

    #[test]
    fn a_throttled_stream_says_so() {
        let request = PassthruRequest::parse(
            "Stream[Status]=failed&Stream[DetailedStatus]=Streaming_call_throttled",
        );
        assert!(request.stream.unwrap().is_throttled());
    }

    #[test]
    fn digits_lose_their_quotes() {
        let request = PassthruRequest::parse("digits=%2289%22");
        assert_eq!(request.digits.unwrap().expose(), "89");
        assert_eq!(PassthruRequest::parse("digits=%22%22").digits, None);
    }

    #[test]
    fn the_customer_is_from_in_both_directions() {
        for direction in ["incoming", "outbound-dial", "outbound-api"] {
            let request = PassthruRequest::parse(&format!(
                "Direction={direction}&From=09876543210&To=08045000000"
            ));
            assert_eq!(request.customer_number().unwrap().expose(), "+919876543210");
            assert_eq!(request.line_number().unwrap().expose(), "+918045000000");
        }
    }
}
