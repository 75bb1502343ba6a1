//! `ghanti replay`: replays recorded calls and reports the differences.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use ghanti_model::DifferenceKind;
use ghanti_replay::{Progress, Replayer};
use ghanti_server::{Folders, replay};
use indicatif::{ProgressBar, ProgressStyle};

use crate::config::Source;
use crate::runtime::many_threads;

/// The exit code if there are differences that are not tolerated.
const DIFFERENT: u8 = 1;
/// The exit code if a call could not be replayed.
const NOT_RUN: u8 = 2;

/// Replay recorded calls, without audio or side effects. Exits with 0 if nothing differs, with 1 if
/// something does, and with 2 if a call cannot be replayed.
#[derive(Args)]
pub struct Replay {
    #[command(flatten)]
    source: Source,
    /// Our id of the call, Exotel's CallSid, or a file with its journal or record
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    call: Option<String>,
    /// All recorded calls
    #[arg(long)]
    all: bool,
    /// Only calls since this date (2026-11-30), or within this time (2d, 12h)
    #[arg(long, value_name = "WHEN", requires = "all")]
    since: Option<String>,
    /// The version to run against, as a flow's folder or a component; by default the flow in the
    /// folder of flows
    #[arg(long, value_name = "FILE-OR-FOLDER")]
    flow: Option<PathBuf>,
    /// A kind of difference to tolerate: amounts, decisions, dates, structure or wording; may be
    /// given several times
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    tolerate: Vec<DifferenceKind>,
    /// The folder of databases, caches and spools
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// The folder of flows
    #[arg(long, value_name = "DIR", default_value = "flows")]
    flows: PathBuf,
}

impl Replay {
    /// Runs the replay. Errors are reported here, because they have an exit code of their own.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        self.replay().or_else(|error| {
            writeln!(std::io::stderr(), "ghanti: {error:#}")?;
            Ok(ExitCode::from(NOT_RUN))
        })
    }

    fn replay(self) -> anyhow::Result<ExitCode> {
        let config = self.source.read()?;
        let folders = Folders {
            data: self.data,
            flows: self.flows,
        };
        let tolerated: BTreeSet<_> = self.tolerate.into_iter().collect();
        many_threads(async {
            let replayer = Arc::new(Replayer::new(replay::settings(
                &config, &folders, self.flow, tolerated,
            ))?);
            let mut out = std::io::stdout().lock();
            let (is_same, is_whole) = match &self.call {
                Some(call) => {
                    let replayed = replayer.one(call).await?;
                    write!(out, "{replayed}")?;
                    (replayed.is_same(), true)
                }
                None => {
                    let bar = bar();
                    let show = |Progress { done, all }| {
                        bar.set_length(all.max(done));
                        bar.set_position(done);
                    };
                    let sweep = replayer.all(self.since.as_deref(), show).await?;
                    bar.finish_and_clear();
                    write!(out, "{sweep}")?;
                    (sweep.is_same(), sweep.failed.is_empty())
                }
            };
            Ok(match (is_same, is_whole) {
                (false, _) => ExitCode::from(DIFFERENT),
                (true, false) => ExitCode::from(NOT_RUN),
                (true, true) => ExitCode::SUCCESS,
            })
        })
    }
}

/// A progress bar; hidden if standard error is not a terminal.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} calls, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}
