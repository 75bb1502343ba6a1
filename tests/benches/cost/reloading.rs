//! How late the bot's frames are while flows are loaded beside calls, against the same calls with
//! nothing else, in one run.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use ghanti_sim::{BotFrames, Stage, load_in_stages};
use serde_json::Value as Json;
use tokio::sync::watch;

use crate::calls::{RAMP, SILENT, load_of};
use crate::process::{Reading, Spent};
use crate::server::Server;
use crate::shipped::shipped;
use crate::table::{Table, figure};

const CALLS: usize = 200;
const PHASE: Duration = Duration::from_secs(8);
/// Between two changes of a prompt file.
const EVERY: Duration = Duration::from_millis(200);
/// The large component: it is loaded, and loaded again, for a whole phase.
const LARGE: &str = "survey";
/// How long it may take to be loaded, machine code and all.
const LOADED: Duration = Duration::from_secs(90);

/// A part of the run.
struct Phase {
    name: &'static str,
    frames: BotFrames,
    engine: Spent,
    /// What was loaded in it.
    loads: usize,
}

/// Prints the table.
pub async fn run() -> anyhow::Result<()> {
    eprintln!("bench: {CALLS} calls, flows are loaded beside them ...");
    let server = Server::start("none").await?;
    let ramp = RAMP * u32::try_from(CALLS)? / 2;
    let load = ghanti_sim::Load {
        ramp: RAMP / 2,
        ..load_of(&SILENT, CALLS, 600)?
    };
    let (stage, stages) = watch::channel(Stage::Calling { phase: 0 });
    let base_url = server.base_url().to_owned();
    let playing = tokio::spawn(async move { load_in_stages(&load, &base_url, stages).await });
    tokio::time::sleep(ramp + Duration::from_secs(2)).await;

    let mut seen = Vec::new();
    for (number, name) in [
        "nothing",
        "a prompt file changed five times a second",
        "an 18 MB component compiled",
        "nothing again",
    ]
    .into_iter()
    .enumerate()
    {
        stage.send(Stage::Calling { phase: number + 1 })?;
        let before = Reading::of(server.pid())?;
        let loads = match number {
            1 => reword(&server).await?,
            2 => large(&server).await?,
            _ => {
                tokio::time::sleep(PHASE).await;
                0
            }
        };
        seen.push((name, Reading::of(server.pid())? - before, loads));
    }
    stage.send(Stage::Over)?;
    let report = playing.await??;
    let mut frames = report.phases.into_iter().skip(1);
    let phases = seen.into_iter().map(|(name, engine, loads)| Phase {
        name,
        frames: frames.next().unwrap_or_default(),
        engine,
        loads,
    });
    print(&phases.collect::<Vec<_>>());
    ensure!(
        report.problems.is_empty(),
        "the callers had problems: {:?}",
        report.problems
    );
    Ok(())
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
        .any(|told| told.get("name").and_then(Json::as_str) == Some(flow)))
}

fn print(phases: &[Phase]) {
    let columns = [
        "frames",
        "late p50",
        "p99",
        "max",
        "gaps heard",
        "made",
        "engine's cores",
        "loads",
        "s",
    ];
    let mut table = Table::new(
        &format!("{CALLS} calls at once; beside them is done"),
        &columns,
    );
    for Phase {
        name,
        frames,
        engine,
        loads,
    } in phases
    {
        let late = [frames.late_us.p50, frames.late_us.p99, frames.late_us.max]
            .map(|us| format!("{} ms", figure(us as f64 / 1e3)));
        let counted = [frames.gaps, frames.own_gaps].map(|gaps| gaps.to_string());
        let engine = [
            figure(engine.cores(engine.own())),
            loads.to_string(),
            figure(engine.lasted.as_secs_f64()),
        ];
        table.row(
            name,
            [frames.frames.to_string()]
                .into_iter()
                .chain(late)
                .chain(counted)
                .chain(engine),
        );
    }
    table.note(
        "late: behind the pace of the prompt's own earliest frame; 300 ms are sent ahead, and what comes later than that leaves a gap",
    );
    table.note("gaps made: by the engine's own clock; heard: with what network and callers, who share the processors, add");
    table.print();
}
