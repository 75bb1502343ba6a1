//! The caller of a record: a [`Conversation`] that answers what was answered then.
//!
//! It stands behind the version's own rules, as the live session does, so that the host checks
//! every prompt anew. It does nothing at all.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ghanti_model::{
    Answer, CallError, CallFacts, CallId, Collection, Decision, Direction, Extent, Function,
    Journal, Language, Masked, Playout, Prompt, PromptId, Question,
};
use serde::de::DeserializeOwned;

use crate::conversation::{Conversation, Instant};
use crate::journal::{Outcome, SharedJournal};

/// What a record knows of its caller before it is read by a run.
pub(crate) struct RecordedCaller {
    call_id: CallId,
    began_ms: u64,
    /// Templates of which the record knows that they were not heard to the end.
    unheard: BTreeSet<String>,
}

impl RecordedCaller {
    pub(crate) fn new(recorded: &Journal) -> Self {
        let (mut whole, mut unheard) = (BTreeSet::new(), BTreeSet::new());
        for playout in recorded
            .entries
            .iter()
            .flat_map(|entry| playouts(entry.function, &entry.answer))
        {
            if playout.heard == Extent::Whole {
                whole.insert(playout.template)
            } else {
                unheard.insert(playout.template)
            };
        }
        unheard.retain(|template| !whole.contains(template));
        Self {
            call_id: recorded.header.call_id,
            began_ms: recorded.header.began_ms.unwrap_or(0),
            unheard,
        }
    }

    /// The same as a conversation, whose answers `journal` knows.
    pub(crate) fn reading(self, journal: SharedJournal) -> impl Conversation {
        Reading {
            caller: self,
            journal,
            said: BTreeSet::new(),
        }
    }
}

fn playouts(function: Function, answer: &serde_json::Value) -> Vec<Playout> {
    let Some(answer) = answer.get("ok").cloned() else {
        return Vec::new();
    };
    match function {
        Function::Drain => serde_json::from_value(answer).unwrap_or_default(),
        Function::Ask | Function::Collect => serde_json::from_value::<Answer>(answer)
            .map(|answer| answer.playouts)
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

struct Reading {
    caller: RecordedCaller,
    journal: SharedJournal,
    /// The templates said in this run.
    said: BTreeSet<String>,
}

impl Reading {
    /// What the record has as an answer of the function that runs.
    fn recorded<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        // the journal has read the answer as this type before the function ran
        let unreadable = |_| CallError::Unavailable("the record has no answer".to_owned());
        serde_json::from_value::<Outcome<T>>(self.journal.take_answer())
            .map_err(unreadable)?
            .into()
    }
}

#[async_trait]
impl Conversation for Reading {
    /// Not asked: the record itself answers `facts`.
    fn facts(&mut self) -> CallFacts {
        CallFacts {
            call_id: self.caller.call_id,
            call_sid: None,
            direction: Direction::Outbound,
            customer_number: None,
            line_number: None,
            language: Language::english(),
            parameters: Vec::new(),
        }
    }

    /// Not asked by the flow: the record itself answers `now`.
    fn now(&mut self) -> Instant {
        Instant {
            unix_ms: self.caller.began_ms,
            offset_minutes: 0,
        }
    }

    async fn set_language(&mut self, _language: Language) -> Result<(), CallError> {
        self.recorded()
    }

    async fn establish(&mut self, _name: String) -> Result<(), CallError> {
        self.recorded()
    }

    async fn decide(&mut self, _decision: Decision) -> Result<(), CallError> {
        self.recorded()
    }

    async fn outcome(
        &mut self,
        _disposition: String,
        _detail: Option<String>,
    ) -> Result<(), CallError> {
        self.recorded()
    }

    /// Not asked: the record itself answers `fields` and `field`.
    async fn fields(&mut self) -> Result<Vec<(String, Masked)>, CallError> {
        Err(CallError::Unavailable("the record answers".to_owned()))
    }

    async fn lookup(&mut self, _key: String) -> Result<Option<Masked>, CallError> {
        self.recorded()
    }

    async fn note(&mut self, _name: String, _value: Masked) -> Result<(), CallError> {
        self.recorded()
    }

    async fn say(&mut self, prompt: Prompt) -> Result<PromptId, CallError> {
        self.said.insert(prompt.template().to_owned());
        self.recorded()
    }

    async fn ask(&mut self, question: Question) -> Result<Answer, CallError> {
        self.said.insert(question.prompt.template().to_owned());
        self.recorded()
    }

    async fn collect(&mut self, collection: Collection) -> Result<Answer, CallError> {
        self.said.insert(collection.prompt.template().to_owned());
        self.recorded()
    }

    /// Not asked: the record itself answers `drain`.
    async fn drain(&mut self) -> Result<Vec<Playout>, CallError> {
        self.recorded()
    }

    /// A call that ended while the prompt waited for its turn ended there then, whatever it
    /// requires now.
    async fn settle(&mut self) -> Result<(), CallError> {
        match serde_json::from_value::<Outcome<serde_json::Value>>(self.journal.coming_answer()) {
            Ok(Outcome::Err(error @ (CallError::CallEnded | CallError::Unavailable(_)))) => {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// What was said and of whose hearing the record tells nothing, since the call ended before,
    /// counts as heard: else every call that ended early would be told as refused.
    fn heard_whole(&self, template: &str) -> bool {
        self.said.contains(template) && !self.caller.unheard.contains(template)
    }
}
