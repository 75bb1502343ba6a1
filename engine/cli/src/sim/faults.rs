//! `ghanti sim faults`: plays broken peers to a bot, and shows what it does about them.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use clap::builder::PossibleValuesParser;
use ghanti_load::target::{self, Target};
use ghanti_sim::broken::{self, Bot, ClosedBy, Fault, Played};
use serde::Serialize;

use crate::call::with_tokens;
use crate::config::Source;
use crate::load::units::duration;
use crate::runtime::many_threads;

/// Play peers that break the stream's protocol, or the network under it, to a bot
///
/// Each fault is one call, and a normal call after it shows whether the bot was hurt. With an engine's URL its applets get
/// Exotel's requests and its records are read; with a socket's (`ws://…`) any bot can be called that speaks Exotel's protocol. Nobody is
/// dialled. Exits with 0 if all normal calls went well, and with 1 otherwise.
#[derive(Args)]
pub struct Faults {
    /// The bot: an engine's URL, or a socket's, such as `ws://127.0.0.1:8765/media`
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000")]
    url: String,
    /// A fault, instead of all; may be given several times
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Fault::ALL.map(Fault::name)))]
    fault: Vec<String>,
    /// How long to wait for the bot to close a connection on which nothing comes any more
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    patience: Duration,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: Source,
}

/// All results, as JSON.
#[derive(Serialize)]
struct Report {
    bot: String,
    faults: Vec<Played>,
    survived: bool,
}

impl Faults {
    /// Plays them one after another.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        many_threads(self.play())
    }

    async fn play(self) -> anyhow::Result<ExitCode> {
        let url = with_tokens(&self.url, &self.source.read()?);
        let shown = target::shown(&url);
        let bot = match Target::parse(&url)? {
            Target::Engine(applets) => Bot::Engine(applets),
            Target::Socket(url) => Bot::Socket(url),
        };
        if let Err(reason) = broken::normal(&bot).await {
            bail!(
                "`{shown}` does not hold a normal call, so that no fault can be judged: {reason}"
            );
        }
        let named = self.fault.iter().filter_map(|name| Fault::named(name));
        let faults: Vec<Fault> = match self.fault.is_empty() {
            true => Fault::ALL.to_vec(),
            false => named.collect(),
        };
        let mut out = std::io::stdout();
        if !self.json {
            writeln!(
                out,
                "{:<14} {:<9} {:>8} {:>8}  {:<44} afterwards",
                "fault", "closed by", "after", "heard", "record"
            )?;
        }
        let mut played = Vec::new();
        for fault in faults {
            let result = broken::play(&bot, fault, self.patience).await;
            if !self.json {
                writeln!(out, "{}", row(&result))?;
            }
            played.push(result);
        }
        let survived = played.iter().all(Played::is_survived);
        if self.json {
            let report = Report {
                bot: shown,
                faults: played,
                survived,
            };
            writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        } else if !survived {
            writeln!(
                out,
                "\nnot all calls after a fault went well: see the log of the bot"
            )?;
        }
        Ok(if survived {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// A line of the table.
fn row(played: &Played) -> String {
    let (closed_by, after, heard, remark) = match &played.ending {
        Ok(ending) => {
            let closed_by = match ending.closed_by {
                ClosedBy::Bot => "bot",
                ClosedBy::Peer => "peer",
                ClosedBy::Nobody => "nobody",
            };
            (
                closed_by,
                seconds(ending.after_ms),
                seconds(ending.heard_ms),
                ending.remark.as_deref(),
            )
        }
        Err(problem) => ("-", "-".to_owned(), "-".to_owned(), Some(problem.as_str())),
    };
    let record = played.record.as_ref().map(|record| {
        let mut reported = record
            .outcome
            .clone()
            .unwrap_or_else(|| "none yet".to_owned());
        if !record.problems.is_empty() {
            reported = format!("{reported} ({})", record.problems.join(", "));
        }
        reported
    });
    let afterwards = match &played.afterwards {
        Ok(first_ms) => format!("well, heard after {first_ms} ms"),
        Err(problem) => format!("NOT WELL: {problem}"),
    };
    let remark = remark.map_or_else(String::new, |remark| format!("; {remark}"));
    format!(
        "{:<14} {closed_by:<9} {after:>8} {heard:>8}  {:<44} {afterwards}{remark}",
        played.fault.name(),
        record.unwrap_or_else(|| "-".to_owned()),
    )
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use ghanti_sim::broken::{Ending, Recorded};

    use super::*;

    #[test]
    fn a_line_says_who_closed_what_is_recorded_and_what_came_after() {
        let mut played = Played {
            fault: Fault::ReadNothing,
            ending: Ok(Ending {
                closed_by: ClosedBy::Bot,
                after_ms: 11_250,
                heard_ms: 0,
                remark: None,
            }),
            record: Some(Recorded {
                outcome: Some("connection-lost".to_owned()),
                problems: vec!["not-reading".to_owned()],
                closed_after_ms: Some(20),
            }),
            afterwards: Ok(210),
        };
        let line = row(&played);
        for part in [
            "read-nothing",
            "bot",
            "11.2 s",
            "connection-lost (not-reading)",
            "well, heard after 210 ms",
        ] {
            assert!(line.contains(part), "`{part}` is missing: {line}");
        }
        assert!(played.is_survived());
        played.afterwards = Err("no handshake".to_owned());
        assert!(!played.is_survived() && row(&played).contains("NOT WELL: no handshake"));
        let json = serde_json::to_value(&played).unwrap();
        assert_eq!(json["afterwards"]["problem"], "no handshake");
        assert_eq!(json["ending"]["closed_by"], "bot");
    }
}
