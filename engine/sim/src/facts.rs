//! What Exotel knows about a call, formatted as Exotel formats it.

use std::time::Duration;

use ghanti_exotel::MediaFormat;
use ghanti_exotel::far_end::Stream;
use ghanti_model::id::NotAnId;
use ghanti_model::{AccountSid, CallId, CallSid, Masked, PhoneNumber, StreamSid};
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::{format_description, offset};

use crate::agent::AgentAnswer;
use crate::scenario::Direction;

/// The number of the line (the ExoPhone), as Exotel writes it.
pub const LINE_NUMBER: &str = "08045000000";

/// The tenant's account.
pub const ACCOUNT_SID: &str = "ghanti1";

/// The id of the flow of applets.
const FLOW_ID: &str = "100200";

/// A call from Exotel's point of view.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Exotel's id of the call.
    pub call_sid: CallSid,
    /// Exotel's id of the stream.
    pub stream_sid: StreamSid,
    /// The tenant's account.
    pub account_sid: AccountSid,
    /// The customer's number, in either direction.
    pub customer: PhoneNumber,
    /// The number of the line (the ExoPhone), as Exotel writes it.
    pub line: String,
    /// The direction of the call.
    pub direction: Direction,
    /// The id of the flow of applets.
    pub flow_id: String,
    /// `CustomField` of the request for an outbound call.
    pub custom_field: Option<Masked>,
    /// When the call was created.
    pub created: OffsetDateTime,
}

/// Who ended the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndedBy {
    /// The bot closed it, so the Exotel flow continues.
    Bot,
    /// The caller hung up.
    User,
    /// There was no stream, or its connection was lost on Exotel's side.
    Nobody,
}

impl Facts {
    /// Creates a call whose `CustomField`, if it is outbound, is the engine's own id. Like real
    /// ones, its SIDs end in a character that is not hexadecimal.
    pub fn new(
        call_id: CallId,
        customer: PhoneNumber,
        direction: Direction,
    ) -> Result<Self, NotAnId> {
        let sid = || {
            let id: String = CallId::generate()
                .to_string()
                .chars()
                .filter(|character| *character != '-')
                .skip(3)
                .collect();
            format!("{id}a6p")
        };
        Ok(Self {
            call_sid: CallSid::parse(sid())?,
            stream_sid: StreamSid::parse(sid())?,
            account_sid: AccountSid::parse(ACCOUNT_SID)?,
            customer,
            line: LINE_NUMBER.to_owned(),
            direction,
            flow_id: FLOW_ID.to_owned(),
            custom_field: (direction == Direction::Outbound)
                .then(|| Masked::new(call_id.to_string())),
            created: OffsetDateTime::now_utc(),
        })
    }

    /// The customer's number as Exotel writes it.
    pub fn customer_number(&self) -> String {
        spelt(&self.customer)
    }

    /// The contents of the `start` message.
    pub fn stream(
        &self,
        custom_parameters: Vec<(String, Masked)>,
        media_format: MediaFormat,
    ) -> Stream {
        Stream {
            stream_sid: self.stream_sid.clone(),
            call_sid: self.call_sid.clone(),
            account_sid: self.account_sid.clone(),
            from: self.customer_number().into(),
            to: self.line.as_str().into(),
            custom_parameters,
            media_format,
        }
    }

    /// The parameters that are common to all applets' requests (support article 48283).
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let created = self
            .created
            .to_offset(offset!(+5:30))
            .format(format_description!(
                "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second]"
            ));
        let direction = match self.direction {
            Direction::Inbound => "incoming",
            Direction::Outbound => "outbound-dial",
        };
        let mut parameters = vec![
            ("CallSid", self.call_sid.to_string()),
            ("CallFrom", self.customer_number()),
            ("CallTo", self.line.clone()),
            ("Direction", direction.to_owned()),
            ("Created", created.unwrap_or_default()),
            ("DialCallDuration", "0".to_owned()),
            ("StartTime", indian_time(self.created)),
            ("EndTime", "1970-01-01 05:30:00".to_owned()),
            ("DialCallStatus", "null".to_owned()),
            ("CallType", "call-attempt".to_owned()),
            ("DialWhomNumber", String::new()),
            ("ProcessStatus", "null".to_owned()),
            ("ForwardedFrom", "null".to_owned()),
            ("flow_id", self.flow_id.clone()),
            ("tenant_id", "10020".to_owned()),
            ("From", self.customer_number()),
            ("To", self.line.clone()),
            ("CurrentTime", indian_time(OffsetDateTime::now_utc())),
        ];
        if let Some(field) = &self.custom_field {
            parameters.push(("CustomField", field.expose().to_owned()));
        }
        parameters
    }

    /// The parameters of an applet after a Voicebot or Stream applet: how the stream ended (support
    /// article 3000132269).
    pub fn after_stream(&self, ended_by: EndedBy, lasted_s: u64) -> Vec<(&'static str, String)> {
        let (status, by) = match ended_by {
            EndedBy::Bot => ("completed", "bot"),
            EndedBy::User => ("cancelled", "user"),
            EndedBy::Nobody => ("failed", "NA"),
        };
        let mut parameters = self.parameters();
        parameters.extend([
            ("Stream[StreamSID]", self.stream_sid.to_string()),
            ("Stream[Status]", status.to_owned()),
            ("Stream[Duration]", lasted_s.to_string()),
            ("Stream[DisconnectedBy]", by.to_owned()),
        ]);
        parameters
    }

    /// The parameters of an applet after a Connect applet: how the leg of the agent ended who was
    /// dialled last, and who talks for `talks` if they answer.
    pub fn after_agent(
        &self,
        agent: &PhoneNumber,
        answer: AgentAnswer,
        talks: Duration,
    ) -> Vec<(&'static str, String)> {
        let mut parameters = self.parameters();
        parameters.retain(|(name, _)| {
            !matches!(
                *name,
                "DialCallStatus" | "DialCallDuration" | "DialWhomNumber" | "CallType"
            )
        });
        let call_type = match answer {
            AgentAnswer::Answers => "completed",
            AgentAnswer::Busy | AgentAnswer::NoAnswer => "incomplete",
        };
        parameters.extend([
            ("DialCallStatus", answer.status().to_owned()),
            ("DialCallDuration", answer.talked_s(talks).to_string()),
            ("DialWhomNumber", agent.expose().to_owned()),
            ("CallType", call_type.to_owned()),
        ]);
        parameters
    }
}

/// A number as Exotel writes it: Indian numbers as `0` and ten digits, others unchanged.
pub fn spelt(number: &PhoneNumber) -> String {
    let number = number.expose();
    number
        .strip_prefix("+91")
        .map_or_else(|| number.to_owned(), |national| format!("0{national}"))
}

/// A time as Exotel writes most of them: Indian time, without a zone.
pub fn indian_time(at: OffsetDateTime) -> String {
    at.to_offset(offset!(+5:30))
        .format(format_description!(
            "[year]-[month]-[day] [hour]:[minute]:[second]"
        ))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(direction: Direction) -> Vec<(&'static str, String)> {
        Facts::new(
            CallId::generate(),
            PhoneNumber::parse("+919876500001").unwrap(),
            direction,
        )
        .unwrap()
        .parameters()
    }

    #[test]
    fn numbers_and_sids_are_spelt_as_exotel_spells_them() {
        let of = |key| {
            parameters(Direction::Outbound)
                .into_iter()
                .find(|(name, _)| *name == key)
                .unwrap()
                .1
        };
        assert_eq!(of("CallFrom"), "09876500001");
        assert_eq!(of("CallSid").len(), 32);
        assert!(of("CallSid").ends_with("a6p"));
        assert_eq!(of("CurrentTime").len(), "2022-02-23 12:31:59".len());
    }

    #[test]
    fn an_inbound_call_carries_no_custom_field() {
        assert!(
            parameters(Direction::Outbound)
                .iter()
                .any(|(name, _)| *name == "CustomField")
        );
        assert!(
            parameters(Direction::Inbound)
                .iter()
                .all(|(name, _)| *name != "CustomField")
        );
    }
}
