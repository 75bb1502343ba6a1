//! A recorded caller: a [`Conversation`] that gives the recorded answers.
//!
//! Like the live session it comes after the version's own rules, so the host checks every prompt
//! again. It has no effects.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ghanti_host::{Conversation, Instant, Invocation};
use ghanti_journal::{Outcome, SharedSource, lock};
use ghanti_model::values::DateRules;
use ghanti_model::{
    Answer, CallError, CallFacts, CallId, Collection, Decision, Direction, EarlierCall, Extent,
    Function, Journal, JournalEntry, Language, Masked, Milestone, Playout, Prompt, PromptId,
    Question,
};
use serde::de::DeserializeOwned;

use crate::comparing::Comparing;

/// What a record says about its caller, before a run.
pub(crate) struct RecordedCaller {
    call_id: CallId,
    began_ms: u64,
    /// Templates that, according to the record, were never heard to the end.
    unheard: BTreeSet<String>,
}

impl RecordedCaller {
    pub(crate) fn new(recorded: &Journal) -> Self {
        let (mut whole, mut unheard) = (BTreeSet::new(), BTreeSet::new());
        for playout in recorded.entries.iter().flat_map(playouts_of) {
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

    /// Turns it into a conversation whose answers are in `record`.
    pub(crate) fn reading(self, record: SharedSource<Comparing>) -> impl Conversation {
        Reading {
            caller: self,
            record,
            said: BTreeSet::new(),
        }
    }
}

/// What an entry says was played.
pub(crate) fn playouts_of(entry: &JournalEntry) -> Vec<Playout> {
    playouts(entry.function, &entry.answer)
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
    record: SharedSource<Comparing>,
    /// The templates said in this run.
    said: BTreeSet<String>,
}

impl Reading {
    /// The recorded answer to the current function.
    fn recorded<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        // the journal has decoded the answer as this type before running the function
        let unreadable = |_| CallError::Unavailable("the record has no answer".to_owned());
        serde_json::from_value::<Outcome<T>>(lock(&self.record).answer())
            .map_err(unreadable)?
            .into()
    }
}

#[async_trait]
impl Conversation for Reading {
    /// Unused: `facts` is answered from the record.
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

    /// Not called by the flow: `now` is answered from the record.
    fn now(&mut self) -> Instant {
        Instant {
            unix_ms: self.caller.began_ms,
            offset_minutes: 0,
        }
    }

    /// Unused: `fields` and `field` are answered from the record.
    fn date_rules(&mut self) -> DateRules {
        DateRules::unordered(self.now().date())
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

    /// Unused: `fields` and `field` are answered from the record.
    async fn fields(&mut self) -> Result<Vec<(String, Masked)>, CallError> {
        Err(CallError::Unavailable("the record answers".to_owned()))
    }

    async fn lookup(&mut self, _key: String) -> Result<Option<Masked>, CallError> {
        self.recorded()
    }

    async fn note(&mut self, _name: String, _value: Masked) -> Result<(), CallError> {
        self.recorded()
    }

    async fn milestone(&mut self, _milestone: Milestone) -> Result<(), CallError> {
        self.recorded()
    }

    async fn call_again(&mut self, _at_ms: u64) -> Result<(), CallError> {
        self.recorded()
    }

    /// Unused: `history` is answered from the record.
    async fn history(&mut self, _most: usize) -> Result<Vec<EarlierCall>, CallError> {
        self.recorded()
    }

    /// Nothing is done: the record says what was answered.
    async fn invoke(&mut self, _invocation: Invocation) -> Result<serde_json::Value, CallError> {
        self.recorded()
    }

    async fn say(&mut self, prompt: Prompt) -> Result<PromptId, CallError> {
        self.said.insert(prompt.template().to_owned());
        self.recorded()
    }

    fn is_recorded(&self) -> bool {
        true
    }

    async fn ask(&mut self, question: Question) -> Result<Answer, CallError> {
        self.said.insert(question.prompt.template().to_owned());
        self.recorded()
    }

    async fn collect(&mut self, collection: Collection) -> Result<Answer, CallError> {
        self.said.insert(collection.prompt.template().to_owned());
        self.recorded()
    }

    /// Unused: `drain` is answered from the record.
    async fn drain(&mut self) -> Result<Vec<Playout>, CallError> {
        self.recorded()
    }

    /// Unused: `pause` is answered from the record.
    async fn pause(&mut self, _ms: u32) -> Result<(), CallError> {
        self.recorded()
    }

    /// If the call ended while the prompt waited for what was queued, it ends there again, whatever
    /// the prompt requires now.
    async fn await_playout(&mut self) -> Result<(), CallError> {
        match serde_json::from_value::<Outcome<serde_json::Value>>(
            lock(&self.record).coming_answer(),
        ) {
            Ok(Outcome::Err(error @ (CallError::CallEnded | CallError::Unavailable(_)))) => {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// A template that was said counts as heard unless the record says otherwise: the record says
    /// nothing if the call ended before, and every call that ended early would be reported as
    /// refused.
    fn heard_whole(&self, template: &str) -> bool {
        self.said.contains(template) && !self.caller.unheard.contains(template)
    }
}
