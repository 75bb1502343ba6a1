//! What a flow asks.

use serde::{Deserialize, Serialize};

use crate::{Language, Prompt};

/// Words by which a choice is made, in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phrases {
    /// Their language.
    pub language: Language,
    /// Each a word or a few.
    pub words: Vec<String>,
}

/// One answer that a question takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What the answer is called.
    pub id: String,
    /// The engine's lexicon to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lexicon: Option<String>,
    /// Further phrases.
    #[serde(default)]
    pub phrases: Vec<Phrases>,
    /// The key that means the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<char>,
}

/// A question, with VoiceXML's two counters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its name in journal and transcript.
    pub name: String,
    /// What is asked.
    pub prompt: Prompt,
    /// The answers it takes; none of them means free speech.
    pub choices: Vec<Choice>,
    /// How long the caller may stay silent after the prompt.
    pub no_input_ms: u32,
    /// Said after the first, second, … silence.
    pub no_input: Vec<Prompt>,
    /// Said after the first, second, … answer not understood.
    pub no_match: Vec<Prompt>,
}

/// A number to be keyed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Its name in journal and transcript.
    pub name: String,
    /// What is asked.
    pub prompt: Prompt,
    /// Fewer keys are a no-match.
    pub min_keys: u8,
    /// With the last one the answer is complete.
    pub max_keys: u8,
    /// Ends the answer early, and is no part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminator: Option<char>,
    /// How long to wait for the first key.
    pub no_input_ms: u32,
    /// How long to wait for each next one.
    pub between_keys_ms: u32,
    /// Said after the first, second, … silence.
    pub no_input: Vec<Prompt>,
    /// Said after the first, second, … answer with too few keys.
    pub no_match: Vec<Prompt>,
}
