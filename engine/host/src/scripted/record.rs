//! What a flow did during a scripted call, as sums and event by event.

use std::collections::{BTreeMap, BTreeSet};

use ghanti_model::{
    CallError, Choice, Decision, Extent, Language, Masked, Prompt, Reply, ValueGrammar,
};
use serde_json::Value as Json;

use super::acts::Act;

/// What a flow did during a scripted call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scripted {
    /// All prompts spoken, in order: prompts, questions, no-input and no-match prompts.
    pub said: Vec<Prompt>,
    /// The names of the questions and collections asked.
    pub asked: Vec<String>,
    /// The names that were established.
    pub established: BTreeSet<String>,
    /// The last decision.
    pub decision: Option<Decision>,
    /// The last disposition.
    pub outcome: Option<String>,
    /// The actions that were invoked, in order, each with its input.
    pub invoked: Vec<(String, Json)>,
    /// The notes, by name.
    pub notes: BTreeMap<String, Masked>,
    /// The milestones that the flow recorded, in order.
    pub milestones: Vec<String>,
    /// When the flow asked for another call, in milliseconds since 1970.
    pub call_again_ms: Option<u64>,
    /// The language that the flow last set.
    pub language: Option<Language>,
    /// Scripted answers that the question asked does not accept, and actions without one, one
    /// sentence each.
    pub unfit: Vec<String>,
    /// The templates that acknowledged a yes.
    pub acknowledged: BTreeSet<String>,
    /// Everything that happened, in order.
    pub events: Vec<Event>,
    /// What the call waited for when the list of turns was used up.
    pub open: Option<Wait>,
}

impl Scripted {
    /// The templates spoken, in order, without those that acknowledged a yes.
    pub fn templates(&self) -> Vec<&str> {
        self.said
            .iter()
            .map(Prompt::template)
            .filter(|name| !name.is_empty() && !self.acknowledged.contains(*name))
            .collect()
    }
}

/// An event of a scripted call.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A prompt was queued, in this language.
    Said {
        /// The prompt.
        prompt: Prompt,
        /// Its language.
        language: Language,
    },
    /// A prompt was played, the one with this index in [`Scripted::said`].
    Played {
        /// The prompt's index.
        said: usize,
        /// How much of it was heard.
        heard: Extent,
    },
    /// A question or collection was put, and its prompts were queued.
    Asked(Box<Asking>),
    /// The caller answered, or did not. A hang-up is [`Event::HungUp`].
    Answered {
        /// The question.
        question: String,
        /// What they did.
        act: Act,
        /// What it counted as.
        reply: Reply,
        /// The language in which they answered, if it can be detected.
        language: Option<Language>,
        /// How often the question was put.
        attempts: u32,
        /// How long they were waited for in all, in milliseconds.
        waited_ms: u64,
    },
    /// Something was established.
    Established(String),
    /// The flow set the language.
    Language(Language),
    /// The flow decided what happens after the conversation.
    Decided(Decision),
    /// The flow set the disposition.
    Outcome(String),
    /// The flow stored a value with the record.
    Noted(String, Masked),
    /// The flow recorded a milestone.
    Milestone(String),
    /// The flow asked for another call, in milliseconds since 1970.
    CallAgain(u64),
    /// The flow waited for what was queued to be heard.
    Waited,
    /// The flow paused, for milliseconds.
    Paused(u32),
    /// The flow looked a key up.
    LookedUp(String),
    /// The flow invoked an action.
    Invoked {
        /// The action.
        name: String,
        /// Its input.
        input: Json,
        /// The answer.
        answer: Result<Json, CallError>,
    },
    /// The caller hung up.
    HungUp,
}

/// A question as the caller gets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asking {
    /// Its name.
    pub name: String,
    /// The choices, those that ask back included.
    pub choices: Vec<Choice>,
    /// The choices that ask back.
    pub sides: Vec<String>,
    /// The grammar of the value that it asks for.
    pub grammar: Option<ValueGrammar>,
    /// The least and most keys, of a question for keys.
    pub keys: Option<(usize, usize)>,
    /// The action that is asked what words mean that no grammar takes.
    pub understand: Option<String>,
    /// How many prompts follow silences.
    pub no_input: usize,
    /// How many prompts follow answers that were not understood.
    pub no_match: usize,
}

impl Asking {
    /// Whether words may answer it.
    pub fn takes_words(&self) -> bool {
        self.keys.is_none()
    }

    /// Whether keys may.
    pub fn takes_keys(&self) -> bool {
        let has_key = self.choices.iter().any(|choice| choice.key.is_some());
        self.keys.is_some() || self.grammar.is_some() || has_key
    }
}

/// What a call waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum Wait {
    /// The caller's answer.
    Question(Box<Asking>),
    /// The answer of an action.
    Action(String),
}
