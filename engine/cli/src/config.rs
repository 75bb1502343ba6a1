//! `samvaad config`, and how every command finds its configuration.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use samvaad_server::Config;
use samvaad_server::config::read;

/// The file that is read when none is named.
const FILE: &str = "samvaad.toml";

/// Where the configuration is.
#[derive(Args)]
pub struct Source {
    /// The configuration's file; without this `samvaad.toml`, if there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Source {
    /// Reads the file and the environment.
    pub fn read(&self) -> anyhow::Result<Config> {
        let text = match &self.config {
            Some(file) => std::fs::read_to_string(file).with_context(|| format!("cannot read the configuration `{}`", file.display()))?,
            None if Path::new(FILE).exists() => std::fs::read_to_string(FILE).with_context(|| format!("cannot read `{FILE}`"))?,
            None => String::new(),
        };
        Ok(read(&text, std::env::vars())?)
    }
}

/// What to do with it.
#[derive(Subcommand)]
pub enum Command {
    /// Say whether it is right, and all that is wrong with it
    Check(Source),
    /// Print it with its defaults, secrets masked
    Print(Source),
}

impl Command {
    /// Does it.
    #[expect(clippy::print_stdout, reason = "what the command is for")]
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Command::Check(source) => {
                source.read()?;
                println!("the configuration is right");
            }
            Command::Print(source) => {
                let Ok(text) = toml_of(&source.read()?) else { bail!("the configuration cannot be written as TOML") };
                print!("{text}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn toml_of(config: &Config) -> Result<String, toml::ser::Error> {
    toml::to_string_pretty(config)
}
