//! The time positions of the caller's samples, which arrive in bursts.

use crate::resample::LISTENING_HZ;

const PER_MS: u64 = LISTENING_HZ as u64 / 1_000;

/// A lag that persists for this many samples is not a pending burst: samples were lost.
const PATIENCE: u64 = LISTENING_HZ as u64;

/// Smaller lags are jitter in the delivery of samples.
const TOLERANCE: u64 = 10 * PER_MS;

/// Counts samples at 16 kHz and corrects the count by the clock.
#[derive(Debug, Default)]
pub struct Arrival {
    /// The position of the next sample, counted from time 0; `None` before the first.
    next: Option<u64>,
    least_lag: Option<u64>,
    counted: u64,
}

impl Arrival {
    /// Records that `samples` samples have arrived by `now_ms`. Returns the position of the first
    /// one.
    pub fn push(&mut self, now_ms: u64, samples: usize) -> u64 {
        let (arrived, length) = (now_ms.saturating_mul(PER_MS), samples as u64);
        let latest = arrived.saturating_sub(length);
        // no sample arrives before its own time
        let mut first = self.next.map_or(latest, |next| next.min(latest));
        let lag = latest - first;
        let least = self.least_lag.map_or(lag, |least| least.min(lag));
        self.least_lag = Some(least);
        self.counted += length;
        if self.counted >= PATIENCE {
            if least > TOLERANCE {
                first += least;
            }
            (self.least_lag, self.counted) = (None, 0);
        }
        self.next = Some(first + length);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_after_a_stall_stands_where_it_was_spoken() {
        let mut arrival = Arrival::default();
        let mut position = |now_ms| arrival.push(now_ms, 320);
        assert_eq!(position(20), 0);
        assert_eq!(position(40), 320);
        // half a second passes, then everything spoken meanwhile arrives at once
        let burst: Vec<u64> = (0..25).map(|_| position(540)).collect();
        assert_eq!(burst.first(), Some(&640));
        assert_eq!(burst.last(), Some(&(640 + 24 * 320)));
    }

    #[test]
    fn an_early_first_frame_and_a_late_one_come_to_the_same() {
        for first_ms in [20, 90] {
            let mut arrival = Arrival::default();
            arrival.push(first_ms, 320);
            let position = (2..5).map(|n| arrival.push(n * 20, 320)).last();
            assert_eq!(position, Some(3 * 320), "first at {first_ms} ms");
        }
    }

    #[test]
    fn lost_samples_leave_a_gap() {
        let mut arrival = Arrival::default();
        (1..=100).for_each(|n| {
            arrival.push(n * 20, 320);
        });
        let late: Vec<u64> = (1..=100)
            .map(|n| arrival.push(2_400 + n * 20, 320))
            .collect();
        assert_eq!(late.first(), Some(&(2_000 * PER_MS)), "it may be a burst");
        assert_eq!(late.last(), Some(&((2_400 + 99 * 20) * PER_MS)));
    }
}
