//! `ghanti flow talk`: a typed conversation with a flow, in virtual time.
//!
//! A conversation is determined by the caller's actions. To go back, or to continue with an edited
//! flow, it is run again from its beginning with the actions so far.

mod caller;
mod input;
mod known;
mod lines;
mod session;
mod stamp;
mod talked;
mod terminal;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::Args;
use ghanti_model::Language;
use ghanti_server::Config;
use ghanti_server::speech::open_recognizer;
use ghanti_sim::bot_words::recognize_wav;
use time::format_description::well_known::Rfc3339;
use time::macros::{format_description, offset};
use time::{Date, OffsetDateTime};

pub use self::known::Known;
use self::session::Session;
pub use self::talked::Talked;
pub use self::terminal::{Terminal, notes};
use super::outcome;
use crate::config::Source;
use crate::runtime::many_threads;

/// Talk with a flow by typing in the terminal
///
/// Shows what the bot says and listens for, and reads the caller's answers line by line; `/help` lists their other actions. An edit of the flow's files
/// takes effect in the running conversation. If input is not a terminal, lines are read from it, and its end hangs up. Exits with 0, with 1 if the flow
/// fails, and with 2 if it cannot be loaded.
#[derive(Args)]
pub struct Talk {
    /// The flow's folder, with its `flow.wasm`
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    #[command(flatten)]
    beginning: Beginning,
    /// Print each line as a JSON object
    #[arg(long)]
    pub json: bool,
}

/// The initial conditions of a conversation.
#[derive(Args)]
pub struct Beginning {
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
    /// When the call begins: a date, such as `2026-12-05` (at 11:00 in India), or a time with offset; by default now
    #[arg(long, value_name = "DATE", value_parser = begin_time)]
    at: Option<OffsetDateTime>,
    /// A WAV file (PCM of 16 bits, mono) with the caller's side: the utterances between its pauses are their answers, in order; may be given
    /// several times
    #[arg(long, value_name = "FILE")]
    voice: Vec<PathBuf>,
    #[command(flatten)]
    pub source: Source,
}

/// Maximum size of a caller's WAV file: half an hour at 16 kHz.
const VOICE_BYTES: u64 = 64 << 20;

/// The time of day of a call that begins on a date: the same as in flows' tests.
const HOUR: u8 = 11;

fn begin_time(text: &str) -> Result<OffsetDateTime, String> {
    let date = Date::parse(text, format_description!("[year]-[month]-[day]"));
    let begin_time = match date {
        Ok(date) => date
            .with_hms(HOUR, 0, 0)
            .ok()
            .map(|time| time.assume_offset(offset!(+5:30))),
        Err(_) => OffsetDateTime::parse(text, &Rfc3339).ok(),
    };
    begin_time
        .filter(|begin_time| begin_time.unix_timestamp() >= 0)
        .ok_or_else(|| {
            "write a date, such as `2026-12-05`, or a time, such as `2026-12-05T18:00:00+05:30`"
                .to_owned()
        })
}

impl Beginning {
    /// The data for a conversation with the flow in a folder.
    pub fn known(&self, folder: &Path) -> anyhow::Result<Known> {
        Known::read(folder, self.customer.as_deref(), &self.set)
    }

    /// A conversation with a flow under these conditions; the flow must have a version.
    pub async fn session(
        self,
        known: Known,
        talked: Talked,
        terminal: Terminal,
    ) -> anyhow::Result<Session> {
        let version = talked.version().context("the flow has no version yet")?;
        let version = Arc::clone(version);
        for (name, _) in &self.set {
            if let Some(problem) = version.manifest().customer.unknown(name) {
                bail!("--set {name}: {problem}");
            }
        }
        let mut session = Session::new(talked, version, known, terminal);
        session.language = self.language;
        session.inbound = self.inbound;
        if let Some(at) = self.at {
            session.begins_ms = u64::try_from(at.unix_timestamp()).unwrap_or_default() * 1_000;
        }
        if !self.voice.is_empty() {
            session.voice =
                recognized_utterances(&self.voice, &self.source.read()?, &session.language())
                    .await?;
        }
        Ok(session)
    }
}

/// The utterances in callers' WAV files, by the configured recogniser.
async fn recognized_utterances(
    files: &[PathBuf],
    config: &Config,
    language: &Language,
) -> anyhow::Result<VecDeque<String>> {
    let recognizer = open_recognizer(config).await?.context(
        "--voice needs a recogniser: set `recognizer` of `[speech]`, or type what the caller says",
    )?;
    let mut all = VecDeque::new();
    for file in files {
        let shown = file.display();
        let bytes = file
            .metadata()
            .with_context(|| format!("cannot read `{shown}`"))?
            .len();
        ensure!(
            bytes <= VOICE_BYTES,
            "`{shown}` has {bytes} bytes: give files of at most {VOICE_BYTES}"
        );
        let wav = std::fs::read(file).with_context(|| format!("cannot read `{shown}`"))?;
        let words = recognize_wav(recognizer.as_ref(), language, &wav)
            .await
            .with_context(|| format!("`{shown}` cannot be recognised"))?;
        ensure!(
            !words.is_empty(),
            "no speech was recognised in `{shown}`: is it speech in {language}?"
        );
        all.extend(words);
    }
    Ok(all)
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
            let known = self.beginning.known(&self.folder)?;
            let talked = Talked::in_folder(self.folder.clone()).await?;
            let terminal = Terminal::open(self.json).context("cannot start a thread")?;
            let mut session = self.beginning.session(known, talked, terminal).await?;
            session.run().await;
            Ok(ExitCode::from(if session.has_failed {
                outcome::REFUSED
            } else {
                0
            }))
        })
    }
}
