//! The `ghanti` program.

mod call;
mod calls;
mod campaign;
mod commands;
mod config;
mod customers;
mod dev;
mod dial;
mod doctor;
mod engine;
mod flow;
mod health;
mod init;
mod load;
mod manual;
mod replay;
mod runtime;
mod serve;
mod signals;
mod sim;
mod speech;
mod stream;
mod top;

use std::{io::Write as _, process::ExitCode};

use clap::Parser;

use crate::commands::Command;

fn main() -> ExitCode {
    Command::parse().run().unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "ghanti: {error:#}");
        ExitCode::FAILURE
    })
}
