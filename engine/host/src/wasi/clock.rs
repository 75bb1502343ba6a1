//! The clock of scripts, derived from the journal so that a replay reads the same times.
//!
//! Its time is that of the call's last journal entry (when it was answered), one microsecond later
//! at every reading. Between two host calls a script computes for milliseconds at most, so little
//! is lost. When the script waits, the clock jumps: `sleep` returns at once, and the clock shows
//! that the time has passed. The clock never goes back; after a jump it stays ahead until the call
//! has caught up.

/// How far the clock advances at every reading.
const READING_NS: u64 = 1_000;
const NS_PER_MS: u64 = 1_000_000;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// Nanoseconds since 1970-01-01T00:00:00Z; the monotonic clock shows the same.
#[derive(Debug, Default)]
pub(super) struct FlowClock {
    last_ns: u64,
}

impl FlowClock {
    /// Reads the clock, given the journal's time in milliseconds since 1970.
    pub(super) fn read(&mut self, journal_ms: u64) -> u64 {
        self.last_ns = self
            .last_ns
            .saturating_add(READING_NS)
            .max(journal_ms.saturating_mul(NS_PER_MS));
        self.last_ns
    }

    /// Moves the clock to the end of a wait.
    pub(super) fn jump(&mut self, due_ns: u64) {
        self.last_ns = self.last_ns.max(due_ns);
    }
}

/// Whole seconds, and the remaining nanoseconds.
pub(super) fn parts(ns: u64) -> (u64, u32) {
    (
        ns / NS_PER_SECOND,
        u32::try_from(ns % NS_PER_SECOND).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_follows_the_journal_and_never_stands_or_goes_back() {
        let mut clock = FlowClock::default();
        assert_eq!(
            [clock.read(5), clock.read(5), clock.read(7), clock.read(6)],
            [5_000_000, 5_001_000, 7_000_000, 7_001_000]
        );
    }

    #[test]
    fn who_has_waited_finds_that_time_has_passed() {
        let mut clock = FlowClock::default();
        let due = clock.read(5) + 3 * NS_PER_SECOND;
        clock.jump(due);
        assert_eq!(
            (clock.read(5), clock.read(4_000)),
            (due + 1_000, 4_000_000_000)
        );
    }

    #[test]
    fn no_wait_overflows_it() {
        let mut clock = FlowClock::default();
        clock.jump(u64::MAX);
        assert_eq!(parts(clock.read(u64::MAX)), (18_446_744_073, 709_551_615));
    }
}
