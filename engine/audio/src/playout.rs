//! The playout clock: a model of what the network is playing, from the audio that was sent,
//! corrected by the marks that come back.
//!
//! Sent audio is played at once, or after what is already buffered. A mark comes back when the
//! audio sent before it has been played. Two quantities are kept apart:
//!
//! - *When audio is estimated to end* drives pacing ([`lead_ms`](PlayoutClock::lead_ms)). A late
//!   mark does not change it: a longer path to the caller delays the mark, but the far end still
//!   buffers as much as was sent ahead. Otherwise a single late mark (one second has been observed)
//!   would hold back audio until the caller hears a gap.
//! - *What has been heard* ([`position_ms`](PlayoutClock::position_ms)) follows the marks: it lags
//!   by the lateness of the last one. An early mark advances both.
//!
//! Invariants:
//! - 0 <= confirmed by marks <= position <= sent. What a mark has confirmed stays confirmed.
//! - The position increases with time. It steps back only when a mark is later than its
//!   predecessors, and never below the confirmed position.
//! - Marks come back in the order they were sent, so one confirms all before it. Unknown marks,
//!   duplicates, and marks whose audio was cleared are ignored.
//! - At most [`MAX_MARKS`] marks are outstanding.

use std::collections::VecDeque;

/// How long after its due time a mark may still come back before the audio preceding it counts as
/// heard. Marks have been observed a second late, and those outstanding when a stream stops never
/// come back.
pub const MARK_GRACE_MS: u64 = 1_500;

/// The most outstanding marks.
pub const MAX_MARKS: usize = 256;

/// The largest lag inferred from a late mark. Beyond it the mark itself was delayed, not the audio.
const MAX_LAG_MS: u64 = 500;

/// The limit of outstanding marks is reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot place mark `{name}`: {MAX_MARKS} marks are outstanding; wait for one to come back")]
pub struct MarksFull {
    /// The mark that could not be placed.
    pub name: String,
}

#[derive(Debug, Clone)]
struct Mark {
    name: String,
    /// Samples sent before it.
    position: u64,
    /// Estimated time at which those have been played; non-decreasing along the queue.
    due_ms: u64,
    /// Whether more of the same prompt follows it.
    is_within: bool,
}

/// The playout of one stream. All times are milliseconds on the caller's clock and must not
/// decrease.
#[derive(Debug, Clone)]
pub struct PlayoutClock {
    rate_hz: u64,
    /// Samples of earlier runs, all played by `earlier_end_ms`. A run is audio without a gap.
    earlier_samples: u64,
    earlier_end_ms: u64,
    run_samples: u64,
    run_start_ms: u64,
    /// How much later than estimated the audio is heard.
    lag_ms: u64,
    confirmed_samples: u64,
    marks: VecDeque<Mark>,
}

impl PlayoutClock {
    /// A stream on which nothing has been sent.
    pub fn new(rate_hz: u32) -> Self {
        Self {
            rate_hz: u64::from(rate_hz.max(1)),
            earlier_samples: 0,
            earlier_end_ms: 0,
            run_samples: 0,
            run_start_ms: 0,
            lag_ms: 0,
            confirmed_samples: 0,
            marks: VecDeque::new(),
        }
    }

    /// Records that `samples` samples were sent, padding included. Returns the estimated time at
    /// which the first of them is played.
    pub fn sent(&mut self, now_ms: u64, samples: usize) -> u64 {
        let end_ms = self.end_ms();
        if now_ms > end_ms {
            self.earlier_samples += self.run_samples;
            self.earlier_end_ms = end_ms;
            self.run_samples = 0;
            self.run_start_ms = now_ms;
        }
        self.run_samples += samples as u64;
        now_ms.max(end_ms)
    }

    /// How much audio is buffered ahead of playout.
    pub fn lead_ms(&self, now_ms: u64) -> u64 {
        self.end_ms().saturating_sub(now_ms)
    }

    /// The total sent, less what was cleared.
    pub fn sent_ms(&self) -> u64 {
        self.duration_ms(self.sent_samples())
    }

    /// How much of the sent audio the caller has heard.
    pub fn position_ms(&self, now_ms: u64) -> u64 {
        self.duration_ms(self.played_samples(now_ms.saturating_sub(self.lag_ms)))
    }

    /// Records that a `clear` was sent: drops the unplayed audio and the marks after it. Returns
    /// the amount dropped, in milliseconds; [`sent_ms`](Self::sent_ms) is then the total heard.
    pub fn cleared(&mut self, now_ms: u64) -> u64 {
        // ignores the lag: until the `clear` arrives, the network plays on for as long as audio
        // takes to get there
        let played = self.played_samples(now_ms);
        let dropped = self.sent_samples() - played;
        self.run_samples -= dropped.min(self.run_samples);
        self.marks.retain(|mark| mark.position <= played);
        self.duration_ms(dropped)
    }

    /// Records that a mark was sent after everything sent so far. Names must be unique.
    pub fn mark(&mut self, name: impl Into<String>, now_ms: u64) -> Result<(), MarksFull> {
        self.push_mark(name.into(), now_ms, false)
    }

    /// The same in the middle of a prompt. If it comes back early it confirms what was sent before
    /// it, but does not hasten what follows: a peer that returns marks at once is thus not sent a
    /// prompt faster than it is played.
    pub fn mark_within(&mut self, name: impl Into<String>, now_ms: u64) -> Result<(), MarksFull> {
        self.push_mark(name.into(), now_ms, true)
    }

    fn push_mark(&mut self, name: String, now_ms: u64, is_within: bool) -> Result<(), MarksFull> {
        if self.marks.len() >= MAX_MARKS {
            return Err(MarksFull { name });
        }
        self.marks.push_back(Mark {
            name,
            position: self.sent_samples(),
            due_ms: now_ms.max(self.end_ms()),
            is_within,
        });
        Ok(())
    }

    /// Records that a mark came back: what was sent before it has been heard. Returns the marks
    /// this confirms, oldest first: earlier ones that never came back, then the mark itself. Empty
    /// if the mark is not outstanding.
    pub fn mark_returned(&mut self, name: &str, now_ms: u64) -> Vec<String> {
        let Some(index) = self.marks.iter().position(|mark| mark.name == name) else {
            return Vec::new();
        };
        let Some(Mark {
            position,
            due_ms,
            is_within,
            ..
        }) = self.marks.get(index).cloned()
        else {
            return Vec::new();
        };
        let settled = self.marks.drain(..=index).map(|mark| mark.name).collect();
        self.confirmed_samples = self.confirmed_samples.max(position);
        if now_ms >= due_ms {
            self.lag_ms = (now_ms - due_ms).min(MAX_LAG_MS);
        } else if !is_within {
            self.advance_to(position, now_ms);
        }
        settled
    }

    /// When a mark is expected back, or `None` if it is not outstanding. It is overdue
    /// [`MARK_GRACE_MS`] later.
    pub fn due_ms(&self, name: &str) -> Option<u64> {
        self.marks
            .iter()
            .find(|mark| mark.name == name)
            .map(|mark| mark.due_ms + self.lag_ms)
    }

    /// When the oldest outstanding mark becomes overdue: the time to set a timer to for
    /// [`take_overdue`](Self::take_overdue).
    pub fn overdue_at_ms(&self) -> Option<u64> {
        self.marks
            .front()
            .map(|mark| mark.due_ms + self.lag_ms + MARK_GRACE_MS)
    }

    /// Removes the oldest mark if it is overdue: what was sent before it counts as heard. Call
    /// until it returns `None`.
    pub fn take_overdue(&mut self, now_ms: u64) -> Option<String> {
        if self.overdue_at_ms()? > now_ms {
            return None;
        }
        let mark = self.marks.pop_front()?;
        self.confirmed_samples = self.confirmed_samples.max(mark.position);
        Some(mark.name)
    }

    /// The number of outstanding marks.
    #[cfg(test)]
    pub(crate) fn outstanding_marks(&self) -> usize {
        self.marks.len()
    }

    /// The network is ahead of the estimate: `position` is being played now.
    fn advance_to(&mut self, position: u64, now_ms: u64) {
        let sent = self.sent_samples();
        self.earlier_samples = position;
        self.earlier_end_ms = now_ms;
        self.run_samples = sent - position;
        self.run_start_ms = now_ms;
        self.lag_ms = 0;
        let rate_hz = self.rate_hz;
        for mark in &mut self.marks {
            mark.due_ms = now_ms + ((mark.position - position) * 1_000).div_ceil(rate_hz);
        }
    }

    fn played_samples(&self, at_ms: u64) -> u64 {
        let reckoned = match at_ms.checked_sub(self.run_start_ms) {
            Some(since_start_ms) => {
                self.earlier_samples + self.run_samples.min(self.samples(since_start_ms))
            }
            None => self
                .earlier_samples
                .saturating_sub(self.samples(self.earlier_end_ms.saturating_sub(at_ms))),
        };
        reckoned.max(self.confirmed_samples)
    }

    fn sent_samples(&self) -> u64 {
        self.earlier_samples + self.run_samples
    }

    fn end_ms(&self) -> u64 {
        self.run_start_ms + (self.run_samples * 1_000).div_ceil(self.rate_hz)
    }

    fn samples(&self, duration_ms: u64) -> u64 {
        duration_ms.saturating_mul(self.rate_hz) / 1_000
    }

    fn duration_ms(&self, samples: u64) -> u64 {
        samples * 1_000 / self.rate_hz
    }
}

#[cfg(test)]
mod tests;
