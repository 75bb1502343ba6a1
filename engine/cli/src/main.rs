//! The `ghanti` program: one module for each command.

mod call;
mod commands;
mod config;
mod customers;
mod dev;
mod dial;
mod init;
mod replay;
mod serve;
mod signals;
mod sim;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    commands::Command::parse().run().unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "ghanti: {error:#}");
        ExitCode::FAILURE
    })
}
