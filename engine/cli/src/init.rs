//! `ghanti init`: writes a configuration with random tokens for a new operator.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use ghanti_model::PhoneNumber;
use ghanti_server::config::{CommandLine, read_with};
use ghanti_server::{Secret, Starter};

/// The file contains tokens, so only its owner may read it.
const MODE: u32 = 0o600;

/// Write a commented configuration with random tokens
///
/// Settings that are not given are left as comments, to be filled in. An existing file is never
/// changed.
#[derive(Args)]
pub struct Init {
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = crate::config::FILE)]
    config: PathBuf,
    /// The company in whose name the bot calls
    #[arg(long, value_name = "NAME")]
    lender: Option<String>,
    /// The caller's name as said to someone who may not be the customer; must not reveal the
    /// purpose of the call
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// The name by which the bot introduces itself
    #[arg(long, value_name = "NAME")]
    bot_name: Option<String>,
    /// An agent's number to dial for a transfer; may be given several times
    #[arg(long = "agent", value_name = "NUMBER", value_parser = PhoneNumber::parse)]
    agents: Vec<PhoneNumber>,
    /// The base URL by which Exotel reaches the engine, such as `https://bot.example.com`
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The URL of Redis, for sessions and customers
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// The URL of PostgreSQL, for call records
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

impl Init {
    /// Writes the file.
    #[expect(clippy::print_stdout, reason = "what the operator does next")]
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let settings = crate::config::with_environment("", &CommandLine::default())?;
        let no_recognizer = settings.speech.missing_recognizer();
        let starter = Starter {
            answers_by_keys: no_recognizer.is_some(),
            lender: self.lender,
            caller: self.caller,
            bot_name: self.bot_name,
            agents: self.agents,
            public_url: self.public_url,
            redis_url: self.redis_url.map(Secret::new),
            database_url: self.database_url.map(Secret::new),
        };
        let text = starter.text()?;
        // reports an invalid value now, and not when the engine starts
        read_with(
            &text,
            [],
            &CommandLine {
                serves: true,
                ..CommandLine::default()
            },
        )?;
        let file = self.config.display();
        let opened = File::options()
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(&self.config);
        let mut opened = match opened {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                bail!(
                    "`{file}` exists already and was not changed: move it away, or name another file with --config"
                )
            }
            opened => opened.with_context(|| format!("cannot write `{file}`"))?,
        };
        opened
            .write_all(text.as_bytes())
            .with_context(|| format!("cannot write `{file}`"))?;
        println!("wrote `{file}`, with random tokens; only you may read it");
        let missing = starter.missing();
        if !missing.is_empty() {
            println!("still to be filled in: {}", missing.join(", "));
        }
        if let Some(library) = no_recognizer {
            println!(
                "callers answer with keys (`recognizer = \"none\"` of [speech]), as `{}` is not there: docs/speech.md says where a recogniser comes from",
                library.display()
            );
        }
        println!(
            "then: `ghanti serve`, and `GET /websocket-url` with `api-token` shows what to paste into Exotel's applets"
        );
        Ok(ExitCode::SUCCESS)
    }
}
