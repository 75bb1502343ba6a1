//! The reply to the Connect applet's dynamic URL: whom to dial. One invalid field makes Exotel
//! reject the whole reply, so replies built here stay within its limits, and parsing (in a
//! simulator) is equally strict.
//!
//! Source: Exotel, "Programmable Connect: working with the Connect applet's dynamic URL"; the
//! limits are from integrations.

use ghanti_model::PhoneNumber;
use serde::{Deserialize, Serialize};

use crate::ParseError;

/// The longest an agent's phone may ring, in seconds.
pub const MAX_RINGING_S: u32 = 60;
/// The longest conversation with an agent, in seconds.
pub const MAX_CONVERSATION_S: u32 = 4_500;

/// The reply, with its wire field names. Exotel's defaults apply to absent fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectReply {
    /// Whether Exotel asks again after each failed attempt, possibly concurrently; we return all
    /// numbers at once instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetch_after_attempt: Option<bool>,
    /// Whom to dial.
    pub destination: Destination,
    /// The ExoPhone shown to the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgoing_phone_number: Option<PhoneNumber>,
    /// Whether the conversation is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<bool>,
    /// Both sides in one channel, or one channel each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_channels: Option<Channels>,
    /// In seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ringing_duration: Option<u32>,
    /// In seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_conversation_duration: Option<u32>,
    /// What the caller hears while waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub music_on_hold: Option<MusicOnHold>,
    /// Played before the conversation starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_call_playback: Option<StartCallPlayback>,
    /// The URL to which Exotel reports events of the agents' legs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dial_passthru_event_url: Option<String>,
    /// For a trunk: parameters in query form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_params: Option<String>,
}

/// Whom to dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Destination {
    /// These numbers, in order; an empty list takes the flow's "We didn't dial anyone" branch.
    Numbers(Vec<PhoneNumber>),
    /// A SIP trunk.
    Trunk(String),
}

/// How a conversation is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Both sides in one channel.
    Single,
    /// One channel per side.
    Dual,
}

/// What the caller hears while the agent's phone rings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MusicOnHold {
    /// The type of audio.
    #[serde(rename = "type")]
    pub kind: MusicType,
    /// Further detail for the type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Types of hold audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MusicType {
    /// Exotel's default tone.
    DefaultTone,
    /// The network operator's tone.
    OperatorTone,
}

/// Audio played before the conversation starts. A common cause of rejected replies, so this engine
/// sends it only where the operator wants a whisper, and as a text to the agent alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartCallPlayback {
    /// Who hears it.
    pub playback_to: PlaybackTo,
    /// Whether `value` is text or audio.
    #[serde(rename = "type")]
    pub kind: PlaybackType,
    /// The text, or the URL of the audio file.
    pub value: String,
}

/// Who hears the start playback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaybackTo {
    /// Caller and agent.
    Both,
    /// The agent only.
    Callee,
}

/// The type of the start playback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaybackType {
    /// A text to speak.
    Text,
    /// An audio file.
    Audio,
}

/// How agents are to be dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectTerms {
    /// How to record; `None` does not record.
    pub record: Option<Channels>,
    /// Seconds an agent's phone rings; clamped to 1 to 60.
    pub ringing_s: u32,
    /// Seconds the conversation may last; clamped to 1 to 4500.
    pub conversation_s: u32,
    /// What the caller hears while waiting.
    pub music: MusicType,
    /// A text that the agent hears before the conversation.
    pub whisper: Option<String>,
}

impl ConnectReply {
    /// Dials these numbers in order; an empty list dials nobody.
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
            start_call_playback: terms.whisper.map(|value| StartCallPlayback {
                playback_to: PlaybackTo::Callee,
                kind: PlaybackType::Text,
                value,
            }),
            destination: Destination::Numbers(numbers),
            ..Self::nobody()
        }
    }

    /// Adds a URL for events of the agents' legs, unless there are no numbers to dial.
    pub fn with_events(self, url: String) -> Self {
        let dials =
            !matches!(&self.destination, Destination::Numbers(numbers) if numbers.is_empty());
        Self {
            dial_passthru_event_url: dials.then_some(url),
            ..self
        }
    }

    /// Dials nobody: the flow continues at "We didn't dial anyone".
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

    /// Parses a reply as strictly as Exotel: an unknown field or an out-of-range duration rejects
    /// the whole reply.
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
        whisper: None,
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
            whisper: None,
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

    /// The documented fields of a reply that dials numbers, and what each may be.
    fn is_documented(name: &str, value: &serde_json::Value) -> bool {
        let is_one_of = |words: &[&str]| value.as_str().is_some_and(|word| words.contains(&word));
        let seconds = |most: u64| {
            value
                .as_u64()
                .is_some_and(|seconds| (1..=most).contains(&seconds))
        };
        let keys = |value: &serde_json::Value| {
            let keys = value
                .as_object()
                .map(|object| object.keys().cloned().collect::<Vec<_>>());
            keys.unwrap_or_default()
        };
        match name {
            "fetch_after_attempt" | "record" => value.is_boolean(),
            "destination" => {
                let numbers = value["numbers"].as_array();
                let is_e164 = |number: &serde_json::Value| {
                    let digits = number.as_str().and_then(|text| text.strip_prefix('+'));
                    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                };
                keys(value) == ["numbers"]
                    && numbers.is_some_and(|numbers| numbers.iter().all(is_e164))
            }
            "recording_channels" => is_one_of(&["single", "dual"]),
            "max_ringing_duration" => seconds(60),
            "max_conversation_duration" => seconds(4_500),
            "music_on_hold" => {
                keys(value) == ["type"]
                    && ["default_tone", "operator_tone"].contains(&value["type"].as_str().unwrap())
            }
            "start_call_playback" => {
                keys(value) == ["playback_to", "type", "value"]
                    && value["playback_to"] == "callee"
                    && value["type"] == "text"
                    && value["value"].is_string()
            }
            "dial_passthru_event_url" => is_one_of(&["https://bot.example.com/connect/event"]),
            _ => false,
        }
    }

    #[test]
    fn whatever_the_terms_a_reply_has_documented_fields_alone() {
        let numbers =
            ["07800000000", "+917800000001"].map(|text| PhoneNumber::parse(text).unwrap());
        let mut replies = 0;
        for record in [None, Some(Channels::Single), Some(Channels::Dual)] {
            for music in [MusicType::DefaultTone, MusicType::OperatorTone] {
                for (ringing_s, conversation_s) in
                    [(0, 0), (1, 1), (60, 4_500), (u32::MAX, u32::MAX)]
                {
                    for whisper in [None, Some("\"Loan\" caller, हिन्दी".to_owned())] {
                        for count in 0..=numbers.len() {
                            let terms = ConnectTerms {
                                record,
                                ringing_s,
                                conversation_s,
                                music,
                                whisper: whisper.clone(),
                            };
                            let reply = ConnectReply::dial(numbers[..count].to_vec(), terms)
                                .with_events("https://bot.example.com/connect/event".to_owned());
                            let text = json(&reply);
                            assert_eq!(ConnectReply::parse(&text).unwrap(), reply);
                            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                            for (name, value) in value.as_object().unwrap() {
                                assert!(is_documented(name, value), "{name}: {text}");
                            }
                            replies += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(replies, 144);
    }
}
