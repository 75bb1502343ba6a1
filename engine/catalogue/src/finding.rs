//! What is wrong or odd about a flow's files, with its place.

use std::fmt;
use std::path::Path;

use ghanti_explore::flow_tests;
use ghanti_explore::paths;
pub use ghanti_explore::paths::Severity;
use ghanti_explore::run::FinishedConversation;
use ghanti_host::{Fault, Step};
use ghanti_language::{Severity as PromptSeverity, TemplateProblem};
use ghanti_manifest::ManifestError;

const MANIFEST: &str = "flow.toml";

/// Something that is wrong with a flow's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How serious it is.
    pub severity: Severity,
    /// The step of loading that finds it.
    pub step: Step,
    /// The file, within the flow's folder, if it is one.
    pub file: Option<String>,
    /// The line there, from 1, if known.
    pub line: Option<usize>,
    /// The column, from 1, if known.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// How to fix it; empty where the message says it.
    pub hint: String,
    /// The path through the conversation that shows it.
    pub path: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            f.write_str(file)?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        if !self.hint.is_empty() {
            write!(f, ": {}", self.hint)?;
        }
        Ok(())
    }
}

impl Finding {
    pub(crate) fn of(severity: Severity, step: Step, message: String, hint: &str) -> Self {
        Self {
            severity,
            step,
            file: None,
            line: None,
            column: None,
            message,
            hint: hint.to_owned(),
            path: None,
        }
    }

    pub(crate) fn error(step: Step, message: String, hint: &str) -> Self {
        Self::of(Severity::Error, step, message, hint)
    }

    pub(crate) fn fault(fault: Fault) -> Self {
        let Fault {
            step,
            reason,
            hint,
            line,
        } = fault;
        let is_of_manifest = matches!(step, Step::Manifest | Step::Allowance);
        Self {
            file: (is_of_manifest && line.is_some()).then(|| MANIFEST.to_owned()),
            line,
            ..Self::error(step, reason, &hint)
        }
    }

    pub(crate) fn manifest(error: ManifestError) -> Self {
        Self {
            file: Some(MANIFEST.to_owned()),
            line: Some(error.line),
            column: Some(error.column),
            ..Self::error(Step::Manifest, error.message, "")
        }
    }

    pub(crate) fn prompts(problem: TemplateProblem) -> Self {
        let severity = match problem.severity {
            PromptSeverity::Error => Severity::Error,
            PromptSeverity::Warning => Severity::Warning,
        };
        Self {
            file: Some(problem.file),
            line: problem.line,
            ..Self::of(severity, Step::Prompts, problem.message, &problem.hint)
        }
    }

    pub(crate) fn test(complaint: flow_tests::Complaint) -> Self {
        Self {
            file: Some(format!("tests/{}.toml", complaint.file)),
            line: complaint.line,
            column: complaint.column,
            ..Self::error(
                Step::Tests,
                complaint.reason,
                "fix the flow; or the test, if its expectation is outdated",
            )
        }
    }

    /// That the flow fails before its first question, with its place in the sources where they are in this folder.
    pub(crate) fn at_start(conversation: &FinishedConversation, folder: &Path) -> Self {
        let Fault {
            step, reason, hint, ..
        } = flow_tests::at_start(conversation);
        let (file, line, column) = match conversation.source_place() {
            Some((file, line, column)) if folder.join(&file).is_file() => {
                (Some(file), Some(line), column)
            }
            _ => (None, None, None),
        };
        Self {
            file,
            line,
            column,
            ..Self::error(step, reason, &hint)
        }
    }

    pub(crate) fn path(found: &paths::Finding) -> Self {
        let file = found.line.map(|_| MANIFEST.to_owned());
        Self {
            file,
            line: found.line,
            path: found.path.clone(),
            ..Self::of(found.severity, Step::Properties, found.message.clone(), "")
        }
    }
}
