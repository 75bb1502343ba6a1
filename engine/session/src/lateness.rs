//! How late calls were attended when something of theirs was due, such as a frame to be sent.

use std::sync::atomic::{AtomicU64, Ordering};

/// The longest delay of any call since it was last asked for.
#[derive(Debug, Default)]
pub struct Lateness(AtomicU64);

impl Lateness {
    /// Counts a delay, in milliseconds.
    pub(crate) fn note(&self, ms: u64) {
        if ms > 0 {
            self.0.fetch_max(ms, Ordering::Relaxed);
        }
    }

    /// The longest delay since the last time this was asked, in milliseconds.
    pub fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_delay_is_reported_once() {
        let lateness = Lateness::default();
        [3, 12, 0, 5].into_iter().for_each(|ms| lateness.note(ms));
        assert_eq!((lateness.take(), lateness.take()), (12, 0));
    }
}
