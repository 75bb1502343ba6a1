//! The `ghanti` program: one module for each command.

mod call;
mod config;
mod dev;
mod dial;
mod doctor;
mod init;
mod replay;
mod serve;
mod signals;
mod sim;

use std::{io::Write as _, process::ExitCode};

use clap::Parser;

/// A voicebot engine for Exotel telephony.
#[derive(Parser)]
#[command(name = "ghanti", version, about)]
enum Command {
    Serve(serve::Serve),
    Init(init::Init),
    /// Serve calls while flows are being written, and build them when their sources change
    Dev(dev::Dev),
    Dial(dial::Dial),
    Doctor(doctor::Doctor),
    /// Check the configuration, or print every setting
    #[command(subcommand)]
    Config(config::Command),
    /// Simulate Exotel and a caller against a running engine
    Call(call::Call),
    Sim(sim::Sim),
    /// Replay recorded calls against their own version of a flow or another one
    Replay(replay::Replay),
    /// Compile the component on standard input; used by the engine for its child processes
    #[command(hide = true)]
    CompileComponent {
        order: String,
    },
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Serve(serve) => serve.run(),
        Command::Init(init) => init.run(),
        Command::Dev(dev) => dev.run(),
        Command::Dial(dial) => dial.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Config(command) => command.run(),
        Command::Call(call) => call.run(),
        Command::Sim(sim) => sim.run(),
        Command::Replay(replay) => replay.run(),
        Command::CompileComponent { order } => Ok(ghanti_server::compile_component(&order)),
    };
    done.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "ghanti: {error:#}");
        ExitCode::FAILURE
    })
}
