//! The conversation of a fork: it performs nothing. What the flow says is rendered as the call would
//! render it, and handed out; where an answer would have to come from outside, the fork ends.
//!
//! What the fork itself establishes counts for nothing but its own way: a prompt that requires
//! something is handed out only if the call itself has established it. That something has to be
//! heard before holds nothing back, as nothing is played.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;

use async_trait::async_trait;
use ghanti_host::{Conversation, FlowVersion, Instant, Invocation};
use ghanti_manifest::HEARD;
use ghanti_model::values::{DateOrder, DateRules};
use ghanti_model::{
    Answer, CallError, CallFacts, Collection, Content, CustomerRecord, Decision, EarlierCall,
    Language, Masked, Milestone, Playout, Prompt, PromptId, Question, Zone,
};
use ghanti_speech::Recognizer;
use tokio::sync::{mpsc, oneshot};

use super::{ForkEnd, Said};
use crate::call::LiveCall;
use crate::files::AudioFiles;
use crate::given::{given_fields, open_target};
use crate::standing::Standing;
use crate::targets::TransferTargets;
use crate::wording::Wording;

/// The most prompts that a fork hands out. A flow that says more before it waits is heard for longer
/// than their synthesis takes.
const PROMPTS: usize = 4;

/// What a fork knows of its call.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) call: Arc<LiveCall>,
    pub(crate) facts: CallFacts,
    pub(crate) customer: Option<CustomerRecord>,
    pub(crate) files: AudioFiles,
    pub(crate) rate_hz: u32,
    pub(crate) zone: Zone,
    pub(crate) date_order: Option<DateOrder>,
    pub(crate) targets: Arc<TransferTargets>,
    pub(crate) recognizer: Option<Arc<dyn Recognizer>>,
    pub(crate) standing: Standing,
}

/// The conversation of a fork.
pub(super) struct Forked {
    version: Arc<FlowVersion>,
    known: Known,
    /// What the call itself has established.
    established: BTreeSet<String>,
    /// The templates that were said in the call, or are in the fork.
    heard: BTreeSet<String>,
    last_prompt: PromptId,
    handed_out: usize,
    said: mpsc::Sender<Said>,
    ended: Option<oneshot::Sender<ForkEnd>>,
}

impl Forked {
    pub(super) fn new(
        version: Arc<FlowVersion>,
        known: Known,
        heard: BTreeSet<String>,
        last_prompt: PromptId,
        said: mpsc::Sender<Said>,
    ) -> (Self, oneshot::Receiver<ForkEnd>) {
        let (sender, ended) = oneshot::channel();
        let established = known.call.record().established.iter().cloned().collect();
        let forked = Self {
            version,
            known,
            established,
            heard,
            last_prompt,
            handed_out: 0,
            said,
            ended: Some(sender),
        };
        (forked, ended)
    }

    /// Ends the fork: it never goes on from here, and is dropped.
    async fn end<T>(&mut self, end: ForkEnd) -> Result<T, CallError> {
        if let Some(ended) = self.ended.take() {
            // whoever runs the fork may have dropped it
            let _ = ended.send(end);
        }
        pending().await
    }

    /// Whether the call has established all that these prompts require.
    fn may_say(&self, question: Option<&str>, prompts: &[&Prompt]) -> bool {
        let manifest = self.version.manifest();
        let of_question = question.and_then(|name| manifest.questions.get(name));
        let of_question = of_question.into_iter().flat_map(|rule| &rule.requires);
        let rules = prompts
            .iter()
            .filter_map(|prompt| manifest.prompts.get(prompt.template()));
        of_question
            .chain(rules.flat_map(|rule| &rule.requires))
            .all(|required| required.starts_with(HEARD) || self.established.contains(required))
    }

    /// Hands a prompt out, unless it is an audio file, which nobody has to make.
    fn hand_out(&mut self, prompt: Prompt) -> Result<(), CallError> {
        self.heard.insert(prompt.template().to_owned());
        if matches!(prompt.content, Content::Audio(_)) {
            return Ok(());
        }
        let today = self.now().date();
        let wording = Wording {
            version: &self.version,
            files: &self.known.files,
            rate_hz: self.known.rate_hz,
            language: &self.known.facts.language,
            today,
        };
        self.handed_out += 1;
        if let Some(said) = Said::of(wording.of(prompt)?) {
            // there is room for all prompts of a question's forks
            let _ = self.said.try_send(said);
        }
        Ok(())
    }

    /// The fork has come to its next question: hands its prompt out, and ends.
    async fn wait_at<T>(
        &mut self,
        question: &str,
        prompt: Prompt,
        others: Vec<Prompt>,
    ) -> Result<T, CallError> {
        let all: Vec<&Prompt> = std::iter::once(&prompt).chain(&others).collect();
        if !self.may_say(Some(question), &all) {
            return self.end(ForkEnd::Rule).await;
        }
        self.hand_out(prompt)?;
        self.end(ForkEnd::Waits).await
    }
}

#[async_trait]
impl Conversation for Forked {
    fn facts(&mut self) -> CallFacts {
        self.known.facts.clone()
    }

    fn now(&mut self) -> Instant {
        let unix_ms = self.known.call.unix_ms(self.known.call.now_ms());
        Instant {
            unix_ms,
            offset_minutes: self.known.zone.offset_minutes(unix_ms),
        }
    }

    fn date_rules(&mut self) -> DateRules {
        DateRules {
            today: self.now().date(),
            order: self.known.date_order,
        }
    }

    async fn set_language(&mut self, language: Language) -> Result<(), CallError> {
        self.known.facts.language = language;
        Ok(())
    }

    async fn establish(&mut self, _name: String) -> Result<(), CallError> {
        self.known.standing.is_anyone_known = true;
        Ok(())
    }

    async fn decide(&mut self, decision: Decision) -> Result<(), CallError> {
        if let Decision::Transfer {
            target, numbers, ..
        } = decision
        {
            let language = &self.known.facts.language;
            let recognizer = self.known.recognizer.as_deref();
            let is_heard = recognizer.is_some_and(|ears| ears.understands(language));
            self.known.standing.check_transfer(is_heard)?;
            let now = self.now();
            open_target(&self.known.targets, target, numbers, now)?;
        }
        Ok(())
    }

    async fn outcome(
        &mut self,
        _disposition: String,
        _detail: Option<String>,
    ) -> Result<(), CallError> {
        Ok(())
    }

    async fn fields(&mut self) -> Result<Vec<(String, Masked)>, CallError> {
        Ok(given_fields(self.known.customer.as_ref()))
    }

    async fn lookup(&mut self, _key: String) -> Result<Option<Masked>, CallError> {
        self.end(ForkEnd::Outside).await
    }

    async fn note(&mut self, _name: String, _value: Masked) -> Result<(), CallError> {
        Ok(())
    }

    async fn milestone(&mut self, _milestone: Milestone) -> Result<(), CallError> {
        Ok(())
    }

    async fn call_again(&mut self, _at_ms: u64) -> Result<(), CallError> {
        Ok(())
    }

    async fn history(&mut self, _most: usize) -> Result<Vec<EarlierCall>, CallError> {
        self.end(ForkEnd::Outside).await
    }

    async fn invoke(&mut self, _invocation: Invocation) -> Result<serde_json::Value, CallError> {
        self.end(ForkEnd::Outside).await
    }

    async fn say(&mut self, prompt: Prompt) -> Result<PromptId, CallError> {
        if !self.may_say(None, &[&prompt]) {
            return self.end(ForkEnd::Rule).await;
        }
        self.hand_out(prompt)?;
        if self.handed_out >= PROMPTS {
            return self.end(ForkEnd::Waits).await;
        }
        self.last_prompt = PromptId(self.last_prompt.0.saturating_add(1));
        Ok(self.last_prompt)
    }

    async fn ask(&mut self, question: Question) -> Result<Answer, CallError> {
        let Question {
            name,
            prompt,
            side_answers,
            no_input,
            no_match,
            acknowledge,
            ..
        } = question;
        let sides = side_answers
            .into_iter()
            .flat_map(|side| side.say.into_iter().chain([side.then]));
        let others = sides.chain(no_input).chain(no_match).chain(acknowledge);
        self.wait_at(&name, prompt, others.collect()).await
    }

    async fn collect(&mut self, collection: Collection) -> Result<Answer, CallError> {
        let Collection {
            name,
            prompt,
            no_input,
            no_match,
            ..
        } = collection;
        let others = no_input.into_iter().chain(no_match);
        self.wait_at(&name, prompt, others.collect()).await
    }

    async fn drain(&mut self) -> Result<Vec<Playout>, CallError> {
        self.end(ForkEnd::Waits).await
    }

    async fn pause(&mut self, _ms: u32) -> Result<(), CallError> {
        self.end(ForkEnd::Waits).await
    }

    /// The host asks for it before a prompt that has requirements: whether it may be said is decided
    /// when it comes.
    async fn await_playout(&mut self) -> Result<(), CallError> {
        Ok(())
    }

    fn heard_whole(&self, template: &str) -> bool {
        self.heard.contains(template) || self.known.call.has_heard(template)
    }
}
