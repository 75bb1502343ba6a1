//! What the caller heard of a prompt.

use serde::{Deserialize, Serialize};

/// A prompt's number in its call, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PromptId(pub u32);

/// How much of it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// To its end: the network's mark behind it came back.
    Whole,
    /// It was sent to its end, and no mark came back. It establishes nothing.
    Assumed,
    /// Begun, then interrupted or cut off.
    Partial,
    /// Not a sample of it.
    Unheard,
}

/// What became of one prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playout {
    /// Which prompt.
    pub prompt: PromptId,
    /// Its template's name, or nothing.
    pub template: String,
    /// How much was heard.
    pub heard: Extent,
    /// Milliseconds of it that were heard.
    pub heard_ms: u32,
}
