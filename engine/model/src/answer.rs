//! What a caller answered.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Language, Masked, Playout};

/// The answer itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum Reply {
    /// One of the question's choices.
    Choice(String),
    /// The words of an open question.
    Text(Masked),
    /// Keys.
    Keys(Masked),
    /// Silence to the last attempt.
    NoInput,
    /// Nothing understood to the last attempt.
    NoMatch,
}

/// As a log may show it: a choice by its id, which is the flow's own word; the caller's words and
/// keys masked.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Choice(id) => f.write_str(id),
            Reply::Text(words) => write!(f, "words {words}"),
            Reply::Keys(keys) => write!(f, "keys {keys}"),
            Reply::NoInput => f.write_str("no-input"),
            Reply::NoMatch => f.write_str("no-match"),
        }
    }
}

/// The end of a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What was answered.
    pub reply: Reply,
    /// 0 to 1; 1 for keys, 0 for no-input.
    pub confidence: f32,
    /// The language of the phrase that matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The last words heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Masked>,
    /// How often the question was put.
    pub attempts: u32,
    /// What became of the prompts before it and its own.
    pub playouts: Vec<Playout>,
}
