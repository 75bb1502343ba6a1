//! `ghanti flow`: flows, for authors who have this program and a folder.

mod check;
mod findings;
mod folder;
mod map;
mod test;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Subcommand;

/// The exit code if nothing could be done.
const NOTHING_DONE: u8 = 2;

/// The subcommands of `ghanti flow`.
#[derive(Subcommand)]
pub enum Command {
    Check(check::Check),
    Map(map::Map),
    Test(test::Test),
}

impl Command {
    /// Runs the subcommand.
    pub fn run(self) -> ExitCode {
        let done = match self {
            Self::Check(check) => check.run(),
            Self::Map(map) => map.run(),
            Self::Test(test) => test.run(),
        };
        done.unwrap_or_else(|error| {
            let _ = writeln!(std::io::stderr(), "ghanti: {error:#}");
            ExitCode::from(NOTHING_DONE)
        })
    }
}
