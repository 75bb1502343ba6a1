//! A scripted caller: a [`Conversation`] without telephony or speech, for tests of flows.
//!
//! Time is simulated: every prompt is heard to its end in one second, every answer takes one and a
//! half. What they do is given by question, or as one list for the whole call, which explores a
//! conversation: at the end of the list the caller hangs up, and what was waited for is reported.

mod acts;
mod conversing;
mod record;
mod understanding;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ghanti_model::values::DateOrder;
use ghanti_model::{
    CallError, CallFacts, CallId, Direction, EarlierCall, Extent, Language, Masked, PhoneNumber,
    Playout, Prompt, PromptId, Reply,
};
use serde_json::Value as Json;

pub use self::acts::{Act, Away, Does, Failed, Turn};
pub use self::record::{Asking, Event, Scripted, Wait};

/// When a scripted call begins: 2026-01-05T05:30:00Z, 11:00 in India.
const BEGINNING_MS: u64 = 1_767_591_000_000;
/// How far India's time is ahead of UTC.
const INDIA_MINUTES: i16 = 330;
/// How long every prompt lasts.
const PROMPT_MS: u32 = 1_000;

/// The scripted caller.
#[derive(Debug)]
pub struct ScriptedCaller {
    facts: CallFacts,
    fields: Vec<(String, Masked)>,
    values: BTreeMap<String, Masked>,
    script: BTreeMap<String, VecDeque<Act>>,
    actions: BTreeMap<String, VecDeque<Result<Json, CallError>>>,
    /// Actions with the inputs to which their answers are known.
    known_actions: Vec<(String, Json, Result<Json, CallError>)>,
    /// What they do and actions answer in the whole call, instead of the two above.
    turns: Option<VecDeque<Turn>>,
    history: Vec<EarlierCall>,
    interrupted: BTreeSet<String>,
    away: BTreeSet<Away>,
    scripted: Arc<Mutex<Scripted>>,
    /// Prompts not yet reported to the flow; those after the first `heard` have not been played
    /// yet.
    playouts: Vec<Playout>,
    heard: usize,
    heard_whole: BTreeSet<String>,
    now_ms: u64,
    offset_minutes: i16,
    date_order: Option<DateOrder>,
    /// How often the flow has waited for what is queued to be heard, and at which of these waits
    /// they hang up.
    waits: usize,
    hangs_up_at: Option<usize>,
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
            known_actions: Vec::new(),
            turns: None,
            history: Vec::new(),
            interrupted: BTreeSet::new(),
            away: BTreeSet::new(),
            scripted: Arc::default(),
            playouts: Vec::new(),
            heard: 0,
            heard_whole: BTreeSet::new(),
            now_ms: BEGINNING_MS,
            offset_minutes: INDIA_MINUTES,
            date_order: None,
            waits: 0,
            hangs_up_at: None,
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

    /// Sets how far the call's local time is ahead of UTC, in minutes; the default is India's.
    pub fn with_offset(mut self, minutes: i16) -> Self {
        self.offset_minutes = minutes;
        self
    }

    /// Sets the order of numeric dates in the customer's record. By default there is none, so that a flow's
    /// tests are the same for every operator.
    pub fn with_date_order(mut self, order: Option<DateOrder>) -> Self {
        self.date_order = order;
        self
    }

    /// Adds a template that they have heard to its end before.
    pub fn with_heard(mut self, template: &str) -> Self {
        self.heard_whole.insert(template.to_owned());
        self
    }

    /// Adds the answer of an action to an input, whenever it is invoked with that, before any other
    /// answer. What is redacted in the input is like anything.
    pub fn with_known_action(
        mut self,
        name: &str,
        input: Json,
        answer: Result<Json, CallError>,
    ) -> Self {
        self.known_actions.push((name.to_owned(), input, answer));
        self
    }

    /// Adds a value that `lookup` finds.
    pub fn with_value(mut self, key: &str, value: &str) -> Self {
        self.values.insert(key.to_owned(), Masked::from(value));
        self
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

    /// Sets the services that the call does without.
    pub fn without(mut self, away: impl IntoIterator<Item = Away>) -> Self {
        self.away.extend(away);
        self
    }

    /// Sets everything that they do and that actions answer, in the order in which the call waits
    /// for it. Where the list ends they hang up.
    pub fn with_turns(mut self, turns: impl IntoIterator<Item = Turn>) -> Self {
        self.turns = Some(turns.into_iter().collect());
        self
    }

    /// They hang up when the flow waits for what is queued to be heard (`drain`, `pause`, a prompt
    /// with requirements) for the time of this number, from 1.
    pub fn hang_up_at_wait(mut self, wait: usize) -> Self {
        self.hangs_up_at = Some(wait);
        self
    }

    /// Adds their next answer to the question or collection of this name.
    pub fn answer(self, question: &str, reply: Reply) -> Self {
        self.act(question, Does::Replies(reply, None))
    }

    /// Like [`ScriptedCaller::answer`], in another language than the call's.
    pub fn answer_in(self, question: &str, reply: Reply, language: Language) -> Self {
        self.act(question, Does::Replies(reply, Some(language)))
    }

    /// They stay silent at this question, through all its attempts.
    pub fn stay_silent_at(self, question: &str) -> Self {
        self.act(question, Does::StaysSilent)
    }

    /// They say something that is not understood, at each attempt.
    pub fn not_understood_at(self, question: &str) -> Self {
        self.act(question, Does::IsNotUnderstood)
    }

    /// They hang up when this question is asked.
    pub fn hang_up_at(self, question: &str) -> Self {
        self.act(question, Does::HangsUp)
    }

    /// They never answer this question: the run waits until it is dropped.
    pub fn never_answer(self, question: &str) -> Self {
        self.act(question, Does::Waits)
    }

    /// They interrupt this template whenever it is spoken and may be interrupted.
    pub fn interrupt(mut self, template: &str) -> Self {
        self.interrupted.insert(template.to_owned());
        self
    }

    /// They hear this template to its end again.
    pub fn interrupt_no_more(mut self, template: &str) -> Self {
        self.interrupted.remove(template);
        self
    }

    /// Adds what they do when the question or collection of this name is put the next time.
    pub fn act(mut self, question: &str, act: impl Into<Act>) -> Self {
        self.script
            .entry(question.to_owned())
            .or_default()
            .push_back(act.into());
        self
    }

    /// A handle to what the flow does during the call; it outlives the run.
    pub fn scripted(&self) -> Arc<Mutex<Scripted>> {
        self.scripted.clone()
    }

    /// The language of the call.
    fn language(&self) -> Language {
        let set = self.record().language.clone();
        set.unwrap_or_else(|| self.facts.language.clone())
    }

    /// The languages in which they may answer: that of the call first.
    fn languages(&self) -> Vec<Language> {
        let mut languages = vec![self.language()];
        for other in &self.spoken {
            if !languages.contains(other) {
                languages.push(other.clone());
            }
        }
        languages
    }

    fn record(&self) -> MutexGuard<'_, Scripted> {
        self.scripted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, event: Event) {
        self.record().events.push(event);
    }

    fn alive(&self) -> Result<(), CallError> {
        if self.ended {
            Err(CallError::CallEnded)
        } else {
            Ok(())
        }
    }

    /// They hang up: every further host call fails.
    fn hang_up(&mut self) -> CallError {
        self.ended = true;
        self.add(Event::HungUp);
        CallError::CallEnded
    }

    /// The flow waits for what is queued to be heard.
    fn wait(&mut self) -> Result<(), CallError> {
        self.alive()?;
        self.waits += 1;
        self.add(Event::Waited);
        if self.hangs_up_at == Some(self.waits) {
            return Err(self.hang_up());
        }
        Ok(())
    }

    fn queue(&mut self, prompt: Prompt) -> PromptId {
        let template = prompt.template().to_owned();
        let may_interrupt = prompt.interruptible != Some(false);
        let language = prompt.language.clone().unwrap_or_else(|| self.language());
        let mut scripted = self.record();
        scripted.events.push(Event::Said {
            prompt: prompt.clone(),
            language,
        });
        scripted.said.push(prompt);
        let id = PromptId(u32::try_from(scripted.said.len()).unwrap_or(u32::MAX));
        drop(scripted);
        let (heard, heard_ms) = if may_interrupt && self.interrupted.contains(&template) {
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

    /// They speak while what is queued is played: the first prompt that may be interrupted is
    /// heard in part, and the others not at all.
    fn interrupt_queued(&mut self) {
        let reported = self.scripted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cut = (Extent::Partial, PROMPT_MS / 2);
        for playout in self.playouts.iter_mut().skip(self.heard) {
            let at = usize::try_from(playout.prompt.0).unwrap_or(0);
            let prompt = at.checked_sub(1).and_then(|at| reported.said.get(at));
            if prompt.is_some_and(|prompt| prompt.interruptible != Some(false)) {
                (playout.heard, playout.heard_ms) = cut;
                cut = (Extent::Unheard, 0);
            }
        }
    }

    /// Plays what is queued.
    fn hear(&mut self) {
        let mut scripted = self.scripted.lock().unwrap_or_else(PoisonError::into_inner);
        for playout in self.playouts.iter().skip(self.heard) {
            self.now_ms += u64::from(playout.heard_ms);
            if playout.heard == Extent::Whole && !playout.template.is_empty() {
                self.heard_whole.insert(playout.template.clone());
            }
            let said = usize::try_from(playout.prompt.0).unwrap_or(0);
            scripted.events.push(Event::Played {
                said: said.saturating_sub(1),
                heard: playout.heard,
            });
        }
        drop(scripted);
        self.heard = self.playouts.len();
    }

    fn report(&mut self) -> Vec<Playout> {
        self.hear();
        self.heard = 0;
        std::mem::take(&mut self.playouts)
    }
}
