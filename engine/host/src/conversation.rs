//! The interface between a running flow and the outside: [`Conversation`].

use async_trait::async_trait;
use ghanti_model::values::DateRules;
use ghanti_model::{
    Answer, CallError, CallFacts, Collection, Decision, EarlierCall, Language, Masked, Milestone,
    Playout, Prompt, PromptId, Question,
};

/// A point in time, as a flow sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Instant {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// Minutes to add for the call's local time.
    pub offset_minutes: i16,
}

/// An invocation of an action that the manifest is granted.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The action.
    pub name: String,
    /// Its input. It may be personal.
    pub input: serde_json::Value,
    /// Which invocation of the call it is, from 1: the same when the call is resumed.
    pub nth: u32,
    /// Whether it may change something.
    pub acts: bool,
}

impl Instant {
    /// The date at this instant, in the call's local time.
    pub fn date(self) -> time::Date {
        self.local().date()
    }

    /// The call's local date and time.
    pub fn local(self) -> time::PrimitiveDateTime {
        let local_s =
            i64::try_from(self.unix_ms / 1000).unwrap_or(0) + i64::from(self.offset_minutes) * 60;
        let local = time::OffsetDateTime::from_unix_timestamp(local_s)
            .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        time::PrimitiveDateTime::new(local.date(), local.time())
    }
}

/// Receives a flow's host calls after the host has checked them: everything that arrives here
/// complies with the manifest's rules, sizes and grants, and `Prompt::interruptible` is always set.
/// There are four implementations: the live session, what runs ahead of its questions, the replay of a
/// journal, and the scripted caller of a test.
///
/// Once the call has ended, every function that returns a `Result` returns [`CallError::CallEnded`]
/// immediately.
#[async_trait]
pub trait Conversation: Send {
    /// The facts of the call.
    fn facts(&mut self) -> CallFacts;

    /// The current time.
    fn now(&mut self) -> Instant;

    /// How dates in the customer's record are read at this time.
    fn date_rules(&mut self) -> DateRules;

    /// Changes the language of later prompts and expected answers.
    async fn set_language(&mut self, language: Language) -> Result<(), CallError>;

    /// Records that something has been established. The host keeps the set itself; this is for the
    /// call's record and milestones.
    async fn establish(&mut self, name: String) -> Result<(), CallError>;

    /// Decides what happens after the conversation.
    async fn decide(&mut self, decision: Decision) -> Result<(), CallError>;

    /// Sets the disposition.
    async fn outcome(
        &mut self,
        disposition: String,
        detail: Option<String>,
    ) -> Result<(), CallError>;

    /// All non-empty fields of the customer's record, by name. The host reads them according to the
    /// manifest's `[customer]`.
    async fn fields(&mut self) -> Result<Vec<(String, Masked)>, CallError>;

    /// Looks up a granted key.
    async fn lookup(&mut self, key: String) -> Result<Option<Masked>, CallError>;

    /// Stores a value in the call's record.
    async fn note(&mut self, name: String, value: Masked) -> Result<(), CallError>;

    /// Records that a milestone of the conversation was reached.
    async fn milestone(&mut self, milestone: Milestone) -> Result<(), CallError>;

    /// Asks for another call with the customer, in milliseconds since 1970-01-01T00:00:00Z.
    async fn call_again(&mut self, at_ms: u64) -> Result<(), CallError>;

    /// The last ended calls with this customer, at most `most`, newest first.
    async fn history(&mut self, most: usize) -> Result<Vec<EarlierCall>, CallError>;

    /// Does an action, and returns its answer.
    async fn invoke(&mut self, invocation: Invocation) -> Result<serde_json::Value, CallError>;

    /// Queues a prompt.
    async fn say(&mut self, prompt: Prompt) -> Result<PromptId, CallError>;

    /// Asks a question, with all its attempts.
    async fn ask(&mut self, question: Question) -> Result<Answer, CallError>;

    /// Collects keys, with all its attempts.
    async fn collect(&mut self, collection: Collection) -> Result<Answer, CallError>;

    /// Waits until everything queued has been played, and returns the playouts since the last
    /// report.
    async fn drain(&mut self) -> Result<Vec<Playout>, CallError>;

    /// Waits until everything queued has been played, and then for a silence.
    async fn pause(&mut self, ms: u32) -> Result<(), CallError>;

    /// Waits like `drain`, but leaves the playouts to the next `ask` or `drain`. The host calls it
    /// before a prompt that has requirements.
    async fn await_playout(&mut self) -> Result<(), CallError>;

    /// Whether answers come from a record: each is then that of a whole host call, with everything
    /// that the host had added to it.
    fn is_recorded(&self) -> bool {
        false
    }

    /// Whether a prompt of this template has been heard to its end in this call.
    fn heard_whole(&self, template: &str) -> bool;
}
