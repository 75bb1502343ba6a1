//! How much of a prompt the caller heard.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The number of a prompt within its call, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PromptId(pub u32);

/// How much of a prompt was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// To the end: Exotel echoed the mark sent after it.
    Whole,
    /// Sent to the end, but no mark came back. Does not satisfy rules that require a prompt to be
    /// heard.
    Assumed,
    /// Started, then interrupted or cut off.
    Partial,
    /// Nothing of it was played.
    Unheard,
}

/// The playout of one prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playout {
    /// The prompt.
    pub prompt: PromptId,
    /// The template's name; empty if it has none.
    pub template: String,
    /// How much was heard.
    pub heard: Extent,
    /// Milliseconds heard.
    pub heard_ms: u32,
}
