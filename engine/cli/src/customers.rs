//! `ghanti customers`: customers' lists.

mod batch;
mod engine;
mod import;
mod report;
mod sending;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Subcommand;

/// The exit code if nothing could be done.
const NOTHING_DONE: u8 = 2;

/// The subcommands of `ghanti customers`.
#[derive(Subcommand)]
pub enum Command {
    /// Store a list from a CSV or XLSX file
    Import(import::Import),
}

impl Command {
    /// Runs the subcommand.
    pub fn run(self) -> ExitCode {
        let Self::Import(import) = self;
        import.run().unwrap_or_else(|error| {
            let _ = writeln!(std::io::stderr(), "ghanti: {error:#}");
            ExitCode::from(NOTHING_DONE)
        })
    }
}
