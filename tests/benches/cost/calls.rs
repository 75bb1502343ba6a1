//! A hundred calls at once against the built program, over HTTP and WebSockets, in real time.
//!
//! Callers and engine share the machine's processors, so the engine's time is read from the kernel, not
//! from the clock; how late frames arrive includes the callers' own lateness, which is shown next to it.

use std::time::Duration;

use anyhow::Context;
use ghanti_load::measures::Spread;
use ghanti_load::process::Reading;
use ghanti_load::report::{ProcessFigures, Run, Windowed};
use tokio_util::sync::CancellationToken;

use crate::callers::Callers;
use crate::server::Server;
use crate::table::{Table, figure};

const CALLS: usize = 100;
/// Calls that begin in a second.
pub const CALLS_PER_S: f64 = 10.0;
/// How long the engine is measured without calls.
const IDLE: Duration = Duration::from_secs(1);
/// A few calls before all others, so that work that is done once is not counted as theirs.
const WARM_UP: (usize, Duration) = (4, Duration::from_secs(6));

/// The callers of one run.
struct Section {
    /// By which the run is asked for.
    name: &'static str,
    title: &'static str,
    recognizer: &'static str,
    /// The built-in kind of caller.
    kind: &'static str,
    /// One name for all leaves nothing to be synthesised after the first call.
    customer: &'static str,
    /// How long all calls run.
    lasts: Duration,
}

const SECTIONS: [Section; 3] = [
    Section {
        name: SILENT,
        title: "silent",
        recognizer: "none",
        kind: "silent",
        customer: SAME_NAME,
        lasts: Duration::from_secs(12),
    },
    Section {
        name: "keys",
        title: "pressing keys",
        recognizer: "none",
        kind: "keys",
        customer: OWN_NAME,
        lasts: Duration::from_secs(22),
    },
    Section {
        name: "speaking",
        title: "speaking",
        recognizer: "vosk",
        kind: "talking",
        customer: OWN_NAME,
        lasts: Duration::from_secs(22),
    },
];
const SILENT: &str = "silent";
/// The name of customers who are all called the same.
pub const SAME_NAME: &str = "Asha Rao";
const OWN_NAME: &str = "Asha {n}";

/// The measurements of one run.
struct Seen {
    section: &'static Section,
    /// Processors that the engine kept busy without calls.
    idle_cores: f64,
    run: Run,
    measured: Windowed,
    bot: ProcessFigures,
    own: ProcessFigures,
}

impl Seen {
    /// Processor time for a second of a call, in ms.
    fn per_call_ms(&self, cores: f64) -> f64 {
        cores * 1e3 / self.measured.live
    }

    /// Memory beyond that without calls, for each call.
    fn kib_per_call(&self, kib: Option<u64>) -> f64 {
        let idle = self.measured.pss_kib_idle.unwrap_or_default() as f64;
        (kib.unwrap_or_default() as f64 - idle) / self.measured.live
    }

    /// Everything else that ran on this machine meanwhile.
    fn others(&self) -> f64 {
        let known = self.bot.cores + self.bot.children_cores + self.own.cores;
        (self.measured.machine_cores.unwrap_or_default() - known).max(0.0)
    }
}

/// The engine's time for a second of a call with a silent caller, for comparisons.
pub struct Silent {
    pub per_call_ms: f64,
}

/// Plays the runs that are wanted and prints their table.
pub async fn run(wanted: impl Fn(&str) -> bool) -> anyhow::Result<Option<Silent>> {
    let mut all = Vec::new();
    for section in SECTIONS.iter().filter(|section| wanted(section.name)) {
        eprintln!("bench: {CALLS} calls, {} ...", section.title);
        let seen = measure(section)
            .await
            .with_context(|| format!("callers: {}", section.title))?;
        all.push(seen);
    }
    if !all.is_empty() {
        print(&all);
    }
    let silent = all.iter().find(|seen| seen.section.name == SILENT);
    Ok(silent.map(|seen| Silent {
        per_call_ms: seen.per_call_ms(seen.bot.cores),
    }))
}

async fn measure(section: &'static Section) -> anyhow::Result<Seen> {
    let server = Server::start(section.recognizer).await?;
    let callers = Callers::new(
        section.kind,
        section.customer,
        CALLS_PER_S,
        CancellationToken::new(),
    )
    .await?;
    let (calls, lasts) = WARM_UP;
    callers.call(&server, calls, lasts).await?;

    let before = Reading::of(server.pid())?;
    tokio::time::sleep(IDLE).await;
    let after = Reading::of(server.pid())?;
    let idle = after.own.saturating_sub(before.own);

    let run = callers.call(&server, CALLS, section.lasts).await?;
    let measured = run.measured.clone().context("the run was not measured")?;
    Ok(Seen {
        section,
        idle_cores: idle.as_secs_f64() / (after.at - before.at).as_secs_f64(),
        bot: measured.bot.context("the engine was not measured")?,
        own: measured.own.context("the callers were not measured")?,
        measured,
        run,
    })
}

fn print(all: &[Seen]) {
    let titles: Vec<&str> = all.iter().map(|seen| seen.section.title).collect();
    let mut table = Table::new(
        &format!("{CALLS} calls at once, flow emi-reminder, 8 kHz; callers are"),
        &titles,
    );
    let mut row = |name: &str, figure: Figure<'_>| table.row(name, all.iter().map(figure));
    table_of(&mut row);
    table.note("silent callers all have the same name, so every prompt comes from the cache; the others are each greeted by their own name");
    table.note("callers and engine share the processors: compare the callers' own time and lateness with the engine's");
    table.note("late: behind the pace of the prompt's own earliest frame; a gap: all audio sent ahead had been played");
    table.note("PSS per call: what the calls add to the engine without calls, prompts in the cache included");
    for Seen { section, run, .. } in all {
        let counts = run.counts;
        table.note(format!(
            "{}: {} calls, {} as expected, {} wrong, {} lost",
            section.title,
            counts.offered,
            counts.good,
            counts.wrong,
            counts.lost()
        ));
        for (problem, count) in &run.problems {
            table.note(format!("{}: PROBLEM: {problem}: {count}", section.title));
        }
    }
    table.print();
}

/// What a row shows of each run.
type Figure<'a> = &'a dyn Fn(&Seen) -> String;

fn table_of(row: &mut dyn FnMut(&str, Figure<'_>)) {
    let spread = |spread: &Spread| {
        [spread.p50_ms, spread.p90_ms, spread.p99_ms, spread.max_ms]
            .map(figure)
            .join(" / ")
    };
    row("recogniser", &|seen| seen.section.recognizer.to_owned());
    row("live calls, mean", &|seen| figure(seen.measured.live));
    row("engine: CPU ms per second and call", &|seen| {
        figure(seen.per_call_ms(seen.bot.cores))
    });
    row("  of it in the kernel", &|seen| {
        figure(seen.per_call_ms(seen.bot.kernel_cores))
    });
    row("  espeak-ng processes, in addition", &|seen| {
        figure(seen.per_call_ms(seen.bot.children_cores))
    });
    row("engine: calls per core, by that", &|seen| {
        figure(1e3 / seen.per_call_ms(seen.bot.cores + seen.bot.children_cores))
    });
    row("engine: cores without calls", &|seen| {
        figure(seen.idle_cores)
    });
    row("engine: PSS without calls, MiB", &|seen| {
        figure(seen.measured.pss_kib_idle.unwrap_or_default() as f64 / 1024.0)
    });
    row("engine: PSS per call, KiB", &|seen| {
        figure(seen.kib_per_call(seen.measured.pss_kib_mean))
    });
    row("  at the most", &|seen| {
        figure(seen.kib_per_call(seen.measured.pss_kib_max))
    });
    row("engine: threads", &|seen| {
        seen.measured.threads_max.unwrap_or_default().to_string()
    });
    row(
        "first audio after start, ms: p50 / p90 / p99 / max",
        &|seen| spread(&seen.run.figures.first_audio),
    );
    row("bot's frames late, ms: p50 / p90 / p99 / max", &|seen| {
        spread(&seen.run.figures.pace)
    });
    row(
        "  gaps heard within prompts",
        &|seen| match seen.run.counts.gaps {
            0 => "none".to_owned(),
            gaps => format!("{gaps}, longest {} ms", figure(seen.run.figures.gap.max_ms)),
        },
    );
    row(
        "callers' own frames late, ms: p50 / p90 / p99 / max",
        &|seen| spread(&seen.run.figures.own),
    );
    row("cores: engine", &|seen| figure(seen.bot.cores));
    row("       espeak-ng", &|seen| figure(seen.bot.children_cores));
    row("       callers", &|seen| figure(seen.own.cores));
    row("       all else on this machine", &|seen| {
        figure(seen.others())
    });
}
