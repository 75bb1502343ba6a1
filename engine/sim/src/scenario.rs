//! Scenarios: who is called, how they respond, and what is expected. A scenario is a small TOML
//! file; unknown keys are errors.
//!
//! Loading a scenario does no I/O other than reading the file.

use std::collections::BTreeMap;
use std::path::Path;

use ghanti_model::{FlowName, Masked, PhoneNumber};
use serde::{Deserialize, Serialize};

use crate::agent::AgentAnswer;
use crate::room::Line;
use crate::voice::Voice;

/// A call to simulate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// A short description.
    pub title: String,
    /// The expected outcome of the call's record.
    pub expect: String,
    /// Whether the Connect applet must receive an agent's number. When absent, it must exactly if
    /// the expected outcome implies that an agent was dialled.
    #[serde(default)]
    pub expect_agent: Option<bool>,
    /// How the agent responds: `answers`, `busy` or `no-answer`.
    #[serde(default)]
    pub agent: AgentAnswer,
    /// The caller's voice.
    #[serde(default)]
    pub voice: Voice,
    /// Other sound on the line.
    #[serde(default)]
    pub line: Line,
    /// The direction of the call. An inbound call carries no call id, so the engine must find the
    /// customer by their number.
    #[serde(default)]
    pub direction: Direction,
    /// Whether the customer's record is stored in the engine before the call. If not, the call must
    /// be inbound.
    #[serde(default = "known")]
    pub known: bool,
    /// The stream's sample rate in Hz: 8,000, 16,000 or 24,000, whatever the engine's URL asks for.
    /// When absent, the rate that the URL asks for.
    #[serde(default)]
    pub sample_rate_hz: Option<u32>,
    /// The caller hangs up after this many seconds, and the scenario fails.
    #[serde(default = "default_max_seconds")]
    pub max_seconds: u64,
    /// The customer's record.
    pub customer: Customer,
    /// What the transcript must and must not contain.
    #[serde(default)]
    pub expect_transcript: ExpectTranscript,
    /// The caller's steps, in order. Without any, the caller is silent throughout.
    #[serde(default)]
    pub caller: Vec<Step>,
}

/// The direction of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The customer is called.
    #[default]
    Outbound,
    /// The customer calls.
    Inbound,
}

/// The body of `POST /api/calls`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Customer {
    /// The customer's number.
    pub phone: PhoneNumber,
    /// The flow to run. When absent, the engine chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowName>,
    /// The other fields of the record.
    #[serde(default)]
    pub fields: BTreeMap<String, Masked>,
}

/// Assertions on what was said. Phrases are matched on word boundaries, ignoring case.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectTranscript {
    /// Phrases that the bot must say.
    #[serde(default)]
    pub bot_says: Vec<String>,
    /// Phrases that the bot must not say.
    #[serde(default)]
    pub bot_never_says: Vec<String>,
    /// Templates that must start in this order; others may come between them.
    #[serde(default)]
    pub templates: Vec<String>,
    /// Templates that must not start.
    #[serde(default)]
    pub never_templates: Vec<String>,
}

/// One action of the caller, and when it happens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenStep")]
pub struct Step {
    /// When it is due.
    pub when: When,
    /// What the caller does.
    pub action: Action,
}

/// When a step is due. Only what the bot says after the previous step counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// The bot has spoken and then been silent for [`crate::heard::TURN_SILENCE_MS`].
    AfterTurn,
    /// In the middle of the bot's next turn, once it has lasted this long.
    During {
        /// Milliseconds from the start of the turn.
        ms: u64,
    },
    /// The call's record says that a template was played, and the bot is silent again.
    AfterTemplate {
        /// The template's name.
        name: String,
    },
    /// The call's record says that a template started this many milliseconds ago.
    IntoTemplate {
        /// The template's name.
        name: String,
        /// Milliseconds from the start of the template.
        ms: u64,
    },
}

/// What a caller can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Speak.
    Say(String),
    /// Press keys, one after another.
    Keys(String),
    /// Hang up.
    HangUp,
    /// Do nothing.
    Silence,
}

/// A step as written in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenStep {
    after: Option<After>,
    during: Option<u64>,
    after_template: Option<String>,
    into_ms: Option<u64>,
    say: Option<String>,
    keys: Option<String>,
    hang_up: Option<bool>,
    silence: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum After {
    Turn,
}

impl TryFrom<WrittenStep> for Step {
    type Error = String;

    fn try_from(written: WrittenStep) -> Result<Self, String> {
        let when = match (written.after, written.during, written.after_template, written.into_ms) {
            (None | Some(After::Turn), None, None, None) => When::AfterTurn,
            (None, Some(ms), None, None) => When::During { ms },
            (None, None, Some(name), None) => When::AfterTemplate { name },
            (None, None, Some(name), Some(ms)) => When::IntoTemplate { name, ms },
            _ => return Err("a step has one time: `after`, `during`, or `after-template` with or without `into-ms`".to_owned()),
        };
        let action =
            match (written.say, written.keys, written.hang_up, written.silence) {
                (Some(words), None, None, None) if !words.trim().is_empty() => Action::Say(words),
                (None, Some(keys), None, None) if is_keys(&keys) => Action::Keys(keys),
                (None, Some(_), None, None) => {
                    return Err("`keys` are some of `0` to `9`, `*` and `#`".to_owned());
                }
                (None, None, Some(true), None) => Action::HangUp,
                (None, None, None, Some(true)) => Action::Silence,
                _ => return Err(
                    "a step has one action: `say`, `keys`, `hang-up = true` or `silence = true`"
                        .to_owned(),
                ),
            };
        Ok(Self { when, action })
    }
}

fn is_keys(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|key| matches!(key, '0'..='9' | '*' | '#'))
}

fn known() -> bool {
    true
}

fn default_max_seconds() -> u64 {
    120
}

/// A scenario could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("cannot read the scenario `{path}`: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// The operating system's error.
        reason: std::io::Error,
    },
    /// The file is not a valid scenario.
    #[error("the scenario `{name}` is wrong: {reason}")]
    Invalid {
        /// The file's path, or its title.
        name: String,
        /// The error, with its line where there is one.
        reason: String,
    },
}

impl Scenario {
    /// Loads a scenario from a file.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|reason| ScenarioError::Unreadable {
            path: name.clone(),
            reason,
        })?;
        Self::parse(&text, &name)
    }

    /// Parses a scenario. `name` is used in errors.
    pub fn parse(text: &str, name: &str) -> Result<Self, ScenarioError> {
        let invalid = |reason: String| ScenarioError::Invalid {
            name: name.to_owned(),
            reason,
        };
        let scenario: Self = toml::from_str(text)
            .map_err(|error| invalid(ghanti_manifest::toml_error(text, &error)))?;
        if !scenario.known && scenario.direction == Direction::Outbound {
            return Err(invalid(
                "`known = false`: the engine cannot call an unknown customer; add `direction = \"inbound\"`".to_owned(),
            ));
        }
        match scenario.sample_rate_hz {
            None | Some(8_000 | 16_000 | 24_000) => {}
            Some(rate_hz) => {
                return Err(invalid(format!(
                    "`sample-rate-hz = {rate_hz}`: Exotel supports 8000, 16000 and 24000"
                )));
            }
        }
        Ok(scenario)
    }

    /// Whether the Connect applet must receive an agent's number.
    pub fn expects_agent(&self) -> bool {
        self.expect_agent.unwrap_or(matches!(
            self.expect.as_str(),
            "transferred" | "agent-busy" | "agents-not-answering"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "title = \"t\"\nexpect = \"transferred\"\n[customer]\nphone = \"+919876500001\"\n";

    fn steps(text: &str) -> Result<Vec<Step>, ScenarioError> {
        Scenario::parse(&format!("{HEAD}{text}"), "test").map(|scenario| scenario.caller)
    }

    #[test]
    fn every_time_and_action_can_be_written() {
        let text = "[[caller]]\nsay = \"yes\"\n[[caller]]\nduring = 1500\nkeys = \"1#\"\n\
                    [[caller]]\nafter-template = \"emi-details\"\nhang-up = true\n\
                    [[caller]]\nafter-template = \"emi-details\"\ninto-ms = 900\nsilence = true\n";
        let expected = [
            Step {
                when: When::AfterTurn,
                action: Action::Say("yes".to_owned()),
            },
            Step {
                when: When::During { ms: 1500 },
                action: Action::Keys("1#".to_owned()),
            },
            Step {
                when: When::AfterTemplate {
                    name: "emi-details".to_owned(),
                },
                action: Action::HangUp,
            },
            Step {
                when: When::IntoTemplate {
                    name: "emi-details".to_owned(),
                    ms: 900,
                },
                action: Action::Silence,
            },
        ];
        assert_eq!(steps(text).unwrap(), expected);
    }

    #[test]
    fn unknown_keys_and_contradictions_are_errors() {
        for text in [
            "[[caller]]\nsays = \"yes\"\n",
            "[[caller]]\nsay = \"yes\"\nkeys = \"1\"\n",
            "[[caller]]\nafter = \"turn\"\nduring = 5\nsay = \"yes\"\n",
            "[[caller]]\ninto-ms = 5\nsay = \"yes\"\n",
            "[[caller]]\nkeys = \"A\"\n",
            "[[caller]]\nafter = \"lunch\"\nsay = \"yes\"\n",
            "[[caller]]\n",
        ] {
            assert!(steps(text).is_err(), "{text}");
        }
        let called = format!("known = false\n{HEAD}");
        assert!(
            Scenario::parse(&called, "test")
                .unwrap_err()
                .to_string()
                .contains("inbound")
        );
        let odd_rate = format!("sample-rate-hz = 11025\n{HEAD}");
        assert!(
            Scenario::parse(&odd_rate, "test")
                .unwrap_err()
                .to_string()
                .contains("11025")
        );
    }

    #[test]
    fn an_agent_is_expected_exactly_with_a_transfer() {
        let scenario = Scenario::parse(HEAD, "test").unwrap();
        assert!(scenario.expects_agent());
        assert!(
            !Scenario {
                expect: "declined".to_owned(),
                ..scenario
            }
            .expects_agent()
        );
    }
}
