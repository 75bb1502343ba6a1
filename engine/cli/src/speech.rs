//! `ghanti speech`: the configured synthesizers and recognisers, without a call.

mod warm;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use ghanti_model::Language;
use ghanti_server::Config;
use ghanti_server::speech::check::{Checked, check};
use ghanti_server::speech::hear::{Pace, Question, Understood, hear, read_wav};
use ghanti_server::speech::say::say;
use ghanti_server::speech::{Providers, open_recognizer};
use serde_json::{Value, json};

use self::warm::Warm;
use crate::config::Source;
use crate::runtime::many_threads;

/// The commands about speech.
#[derive(Subcommand)]
pub enum Command {
    /// Check each synthesizer and recogniser: its latency, its languages, and what it recognises in the
    /// first sample
    Check(Check),
    /// Speak a text as a call would, into a WAV file
    Say(Say),
    /// Show what a call would recognise in recordings
    Hear(Hear),
    /// Synthesize flows' prompts into the engine's prompt cache, before its calls
    Warm(Box<Warm>),
}

/// Check each synthesizer and recogniser
#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    source: Source,
    /// The language of the sample
    #[arg(long, value_name = "TAG", default_value = "en-IN")]
    language: String,
    /// The words of the sample
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Yes please, call me tomorrow morning."
    )]
    text: String,
    /// A folder for the samples, a WAV file for each synthesizer
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Speak a text
#[derive(Args)]
pub struct Say {
    #[command(flatten)]
    source: Source,
    /// The text
    #[arg(value_name = "TEXT")]
    text: String,
    /// The WAV file to write, at the rate of calls
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Its language
    #[arg(long, value_name = "TAG", default_value = "en-IN")]
    language: String,
}

/// Recognise recordings
#[derive(Args)]
pub struct Hear {
    #[command(flatten)]
    source: Source,
    /// WAV files, each with what a caller says after a question: PCM of 16 bits, mono
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The choices of the question, by names of lexicons, such as `yes,no,agent`; none for an open
    /// question
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    choices: Vec<String>,
    /// The languages of the answer, most likely first
    #[arg(
        long,
        value_name = "TAGS",
        value_delimiter = ',',
        default_value = "en-IN"
    )]
    language: Vec<String>,
    /// Print a line of JSON for each file
    #[arg(long)]
    json: bool,
}

impl Command {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_max_level(tracing::Level::ERROR)
            .init();
        many_threads(async {
            match self {
                Self::Check(check) => check.run().await,
                Self::Say(say) => say.run().await,
                Self::Hear(hear) => hear.run().await,
                Self::Warm(warm) => warm.run().await,
            }
        })
    }
}

impl Check {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.source.read()?;
        let language = language(&self.language)?;
        let providers = Providers::open(&config).await?;
        let all = check(&providers, &self.text, &language, rate_hz(&config)).await?;
        if let Some(folder) = &self.out {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
            for checked in &all {
                if let Some(sample) = &checked.sample {
                    let file = folder.join(format!("{}.wav", checked.name));
                    std::fs::write(&file, sample.wav()?)
                        .with_context(|| format!("cannot write `{}`", file.display()))?;
                }
            }
        }
        let mut out = std::io::stdout();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        } else {
            all.iter().try_for_each(|checked| row(&mut out, checked))?;
        }
        let is_complete = all.iter().all(|checked| checked.error.is_none());
        Ok(if is_complete {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn row(out: &mut impl std::io::Write, checked: &Checked) -> std::io::Result<()> {
    let languages: Vec<_> = checked.languages.iter().map(Language::as_str).collect();
    let languages = languages.join(" ");
    write!(out, "{} {}: ", checked.role, checked.name)?;
    match (&checked.error, checked.latency_ms) {
        (Some(error), _) => writeln!(out, "cannot be used: {error}")?,
        (None, latency_ms) => {
            let latency_ms = latency_ms.unwrap_or_default();
            match (&checked.heard, checked.sample_ms) {
                (Some(words), _) => {
                    writeln!(out, "heard `{words}`, {latency_ms} ms after its end")?;
                }
                (None, sample_ms) => writeln!(
                    out,
                    "spoke for {} ms, the first audio after {latency_ms} ms",
                    sample_ms.unwrap_or_default()
                )?,
            }
        }
    }
    writeln!(out, "  languages: {languages}")
}

impl Say {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.source.read()?;
        let language = language(&self.language)?;
        let voices = Providers::open(&config).await?.voices();
        let spoken = say(voices, &self.text, &language, rate_hz(&config)).await?;
        std::fs::write(&self.out, spoken.wav()?)
            .with_context(|| format!("cannot write `{}`", self.out.display()))?;
        let mut out = std::io::stdout();
        for loss in &spoken.losses {
            writeln!(out, "{loss}")?;
        }
        writeln!(
            out,
            "{} ms at {} Hz in `{}`: the first audio after {} ms, all after {} ms",
            spoken.lasts_ms(),
            spoken.rate_hz,
            self.out.display(),
            spoken.first.as_millis(),
            spoken.whole.as_millis()
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Hear {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.source.read()?;
        let languages = self.language.iter().map(|tag| language(tag));
        let question = Question {
            choices: self.choices.clone(),
            languages: languages.collect::<Result<_, _>>()?,
        };
        let Some(recognizer) = open_recognizer(&config).await? else {
            bail!("no recogniser is configured: set `recognizer` or `recognizers` of `[speech]`");
        };
        let mut out = std::io::stdout();
        let mut is_complete = true;
        for file in &self.files {
            let wav =
                std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
            let samples = read_wav(&wav, rate_hz(&config))
                .with_context(|| format!("cannot recognise `{}`", file.display()))?;
            let heard = hear(
                recognizer.as_ref(),
                &question,
                Pace::of(&config.speech),
                &samples,
                rate_hz(&config),
            );
            let heard = heard.await;
            is_complete &= heard.is_ok();
            let name = file.display().to_string();
            match (self.json, heard) {
                (true, Ok(understood)) => writeln!(out, "{}", json(&name, &understood)?)?,
                (true, Err(error)) => {
                    writeln!(
                        out,
                        "{}",
                        json!({ "file": name, "error": error.to_string() })
                    )?;
                }
                (false, Ok(understood)) => {
                    let answer = understood.answer.as_deref().unwrap_or("nothing");
                    writeln!(out, "{name}: {answer}")?;
                    for turn in &understood.turns {
                        let (text, language) = (&turn.text, turn.language.as_str());
                        writeln!(out, "  `{text}` ({language}, {:.2})", turn.confidence)?;
                    }
                    for lost in &understood.lost {
                        writeln!(out, "  lost {lost}")?;
                    }
                }
                (false, Err(error)) => writeln!(out, "{name}: cannot be recognised: {error}")?,
            }
        }
        Ok(if is_complete {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn json(file: &str, understood: &Understood) -> anyhow::Result<String> {
    let mut json = serde_json::to_value(understood)?;
    if let Value::Object(json) = &mut json {
        json.insert("file".to_owned(), json!(file));
    }
    Ok(json.to_string())
}

fn rate_hz(config: &Config) -> u32 {
    config.calls.sample_rate_hz
}

fn language(tag: &str) -> anyhow::Result<Language> {
    Language::parse(tag)
        .with_context(|| format!("`{tag}` is not a language: write a tag such as `hi-IN`"))
}
