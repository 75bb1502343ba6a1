//! Where the lines go: standard output, with the time before each. Nobody waits for a terminal that
//! does not take them.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ghanti_model::FlowName;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};

use super::event_format::EventFormat;
use super::events::Told;
use super::line::Line;

/// The terminal, with what has been told on it.
#[derive(Debug)]
pub struct Screen {
    out: NonBlocking,
    colours: bool,
    offset: UtcOffset,
    event_format: Mutex<EventFormat>,
}

impl Screen {
    /// A screen with its clock `offset_minutes` from UTC. Dropping the guard writes what is still
    /// waiting.
    pub fn open(event_format: EventFormat, offset_minutes: i16) -> (Self, WorkerGuard) {
        let (out, guard) = tracing_appender::non_blocking(std::io::stdout());
        let offset =
            UtcOffset::from_whole_seconds(i32::from(offset_minutes) * 60).unwrap_or(UtcOffset::UTC);
        (
            Self {
                out,
                colours: has_colours(),
                offset,
                event_format: Mutex::new(event_format),
            },
            guard,
        )
    }

    /// Shows a line.
    pub fn tell(&self, line: Line) {
        let now = OffsetDateTime::now_utc().to_offset(self.offset);
        let time = now
            .format(format_description!("[hour]:[minute]:[second]"))
            .unwrap_or_default();
        // dropped when the terminal is stopped and the queue is full, as lines of a log are
        let _ = self
            .out
            .clone()
            .write_all(line.render(&time, self.colours).as_bytes());
    }

    /// Hears of an event, and shows it where it is one to be shown.
    pub fn hear(&self, told: &Told, now: Instant) {
        let line = self.event_format().line(told, now);
        if let Some(line) = line {
            self.tell(line);
        }
    }

    /// The sources of a flow changed, and a version is being built of them.
    pub fn changed(&self, flow: &FlowName, at: Instant) {
        self.event_format().changed(flow, at);
    }

    /// The change brings no other version.
    pub fn unchanged(&self, flow: &FlowName) {
        self.event_format().unchanged(flow);
    }

    /// The version of a flow that takes calls, as it is shown.
    pub fn active(&self, flow: &FlowName) -> Option<String> {
        self.event_format().active(flow).map(str::to_owned)
    }

    /// How many flows take calls.
    pub fn flows(&self) -> usize {
        self.event_format().flows()
    }

    fn event_format(&self) -> MutexGuard<'_, EventFormat> {
        self.event_format
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// On a terminal, unless its owner wants none (<https://no-color.org>).
fn has_colours() -> bool {
    let is_set = |name: &str, value: Option<&str>| {
        std::env::var_os(name)
            .is_some_and(|set| value.map_or(!set.is_empty(), |value| set == value))
    };
    std::io::stdout().is_terminal() && !is_set("NO_COLOR", None) && !is_set("TERM", Some("dumb"))
}
