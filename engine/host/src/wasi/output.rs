//! Splits what a flow prints into lines of the call's log.

use std::collections::VecDeque;

use ghanti_model::prompt::TEXT_BYTES_MAX;

use crate::bindings::runtime::Level;

/// How many lines of standard error are kept for the report of a failed flow: interpreters write
/// their traceback there.
const LAST_WORDS: usize = 32;

/// A stream that a flow prints to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

impl Stream {
    /// The log level of its lines.
    pub(crate) fn level(self) -> Level {
        match self {
            Stream::Out => Level::Info,
            Stream::Err => Level::Warn,
        }
    }
}

/// Incomplete lines, and the last lines of standard error.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    out: Vec<u8>,
    err: Vec<u8>,
    last_words: VecDeque<String>,
}

impl Printed {
    /// Adds bytes and returns the lines that they complete. A line that reaches the contract's text
    /// limit is split there.
    pub(crate) fn take(&mut self, stream: Stream, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            let line = self.line(stream);
            if *byte != b'\n' {
                line.push(*byte);
            }
            if *byte == b'\n' || line.len() >= TEXT_BYTES_MAX {
                lines.push(self.complete(stream));
            }
        }
        lines
    }

    /// The last line, if it was not ended by a newline.
    pub(crate) fn rest(&mut self, stream: Stream) -> Option<String> {
        (!self.line(stream).is_empty()).then(|| self.complete(stream))
    }

    /// The last lines of standard error, without blank ones.
    pub(crate) fn last_words(&self) -> Vec<String> {
        self.last_words
            .iter()
            .filter(|line| !line.trim().is_empty())
            .cloned()
            .collect()
    }

    fn line(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        }
    }

    fn complete(&mut self, stream: Stream) -> String {
        let bytes = std::mem::take(self.line(stream));
        let line = String::from_utf8_lossy(&bytes).into_owned();
        if stream == Stream::Err {
            self.last_words.push_back(line.clone());
            if self.last_words.len() > LAST_WORDS {
                self.last_words.pop_front();
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_lines() {
        let mut printed = Printed::default();
        assert_eq!(
            printed.take(Stream::Out, "on".as_bytes()),
            Vec::<String>::new()
        );
        assert_eq!(printed.take(Stream::Err, b"aside\n"), ["aside"]);
        assert_eq!(
            printed.take(Stream::Out, "e\ntwo\nthr\u{fc}".as_bytes()),
            ["one", "two"]
        );
        assert_eq!(
            (
                printed.rest(Stream::Out).as_deref(),
                printed.rest(Stream::Out)
            ),
            (Some("thrü"), None)
        );
    }

    #[test]
    fn a_flood_without_a_newline_is_cut() {
        let lines = Printed::default().take(Stream::Out, &[b'x'; 2 * TEXT_BYTES_MAX + 1]);
        assert_eq!(
            lines.iter().map(String::len).collect::<Vec<_>>(),
            [TEXT_BYTES_MAX; 2]
        );
    }

    #[test]
    fn the_end_of_a_traceback_is_kept() {
        let mut printed = Printed::default();
        for line in 0..100 {
            printed.take(Stream::Err, format!("line {line}\n").as_bytes());
        }
        let last = printed.last_words();
        assert_eq!(
            (last.len(), last.last().map(String::as_str)),
            (LAST_WORDS, Some("line 99"))
        );
    }
}
