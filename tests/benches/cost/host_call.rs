//! The WebAssembly host without a script: what an instance costs, and what a host call does with
//! its journal entry.

use std::fs;
use std::path::Path;

use anyhow::ensure;
use ghanti_host::{EngineSettings, FlowEngine, ScriptedCaller};

use crate::allocations;
use crate::flow::{open, runs};
use crate::shipped::root;
use crate::table::{Table, ns, time};

const RUNS: usize = 2_000;
const FLOODS: usize = 20;
/// The most host calls that a manifest may allow in a second; the flood ends there.
const FLOOD_CALLS: u32 = 5_000;

/// A flow that does what its setting `act` says, in the form that is kept for tests.
const ACTS: &str = "engine/host/tests/fixtures/acts-0.1.0.wasm";
const PROMPTS: &str = include_str!("../../../engine/host/tests/fixtures/acts.ftl");
const QUESTIONS: &str = include_str!("../../../engine/host/tests/fixtures/acts.questions.toml");

/// Prints the table. Runs on one thread.
pub async fn run() -> anyhow::Result<()> {
    eprintln!("bench: host calls ...");
    let house = tempfile::tempdir()?;
    let engine = FlowEngine::new(&EngineSettings::default())?;
    let (flows, components) = (house.path().join("flows"), house.path().join("components"));
    acting(&flows.join("nothing"), "")?;
    acting(
        &flows.join("flood"),
        &format!("[limits]\nhost-calls-per-second = {FLOOD_CALLS}\ncompute-ms = 1000\n"),
    )?;
    let nothing = open(&engine, &flows, &components, "nothing").await?;
    let flood = open(&engine, &flows, &components, "flood").await?;

    let mut table = Table::new("flow host, without a script", &["p50", "p99"]);
    let before = allocations::count();
    let (empty, _) = runs(&nothing, RUNS, || ScriptedCaller::new([])).await;
    let allocated = (allocations::count() - before) / RUNS as u64;
    table.row(
        "instance, a run of one host call, dropped",
        [time(empty.p50()), time(empty.p99())],
    );
    let (flooded, journal) = runs(&flood, FLOODS, || ScriptedCaller::new([])).await;
    let calls = journal.len();
    ensure!(
        calls > FLOOD_CALLS as usize / 2,
        "the flood made {calls} host calls only"
    );
    let call = (flooded.p50().as_secs_f64() - empty.p50().as_secs_f64()) / calls as f64;
    table.row(
        "a host call with its journal entry: `now`",
        [ns(call * 1e9), String::new()],
    );
    table.note(format!(
        "the run of one host call allocates {allocated} times"
    ));
    table.note("an instance alone cannot be made by the host's public interface: it is most of the run of one host call");
    table.print();
    Ok(())
}

fn acting(folder: &Path, limits: &str) -> anyhow::Result<()> {
    let act = folder.file_name().unwrap_or_default().to_string_lossy();
    fs::create_dir_all(folder.join("prompts"))?;
    fs::copy(root().join(ACTS), folder.join("flow.wasm"))?;
    fs::write(
        folder.join("flow.toml"),
        format!("[settings]\nact = \"{act}\"\n{limits}{QUESTIONS}"),
    )?;
    let words = format!("greeting = Hello, {{ $name }}\n{PROMPTS}");
    Ok(fs::write(folder.join("prompts/en-IN.ftl"), words)?)
}
