//! How many requests a minute may be made: a token bucket that also hands out tokens of the near
//! future, so that a waiting request knows for how long and keeps its place. Pure: time is an argument.
//!
//! It is the generic cell rate algorithm (ITU-T I.371, Annex A): one number, the theoretical arrival
//! time of the next request if all came evenly. [`RequestRate`](crate::RequestRate) keeps that
//! number in Redis, by the same arithmetic.

use std::time::Duration;

/// Of the requests of a minute, one in this many may come at once. The rest come evenly, so that no
/// minute, whenever it begins, has more than the limit.
const BURST_SHARE: u32 = 10;

const MINUTE_US: u64 = 60_000_000;

/// A limit in requests per minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerMinute {
    interval_us: u64,
    tolerance_us: u64,
}

impl PerMinute {
    /// At most `requests` in any minute; 0 counts as 1.
    pub fn new(requests: u32) -> Self {
        let requests = requests.max(1);
        let burst = (requests / BURST_SHARE).max(1);
        // a minute has room for the burst and one request per interval that fits into it
        let interval_us = MINUTE_US.div_ceil(u64::from(requests - burst + 1));
        Self {
            interval_us,
            tolerance_us: interval_us * u64::from(burst - 1),
        }
    }

    /// Microseconds between two requests.
    pub(crate) fn interval_us(self) -> u64 {
        self.interval_us
    }

    /// How far requests may come before their even times, in microseconds.
    pub(crate) fn tolerance_us(self) -> u64 {
        self.tolerance_us
    }
}

/// What became of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The request may be made after this time, zero for at once. The token is taken.
    In(Duration),
    /// All tokens of the time asked for are taken; the next one is free after this time. None is
    /// taken.
    NotBefore(Duration),
}

/// The tokens of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    limit: PerMinute,
    /// The theoretical arrival time of the next request.
    next_us: u64,
    paused_until_us: u64,
}

impl Bucket {
    /// A full bucket.
    pub fn new(limit: PerMinute) -> Self {
        Self {
            limit,
            next_us: 0,
            paused_until_us: 0,
        }
    }

    /// Takes a token that is free within `at_most` of `now_us`, a time in microseconds that never
    /// goes back.
    pub fn reserve(&mut self, now_us: u64, at_most: Duration) -> Slot {
        let next_us = self.next_us.max(now_us);
        let wait_us = next_us
            .saturating_sub(self.limit.tolerance_us)
            .saturating_sub(now_us);
        let wait = Duration::from_micros(wait_us);
        if wait > at_most {
            return Slot::NotBefore(wait);
        }
        self.next_us = next_us.saturating_add(self.limit.interval_us);
        Slot::In(wait)
    }

    /// Empties the bucket: no token is free for this time, and then one at a time.
    pub fn pause(&mut self, now_us: u64, duration: Duration) {
        let until_us = now_us.saturating_add(micros(duration));
        self.paused_until_us = self.paused_until_us.max(until_us);
        self.next_us = self
            .next_us
            .max(until_us.saturating_add(self.limit.tolerance_us));
    }

    /// For how long the bucket is still paused: a token that was taken before the pause is void.
    pub fn paused_for(&self, now_us: u64) -> Option<Duration> {
        self.paused_until_us
            .checked_sub(now_us)
            .filter(|left_us| *left_us > 0)
            .map(Duration::from_micros)
    }
}

/// Whole microseconds, at most `u64::MAX`.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_US: u64 = 1_000_000_000;

    /// The times, in microseconds, at which requests are made by callers that all come at once and
    /// wait as long as it takes.
    fn times(limit: PerMinute, count: usize) -> Vec<u64> {
        let mut bucket = Bucket::new(limit);
        (0..count)
            .map(|_| match bucket.reserve(NOW_US, Duration::MAX) {
                Slot::In(wait) => NOW_US + micros(wait),
                Slot::NotBefore(_) => panic!("nothing is longer than `MAX`"),
            })
            .collect()
    }

    #[test]
    fn no_minute_has_more_than_the_limit_and_a_busy_one_has_it_nearly() {
        for limit in [1, 2, 9, 10, 30, 200, 1_000] {
            let times = times(PerMinute::new(limit), limit as usize * 3);
            let most = times
                .iter()
                .map(|start| {
                    times
                        .iter()
                        .filter(|time| (*start..start + MINUTE_US).contains(*time))
                        .count()
                })
                .max()
                .unwrap();
            let limit = limit as usize;
            assert!(most <= limit && most + 1 >= limit, "{most} of {limit}");
            assert!(times.is_sorted());
        }
    }

    #[test]
    fn a_tenth_may_come_at_once() {
        let times = times(PerMinute::new(200), 21);
        assert!(times.iter().take(20).all(|time| *time == NOW_US));
        assert!(times[20] > NOW_US);
    }

    #[test]
    fn whoever_cannot_wait_takes_nothing() {
        let mut bucket = Bucket::new(PerMinute::new(60));
        let second = Duration::from_secs(1);
        while bucket.reserve(NOW_US, Duration::ZERO) == Slot::In(Duration::ZERO) {}
        let before = bucket.clone();
        assert!(matches!(
            bucket.reserve(NOW_US, Duration::ZERO),
            Slot::NotBefore(wait) if wait > Duration::ZERO && wait <= 2 * second
        ));
        assert_eq!(bucket, before);
        assert!(matches!(
            bucket.reserve(NOW_US, 2 * second),
            Slot::In(wait) if wait > Duration::ZERO
        ));
    }

    #[test]
    fn an_idle_bucket_is_full_again() {
        let mut bucket = Bucket::new(PerMinute::new(200));
        let at_once = |bucket: &mut Bucket, now_us| {
            std::iter::repeat_with(|| bucket.reserve(now_us, Duration::ZERO))
                .take_while(|slot| matches!(slot, Slot::In(_)))
                .count()
        };
        assert_eq!(at_once(&mut bucket, NOW_US), 20);
        assert_eq!(at_once(&mut bucket, NOW_US), 0);
        assert_eq!(at_once(&mut bucket, NOW_US + MINUTE_US), 20);
    }

    #[test]
    fn a_pause_empties_the_bucket_and_never_shortens_another() {
        let mut bucket = Bucket::new(PerMinute::new(200));
        let seconds = Duration::from_secs;
        bucket.pause(NOW_US, seconds(30));
        bucket.pause(NOW_US, seconds(7));
        assert_eq!(
            bucket.reserve(NOW_US, seconds(10)),
            Slot::NotBefore(seconds(30))
        );
        assert_eq!(bucket.paused_for(NOW_US), Some(seconds(30)));
        let after_us = NOW_US + 30_000_000;
        assert_eq!(bucket.paused_for(after_us), None);
        assert_eq!(
            bucket.reserve(after_us, Duration::ZERO),
            Slot::In(Duration::ZERO)
        );
        assert!(matches!(
            bucket.reserve(after_us, Duration::ZERO),
            Slot::NotBefore(_)
        ));
        bucket.pause(u64::MAX, Duration::MAX);
    }
}
