//! `ghanti campaign report`: the results of a campaign, as Markdown and as CSV.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Address, Campaign, Engine, path};
use crate::engine::List;

/// Customers per page: the engine's maximum.
const PAGE: u32 = 200;

/// Write the results of a campaign's calls: a summary as Markdown on standard output, and every
/// customer as CSV
#[derive(Args)]
pub struct Report {
    #[command(flatten)]
    address: Address,
    /// The campaign's name
    name: String,
    /// Write every customer into this CSV file instead of the summary; `-` is standard output
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write numbers unmasked
    #[arg(long)]
    numbers: bool,
}

/// A customer's line.
#[derive(Deserialize)]
struct Line {
    customer: String,
    phone: String,
    state: String,
    attempts: u32,
    outcome: Option<String>,
    reason: Option<String>,
    due_ms: Option<u64>,
    call_id: Option<String>,
}

const HEADER: [&str; 8] = [
    "customer", "phone", "state", "attempts", "outcome", "reason", "due", "call_id",
];

impl Report {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let engine = Engine::new(&self.address)?;
        let path = path(&self.name)?;
        let Some(file) = &self.csv else {
            let campaign: Campaign = engine.get(&path).await?;
            write!(std::io::stdout(), "{}", markdown(&campaign))?;
            return Ok(ExitCode::SUCCESS);
        };
        let out: Box<dyn Write> = if file.as_os_str() == "-" {
            Box::new(std::io::stdout())
        } else {
            let shown = file.display();
            Box::new(File::create(file).with_context(|| format!("cannot write `{shown}`"))?)
        };
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(HEADER)?;
        let mut cursor = String::new();
        loop {
            let page = format!(
                "{path}/customers?numbers={}&limit={PAGE}{cursor}",
                self.numbers
            );
            let lines: List<Line> = engine.get(&page).await?;
            for line in &lines.items {
                csv.write_record(row(line))?;
            }
            let Some(next) = lines.next else {
                csv.flush()?;
                return Ok(ExitCode::SUCCESS);
            };
            cursor = format!("&cursor={next}");
        }
    }
}

fn row(line: &Line) -> [String; 8] {
    [
        line.customer.clone(),
        line.phone.clone(),
        line.state.clone(),
        line.attempts.to_string(),
        line.outcome.clone().unwrap_or_default(),
        line.reason.clone().unwrap_or_default(),
        line.due_ms.map(time).unwrap_or_default(),
        line.call_id.clone().unwrap_or_default(),
    ]
}

/// A time as RFC 3339, in UTC.
fn time(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).ok();
    let at = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    at.and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// The summary.
fn markdown(campaign: &Campaign) -> String {
    let all: u64 = campaign.customers.iter().map(|tally| tally.customers).sum();
    let rows: String = campaign
        .customers
        .iter()
        .map(|tally| {
            let outcome = tally.outcome.as_deref().unwrap_or("not called");
            format!("| {} | {outcome} | {} |\n", tally.state, tally.customers)
        })
        .collect();
    format!(
        "# Campaign {}\n\nList `{}`, flow `{}`, {}{}. {all} customers, {} calls in progress.\n\n| state | outcome | customers |\n|---|---|---|\n{rows}",
        campaign.name,
        campaign.list,
        campaign.flow,
        campaign.state,
        campaign
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(" ({reason})")),
        campaign.in_progress,
    )
}
