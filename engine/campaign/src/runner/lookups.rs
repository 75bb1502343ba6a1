//! When calls are looked up at Exotel whose status callback did not come: each now and then, and not
//! many at once, as a look-up is a request of the account's limit.

use std::collections::HashMap;

use ghanti_model::CallId;

/// After how long a call with an agent is looked up first, and again, in milliseconds: Exotel's
/// details are final about two minutes after a call.
const EACH_MS: u64 = 4 * 60_000;
/// The least time between two look-ups, in milliseconds.
const APART_MS: u64 = 2_000;
/// The most calls that are remembered; more campaigns cannot have in progress in earnest.
const CALLS: usize = 10_000;

/// A call that is with an agent.
#[derive(Debug)]
struct Waiting {
    /// When its record was written last.
    changed_ms: u64,
    /// When it was looked up last or, before that, when its conversation ended.
    last_ms: u64,
}

/// Calls that are with agents, and when which was looked up last.
#[derive(Debug, Default)]
pub(super) struct LookUps {
    last_ms: u64,
    calls: HashMap<CallId, Waiting>,
}

impl LookUps {
    /// Whether a call is known to be with an agent by a record that has not changed since, and is
    /// not to be looked up yet.
    pub(super) fn waits(&self, call: CallId, changed_ms: u64, now_ms: u64) -> bool {
        self.calls.get(&call).is_some_and(|waiting| {
            waiting.changed_ms == changed_ms && now_ms < waiting.last_ms.saturating_add(EACH_MS)
        })
    }

    /// Whether a call is to be looked up now whose conversation ended and whose record was written
    /// last at these times. It is remembered.
    pub(super) fn is_due(
        &mut self,
        call: CallId,
        (ended_ms, changed_ms): (u64, u64),
        now_ms: u64,
    ) -> bool {
        let since_ms = self.calls.get(&call).map_or(ended_ms, |call| call.last_ms);
        let is_due = now_ms >= since_ms.saturating_add(EACH_MS)
            && now_ms >= self.last_ms.saturating_add(APART_MS);
        if is_due {
            self.last_ms = now_ms;
        }
        if self.calls.len() >= CALLS {
            let is_recent = |last_ms: u64| now_ms < last_ms.saturating_add(EACH_MS);
            self.calls.retain(|_, call| is_recent(call.last_ms));
        }
        if self.calls.len() < CALLS {
            let last_ms = if is_due { now_ms } else { since_ms };
            let waiting = Waiting {
                changed_ms,
                last_ms,
            };
            self.calls.insert(call, waiting);
        }
        is_due
    }

    /// Forgets a call that is settled.
    pub(super) fn forget(&mut self, call: CallId) {
        self.calls.remove(&call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_looked_up_now_and_then_and_not_many_at_once() {
        let (one, two) = (CallId::generate(), CallId::generate());
        let ended = (1_000, 900);
        let mut lookups = LookUps::default();
        assert!(!lookups.is_due(one, ended, 1_000 + EACH_MS - 1));
        let first = 1_000 + EACH_MS;
        assert!(lookups.is_due(one, ended, first));
        assert!(!lookups.is_due(two, ended, first + APART_MS - 1));
        assert!(lookups.is_due(two, ended, first + APART_MS));
        assert!(!lookups.is_due(one, ended, first + EACH_MS - 1));
        assert!(lookups.is_due(one, ended, first + EACH_MS));
        lookups.forget(one);
        assert_eq!(lookups.calls.len(), 1);
    }

    #[test]
    fn a_record_is_read_again_when_it_has_changed_or_the_call_is_due() {
        let call = CallId::generate();
        let mut lookups = LookUps::default();
        assert!(!lookups.waits(call, 900, 1_000), "it is not known");
        assert!(!lookups.is_due(call, (1_000, 900), 1_000));
        assert!(lookups.waits(call, 900, 1_001));
        assert!(!lookups.waits(call, 901, 1_001), "something was reported");
        assert!(!lookups.waits(call, 900, 1_000 + EACH_MS), "it is due");
    }
}
