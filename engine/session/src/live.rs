//! The conversation of a live call: host calls of the flow become commands to the machine, or are
//! answered at once.

use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ghanti_action::{ActionError, Actions};
use ghanti_host::{Conversation, FlowVersion, Instant, Invocation};
use ghanti_language::PreparedChoices;
use ghanti_language::builtin::Grammar;
use ghanti_model::values::{DateOrder, DateRules};
use ghanti_model::{
    Answer, CallError, CallFacts, Collection, CustomerRecord, Decision, EarlierCall, EventKind,
    Language, Masked, Milestone, Playout, Prompt, PromptId, Question, Refusal, Reply, Step,
    ValueGrammar, Zone,
};
use ghanti_speech::{Expectation, Recognizer};
use ghanti_store::{CallRecords, SessionStore, StoreError};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::acting;
use crate::call::LiveCall;
use crate::files::AudioFiles;
use crate::given::{given_fields, open_target};
use crate::machine::{Awaited, Command, Completion};
use crate::question::{Answers, Asked, ValueAnswers};
use crate::rendered_prompt::RenderedPrompt;
use crate::speculation::{Begun, CallSpeculation, Known, Outlook, RunningAhead};
use crate::standing::Standing;
use crate::targets::TransferTargets;
use crate::wording::Wording;

/// How long a look-up in the session store, or of earlier calls, may take.
const LOOKUP: Duration = Duration::from_secs(1);

/// How many of the last calls with a number are read to find those with the same customer.
const HISTORY_READ: u32 = 64;

/// Choices recognised with less confidence (0 to 1) are a no-match, unless the manifest sets
/// `min-confidence`.
pub const MIN_CONFIDENCE: f32 = 0.5;

/// What every conversation of one call is made of, whichever version of the flow runs it.
#[derive(Clone)]
pub struct ConversationParts {
    /// The call.
    pub call: Arc<LiveCall>,
    /// The facts of the call that flows may read.
    pub facts: CallFacts,
    /// The customer's record.
    pub customer: Option<CustomerRecord>,
    /// The session store, for `lookup`.
    pub sessions: Arc<dyn SessionStore>,
    /// The records of earlier calls.
    pub records: Arc<dyn CallRecords>,
    /// What the flow may do beyond the call.
    pub actions: Arc<Actions>,
    /// Decoded audio files of flows.
    pub files: AudioFiles,
    /// Commands to the machine, one at a time.
    pub commands: mpsc::Sender<Command>,
    /// The machine's completions. The conversation that waits for one has the lock.
    pub completions: Arc<Mutex<mpsc::Receiver<Completion>>>,
    /// The call's sample rate in Hz, for audio files.
    pub rate_hz: u32,
    /// Where local time is that of.
    pub zone: Zone,
    /// The order of numeric dates in customers' records.
    pub date_order: Option<DateOrder>,
    /// When transfer targets are open.
    pub targets: Arc<TransferTargets>,
    /// The recogniser, if there is one.
    pub recognizer: Option<Arc<dyn Recognizer>>,
    /// Lets the flow run ahead of its questions.
    pub(crate) speculation: CallSpeculation,
    /// Shared by all versions that run the call in turn.
    pub standing: Arc<std::sync::Mutex<Standing>>,
}

impl ConversationParts {
    /// Makes a conversation of this call, for the version that starts it or, with `takeover`, one
    /// that takes it over.
    pub fn conversation(
        &self,
        version: Arc<FlowVersion>,
        takeover: Option<Takeover>,
    ) -> LiveConversation {
        let language = self
            .call
            .record()
            .language
            .clone()
            .unwrap_or_else(|| self.facts.language.clone());
        let facts = CallFacts {
            language,
            ..self.facts.clone()
        };
        LiveConversation {
            parts: Self {
                facts,
                ..self.clone()
            },
            version,
            takeover,
        }
    }
}

/// How a newer version takes a call over at the point where the running version waits.
pub struct Takeover {
    /// The completion that the running version waits for.
    pub awaited: Awaited,
    /// Signals that the newer version has reached that point.
    pub arrived: oneshot::Sender<()>,
    /// Resolves when the newer version may continue in place of the running one.
    pub go: oneshot::Receiver<()>,
}

/// A flow's side of a live call.
pub struct LiveConversation {
    parts: ConversationParts,
    version: Arc<FlowVersion>,
    takeover: Option<Takeover>,
}

impl LiveConversation {
    async fn command(&mut self, command: Command) -> Result<Completion, CallError> {
        if let Some(takeover) = self.takeover.take() {
            if matches!(command, Command::AwaitPlayout) && takeover.awaited != Awaited::PlayedOut {
                // the running version already has this completion and waits for the next one
                self.takeover = Some(takeover);
                return Ok(Completion::PlayedOut);
            }
            takeover
                .arrived
                .send(())
                .map_err(|()| CallError::CallEnded)?;
            takeover.go.await.map_err(|_| CallError::CallEnded)?;
            let completion = self.completion().await?;
            if command.awaits() == Some(takeover.awaited) {
                return Ok(completion);
            }
        }
        self.parts
            .commands
            .send(command)
            .await
            .map_err(|_| CallError::CallEnded)?;
        self.completion().await
    }

    async fn completion(&mut self) -> Result<Completion, CallError> {
        match self.parts.completions.lock().await.recv().await {
            Some(Completion::Failed(error)) => Err(error),
            Some(completion) => Ok(completion),
            None => Err(CallError::CallEnded),
        }
    }

    fn today(&mut self) -> time::Date {
        self.now().date()
    }

    fn spoken(&mut self, prompt: Prompt) -> Result<RenderedPrompt, CallError> {
        let today = self.today();
        let wording = Wording {
            version: &self.version,
            files: &self.parts.files,
            rate_hz: self.parts.rate_hz,
            language: &self.parts.facts.language,
            today,
        };
        wording.of(prompt)
    }

    fn all_spoken<C: FromIterator<RenderedPrompt>>(
        &mut self,
        prompts: Vec<Prompt>,
    ) -> Result<C, CallError> {
        prompts
            .into_iter()
            .map(|prompt| self.spoken(prompt))
            .collect()
    }

    /// Returns the languages a caller may answer in: the call's current one, then the flow's
    /// others.
    fn languages(&self) -> Vec<Language> {
        let current = &self.parts.facts.language;
        let others = self
            .version
            .languages
            .iter()
            .filter(|language| *language != current);
        std::iter::once(current).chain(others).cloned().collect()
    }

    /// How the caller says or keys a value.
    fn value_answers(
        &mut self,
        grammar: &ValueGrammar,
        languages: &[Language],
    ) -> Result<ValueAnswers, CallError> {
        Ok(ValueAnswers {
            grammar: Grammar::with(&grammar.name, &grammar.parameters)
                .map_err(|error| CallError::Invalid(error.to_string()))?,
            languages: languages.to_vec(),
            now: self.now().local(),
            end_key: grammar.end_key,
            between_ms: u64::from(grammar.between_keys_ms),
        })
    }

    async fn put(&mut self, asked: Asked, outlook: Option<Outlook>) -> Result<Answer, CallError> {
        let question = asked.name.clone();
        // dropped with the answer
        let _ahead = outlook.and_then(|outlook| self.run_ahead(outlook, &asked));
        match self.command(Command::Ask(Box::new(asked))).await? {
            Completion::Answered(answer) => {
                self.standing().is_unclear =
                    matches!(answer.reply, Reply::NoInput | Reply::NoMatch);
                let flow = &self.version.name;
                self.parts.speculation.learn(flow, &question, &answer.reply);
                Ok(answer)
            }
            _ => Err(CallError::Unavailable(
                "the session answered something else".to_owned(),
            )),
        }
    }

    /// Lets the flow run ahead of a question that is about to wait. Nothing runs ahead of one that takes
    /// the call over: the other version has done so.
    fn run_ahead(&mut self, outlook: Outlook, asked: &Asked) -> Option<RunningAhead> {
        if self.takeover.is_some() {
            return None;
        }
        let sides = self.all_spoken(outlook.sides.clone()).ok()?;
        let parts = &self.parts;
        let begun = Begun {
            outlook,
            sides,
            version: Arc::clone(&self.version),
            running: parts.call.journal()?,
            known: Known {
                call: Arc::clone(&parts.call),
                facts: parts.facts.clone(),
                customer: parts.customer.clone(),
                files: parts.files.clone(),
                rate_hz: parts.rate_hz,
                zone: parts.zone.clone(),
                date_order: parts.date_order,
                targets: Arc::clone(&parts.targets),
                recognizer: parts.recognizer.clone(),
                standing: self.standing().clone(),
            },
        };
        parts.speculation.begin(begun, asked)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.parts
            .standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self) -> Result<(), CallError> {
        if self.parts.commands.is_closed() {
            Err(CallError::CallEnded)
        } else {
            Ok(())
        }
    }
}

/// What a store answers within [`LOOKUP`].
async fn in_time<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, CallError> {
    match tokio::time::timeout(LOOKUP, read).await {
        Ok(answer) => answer.map_err(|error| CallError::Unavailable(error.to_string())),
        Err(_) => Err(CallError::Unavailable(format!(
            "no answer within {} ms",
            LOOKUP.as_millis()
        ))),
    }
}

#[async_trait]
impl Conversation for LiveConversation {
    fn facts(&mut self) -> CallFacts {
        self.parts.facts.clone()
    }

    fn now(&mut self) -> Instant {
        let unix_ms = self.parts.call.unix_ms(self.parts.call.now_ms());
        Instant {
            unix_ms,
            offset_minutes: self.parts.zone.offset_minutes(unix_ms),
        }
    }

    fn date_rules(&mut self) -> DateRules {
        DateRules {
            today: self.today(),
            order: self.parts.date_order,
        }
    }

    async fn set_language(&mut self, language: Language) -> Result<(), CallError> {
        self.alive()?;
        self.parts.call.emit(EventKind::LanguageSet {
            language: language.clone(),
        });
        self.parts.facts.language = language;
        Ok(())
    }

    async fn establish(&mut self, name: String) -> Result<(), CallError> {
        self.alive()?;
        self.standing().is_anyone_known = true;
        self.parts.call.emit(EventKind::Established { name });
        Ok(())
    }

    async fn decide(&mut self, decision: Decision) -> Result<(), CallError> {
        self.alive()?;
        let decision = match decision {
            Decision::Transfer {
                target,
                numbers,
                words,
            } => {
                let language = &self.parts.facts.language;
                let recognizer = self.parts.recognizer.as_deref();
                let is_heard = recognizer.is_some_and(|ears| ears.understands(language));
                self.standing().check_transfer(is_heard)?;
                let now = self.now();
                open_target(&self.parts.targets, target, numbers, now)?.with_words(words)
            }
            Decision::HangUp => Decision::HangUp,
        };
        self.parts.call.emit(EventKind::Decided(decision));
        Ok(())
    }

    async fn outcome(
        &mut self,
        disposition: String,
        detail: Option<String>,
    ) -> Result<(), CallError> {
        self.alive()?;
        self.parts.call.emit(EventKind::Disposed {
            disposition,
            detail,
        });
        Ok(())
    }

    async fn fields(&mut self) -> Result<Vec<(String, Masked)>, CallError> {
        self.alive()?;
        Ok(given_fields(self.parts.customer.as_ref()))
    }

    async fn lookup(&mut self, key: String) -> Result<Option<Masked>, CallError> {
        self.alive()?;
        let value = in_time(self.parts.sessions.lookup(&key)).await?;
        Ok(value.map(Masked::new))
    }

    async fn note(&mut self, name: String, value: Masked) -> Result<(), CallError> {
        self.alive()?;
        self.parts.call.emit(EventKind::Noted { name, value });
        Ok(())
    }

    async fn milestone(&mut self, milestone: Milestone) -> Result<(), CallError> {
        self.alive()?;
        let step = Step::Milestone(milestone);
        self.parts.call.emit(EventKind::StepReached { step });
        Ok(())
    }

    async fn call_again(&mut self, at_ms: u64) -> Result<(), CallError> {
        self.alive()?;
        self.parts.call.emit(EventKind::CallAgain { at_ms });
        Ok(())
    }

    async fn history(&mut self, most: usize) -> Result<Vec<EarlierCall>, CallError> {
        self.alive()?;
        let (phone, customer) = {
            let record = self.parts.call.record();
            (record.customer_number.clone(), record.customer.clone())
        };
        let (Some(phone), Some(customer), own) = (phone, customer, self.parts.call.id()) else {
            return Ok(Vec::new());
        };
        let read = self.parts.records.ended_of(&phone, HISTORY_READ);
        Ok(in_time(read)
            .await?
            .into_iter()
            .filter(|record| {
                record.call_id != own && record.customer.as_deref() == Some(customer.as_str())
            })
            .filter_map(|record| EarlierCall::of(record, &self.parts.zone))
            .take(most)
            .collect())
    }

    async fn invoke(&mut self, invocation: Invocation) -> Result<serde_json::Value, CallError> {
        self.alive()?;
        if self.takeover.is_some() {
            // another version of the flow does it now: it must not be done twice
            return Err(CallError::Unavailable(
                "another version of the flow waits for this action".to_owned(),
            ));
        }
        let Invocation {
            name,
            input,
            nth,
            acts,
        } = invocation;
        if acts {
            acting::begin(&self.parts.call, &self.parts.standing, &name, nth).await?;
        }
        let actions = Arc::clone(&self.parts.actions);
        let done = actions.invoke(&name, &input, &self.parts.facts, nth);
        let answer = if acts {
            // what was begun is brought to its end, so that it is known whether it was done
            done.await
        } else {
            tokio::select! {
                answer = done => answer,
                () = self.parts.commands.closed() => return Err(CallError::CallEnded),
            }
        };
        answer.map_err(|error| {
            acting::note_failure(&self.parts.call, &error);
            call_error(name, error)
        })
    }

    async fn say(&mut self, prompt: Prompt) -> Result<PromptId, CallError> {
        let spoken = self.spoken(prompt)?;
        match self.command(Command::Say(spoken)).await? {
            Completion::Queued(prompt) => Ok(prompt),
            _ => Err(CallError::Unavailable(
                "the session answered something else".to_owned(),
            )),
        }
    }

    async fn ask(&mut self, question: Question) -> Result<Answer, CallError> {
        let languages = self.languages();
        let mut expectation = Expectation {
            languages: languages.clone(),
            ..Expectation::default()
        };
        let outlook = self.parts.speculation.outlook(&question);
        let answers = if let Some(grammar) = &question.grammar {
            let value = self.value_answers(grammar, &languages)?;
            let phrases: BTreeSet<String> = languages
                .iter()
                .flat_map(|language| value.grammar.phrases(language))
                .collect();
            expectation.phrases = phrases.into_iter().collect();
            Answers::Value(Box::new(value))
        } else if question.choices.is_empty() {
            Answers::Open
        } else {
            let prepared = PreparedChoices::of(&question.choices, &languages)
                .map_err(|error| CallError::Invalid(error.to_string()))?;
            // words outside the choices have to be heard as they are where a model is asked
            if question.understand.is_none() {
                expectation.phrases = Arc::clone(&prepared.phrases);
                expectation.decoys = Arc::clone(&prepared.decoys);
            }
            Answers::Choices(Arc::clone(&prepared.matcher))
        };
        let min_confidence = self
            .version
            .manifest()
            .questions
            .get(&question.name)
            .and_then(|rule| rule.min_confidence_percent);
        let asked = Asked {
            name: question.name,
            answers,
            expectation,
            min_confidence: min_confidence
                .map_or(MIN_CONFIDENCE, |percent| f32::from(percent) / 100.0),
            hands_over: question.understand.is_some(),
            acknowledge: question
                .acknowledge
                .map(|prompt| self.spoken(prompt))
                .transpose()?,
            prompt: self.spoken(question.prompt)?,
            no_input_ms: u64::from(question.no_input_ms),
            no_input: self.all_spoken(question.no_input)?,
            no_match: self.all_spoken(question.no_match)?,
        };
        self.put(asked, outlook).await
    }

    async fn collect(&mut self, collection: Collection) -> Result<Answer, CallError> {
        let asks_again = !collection.no_input.is_empty();
        let outlook = self.parts.speculation.outlook_of_keys(asks_again);
        let asked = Asked {
            name: collection.name,
            answers: Answers::Keys {
                min: usize::from(collection.min_keys),
                max: usize::from(collection.max_keys),
                terminator: collection.terminator,
                between_ms: u64::from(collection.between_keys_ms),
            },
            expectation: Expectation::default(),
            min_confidence: MIN_CONFIDENCE,
            hands_over: false,
            acknowledge: None,
            prompt: self.spoken(collection.prompt)?,
            no_input_ms: u64::from(collection.no_input_ms),
            no_input: self.all_spoken(collection.no_input)?,
            no_match: self.all_spoken(collection.no_match)?,
        };
        self.put(asked, outlook).await
    }

    async fn drain(&mut self) -> Result<Vec<Playout>, CallError> {
        match self.command(Command::Drain).await? {
            Completion::Drained(playouts) => Ok(playouts),
            _ => Err(CallError::Unavailable(
                "the session answered something else".to_owned(),
            )),
        }
    }

    async fn pause(&mut self, ms: u32) -> Result<(), CallError> {
        self.command(Command::Pause(ms)).await.map(|_| ())
    }

    async fn await_playout(&mut self) -> Result<(), CallError> {
        self.command(Command::AwaitPlayout).await.map(|_| ())
    }

    fn heard_whole(&self, template: &str) -> bool {
        self.parts.call.has_heard(template)
    }
}

/// An action's error as the flow gets it.
fn call_error(name: String, error: ActionError) -> CallError {
    let sentence = error.to_string();
    match error {
        ActionError::Refused { .. } => CallError::Refused(Refusal {
            subject: name,
            missing: Vec::new(),
            reason: sentence,
        }),
        ActionError::Input { .. } => CallError::Invalid(sentence),
        // one that the flow does without
        ActionError::Unknown(_) | ActionError::Unavailable { .. } => {
            CallError::Unavailable(sentence)
        }
    }
}
