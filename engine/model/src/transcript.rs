//! Transcript lines: who said what, and how much of it was played.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Extent, Language, Masked};

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Line {
    /// Milliseconds from the start of the stream to the start of the line.
    pub at_ms: u64,
    /// Duration in milliseconds; for prompts, of the part that was played.
    pub lasted_ms: u64,
    /// Who spoke.
    pub speaker: Speaker,
    /// The words as spoken or recognised.
    pub text: Masked,
    /// Language of the words.
    pub language: Language,
    /// For a prompt the template's name, for a caller's line the question's. May be empty.
    pub name: String,
    /// For prompts: how much was heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Extent>,
    /// For the caller's lines: the recogniser's confidence, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}
