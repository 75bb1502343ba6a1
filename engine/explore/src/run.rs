//! One conversation of a version with a scripted caller, in virtual time.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use ghanti_host::{Event, FlowVersion, RunEnd, Scripted, ScriptedCaller};
use ghanti_model::{CallError, CallId, JournalEntry, Masked};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use crate::failure::Failure;

/// The time limit of one conversation, which normally takes milliseconds; a machine that is also
/// compiling needs longer.
const CONVERSATION: Duration = Duration::from_secs(10);

/// A finished conversation.
#[derive(Debug)]
pub struct FinishedConversation {
    /// How the run ended, or `None` if it did not end within the limit.
    pub end: Option<RunEnd>,
    /// What an interpreter wrote as it gave up: the script's own stack.
    pub traceback: Vec<String>,
    /// The component's functions where the flow failed, if it did.
    pub frames: Vec<String>,
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
    let (traceback, frames) = match &end {
        Some(RunEnd::Returned | RunEnd::CallEnded) => Default::default(),
        _ => {
            let trace = journal.trace();
            let traceback = trace.traceback.into_iter().map(Masked::into_exposed);
            (traceback.collect(), trace.stack)
        }
    };
    let mut lines = journal.trace().log().into_iter();
    let logged = lines
        .rfind(|line| line.level == "error")
        .map(|line| line.message.into_exposed());
    FinishedConversation {
        end,
        traceback,
        frames,
        logged,
        scripted,
        journal: journal.snapshot().entries,
    }
}

impl FinishedConversation {
    /// Why the flow did not end by itself, and where it stopped; `None` if it ended by itself.
    pub fn failure(&self) -> Option<String> {
        self.why().sentence()
    }

    /// Where in the flow's sources it panicked or threw: a file, a line and, if known, a column.
    pub fn source_place(&self) -> Option<(String, usize, Option<usize>)> {
        self.why().place()
    }

    /// Whether the flow failed before it asked or was heard.
    pub fn failed_at_start(&self) -> bool {
        let is_waiting = |event: &Event| matches!(event, Event::Asked(_) | Event::Waited);
        self.scripted.asked.is_empty()
            && !self.scripted.events.iter().any(is_waiting)
            && matches!(
                self.end,
                Some(RunEnd::Trapped { .. } | RunEnd::LimitExceeded { .. })
            )
    }

    /// Whether `run` ended with a service that is unavailable.
    pub(crate) fn is_unavailable(&self) -> bool {
        matches!(self.end, Some(RunEnd::Failed(CallError::Unavailable(_))))
    }

    fn why(&self) -> Failure<'_> {
        Failure {
            end: self.end.as_ref(),
            traceback: &self.traceback,
            frames: &self.frames,
            logged: self.logged.as_deref(),
            asked: self.scripted.asked.last().map(String::as_str),
        }
    }
}
