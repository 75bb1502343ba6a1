//! The rate limit of requests to Exotel: 200 a minute over all Voice APIs of an account, then 429.
//!
//! Source: Exotel, "Rate limits".

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ghanti_store::rate::{Bucket, PerMinute, Slot};
use ghanti_store::{RedisSessions, RequestRate, StoreError};
// Tokio's clock, so that tests can pause and advance it
use tokio::time::{Instant, sleep};

/// Exotel's limit of requests per minute, if an account has no other.
pub const REQUESTS_PER_MINUTE: u32 = 200;

/// The divisor of the limit for a node while Redis does not answer: right for up to four nodes, each of
/// which can still dial.
pub const SHARE_WITHOUT_REDIS: u32 = 4;

/// No request may be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("over the limit of requests to Exotel: try again in {} s", seconds(*.retry_in))]
pub struct OverLimit {
    /// When a request may be made again.
    pub retry_in: Duration,
}

/// Whole seconds, rounded up: a request that comes back a moment too early is refused again.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// A rate limit of requests.
#[async_trait]
pub trait RequestBudget: Send + Sync {
    /// Takes one request from the budget, and waits until it may be made, at most `at_most`. Waiting
    /// requests are served in the order of arrival.
    ///
    /// # Errors
    /// No request is free within that time, or Exotel has meanwhile asked for a pause.
    async fn take(&self, at_most: Duration) -> Result<(), OverLimit>;

    /// Allows no requests for this time, because Exotel answered 429.
    async fn pause(&self, duration: Duration);
}

/// A budget of this process.
pub struct LocalBudget {
    bucket: Mutex<Bucket>,
    began: Instant,
}

impl LocalBudget {
    /// At most `requests` in any minute.
    pub fn new(requests: u32) -> Self {
        Self {
            bucket: Mutex::new(Bucket::new(PerMinute::new(requests))),
            began: Instant::now(),
        }
    }

    fn bucket(&self) -> (MutexGuard<'_, Bucket>, u64) {
        // a bucket is two numbers: a panic elsewhere leaves it consistent
        let bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        (bucket, now_us)
    }

    fn reserve(&self, at_most: Duration) -> Slot {
        let (mut bucket, now_us) = self.bucket();
        bucket.reserve(now_us, at_most)
    }

    fn stop(&self, duration: Duration) {
        let (mut bucket, now_us) = self.bucket();
        bucket.pause(now_us, duration);
    }

    /// Waits for a slot, and checks that it is still valid.
    async fn wait(&self, slot: Slot) -> Result<(), OverLimit> {
        match slot {
            Slot::NotBefore(retry_in) => return Err(OverLimit { retry_in }),
            Slot::In(Duration::ZERO) => {}
            Slot::In(wait) => sleep(wait).await,
        }
        let (bucket, now_us) = self.bucket();
        match bucket.paused_for(now_us) {
            Some(retry_in) => Err(OverLimit { retry_in }),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl RequestBudget for LocalBudget {
    async fn take(&self, at_most: Duration) -> Result<(), OverLimit> {
        self.wait(self.reserve(at_most)).await
    }

    async fn pause(&self, duration: Duration) {
        self.stop(duration);
    }
}

/// A budget that all nodes share in Redis. While Redis does not answer, each node keeps to a share;
/// the beginning and the end of this are logged once each.
pub struct SharedBudget {
    rate: RequestRate,
    /// The share, and the pauses that Exotel has asked this node for.
    own: LocalBudget,
    is_alone: AtomicBool,
}

impl SharedBudget {
    /// A budget of `requests` per minute for an account, over all nodes of this Redis. It keeps
    /// using the connection of `sessions`, which may be moved elsewhere.
    pub fn new(sessions: &RedisSessions, account_sid: &str, requests: u32) -> Self {
        Self {
            rate: sessions.request_rate(&format!("exotel:{account_sid}"), PerMinute::new(requests)),
            own: LocalBudget::new(requests / SHARE_WITHOUT_REDIS),
            is_alone: AtomicBool::new(false),
        }
    }

    /// The answer of Redis; `None` if there is none. Logs a change.
    fn answered<T>(&self, answer: Result<T, StoreError>) -> Option<T> {
        let was_alone = self.is_alone.swap(answer.is_err(), Ordering::Relaxed);
        match answer {
            Ok(answer) => {
                if was_alone {
                    tracing::info!(
                        "the rate limit of requests to Exotel is shared with all nodes again"
                    );
                }
                Some(answer)
            }
            Err(error) => {
                if !was_alone {
                    tracing::warn!(
                        %error,
                        share = SHARE_WITHOUT_REDIS,
                        "the rate limit of requests to Exotel cannot be shared: this node keeps to a share of it"
                    );
                }
                None
            }
        }
    }
}

#[async_trait]
impl RequestBudget for SharedBudget {
    async fn take(&self, at_most: Duration) -> Result<(), OverLimit> {
        let shared = self.answered(self.rate.reserve(at_most).await);
        let slot = shared.unwrap_or_else(|| self.own.reserve(at_most));
        self.own.wait(slot).await
    }

    async fn pause(&self, duration: Duration) {
        self.own.stop(duration);
        self.answered(self.rate.pause(duration).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn requests_wait_in_order_and_not_longer_than_allowed() {
        let budget = LocalBudget::new(60);
        let began = Instant::now();
        for _ in 0..6 {
            budget.take(Duration::ZERO).await.unwrap();
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        // two wait at once; the third would wait for longer than it wants
        let (first, second, third) = tokio::join!(
            async { budget.take(3 * SECOND).await.map(|()| began.elapsed()) },
            async { budget.take(3 * SECOND).await.map(|()| began.elapsed()) },
            budget.take(3 * SECOND),
        );
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(
            first < second && second <= 3 * SECOND,
            "{first:?} {second:?}"
        );
        let error = third.unwrap_err();
        assert!(error.retry_in > 3 * SECOND, "{error:?}");
        assert!(error.to_string().ends_with("in 4 s"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_applies_to_requests_that_already_wait() {
        let budget = LocalBudget::new(1);
        budget.take(Duration::ZERO).await.unwrap();
        let waits = budget.take(60 * SECOND);
        let pauses = async {
            sleep(SECOND).await;
            budget.pause(90 * SECOND).await;
        };
        let (waited, ()) = tokio::join!(waits, pauses);
        assert_eq!(
            waited,
            Err(OverLimit {
                retry_in: 31 * SECOND
            })
        );
        assert!(budget.take(Duration::ZERO).await.is_err());
    }
}
