//! `ghanti config`, and how each command finds its configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use ghanti_server::Config;
use ghanti_server::config::{
    CommandLine, ConfigError, is_like_setting, printed, read_with, with_secret_files,
};

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
        let default = Path::new(FILE);
        let file = self.config.as_deref();
        let Some(file) = file.or_else(|| default.exists().then_some(default)) else {
            return with_environment("", line);
        };
        let shown = file.display();
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the configuration `{shown}`"))?;
        with_environment(&text, line).with_context(|| format!("`{shown}`"))
    }
}

/// Reads the text of a configuration file, and the environment that overrides it.
pub fn with_environment(text: &str, line: &CommandLine) -> anyhow::Result<Config> {
    let (mut variables, mut no_text) = (Vec::new(), Vec::new());
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => variables.push((name, value)),
            (Ok(name), Err(_)) if is_like_setting(&name) => no_text.push(name),
            _ => {}
        }
    }
    let (variables, unreadable) = with_secret_files(variables);
    if !unreadable.is_empty() {
        return Err(ConfigError(unreadable).into());
    }
    let mut config = read_with(text, variables, line)?;
    config.ignored.extend(no_text);
    Ok(config)
}

/// Logs environment variables that look like settings but are ignored.
pub fn warn_of_ignored(config: &Config) {
    for name in &config.ignored {
        tracing::warn!("{}", ignored(name));
    }
}

fn ignored(name: &str) -> String {
    format!(
        "environment variable `{name}` is ignored: there is no such setting; `ghanti config print` has all settings"
    )
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
                println!("the configuration is valid");
            }
            Command::Print(source) => {
                print!("{}", printed(&source.read()?));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
