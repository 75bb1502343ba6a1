//! The report of `make bench`, and the table on README's first page, which is made of it.
//!
//! `cargo bench --workspace --bench figures` holds calls with the built program by `ghanti load`, the
//! floor beside it, and writes `target/bench/report.md`: those figures, and what the benches before it
//! have left in `target/bench`. With `readme` behind it, it measures nothing and puts their table into
//! README.md.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a report for the terminal"
)]
#![allow(missing_docs, reason = "no library")]
#![allow(
    clippy::indexing_slicing,
    reason = "a key that JSON has not reads as null"
)]

#[path = "../cost/server.rs"]
#[allow(dead_code, reason = "the bench of costs asks more of it")]
mod server;
#[path = "../cost/shipped.rs"]
mod shipped;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use server::Server;

/// Between these lines of README.md the table stands.
const BEGIN: &str = "<!-- figures: `make figures` -->";
const END: &str = "<!-- /figures -->";
/// Who calls, by the name of the run, with the calls of its stages.
const RUNS: [(&str, &[&str]); 3] = [
    (
        "silent",
        &["--floor", "--calls", "50,100", "--mix", "silent=1"],
    ),
    ("talking", &["--calls", "20,40", "--mix", "talking=1"]),
    (
        "overload",
        &["--calls", "32,60", "--mix", "talking=1", "--overload"],
    ),
];
/// The places of the engine in the run of overload: its stages are 80 % and 150 % of them.
const PLACES: u32 = 40;
/// What the benches before this one leave, with the headings of their parts of the report.
const PARTS: [(&str, &str); 3] = [
    (
        "cost.txt",
        "What a call, a flow, a reload and the console beside calls cost",
    ),
    (
        "stores.txt",
        "Calls whose stores are lost, and a bad day of Exotel's",
    ),
    ("ears.md", "How callers are understood"),
];

fn main() -> anyhow::Result<()> {
    let root = shipped::root();
    let folder = root.join("target/bench");
    if std::env::args().any(|argument| argument == "readme") {
        return into_readme(&root, &folder);
    }
    fs::create_dir_all(&folder)?;
    for (name, options) in RUNS {
        load(&root, &folder, name, options)?;
    }
    let reports = reports(&folder)?;
    let table = table(&reports)?;
    let mut text = format!(
        "# Figures\n\n{}\n\nMeasured from outside by `ghanti load` (docs/load.md), which ran on the same machine; its own reports, with all\npercentiles and plots, are in the folders `load-…` beside this file. Nothing here is a promise for another machine:\ncompare within one run.\n\n{table}\n",
        of_machine(&reports)
    );
    for (name, options) in RUNS {
        text += &format!("\n`load-{name}`: `ghanti load {}`", options.join(" "));
    }
    text += &format!("\n\nThe engine of `load-overload` has `max-calls = {PLACES}`.\n");
    for (file, heading) in PARTS {
        text += &part(&folder.join(file), heading);
    }
    fs::write(folder.join("report.md"), text)?;
    println!("{table}\n\n{}", folder.join("report.md").display());
    Ok(())
}

/// The reports of the runs, by name.
fn reports(folder: &Path) -> anyhow::Result<Vec<(&'static str, Value)>> {
    let read = |name: &'static str| {
        let file = folder.join(format!("load-{name}/report.json"));
        let text = fs::read_to_string(&file)
            .with_context(|| format!("{}: run `make bench` first", file.display()))?;
        Ok((name, serde_json::from_str(&text)?))
    };
    RUNS.iter().map(|(name, _)| read(name)).collect()
}

/// Holds the calls of a run, which leaves its report in the folder.
fn load(root: &Path, folder: &Path, name: &str, options: &[&str]) -> anyhow::Result<()> {
    let into = folder.join(format!("load-{name}"));
    let mut command = Command::new(root.join("target/release/ghanti"));
    command.current_dir(root).arg("load").args(options);
    command.args(["--rate", "10/s", "--for", "40s", "--hold", "120s"]);
    command.arg("--report").arg(&into);
    // ends with this function
    let mut full = None;
    if name == "overload" {
        let places = format!("max-calls = {PLACES}");
        let threads = tokio::runtime::Runtime::new()?;
        let started = threads.block_on(Server::start_with("vosk", &places))?;
        let engine = full.insert(started);
        command.arg(engine.base_url());
    }
    let status = command
        .status()
        .context("the program is built by `make build`")?;
    // 1: calls were wrong or lost, which the table shows
    ensure!(
        status.success() || status.code() == Some(1),
        "`ghanti load` for `{name}` ended with {status}"
    );
    Ok(())
}

/// The table: a column for each bot and stage.
fn table(reports: &[(&str, Value)]) -> anyhow::Result<String> {
    let runs: Vec<(String, &Value)> = reports
        .iter()
        .flat_map(|(name, report)| {
            let runs = report["runs"].as_array().into_iter().flatten();
            runs.map(move |run| (title(name, run), run))
        })
        .collect();
    ensure!(!runs.is_empty(), "no report has runs");
    let mut lines = vec![
        format!(
            "| | {} |",
            runs.iter()
                .map(|(title, _)| title.as_str())
                .collect::<Vec<_>>()
                .join(" | ")
        ),
        format!("|---|{}", "---:|".repeat(runs.len())),
    ];
    type Cell = fn(&Value) -> Option<String>;
    let rows: [(&str, Cell); 8] = [
        ("CPU, ms for a second of a call", |run| {
            Some(format!("{:.2}", run["bot_ms_per_call_s"].as_f64()?))
        }),
        ("memory (PSS), MiB, before / with them", |run| {
            let mib = |name: &str| Some(run["measured"][name].as_u64()? / 1_024);
            Some(format!(
                "{} / {}",
                mib("pss_kib_idle")?,
                mib("pss_kib_mean")?
            ))
        }),
        ("answer → first audio, ms, p50 / p99", |run| {
            spread(&run["figures"]["first_audio"])
        }),
        (
            "last word → first audio (\"okay\"), ms, p50 / p99",
            |run| spread(&run["figures"]["response"]),
        ),
        ("frames behind their pace, ms, p50 / p99", |run| {
            let pace = &run["figures"]["pace"];
            pace["count"].as_u64().filter(|count| *count > 0)?;
            let (p50, p99) = (pace["p50_ms"].as_f64()?, pace["p99_ms"].as_f64()?);
            Some(format!("{p50:.1} / {p99:.1}"))
        }),
        ("gaps heard", |run| {
            Some(run["counts"]["gaps"].as_u64()?.to_string())
        }),
        ("calls: good / wrong / refused / lost", |run| {
            let count = |name: &str| run["counts"][name].as_u64();
            let lost = count("mute")? + count("dropped")?;
            Some(format!(
                "{} / {} / {} / {lost}",
                count("good")?,
                count("wrong")?,
                count("refused")?
            ))
        }),
        ("void", |run| {
            Some(if run["void"].is_null() { "no" } else { "yes" }.to_owned())
        }),
    ];
    for (name, cell) in rows {
        let cells: Vec<_> = runs
            .iter()
            .map(|(_, run)| cell(run).unwrap_or_else(|| "–".to_owned()))
            .collect();
        // a run whose generator was too slow says so; else the row says nothing
        if name != "void" || cells.iter().any(|cell| cell == "yes") {
            lines.push(format!("| {name} | {} |", cells.join(" | ")));
        }
    }
    Ok(lines.join("\n"))
}

fn title(report: &str, run: &Value) -> String {
    let name = run["name"].as_str().unwrap_or_default();
    let calls = run["stage"]["calls"].as_u64().unwrap_or_default();
    if name.contains("floor") {
        format!("bare socket, {calls} calls")
    } else {
        format!("{report}, {calls} calls")
    }
}

fn spread(figure: &Value) -> Option<String> {
    figure["count"].as_u64().filter(|count| *count > 0)?;
    let (p50, p99) = (figure["p50_ms"].as_f64()?, figure["p99_ms"].as_f64()?);
    Some(format!("{p50:.0} / {p99:.0}"))
}

fn of_machine(reports: &[(&str, Value)]) -> String {
    let machine = reports
        .first()
        .map_or(&Value::Null, |(_, report)| &report["machine"]);
    let text = |name: &str| machine[name].as_str().unwrap_or("unknown");
    // without the names that distributions and clouds add
    let kernel = text("kernel").split('-').next().unwrap_or_default();
    format!(
        "{} × {}, {} MiB, Linux {}; load before: {}.",
        machine["processors"],
        text("processor"),
        machine["memory_mib"],
        kernel,
        text("load_average"),
    )
}

/// What a bench before has left; that it was not run, if it was not.
fn part(file: &Path, heading: &str) -> String {
    let Ok(text) = fs::read_to_string(file) else {
        return format!("\n## {heading}\n\nNot measured in this run.\n");
    };
    if file.extension().is_some_and(|extension| extension == "md") {
        // its own headings are a level lower here
        let text = text.replace("\n#", "\n##");
        return format!("\n## {heading}\n\n{}\n", text.trim());
    }
    format!("\n## {heading}\n\n```\n{}\n```\n", text.trim())
}

fn into_readme(root: &Path, folder: &Path) -> anyhow::Result<()> {
    let reports = reports(folder)?;
    let file = root.join("README.md");
    let readme = fs::read_to_string(&file)?;
    let Some((before, rest)) = readme.split_once(BEGIN) else {
        bail!("README.md has no line `{BEGIN}`");
    };
    let Some((_, after)) = rest.split_once(END) else {
        bail!("README.md has no line `{END}`");
    };
    let text = format!(
        "{before}{BEGIN}\n{}\n\n{} Measured by `make bench` with the generator on the same processors; [how](docs/load.md).\n{END}{after}",
        table(&reports)?,
        of_machine(&reports)
    );
    fs::write(&file, text)?;
    println!("README.md has the table of {}", folder.display());
    Ok(())
}
