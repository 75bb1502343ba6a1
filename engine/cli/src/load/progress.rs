//! The progress of a load on standard error: two lines that are updated if that is a terminal, else one
//! line every ten seconds.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::time::Duration;

use ghanti_load::report::Run;
use ghanti_load::run::{Glance, Progress};
use indicatif::{ProgressBar, ProgressStyle};

/// The time between two lines if standard error is not a terminal.
const LINE: Duration = Duration::from_secs(10);

/// Shows the progress.
pub struct Shown {
    bar: Option<ProgressBar>,
    stage: RefCell<String>,
    text: Cell<Duration>,
}

impl Shown {
    /// For a terminal, or for a log.
    pub fn new(is_terminal: bool) -> Self {
        let bar = is_terminal.then(|| {
            let style = ProgressStyle::with_template("{wide_msg}\n  {prefix}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            ProgressBar::new_spinner().with_style(style)
        });
        Self {
            bar,
            stage: RefCell::default(),
            text: Cell::default(),
        }
    }

    /// A stage begins.
    pub fn begin(&self, name: &str) {
        self.stage.replace(name.to_owned());
        self.text.set(Duration::ZERO);
        self.line(&format!("{name}: begins"));
    }

    /// A stage has ended.
    pub fn end(&self, run: &Run) {
        if let Some(bar) = &self.bar {
            bar.set_message("");
            bar.set_prefix("");
        }
        let (counts, first) = (&run.counts, &run.figures.first_audio);
        self.line(&format!(
            "{}: ended; {} calls, {} wrong, {} lost; first audio {:.0} / {:.0} ms (p50 / p99), {} gaps",
            run.name, counts.offered, counts.wrong, run.lost, first.p50_ms, first.p99_ms, counts.gaps
        ));
        if let Some(void) = &run.void {
            self.line(&format!("{}: VOID: {void}", run.name));
        }
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| drop(writeln!(std::io::stderr(), "{text}"))),
            None => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }
}

impl Progress for Shown {
    fn tick(&self, glance: &Glance) {
        let (line, newest) = text(&self.stage.borrow(), glance);
        match &self.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.set_prefix(newest);
            }
            None if glance.at.saturating_sub(self.text.get()) >= LINE => {
                self.text.set(glance.at);
                let parts = [line, newest];
                let parts = parts.iter().filter(|part| !part.is_empty());
                self.line(&parts.map(String::as_str).collect::<Vec<_>>().join("; "));
            }
            None => {}
        }
    }
}

/// The progress of a stage, and the newest sample.
fn text(stage: &str, glance: &Glance) -> (String, String) {
    let clock = |time: Duration| {
        let seconds = time.as_secs();
        format!("{}:{:02}", seconds / 60, seconds % 60)
    };
    let counts = &glance.counts;
    let line = format!(
        "{stage}: {} of {}; {} live, {} begun, {} wrong, {} lost, {} gaps",
        clock(glance.at),
        clock(glance.of),
        glance.live,
        counts.offered,
        counts.wrong,
        counts.lost(),
        counts.gaps
    );
    let newest = glance.newest.as_ref().map(|newest| {
        let parts = [
            newest
                .first_audio_p50_ms
                .map(|ms| format!("first audio {ms:.0} ms")),
            newest.pace_p99_ms.map(|ms| format!("late p99 {ms:.1} ms")),
            newest
                .bot_cores
                .map(|cores| format!("bot {cores:.2} cores")),
            newest.pss_kib.map(|kib| format!("{} MiB", kib / 1_024)),
            newest
                .own_p99_ms
                .map(|ms| format!("own lateness p99 {ms:.1} ms")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    });
    (line, newest.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ghanti_load::measures::Counts;
    use ghanti_load::timeline::Sample;

    use super::*;

    #[test]
    fn a_line_has_time_calls_and_the_newest_sample() {
        let counts = Counts {
            offered: 12,
            refused: 2,
            ..Counts::default()
        };
        let newest = Sample {
            bot_cores: Some(0.251),
            pss_kib: Some(40_960),
            ..Sample::default()
        };
        let glance = Glance {
            at: Duration::from_secs(65),
            of: Duration::from_secs(600),
            live: 10,
            calls: 10,
            counts,
            newest: Some(newest),
        };
        assert_eq!(
            text("engine, 10 calls", &glance),
            (
                "engine, 10 calls: 1:05 of 10:00; 10 live, 12 begun, 0 wrong, 2 lost, 0 gaps"
                    .to_owned(),
                "bot 0.25 cores; 40 MiB".to_owned()
            )
        );
    }
}
