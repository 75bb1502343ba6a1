//! How late the bot's frames are while flows are loaded beside calls, against the same calls with
//! nothing else, in one run.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value as Json;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::callers::Callers;
use crate::calls::SAME_NAME;
use crate::phases::{Phase, print};
use crate::server::Server;
use crate::shipped::shipped;

const CALLS: usize = 200;
/// Calls that begin in a second.
const CALLS_PER_S: f64 = 20.0;
/// How long the first and the last phase last: several samples of the load generator.
const PHASE: Duration = Duration::from_secs(10);
/// Between two changes of a prompt file.
const EVERY: Duration = Duration::from_millis(200);
/// The large component: it is loaded, and loaded again, for a whole phase.
const LARGE: &str = "survey";
/// How long it may take to be loaded, machine code and all.
const LOADED: Duration = Duration::from_secs(90);
/// Longer than all phases.
const LASTS: Duration = Duration::from_secs(300);

/// Prints the table.
pub async fn run() -> anyhow::Result<()> {
    eprintln!("bench: {CALLS} calls, flows are loaded at the same time ...");
    let server = Server::start("none").await?;
    let stop = CancellationToken::new();
    let callers = Callers::new("silent", SAME_NAME, CALLS_PER_S, stop.clone()).await?;
    let (run, phases) = tokio::join!(
        callers.call(&server, CALLS, LASTS),
        load_flows(&server, stop.drop_guard())
    );
    let (run, phases) = (run?, phases?);
    print(
        &format!("{CALLS} calls at once; meanwhile"),
        "loads",
        &phases,
        &run,
    );
    ensure!(
        run.problems.is_empty() && run.counts.lost() == 0,
        "the callers had problems: {:?}, {} calls were lost",
        run.problems,
        run.counts.lost()
    );
    Ok(())
}

/// Loads flows phase by phase once all calls run, and ends the calls after the last phase.
async fn load_flows(server: &Server, _ends_calls: DropGuard) -> anyhow::Result<Vec<Phase>> {
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs_f64(CALLS as f64 / CALLS_PER_S + 2.0)).await;
    let mut phases = Vec::new();
    for (number, name) in [
        "nothing",
        "a prompt file changed five times a second",
        "an 18 MB component compiled",
        "nothing again",
    ]
    .into_iter()
    .enumerate()
    {
        let from_s = began.elapsed().as_secs_f64();
        let loads = match number {
            1 => reword(server).await?,
            2 => large(server).await?,
            _ => {
                tokio::time::sleep(PHASE).await;
                0
            }
        };
        phases.push(Phase {
            name,
            from_s,
            to_s: began.elapsed().as_secs_f64(),
            count: loads,
        });
    }
    Ok(phases)
}

/// A version every fifth of a second, as an author makes them who saves too often.
async fn reword(server: &Server) -> anyhow::Result<usize> {
    let file = server.flows().join("emi-reminder/prompts/en-IN.ftl");
    let text = fs::read_to_string(&file)?;
    let (began, mut loads) = (Instant::now(), 0);
    while began.elapsed() < PHASE {
        fs::write(&file, format!("{text}\n# number {loads}\n"))?;
        ghanti_sim::http::client()?
            .build()?
            .post(format!("{}/api/flows/reload", server.base_url()))
            .send()
            .await?
            .error_for_status()?;
        loads += 1;
        tokio::time::sleep(EVERY).await;
    }
    Ok(loads)
}

/// A flow with an interpreter in it, which was never compiled before.
async fn large(server: &Server) -> anyhow::Result<usize> {
    let beside = server.flows().with_file_name("beside");
    fs::rename(shipped(LARGE, &beside)?, server.flows().join(LARGE))?;
    let began = Instant::now();
    while !has(server, LARGE).await? {
        ensure!(
            began.elapsed() < LOADED,
            "`{LARGE}` was not loaded within {} s",
            LOADED.as_secs()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(1)
}

async fn has(server: &Server, flow: &str) -> anyhow::Result<bool> {
    let all: Json = ghanti_sim::http::client()?
        .build()?
        .get(format!("{}/api/flows", server.base_url()))
        .send()
        .await?
        .json()
        .await?;
    let flows = all
        .get("items")
        .and_then(Json::as_array)
        .context("`/api/flows` tells no `items`")?;
    Ok(flows
        .iter()
        .any(|reported| reported.get("name").and_then(Json::as_str) == Some(flow)))
}
