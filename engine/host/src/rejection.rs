//! Why a flow cannot be loaded: the step that failed, the reason and a hint.

use std::fmt;

use ghanti_manifest::NotAllowed;

/// A step of loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Reading the files.
    Read,
    /// Parsing `flow.toml`, and checking it against what `describe` returned.
    Manifest,
    /// Checking `flow.toml` against what the operator allows.
    Allowance,
    /// Checking the version of the contract.
    Contract,
    /// Compiling the component.
    Compile,
    /// Linking it against the host functions.
    Link,
    /// Calling `describe`.
    Describe,
    /// Checking the prompt and audio files.
    Prompts,
    /// Running the flow's own tests.
    Tests,
    /// Exploring its conversation, if `[properties] gate` asks for it.
    Properties,
    /// Replaying recorded calls, if `[replay] gate` asks for it.
    Replay,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Read => "read",
            Step::Manifest => "manifest",
            Step::Allowance => "allowance",
            Step::Contract => "contract",
            Step::Compile => "compile",
            Step::Link => "link",
            Step::Describe => "describe",
            Step::Prompts => "prompts",
            Step::Tests => "tests",
            Step::Properties => "properties",
            Step::Replay => "replay",
        })
    }
}

/// A flow that failed to load, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot load flow `{flow}` ({step}): {reason}{}", self.further_hint())]
pub struct Rejection {
    /// The flow's name, or the file's if it is not a valid name.
    pub flow: String,
    /// The step that failed.
    pub step: Step,
    /// What is wrong; one line per error, each with its line in the file if known.
    pub reason: String,
    /// How to fix it.
    pub hint: String,
    /// The first line with an error, from 1, if known: in `flow.toml` or, for [`Step::Prompts`] and
    /// [`Step::Tests`], in the file that `reason` names first.
    pub line: Option<usize>,
}

impl Rejection {
    /// The hint, where the reason does not end with it.
    fn further_hint(&self) -> String {
        if self.reason.ends_with(&self.hint) {
            String::new()
        } else {
            format!(": {}", self.hint)
        }
    }

    /// Names the flow that a fault belongs to.
    pub fn new(flow: &str, fault: Fault) -> Self {
        Self {
            flow: flow.to_owned(),
            step: fault.step,
            reason: fault.reason,
            hint: fault.hint,
            line: fault.line,
        }
    }
}

/// A [`Rejection`] without the flow's name.
#[derive(Debug)]
pub struct Fault {
    /// The step that failed.
    pub step: Step,
    /// What is wrong; one line per error.
    pub reason: String,
    /// How to fix it.
    pub hint: String,
    /// The first line with an error, from 1, if known.
    pub line: Option<usize>,
}

impl Fault {
    /// Creates a fault without a line.
    pub fn new(step: Step, reason: String, hint: &str) -> Self {
        Self {
            step,
            reason,
            hint: hint.to_owned(),
            line: None,
        }
    }

    /// Adds the line, from 1.
    pub fn at(self, line: Option<usize>) -> Self {
        Self { line, ..self }
    }
}

impl From<NotAllowed> for Fault {
    fn from(NotAllowed { reason, hint, line }: NotAllowed) -> Self {
        Self::new(Step::Allowance, reason, &hint).at(line)
    }
}
