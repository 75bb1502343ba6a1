//! `ghanti config`, and how every command finds its configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use ghanti_server::Config;
use ghanti_server::config::{CommandLine, is_like_setting, printed, read_with};

/// The file that is read when none is named.
pub const FILE: &str = "ghanti.toml";

/// Where the configuration is.
#[derive(Args)]
pub struct Source {
    /// The configuration's file; without this `ghanti.toml`, if there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Source {
    /// Reads the file and the environment, for whatever serves nobody.
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
        let (mut variables, mut no_text) = (Vec::new(), Vec::new());
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => variables.push((name, value)),
                (Ok(name), Err(_)) if is_like_setting(&name) => no_text.push(name),
                _ => {}
            }
        }
        let mut config = read_with(&text, variables, line)?;
        config.ignored.extend(no_text);
        Ok(config)
    }
}

/// Logs the environment variables that look like settings and are none.
pub fn warn_of_ignored(config: &Config) {
    for name in &config.ignored {
        tracing::warn!("{}", ignored(name));
    }
}

fn ignored(name: &str) -> String {
    format!(
        "environment variable `{name}` is ignored: it names no setting; if it is meant as one, see `ghanti config print`"
    )
}

/// What a command that serves may be given above the configuration.
#[derive(Args)]
pub struct Serving {
    #[command(flatten)]
    source: Source,
    /// The address to listen on; `listen` of `[server]` otherwise
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Serve without tokens where others can reach the engine: for tests alone
    #[arg(long)]
    insecure: bool,
}

impl Serving {
    /// Reads the configuration, with the command line above it.
    pub fn read(&self) -> anyhow::Result<Config> {
        self.source.read_with(&CommandLine {
            listen: self.listen,
            insecure: self.insecure,
            serves: true,
        })
    }
}

/// What to do with it.
#[derive(Subcommand)]
pub enum Command {
    /// Say whether it is right, and all that is wrong with it
    Check(Source),
    /// Print every setting with its sentence, set or not; secrets are masked
    Print(Source),
}

impl Command {
    /// Does it.
    #[expect(
        clippy::print_stdout,
        clippy::print_stderr,
        reason = "what the command is for"
    )]
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Command::Check(source) => {
                let config = source.read_with(&CommandLine {
                    serves: true,
                    ..CommandLine::default()
                })?;
                for name in &config.ignored {
                    eprintln!("warning: {}", ignored(name));
                }
                println!("the configuration is right");
            }
            Command::Print(source) => {
                print!("{}", printed(&source.read()?));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
