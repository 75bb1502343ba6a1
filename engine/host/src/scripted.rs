//! A scripted caller: a [`Conversation`] without telephony or speech, for tests of flows.
//!
//! Time is simulated: every prompt is heard to its end in one second, every answer takes one and a
//! half.

mod understanding;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ghanti_model::values::DateRules;
use ghanti_model::{
    Answer, CallError, CallFacts, CallId, Choice, Collection, Decision, Direction, EarlierCall,
    Extent, Language, Masked, Milestone, PhoneNumber, Playout, Prompt, PromptId, Question, Reply,
};
use serde_json::Value as Json;

use self::understanding::Understands;
use crate::conversation::{Conversation, Instant, Invocation};

/// When a scripted call begins: 2026-01-05T05:30:00Z, 11:00 in India.
const BEGINNING_MS: u64 = 1_767_591_000_000;
/// How long every prompt lasts.
const PROMPT_MS: u32 = 1_000;
/// How long an action takes.
const ACTION_MS: u64 = 500;
/// How long the caller takes to answer.
const ANSWER_MS: u64 = 1_500;

/// What a flow did during a scripted call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
}

impl Scripted {
    /// The templates spoken, in order.
    pub fn templates(&self) -> Vec<&str> {
        self.said
            .iter()
            .map(Prompt::template)
            .filter(|name| !name.is_empty())
            .collect()
    }
}

#[derive(Debug)]
enum Act {
    Answer(Reply, Option<Language>),
    /// They say words, or press keys, as the question's grammar reads them.
    Says(String),
    Presses(String),
    Silent,
    NotUnderstood,
    HangUp,
    Wait,
}

/// The scripted caller.
#[derive(Debug)]
pub struct ScriptedCaller {
    facts: CallFacts,
    fields: Vec<(String, Masked)>,
    values: BTreeMap<String, Masked>,
    script: BTreeMap<String, VecDeque<Act>>,
    actions: BTreeMap<String, VecDeque<Result<Json, CallError>>>,
    history: Vec<EarlierCall>,
    interrupted: BTreeSet<String>,
    scripted: Arc<Mutex<Scripted>>,
    /// Prompts not yet reported to the flow; those after the first `heard` have not been played
    /// yet.
    playouts: Vec<Playout>,
    heard: usize,
    heard_whole: BTreeSet<String>,
    now_ms: u64,
    ended: bool,
    /// The languages of the flow.
    spoken: Vec<Language>,
}

impl ScriptedCaller {
    /// A caller whose record has these fields. They stay silent at every question without a
    /// scripted answer.
    pub fn new<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let facts = CallFacts {
            call_id: CallId::generate(),
            call_sid: None,
            direction: Direction::Outbound,
            customer_number: PhoneNumber::parse("+919876543210").ok(),
            line_number: PhoneNumber::parse("+918040001234").ok(),
            language: Language::english(),
            parameters: Vec::new(),
        };
        Self {
            facts,
            fields: fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), Masked::from(value)))
                .collect(),
            values: BTreeMap::new(),
            script: BTreeMap::new(),
            actions: BTreeMap::new(),
            history: Vec::new(),
            interrupted: BTreeSet::new(),
            scripted: Arc::default(),
            playouts: Vec::new(),
            heard: 0,
            heard_whole: BTreeSet::new(),
            now_ms: BEGINNING_MS,
            ended: false,
            spoken: Vec::new(),
        }
    }

    /// Sets the languages of the flow, in which words that they say may be understood.
    pub fn with_languages(mut self, languages: &[Language]) -> Self {
        self.spoken = languages.to_vec();
        self
    }

    /// Sets the call's facts; the default is an outbound call in English.
    pub fn with_facts(mut self, facts: CallFacts) -> Self {
        self.facts = facts;
        self
    }

    /// Sets when the call begins, in milliseconds since 1970.
    pub fn with_beginning(mut self, unix_ms: u64) -> Self {
        self.now_ms = unix_ms;
        self
    }

    /// Adds a value that `lookup` finds.
    pub fn with_value(mut self, key: &str, value: &str) -> Self {
        self.values.insert(key.to_owned(), Masked::from(value));
        self
    }

    /// Adds their next answer to the question or collection of this name.
    pub fn answer(self, question: &str, reply: Reply) -> Self {
        self.act(question, Act::Answer(reply, None))
    }

    /// Like [`ScriptedCaller::answer`], in another language than the call's.
    pub fn answer_in(self, question: &str, reply: Reply, language: Language) -> Self {
        self.act(question, Act::Answer(reply, Some(language)))
    }

    /// Adds the next answer of an action. Nothing is done.
    pub fn with_action(mut self, name: &str, answer: Result<Json, CallError>) -> Self {
        let answers = self.actions.entry(name.to_owned()).or_default();
        answers.push_back(answer);
        self
    }

    /// Adds an earlier call with them; the newest first.
    pub fn with_earlier_call(mut self, call: EarlierCall) -> Self {
        self.history.push(call);
        self
    }

    /// They say this, as a recogniser would write it; what it means is up to the question.
    pub fn say_at(self, question: &str, words: &str) -> Self {
        self.act(question, Act::Says(words.to_owned()))
    }

    /// They press these keys; what they mean is up to the question.
    pub fn press_at(self, question: &str, keys: &str) -> Self {
        self.act(question, Act::Presses(keys.to_owned()))
    }

    /// They stay silent at this question, through all its attempts.
    pub fn stay_silent_at(self, question: &str) -> Self {
        self.act(question, Act::Silent)
    }

    /// They say something that is not understood, at each attempt.
    pub fn not_understood_at(self, question: &str) -> Self {
        self.act(question, Act::NotUnderstood)
    }

    /// They hang up when this question is asked.
    pub fn hang_up_at(self, question: &str) -> Self {
        self.act(question, Act::HangUp)
    }

    /// They never answer this question: the run waits until it is dropped.
    pub fn never_answer(self, question: &str) -> Self {
        self.act(question, Act::Wait)
    }

    /// They interrupt this template whenever it is spoken and may be interrupted.
    pub fn interrupt(mut self, template: &str) -> Self {
        self.interrupted.insert(template.to_owned());
        self
    }

    fn act(mut self, question: &str, act: Act) -> Self {
        self.script
            .entry(question.to_owned())
            .or_default()
            .push_back(act);
        self
    }

    /// A handle to what the flow does during the call; it outlives the run.
    pub fn scripted(&self) -> Arc<Mutex<Scripted>> {
        self.scripted.clone()
    }

    /// The languages in which they may answer: that of the call first.
    fn languages(&self) -> Vec<Language> {
        let now = self.told().language.clone();
        let mut languages = vec![now.unwrap_or_else(|| self.facts.language.clone())];
        for other in &self.spoken {
            if !languages.contains(other) {
                languages.push(other.clone());
            }
        }
        languages
    }

    fn told(&self) -> MutexGuard<'_, Scripted> {
        self.scripted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self) -> Result<(), CallError> {
        if self.ended {
            Err(CallError::CallEnded)
        } else {
            Ok(())
        }
    }

    fn queue(&mut self, prompt: Prompt) -> PromptId {
        let template = prompt.template().to_owned();
        let interrupted =
            self.interrupted.contains(&template) && prompt.interruptible != Some(false);
        let mut scripted = self.told();
        scripted.said.push(prompt);
        let id = PromptId(u32::try_from(scripted.said.len()).unwrap_or(u32::MAX));
        drop(scripted);
        let (heard, heard_ms) = if interrupted {
            (Extent::Partial, PROMPT_MS / 2)
        } else {
            (Extent::Whole, PROMPT_MS)
        };
        self.playouts.push(Playout {
            prompt: id,
            template,
            heard,
            heard_ms,
        });
        id
    }

    fn hear(&mut self) {
        for playout in self.playouts.iter().skip(self.heard) {
            self.now_ms += u64::from(playout.heard_ms);
            if playout.heard == Extent::Whole && !playout.template.is_empty() {
                self.heard_whole.insert(playout.template.clone());
            }
        }
        self.heard = self.playouts.len();
    }

    fn report(&mut self) -> Vec<Playout> {
        self.hear();
        self.heard = 0;
        std::mem::take(&mut self.playouts)
    }

    /// Asks a question: its prompt, then the scripted answer, or no-input or no-match through all
    /// attempts. `takes` returns why an answer is not acceptable.
    async fn put(
        &mut self,
        put: Put,
        takes: impl Fn(&Reply) -> Option<String> + Send,
    ) -> Result<Answer, CallError> {
        self.alive()?;
        self.queue(put.prompt);
        self.hear();
        let act = self
            .script
            .get_mut(&put.name)
            .and_then(VecDeque::pop_front)
            .unwrap_or(Act::Silent);
        self.told().asked.push(put.name.clone());
        let (reply, again, waited_ms) = match act {
            Act::Wait => std::future::pending().await,
            Act::HangUp => {
                self.ended = true;
                return Err(CallError::CallEnded);
            }
            Act::Answer(reply, language) => {
                if let Some(sentence) = takes(&reply) {
                    self.told()
                        .unfit
                        .push(format!("the question `{}` {sentence}", put.name));
                }
                self.now_ms += ANSWER_MS;
                let confidence = if matches!(reply, Reply::NoInput) {
                    0.0
                } else {
                    1.0
                };
                return Ok(Answer {
                    understood_by: None,
                    reply,
                    confidence,
                    language,
                    changed_to: None,
                    transcript: None,
                    attempts: 1,
                    playouts: self.report(),
                });
            }
            Act::Says(words) => {
                let (reply, language) = put.understands.said(&words, &self.languages(), self.now());
                self.now_ms += ANSWER_MS;
                match reply {
                    Some(reply) => {
                        return Ok(Answer {
                            understood_by: None,
                            reply,
                            confidence: 1.0,
                            language,
                            changed_to: None,
                            transcript: Some(Masked::new(words)),
                            attempts: 1,
                            playouts: self.report(),
                        });
                    }
                    None if put.hands_over => {
                        return Ok(Answer {
                            reply: Reply::NoMatch,
                            confidence: 0.0,
                            language,
                            changed_to: None,
                            understood_by: None,
                            transcript: Some(Masked::new(words)),
                            attempts: 1,
                            playouts: self.report(),
                        });
                    }
                    None => (Reply::NoMatch, put.no_match, ANSWER_MS),
                }
            }
            Act::Presses(keys) => {
                self.now_ms += ANSWER_MS;
                match put.understands.pressed(&keys, self.now()) {
                    Some(reply) => {
                        return Ok(Answer {
                            understood_by: None,
                            reply,
                            confidence: 1.0,
                            language: None,
                            changed_to: None,
                            transcript: None,
                            attempts: 1,
                            playouts: self.report(),
                        });
                    }
                    None => (Reply::NoMatch, put.no_match, ANSWER_MS),
                }
            }
            Act::Silent => (Reply::NoInput, put.no_input, u64::from(put.no_input_ms)),
            Act::NotUnderstood => (Reply::NoMatch, put.no_match, ANSWER_MS),
        };
        let mut attempts = 1;
        for prompt in again {
            self.now_ms += waited_ms;
            attempts += 1;
            self.queue(prompt);
        }
        self.now_ms += waited_ms;
        Ok(Answer {
            understood_by: None,
            reply,
            confidence: 0.0,
            language: None,
            changed_to: None,
            transcript: None,
            attempts,
            playouts: self.report(),
        })
    }
}

/// What a question and a collection have in common.
struct Put {
    name: String,
    prompt: Prompt,
    no_input: Vec<Prompt>,
    no_match: Vec<Prompt>,
    no_input_ms: u32,
    understands: Understands,
    /// Whether words that are not understood end it at once.
    hands_over: bool,
}

/// Why a question does not accept an answer, if it does not.
fn unfit(choices: &[Choice], reply: &Reply) -> Option<String> {
    let ids = choices
        .iter()
        .map(|choice| choice.id.as_str())
        .collect::<Vec<_>>();
    match reply {
        Reply::Choice(id) if !ids.contains(&id.as_str()) && ids.is_empty() => {
            Some(format!("takes free words, and not the choice `{id}`"))
        }
        Reply::Choice(id) if !ids.contains(&id.as_str()) => {
            Some(format!("takes {}, and not `{id}`", ids.join(", ")))
        }
        Reply::Text(_) if !ids.is_empty() => {
            Some(format!("takes {}, and no other words", ids.join(", ")))
        }
        Reply::Keys(_) => Some("takes no row of keys, but choices or words".to_owned()),
        _ => None,
    }
}

#[async_trait]
impl Conversation for ScriptedCaller {
    fn facts(&mut self) -> CallFacts {
        self.facts.clone()
    }

    fn now(&mut self) -> Instant {
        Instant {
            unix_ms: self.now_ms,
            offset_minutes: 330,
        }
    }

    /// Without an order: a flow's tests are the same for every operator.
    fn date_rules(&mut self) -> DateRules {
        DateRules::unordered(self.now().date())
    }

    async fn set_language(&mut self, language: Language) -> Result<(), CallError> {
        self.alive()?;
        self.told().language = Some(language);
        Ok(())
    }

    async fn establish(&mut self, name: String) -> Result<(), CallError> {
        self.alive()?;
        self.told().established.insert(name);
        Ok(())
    }

    async fn decide(&mut self, decision: Decision) -> Result<(), CallError> {
        self.alive()?;
        self.told().decision = Some(decision);
        Ok(())
    }

    async fn outcome(
        &mut self,
        disposition: String,
        _detail: Option<String>,
    ) -> Result<(), CallError> {
        self.alive()?;
        self.told().outcome = Some(disposition);
        Ok(())
    }

    async fn fields(&mut self) -> Result<Vec<(String, Masked)>, CallError> {
        self.alive()?;
        Ok(self.fields.clone())
    }

    async fn lookup(&mut self, key: String) -> Result<Option<Masked>, CallError> {
        self.alive()?;
        Ok(self.values.get(&key).cloned())
    }

    async fn note(&mut self, name: String, value: Masked) -> Result<(), CallError> {
        self.alive()?;
        self.told().notes.insert(name, value);
        Ok(())
    }

    async fn milestone(&mut self, milestone: Milestone) -> Result<(), CallError> {
        self.alive()?;
        self.told().milestones.push(milestone.as_str().to_owned());
        Ok(())
    }

    async fn call_again(&mut self, at_ms: u64) -> Result<(), CallError> {
        self.alive()?;
        self.told().call_again_ms = Some(at_ms);
        Ok(())
    }

    async fn history(&mut self, most: usize) -> Result<Vec<EarlierCall>, CallError> {
        self.alive()?;
        Ok(self.history.iter().take(most).cloned().collect())
    }

    async fn invoke(&mut self, invocation: Invocation) -> Result<Json, CallError> {
        self.alive()?;
        let Invocation { name, input, .. } = invocation;
        self.now_ms += ACTION_MS;
        let answer = self.actions.get_mut(&name).and_then(VecDeque::pop_front);
        let mut scripted = self.told();
        if answer.is_none() {
            let sentence = format!(
                "the action `{name}` is invoked and has no answer: add it to `[[actions]]`"
            );
            scripted.unfit.push(sentence);
        }
        scripted.invoked.push((name, input));
        answer.unwrap_or_else(|| Err(CallError::Unavailable("the test has no answer".to_owned())))
    }

    async fn say(&mut self, prompt: Prompt) -> Result<PromptId, CallError> {
        self.alive()?;
        Ok(self.queue(prompt))
    }

    async fn ask(&mut self, question: Question) -> Result<Answer, CallError> {
        let Question {
            name,
            prompt,
            choices,
            grammar,
            understand,
            no_input_ms,
            no_input,
            no_match,
            ..
        } = question;
        let (understands, kind) = match grammar {
            Some(grammar) => {
                let kind = grammar.name.clone();
                (Understands::Value(grammar), Some(kind))
            }
            None if choices.is_empty() => (Understands::Words, None),
            None => (Understands::Choices(choices.clone()), None),
        };
        self.put(
            Put {
                name,
                prompt,
                no_input,
                no_match,
                no_input_ms,
                understands,
                hands_over: understand.is_some(),
            },
            |reply| match (&kind, reply) {
                (Some(kind), Reply::Choice(_) | Reply::Text(_) | Reply::Keys(_)) => Some(format!(
                    "takes a {kind}: script what is said with `says`, or `presses`"
                )),
                _ => unfit(&choices, reply),
            },
        )
        .await
    }

    async fn collect(&mut self, collection: Collection) -> Result<Answer, CallError> {
        let Collection {
            name,
            prompt,
            min_keys,
            max_keys,
            no_input_ms,
            no_input,
            no_match,
            ..
        } = collection;
        let takes = |reply: &Reply| match reply {
            Reply::Keys(keys)
                if (usize::from(min_keys)..=usize::from(max_keys))
                    .contains(&keys.expose().len()) =>
            {
                None
            }
            Reply::Keys(_) => Some(format!("takes {min_keys} to {max_keys} keys")),
            Reply::Choice(_) | Reply::Text(_) | Reply::Value(_) => Some("takes keys".to_owned()),
            Reply::NoInput | Reply::NoMatch => None,
        };
        self.put(
            Put {
                name,
                prompt,
                no_input,
                no_match,
                no_input_ms,
                understands: Understands::Keys {
                    min: usize::from(min_keys),
                    max: usize::from(max_keys),
                },
                hands_over: false,
            },
            takes,
        )
        .await
    }

    async fn drain(&mut self) -> Result<Vec<Playout>, CallError> {
        self.alive()?;
        Ok(self.report())
    }

    async fn pause(&mut self, ms: u32) -> Result<(), CallError> {
        self.alive()?;
        self.hear();
        self.now_ms += u64::from(ms);
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), CallError> {
        self.alive()?;
        self.hear();
        Ok(())
    }

    fn heard_whole(&self, template: &str) -> bool {
        self.heard_whole.contains(template)
    }
}
