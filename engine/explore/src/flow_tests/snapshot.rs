//! The snapshot of a test: what is said in it, as a text to be stored and compared.
//!
//! A test asks for it by `snapshot = true` in `[expect]`. Kept are the bot's words, with the caller's
//! turns between them; what the flow does besides is expected by name.

use ghanti_host::FlowVersion;

use super::{FlowTest, TestResult};
use crate::transcript::{Speaker, lines};

/// The ending of a snapshot's file.
pub const ENDING: &str = "snap";

impl FlowTest {
    /// The line that asks for a snapshot, if one does.
    pub fn snapshot_line(&self) -> Option<usize> {
        self.expect.snapshot
    }
}

/// The text of a test's conversation; `None` where it was not run, or the flow failed in it.
pub fn snapshot(version: &FlowVersion, result: &TestResult) -> Option<String> {
    let (test, conversation) = (result.test.as_ref()?, result.conversation.as_ref()?);
    if conversation.failure().is_some() {
        return None;
    }
    let said = lines(
        version,
        &conversation.scripted.events,
        test.known.today(),
        None,
    );
    let said = said.iter().filter(|line| line.speaker != Speaker::Flow);
    let mut text = format!(
        "# What is said in tests/{}.toml, as `ghanti flow test --update` writes it.\n",
        result.file
    );
    for line in said {
        let shown = line.shown().replace(char::is_control, " ");
        text.push_str(&format!("{}: {shown}\n", line.speaker.as_str()));
    }
    Some(text)
}
