//! When to retry a message, and when to give it up. Pure.

/// Maximum pause between two attempts in milliseconds: six hours.
pub const LONGEST_MS: u64 = 6 * 3_600_000;
/// The factor by which each pause is longer than the previous one.
const FACTOR: u64 = 4;
/// The age at which a message is given up, however often it was tried, in milliseconds: three days. A
/// receiver that is down for longer gets only newer messages.
pub const MAX_AGE_MS: u64 = 3 * 86_400_000;

/// The schedule of retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Maximum number of attempts.
    pub attempts: u32,
    /// The pause after the first failed attempt, in milliseconds.
    pub first_ms: u64,
}

/// The next step after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt, after so many milliseconds.
    After(u64),
    /// No attempt: the message is given up.
    GiveUp,
}

impl Backoff {
    /// Returns the next step after the attempt with this number, from 1. `age_ms` is how long ago the
    /// message was written, `asked_ms` the pause that the receiver asked for, `chance` a random
    /// number from 0 to 1: pauses differ by up to a fifth, so that messages that failed together
    /// are not sent together.
    pub fn next(&self, attempt: u32, age_ms: u64, asked_ms: Option<u64>, chance: f64) -> Next {
        if attempt >= self.attempts || age_ms >= MAX_AGE_MS {
            return Next::GiveUp;
        }
        let factor = FACTOR.saturating_pow(attempt.saturating_sub(1));
        let pause_ms = self.first_ms.saturating_mul(factor).min(LONGEST_MS);
        let fifth_ms = pause_ms / 5;
        let spread_ms = (2.0 * fifth_ms as f64 * chance.clamp(0.0, 1.0)) as u64;
        let own_ms = pause_ms - fifth_ms + spread_ms;
        let asked_ms = asked_ms.unwrap_or_default().min(LONGEST_MS);
        Next::After(own_ms.max(asked_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        attempts: 12,
        first_ms: 5_000,
    };

    #[test]
    fn pauses_grow_to_a_maximum_and_end() {
        let pauses: Vec<_> = (1..=12)
            .map(|attempt| BACKOFF.next(attempt, 0, None, 0.5))
            .collect();
        let minutes = |minutes: u64| Next::After(minutes * 60_000);
        assert_eq!(pauses.first(), Some(&Next::After(5_000)));
        assert_eq!(pauses.get(3), Some(&Next::After(320_000)));
        assert_eq!(pauses.get(10), Some(&minutes(360)));
        assert_eq!(pauses.get(11), Some(&Next::GiveUp));
        assert_eq!(BACKOFF.next(1, MAX_AGE_MS, None, 0.5), Next::GiveUp);
        assert_eq!(
            Backoff {
                attempts: u32::MAX,
                first_ms: u64::MAX
            }
            .next(u32::MAX - 1, 0, None, 1.0),
            Next::After(LONGEST_MS / 5 * 6)
        );
    }

    #[test]
    fn messages_that_failed_together_are_not_sent_together() {
        assert_eq!(BACKOFF.next(1, 0, None, 0.0), Next::After(4_000));
        assert_eq!(BACKOFF.next(1, 0, None, 1.0), Next::After(6_000));
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_pause_within_bounds() {
        assert_eq!(BACKOFF.next(1, 0, Some(60_000), 0.5), Next::After(60_000));
        assert_eq!(BACKOFF.next(1, 0, Some(1), 0.5), Next::After(5_000));
        assert_eq!(
            BACKOFF.next(1, 0, Some(u64::MAX), 0.5),
            Next::After(LONGEST_MS)
        );
    }
}
