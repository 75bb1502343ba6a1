//! The answer to the Connect applet's dynamic URL: whom to dial. Exotel rejects a reply with one
//! bad field as a whole, so what is made here stays within the limits, and what is read (by a
//! simulator) is read as strictly.
//!
//! Source: Exotel, "Programmable Connect: working with the Connect applet's dynamic URL"; the
//! limits from integrations.

use ghanti_model::PhoneNumber;
use serde::{Deserialize, Serialize};

use crate::ParseError;

/// The longest time an agent's phone may ring, in seconds.
pub const MAX_RINGING_S: u32 = 60;
/// The longest talk with an agent, in seconds.
pub const MAX_CONVERSATION_S: u32 = 4_500;

/// The reply, with the fields of the wire. An absent field leaves Exotel its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectReply {
    /// Whether Exotel asks again after each failed attempt, perhaps at the same time: we answer all
    /// numbers at once instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetch_after_attempt: Option<bool>,
    /// Whom to dial.
    pub destination: Destination,
    /// The ExoPhone shown to the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgoing_phone_number: Option<PhoneNumber>,
    /// Whether the talk is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<bool>,
    /// Both sides in one channel or each in its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_channels: Option<Channels>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ringing_duration: Option<u32>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_conversation_duration: Option<u32>,
    /// What the caller hears meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub music_on_hold: Option<MusicOnHold>,
    /// Words before the two talk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_call_playback: Option<StartCallPlayback>,
    /// Where Exotel reports what becomes of each agent's leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dial_passthru_event_url: Option<String>,
    /// For a trunk: parameters as a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_params: Option<String>,
}

/// Whom to dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Destination {
    /// These, in this order; none leads to the flow's "We didn't dial anyone".
    Numbers(Vec<PhoneNumber>),
    /// A SIP trunk.
    Trunk(String),
}

/// How a talk is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Both sides in one.
    Single,
    /// Each side in its own.
    Dual,
}

/// What the caller hears while the agent's phone rings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MusicOnHold {
    /// Which.
    #[serde(rename = "type")]
    pub kind: MusicType,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// The kinds of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MusicType {
    /// Exotel's own.
    DefaultTone,
    /// The network's.
    OperatorTone,
}

/// Words before the two talk. A common cause of rejected replies: this engine sends none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartCallPlayback {
    /// Who hears them.
    pub playback_to: PlaybackTo,
    /// What they are.
    #[serde(rename = "type")]
    pub kind: PlaybackType,
    /// The words or the file's URL.
    pub value: String,
}

/// Who hears the words before a talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaybackTo {
    /// Caller and agent.
    Both,
    /// The agent.
    Callee,
}

/// What is played before a talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaybackType {
    /// A text to speak.
    Text,
    /// A file.
    Audio,
}

/// How agents are to be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectTerms {
    /// Record, and how; none does not record.
    pub record: Option<Channels>,
    /// Seconds an agent's phone rings; kept within 1 to 60.
    pub ringing_s: u32,
    /// Seconds the talk may last; kept within 1 to 4500.
    pub conversation_s: u32,
    /// What the caller hears meanwhile.
    pub music: MusicType,
}

impl ConnectReply {
    /// Dial these numbers in this order; with no number, dials nobody.
    pub fn dial(numbers: Vec<PhoneNumber>, terms: ConnectTerms) -> Self {
        if numbers.is_empty() {
            return Self::nobody();
        }
        Self {
            fetch_after_attempt: Some(false),
            record: Some(terms.record.is_some()),
            recording_channels: terms.record,
            max_ringing_duration: Some(terms.ringing_s.clamp(1, MAX_RINGING_S)),
            max_conversation_duration: Some(terms.conversation_s.clamp(1, MAX_CONVERSATION_S)),
            music_on_hold: Some(MusicOnHold {
                kind: terms.music,
                value: None,
            }),
            destination: Destination::Numbers(numbers),
            ..Self::nobody()
        }
    }

    /// The same, with a URL for what becomes of the agents' legs; nothing is dialled without
    /// numbers, so nothing is to be reported then.
    pub fn with_events(self, url: String) -> Self {
        let dials =
            !matches!(&self.destination, Destination::Numbers(numbers) if numbers.is_empty());
        Self {
            dial_passthru_event_url: dials.then_some(url),
            ..self
        }
    }

    /// Leads the flow to "We didn't dial anyone".
    pub fn nobody() -> Self {
        Self {
            fetch_after_attempt: None,
            destination: Destination::Numbers(Vec::new()),
            outgoing_phone_number: None,
            record: None,
            recording_channels: None,
            max_ringing_duration: None,
            max_conversation_duration: None,
            music_on_hold: None,
            start_call_playback: None,
            dial_passthru_event_url: None,
            custom_params: None,
        }
    }

    /// Reads a reply as Exotel does: an unknown field or a duration out of its limits spoils the
    /// whole.
    pub fn parse(body: &str) -> Result<Self, ParseError> {
        let reply: Self = serde_json::from_str(body).map_err(|error| match error.is_data() {
            true => ParseError::Rejected {
                line: error.line(),
                column: error.column(),
            },
            false => ParseError::NotJson(error),
        })?;
        let within =
            |value: Option<u32>, most| value.is_none_or(|seconds| (1..=most).contains(&seconds));
        if !within(reply.max_ringing_duration, MAX_RINGING_S) {
            return Err(ParseError::Missing {
                field: "max_ringing_duration",
                expected: "1 to 60 seconds",
            });
        }
        if !within(reply.max_conversation_duration, MAX_CONVERSATION_S) {
            return Err(ParseError::Missing {
                field: "max_conversation_duration",
                expected: "1 to 4500 seconds",
            });
        }
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: ConnectTerms = ConnectTerms {
        record: Some(Channels::Dual),
        ringing_s: 30,
        conversation_s: 900,
        music: MusicType::DefaultTone,
    };

    fn json(reply: &ConnectReply) -> String {
        serde_json::to_string(reply).unwrap()
    }

    #[test]
    fn agents_are_dialled_in_e164() {
        let reply = ConnectReply::dial(vec![PhoneNumber::parse("07800000000").unwrap()], TERMS);
        assert_eq!(
            json(&reply),
            r#"{"fetch_after_attempt":false,"destination":{"numbers":["+917800000000"]},"record":true,"recording_channels":"dual","max_ringing_duration":30,"max_conversation_duration":900,"music_on_hold":{"type":"default_tone"}}"#
        );
        assert_eq!(ConnectReply::parse(&json(&reply)).unwrap(), reply);
    }

    #[test]
    fn without_numbers_nobody_is_dialled() {
        assert_eq!(
            json(&ConnectReply::dial(vec![], TERMS)),
            r#"{"destination":{"numbers":[]}}"#
        );
        assert_eq!(
            json(&ConnectReply::nobody().with_events("https://e".to_owned())),
            r#"{"destination":{"numbers":[]}}"#
        );
    }

    #[test]
    fn limits_are_kept_because_exotel_drops_the_whole_reply() {
        let terms = ConnectTerms {
            record: None,
            ringing_s: 600,
            conversation_s: 0,
            music: MusicType::OperatorTone,
        };
        let reply = ConnectReply::dial(vec![PhoneNumber::parse("+917800000000").unwrap()], terms);
        assert_eq!(
            json(&reply),
            r#"{"fetch_after_attempt":false,"destination":{"numbers":["+917800000000"]},"record":false,"max_ringing_duration":60,"max_conversation_duration":1,"music_on_hold":{"type":"operator_tone"}}"#
        );
    }

    #[test]
    fn a_simulator_rejects_what_exotel_rejects() {
        for body in [
            "",
            "{}",
            r#"{"destination":{"numbers":["sip:agent@host"]}}"#,
            r#"{"destination":{"numbers":[]},"surprise":1}"#,
            r#"{"destination":{"numbers":[]},"max_ringing_duration":61}"#,
            r#"{"destination":{"numbers":[]},"max_conversation_duration":4501}"#,
            r#"{"destination":{"numbers":[]},"record":"true"}"#,
        ] {
            assert!(ConnectReply::parse(body).is_err(), "{body}");
        }
    }
}
