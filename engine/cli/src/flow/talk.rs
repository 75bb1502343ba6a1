//! `ghanti flow talk`: holds a conversation with a flow, typed, in virtual time.
//!
//! A conversation is determined by what the caller does, so that going back, or going on with an
//! edited flow, is to run it again from its beginning with what they did so far.

mod caller;
mod input;
mod known;
mod lines;
mod stamp;
mod table;
mod terminal;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;
use ghanti_model::{FlowName, Language};

use self::known::Known;
use self::stamp::stamp;
use self::table::Table;
use self::terminal::Terminal;
use super::loading::Loading;
use super::outcome;
use crate::runtime::many_threads;

/// Hold a conversation with a flow, typed, in the terminal
///
/// Shows what the bot says and listens for, and takes what the caller says as a line; `/help` lists what else they can do. An edit of the flow's files
/// takes effect in the running conversation. Where input is no terminal, lines are read from it, and its end hangs up. Exits with 0, with 1 if the flow
/// fails, and with 2 if it cannot be loaded.
#[derive(Args)]
pub struct Talk {
    /// The flow's folder, with its `flow.wasm`
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// A TOML file with the customer's fields, such as a test of the flow; by default the first test that has a customer
    #[arg(long, value_name = "FILE")]
    customer: Option<PathBuf>,
    /// A field of the customer, such as `name=Priya`; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// The call's language, such as `hi-IN`; by default the flow's first
    #[arg(long, value_name = "TAG", value_parser = language)]
    language: Option<Language>,
    /// The customer calls, rather than being called
    #[arg(long)]
    inbound: bool,
    /// Print each line as a JSON object
    #[arg(long)]
    pub json: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write NAME=VALUE, such as `name=Priya`")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn language(text: &str) -> Result<Language, String> {
    Language::parse(text).map_err(|error| error.to_string())
}

impl Talk {
    /// Talks.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        many_threads(async {
            let known = Known::read(&self.folder, self.customer.as_deref(), &self.set)?;
            let loading = Loading::new()?;
            let name = self.folder.canonicalize().ok();
            let name = name
                .as_deref()
                .and_then(Path::file_name)
                .and_then(|name| FlowName::parse(name.to_str()?).ok());
            let name = match name {
                Some(name) => name,
                None => FlowName::parse("flow")?,
            };
            // looked at before it is loaded, so that no edit is missed
            let stamp = stamp(&self.folder);
            let version = loading
                .files
                .load(name.clone(), &self.folder, None)
                .await
                .map_err(|rejection| anyhow!("{rejection}"))?;
            let terminal = Terminal::open(self.json).context("cannot start a thread")?;
            let mut table = Table::new(
                loading,
                self.folder,
                name,
                Arc::new(version),
                known,
                terminal,
            );
            table.stamp = stamp;
            table.language = self.language;
            table.inbound = self.inbound;
            table.hold().await;
            Ok(ExitCode::from(if table.has_failed {
                outcome::REFUSED
            } else {
                0
            }))
        })
    }
}
