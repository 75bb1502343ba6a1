//! A limit of requests per minute that all nodes share, in Redis.
//!
//! The arithmetic is that of [`Bucket`](crate::rate::Bucket), as a script that Redis runs alone and
//! by its own clock, so that nodes' clocks need not agree. A script that runs twice, because the
//! connection broke before its answer came, takes one token too many.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::ConnectionManager;

use super::bounded;
use crate::keys::Key;
use crate::rate::{PerMinute, Slot, micros};
use crate::{StoreError, StoreMeter};

/// `KEYS[1]` is the theoretical arrival time of the next request, in microseconds since the
/// epoch. Arguments: interval, tolerance, the longest wait, and how far ahead the stored time can
/// be, all in microseconds. Returns whether a token was taken, and the wait.
const RESERVE: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local next = tonumber(redis.call('GET', KEYS[1])) or now
next = math.min(math.max(next, now), now + tonumber(ARGV[4]))
local wait = math.max(0, next - tonumber(ARGV[2]) - now)
if wait > tonumber(ARGV[3]) then return {0, wait} end
next = next + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000) + 60000)
return {1, wait}";

/// Arguments: the pause and the tolerance, in microseconds.
const PAUSE: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local next = tonumber(redis.call('GET', KEYS[1])) or now
next = math.max(next, now + tonumber(ARGV[1]) + tonumber(ARGV[2]))
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000) + 60000)
return 1";

/// How far ahead the stored time can be. It is more after Redis' clock was set back; without this
/// bound nothing would be dialled until the clock has caught up.
const AHEAD_MAX: Duration = Duration::from_secs(3_600);

/// A shared limit. It uses the connection of the sessions from which it was made.
#[derive(Clone)]
pub struct RequestRate {
    pub(super) connection: ConnectionManager,
    pub(super) meter: Arc<StoreMeter>,
    pub(super) key: Key,
    pub(super) limit: PerMinute,
}

impl RequestRate {
    /// Takes a token that is free within `at_most`.
    ///
    /// # Errors
    /// Redis does not answer within [`DEADLINE`](crate::DEADLINE), or has something else under
    /// the key. A token may have been taken.
    pub async fn reserve(&self, at_most: Duration) -> Result<Slot, StoreError> {
        let mut commands = redis::pipe();
        commands
            .cmd("EVAL")
            .arg(RESERVE)
            .arg(1)
            .arg(&self.key.text)
            .arg(self.limit.interval_us())
            .arg(self.limit.tolerance_us())
            .arg(micros(at_most.min(AHEAD_MAX)))
            .arg(micros(AHEAD_MAX) + self.limit.tolerance_us());
        let ((taken, wait_us),): ((bool, u64),) =
            bounded(&self.connection, &self.meter, &commands, &self.key.shown).await?;
        let wait = Duration::from_micros(wait_us);
        Ok(if taken {
            Slot::In(wait)
        } else {
            Slot::NotBefore(wait)
        })
    }

    /// Empties the bucket for all nodes: no token is free for this time, at most an hour, and then
    /// one at a time.
    ///
    /// # Errors
    /// As [`RequestRate::reserve`].
    pub async fn pause(&self, duration: Duration) -> Result<(), StoreError> {
        let mut commands = redis::pipe();
        commands
            .cmd("EVAL")
            .arg(PAUSE)
            .arg(1)
            .arg(&self.key.text)
            .arg(micros(duration.min(AHEAD_MAX)))
            .arg(self.limit.tolerance_us())
            .ignore();
        bounded(&self.connection, &self.meter, &commands, &self.key.shown).await
    }
}
