//! The shipped flows, one in each language: what loading it costs, a call, a replay, and a call that
//! waits.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use ghanti_catalogue::{Catalogue, CatalogueSettings};
use ghanti_host::{EngineSettings, FlowEngine, FlowVersion, RunEnd, ScriptedCaller};
use ghanti_journal::SharedJournal;
use ghanti_load::process::pss_kib;
use ghanti_model::{CallId, FlowName, Reply};
use ghanti_replay::compare;
use tokio::task::JoinSet;

use crate::shipped::shipped;
use crate::table::{Table, figure, time};
use crate::timing::Spread;

/// A shipped flow, and the conversation that is measured.
struct Shipped {
    name: &'static str,
    column: &'static str,
    /// How often it is compiled: a Python interpreter takes many seconds.
    compilations: usize,
    /// Questions and the choices that answer them.
    answers: &'static [(&'static str, &'static str)],
    /// The last question.
    last: &'static str,
}

const SHIPPED: [Shipped; 3] = [
    Shipped {
        name: "emi-reminder",
        column: "emi-reminder, Rust",
        compilations: 5,
        answers: &[("identity", "yes"), ("transfer", "yes")],
        last: "transfer",
    },
    Shipped {
        name: "appointment",
        column: "appointment, TypeScript",
        compilations: 2,
        answers: &[("attends", "no")],
        last: "reason",
    },
    Shipped {
        name: "survey",
        column: "survey, Python",
        compilations: 1,
        answers: &[("identity", "yes")],
        last: "rating",
    },
];
const RUNS: usize = 300;
/// Calls that wait at once.
const PARKED: usize = 400;
/// How long they may take to come to their question.
const PARKING: Duration = Duration::from_secs(30);

/// What the records of all of them need.
const FIELDS: [(&str, &str); 9] = [
    ("name", "Asha Rao"),
    ("language", "en-IN"),
    ("loan", "LN-00478213"),
    ("amount", "12,500"),
    ("due-date", "2030-12-05"),
    ("day", "2030-12-05"),
    ("code", "4821"),
    ("service", "car service"),
    ("bill", "4,500"),
];

pub type Version = Arc<FlowVersion>;

/// What was measured of one language.
struct Seen {
    component_bytes: u64,
    compiled: Spread,
    cached: Spread,
    conversation: Spread,
    host_calls: usize,
    replays_per_s: f64,
    parked_kib: f64,
    parked_mappings: f64,
}

/// Prints the table. Runs on one thread, so that rates are of one core; only the compiler takes all
/// there are.
pub async fn run() -> anyhow::Result<()> {
    let engine = FlowEngine::new(&EngineSettings::default())?;
    let mut all = Vec::new();
    for shipped in &SHIPPED {
        eprintln!("bench: flow {} ...", shipped.column);
        all.push(
            measure(&engine, shipped)
                .await
                .with_context(|| format!("`{}`: run `make flows`", shipped.name))?,
        );
    }
    let mut table = Table::new(
        "the shipped flows, a short conversation of each",
        &SHIPPED.map(|shipped| shipped.column),
    );
    let mut row =
        |name: &str, figure: &dyn Fn(&Seen) -> String| table.row(name, all.iter().map(figure));
    row("component, kB", &|seen| {
        figure(seen.component_bytes as f64 / 1e3)
    });
    row("loaded from its files, compiled", &|seen| {
        time(seen.compiled.p50())
    });
    row("  with its machine code from the cache: p50", &|seen| {
        time(seen.cached.p50())
    });
    row("instance and whole conversation: p50", &|seen| {
        time(seen.conversation.p50())
    });
    row("  p99", &|seen| time(seen.conversation.p99()));
    row("  host calls in it", &|seen| seen.host_calls.to_string());
    row(
        "replayed from its journal: calls a second on one core",
        &|seen| figure(seen.replays_per_s),
    );
    row(
        &format!("{PARKED} calls that wait for an answer, KiB (PSS) each"),
        &|seen| figure(seen.parked_kib),
    );
    row("  memory mappings each", &|seen| {
        figure(seen.parked_mappings)
    });
    table.note("compiled with all cores, here and at the engine's start; beside calls the compiler takes what they leave");
    table.print();
    Ok(())
}

async fn measure(engine: &FlowEngine, of: &Shipped) -> anyhow::Result<Seen> {
    let name = of.name;
    let house = tempfile::tempdir()?;
    let (flows, components) = (house.path().join("flows"), |nth: usize| {
        house.path().join(format!("components-{nth}"))
    });
    shipped(name, &flows)?;
    let (mut compiled, mut cached) = (Vec::new(), Vec::new());
    for nth in 0..of.compilations {
        compiled.push(loaded(engine, &flows, &components(nth), name).await?);
        cached.push(loaded(engine, &flows, &components(nth), name).await?);
    }
    let version = open(engine, &flows, &components(0), name).await?;
    let (conversation, journal) = runs(&version, RUNS, || of.caller(false)).await;
    let (parked_kib, parked_mappings) = parked(&version, of.last, || of.caller(true)).await?;
    Ok(Seen {
        component_bytes: fs::metadata(flows.join(name).join("flow.wasm"))?.len(),
        compiled: Spread::of(compiled),
        cached: Spread::of(cached),
        conversation,
        host_calls: journal.len(),
        replays_per_s: replays_per_s(&version, &journal).await?,
        parked_kib,
        parked_mappings,
    })
}

async fn loaded(
    engine: &FlowEngine,
    flows: &Path,
    components: &Path,
    name: &str,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    open(engine, flows, components, name).await?;
    Ok(began.elapsed())
}

pub async fn open(
    engine: &FlowEngine,
    flows: &Path,
    components: &Path,
    name: &str,
) -> anyhow::Result<Version> {
    let settings = CatalogueSettings {
        components: components.to_owned(),
        ..CatalogueSettings::default()
    };
    let (catalogue, rejections) = Catalogue::open(engine.clone(), flows, settings).await?;
    if let Some(rejection) = rejections.into_iter().next() {
        bail!(rejection);
    }
    catalogue
        .versions()
        .get(&FlowName::parse(name)?)
        .cloned()
        .with_context(|| format!("no flow `{name}`"))
}

impl Shipped {
    /// Who holds the whole conversation, or who leaves its last question open.
    fn caller(&self, is_waiting: bool) -> ScriptedCaller {
        let mut caller = ScriptedCaller::new(FIELDS);
        for (question, choice) in self.answers {
            if !is_waiting || *question != self.last {
                caller = caller.answer(question, Reply::Choice((*choice).to_owned()));
            }
        }
        if is_waiting {
            caller = caller.never_answer(self.last);
        }
        caller
    }
}

/// How long each run takes, with its journal; the last journal beside.
pub async fn runs(
    version: &Version,
    runs: usize,
    caller: impl Fn() -> ScriptedCaller,
) -> (Spread, SharedJournal) {
    let mut took: Vec<Duration> = Vec::with_capacity(runs);
    let mut journal = version.journal(CallId::generate());
    for _ in 0..runs {
        journal = version.journal(CallId::generate());
        let (caller, kept) = (Box::new(caller()), journal.clone());
        let began = Instant::now();
        // how it ends is of no account here: an act that is none fails, a flood is ended by the
        // host
        let _ = version.run(caller, kept).await;
        took.push(began.elapsed());
    }
    (Spread::of(took), journal)
}

async fn replays_per_s(version: &Version, journal: &SharedJournal) -> anyhow::Result<f64> {
    let recorded = journal.snapshot();
    let began = Instant::now();
    for _ in 0..RUNS {
        let again = compare(version, recorded.clone(), &BTreeSet::new()).await?;
        ensure!(
            again.end == RunEnd::Returned && again.differences.is_empty(),
            "the replay ended with {:?}",
            again.end
        );
    }
    Ok(RUNS as f64 / began.elapsed().as_secs_f64())
}

/// The memory of a call that waits for the answer to its last question: KiB, and memory mappings.
async fn parked(
    version: &Version,
    last: &str,
    caller: impl Fn() -> ScriptedCaller,
) -> anyhow::Result<(f64, f64)> {
    let weigh = || {
        Ok::<_, anyhow::Error>((
            pss_kib(std::process::id())?,
            fs::read_to_string("/proc/self/maps")?.lines().count(),
        ))
    };
    let (kib, mappings) = weigh()?;
    let (mut calls, mut waiting) = (JoinSet::new(), Vec::new());
    for _ in 0..PARKED {
        let caller = caller();
        waiting.push(caller.scripted());
        let version = version.clone();
        calls.spawn(async move {
            version
                .run(Box::new(caller), version.journal(CallId::generate()))
                .await
        });
    }
    let asked = || {
        waiting.iter().all(|scripted| {
            scripted
                .lock()
                .is_ok_and(|scripted| scripted.asked.iter().any(|name| name == last))
        })
    };
    let began = Instant::now();
    while !asked() {
        ensure!(
            began.elapsed() < PARKING,
            "the calls did not come to their last question within {} s",
            PARKING.as_secs()
        );
        tokio::task::yield_now().await;
    }
    let (kib_then, mappings_then) = weigh()?;
    Ok((
        (kib_then as f64 - kib as f64) / PARKED as f64,
        (mappings_then as f64 - mappings as f64) / PARKED as f64,
    ))
}
