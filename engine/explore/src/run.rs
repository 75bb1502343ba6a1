//! One conversation of a version with a scripted caller, in virtual time.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use ghanti_host::{FlowVersion, RunEnd, Scripted, ScriptedCaller};
use ghanti_model::{CallId, JournalEntry, Masked};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

/// The time limit of one conversation, which normally takes milliseconds; a machine that is also
/// compiling needs longer.
const CONVERSATION: Duration = Duration::from_secs(10);
/// How many frames of a failure's stack are reported.
const FRAMES: usize = 5;

/// A finished conversation.
#[derive(Debug)]
pub struct FinishedConversation {
    /// How the run ended, or `None` if it did not end within the limit.
    pub end: Option<RunEnd>,
    /// The stack where the flow failed, if it did.
    pub stack: Vec<String>,
    /// The last error that the flow logged: a panic has its location there.
    pub logged: Option<String>,
    /// What happened.
    pub scripted: Scripted,
    /// The host calls of the flow.
    pub journal: Vec<JournalEntry>,
}

/// The call id of every scripted conversation: the same randomness each time.
pub(crate) fn call_id() -> CallId {
    CallId::parse("00000000-0000-7000-8000-000000000001").unwrap_or_else(CallId::generate)
}

/// Runs one conversation. What the flow logs in it is discarded.
pub(crate) async fn converse(
    version: &FlowVersion,
    caller: ScriptedCaller,
    settings: &BTreeMap<String, String>,
) -> FinishedConversation {
    let (scripted, journal) = (caller.scripted(), version.journal(call_id()));
    let run = version.run_test(Box::new(caller), journal.clone(), settings);
    let run = run.with_subscriber(NoSubscriber::default());
    let end = tokio::time::timeout(CONVERSATION, run).await.ok();
    let mut scripted = scripted
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let slept_ms = journal.trace().slept_ms;
    if slept_ms > 0 {
        scripted.unfit.push(format!(
            "the flow sleeps for {slept_ms} ms, and for the caller no time passes: call `speech.pause`"
        ));
    }
    let stack = match &end {
        Some(RunEnd::Returned | RunEnd::CallEnded) => Vec::new(),
        _ => {
            let trace = journal.trace();
            trace
                .traceback
                .into_iter()
                .map(Masked::into_exposed)
                .chain(trace.stack)
                .collect()
        }
    };
    let mut lines = journal.trace().log().into_iter();
    let logged = lines
        .rfind(|line| line.level == "error")
        .map(|line| line.message.into_exposed());
    FinishedConversation {
        end,
        stack,
        logged,
        scripted,
        journal: journal.snapshot().entries,
    }
}

impl FinishedConversation {
    /// Why the flow did not end by itself, where it stopped and in which functions; `None` if it
    /// ended by itself.
    pub fn failure(&self) -> Option<String> {
        let sentence = match &self.end {
            Some(RunEnd::Returned | RunEnd::CallEnded | RunEnd::Diverged(_)) => return None,
            None => "the flow did not come to an end".to_owned(),
            Some(RunEnd::Failed(error)) => format!("`run` returned an error: {error}"),
            Some(RunEnd::Trapped { reason, .. }) => format!("the flow trapped: {reason}"),
            Some(RunEnd::LimitExceeded { what }) => what.to_string(),
        };
        let place = self.scripted.asked.last();
        let place = place.map_or_else(String::new, |asked| {
            format!(", after the question `{asked}`")
        });
        let frames: Vec<_> = self.stack.iter().take(FRAMES).map(String::as_str).collect();
        let stack = if frames.is_empty() {
            String::new()
        } else {
            format!("; in {}", frames.join(" < "))
        };
        let logged = match &self.logged {
            Some(logged) => format!("; it logged: {logged}"),
            None => String::new(),
        };
        Some(format!("{sentence}{place}{stack}{logged}"))
    }
}
