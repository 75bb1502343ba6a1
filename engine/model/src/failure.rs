//! How a flow failed in a call: one report for its author.

use serde::{Deserialize, Serialize};

use crate::{CallId, FlowName, Masked, VersionId};

/// A line that a flow logged or printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// `debug`, `info`, `warn` or `error`; what is printed to standard output is `info`, to
    /// standard error `warn`.
    pub level: String,
    /// What it says.
    pub message: Masked,
}

/// A trap, an exceeded limit or an error that `run` returned, with all that an author needs to find
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureReport {
    /// The flow.
    pub flow: FlowName,
    /// Its version.
    pub version: VersionId,
    /// In which call.
    pub call_id: CallId,
    /// What happened, in one sentence.
    pub reason: String,
    /// How many questions had been put.
    pub turn: u32,
    /// The last thing asked or said: a question's name, or else a template's; none before the
    /// first.
    pub after: Option<String>,
    /// What an interpreter wrote as it gave up: the script's own stack, where the flow is a script.
    pub traceback: Vec<Masked>,
    /// The component's functions, the innermost first; by name where the component has names.
    pub stack: Vec<String>,
    /// The last host calls, without a customer's values: `12 ask identity: greeting (name) [yes,
    /// no] → choice yes`.
    pub entries: Vec<String>,
    /// What the flow logged or printed last.
    pub log: Vec<LogLine>,
}
