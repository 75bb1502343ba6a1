//! `[limits]`: what one call of a flow may take of the engine, each with what it is where nothing
//! is said, and the most there is.
//!
//! Each is kept where it is counted: [`Limit`](crate::Limit) names those that end a flow. A text
//! too long is an error that the flow gets, and a log line too many is dropped and counted; the
//! call's length is the session's to end.

use crate::engine::MEMORY_BYTES_MAX;

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `memory`: linear memory, all memories together.
    pub memory_bytes: u64,
    /// `compute-ms`: how long the flow may compute between two host calls, in processor time;
    /// looked at every 10 ms.
    pub compute_ms: u64,
    /// `call-minutes`: how long a call may last. The session ends it; the flow then gets
    /// `call-ended`.
    pub call_minutes: u64,
    /// `host-calls-per-second`: how many host functions it may call within one second.
    pub host_calls_per_second: u32,
    /// `text-bytes`: what all texts of one `say`, `ask` or `collect` may have together; the
    /// contract bounds each of them besides.
    pub text_bytes: u64,
    /// `log-lines`: how many lines of a call are kept; further ones are dropped and counted.
    pub log_lines: u32,
    /// `journal-kib`: what arguments and answers of all host calls may take, in KiB.
    pub journal_kib: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 32 << 20,
            compute_ms: 50,
            call_minutes: 15,
            host_calls_per_second: 500,
            // room for a question with its phrases in every language
            text_bytes: 32 << 10,
            log_lines: 256,
            journal_kib: 4 << 10,
        }
    }
}

impl Limits {
    /// The most a manifest may ask for.
    pub const MAX: Self = Self {
        memory_bytes: MEMORY_BYTES_MAX,
        compute_ms: 1_000,
        call_minutes: 60,
        host_calls_per_second: 5_000,
        text_bytes: 256 << 10,
        log_lines: 10_000,
        journal_kib: 16 << 10,
    };

    /// The least that is of any use. What is fixed for a reason of its own stands at its key.
    pub const MIN: Self = Self {
        memory_bytes: 64 << 10,
        compute_ms: 10,
        call_minutes: 1,
        host_calls_per_second: 10,
        text_bytes: 16,
        log_lines: 0,
        journal_kib: 1,
    };

    /// Each of them no higher than the other's.
    pub(crate) fn lowered(&self, most: &Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.min(most.memory_bytes),
            compute_ms: self.compute_ms.min(most.compute_ms),
            call_minutes: self.call_minutes.min(most.call_minutes),
            host_calls_per_second: self.host_calls_per_second.min(most.host_calls_per_second),
            text_bytes: self.text_bytes.min(most.text_bytes),
            log_lines: self.log_lines.min(most.log_lines),
            journal_kib: self.journal_kib.min(most.journal_kib),
        }
    }

    /// For a record that runs again: its journal may be as large as any.
    pub(crate) fn of_replay(&self) -> Self {
        Self {
            journal_kib: Self::MAX.journal_kib,
            ..self.clone()
        }
    }
}
