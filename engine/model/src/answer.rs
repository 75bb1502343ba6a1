//! The caller's answer to a question.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Language, Masked, Playout, Value};

/// The answer itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum Reply {
    /// One of the question's choices.
    Choice(String),
    /// The words spoken in answer to an open question.
    Text(Masked),
    /// Pressed keys.
    Keys(Masked),
    /// A value of a grammar, said or keyed.
    Value(Value),
    /// No input at the last attempt.
    NoInput,
    /// No match at the last attempt.
    NoMatch,
}

/// The loggable form: a choice by its id, which the flow defines; the caller's words and keys are
/// masked.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Choice(id) => f.write_str(id),
            Reply::Text(words) => write!(f, "words {words}"),
            Reply::Keys(keys) => write!(f, "keys {keys}"),
            Reply::Value(value) => f.write_str(value.kind()),
            Reply::NoInput => f.write_str("no-input"),
            Reply::NoMatch => f.write_str("no-match"),
        }
    }
}

/// The result of a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The answer.
    pub reply: Reply,
    /// 0 to 1; 1 for keys, 0 for no-input.
    pub confidence: f32,
    /// The language of the phrase that matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The language in which the conversation goes on since, where the flow followed the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_to: Option<Language>,
    /// The action that understood the caller's words as this choice, where no grammar did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub understood_by: Option<String>,
    /// The last words recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Masked>,
    /// How many times the question was asked.
    pub attempts: u32,
    /// Playouts of the question's own prompts and of those queued before it.
    pub playouts: Vec<Playout>,
}
