//! What a call costs, in one run and as tables: `make bench`.
//!
//! Nothing is asserted: figures depend on the machine, and those that are compared were measured
//! within the same run.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a report for the terminal"
)]
#![allow(missing_docs, reason = "no library")]

mod allocations;
mod callers;
mod calls;
mod console;
mod filled;
mod flow;
mod host_call;
mod media;
mod phases;
mod reloading;
mod server;
mod shipped;
mod speculation;
mod speech;
mod table;
mod timing;

use std::fs;
use std::time::Instant;

/// What can be asked for by name: `cargo bench --workspace --bench cost -- media flow`. Without
/// names all of it is measured.
const SECTIONS: [&str; 9] = [
    "silent",
    "keys",
    "speaking",
    "reloading",
    "console",
    "media",
    "flow",
    "speech",
    "speculation",
];

fn main() -> anyhow::Result<()> {
    let began = Instant::now();
    // cargo itself adds `--bench`
    let named: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    if let Some(unknown) = named.iter().find(|name| !SECTIONS.contains(&name.as_str())) {
        anyhow::bail!(
            "there is no `{unknown}` to measure: name some of {}",
            SECTIONS.join(", ")
        );
    }
    let wanted = |section: &str| named.is_empty() || named.iter().any(|name| name == section);

    println!("{}", machine());
    let threads = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let silent = threads.block_on(calls::run(wanted))?;
    if wanted("reloading") {
        threads.block_on(reloading::run())?;
    }
    if wanted("console") {
        threads.block_on(console::run())?;
    }
    if wanted("speculation") {
        threads.block_on(speculation::run())?;
    }
    let one_thread = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if wanted("media") {
        one_thread.block_on(media::run(silent.as_ref()))?;
    }
    if wanted("flow") {
        one_thread.block_on(flow::run())?;
        one_thread.block_on(host_call::run())?;
    }
    if wanted("speech") {
        one_thread.block_on(speech::run())?;
    }
    println!("\nall of it took {} s", began.elapsed().as_secs());
    Ok(())
}

/// On what the figures were measured.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load
        .split_whitespace()
        .next()
        .unwrap_or("unknown")
        .to_owned();
    format!(
        "{cores} cores, {}, load before the run: {load}",
        model.trim_start_matches([' ', '\t', ':'])
    )
}
