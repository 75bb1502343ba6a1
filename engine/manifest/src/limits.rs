//! `[limits]`: the engine's resources that one call of a flow may use, with default, minimum and
//! maximum.
//!
//! Each limit is enforced where it is counted, by the host; some terminate a flow. Texts that are
//! too long are an error for the flow, and log lines beyond the limit are dropped and counted; the
//! session enforces the call's length.

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `memory`: linear memory in bytes, all memories together.
    pub memory_bytes: u64,
    /// `compute-ms`: how long the flow may compute between two host calls, in processor time;
    /// checked every 10 ms.
    pub compute_ms: u64,
    /// `call-minutes`: how long a call may last. The session ends it; the flow then gets
    /// `call-ended`.
    pub call_minutes: u64,
    /// `host-calls-per-second`: how many host functions it may call within one second.
    pub host_calls_per_second: u32,
    /// `text-bytes`: the most bytes in all texts of one `say` or `ask` together; the
    /// contract also limits each text.
    pub text_bytes: u64,
    /// `log-lines`: how many lines of a call are kept; further ones are dropped and counted.
    pub log_lines: u32,
    /// `journal-kib`: the size of the arguments and answers of all host calls, in KiB.
    pub journal_kib: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 32 << 20,
            compute_ms: 50,
            call_minutes: 15,
            host_calls_per_second: 500,
            // enough for a question with its phrases in every language
            text_bytes: 32 << 10,
            log_lines: 256,
            journal_kib: 4 << 10,
        }
    }
}

impl Limits {
    /// The maximum a manifest may ask for.
    pub const MAX: Self = Self {
        // the host reserves address space of this size for each memory
        memory_bytes: 64 << 20,
        compute_ms: 1_000,
        call_minutes: 60,
        host_calls_per_second: 5_000,
        text_bytes: 256 << 10,
        log_lines: 10_000,
        journal_kib: 16 << 10,
    };

    /// The minimum that is of any use.
    pub const MIN: Self = Self {
        memory_bytes: 64 << 10,
        compute_ms: 10,
        call_minutes: 1,
        host_calls_per_second: 10,
        text_bytes: 16,
        log_lines: 0,
        journal_kib: 1,
    };

    /// Each limit, lowered to the other's where that is lower.
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

    /// The limits for a replay: the recorded journal may have any size.
    pub fn of_replay(&self) -> Self {
        Self {
            journal_kib: Self::MAX.journal_kib,
            ..self.clone()
        }
    }
}
