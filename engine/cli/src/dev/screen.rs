//! Prints the lines to standard output, each with the time. Nothing waits for a terminal that does
//! not accept output.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ghanti_model::{CallEvent, FlowName, Zone, unix_ms};
use time::macros::format_description;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};

use super::event_format::EventFormat;
use super::events::LogEvent;
use super::line::{Line, Subject, Tone};

/// The terminal, and the state needed to render events.
#[derive(Debug)]
pub struct Screen {
    out: NonBlocking,
    colours: bool,
    zone: Zone,
    event_format: Mutex<EventFormat>,
    calls: Mutex<Option<Receiver<Arc<CallEvent>>>>,
}

impl Screen {
    /// Opens the screen, whose lines go to `out`. Its clock is that of `zone`. Dropping
    /// the guard flushes the lines that are still queued.
    pub fn open(
        out: impl Write + Send + 'static,
        event_format: EventFormat,
        zone: Zone,
    ) -> (Self, WorkerGuard) {
        let (out, guard) = tracing_appender::non_blocking(out);
        (
            Self {
                out,
                colours: has_colours(),
                zone,
                event_format: Mutex::new(event_format),
                calls: Mutex::default(),
            },
            guard,
        )
    }

    /// Prints a line.
    pub fn print(&self, line: Line) {
        let form = format_description!("[hour]:[minute]:[second]");
        let now = self.zone.local(unix_ms());
        let time = now
            .and_then(|now| now.format(form).ok())
            .unwrap_or_default();
        // dropped if the terminal is paused and the queue is full, like log lines
        let _ = self
            .out
            .clone()
            .write_all(line.render(&time, self.colours).as_bytes());
    }

    /// Prints a message of the program itself.
    pub fn say(&self, words: &str) {
        self.print(Line::new(Subject::Dev, "", words, Tone::Plain));
    }

    /// Shows events of calls as they arrive. Returns when the engine has ended.
    pub async fn follow(&self, mut events: Receiver<Arc<CallEvent>>) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner) = Some(events.resubscribe());
        while !matches!(events.recv().await, Err(RecvError::Closed)) {
            self.catch_up();
        }
    }

    /// Prints the lines of all events of calls that have arrived.
    fn catch_up(&self) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(events) = calls.as_mut() else {
            return;
        };
        loop {
            let lines = match events.try_recv() {
                Ok(event) => self.event_format().call_lines(&event),
                Err(TryRecvError::Lagged(missed)) => {
                    let words = format!("{missed} events of calls came too fast to be shown");
                    vec![Line::new(Subject::Engine, "", &words, Tone::Odd)]
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            };
            lines.into_iter().for_each(|line| self.print(line));
        }
    }

    /// Handles a log event, printing a line if it is one to show.
    pub fn handle(&self, event: &LogEvent, now: Instant) {
        // earlier events of calls first, to keep the order
        self.catch_up();
        let line = self.event_format().line(event, now);
        if let Some(line) = line {
            self.print(line);
        }
    }

    /// Records that a flow's sources changed and a version is being built from them.
    pub fn changed(&self, flow: &FlowName, at: Instant) {
        self.event_format().changed(flow, at);
    }

    /// Records that the change leads to no new version.
    pub fn unchanged(&self, flow: &FlowName) {
        self.event_format().unchanged(flow);
    }

    /// The version of a flow that takes calls, shortened for display.
    pub fn active(&self, flow: &FlowName) -> Option<String> {
        self.event_format().active(flow).map(str::to_owned)
    }

    /// The number of flows that take calls.
    pub fn flows(&self) -> usize {
        self.event_format().flows()
    }

    fn event_format(&self) -> MutexGuard<'_, EventFormat> {
        self.event_format
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether to use colours: on a terminal, unless the user turned them off (<https://no-color.org>).
fn has_colours() -> bool {
    let is_set = |name: &str, value: Option<&str>| {
        std::env::var_os(name)
            .is_some_and(|set| value.map_or(!set.is_empty(), |value| set == value))
    };
    std::io::stdout().is_terminal() && !is_set("NO_COLOR", None) && !is_set("TERM", Some("dumb"))
}
