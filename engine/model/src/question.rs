//! Questions that a flow asks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Language, Prompt, Template};

/// The engine's grammars of spoken choices, by their names in manifests.
pub const LEXICONS: [&str; 10] = [
    "yes",
    "confirm",
    "no",
    "agent",
    "repeat",
    "later",
    "wrong-person",
    "who",
    "do-not-call",
    "stop",
];

/// Phrases that select a choice, in one language.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Phrases {
    /// The language of the phrases.
    pub language: Language,
    /// Each is one or more words.
    pub words: Vec<String>,
}

/// One answer that a question accepts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Choice {
    /// The id returned as the answer.
    pub id: String,
    /// Name of the engine lexicon to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lexicon: Option<String>,
    /// Phrases in addition to the lexicon.
    #[serde(default)]
    pub phrases: Vec<Phrases>,
    /// The key that selects this choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<char>,
}

/// A question, with VoiceXML's no-input and no-match counters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its name in the journal and transcript.
    pub name: String,
    /// The prompt that asks it.
    pub prompt: Prompt,
    /// The accepted answers; an empty list means free speech, or a value if there is a grammar.
    pub choices: Vec<Choice>,
    /// The grammar of the value that it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grammar: Option<ValueGrammar>,
    /// Choices that are answered and followed by the question again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub side_answers: Vec<SideAnswer>,
    /// The action that is asked which of the choices words mean that no grammar takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub understand: Option<String>,
    /// How long to wait for speech or a key after the prompt, in milliseconds.
    pub no_input_ms: u32,
    /// Played after the first, second, … no-input.
    pub no_input: Vec<Prompt>,
    /// Played after the first, second, … no-match.
    pub no_match: Vec<Prompt>,
    /// Played as soon as a yes is understood, while the caller may still take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledge: Option<Prompt>,
}

impl Choice {
    /// Whether it starts from one of the lexicons of consent, `yes` and `confirm`.
    pub fn is_yes(&self) -> bool {
        matches!(self.lexicon.as_deref(), Some("yes" | "confirm"))
    }
}

/// The grammar of a value, by its name and parameters, and how keys make one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueGrammar {
    /// The grammar's name: `date`, `time`, `digits`, `number`, `currency` or `phone`.
    pub name: String,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The key that ends a keyed value; not part of it.
    pub end_key: char,
    /// How long each further key is awaited, in milliseconds.
    pub between_keys_ms: u32,
    /// A template that reads a spoken value back, and its arguments besides `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Template>,
}

/// What follows when the caller asks back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideAnswer {
    /// The choice that asks back.
    pub choice: String,
    /// What answers it; nothing where asking again is answer enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<Prompt>,
    /// The prompt that asks again.
    pub then: Prompt,
}

/// A question answered with a sequence of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Its name in the journal and transcript.
    pub name: String,
    /// The prompt that asks it.
    pub prompt: Prompt,
    /// Fewer keys are a no-match.
    pub min_keys: u8,
    /// The answer is complete once this many keys have been pressed.
    pub max_keys: u8,
    /// Ends the answer early; not part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminator: Option<char>,
    /// How long to wait for the first key, in milliseconds.
    pub no_input_ms: u32,
    /// How long to wait for each further key, in milliseconds.
    pub between_keys_ms: u32,
    /// Played after the first, second, … no-input.
    pub no_input: Vec<Prompt>,
    /// Played after the first, second, … answer with too few keys.
    pub no_match: Vec<Prompt>,
}
