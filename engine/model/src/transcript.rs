//! Who said what, and how much of it was heard.

use serde::{Deserialize, Serialize};

use crate::{Extent, Language, Masked};

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaker {
    /// The engine's prompts.
    Bot,
    /// The caller's words.
    Caller,
    /// The caller's keys.
    Keys,
}

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds from the stream's start to its beginning.
    pub at_ms: u64,
    /// Milliseconds it lasted, as far as heard.
    pub lasted_ms: u64,
    /// Who spoke.
    pub speaker: Speaker,
    /// The words, as spoken or as recognised.
    pub text: Masked,
    /// The words' language.
    pub language: Language,
    /// The prompt's template, or the question's name for a caller's line; may be empty.
    pub name: String,
    /// For the bot's lines: how much was heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Extent>,
    /// For the caller's lines: how sure the recogniser was, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}
