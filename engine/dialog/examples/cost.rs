//! What a call costs in each language: `cargo run --release -p samvaad-dialog --example cost [FOLDER …]`, where each folder holds the EMI
//! reminder as `make flows` builds it. Without folders: the three that are shipped.
#![allow(clippy::print_stdout, reason = "a report for the terminal")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, io};

use samvaad_dialog::{
    Allowance, Catalogue, CatalogueSettings, EngineSettings, FlowEngine, FlowVersion, RunEnd, ScriptedCaller, SharedJournal,
};
use samvaad_model::{CallId, Reply};

const SHIPPED: [&str; 3] = ["flows/emi-reminder", "flows/emi-reminder-js", "flows/emi-reminder-py"];
const RUNS: usize = 500;
const PARKED: usize = 400;

const RAVI: [(&str, &str); 4] = [("name", "Ravi Kumar"), ("loan", "LN00478213"), ("amount", "12,500"), ("due-date", "2026-11-30")];

type Failure = Box<dyn std::error::Error>;
type Version = Arc<FlowVersion<()>>;

// one thread, so that rates are of one core
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        folders = SHIPPED.map(|folder| root.join(folder)).into();
    }
    let engine = FlowEngine::new(&EngineSettings::default())?;
    for folder in folders {
        measure(&engine, &folder).await.map_err(|error| format!("`{}`: {error}: run `make flows`", folder.display()))?;
    }
    Ok(())
}

async fn measure(engine: &FlowEngine, shipped: &Path) -> Result<(), Failure> {
    let name = shipped.file_name().unwrap_or_default();
    println!("{} ({} kB)", name.display(), fs::metadata(shipped.join("flow.wasm"))?.len() / 1_000);
    let house = tempfile::tempdir()?;
    let folder = house.path().join("flows").join(name);
    fs::create_dir_all(folder.join("prompts"))?;
    for file in ["flow.wasm", "flow.toml", "prompts/en-IN.ftl", "prompts/hi-IN.ftl"] {
        fs::copy(shipped.join(file), folder.join(file))?;
    }
    for what in ["compiled", "from the cache"] {
        let began = Instant::now();
        open(engine, house.path()).await?;
        println!("  load, {what}: {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    }
    let version = open(engine, house.path()).await?;
    let journal = conversations(&version).await;
    replays(&version, journal).await;
    parked(&version).await?;
    Ok(())
}

async fn open(engine: &FlowEngine, house: &Path) -> Result<Version, Failure> {
    let settings = CatalogueSettings {
        components: house.join("components"),
        default_flow: None,
        default_transfer: Vec::new(),
        allowance: Allowance::default(),
    };
    let (catalogue, rejections) = Catalogue::open(engine.clone(), &house.join("flows"), settings).await?;
    assert_eq!(rejections, []);
    catalogue.versions().into_values().next().ok_or_else(|| "no flow".into())
}

async fn conversations(version: &Version) -> SharedJournal {
    let yes = || Reply::Choice("yes".to_owned());
    let mut took: Vec<Duration> = Vec::with_capacity(RUNS);
    let mut journal = version.journal(CallId::generate());
    for _ in 0..RUNS {
        journal = version.journal(CallId::generate());
        let caller = ScriptedCaller::new(RAVI).answer("identity", yes()).answer("transfer", yes());
        let began = Instant::now();
        let end = version.run(Box::new(caller), journal.clone()).await;
        took.push(began.elapsed());
        assert_eq!(end, RunEnd::Returned);
    }
    took.sort();
    let at = |percent: usize| took.get(RUNS * percent / 100).copied().unwrap_or_default();
    println!("  instance and conversation of {} host calls: p50 {:?}, p99 {:?}", journal.len(), at(50), at(99));
    journal
}

async fn replays(version: &Version, journal: SharedJournal) {
    let recorded = journal.snapshot();
    let began = Instant::now();
    for _ in 0..RUNS {
        let (end, again) = version.replay(recorded.clone()).await;
        assert_eq!((end, again.divergence()), (RunEnd::Returned, None));
    }
    println!("  replay: {:.0} calls/s on one core", RUNS as f64 / began.elapsed().as_secs_f64());
}

/// Calls that wait for the answer to the last question.
async fn parked(version: &Version) -> Result<(), Failure> {
    let (bytes, mappings) = (proportional_bytes()?, mappings()?);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..PARKED {
        let version = version.clone();
        let caller = ScriptedCaller::new(RAVI).answer("identity", Reply::Choice("yes".to_owned())).never_answer("transfer");
        calls.spawn(async move { version.run(Box::new(caller), version.journal(CallId::generate())).await });
    }
    // each runs until it waits, before this task gets its turn again
    tokio::time::sleep(Duration::from_secs(3)).await;
    let each = |now: u64, before: u64| now.saturating_sub(before) as f64 / PARKED as f64;
    let (bytes, mappings) = (each(proportional_bytes()?, bytes), each(self::mappings()?, mappings));
    println!("  {} calls waiting for an answer: {:.0} kB and {mappings:.1} mappings each", calls.len(), bytes / 1_024.0);
    Ok(())
}

/// Linux' own figure of this process, pages shared with others counted by their share.
fn proportional_bytes() -> io::Result<u64> {
    let told = fs::read_to_string("/proc/self/smaps_rollup")?;
    let kilobytes = told.lines().find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes * 1_024).ok_or_else(|| io::Error::other("no figure in smaps_rollup"))
}

fn mappings() -> io::Result<u64> {
    Ok(fs::read_to_string("/proc/self/maps")?.lines().count() as u64)
}
