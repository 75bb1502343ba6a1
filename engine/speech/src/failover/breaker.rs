//! A circuit breaker: a provider that fails again and again is not asked for a while, so that
//! callers do not wait for it in vain.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row after which a provider is left alone.
pub(crate) const FAILURES: u32 = 3;
/// How long it is left alone then. Afterwards one request asks it, and its result decides.
pub(crate) const REST: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    rests_until: Option<Instant>,
}

/// The breaker of one provider.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

impl Breaker {
    /// Whether the provider may be asked.
    pub(crate) fn is_closed(&self) -> bool {
        self.state()
            .rests_until
            .is_none_or(|until| Instant::now() >= until)
    }

    /// The same; whoever asks after a rest is the one that tries, and others wait for the result.
    pub(crate) fn admits(&self) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        match state.rests_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.rests_until = Some(now + REST);
                true
            }
        }
    }

    /// Counts a result.
    pub(crate) fn ended(&self, is_failure: bool) {
        let mut state = self.state();
        if !is_failure {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            state.rests_until = Some(Instant::now() + REST);
        }
    }

    /// No code panics while holding the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_fails_is_left_alone_and_then_asked_once() {
        let breaker = Breaker::default();
        for nth in 1..=FAILURES {
            assert!(breaker.admits() && breaker.is_closed(), "{nth}");
            breaker.ended(true);
        }
        assert!(!breaker.admits() && !breaker.is_closed());
        tokio::time::advance(REST).await;
        assert!(breaker.is_closed() && breaker.admits());
        assert!(!breaker.admits(), "one tries, the others wait for it");
        breaker.ended(true);
        assert!(!breaker.admits(), "one failure more is enough");
        tokio::time::advance(REST).await;
        assert!(breaker.admits());
        breaker.ended(false);
        assert!(breaker.admits() && breaker.admits());
    }
}
