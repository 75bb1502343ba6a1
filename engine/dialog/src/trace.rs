//! What a run leaves for its author beside the journal: its last log lines, and where it stood when
//! it was ended.
//!
//! It lies with the journal, which outlives the flow's store. It is no part of the record of the
//! call unless the flow fails.

use std::collections::VecDeque;

use ghanti_model::{LogLine, Masked};

/// So many lines are kept, the last.
const LINES: usize = 20;
/// So much of each.
const LINE_BYTES: usize = 500;

/// What a run leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    log: VecDeque<LogLine>,
    /// What an interpreter wrote to standard error as it gave up: the script's own stack.
    pub traceback: Vec<Masked>,
    /// The component's functions at the end, the innermost first; empty when `run` returned.
    pub stack: Vec<String>,
}

impl Trace {
    pub(crate) fn line(&mut self, level: &str, message: &str) {
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

    /// What the flow logged or printed last, the oldest line first.
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
