//! `[transfer.NAME]`: transfer targets by name.

use std::collections::BTreeSet;

use ghanti_exotel::applet::{Channels, ConnectTerms, MAX_CONVERSATION_S, MAX_RINGING_S, MusicType};
use ghanti_model::PhoneNumber;
use ghanti_session::opening_hours::OpenSpan;
use ghanti_session::targets::{TransferTarget as Opening, TransferTargets};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Config;

/// The target of a transfer that names none.
pub const DEFAULT: &str = "default";
/// Maximum length of a whisper in characters: agents wait for its end.
const WHISPER_CHARACTERS: usize = 200;
/// Maximum length of a target's name in bytes.
const NAME_BYTES: usize = 64;

/// `[transfer.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TransferTarget {
    /// The numbers, in the order of dialling. When empty, those of the flow's manifest or, for
    /// `default`, `agents` of `[calls]`.
    pub numbers: Vec<PhoneNumber>,
    /// When they may be dialled, in the calls' local time; empty for always.
    #[serde(
        serialize_with = "hours_as_texts",
        deserialize_with = "hours_from_texts"
    )]
    pub hours: Vec<OpenSpan>,
    /// How long an agent's phone rings, in seconds. When absent, `ring-s` of `[calls]`.
    pub ring_s: Option<u32>,
    /// How long the conversation may last, in seconds.
    pub longest_s: u32,
    /// Whether and how Exotel records the conversation.
    pub record: Recorded,
    /// What the caller hears until the agent answers.
    pub music: Music,
    /// A text that the agent hears before the conversation.
    pub whisper: Option<String>,
    /// The target to use while this one is closed.
    pub fallback: Option<String>,
}

/// How a conversation with an agent is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recorded {
    /// One channel for each side.
    Dual,
    /// Both sides in one channel.
    Single,
    /// Not at all.
    None,
}

/// What the caller hears until the agent answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Music {
    /// Exotel's default tone.
    DefaultTone,
    /// The network operator's tone.
    OperatorTone,
}

impl Default for TransferTarget {
    fn default() -> Self {
        Self {
            numbers: Vec::new(),
            hours: Vec::new(),
            ring_s: None,
            longest_s: MAX_CONVERSATION_S,
            record: Recorded::Dual,
            music: Music::DefaultTone,
            whisper: None,
            fallback: None,
        }
    }
}

impl Config {
    /// The agents to dial for the target `default`.
    pub fn default_agents(&self) -> &[PhoneNumber] {
        let own = self
            .transfer
            .get(DEFAULT)
            .map(|target| target.numbers.as_slice());
        own.filter(|numbers| !numbers.is_empty())
            .unwrap_or(&self.calls.agents)
    }

    /// The opening hours of the targets and their fallbacks.
    pub fn transfer_targets(&self) -> TransferTargets {
        let target = |(name, own): (&String, &TransferTarget)| {
            let numbers = if name == DEFAULT {
                self.default_agents().to_vec()
            } else {
                own.numbers.clone()
            };
            let (hours, fallback) = (own.hours.clone(), own.fallback.clone());
            let target = Opening {
                numbers,
                hours,
                fallback,
            };
            (name.clone(), target)
        };
        TransferTargets(self.transfer.iter().map(target).collect())
    }

    /// The settings for dialling the agents of a target.
    pub fn connect_terms(&self, target: &str) -> ConnectTerms {
        let own = self.transfer.get(target).cloned().unwrap_or_default();
        ConnectTerms {
            record: match own.record {
                Recorded::Dual => Some(Channels::Dual),
                Recorded::Single => Some(Channels::Single),
                Recorded::None => None,
            },
            ringing_s: own.ring_s.unwrap_or(self.calls.ring_s),
            conversation_s: own.longest_s,
            music: match own.music {
                Music::DefaultTone => MusicType::DefaultTone,
                Music::OperatorTone => MusicType::OperatorTone,
            },
            whisper: own.whisper,
        }
    }
}

pub(super) fn check(config: &Config, errors: &mut Vec<String>) {
    for (name, target) in &config.transfer {
        let mut complain = |setting: &str, what: String| {
            errors.push(format!("`{setting}` of `[transfer.{name}]` {what}"));
        };
        if let Some(ring_s) = target
            .ring_s
            .filter(|ring_s| !(1..=MAX_RINGING_S).contains(ring_s))
        {
            complain(
                "ring-s",
                format!("is `{ring_s}`: Exotel rings 1 to {MAX_RINGING_S} seconds"),
            );
        }
        if !(1..=MAX_CONVERSATION_S).contains(&target.longest_s) {
            let longest_s = target.longest_s;
            complain(
                "longest-s",
                format!("is `{longest_s}`: Exotel connects for 1 to {MAX_CONVERSATION_S} seconds"),
            );
        }
        if let Some(whisper) = &target.whisper
            && (whisper.trim().is_empty()
                || whisper.chars().count() > WHISPER_CHARACTERS
                || whisper.chars().any(char::is_control))
        {
            complain(
                "whisper",
                format!(
                    "has to be one line of 1 to {WHISPER_CHARACTERS} characters: Exotel rejects a whole answer for one field"
                ),
            );
        }
        if let Some(fallback) = &target.fallback {
            match config.transfer.get(fallback) {
                None => complain(
                    "fallback",
                    format!(
                        "is `{fallback}`, and there is no `[transfer.{fallback}]`: write it, or name another target"
                    ),
                ),
                Some(other)
                    if other.numbers.is_empty()
                        && (fallback != DEFAULT || config.default_agents().is_empty()) =>
                {
                    complain(
                        "fallback",
                        format!("is `{fallback}`, which has no number: give it `numbers`"),
                    );
                }
                Some(_) if has_cycle(config, name) => {
                    complain(
                        "fallback",
                        "leads back to the target itself: remove the `fallback` of the last one"
                            .to_owned(),
                    );
                }
                Some(_) => {}
            }
        }
        let is_name = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=NAME_BYTES).contains(&name.len()) || !name.bytes().all(is_name) {
            errors.push(format!(
                "`{}` of `[transfer]` is not a valid name of a target: use 1 to {NAME_BYTES} lower-case letters, digits and `-`",
                name.chars().take(NAME_BYTES).collect::<String>().escape_default()
            ));
        }
    }
}

/// Whether the fallbacks of a target form a cycle.
fn has_cycle(config: &Config, name: &str) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), Some(name));
    while let Some(name) = next {
        if !seen.insert(name) {
            return true;
        }
        next = config
            .transfer
            .get(name)
            .and_then(|target| target.fallback.as_deref());
    }
    false
}

fn hours_as_texts<S: Serializer>(hours: &[OpenSpan], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(hours.iter().map(ToString::to_string))
}

fn hours_from_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<OpenSpan>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let spans = texts.iter().map(|text| text.parse());
    spans
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigError, printed, read};
    use super::*;

    fn error(text: &str) -> String {
        let ConfigError(errors) = read(text, []).unwrap_err();
        errors.join("\n")
    }

    #[test]
    fn a_target_is_dialled_as_the_operator_says() {
        let text = "[calls]\nring-s = 25\nagents = ['08040001111']\n[transfer.legal]\nnumbers = ['08040002222']\nhours = ['mon-fri 09:30-18:30']\n\
            ring-s = 40\nlongest-s = 1800\nrecord = 'single'\nmusic = 'operator-tone'\nwhisper = 'About a loan.'\nfallback = 'default'\n\
            [transfer.default]\nrecord = 'none'\n";
        let config = read(text, []).unwrap();
        assert_eq!(
            config.connect_terms("legal"),
            ConnectTerms {
                record: Some(Channels::Single),
                ringing_s: 40,
                conversation_s: 1_800,
                music: MusicType::OperatorTone,
                whisper: Some("About a loan.".to_owned()),
            }
        );
        let default = config.connect_terms("default");
        assert_eq!((default.record, default.ringing_s), (None, 25));
        assert_eq!(config.connect_terms("other").record, Some(Channels::Dual));
        let targets = config.transfer_targets().0;
        assert_eq!(targets["default"].numbers, config.calls.agents);
        assert_eq!(targets["legal"].hours.len(), 1);
        assert_eq!(config.overrides().targets["legal"].len(), 1);
        assert_eq!(read(&printed(&config), []).unwrap(), config);
    }

    #[test]
    fn errors_name_the_setting_that_exotel_would_reject_or_nobody_would_answer() {
        for (text, part) in [
            ("ring-s = 61", "`ring-s` of `[transfer.legal]` is `61`"),
            (
                "longest-s = 4501",
                "`longest-s` of `[transfer.legal]` is `4501`",
            ),
            ("longest-s = 0", "`longest-s` of `[transfer.legal]`"),
            ("whisper = ''", "`whisper` of `[transfer.legal]`"),
            ("whisper = \"a\\nb\"", "`whisper` of `[transfer.legal]`"),
            ("fallback = 'night'", "there is no `[transfer.night]`"),
            (
                "fallback = 'default'\n[transfer.default]\n",
                "`default`, which has no number",
            ),
            ("fallback = 'legal'", "leads back to the target itself"),
            ("hours = ['mon 9-17']", "`mon 9-17` is no span of hours"),
            ("record = 'stereo'", "`legal` of `[transfer]`"),
            ("numbers = ['my phone']", "`legal` of `[transfer]`"),
            ("colour = 1", "`legal` of `[transfer]`"),
            ("[transfer.'Two Words']", "is not a valid name of a target"),
        ] {
            let error = error(&format!(
                "[transfer.legal]\n{}{text}\n",
                if text.contains("numbers") {
                    ""
                } else {
                    "numbers = ['08040002222']\n"
                }
            ));
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
