//! A caller who is a person at a terminal: each question waits for their action, one attempt at a
//! time. Everything else is done by a scripted caller, in virtual time.

use std::collections::VecDeque;

use async_trait::async_trait;
use ghanti_host::{Conversation, Does, Instant, Invocation, ScriptedCaller};
use ghanti_model::values::DateRules;
use ghanti_model::{
    Answer, CallError, CallFacts, Collection, Decision, EarlierCall, Language, Masked, Milestone,
    Playout, Prompt, PromptId, Question, Reply,
};
use serde_json::Value as Json;
use tokio::sync::{mpsc, oneshot};

use super::input::Turn;

/// The answer of an action.
pub type ActionAnswer = Result<Json, CallError>;

/// What a question listens for.
#[derive(Debug, Clone)]
pub enum Expected {
    To(Box<Question>),
    ToKeys(Collection),
}

impl Expected {
    /// The question's name.
    pub fn name(&self) -> &str {
        match self {
            Self::To(question) => &question.name,
            Self::ToKeys(collection) => &collection.name,
        }
    }
}

/// An event of the conversation.
pub enum Event {
    /// A prompt is spoken.
    Said {
        at_ms: u64,
        prompt: Prompt,
        language: Language,
    },
    /// The flow waits for the caller.
    Asks {
        at_ms: u64,
        expected: Box<Expected>,
        turn: oneshot::Sender<Turn>,
    },
    /// Their action does not answer the question.
    NotUnderstood { at_ms: u64 },
    /// They spoke during a prompt that may not be interrupted.
    NotInterrupted { at_ms: u64 },
    /// The flow waits for the answer of an action.
    Invokes {
        at_ms: u64,
        name: String,
        input: Json,
        answer: oneshot::Sender<ActionAnswer>,
    },
    /// The flow called something else.
    Called(Box<ghanti_model::JournalEntry>),
}

/// The caller.
pub struct Caller {
    scripted: ScriptedCaller,
    language: Language,
    event: mpsc::Sender<Event>,
}

impl Caller {
    /// A caller who reports events, and waits for actions.
    pub fn new(scripted: ScriptedCaller, language: Language, event: mpsc::Sender<Event>) -> Self {
        Self {
            scripted,
            language,
            event,
        }
    }

    fn at_ms(&mut self) -> u64 {
        self.scripted.now().unix_ms
    }

    async fn report(&self, event: Event) -> Result<(), CallError> {
        // the receiver is gone, and the call ends
        self.event
            .send(event)
            .await
            .map_err(|_| CallError::CallEnded)
    }

    async fn said(&mut self, prompt: &Prompt) -> Result<(), CallError> {
        let language = prompt.language.clone().unwrap_or(self.language.clone());
        let said = Event::Said {
            at_ms: self.at_ms(),
            prompt: prompt.clone(),
            language,
        };
        self.report(said).await
    }

    fn change(&mut self, change: impl FnOnce(ScriptedCaller) -> ScriptedCaller) {
        let scripted = std::mem::replace(&mut self.scripted, ScriptedCaller::new([]));
        self.scripted = change(scripted);
    }

    /// Waits for the person's action, and makes the scripted caller perform it.
    async fn turn(&mut self, expected: Expected, prompt: &Prompt) -> Result<Turn, CallError> {
        let name = expected.name().to_owned();
        let (sender, turn) = oneshot::channel();
        let asks = Event::Asks {
            at_ms: self.at_ms(),
            expected: Box::new(expected),
            turn: sender,
        };
        self.report(asks).await?;
        let turn = turn.await.map_err(|_| CallError::CallEnded)?;
        if matches!(turn, Turn::Interrupts(_)) && prompt.interruptible == Some(false) {
            let at_ms = self.at_ms();
            self.report(Event::NotInterrupted { at_ms }).await?;
        }
        let template = prompt.template().to_owned();
        let next = turn.clone();
        self.change(|scripted| match next {
            Turn::Says(words) => scripted.act(&name, Does::Says(words)),
            Turn::Presses(keys) => scripted.act(&name, Does::Presses(keys)),
            Turn::Silent => scripted.stay_silent_at(&name),
            Turn::Unclear => scripted.not_understood_at(&name),
            Turn::HangsUp => scripted.hang_up_at(&name),
            Turn::Interrupts(words) => scripted.interrupt(&template).act(&name, Does::Says(words)),
        });
        Ok(turn)
    }

    /// Puts a question until it is answered or its prompts are used up, as in a live call.
    async fn put(
        &mut self,
        expected: Expected,
        mut prompt: Prompt,
        no_input: Vec<Prompt>,
        no_match: Vec<Prompt>,
    ) -> Result<Answer, CallError> {
        let (mut no_input, mut no_match) = (VecDeque::from(no_input), VecDeque::from(no_match));
        let mut before: Option<Answer> = None;
        loop {
            self.said(&prompt).await?;
            let turn = self.turn(expected.clone(), &prompt).await?;
            let once = prompt.clone();
            let answer = match expected.clone() {
                Expected::To(question) => {
                    let question = Question {
                        prompt: once,
                        no_input: Vec::new(),
                        no_match: Vec::new(),
                        ..*question
                    };
                    self.scripted.ask(question).await?
                }
                Expected::ToKeys(collection) => {
                    let collection = Collection {
                        prompt: once,
                        no_input: Vec::new(),
                        no_match: Vec::new(),
                        ..collection
                    };
                    self.scripted.collect(collection).await?
                }
            };
            self.change(|scripted| scripted.interrupt_no_more(prompt.template()));
            // next, an action determines what the words mean
            let is_handed_over = matches!(&expected, Expected::To(question) if question.understand.is_some())
                && answer.transcript.is_some();
            let next = match answer.reply {
                Reply::NoMatch if is_handed_over => None,
                Reply::NoInput => no_input.pop_front(),
                Reply::NoMatch => {
                    if turn != Turn::Unclear {
                        let at_ms = self.at_ms();
                        self.report(Event::NotUnderstood { at_ms }).await?;
                    }
                    no_match.pop_front()
                }
                _ => None,
            };
            let answer = match before.take() {
                Some(before) => Answer {
                    attempts: before.attempts.saturating_add(answer.attempts),
                    playouts: before.playouts.into_iter().chain(answer.playouts).collect(),
                    ..answer
                },
                None => answer,
            };
            match next {
                Some(again) => prompt = again,
                None => return Ok(answer),
            }
            before = Some(answer);
        }
    }
}

#[async_trait]
impl Conversation for Caller {
    fn facts(&mut self) -> CallFacts {
        self.scripted.facts()
    }

    fn now(&mut self) -> Instant {
        self.scripted.now()
    }

    fn date_rules(&mut self) -> DateRules {
        self.scripted.date_rules()
    }

    async fn set_language(&mut self, language: Language) -> Result<(), CallError> {
        self.scripted.set_language(language.clone()).await?;
        self.language = language;
        Ok(())
    }

    async fn establish(&mut self, name: String) -> Result<(), CallError> {
        self.scripted.establish(name).await
    }

    async fn decide(&mut self, decision: Decision) -> Result<(), CallError> {
        self.scripted.decide(decision).await
    }

    async fn outcome(
        &mut self,
        disposition: String,
        detail: Option<String>,
    ) -> Result<(), CallError> {
        self.scripted.outcome(disposition, detail).await
    }

    async fn fields(&mut self) -> Result<Vec<(String, Masked)>, CallError> {
        self.scripted.fields().await
    }

    async fn lookup(&mut self, key: String) -> Result<Option<Masked>, CallError> {
        self.scripted.lookup(key).await
    }

    async fn note(&mut self, name: String, value: Masked) -> Result<(), CallError> {
        self.scripted.note(name, value).await
    }

    async fn milestone(&mut self, milestone: Milestone) -> Result<(), CallError> {
        self.scripted.milestone(milestone).await
    }

    async fn call_again(&mut self, at_ms: u64) -> Result<(), CallError> {
        self.scripted.call_again(at_ms).await
    }

    async fn history(&mut self, most: usize) -> Result<Vec<EarlierCall>, CallError> {
        self.scripted.history(most).await
    }

    async fn invoke(&mut self, invocation: Invocation) -> Result<Json, CallError> {
        let (sender, answer) = oneshot::channel();
        let invokes = Event::Invokes {
            at_ms: self.at_ms(),
            name: invocation.name.clone(),
            input: invocation.input.clone(),
            answer: sender,
        };
        self.report(invokes).await?;
        let answer = answer.await.map_err(|_| CallError::CallEnded)?;
        self.change(|scripted| scripted.with_action(&invocation.name, answer));
        self.scripted.invoke(invocation).await
    }

    async fn say(&mut self, prompt: Prompt) -> Result<PromptId, CallError> {
        self.said(&prompt).await?;
        self.scripted.say(prompt).await
    }

    async fn ask(&mut self, question: Question) -> Result<Answer, CallError> {
        let (prompt, no_input, no_match) = (
            question.prompt.clone(),
            question.no_input.clone(),
            question.no_match.clone(),
        );
        let expected = Expected::To(Box::new(question));
        self.put(expected, prompt, no_input, no_match).await
    }

    async fn collect(&mut self, collection: Collection) -> Result<Answer, CallError> {
        let (prompt, no_input, no_match) = (
            collection.prompt.clone(),
            collection.no_input.clone(),
            collection.no_match.clone(),
        );
        let expected = Expected::ToKeys(collection);
        self.put(expected, prompt, no_input, no_match).await
    }

    async fn drain(&mut self) -> Result<Vec<Playout>, CallError> {
        self.scripted.drain().await
    }

    async fn pause(&mut self, ms: u32) -> Result<(), CallError> {
        self.scripted.pause(ms).await
    }

    async fn await_playout(&mut self) -> Result<(), CallError> {
        self.scripted.await_playout().await
    }

    fn heard_whole(&self, template: &str) -> bool {
        self.scripted.heard_whole(template)
    }
}
