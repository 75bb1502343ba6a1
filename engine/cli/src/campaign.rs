//! `ghanti campaign`: creates, controls and reports campaigns of a running engine.

mod report;
mod watch;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::engine::{Address, Engine};
use crate::runtime::one_thread;

/// Call the customers of a list, by rules
#[derive(Subcommand)]
pub enum Command {
    /// Create a campaign, which calls nobody until it is started
    New(New),
    /// List the campaigns
    List(List),
    /// Start a campaign
    Start(Named),
    /// Pause a campaign: calls in progress go on, no more are dialled
    Pause(Named),
    /// Resume a campaign that was paused, or was stopped by failing calls
    Resume(Named),
    /// End a campaign for good
    Cancel(Named),
    /// Follow a campaign until it is over or stops
    Watch(Named),
    /// Write the results of a campaign's calls
    Report(report::Report),
}

/// `ghanti campaign new`
#[derive(Args)]
pub struct New {
    #[command(flatten)]
    address: Address,
    /// The campaign's name
    name: String,
    /// The list whose customers are called
    #[arg(long)]
    list: String,
    /// A TOML file with the campaign's rules: see docs/campaigns.md
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// A file of days without calls, one `2026-12-25` per line; the rest of a line is a comment
    #[arg(long, value_name = "FILE")]
    holidays: Option<PathBuf>,
}

/// `ghanti campaign list`
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    address: Address,
}

/// A campaign by its name.
#[derive(Args)]
pub struct Named {
    #[command(flatten)]
    address: Address,
    /// The campaign's name
    name: String,
}

/// A campaign, as the engine shows it.
#[derive(Deserialize)]
struct Campaign {
    name: String,
    list: String,
    flow: String,
    state: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    in_progress: u64,
    #[serde(default)]
    with_agents: u64,
    #[serde(default)]
    customers: Vec<Tally>,
}

/// How many customers are in a state with an outcome.
#[derive(Deserialize)]
struct Tally {
    state: String,
    outcome: Option<String>,
    customers: u64,
}

impl Campaign {
    /// The customers in a state.
    fn of_state(&self, state: &str) -> u64 {
        let of_state = self.customers.iter().filter(|tally| tally.state == state);
        of_state.map(|tally| tally.customers).sum()
    }

    /// Its state in one line.
    fn line(&self) -> String {
        let reason = self
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(" ({reason})"));
        format!("{}: {}{reason}", self.name, self.state)
    }
}

impl Command {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        one_thread(async {
            match self {
                Self::New(new) => new.run().await,
                Self::List(list) => list.run().await,
                Self::Start(named) => named.change("start").await,
                Self::Pause(named) => named.change("pause").await,
                Self::Resume(named) => named.change("resume").await,
                Self::Cancel(named) => named.change("cancel").await,
                Self::Watch(named) => watch::run(&named).await,
                Self::Report(report) => report.run().await,
            }
        })
    }
}

impl New {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let mut plan = match &self.plan {
            None => Map::new(),
            Some(path) => {
                let text = read(path)?;
                toml::from_str(&text).map_err(|error| {
                    let what = ghanti_manifest::toml_error(&text, &error);
                    anyhow!("`{}`: {what}", path.display())
                })?
            }
        };
        if let Some(path) = &self.holidays {
            add_holidays(&mut plan, &read(path)?);
        }
        let body = json!({ "name": self.name, "list": self.list, "plan": plan });
        let engine = Engine::new(&self.address)?;
        let made: Campaign = engine
            .send(engine.request(Method::POST, "/api/campaigns").json(&body))
            .await?;
        let mut out = std::io::stdout();
        writeln!(out, "{}", made.line())?;
        writeln!(out, "start it with `ghanti campaign start {}`", made.name)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Adds the days of a file to `holidays` of `[hours]`. The engine reports invalid days.
fn add_holidays(plan: &mut Map<String, Value>, text: &str) {
    let lines = text.lines().map(str::trim);
    let days = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split_whitespace().next())
        .map(|day| json!(day));
    let hours = plan.entry("hours").or_insert_with(|| json!({}));
    let Some(hours) = hours.as_object_mut() else {
        return;
    };
    let holidays = hours.entry("holidays").or_insert_with(|| json!([]));
    if let Some(holidays) = holidays.as_array_mut() {
        holidays.extend(days);
    }
}

impl List {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let campaigns: crate::engine::List<Campaign> =
            Engine::new(&self.address)?.get("/api/campaigns").await?;
        let mut out = std::io::stdout();
        for campaign in campaigns.items {
            let Campaign { list, flow, .. } = &campaign;
            writeln!(out, "{} (list `{list}`, flow `{flow}`)", campaign.line())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Named {
    /// The path of the campaign.
    fn path(&self) -> anyhow::Result<String> {
        path(&self.name)
    }

    async fn change(self, action: &str) -> anyhow::Result<ExitCode> {
        let engine = Engine::new(&self.address)?;
        let path = format!("{}/{action}", self.path()?);
        let changed: Campaign = engine.send(engine.request(Method::POST, &path)).await?;
        writeln!(std::io::stdout(), "{}", changed.line())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The path of a campaign.
fn path(name: &str) -> anyhow::Result<String> {
    let usable = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if name.is_empty() || !name.chars().all(usable) {
        bail!("no campaign has such a name: see `ghanti campaign list`");
    }
    Ok(format!("/api/campaigns/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holidays_of_a_file_join_those_of_the_plan() {
        let mut plan: Map<String, Value> =
            toml::from_str("[hours]\nholidays = [\"2026-08-15\"]").unwrap();
        add_holidays(
            &mut plan,
            "# 2026\n2026-10-02 Gandhi Jayanti\n\n  2026-12-25\n",
        );
        assert_eq!(
            plan["hours"]["holidays"],
            json!(["2026-08-15", "2026-10-02", "2026-12-25"])
        );
        let mut plan = Map::new();
        add_holidays(&mut plan, "2026-12-25");
        assert_eq!(plan["hours"]["holidays"], json!(["2026-12-25"]));
    }
}
