//! The report of a flow's failure in a call, written for the flow's author.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CallId, FlowName, Masked, VersionId};

/// A line that a flow logged or printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// `debug`, `info`, `warn` or `error`. Lines on standard output are `info`, on standard error
    /// `warn`.
    pub level: String,
    /// The message.
    pub message: Masked,
}

/// A trap, an exceeded limit or an error returned by `run`, with what an author needs to find the
/// cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailureReport {
    /// The flow.
    pub flow: FlowName,
    /// Its version.
    pub version: VersionId,
    /// The call it failed in.
    pub call_id: CallId,
    /// What happened, in one sentence.
    pub reason: String,
    /// The kind of error that the flow returned, if it returned one: its sentence in `reason` may
    /// quote the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<String>,
    /// Whether the operator lets the log show in full what the flow logs.
    #[serde(default)]
    pub shows_log: bool,
    /// How many questions had been asked.
    pub turn: u32,
    /// The last thing asked or said: the question's name, else the template's. Absent before the
    /// first.
    pub after: Option<String>,
    /// Output of an interpreter as it failed: the script's own stack, where the flow is a script.
    pub traceback: Vec<Masked>,
    /// The component's call stack, innermost function first, with names where the component has
    /// them.
    pub stack: Vec<String>,
    /// The last host calls, without customer values: `12 ask identity: greeting (name) [yes, no] →
    /// choice yes`.
    pub entries: Vec<String>,
    /// The last lines the flow logged or printed.
    pub log: Vec<LogLine>,
}
