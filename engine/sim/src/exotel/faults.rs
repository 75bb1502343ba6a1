//! Simulated faults: percentages of requests and calls, drawn from a seed.
//!
//! Pure. All faults of a request and its call are drawn when it arrives, only from the seed and the
//! request's number, so that a run with the same requests has the same faults, whatever the timing.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Faults, each in percent. Those of one group exclude each other.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Faults {
    /// The seed of the random numbers.
    pub seed: u64,

    /// Replies to `Calls/connect`: the call is made, and the connection is cut without a reply.
    pub lost_reply: f64,
    /// The call is made, and the reply comes after `slow-reply-s`.
    pub slow_reply: f64,
    /// The call is made, and a gateway before it answers 504 with a page.
    pub gateway_timeout: f64,
    /// The call is made, and the reply is 200 with a page that is no reply.
    pub nonsense_reply: f64,
    /// No call, and 500.
    pub error_500: f64,
    /// No call, and 503.
    pub error_503: f64,
    /// No call, and 429 with `Retry-After`, as if others had used the account's requests up.
    pub error_429: f64,
    /// How long a slow reply takes, in seconds of real time, like its client's timeout.
    pub slow_reply_s: u64,
    /// `Retry-After` of such a 429, in seconds.
    pub retry_after_s: u64,

    /// Status callbacks: this one is never sent.
    pub callback_lost: f64,
    /// It is sent twice.
    pub callback_doubled: f64,
    /// It is sent `callback-late-s` later.
    pub callback_late: f64,
    /// How late, in seconds.
    pub callback_late_s: u64,

    /// Calls whose `answered` callback comes after the `terminal` one.
    pub callbacks_out_of_order: f64,

    /// Streams whose connection is lost, within `stream-lost-after-ms`.
    pub stream_lost: f64,
    /// Between which times of the stream, in milliseconds.
    pub stream_lost_after_ms: [u64; 2],
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            seed: 0,
            lost_reply: 0.0,
            slow_reply: 0.0,
            gateway_timeout: 0.0,
            nonsense_reply: 0.0,
            error_500: 0.0,
            error_503: 0.0,
            error_429: 0.0,
            // above the 30 s that a reply is reported to take at most
            slow_reply_s: 35,
            retry_after_s: 5,
            callback_lost: 0.0,
            callback_doubled: 0.0,
            callback_late: 0.0,
            callback_late_s: 300,
            callbacks_out_of_order: 0.0,
            stream_lost: 0.0,
            stream_lost_after_ms: [1_000, 10_000],
        }
    }
}

/// What happens to the reply to `Calls/connect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "as the keys of the same names in `Faults`")]
pub enum ReplyFault {
    LostReply,
    SlowReply,
    GatewayTimeout,
    NonsenseReply,
    Error500,
    Error503,
    Error429,
}

/// What happens to a status callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "as the keys of the same names in `Faults`")]
pub enum CallbackFault {
    Lost,
    Doubled,
    Late,
}

/// All faults of one request and its call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DrawnFaults {
    /// The fault of the reply.
    pub reply: Option<ReplyFault>,
    /// The fault of the `answered` callback.
    pub answered: Option<CallbackFault>,
    /// The fault of the last callback.
    pub terminal: Option<CallbackFault>,
    /// Whether the `answered` callback comes after the last one.
    pub out_of_order: bool,
    /// At which time of the stream its connection is lost, in milliseconds.
    pub stream_lost_at_ms: Option<u64>,
}

impl Faults {
    /// Draws for the nth request for a call.
    pub fn draw(&self, nth: u64) -> DrawnFaults {
        // multiplied by the golden ratio, so that consecutive requests have distant seeds
        let mut chance =
            fastrand::Rng::with_seed(self.seed ^ nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let callback = [
            (self.callback_lost, CallbackFault::Lost),
            (self.callback_doubled, CallbackFault::Doubled),
            (self.callback_late, CallbackFault::Late),
        ];
        DrawnFaults {
            reply: draw_one(&mut chance, &self.replies()),
            answered: draw_one(&mut chance, &callback),
            terminal: draw_one(&mut chance, &callback),
            out_of_order: draw_one(&mut chance, &[(self.callbacks_out_of_order, ())]).is_some(),
            stream_lost_at_ms: draw_one(&mut chance, &[(self.stream_lost, ())])
                .map(|()| chance.u64(self.lost_between_ms())),
        }
    }

    /// How late a late callback is.
    pub fn callback_late_by(&self) -> Duration {
        Duration::from_secs(self.callback_late_s)
    }

    pub(super) fn errors(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let sum = |group: &[f64]| group.iter().sum::<f64>();
        let groups = [
            (
                "replies",
                self.replies().map(|(percent, _)| percent).to_vec(),
            ),
            (
                "callbacks",
                vec![
                    self.callback_lost,
                    self.callback_doubled,
                    self.callback_late,
                ],
            ),
            ("order", vec![self.callbacks_out_of_order]),
            ("streams", vec![self.stream_lost]),
        ];
        for (what, group) in groups {
            if group.iter().any(|percent| !(0.0..=100.0).contains(percent)) || sum(&group) > 100.0 {
                errors.push(format!(
                    "`[faults]` of {what}: each is 0 to 100 percent, and all together are at most 100"
                ));
            }
        }
        errors
    }

    fn replies(&self) -> [(f64, ReplyFault); 7] {
        [
            (self.lost_reply, ReplyFault::LostReply),
            (self.slow_reply, ReplyFault::SlowReply),
            (self.gateway_timeout, ReplyFault::GatewayTimeout),
            (self.nonsense_reply, ReplyFault::NonsenseReply),
            (self.error_500, ReplyFault::Error500),
            (self.error_503, ReplyFault::Error503),
            (self.error_429, ReplyFault::Error429),
        ]
    }

    fn lost_between_ms(&self) -> Range<u64> {
        let [from, to] = self.stream_lost_after_ms;
        from..to.max(from + 1)
    }
}

/// Draws one of several mutually exclusive faults, each with its percentage, or none.
fn draw_one<T: Copy>(chance: &mut fastrand::Rng, group: &[(f64, T)]) -> Option<T> {
    let mut left = chance.f64() * 100.0;
    for (percent, what) in group {
        if left < *percent {
            return Some(*what);
        }
        left -= percent;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_another_one_does_not() {
        let faults = |seed| Faults {
            seed,
            lost_reply: 50.0,
            stream_lost: 50.0,
            ..Faults::default()
        };
        let drawn = |seed| {
            (0..64)
                .map(|nth| faults(seed).draw(nth))
                .collect::<Vec<_>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }

    #[test]
    fn percentages_are_kept() {
        let faults = Faults {
            error_500: 20.0,
            error_503: 30.0,
            ..Faults::default()
        };
        let drawn = |fault| {
            let all = (0..10_000).filter(|nth| faults.draw(*nth).reply == fault);
            all.count() / 100
        };
        assert!((18..=22).contains(&drawn(Some(ReplyFault::Error500))));
        assert!((28..=32).contains(&drawn(Some(ReplyFault::Error503))));
        assert!((48..=52).contains(&drawn(None)));
    }

    #[test]
    fn nothing_and_everything_are_certain() {
        assert!((0..1_000).all(|nth| Faults::default().draw(nth) == DrawnFaults::default()));
        let faults = Faults {
            callback_doubled: 100.0,
            stream_lost: 100.0,
            stream_lost_after_ms: [500, 500],
            ..Faults::default()
        };
        assert!((0..1_000).all(|nth| {
            let faults = faults.draw(nth);
            faults.terminal == Some(CallbackFault::Doubled) && faults.stream_lost_at_ms == Some(500)
        }));
    }
}
