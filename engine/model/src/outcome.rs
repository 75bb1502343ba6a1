//! The outcomes of a call that the engine sets.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! outcomes {
    ($($(#[doc = $meaning:literal])+ $outcome:ident = $name:literal,)+) => {
        /// The outcomes of a call that the engine sets. In JSON, in the database and in the API it
        /// is its name.
        ///
        /// A record's outcome may also be any other text: the disposition that a flow has set.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Outcome {
            $($(#[doc = $meaning])+ #[serde(rename = $name)] $outcome,)+
        }

        impl Outcome {
            /// All outcomes, in the order of their names.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$outcome),+];
            /// Their names.
            pub const NAMES: [&str; Self::ALL.len()] = [$($name),+];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$outcome => $name,)+
                }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$outcome => concat!($($meaning),+).trim_ascii(),)+
                }
            }
        }
    };
}

// the table in docs/records.md has the same rows
outcomes! {
    /// A transfer: no agent took the call, as the line was busy.
    AgentBusy = "agent-busy",
    /// A transfer: the network could not connect an agent.
    AgentUnreachable = "agent-unreachable",
    /// A transfer: the Connect applet never asked for the agents' numbers.
    AgentsNeverAsked = "agents-never-asked",
    /// A transfer: no agent answered.
    AgentsNotAnswering = "agents-not-answering",
    /// The customer's line was busy.
    Busy = "busy",
    /// Exotel cancelled the call before the customer answered.
    CallCanceled = "call-canceled",
    /// The network could not connect the customer.
    CallFailed = "call-failed",
    /// The flow came to its end and has set no disposition.
    Completed = "completed",
    /// The stream was lost during the conversation.
    ConnectionLost = "connection-lost",
    /// The customer asked not to be called again.
    DoNotCall = "do-not-call",
    /// An operator ended the call.
    EndedByOperator = "ended-by-operator",
    /// The engine panicked during the call.
    EngineFailed = "engine-failed",
    /// The engine stopped during the call.
    EngineStopped = "engine-stopped",
    /// The flow failed.
    FlowFailed = "flow-failed",
    /// The caller hung up before the flow came to its end.
    HungUp = "hung-up",
    /// A transfer: the caller hung up before an agent answered.
    HungUpBeforeAgent = "hung-up-before-agent",
    /// The stream never started.
    NeverConnected = "never-connected",
    /// No flow takes the call.
    NoFlow = "no-flow",
    /// Exotel sent no message after the start of the stream.
    NoMedia = "no-media",
    /// Nothing could be spoken, as the synthesisers failed.
    NoVoice = "no-voice",
    /// The customer did not answer.
    NotAnswered = "not-answered",
    /// Exotel refused to dial, or answered an error and has no such call, or before that the call was
    /// withdrawn or its customer erased.
    NotDialled = "not-dialled",
    /// Exotel stopped sending messages during the conversation.
    PeerLost = "peer-lost",
    /// The engine was full, was stopping, or could not speak.
    RefusedBusy = "refused-busy",
    /// The call reached its maximum length.
    TooLong = "too-long",
    /// A transfer about which nothing more is known.
    TransferDecided = "transfer-decided",
    /// A transfer: an agent answered.
    Transferred = "transferred",
    /// An answering machine took the call.
    Voicemail = "voicemail",
}

impl Outcome {
    /// The outcome with this name.
    pub fn parse(name: &str) -> Option<Self> {
        let of_name = |outcome: &Self| outcome.as_str() == name;
        Self::ALL.into_iter().find(of_name)
    }

    /// Whether it is of a call that was transferred, or was to be.
    pub const fn is_of_transfer(self) -> bool {
        matches!(
            self,
            Self::AgentBusy
                | Self::AgentUnreachable
                | Self::AgentsNeverAsked
                | Self::AgentsNotAnswering
                | Self::HungUpBeforeAgent
                | Self::TransferDecided
                | Self::Transferred
        )
    }

    /// Whether it is of a call that failed: something of the engine, a flow, Exotel or the line in between
    /// has to be mended. That a customer was busy, or hung up, is no failure.
    pub const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::AgentsNeverAsked
                | Self::ConnectionLost
                | Self::EngineFailed
                | Self::EngineStopped
                | Self::FlowFailed
                | Self::NeverConnected
                | Self::NoFlow
                | Self::NoMedia
                | Self::NoVoice
                | Self::PeerLost
                | Self::RefusedBusy
        )
    }

    /// Whether it is of a call that the customer did not answer, as Exotel reported.
    pub const fn is_unanswered(self) -> bool {
        matches!(
            self,
            Self::Busy | Self::CallCanceled | Self::CallFailed | Self::NotAnswered
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl From<Outcome> for String {
    fn from(outcome: Outcome) -> Self {
        outcome.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_outcome_is_its_kebab_case_name_and_the_names_are_sorted() {
        assert!(Outcome::NAMES.is_sorted(), "{:?}", Outcome::NAMES);
        for outcome in Outcome::ALL {
            let mut kebab = String::new();
            for letter in format!("{outcome:?}").chars() {
                if letter.is_uppercase() && !kebab.is_empty() {
                    kebab.push('-');
                }
                kebab.push(letter.to_ascii_lowercase());
            }
            assert_eq!(outcome.as_str(), kebab);
            assert_eq!(json!(outcome), json!(kebab));
            assert_eq!(
                serde_json::from_value::<Outcome>(json!(kebab)).unwrap(),
                outcome
            );
            assert_eq!(Outcome::parse(&kebab), Some(outcome));
        }
        assert_eq!(Outcome::parse("declined"), None);
    }

    #[test]
    fn every_outcome_has_a_meaning_of_one_sentence() {
        for outcome in Outcome::ALL {
            let meaning = outcome.meaning();
            assert!(
                meaning.ends_with('.') && meaning == meaning.trim(),
                "{outcome}: `{meaning}`"
            );
        }
    }

    #[test]
    fn the_page_on_records_names_every_failure() {
        let page = include_str!("../../../docs/records.md");
        let sentence = page.split("These outcomes are failures: ").nth(1).unwrap();
        let sentence = sentence.split_once('.').unwrap().0.replace('\n', " ");
        let named: Vec<_> = sentence
            .split(", ")
            .map(|name| name.trim_matches('`'))
            .collect();
        let failures = Outcome::ALL
            .into_iter()
            .filter(|outcome| outcome.is_failure())
            .map(Outcome::as_str);
        assert_eq!(named, failures.collect::<Vec<_>>());
    }

    #[test]
    fn the_page_on_records_lists_every_outcome_with_its_meaning() {
        let page = include_str!("../../../docs/records.md");
        let section = page.split("## Outcomes\n").nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let listed: Vec<_> = section
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        let rows = Outcome::ALL.map(|outcome| {
            let meaning = outcome.meaning().trim_end_matches('.');
            format!("| `{outcome}` | {meaning} |")
        });
        assert_eq!(
            listed, rows,
            "let the table of docs/records.md have these rows"
        );
    }
}
