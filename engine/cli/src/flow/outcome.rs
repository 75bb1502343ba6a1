//! Exit codes and error output of the commands of `ghanti flow`.

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::engine::NoAnswer;

/// The exit code if the request was refused.
pub const REFUSED: u8 = 1;
/// The exit code if nothing was done: wrong use, no engine, no such file.
pub const NOTHING_DONE: u8 = 2;

/// Prints an error, as text or as JSON, and returns the exit code.
pub fn code(done: anyhow::Result<ExitCode>, json: bool) -> ExitCode {
    let error = match done {
        Ok(code) => return code,
        Err(error) => error,
    };
    let code = match error.downcast_ref() {
        Some(NoAnswer::Refused { .. }) => REFUSED,
        _ => NOTHING_DONE,
    };
    if json {
        let _ = print(&json!({ "error": format!("{error:#}") }));
    } else {
        let _ = writeln!(std::io::stderr(), "ghanti: {error:#}");
    }
    ExitCode::from(code)
}

/// Prints a value on standard output.
pub fn print(value: &Value) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{value:#}")?;
    Ok(())
}
