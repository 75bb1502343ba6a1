//! The WebAssembly host: what loading a flow costs, what a call's instance costs, and how fast recorded calls are replayed.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use samvaad_dialog::{
    Allowance, Catalogue, CatalogueSettings, EngineSettings, FlowEngine, FlowVersion, RunEnd, ScriptedCaller, SharedJournal,
};
use samvaad_model::{CallId, FlowName, Reply};
use samvaad_session::FlowPrompts;

use crate::allocations;
use crate::server::root;
use crate::table::{Table, ns, time};
use crate::timing::Spread;

const LOADS: usize = 5;
const RUNS: usize = 2_000;
const FLOODS: usize = 20;
/// The most host calls that a manifest may allow in a second; the flood ends there.
const FLOOD_CALLS: u32 = 5_000;

/// A flow that does what its setting `act` says, in the form that is kept for tests.
const ACTS: &str = "engine/dialog/tests/fixtures/acts-0.1.0.wasm";

const FIELDS: [(&str, &str); 5] =
    [("name", "Asha Rao"), ("language", "en-IN"), ("loan", "LN-00478213"), ("amount", "12,500"), ("due-date", "2026-12-05")];

type Version = Arc<FlowVersion<FlowPrompts>>;

/// Prints the table. Runs on one thread, so that rates are of one core.
pub async fn run() -> anyhow::Result<()> {
    eprintln!("bench: flow host ...");
    let house = tempfile::tempdir()?;
    let engine = FlowEngine::new(&EngineSettings::default())?;
    shipped(&house.path().join("emi/emi-reminder"))?;
    acting(&house.path().join("acts/nothing"), "")?;
    acting(&house.path().join("acts/flood"), &format!("[limits]\nhost-calls-per-second = {FLOOD_CALLS}\ncompute-ms = 1000\n"))?;

    let mut table = Table::new("flow host", &["p50", "p99"]);
    let mut row = |name: &str, spread: &Spread| table.row(name, [time(spread.p50()), time(spread.p99())]);
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for nth in 0..LOADS {
        let components = house.path().join(format!("components-{nth}"));
        for durations in [&mut cold, &mut warm] {
            let began = Instant::now();
            open(&engine, &house.path().join("emi"), &components, "emi-reminder").await?;
            durations.push(began.elapsed());
        }
    }
    row("emi-reminder from its files, compiled", &Spread::of(cold));
    row("  from the cache of compiled code", &Spread::of(warm));

    let components = house.path().join("components");
    let emi = open(&engine, &house.path().join("emi"), &components, "emi-reminder").await?;
    let nothing = open(&engine, &house.path().join("acts"), &components, "nothing").await?;
    let flood = open(&engine, &house.path().join("acts"), &components, "flood").await?;

    let before = allocations::count();
    let (empty, _) = runs(&nothing, RUNS, || ScriptedCaller::new([])).await;
    let allocated = (allocations::count() - before) / RUNS as u64;
    row("instance, a run of one host call, dropped", &empty);
    let yes = || Reply::Choice("yes".to_owned());
    let (emi_runs, journal) = runs(&emi, RUNS, || ScriptedCaller::new(FIELDS).answer("identity", yes()).answer("transfer", yes())).await;
    let calls = journal.len();
    row(&format!("emi-reminder from greeting to transfer, {calls} host calls"), &emi_runs);

    let (flooded, journal) = runs(&flood, FLOODS, || ScriptedCaller::new([])).await;
    let flood_calls = journal.len();
    ensure!(flood_calls > FLOOD_CALLS as usize / 2, "the flood made {flood_calls} host calls only");
    let flood_call = (flooded.p50().as_secs_f64() - empty.p50().as_secs_f64()) / flood_calls as f64;
    let emi_call = (emi_runs.p50().as_secs_f64() - empty.p50().as_secs_f64()) / (calls as f64 - 1.0);
    table.row("a host call with its journal entry: `now`", [ns(flood_call * 1e9), String::new()]);
    table.row("  mean of those of emi-reminder", [ns(emi_call * 1e9), String::new()]);

    let (rate, took) = replays(&emi).await?;
    table.row("emi-reminder replayed from its journal", [time(took), String::new()]);
    table.note(format!("replay: {rate:.0} calls a second on one core"));
    table.note(format!("the run of one host call allocates {allocated} times"));
    table.note("an instance alone cannot be made by the host's public interface: it is most of the run of one host call");
    table.print();
    Ok(())
}

fn shipped(folder: &Path) -> anyhow::Result<()> {
    let shipped = root().join("flows/emi-reminder");
    fs::create_dir_all(folder.join("prompts"))?;
    for file in ["flow.wasm", "flow.toml", "prompts/en-IN.ftl", "prompts/hi-IN.ftl"] {
        fs::copy(shipped.join(file), folder.join(file)).with_context(|| format!("`{file}` of emi-reminder: run `make flows`"))?;
    }
    Ok(())
}

fn acting(folder: &Path, limits: &str) -> anyhow::Result<()> {
    let act = folder.file_name().unwrap_or_default().to_string_lossy();
    fs::create_dir_all(folder.join("prompts"))?;
    fs::copy(root().join(ACTS), folder.join("flow.wasm"))?;
    fs::write(folder.join("flow.toml"), format!("[settings]\nact = \"{act}\"\n{limits}"))?;
    let words = "greeting = Hello, { $name }\nemi = It is { $amount }\ndisclosure = Note\ntransfer = An agent?\ngoodbye = Goodbye\n";
    Ok(fs::write(folder.join("prompts/en-IN.ftl"), words)?)
}

async fn open(engine: &FlowEngine, flows: &Path, components: &Path, name: &str) -> anyhow::Result<Version> {
    let settings = CatalogueSettings {
        components: components.to_owned(),
        default_flow: None,
        default_transfer: Vec::new(),
        allowance: Allowance::default(),
    };
    let (catalogue, rejections) = Catalogue::open(engine.clone(), flows, settings).await?;
    if let Some(rejection) = rejections.into_iter().next() {
        bail!(rejection);
    }
    catalogue.versions().get(&FlowName::parse(name)?).cloned().with_context(|| format!("no flow `{name}`"))
}

/// How long each run takes, with its journal; the last journal beside.
async fn runs(version: &Version, runs: usize, caller: impl Fn() -> ScriptedCaller) -> (Spread, SharedJournal) {
    let mut took: Vec<Duration> = Vec::with_capacity(runs);
    let mut journal = version.journal(CallId::generate());
    for _ in 0..runs {
        journal = version.journal(CallId::generate());
        let (caller, kept) = (Box::new(caller()), journal.clone());
        let began = Instant::now();
        // how it ends is of no account here: an act that is none fails, a flood is ended by the host
        let _ = version.run(caller, kept).await;
        took.push(began.elapsed());
    }
    (Spread::of(took), journal)
}

async fn replays(version: &Version) -> anyhow::Result<(f64, Duration)> {
    let yes = || Reply::Choice("yes".to_owned());
    let caller = ScriptedCaller::new(FIELDS).answer("identity", yes()).answer("transfer", yes());
    let journal = version.journal(CallId::generate());
    let end = version.run(Box::new(caller), journal.clone()).await;
    ensure!(end == RunEnd::Returned, "the recorded call ended with {end:?}");
    let recorded = journal.snapshot();
    let began = Instant::now();
    for _ in 0..RUNS {
        let (end, again) = version.replay(recorded.clone()).await;
        ensure!(end == RunEnd::Returned && again.divergence().is_none(), "the replay ended with {end:?}");
    }
    let took = began.elapsed();
    Ok((RUNS as f64 / took.as_secs_f64(), took / u32::try_from(RUNS)?))
}
