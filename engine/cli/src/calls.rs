//! `ghanti calls`: the calls of a running engine: list, follow, show, export, and check that no record
//! was changed.

pub mod event_text;
mod export;
mod list;
mod package;
mod show;
mod tail;
pub mod text;
mod verify;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Subcommand;

use crate::runtime::one_thread;

/// The exit code if something was changed.
const BROKEN: u8 = 1;
/// The exit code if the command failed, or something could not be checked.
const NOT_DONE: u8 = 2;

/// The subcommands of `ghanti calls`.
#[derive(Subcommand)]
pub enum Command {
    /// List calls, newest first
    List(list::List),
    /// Follow calls while they go on: connected, said, heard, keys, problems, outcome
    Tail(tail::Tail),
    /// Show a call: facts, milestones, transcript with what was heard, outcome, findings
    Show(show::Show),
    /// Write calls with their events and hashes into a folder or a ZIP archive
    Export(export::Export),
    Verify(verify::Verify),
}

impl Command {
    /// Runs the subcommand.
    pub fn run(self) -> ExitCode {
        let done = one_thread(async {
            match self {
                Self::List(list) => list.run().await,
                Self::Tail(tail) => tail.run().await,
                Self::Show(show) => show.run().await,
                Self::Export(export) => export.run().await,
                Self::Verify(verify) => verify.run().await,
            }
        });
        done.unwrap_or_else(|error| {
            let _ = writeln!(std::io::stderr(), "ghanti: {error:#}");
            ExitCode::from(NOT_DONE)
        })
    }
}
