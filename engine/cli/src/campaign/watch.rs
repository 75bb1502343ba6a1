//! `ghanti campaign watch`: follows a campaign until it has finished or stops.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::{Campaign, Engine, Named};

/// The poll interval.
const POLL: Duration = Duration::from_secs(1);

/// How long to wait for an engine that does not answer.
const UNREACHABLE: Duration = Duration::from_secs(120);

/// Writes a line whenever something has changed. Exits with 0 once the campaign is finished, and
/// with 1 if it is not running for another reason.
pub async fn run(named: &Named) -> anyhow::Result<ExitCode> {
    let engine = Engine::new(&named.address)?;
    let path = named.path()?;
    let mut out = std::io::stdout();
    let mut shown = String::new();
    let mut lost: Option<Instant> = None;
    loop {
        let campaign: Campaign = match engine.get(&path).await {
            Ok(campaign) => campaign,
            // a restarted engine continues the campaign
            Err(error) if error.is_temporary() && !shown.is_empty() => {
                let error = anyhow::Error::from(error);
                let since = *lost.get_or_insert_with(|| {
                    let _ = writeln!(std::io::stderr(), "{error:#}; waiting for it");
                    Instant::now()
                });
                if since.elapsed() > UNREACHABLE {
                    return Err(error);
                }
                tokio::time::sleep(POLL).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        lost = None;
        let line = progress(&campaign);
        if line != shown {
            writeln!(out, "{line}")?;
            shown = line;
        }
        match campaign.state.as_str() {
            "running" => {}
            "finished" => return Ok(ExitCode::SUCCESS),
            _ => return Ok(ExitCode::FAILURE),
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The progress of a campaign, in one line.
fn progress(campaign: &Campaign) -> String {
    let done = campaign.of_state("done");
    let waiting = campaign.of_state("waiting");
    let all = done + waiting + campaign.of_state("calling");
    let outcomes: Vec<String> = campaign
        .customers
        .iter()
        .filter(|tally| tally.state == "done")
        .map(|tally| {
            let outcome = tally.outcome.as_deref().unwrap_or("not called");
            format!("{} {outcome}", tally.customers)
        })
        .collect();
    let outcomes = if outcomes.is_empty() {
        String::new()
    } else {
        format!(": {}", outcomes.join(", "))
    };
    format!(
        "{}; {} calls, {} of them with agents; {waiting} wait; {done} of {all} done{outcomes}",
        campaign.line(),
        campaign.in_progress,
        campaign.with_agents,
    )
}
