//! What an account has: its active media streams and its ExoPhones.

use ghanti_model::PhoneNumber;
use serde_json::Value;

use super::tree;
use crate::ParseError;

/// The number of active media streams of an account.
///
/// Source: Exotel, page on WSS errors and monitoring (XML); another guide of its prints JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveStreams {
    /// Current number.
    pub active: u32,
    /// Maximum; calls beyond it end with `Streaming_call_throttled`.
    pub limit: u32,
}

impl ActiveStreams {
    /// Parses the response of `ActiveStreams`: `Stream.ActiveStreamCount` and
    /// `Stream.ThrottleLimit`, or `active_streams` and `max_allowed_streams`.
    ///
    /// # Errors
    /// The text is neither JSON nor XML, or has no count.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let tree = tree::read(text)?;
        let count = |field: &'static str, other: &str| {
            let places = [Some(&tree), tree::get(&tree, "Stream")];
            places
                .into_iter()
                .flatten()
                .find_map(|place| tree::text(place, field).or_else(|| tree::text(place, other)))
                .and_then(|count| count.parse().ok())
                .ok_or(ParseError::Missing {
                    field,
                    expected: "a count",
                })
        };
        Ok(Self {
            active: count("ActiveStreamCount", "active_streams")?,
            limit: count("ThrottleLimit", "max_allowed_streams")?,
        })
    }
}

/// A number that an account calls from and is called on. `Debug` shows four digits of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExoPhone {
    /// Exotel's id of the number.
    pub sid: Option<String>,
    /// The number; this is what a call's `CallerId` has to be.
    pub number: PhoneNumber,
    /// The name given to it.
    pub name: Option<String>,
    /// The flow that calls to it start, as a URL.
    pub voice_url: Option<String>,
    /// Whether it takes and makes calls, if the reply says.
    pub has_voice: Option<bool>,
}

/// Parses the list of an account's ExoPhones. Entries without a number that can be read are left
/// out. The list is one page, of 50 by default.
///
/// Source: Exotel, "List all ExoPhones" (`v2_beta`, JSON: `incoming_phone_numbers`).
///
/// # Errors
/// The text is neither JSON nor XML, or has no such list.
pub fn parse_exophones(text: &str) -> Result<Vec<ExoPhone>, ParseError> {
    let tree = tree::read(text)?;
    let list = match &tree {
        Value::Array(list) => Some(list.iter().collect()),
        _ => tree::items(&tree, "IncomingPhoneNumbers", "IncomingPhoneNumber"),
    };
    let list = list.ok_or(ParseError::Missing {
        field: "incoming_phone_numbers",
        expected: "the list of ExoPhones",
    })?;
    let exophone = |item: &&Value| {
        let number = PhoneNumber::parse(&tree::text(item, "PhoneNumber")?).ok()?;
        let has_voice = tree::get(item, "Capabilities")
            .and_then(|capabilities| tree::text(capabilities, "Voice"))
            .map(|voice| voice.eq_ignore_ascii_case("true") || voice == "1");
        Some(ExoPhone {
            sid: tree::text(item, "Sid"),
            number,
            name: tree::text(item, "FriendlyName"),
            voice_url: tree::text(item, "VoiceUrl"),
            has_voice,
        })
    };
    Ok(list.iter().filter_map(exophone).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_streams_are_read_from_both_guides_forms() {
        let expected = ActiveStreams {
            active: 3,
            limit: 100,
        };
        for text in [
            "<TwilioResponse><Stream><ActiveStreamCount>3</ActiveStreamCount><ThrottleLimit> 100 </ThrottleLimit></Stream></TwilioResponse>",
            r#"{"Stream":{"ActiveStreamCount":3,"ThrottleLimit":"100"}}"#,
            r#"{"stream":{"activestreamcount":"3","throttlelimit":100}}"#,
            r#"{"active_streams":3,"max_allowed_streams":100}"#,
        ] {
            assert_eq!(ActiveStreams::parse(text).unwrap(), expected, "{text}");
        }
        for text in [
            "",
            "<ActiveStreamCount>x</ActiveStreamCount>",
            r#"{"Stream":{"ActiveStreamCount":-1,"ThrottleLimit":2}}"#,
            r#"{"Stream":[]}"#,
        ] {
            assert!(ActiveStreams::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn exophones_are_read_whatever_wraps_them() {
        let item = r#"{"sid":"s1","phone_number":"+918047112233","friendly_name":"Sales","capabilities":{"voice":true,"sms":false},"voice_url":null}"#;
        let xml = "<IncomingPhoneNumber><Sid>s1</Sid><PhoneNumber>08047112233</PhoneNumber><FriendlyName>Sales</FriendlyName>\
            <Capabilities><Voice>true</Voice></Capabilities></IncomingPhoneNumber>";
        let expected = [ExoPhone {
            sid: Some("s1".to_owned()),
            number: PhoneNumber::parse("08047112233").unwrap(),
            name: Some("Sales".to_owned()),
            voice_url: None,
            has_voice: Some(true),
        }];
        for text in [
            format!(r#"{{"page":0,"incoming_phone_numbers":[{item}]}}"#),
            format!(r#"{{"IncomingPhoneNumbers":[{{"IncomingPhoneNumber":{item}}}]}}"#),
            format!(r#"{{"IncomingPhoneNumber":{item}}}"#),
            format!(r#"[{item}]"#),
            format!(r#"{{"incoming_phone_numbers":[{item},{{"sid":"x"}},7,null]}}"#),
            format!("<R><IncomingPhoneNumbers>{xml}</IncomingPhoneNumbers></R>"),
            format!("<R>{xml}</R>"),
        ] {
            assert_eq!(parse_exophones(&text).unwrap(), expected, "{text}");
        }
        assert_eq!(
            parse_exophones(r#"{"incoming_phone_numbers":[]}"#).unwrap(),
            []
        );
        assert!(parse_exophones("{}").is_err());
        assert!(!format!("{expected:?}").contains("8047112"));
    }
}
