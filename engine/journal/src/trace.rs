//! What a run leaves for the flow's author besides the journal: its last log lines, and its stack
//! when it was terminated.
//!
//! It is kept with the journal, which outlives the flow's store, and becomes part of the call's
//! record only if the flow fails.

use std::collections::VecDeque;

use ghanti_model::{LogLine, Masked};

/// How many log lines are kept, the last ones.
const LINES: usize = 20;
/// How many bytes of each line are kept.
const LINE_BYTES: usize = 500;

/// Diagnostics of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    log: VecDeque<LogLine>,
    /// What an interpreter wrote to standard error as it gave up: the script's own stack.
    pub traceback: Vec<Masked>,
    /// How long the flow has slept by itself, in milliseconds: no time passed for the caller.
    pub slept_ms: u64,
    /// The component's functions at the end, innermost first; empty if `run` returned.
    pub stack: Vec<String>,
}

impl Trace {
    /// Keeps a line of the flow's log, in place of the oldest one once there are enough.
    pub fn line(&mut self, level: &str, message: &str) {
        let cut = message
            .get(..message.floor_char_boundary(LINE_BYTES))
            .unwrap_or_default();
        self.log.push_back(LogLine {
            level: level.to_owned(),
            message: Masked::from(cut),
        });
        if self.log.len() > LINES {
            self.log.pop_front();
        }
    }

    /// The flow's last logged or printed lines, oldest first.
    pub fn log(&self) -> Vec<LogLine> {
        self.log.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_long_ones_cut() {
        let mut trace = Trace::default();
        (0..100).for_each(|line| trace.line("info", &format!("line {line}")));
        trace.line("warn", &"ü".repeat(400));
        let log = trace.log();
        assert_eq!(
            (
                log.len(),
                log[0].message.expose(),
                log[19].message.expose().len()
            ),
            (LINES, "line 81", LINE_BYTES)
        );
    }
}
