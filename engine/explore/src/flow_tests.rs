//! A flow's own tests, `tests/*.toml` in its folder: scripted conversations that a version must
//! pass before it takes calls.
//!
//! A file is one conversation: what is known of the call and the customer, what the caller answers,
//! and the expected result. Everything is simulated: nothing is spoken, and time follows the
//! script. All files are run, and all failures are reported at once.

mod actions;
mod expect;
mod judge;
mod read;
mod record;
pub mod snapshot;

use std::collections::BTreeMap;
use std::time::Duration;

use ghanti_host::{Event, Fault, FlowVersion, Step};
use ghanti_manifest::Observed;
use ghanti_model::{Described, Description};

pub use read::{FlowTest, Known};

use crate::run::{FinishedConversation, converse};

/// The time limit of all conversations together.
const ALL: Duration = Duration::from_secs(60);
/// The most complaints reported.
const TOLD: usize = 16;

/// What is said of a flow that fails before its first question, and what to do.
const AT_START: &str = "whoever is called, the flow fails before it asks anything";
/// The hint of [`AT_START`].
const AT_START_HINT: &str =
    "correct it there: until then no test can be held, and nothing else is known of the flow";

/// A problem with a test, or a failure of the flow in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The file's name without the extension.
    pub file: String,
    /// Its line, from 1, if known.
    pub line: Option<usize>,
    /// The column there, from 1, if known.
    pub column: Option<usize>,
    /// What was expected and what happened, or what is wrong with the test.
    pub reason: String,
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "`tests/{}.toml` line {line}: {}", self.file, self.reason),
            None => write!(f, "`tests/{}.toml`: {}", self.file, self.reason),
        }
    }
}

/// A test after its run.
#[derive(Debug)]
pub struct TestResult {
    /// The file's name without the extension.
    pub file: String,
    /// The test, or `None` if the file cannot be read.
    pub test: Option<FlowTest>,
    /// The conversation, if it was run.
    pub conversation: Option<FinishedConversation>,
    /// What is wrong; a test that passes has nothing.
    pub complaints: Vec<Complaint>,
    /// How long the conversation took in real time.
    pub took: Duration,
}

/// Reads tests, given by file name; the complaints are about files that cannot be read.
pub fn read(
    version: &FlowVersion,
    tests: &BTreeMap<String, String>,
) -> (Vec<(String, FlowTest)>, Vec<Complaint>) {
    let (mut read, mut complaints) = (Vec::new(), Vec::new());
    for (file, text) in tests {
        match FlowTest::read(text, &version.description) {
            Ok(flow_test) => {
                let mut unknown = flow_test.unknown_fields(&version.manifest().customer);
                unknown.extend(flow_test.ungranted_actions(version.manifest()));
                if unknown.is_empty() {
                    read.push((file.clone(), flow_test));
                }
                complaints.extend(unknown.into_iter().map(|(line, reason)| Complaint {
                    file: file.clone(),
                    line,
                    column: None,
                    reason,
                }));
            }
            Err(errors) => complaints.extend(errors.into_iter().map(|error| Complaint {
                file: file.clone(),
                line: Some(error.line),
                column: Some(error.column),
                reason: error.message,
            })),
        }
    }
    (read, complaints)
}

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
        Err(errors) => errors.into_iter().map(|error| error.message).collect(),
    }
}

/// Runs one test.
pub async fn run(version: &FlowVersion, file: &str, test: FlowTest) -> TestResult {
    let began = std::time::Instant::now();
    let conversation = converse(version, test.caller(), &test.known.settings).await;
    let took = began.elapsed();
    let complain = |(line, reason)| Complaint {
        file: file.to_owned(),
        line,
        column: None,
        reason,
    };
    let mut judged = test.judge(&conversation, version);
    if !judged.is_empty() {
        // the flow logs it, but the log of a test is not shown
        judged.splice(0..0, test.unreadable_fields(&version.manifest().customer));
    }
    TestResult {
        file: file.to_owned(),
        complaints: judged.into_iter().map(complain).collect(),
        test: Some(test),
        conversation: Some(conversation),
        took,
    }
}

/// What keeps every test from its first question, if that is what is wrong: the flow fails at its start, whoever is called.
pub fn start_failure<'r>(
    results: impl IntoIterator<Item = &'r TestResult>,
) -> Option<&'r FinishedConversation> {
    let mut conversations = results
        .into_iter()
        .filter_map(|result| result.conversation.as_ref());
    let first = conversations.next().filter(|it| it.failed_at_start())?;
    let failure = first.failure();
    conversations
        .all(|it| it.failed_at_start() && it.failure() == failure)
        .then_some(first)
}

/// How a flow fails at its start if it does so where nothing is known of a customer. For a flow without tests.
pub async fn fails_at_start(version: &FlowVersion) -> Option<FinishedConversation> {
    let known = Known {
        languages: version.languages.clone(),
        ..Known::default()
    };
    let conversation = converse(version, known.caller(), &known.settings).await;
    conversation.failed_at_start().then_some(conversation)
}

/// What a flow asked and established in conversations.
pub fn observe<'h>(conversations: impl IntoIterator<Item = &'h FinishedConversation>) -> Observed {
    let mut observed = Observed::default();
    for conversation in conversations {
        observed
            .asked
            .extend(conversation.scripted.asked.iter().cloned());
        let established = conversation
            .scripted
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Established(name) => Some(name.clone()),
                _ => None,
            });
        observed.established.extend(established);
    }
    observed
}

/// Runs a version's tests, given by file name. Reports all failures, or returns what the flow asked
/// and established in them.
pub async fn pass(
    version: &FlowVersion,
    tests: &BTreeMap<String, String>,
) -> Result<Observed, Fault> {
    if tests.is_empty() {
        return Ok(Observed::default());
    }
    let (read, complaints) = read(version, tests);
    if !complaints.is_empty() {
        return Err(fault(&complaints, "fix the test"));
    }
    let all = async {
        let mut test_results = Vec::new();
        for (file, flow_test) in read {
            test_results.push(run(version, &file, flow_test).await);
        }
        test_results
    };
    let Ok(test_results) = tokio::time::timeout(ALL, all).await else {
        let reason = format!(
            "the {} tests have not ended within {} s",
            tests.len(),
            ALL.as_secs()
        );
        return Err(Fault::new(
            Step::Tests,
            reason,
            "keep fewer tests, or let the flow compute less",
        ));
    };
    if let Some(conversation) = start_failure(&test_results) {
        return Err(at_start(conversation));
    }
    let complaints: Vec<_> = test_results
        .iter()
        .flat_map(|result| result.complaints.iter().cloned())
        .collect();
    if complaints.is_empty() {
        tracing::info!(flow = %version.name, version = %version.id, tests = tests.len(), "the flow's own tests hold");
        return Ok(observe(
            test_results
                .iter()
                .filter_map(|result| result.conversation.as_ref()),
        ));
    }
    Err(fault(
        &complaints,
        "fix the flow; or the test, if its expectation is outdated",
    ))
}

/// That no test can be held.
pub fn at_start(conversation: &FinishedConversation) -> Fault {
    let failure = conversation.failure().unwrap_or_default();
    let failure = failure
        .strip_prefix("the flow failed: ")
        .unwrap_or(&failure);
    let reason = format!("{AT_START}: {failure}");
    Fault::new(Step::Tests, reason, AT_START_HINT)
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
