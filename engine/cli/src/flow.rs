//! `ghanti flow`: commands for the authors of flows.

mod build;
mod cache;
mod check;
mod deploy;
mod dev;
mod engine;
mod explain;
mod failure;
mod findings;
mod folder;
mod folders;
mod inspect;
mod list;
pub mod loading;
mod map;
mod new;
mod outcome;
mod reference;
mod rollback;
mod sdk;
mod settings;
mod sources;
mod talk;
mod test;
mod toolchain;
mod weight;

use std::process::ExitCode;

use clap::Subcommand;

/// Write flows: create, build, check, test, deploy them
#[derive(Subcommand)]
pub enum Command {
    New(new::New),
    Build(build::Build),
    Dev(dev::Dev),
    Check(check::Check),
    Test(test::Test),
    Map(map::Map),
    Talk(talk::Talk),
    Deploy(deploy::Deploy),
    List(list::List),
    Rollback(rollback::Rollback),
    Weight(weight::Weight),
    Inspect(inspect::Inspect),
    Explain(explain::Explain),
    Schema(explain::Schema),
}

impl Command {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        let json = match &self {
            Self::New(_)
            | Self::Build(_)
            | Self::Dev(_)
            | Self::Check(_)
            | Self::Test(_)
            | Self::Map(_) => false,
            Self::Deploy(deploy) => deploy.json,
            Self::List(list) => list.json,
            Self::Rollback(rollback) => rollback.json,
            Self::Weight(weight) => weight.json,
            Self::Inspect(inspect) => inspect.json,
            Self::Talk(talk) => talk.json,
            Self::Explain(explain) => explain.json,
            Self::Schema(_) => true,
        };
        let done = match self {
            Self::New(new) => Ok(new.run()),
            Self::Build(build) => Ok(build.run()),
            Self::Dev(dev) => dev.run(),
            Self::Check(check) => check.run(),
            Self::Test(test) => test.run(),
            Self::Map(map) => map.run(),
            Self::Deploy(deploy) => deploy.run(),
            Self::List(list) => list.run(),
            Self::Rollback(rollback) => rollback.run(),
            Self::Weight(weight) => weight.run(),
            Self::Inspect(inspect) => inspect.run(),
            Self::Talk(talk) => talk.run(),
            Self::Explain(explain) => explain.run(),
            Self::Schema(schema) => schema.run(),
        };
        outcome::code(done, json)
    }
}
