//! `ghanti config`, and how each command finds its configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use ghanti_server::Config;
use ghanti_server::config::{CommandLine, printed, read_with};

/// The configuration file that is read by default.
pub const FILE: &str = "ghanti.toml";

/// Where the configuration is read from.
#[derive(Args)]
pub struct Source {
    /// The configuration file; by default `ghanti.toml`, if it exists
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Source {
    /// Reads the file and the environment, for a command that does not serve.
    pub fn read(&self) -> anyhow::Result<Config> {
        self.read_with(&CommandLine::default())
    }

    fn read_with(&self, line: &CommandLine) -> anyhow::Result<Config> {
        let text = match &self.config {
            Some(file) => std::fs::read_to_string(file)
                .with_context(|| format!("cannot read the configuration `{}`", file.display()))?,
            None if Path::new(FILE).exists() => {
                std::fs::read_to_string(FILE).with_context(|| format!("cannot read `{FILE}`"))?
            }
            None => String::new(),
        };
        // a variable that is not valid UTF-8 is not one of the engine's
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Ok(read_with(&text, variables, line)?)
    }
}

/// Options of a command that serves; they override the configuration.
#[derive(Args)]
pub struct Serving {
    #[command(flatten)]
    source: Source,
    /// The address to listen on; by default `listen` of `[server]`
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Serve even if tokens are missing; for tests only
    #[arg(long)]
    insecure: bool,
}

impl Serving {
    /// Reads the configuration and applies the command line.
    pub fn read(&self) -> anyhow::Result<Config> {
        self.source.read_with(&CommandLine {
            listen: self.listen,
            insecure: self.insecure,
            serves: true,
        })
    }
}

/// The subcommands of `ghanti config`.
#[derive(Subcommand)]
pub enum Command {
    /// Check the configuration and report all errors
    Check(Source),
    /// Print every setting with a description; secrets are masked
    Print(Source),
}

impl Command {
    /// Runs the subcommand.
    #[expect(clippy::print_stdout, reason = "what the command is for")]
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Command::Check(source) => {
                source.read_with(&CommandLine {
                    serves: true,
                    ..CommandLine::default()
                })?;
                println!("the configuration is right");
            }
            Command::Print(source) => {
                print!("{}", printed(&source.read()?));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
