//! `Sms/send`: the form of one SMS, and its reply.
//!
//! Source: Exotel, "Send SMS". An SMS to an Indian number needs the ids of its registration (TRAI's
//! DLT), and a text that fits the registered template; Exotel does not say which texts do.

use std::fmt;

use ghanti_model::{Masked, PhoneNumber};

use super::request::{Form, RequestError, at_most};
use super::tree;
use crate::{Parameters, ParseError};

/// The longest text, in characters.
pub const SMS_CHARS: usize = 2_000;

/// One SMS.
#[derive(Clone, PartialEq, Eq)]
pub struct Sms {
    /// The sender id (header), or an ExoPhone.
    pub from: String,
    /// The recipient.
    pub to: PhoneNumber,
    /// The text, at most [`SMS_CHARS`].
    pub body: Masked,
    /// The entity's id of the DLT registration.
    pub dlt_entity: String,
    /// The template's id of the DLT registration.
    pub dlt_template: String,
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sms")
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

impl Sms {
    /// The form.
    ///
    /// # Errors
    /// The text is too long.
    pub fn form(&self) -> Result<Form, RequestError> {
        at_most("Body", self.body.expose(), SMS_CHARS)?;
        let mut form = Form::default();
        form.add("From", &*self.from);
        form.add("To", self.to.expose());
        form.add("Body", self.body.expose());
        // beyond the alphabet of GSM a text is sent in UCS-2; what is not ASCII is taken as such
        let encoding = if self.body.expose().is_ascii() {
            "plain"
        } else {
            "unicode"
        };
        form.add("EncodingType", encoding);
        form.add("DltEntityId", &*self.dlt_entity);
        form.add("DltTemplateId", &*self.dlt_template);
        form.add("SmsType", "transactional");
        Ok(form)
    }
}

/// An SMS that Exotel has accepted; whether it arrives is known later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedSms {
    /// Exotel's id.
    pub sid: String,
    /// Exotel's word for its state, usually `queued`.
    pub status: String,
}

/// Parses a reply to `Sms/send`.
///
/// # Errors
/// The text is neither JSON nor XML, or has no `SMSMessage` with a `Sid`.
pub fn parse_sms(text: &str) -> Result<AcceptedSms, ParseError> {
    let parameters = Parameters::from_value(&tree::read(text)?);
    let is_word = |text: &String| {
        (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let word = |name| parameters.text(name).filter(is_word);
    Ok(AcceptedSms {
        sid: word("SMSMessage[Sid]").ok_or(ParseError::Missing {
            field: "SMSMessage.Sid",
            expected: "an `SMSMessage`",
        })?,
        status: word("SMSMessage[Status]").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sms(body: &str) -> Sms {
        Sms {
            from: "ASHAFN".to_owned(),
            to: PhoneNumber::parse("9876543210").unwrap(),
            body: body.into(),
            dlt_entity: "1101".to_owned(),
            dlt_template: "1107".to_owned(),
        }
    }

    #[test]
    fn a_form_has_every_parameter_in_exotels_spelling() {
        let form = sms("Pay at x").form().unwrap();
        let pairs: Vec<_> = form.pairs().collect();
        assert_eq!(
            pairs,
            [
                ("From", "ASHAFN"),
                ("To", "+919876543210"),
                ("Body", "Pay at x"),
                ("EncodingType", "plain"),
                ("DltEntityId", "1101"),
                ("DltTemplateId", "1107"),
                ("SmsType", "transactional"),
            ]
        );
        let hindi = sms("भुगतान").form().unwrap();
        assert!(
            hindi
                .pairs()
                .any(|pair| pair == ("EncodingType", "unicode"))
        );
        assert!(sms(&"x".repeat(2_001)).form().is_err());
        assert!(!format!("{:?}", sms("Pay at x")).contains("98765"));
    }

    #[test]
    fn a_reply_is_read_as_json_or_xml() {
        for text in [
            r#"{"SMSMessage":{"Sid":"s1","To":"09876543210","Status":"queued","DateSent":null}}"#,
            "<TwilioResponse><SMSMessage><Sid>s1</Sid><Status>queued</Status></SMSMessage></TwilioResponse>",
        ] {
            let accepted = parse_sms(text).unwrap();
            assert_eq!(
                (accepted.sid.as_str(), accepted.status.as_str()),
                ("s1", "queued")
            );
        }
        for text in ["", "{}", "<html/>", r#"{"SMSMessage":{"Sid":"a b"}}"#] {
            assert!(parse_sms(text).is_err(), "{text}");
        }
    }
}
