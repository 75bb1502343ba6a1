//! What a scripted caller does at a question.

use ghanti_model::{CallError, Language, Reply};
use serde_json::Value as Json;

/// What the caller does at one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// What they do in the end.
    pub does: Does,
    /// The failed attempts before it.
    pub first: Vec<Failed>,
    /// They do it while the prompts before it are spoken: the first of those that may be
    /// interrupted is heard in part, and the others not at all.
    pub interrupts: bool,
}

/// What the caller does.
#[derive(Debug, Clone, PartialEq)]
pub enum Does {
    /// They give this answer, in a language if one is given.
    Replies(Reply, Option<Language>),
    /// They say words, as the question's grammar reads them.
    Says(String),
    /// They press keys, likewise.
    Presses(String),
    /// They stay silent through all further attempts.
    StaysSilent,
    /// They say something that is not understood, at each further attempt.
    IsNotUnderstood,
    /// They hang up.
    HangsUp,
    /// They never answer: the run waits until it is dropped.
    Waits,
}

/// A failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// Silence.
    NoInput,
    /// Something that is not understood.
    NoMatch,
}

impl From<Does> for Act {
    fn from(does: Does) -> Self {
        Self {
            does,
            first: Vec::new(),
            interrupts: false,
        }
    }
}

/// What a call gets where it waits: a path through a conversation is a list of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// At a question.
    Caller(Act),
    /// At an action.
    Action(Result<Json, CallError>),
}

/// A service of the engine that a scripted call does without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Away {
    /// Nobody's record was found in time: the flow gets none.
    Customer,
    /// Look-ups are `unavailable`.
    Lookup,
    /// Actions are `unavailable`.
    Actions,
    /// Earlier calls are `unavailable`.
    History,
}
