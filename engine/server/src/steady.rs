//! The time by which data is deleted for its age: the system's clock, but not one that has just been set
//! forward, which would delete in minutes what was to be kept for years. Pure: both times are arguments.

use std::time::{Duration, Instant};

/// How far the clock may be set forward at once without being doubted: corrections by NTP are far below.
const DOUBTED: Duration = Duration::from_secs(300);
/// For how long a clock that was set forward further is doubted: somebody has noticed a wrong one by
/// then, and deleting a day later does no harm.
const DOUBT: Duration = Duration::from_secs(86_400);

/// The system's clock, as far as it is believed.
#[derive(Debug)]
pub struct SteadyClock {
    began: Instant,
    /// Milliseconds since 1970-01-01T00:00:00Z at `began`, by the clock that is believed.
    began_ms: u64,
    /// The same by one that is doubted, and since when.
    doubted: Option<(u64, Instant)>,
}

impl SteadyClock {
    /// Believes the clock as it is now.
    pub fn new(now: Instant, unix_ms: u64) -> Self {
        Self {
            began: now,
            began_ms: unix_ms,
            doubted: None,
        }
    }

    /// The time by which data may be deleted. `unix_ms` is the time by the system's clock. Also returns
    /// by how much the clock was set forward, where this is the first look that finds it doubtful.
    pub fn look(&mut self, now: Instant, unix_ms: u64) -> (u64, Option<Duration>) {
        let elapsed_ms = millis(now.saturating_duration_since(self.began));
        let began_ms = unix_ms.saturating_sub(elapsed_ms);
        let ahead_ms = began_ms.saturating_sub(self.began_ms);
        if ahead_ms <= millis(DOUBTED) {
            // one that is a little wrong, or was set back, deletes nothing too early
            (self.began_ms, self.doubted) = (began_ms, None);
            return (unix_ms, None);
        }
        let doubted = self
            .doubted
            .filter(|(doubted_ms, _)| doubted_ms.abs_diff(began_ms) <= millis(DOUBTED));
        match doubted {
            Some((_, since)) if now.saturating_duration_since(since) >= DOUBT => {
                (self.began_ms, self.doubted) = (began_ms, None);
                (unix_ms, None)
            }
            Some(_) => (self.began_ms.saturating_add(elapsed_ms), None),
            None => {
                self.doubted = Some((began_ms, now));
                let believed_ms = self.began_ms.saturating_add(elapsed_ms);
                (believed_ms, Some(Duration::from_millis(ahead_ms)))
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN_MS: u64 = 1_795_000_000_000;
    const YEAR_MS: u64 = 366 * 86_400_000;
    /// Between two looks.
    const LOOK: Duration = Duration::from_secs(600);

    /// The clock's looks, and what it is found to be at each, relative to the time that has passed.
    fn looks(set_ms: impl Fn(u32) -> i64, looks: u32) -> Vec<(i64, bool)> {
        let began = Instant::now();
        let mut clock = SteadyClock::new(began, BEGAN_MS);
        let look = |nth| {
            let elapsed_ms = millis(LOOK * nth);
            let unix_ms = (BEGAN_MS + elapsed_ms).saturating_add_signed(set_ms(nth));
            let (found_ms, warns) = clock.look(began + LOOK * nth, unix_ms);
            let off_ms = found_ms as i64 - (BEGAN_MS + elapsed_ms) as i64;
            (off_ms, warns.is_some())
        };
        (1..=looks).map(look).collect()
    }

    #[test]
    fn a_clock_that_is_set_forward_is_doubted_for_a_day_and_reported_once() {
        let found = looks(|nth| if nth >= 3 { YEAR_MS as i64 } else { 0 }, 300);
        let doubted = (86_400 / 600) as usize;
        assert_eq!(found[..3], [(0, false), (0, false), (0, true)]);
        assert!(found[3..2 + doubted].iter().all(|look| *look == (0, false)));
        let after = &found[2 + doubted..];
        assert!(!after.is_empty() && after.iter().all(|look| *look == (YEAR_MS as i64, false)));
    }

    #[test]
    fn a_clock_that_is_set_right_again_has_deleted_nothing() {
        let found = looks(
            |nth| {
                if (3..9).contains(&nth) {
                    YEAR_MS as i64
                } else {
                    0
                }
            },
            300,
        );
        assert!(found.iter().all(|(off_ms, _)| *off_ms == 0));
        assert_eq!(found.iter().filter(|(_, warns)| *warns).count(), 1);
    }

    #[test]
    fn one_that_is_set_back_or_drifts_is_believed() {
        for set_ms in [-(YEAR_MS as i64), -1, 200_000] {
            let found = looks(|_| set_ms, 5);
            assert!(
                found.iter().all(|look| *look == (set_ms, false)),
                "{set_ms}"
            );
        }
        let found = looks(|nth| i64::from(nth) * 250_000, 50);
        assert_eq!(found.last(), Some(&(50 * 250_000, false)));
    }
}
