//! Schedules look-ups at Exotel of calls whose status callback did not come: each call repeatedly, but
//! few at once, since each look-up counts against the account's rate limit.

use std::collections::HashMap;

use ghanti_model::CallId;

/// The interval between look-ups of a call with an agent, in milliseconds: Exotel's details are final
/// about two minutes after a call.
const EACH_MS: u64 = 4 * 60_000;
/// Minimum time between two look-ups in milliseconds.
const APART_MS: u64 = 2_000;
/// Maximum number of calls that are remembered: more than campaigns really have in progress.
const CALLS: usize = 10_000;

/// A call that is with an agent.
#[derive(Debug)]
struct Waiting {
    /// When its record was last written.
    changed_ms: u64,
    /// When it was last looked up or, before that, when its conversation ended.
    last_ms: u64,
}

/// Calls that are with agents, and when each was last looked up.
#[derive(Debug, Default)]
pub(super) struct LookUps {
    last_ms: u64,
    calls: HashMap<CallId, Waiting>,
}

impl LookUps {
    /// Whether a call is with an agent, its record has not changed since, and its next look-up is not
    /// due.
    pub(super) fn waits(&self, call: CallId, changed_ms: u64, now_ms: u64) -> bool {
        self.calls.get(&call).is_some_and(|waiting| {
            waiting.changed_ms == changed_ms && now_ms < waiting.last_ms.saturating_add(EACH_MS)
        })
    }

    /// Whether to look up a call now, by the times of its conversation's end and its record's last change.
    /// The call is remembered.
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

    /// Removes a call whose attempt is closed.
    pub(super) fn forget(&mut self, call: CallId) {
        self.calls.remove(&call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_looked_up_repeatedly_and_few_at_once() {
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
