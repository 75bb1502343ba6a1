//! A hundred calls at once against the built program, over HTTP and WebSockets, in real time.
//!
//! Callers and engine share the machine's processors, so the engine's time is read from the kernel,
//! not from the clock; how late frames came includes the callers' own lateness, which is told
//! beside it.

use std::time::Duration;

use anyhow::Context;
use ghanti_sim::load::Percentiles;
use ghanti_sim::{Load, LoadReport};

use crate::process::{Reading, Spent, pss_kib, threads};
use crate::server::Server;
use crate::table::{Table, figure};

const CALLS: usize = 100;
/// Ten calls begin in a second.
pub const RAMP: Duration = Duration::from_millis(100);
/// After the last call has begun, until all is running.
const SETTLE: Duration = Duration::from_secs(2);
/// How often memory, threads and live calls are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// A few calls before all others, so that what is made once is not counted as theirs.
const WARM_UP: (usize, u64) = (4, 6);

/// How the callers of one run behave.
pub struct Callers {
    /// By which the run is asked for.
    section: &'static str,
    title: &'static str,
    recognizer: &'static str,
    say: Option<&'static str>,
    press: Option<char>,
    /// One name for all leaves nothing to be synthesised after the first call.
    name: &'static str,
    /// The time in which the engine is watched.
    watched: Duration,
}

pub const SILENT: Callers = Callers {
    section: "silent",
    title: "silent",
    recognizer: "none",
    say: None,
    press: None,
    name: "Asha Rao",
    watched: Duration::from_secs(10),
};
const KEYS: Callers = Callers {
    section: "keys",
    title: "pressing keys",
    press: Some('1'),
    name: "Asha {n}",
    watched: Duration::from_secs(20),
    ..SILENT
};
const SPEAKING: Callers = Callers {
    section: "speaking",
    title: "speaking",
    recognizer: "vosk",
    say: Some("yes, speaking"),
    press: None,
    ..KEYS
};

/// What was seen of one run.
struct Seen {
    callers: &'static Callers,
    server: Spent,
    simulator: Spent,
    /// The engine without calls, over a second.
    idle: Spent,
    idle_kib: u64,
    /// Means over the looks.
    live: f64,
    pss_kib: f64,
    most_kib: u64,
    threads: u64,
    report: LoadReport,
}

impl Seen {
    fn per_call_ms(&self, work: Duration) -> f64 {
        work.as_secs_f64() * 1e3 / self.server.lasted.as_secs_f64() / self.live
    }

    fn kib_per_call(&self, kib: f64) -> f64 {
        (kib - self.idle_kib as f64) / self.live
    }

    /// All else that ran on this machine meanwhile.
    fn others(&self) -> Duration {
        self.server
            .machine
            .saturating_sub(self.server.own() + self.server.children + self.simulator.own())
    }
}

/// The engine's time for a second of a call with a silent caller, for comparisons.
pub struct Silent {
    pub per_call_ms: f64,
}

/// Plays the runs that are wanted and prints their table.
pub async fn run(wanted: impl Fn(&str) -> bool) -> anyhow::Result<Option<Silent>> {
    let mut all = Vec::new();
    for callers in [&SILENT, &KEYS, &SPEAKING]
        .into_iter()
        .filter(|callers| wanted(callers.section))
    {
        eprintln!("bench: {CALLS} calls, {} ...", callers.title);
        all.push(
            watch(callers)
                .await
                .with_context(|| format!("callers: {}", callers.title))?,
        );
    }
    if !all.is_empty() {
        print(&all);
    }
    let silent = all
        .iter()
        .find(|seen| seen.callers.section == SILENT.section);
    Ok(silent.map(|seen| Silent {
        per_call_ms: seen.per_call_ms(seen.server.own()),
    }))
}

async fn watch(callers: &'static Callers) -> anyhow::Result<Seen> {
    let server = Server::start(callers.recognizer).await?;
    let (warm_calls, warm_seconds) = WARM_UP;
    ghanti_sim::load(
        &load_of(callers, warm_calls, warm_seconds)?,
        server.base_url(),
    )
    .await?;

    let (pid, own) = (server.pid(), std::process::id());
    let before = Reading::of(pid)?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = Reading::of(pid)? - before;
    let idle_kib = pss_kib(pid)?;

    let ramp = RAMP * u32::try_from(CALLS)? + SETTLE;
    let load = load_of(callers, CALLS, (ramp + callers.watched).as_secs() + 1)?;
    let base_url = server.base_url().to_owned();
    let playing = tokio::spawn(async move { ghanti_sim::load(&load, &base_url).await });

    tokio::time::sleep(ramp).await;
    let (server_before, own_before) = (Reading::of(pid)?, Reading::of(own)?);
    let (mut looks, mut live, mut kib, mut most_kib, mut most_threads) = (0_u32, 0, 0, 0, 0);
    while server_before.at.elapsed() < callers.watched {
        tokio::time::sleep(LOOK).await;
        let now_kib = pss_kib(pid)?;
        looks += 1;
        live += server.live_calls().await?;
        kib += now_kib;
        most_kib = most_kib.max(now_kib);
        most_threads = most_threads.max(threads(pid)?);
    }
    let (spent, simulator_spent) = (
        Reading::of(pid)? - server_before,
        Reading::of(own)? - own_before,
    );
    let report = playing.await??;
    let mean = |sum: u64| sum as f64 / f64::from(looks);
    Ok(Seen {
        callers,
        server: spent,
        simulator: simulator_spent,
        idle,
        idle_kib,
        live: mean(live),
        pss_kib: mean(kib),
        most_kib,
        threads: most_threads,
        report,
    })
}

/// The load of so many such callers.
pub fn load_of(callers: &Callers, calls: usize, seconds: u64) -> anyhow::Result<Load> {
    let customer = format!(
        r#"
        phone = "+919876500001"
        flow = "emi-reminder"
        fields = {{ name = "{}", language = "en-IN", loan = "LN-00478213", amount = "12,500", due-date = "2030-12-05" }}
        "#,
        callers.name
    );
    Ok(Load {
        calls,
        seconds,
        ramp: RAMP,
        say: callers.say.map(str::to_owned),
        press: callers.press,
        customer: toml::from_str(&customer)?,
    })
}

fn print(all: &[Seen]) {
    let titles: Vec<&str> = all.iter().map(|seen| seen.callers.title).collect();
    let mut table = Table::new(
        &format!("{CALLS} calls at once, flow emi-reminder, 8 kHz; callers are"),
        &titles,
    );
    let mut row = |name: &str, figure: Figure<'_>| table.row(name, all.iter().map(figure));
    table_of(&mut row);
    table.note("who is silent has the same name as all others, so every prompt comes from the cache; else each is greeted by his own name");
    table.note("callers and engine share the processors: the callers' own time and lateness are to be weighed against the engine's");
    table.note("late: behind the pace of the prompt's own earliest frame; a gap: all that was sent ahead had been played");
    table.note("PSS per call: what the calls add to the engine without calls, prompts in the cache included");
    for seen in all {
        let title = seen.callers.title;
        let told = |counts: &std::collections::BTreeMap<String, u64>| {
            counts
                .iter()
                .map(|(name, count)| format!("{name} {count}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        table.note(format!(
            "{title}: {} calls: {}",
            seen.report.calls,
            told(&seen.report.outcomes)
        ));
        if !seen.report.problems.is_empty() {
            table.note(format!(
                "{title}: PROBLEMS: {}",
                told(&seen.report.problems)
            ));
        }
    }
    table.print();
}

/// What a row shows of each run.
type Figure<'a> = &'a dyn Fn(&Seen) -> String;

fn table_of(row: &mut dyn FnMut(&str, Figure<'_>)) {
    let spread = |spread: Percentiles, unit: f64| {
        [spread.p50, spread.p95, spread.p99, spread.max]
            .map(|value| figure(value as f64 / unit))
            .join(" / ")
    };
    row("recogniser", &|seen| seen.callers.recognizer.to_owned());
    row("live calls, mean", &|seen| figure(seen.live));
    row("engine: CPU ms per second and call", &|seen| {
        figure(seen.per_call_ms(seen.server.own()))
    });
    row("  of it in the kernel", &|seen| {
        figure(seen.per_call_ms(seen.server.system))
    });
    row("  espeak-ng processes, beside it", &|seen| {
        figure(seen.per_call_ms(seen.server.children))
    });
    row("engine: calls a core, by that", &|seen| {
        figure(1e3 / seen.per_call_ms(seen.server.own() + seen.server.children))
    });
    row("engine: cores without calls", &|seen| {
        figure(seen.idle.cores(seen.idle.own()))
    });
    row("engine: PSS without calls, MiB", &|seen| {
        figure(seen.idle_kib as f64 / 1024.0)
    });
    row("engine: PSS per call, KiB", &|seen| {
        figure(seen.kib_per_call(seen.pss_kib))
    });
    row("  at the most", &|seen| {
        figure(seen.kib_per_call(seen.most_kib as f64))
    });
    row("engine: threads", &|seen| seen.threads.to_string());
    row(
        "first audio after start, ms: p50 / p95 / p99 / max",
        &|seen| spread(seen.report.first_media_ms, 1.0),
    );
    row("bot's frames late, ms: p50 / p95 / p99 / max", &|seen| {
        spread(seen.report.bot.late_us, 1e3)
    });
    row(
        "  gaps heard within prompts",
        &|seen| match seen.report.bot.gaps {
            0 => "none".to_owned(),
            gaps => format!(
                "{gaps}, longest {} ms",
                figure(seen.report.bot.gap_us.max as f64 / 1e3)
            ),
        },
    );
    row(
        "callers' own frames late, ms: p50 / p95 / p99 / max",
        &|seen| spread(seen.report.late_us, 1e3),
    );
    row("cores: engine", &|seen| {
        figure(seen.server.cores(seen.server.own()))
    });
    row("       espeak-ng", &|seen| {
        figure(seen.server.cores(seen.server.children))
    });
    row("       callers", &|seen| {
        figure(seen.simulator.cores(seen.simulator.own()))
    });
    row("       all else on this machine", &|seen| {
        figure(seen.server.cores(seen.others()))
    });
}
