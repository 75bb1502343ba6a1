//! The report as Markdown: one table of all runs, and the words that it needs.

use std::fmt::Write;

use super::{OWN_LATE_MS, Report, Run, Windowed};
use crate::measures::Spread;
use crate::playout::GAP_US;
use crate::stream::FIRST_AUDIO;
use crate::timeline::Slopes;

/// Where a run has no such figure.
const NONE: &str = "–";

/// Writes it. Formatting into a `String` cannot fail, here and below.
pub(super) fn written(report: &Report, plots: &[String]) -> String {
    let mut text = String::from("# Load\n\n");
    text.push_str(&summary(report));
    if !plots.is_empty() {
        text.push_str("\n## Plots\n\n");
        for plot in plots {
            let _ = writeln!(text, "![{plot}]({plot})\n");
        }
    }
    machine(&mut text, report);
    method(&mut text);
    text
}

/// The figures, without plots, machine and method.
pub(super) fn summary(report: &Report) -> String {
    let mut text = String::new();
    if report.stopped {
        text.push_str("**The load was stopped before its end.**\n\n");
    }
    for run in &report.runs {
        if let Some(void) = &run.void {
            let _ = writeln!(text, "**{}: void, {void}.**\n", run.name);
        }
    }
    table(&mut text, &report.runs);
    text.push_str(
        "\nTimes are p50 / p99 / largest, in ms. What each row means is under \"Method\".\n",
    );
    soaked(&mut text, &report.runs);
    counted(&mut text, "Problems", &report.runs, |run| &run.problems);
    counted(
        &mut text,
        "Outcomes by the engine's records",
        &report.runs,
        |run| &run.outcomes,
    );
    text
}

type Cell = dyn Fn(&Run) -> String;

fn table(text: &mut String, runs: &[Run]) {
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    let _ = writeln!(text, "| | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(runs.len()));
    let rows: [(&str, &Cell); 32] = [
        ("calls at once, wanted", &|run| run.stage.calls.to_string()),
        ("calls at once, mean", &|run| {
            measured(run, |of| Some(figure(of.live)))
        }),
        ("calls offered", &|run| run.counts.offered.to_string()),
        ("calls taken", &|run| run.counts.taken.to_string()),
        ("**wrong**", &|run| run.counts.wrong.to_string()),
        ("**lost**", &|run| run.lost.to_string()),
        ("- refused", &|run| run.counts.refused.to_string()),
        ("- nothing heard", &|run| run.counts.mute.to_string()),
        ("- connection broken", &|run| run.counts.dropped.to_string()),
        ("answer to first audio", &|run| {
            spread(&run.figures.first_audio)
        }),
        ("end of speech to first audio", &|run| {
            spread(&run.figures.response)
        }),
        (
            "interruptions, stopped by `clear`",
            &|run| match run.counts.interruptions {
                0 => NONE.to_owned(),
                count => format!("{} of {count}", run.counts.cleared),
            },
        ),
        ("onset to `clear`", &|run| spread(&run.figures.clear)),
        ("frames received", &|run| {
            run.counts.frames_received.to_string()
        }),
        ("frame late for its playout", &|run| {
            spread(&run.figures.late)
        }),
        ("largest lateness of a call", &|run| {
            spread(&run.figures.worst_of_call)
        }),
        ("audio in reserve, p50 / smallest", &|run| {
            reserve(&run.figures.reserve)
        }),
        ("frame late by its pace", &|run| spread(&run.figures.pace)),
        ("calls with gaps", &|run| run.counts.with_gaps.to_string()),
        ("gaps", &|run| run.counts.gaps.to_string()),
        ("length of gaps", &|run| spread(&run.figures.gap)),
        ("bot: CPU ms per second of a call", &|run| {
            run.bot_ms_per_call_s
                .map_or_else(|| NONE.to_owned(), figure)
        }),
        ("bot: calls a core, by that", &|run| {
            run.bot_ms_per_call_s
                .filter(|ms| *ms > 0.0)
                .map_or_else(|| NONE.to_owned(), |ms| figure(1e3 / ms))
        }),
        ("bot: cores", &|run| {
            measured(run, |of| Some(figure(of.bot?.cores)))
        }),
        ("- of it in the kernel", &|run| {
            measured(run, |of| Some(figure(of.bot?.kernel_cores)))
        }),
        ("- its children, beside it", &|run| {
            measured(run, |of| Some(figure(of.bot?.children_cores)))
        }),
        ("bot: PSS before, mean, largest, MiB", &|run| {
            let mib = |kib: Option<u64>| {
                kib.map_or_else(|| NONE.to_owned(), |kib| figure(kib as f64 / 1_024.0))
            };
            measured(run, |of| {
                of.pss_kib_mean.map(|_| {
                    [of.pss_kib_idle, of.pss_kib_mean, of.pss_kib_max]
                        .map(mib)
                        .join(" / ")
                })
            })
        }),
        ("bot: most descriptors", &|run| {
            measured(run, |of| of.descriptors_max.map(|count| count.to_string()))
        }),
        ("bot: most threads", &|run| {
            measured(run, |of| of.threads_max.map(|count| count.to_string()))
        }),
        ("generator: own frames late", &|run| {
            spread(&run.figures.own)
        }),
        ("generator: cores", &|run| {
            measured(run, |of| Some(figure(of.own?.cores)))
        }),
        ("all else on this machine: cores", &|run| {
            measured(run, |of| {
                let own = of.own?.cores;
                let bot = of.bot.map_or(0.0, |bot| bot.cores + bot.children_cores);
                Some(figure((of.machine_cores? - own - bot).max(0.0)))
            })
        }),
    ];
    for (name, cell) in rows {
        let cells: Vec<String> = runs.iter().map(cell).collect();
        if cells.iter().any(|cell| cell != NONE) {
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        }
    }
}

fn measured(run: &Run, of: impl Fn(&Windowed) -> Option<String>) -> String {
    run.measured
        .as_ref()
        .and_then(of)
        .unwrap_or_else(|| NONE.to_owned())
}

fn spread(spread: &Spread) -> String {
    if spread.count == 0 {
        return NONE.to_owned();
    }
    [spread.p50_ms, spread.p99_ms, spread.max_ms]
        .map(figure)
        .join(" / ")
}

fn reserve(spread: &Spread) -> String {
    if spread.count == 0 {
        return NONE.to_owned();
    }
    [spread.p50_ms, spread.min_ms].map(figure).join(" / ")
}

/// A figure with three digits that count.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn soaked(text: &mut String, runs: &[Run]) {
    let soaked = || runs.iter().filter_map(|run| Some((run, run.slopes?)));
    if soaked().next().is_none() {
        return;
    }
    text.push_str("\n## Slopes\n\n");
    for (run, slopes) in soaked() {
        let _ = writeln!(
            text,
            "{}, by {} looks over {:.2} h:\n",
            run.name, slopes.samples, slopes.hours
        );
        for (name, slope) in lines(&slopes) {
            let slope =
                slope.map_or_else(|| "not measured".to_owned(), |slope| format!("{slope:+.2}"));
            let _ = writeln!(text, "- {name}: {slope}");
        }
        text.push('\n');
    }
    text.push_str("A rise of memory in the first hour is mostly caches that fill.\n");
}

fn lines(slopes: &Slopes) -> [(&'static str, Option<f64>); 7] {
    [
        ("memory (PSS), KiB an hour", slopes.pss_kib_per_h),
        ("descriptors, an hour", slopes.descriptors_per_h),
        ("threads, an hour", slopes.threads_per_h),
        (
            "memory (PSS), KiB for each call that has ended",
            slopes.pss_kib_per_call,
        ),
        (
            "descriptors, for each call that has ended",
            slopes.descriptors_per_call,
        ),
        (
            "answer to first audio (p50), ms an hour",
            slopes.first_audio_ms_per_h,
        ),
        (
            "frame late by its pace (p99), ms an hour",
            slopes.pace_ms_per_h,
        ),
    ]
}

fn counted<'a>(
    text: &mut String,
    title: &str,
    runs: &'a [Run],
    of: impl Fn(&'a Run) -> &'a std::collections::BTreeMap<String, u64>,
) {
    if runs.iter().all(|run| of(run).is_empty()) {
        return;
    }
    let _ = writeln!(text, "\n## {title}\n");
    for run in runs {
        for (name, count) in of(run) {
            let _ = writeln!(text, "- {}: {count} × {name}", run.name);
        }
    }
}

fn machine(text: &mut String, report: &Report) {
    let machine = &report.machine;
    let _ = writeln!(
        text,
        "\n## Machine and load\n\n- {}\n- {}: {} processors, {} MiB of memory, Linux {}\n- load average before: {}\n- ghanti {}, begun {}",
        format_args!("`{}`", report.command),
        machine.processor,
        machine.processors,
        machine.memory_mib,
        machine.kernel,
        machine.load_average,
        report.version,
        report.began
    );
    let _ = writeln!(
        text,
        "- at most {} calls begun in a second; frames of {} ms at {} Hz",
        figure(report.calls_per_s),
        report.frame_ms,
        report.rate_hz
    );
    for caller in &report.callers {
        let _ = writeln!(
            text,
            "- callers `{}`: weight {}, hang up after {} s",
            caller.name, caller.weight, caller.hold_s
        );
    }
    for run in &report.runs {
        let reason = run
            .measured
            .as_ref()
            .and_then(|measured| measured.not_measured.as_ref());
        if let Some(reason) = reason {
            let _ = writeln!(
                text,
                "- {}: the bot's process is not measured: {reason}",
                run.name
            );
        }
    }
}

fn method(text: &mut String) {
    let _ = writeln!(
        text,
        "\n## Method\n\n\
        - Calls of a stage are begun at the rate; one that ends is followed by another, and all hang up at the stage's end. Call figures \
        are of all calls of the stage; CPU, memory and descriptors are of the time in which all calls ran.\n\
        - A frame of the caller is sent when its last sample has been spoken. Audible is what is above -45 dBFS.\n\
        - *Answer to first audio*: from `start` to the first audible sample as it is played.\n\
        - *End of speech to first audio*: from the caller's last audible sample to the bot's next one; 0 where that is within the last half \
        second of the speech. Not of a caller who talks over the bot.\n\
        - *Onset to `clear`*: from the first sample of a caller who speaks while the bot is audible. A bot may go on by intention.\n\
        - *Late for its playout*: the bot's audio is played frame after frame as it comes; a frame that comes when all before it has been \
        played is late by the time in which nothing was played. More than {gap} ms is a gap.\n\
        - *Late by its pace*: behind the utterance's own earliest frame. It is jitter that audio sent ahead keeps from the caller.\n\
        - *Lost*: refused, nothing heard within {first} s, or the connection broke. *Wrong*: another outcome or transcript than the \
        scenario expects, a failed call, or messages that Exotel cannot handle.\n\
        - The generator's own lateness is how long after it was due a frame was handed to the kernel; above {own} ms at the 99th percentile \
        all figures of the run are void.\n\
        \n## Limits\n\n\
        - Generator and bot share the processors where they run on one machine: each makes the other later.\n\
        - Times are seen where the generator runs: the network between it and the bot is in them, Exotel's is not.\n\
        - Linux counts processors' time in hundredths of a second.",
        gap = GAP_US / 1_000,
        first = FIRST_AUDIO.as_secs(),
        own = OWN_LATE_MS,
    );
}
