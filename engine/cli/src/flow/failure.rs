//! Failures of commands on a flow's folder: text on stderr, or one JSON object on stdout, and the exit code.

use std::io::Write as _;
use std::process::ExitCode;

use ghanti_codegen::Problem;
use serde_json::{Value, json};

/// The flow is wrong.
const WRONG_FLOW: u8 = 1;
/// The command was used wrongly.
const WRONG_USE: u8 = 2;

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The command was used wrongly, such as for a flow that does not exist or already exists.
    Use(String),
    /// The flow's manifest or prompt files have errors.
    Files(Vec<Problem>),
    /// The toolchain is missing or failed.
    Toolchain {
        /// What failed.
        message: String,
        /// The command that installs it, to be pasted.
        fix: Option<String>,
        /// Its output.
        output: Vec<String>,
    },
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Files(problems)
    }
}

/// Errors that are not the flow's, such as a folder that cannot be written.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Use(format!("{error:#}"))
    }
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Use(_) => WRONG_USE,
            Self::Files(_) | Self::Toolchain { .. } => WRONG_FLOW,
        }
    }

    /// The failure as text.
    pub fn words(&self) -> String {
        match self {
            Self::Use(message) => message.clone(),
            Self::Files(problems) => {
                let lines = problems.iter().map(Problem::to_string);
                lines.collect::<Vec<_>>().join("\n")
            }
            Self::Toolchain {
                message,
                fix,
                output,
            } => {
                let fix = fix.iter().map(|fix| format!("install it with:  {fix}"));
                let lines = std::iter::once(message.clone())
                    .chain(output.iter().cloned())
                    .chain(fix);
                lines.collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Use(message) => json!({ "ok": false, "error": message }),
            Self::Files(problems) => {
                let errors = problems.iter().map(|problem| {
                    json!({ "file": problem.file, "line": problem.line, "message": problem.message })
                });
                json!({ "ok": false, "error": "the flow's files are wrong", "errors": errors.collect::<Vec<_>>() })
            }
            Self::Toolchain {
                message,
                fix,
                output,
            } => json!({ "ok": false, "error": message, "fix": fix, "output": output }),
        }
    }
}

/// Prints how a command ended, and returns the exit code.
pub fn report(ended: Result<(String, Value), Failure>, as_json: bool) -> ExitCode {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let (code, _) = match ended {
        Ok((_, object)) if as_json => (0, writeln!(out, "{object}")),
        Ok((words, _)) => (0, writeln!(out, "{words}")),
        Err(failure) if as_json => (failure.code(), writeln!(out, "{}", failure.json())),
        Err(failure) => (failure.code(), writeln!(err, "ghanti: {}", failure.words())),
    };
    ExitCode::from(code)
}
