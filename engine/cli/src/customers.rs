//! `ghanti customers`: customers' lists.

mod engine;
mod erase;
mod import;
mod report;
mod sending;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Subcommand;

/// The exit code if nothing was done.
const NOTHING_DONE: u8 = 2;

/// The subcommands of `ghanti customers`.
#[derive(Subcommand)]
pub enum Command {
    /// Store a list from a CSV or XLSX file
    Import(import::Import),
    /// Erase a person's data from a running engine, by their number
    Erase(erase::Erase),
}

impl Command {
    /// Runs the subcommand.
    pub fn run(self) -> ExitCode {
        let done = match self {
            Self::Import(import) => import.run(),
            Self::Erase(erase) => erase.run(),
        };
        done.unwrap_or_else(|error| {
            let _ = writeln!(std::io::stderr(), "ghanti: {error:#}");
            ExitCode::from(NOTHING_DONE)
        })
    }
}
