//! The commands, one module each.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::{
    call, calls, campaign, config, customers, dev, dial, doctor, flow, health, init, load, manual,
    replay, serve, sim, speech, top,
};

/// A voicebot engine for Exotel telephony.
#[derive(Parser)]
#[command(name = "ghanti", version, about)]
pub enum Command {
    /// Serve calls until stopped
    Serve(serve::Serve),
    /// Write a commented configuration with random tokens
    Init(init::Init),
    /// Serve calls while flows are being written, and build them when their sources change
    Dev(dev::Dev),
    /// Write flows: create, build, check, test, deploy them
    #[command(subcommand)]
    Flow(flow::Command),
    /// Dial a customer through a running engine
    Dial(dial::Dial),
    Doctor(doctor::Doctor),
    Health(health::Health),
    /// List, follow, show, export and verify calls
    #[command(subcommand)]
    Calls(calls::Command),
    Top(top::Top),
    /// Call the customers of a list, by rules
    #[command(subcommand)]
    Campaign(campaign::Command),
    /// Import customers' lists into a running engine
    #[command(subcommand)]
    Customers(customers::Command),
    /// Check the configuration, or print every setting
    #[command(subcommand)]
    Config(config::Command),
    /// Check synthesizers and recognisers, speak a text, recognise recordings
    #[command(subcommand)]
    Speech(speech::Command),
    /// Simulate Exotel and a caller against a running engine
    Call(call::Call),
    Load(load::Load),
    /// Simulate Exotel's side of outbound calls
    Sim(sim::Sim),
    /// Replay recorded calls against their own version of a flow or another one
    Replay(replay::Replay),
    Completions(manual::Completions),
    Man(manual::Manual),
    /// Compile the component on standard input; used by the engine for its child processes
    #[command(hide = true)]
    CompileComponent {
        /// What to compile it with
        order: String,
    },
}

impl Command {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(serve) => serve.run(),
            Self::Init(init) => init.run(),
            Self::Dev(dev) => dev.run(),
            Self::Flow(command) => Ok(command.run()),
            Self::Dial(dial) => dial.run(),
            Self::Doctor(doctor) => doctor.run(),
            Self::Health(health) => health.run(),
            Self::Calls(command) => Ok(command.run()),
            Self::Top(top) => top.run(),
            Self::Campaign(command) => command.run(),
            Self::Customers(command) => Ok(command.run()),
            Self::Config(command) => command.run(),
            Self::Speech(command) => command.run(),
            Self::Call(call) => call.run(),
            Self::Load(load) => load.run(),
            Self::Sim(sim) => sim.run(),
            Self::Replay(replay) => replay.run(),
            Self::Completions(completions) => completions.run(Self::command()),
            Self::Man(manual) => manual.run(Self::command()),
            Self::CompileComponent { order } => Ok(ghanti_server::compile_component(&order)),
        }
    }
}
