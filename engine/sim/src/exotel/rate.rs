//! The account's rate limit: a number of requests in any minute (developer.exotel.com/api/rate-limits).
//!
//! Pure: time is an argument. Whether Exotel's minute slides or begins on the clock is not known;
//! a sliding one never allows more than either.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The window of the limit.
const MINUTE: Duration = Duration::from_secs(60);

/// The requests of the last minute; never more than the limit are kept.
#[derive(Debug)]
pub struct Rate {
    limit: usize,
    taken: VecDeque<Instant>,
}

impl Rate {
    /// A limit of this many requests per minute.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            taken: VecDeque::new(),
        }
    }

    /// Takes a request.
    ///
    /// # Errors
    /// The limit is reached: the time until a request is taken again.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        while self
            .taken
            .front()
            .is_some_and(|oldest| now.duration_since(*oldest) >= MINUTE)
        {
            self.taken.pop_front();
        }
        match self.taken.front() {
            Some(oldest) if self.taken.len() >= self.limit => {
                Err(MINUTE.saturating_sub(now.duration_since(*oldest)))
            }
            _ => {
                self.taken.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_over_the_limit_waits_for_the_oldest_to_be_a_minute_old() {
        let mut rate = Rate::new(2);
        let began = Instant::now();
        let later = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(rate.take(began), Ok(()));
        assert_eq!(rate.take(later(10)), Ok(()));
        assert_eq!(rate.take(later(15)), Err(Duration::from_secs(45)));
        assert_eq!(rate.take(later(60)), Ok(()));
        assert_eq!(rate.take(later(61)), Err(Duration::from_secs(9)));
    }
}
