//! A circuit breaker: a service that fails again and again is not asked for a while, so that
//! callers do not wait for nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row after which a service is not asked.
pub(crate) const FAILURES: u32 = 5;
/// How long it is not asked then. Afterwards one call asks, and its answer decides.
pub(crate) const REST: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    rests_until: Option<Instant>,
    is_tried: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

/// The right to ask once. Dropped without a result, it counts as neither.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    breaker: &'a Breaker,
    is_trial: bool,
}

impl Breaker {
    /// Whether the service may be asked; else for how long it is left alone.
    pub(crate) fn admit(&self) -> Result<Attempt<'_>, Duration> {
        let mut state = self.state();
        let Some(until) = state.rests_until else {
            return Ok(Attempt {
                breaker: self,
                is_trial: false,
            });
        };
        let now = Instant::now();
        if now < until {
            return Err(until - now);
        }
        if state.is_tried {
            return Err(Duration::ZERO);
        }
        state.is_tried = true;
        Ok(Attempt {
            breaker: self,
            is_trial: true,
        })
    }

    /// No code panics while holding the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// Counts the result. Returns whether the service is left alone from now on.
    pub(crate) fn ended(self, is_failure: bool) -> bool {
        let mut state = self.breaker.state();
        if !is_failure {
            state.failures = 0;
            state.rests_until = None;
            return false;
        }
        state.failures = state.failures.saturating_add(1);
        let rests = self.is_trial || state.failures == FAILURES;
        if rests {
            state.rests_until = Some(Instant::now() + REST);
        }
        rests
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.is_trial {
            self.breaker.state().is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_service_that_fails_is_left_alone_and_then_asked_once() {
        let breaker = Breaker::default();
        for nth in 1..=FAILURES {
            assert_eq!(breaker.admit().unwrap().ended(true), nth == FAILURES);
        }
        assert_eq!(breaker.admit().unwrap_err(), REST);
        tokio::time::advance(REST).await;
        let trial = breaker.admit().unwrap();
        assert!(breaker.admit().is_err(), "one at a time");
        drop(trial);
        assert!(
            breaker.admit().unwrap().ended(true),
            "a failure more is enough"
        );
        tokio::time::advance(REST).await;
        assert!(!breaker.admit().unwrap().ended(false));
        let both = (breaker.admit().unwrap(), breaker.admit().unwrap());
        assert!(!both.0.ended(true) && !both.1.ended(true));
    }
}
