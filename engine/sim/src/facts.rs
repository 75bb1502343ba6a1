//! What Exotel knows about a call, formatted as Exotel formats it.

use ghanti_exotel::MediaFormat;
use ghanti_exotel::far_end::Stream;
use ghanti_model::id::NotAnId;
use ghanti_model::{AccountSid, CallId, CallSid, Masked, PhoneNumber, StreamSid};
use time::OffsetDateTime;
use time::macros::{format_description, offset};

use crate::scenario::Direction;

/// The number of the line (the ExoPhone), as Exotel writes it.
pub const LINE_NUMBER: &str = "08045000000";

/// The tenant's account.
pub const ACCOUNT_SID: &str = "ghanti1";

/// A call from Exotel's point of view.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Exotel's id of the call.
    pub call_sid: CallSid,
    /// Exotel's id of the stream.
    pub stream_sid: StreamSid,
    /// The customer's number, in either direction.
    pub customer: PhoneNumber,
    /// The direction of the call.
    pub direction: Direction,
    /// The engine's own id; sent as `CustomField` in outbound calls.
    pub call_id: CallId,
}

impl Facts {
    /// Creates a call. Like real ones, its ids end in a character that is not hexadecimal.
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
            customer,
            direction,
            call_id,
        })
    }

    /// The customer's number as Exotel writes it: Indian numbers as `0` and ten digits, others
    /// unchanged.
    pub fn customer_number(&self) -> String {
        let number = self.customer.expose();
        number
            .strip_prefix("+91")
            .map_or_else(|| number.to_owned(), |national| format!("0{national}"))
    }

    /// The contents of the `start` message.
    pub fn stream(
        &self,
        custom_parameters: Vec<(String, Masked)>,
        media_format: MediaFormat,
    ) -> Result<Stream, NotAnId> {
        Ok(Stream {
            stream_sid: self.stream_sid.clone(),
            call_sid: self.call_sid.clone(),
            account_sid: AccountSid::parse(ACCOUNT_SID)?,
            from: self.customer_number().into(),
            to: LINE_NUMBER.into(),
            custom_parameters,
            media_format,
        })
    }

    /// The parameters that are common to all applets' requests (support article 48283).
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let now = OffsetDateTime::now_utc().to_offset(offset!(+5:30));
        let created = now.format(format_description!(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second]"
        ));
        let plain = now
            .format(format_description!(
                "[year]-[month]-[day] [hour]:[minute]:[second]"
            ))
            .unwrap_or_default();
        let direction = match self.direction {
            Direction::Inbound => "incoming",
            Direction::Outbound => "outbound-dial",
        };
        let mut parameters = vec![
            ("CallSid", self.call_sid.to_string()),
            ("CallFrom", self.customer_number()),
            ("CallTo", LINE_NUMBER.to_owned()),
            ("Direction", direction.to_owned()),
            ("Created", created.unwrap_or_default()),
            ("DialCallDuration", "0".to_owned()),
            ("StartTime", plain.clone()),
            ("EndTime", "1970-01-01 05:30:00".to_owned()),
            ("DialCallStatus", "null".to_owned()),
            ("CallType", "call-attempt".to_owned()),
            ("DialWhomNumber", String::new()),
            ("ProcessStatus", "null".to_owned()),
            ("ForwardedFrom", "null".to_owned()),
            ("flow_id", "100200".to_owned()),
            ("tenant_id", "10020".to_owned()),
            ("From", self.customer_number()),
            ("To", LINE_NUMBER.to_owned()),
            ("CurrentTime", plain),
        ];
        if self.direction == Direction::Outbound {
            parameters.push(("CustomField", self.call_id.to_string()));
        }
        parameters
    }
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
