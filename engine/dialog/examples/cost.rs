//! What a flow costs: `cargo run --release -p samvaad-dialog --example cost`.
#![allow(clippy::print_stdout, reason = "a report for the terminal")]

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use samvaad_dialog::{Catalogue, CatalogueSettings, EngineSettings, FlowEngine, FlowVersion, RunEnd, ScriptedCaller, SharedJournal};
use samvaad_model::{CallId, Reply};

const RUNS: usize = 2_000;
const PARKED: usize = 1_000;
const COMPONENT: &[u8] = include_bytes!("../tests/fixtures/acts-0.1.0.wasm");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let flow = folder.path().join("flows/acts");
    fs::create_dir_all(flow.join("prompts"))?;
    fs::write(flow.join("flow.wasm"), COMPONENT)?;
    fs::write(flow.join("flow.toml"), "[settings]\nact = \"converse\"\n[prompts]\nemi = { requires = [\"identity\"] }\n")?;
    fs::write(flow.join("prompts/en-IN.ftl"), "")?;

    let engine = FlowEngine::new(&EngineSettings::default())?;
    for what in ["compiled", "from the cache"] {
        let began = Instant::now();
        open(&engine, folder.path()).await?;
        println!("load, {what}: {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    }
    let version = open(&engine, folder.path()).await?;

    let mut took = Vec::with_capacity(RUNS);
    let mut journal = version.journal(CallId::generate());
    for _ in 0..RUNS {
        journal = version.journal(CallId::generate());
        let began = Instant::now();
        let end = converse(&version, journal.clone()).await;
        took.push(began.elapsed());
        assert_eq!(end, RunEnd::Returned);
    }
    took.sort();
    let at = |percent: usize| took.get(RUNS * percent / 100).copied().unwrap_or_default();
    let calls = journal.len();
    println!("a conversation of {calls} host calls, instance and journal: p50 {:?}, p99 {:?}", at(50), at(99));

    let recorded = journal.snapshot();
    let began = Instant::now();
    for _ in 0..RUNS {
        let (end, again) = version.replay(recorded.clone()).await;
        assert_eq!((end, again.divergence()), (RunEnd::Returned, None));
    }
    println!("replay: {:.0} calls/s on one core", RUNS as f64 / began.elapsed().as_secs_f64());

    let before = resident_bytes()?;
    let mut parked = tokio::task::JoinSet::new();
    for _ in 0..PARKED {
        let version = version.clone();
        let caller = ScriptedCaller::new([]).never_answer("identity");
        parked.spawn(async move { version.run(Box::new(caller), version.journal(CallId::generate())).await });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    println!("{} calls waiting for an answer: {} kB each", parked.len(), (resident_bytes()? - before) / PARKED as u64 / 1024);
    Ok(())
}

async fn open(engine: &FlowEngine, folder: &std::path::Path) -> Result<Arc<FlowVersion<()>>, Box<dyn std::error::Error>> {
    let settings = CatalogueSettings {
        components: folder.join("components"),
        default_flow: None,
        default_transfer: vec![samvaad_model::PhoneNumber::parse("9876500000")?],
    };
    let (catalogue, rejections) = Catalogue::open(engine.clone(), &folder.join("flows"), settings).await?;
    assert_eq!(rejections, []);
    let versions = catalogue.versions();
    versions.values().next().cloned().ok_or_else(|| "no flow".into())
}

async fn converse(version: &FlowVersion<()>, journal: SharedJournal) -> RunEnd {
    let yes = || Reply::Choice("yes".to_owned());
    version.run(Box::new(ScriptedCaller::new([]).answer("identity", yes()).answer("transfer", yes())), journal).await
}

/// Linux' own figure of this process.
fn resident_bytes() -> io::Result<u64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.map(|pages| pages * 4096).ok_or_else(|| io::Error::other("no figure in statm"))
}
