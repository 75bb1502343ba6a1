//! The report of a load: what was run on what, and for each bot and stage what callers got and what it
//! cost. Written as JSON, as Markdown, and as plots.

mod markdown;
mod plots;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::machine::Machine;
use crate::measures::{Counts, Figure, Set, Spread};
use crate::plan::Stage;
use crate::timeline::{Sample, Slopes};

pub use self::plots::PlotError;

/// A generator whose own frames are later than this, at the 99th percentile, was too slow to measure by:
/// one frame of a real call.
pub const OWN_LATE_MS: f64 = 20.0;

/// A report.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version of this program.
    pub version: String,
    /// When the load began, by RFC 3339.
    pub began: String,
    /// The command.
    pub command: String,
    /// What it ran on.
    pub machine: Machine,
    /// The most calls that were begun in a second.
    pub calls_per_s: f64,
    /// Milliseconds of audio in a frame of the caller's.
    pub frame_ms: u64,
    /// The sample rate of the streams.
    pub rate_hz: u32,
    /// The kinds of callers, with their weights and the seconds after which they hang up.
    pub callers: Vec<CallerShare>,
    /// Whether the load was stopped before its end.
    pub stopped: bool,
    /// The runs, in order.
    pub runs: Vec<Run>,
}

/// A kind of caller.
#[derive(Debug, Clone, Serialize)]
pub struct CallerShare {
    /// Its name.
    pub name: String,
    /// Its weight.
    pub weight: u32,
    /// After how many seconds they hang up.
    pub hold_s: u64,
}

/// A stage against one bot.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// What it is called: the bot, and the stage's calls.
    pub name: String,
    /// The stage.
    pub stage: Stage,
    /// What became of the calls.
    pub counts: Counts,
    /// The lost calls.
    pub lost: u64,
    /// What callers got.
    pub figures: Figures,
    /// What the processes spent while all calls ran; `None` where the load was stopped before that.
    pub measured: Option<Windowed>,
    /// CPU time of the bot for a second of a call, in ms: its own and that of its children.
    pub bot_ms_per_call_s: Option<f64>,
    /// Why the figures do not count, where they do not.
    pub void: Option<String>,
    /// Problems, with how often each occurred.
    pub problems: BTreeMap<String, u64>,
    /// Outcomes by the engine's records.
    pub outcomes: BTreeMap<String, u64>,
    /// How values rose.
    pub slopes: Option<Slopes>,
    /// Samples, in order.
    pub samples: Vec<Sample>,
}

/// What callers got, as distributions.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// From `start` to the bot's first audible sample.
    pub first_audio: Spread,
    /// From the caller's last audible sample to the bot's next one.
    pub response: Spread,
    /// From the first sample of a caller who interrupts to the bot's `clear`.
    pub clear: Spread,
    /// How much too late for its playout a frame arrived.
    pub late: Spread,
    /// How much audio was still to be played when a frame arrived.
    pub reserve: Spread,
    /// How late a frame was by the pace of its utterance's own earliest frame.
    pub pace: Spread,
    /// Lengths of gaps within utterances.
    pub gap: Spread,
    /// The largest lateness of each call.
    pub worst_of_call: Spread,
    /// How late the generator's own frames were sent.
    pub own: Spread,
}

/// What both processes spent while all calls ran.
#[derive(Debug, Clone, Serialize)]
pub struct Windowed {
    /// How long that was.
    pub seconds: f64,
    /// Open streams, on average.
    pub live: f64,
    /// The bot's process.
    pub bot: Option<ProcessFigures>,
    /// Why the bot's process was not measured.
    pub not_measured: Option<String>,
    /// The generator's process.
    pub own: Option<ProcessFigures>,
    /// All processes of the machine, and other machines on the same processors.
    pub machine_cores: Option<f64>,
    /// The bot's memory (PSS), on average.
    pub pss_kib_mean: Option<u64>,
    /// The most of it.
    pub pss_kib_max: Option<u64>,
    /// That before the first call.
    pub pss_kib_idle: Option<u64>,
    /// The most descriptors of the bot.
    pub descriptors_max: Option<u64>,
    /// The most threads of the bot.
    pub threads_max: Option<u64>,
}

/// Processors that a process kept busy.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ProcessFigures {
    /// With its own work.
    pub cores: f64,
    /// The kernel's part of that.
    pub kernel_cores: f64,
    /// With its children's that have ended.
    pub children_cores: f64,
}

impl Run {
    /// Puts a run together.
    pub fn new(
        name: &str,
        stage: Stage,
        all: &Set,
        measured: Option<Windowed>,
        samples: Vec<Sample>,
        slopes: Option<Slopes>,
    ) -> Self {
        let figures = Figures {
            first_audio: all.spread(Figure::FirstAudio),
            response: all.spread(Figure::Response),
            clear: all.spread(Figure::Clear),
            late: all.spread(Figure::Late),
            reserve: all.spread(Figure::Reserve),
            pace: all.spread(Figure::Pace),
            gap: all.spread(Figure::Gap),
            worst_of_call: all.spread(Figure::WorstOfCall),
            own: all.spread(Figure::Own),
        };
        let bot_ms_per_call_s = measured.as_ref().and_then(|measured| {
            let bot = measured.bot?;
            let cores = bot.cores + bot.children_cores;
            (measured.live > 0.0).then(|| cores * 1e3 / measured.live)
        });
        Self {
            name: name.to_owned(),
            stage,
            counts: all.counts,
            lost: all.counts.lost(),
            void: void(&figures.own),
            figures,
            measured,
            bot_ms_per_call_s,
            problems: all.problems.clone(),
            outcomes: all.outcomes.clone(),
            slopes,
            samples,
        }
    }
}

/// Why figures do not count of a generator whose own frames were so late.
fn void(own: &Spread) -> Option<String> {
    if own.count == 0 {
        return Some("the generator has sent no frame".to_owned());
    }
    (own.p99_ms > OWN_LATE_MS).then(|| {
        format!(
            "the generator fell behind: 1 of 100 of its own frames was sent {:.1} ms late or more, and {OWN_LATE_MS} ms is the bound; \
             give it processors of its own, or fewer calls",
            own.p99_ms
        )
    })
}

/// What a report says of the bot, for exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// All calls were held as expected.
    Good,
    /// Calls were lost or wrong.
    Bad,
    /// The figures do not count.
    Void,
}

/// The report cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file.
    #[error("cannot write `{path}`: {reason}")]
    File {
        /// The file.
        path: String,
        /// The operating system's error.
        reason: io::Error,
    },
    /// The JSON.
    #[error("cannot write the report as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A plot.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

impl Report {
    /// What is to be concluded. Refused calls are no fault where they are expected.
    pub fn conclusion(&self, expects_refusals: bool) -> Conclusion {
        let bad = |run: &Run| {
            let Counts {
                wrong,
                refused,
                mute,
                dropped,
                ..
            } = run.counts;
            wrong + mute + dropped > 0 || (refused > 0 && !expects_refusals)
        };
        if self.runs.iter().any(bad) {
            Conclusion::Bad
        } else if self.runs.iter().any(|run| run.void.is_some()) {
            Conclusion::Void
        } else {
            Conclusion::Good
        }
    }

    /// The report as Markdown. `plots` are the files of plots beside it.
    pub fn markdown(&self, plots: &[String]) -> String {
        markdown::written(self, plots)
    }

    /// The figures alone, as Markdown, for a terminal.
    pub fn summary(&self) -> String {
        markdown::summary(self)
    }

    /// Writes `report.json`, `report.md` and the plots into a folder. Returns the Markdown's path.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, WriteError> {
        let failed = |path: &Path| {
            let path = path.display().to_string();
            move |reason| WriteError::File { path, reason }
        };
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
        let file = folder.join("report.json");
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        std::fs::write(&file, json).map_err(failed(&file))?;
        let mut names = Vec::new();
        for (name, svg) in plots::all(self)? {
            let file = folder.join(name);
            std::fs::write(&file, svg).map_err(failed(&file))?;
            names.push(name.to_owned());
        }
        let file = folder.join("report.md");
        std::fs::write(&file, self.markdown(&names)).map_err(failed(&file))?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests;
