//! `ghanti flow`: what authors of flows do, with this program and the toolchain of their language.

mod build;
mod failure;
mod folder;
mod new;
mod sdk;
mod sources;
mod toolchain;

use std::process::ExitCode;

use clap::Subcommand;

/// The subcommands of `ghanti flow`.
#[derive(Subcommand)]
pub enum Command {
    New(new::New),
    Build(build::Build),
}

impl Command {
    /// Runs the subcommand: exits with 0, with 1 where the flow is wrong, and with 2 where the command was used wrongly.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::New(new) => Ok(new.run()),
            Self::Build(build) => Ok(build.run()),
        }
    }
}
