//! A flow's own tests, `tests/*.toml` in its folder: scripted conversations that a version must
//! pass before it takes calls.
//!
//! A file is one conversation: what is known of the call and the customer, what the caller answers,
//! and the expected result. Everything is simulated: nothing is spoken, and time follows the
//! script. All files are run, and all failures are reported at once.

mod held;
mod read;

use std::collections::BTreeMap;
use std::time::Duration;

use ghanti_host::{Fault, FlowVersion, RunEnd, Step};
use ghanti_manifest::{Limits, Observed};
use ghanti_model::{CallId, Described, Description};
use held::Held;
use read::FlowTest;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

/// The time limit of one conversation, which normally takes milliseconds; a machine that is also
/// compiling needs longer.
const CONVERSATION: Duration = Duration::from_secs(10);
/// The time limit of all conversations together.
const ALL: Duration = Duration::from_secs(60);
/// The most complaints reported.
const TOLD: usize = 16;

/// What is wrong with the text of a test, whichever flow it is of, a sentence each.
pub fn test_complaints(text: &str) -> Vec<String> {
    let description = Description {
        described: Described {
            name: String::new(),
            version: String::new(),
        },
        languages: Vec::new(),
        templates: Vec::new(),
    };
    match FlowTest::read(text, &description) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|(_, sentence)| sentence).collect(),
    }
}

/// A problem with a test, or a failure of the flow in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Complaint {
    /// The file's name without the extension.
    file: String,
    /// Its line, from 1, if known.
    line: Option<usize>,
    reason: String,
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "`tests/{}.toml` line {line}: {}", self.file, self.reason),
            None => write!(f, "`tests/{}.toml`: {}", self.file, self.reason),
        }
    }
}

/// Runs a version's tests, given by file name. Reports all failures, or returns what the flow asked
/// and established in them.
pub(crate) async fn pass(
    version: &FlowVersion,
    tests: &BTreeMap<String, String>,
) -> Result<Observed, Fault> {
    let mut observed = Observed::default();
    if tests.is_empty() {
        return Ok(observed);
    }
    let (mut trials, mut complaints) = (Vec::new(), Vec::new());
    for (file, text) in tests {
        match FlowTest::read(text, &version.description) {
            Ok(flow_test) => trials.push((file, flow_test)),
            Err(errors) => {
                let complain = |(line, reason)| Complaint {
                    file: file.clone(),
                    line: Some(line),
                    reason,
                };
                complaints.extend(errors.into_iter().map(complain));
            }
        }
    }
    if !complaints.is_empty() {
        return Err(fault(&complaints, "fix the test"));
    }
    let all = async {
        for (file, flow_test) in trials {
            let held = hold(version, &flow_test).await;
            observed.asked.extend(held.scripted.asked.iter().cloned());
            observed
                .established
                .extend(held.scripted.established.iter().cloned());
            let complain = |(line, reason)| Complaint {
                file: file.clone(),
                line,
                reason,
            };
            complaints.extend(flow_test.judge(&held).into_iter().map(complain));
        }
    };
    if tokio::time::timeout(ALL, all).await.is_err() {
        let reason = format!(
            "the {} tests are not held within {} s",
            tests.len(),
            ALL.as_secs()
        );
        return Err(Fault::new(
            Step::Tests,
            reason,
            "keep fewer tests, or let the flow compute less",
        ));
    }
    if complaints.is_empty() {
        tracing::info!(flow = %version.name, version = %version.id, tests = tests.len(), "the flow's own tests hold");
        return Ok(observed);
    }
    Err(fault(
        &complaints,
        "fix the flow; or the test, where it asks for what is no longer meant",
    ))
}

fn fault(complaints: &[Complaint], hint: &str) -> Fault {
    let mut reasons = complaints
        .iter()
        .take(TOLD)
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    if complaints.len() > TOLD {
        reasons.push(format!("and {} more", complaints.len() - TOLD));
    }
    Fault::new(Step::Tests, reasons.join("\n"), hint)
        .at(complaints.first().and_then(|first| first.line))
}

/// Runs one conversation. What the flow logs in it is discarded.
async fn hold(version: &FlowVersion, flow_test: &FlowTest) -> Held {
    // the same randomness each time
    let call_id =
        CallId::parse("00000000-0000-7000-8000-000000000001").unwrap_or_else(CallId::generate);
    let caller = flow_test.caller(call_id);
    let (scripted, journal) = (caller.scripted(), version.journal(call_id));
    // minutes of a call pass within milliseconds
    let limits = Limits {
        host_calls_per_second: u32::MAX,
        ..version.manifest().limits.clone()
    };
    let run = version.run_within(Box::new(caller), journal.clone(), &limits);
    let run = run.with_subscriber(NoSubscriber::default());
    let end = tokio::time::timeout(CONVERSATION, run).await.ok();
    let mut scripted = scripted
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
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
                .map(ghanti_model::Masked::into_exposed)
                .chain(trace.stack)
                .collect()
        }
    };
    Held {
        end,
        stack,
        scripted,
    }
}
