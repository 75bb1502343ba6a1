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

/// When which call was looked up last.
#[derive(Debug, Default)]
pub(super) struct LookUps {
    last_ms: u64,
    calls: HashMap<CallId, u64>,
}

impl LookUps {
    /// Whether a call is to be looked up now whose conversation ended then. If so, it is remembered.
    pub(super) fn is_due(&mut self, call: CallId, ended_ms: u64, now_ms: u64) -> bool {
        let since_ms = self.calls.get(&call).copied().unwrap_or(ended_ms);
        let is_due = now_ms >= since_ms.saturating_add(EACH_MS)
            && now_ms >= self.last_ms.saturating_add(APART_MS);
        if is_due {
            if self.calls.len() >= CALLS {
                let is_recent = |at_ms: u64| now_ms < at_ms.saturating_add(EACH_MS);
                self.calls.retain(|_, at_ms| is_recent(*at_ms));
            }
            self.last_ms = now_ms;
            self.calls.insert(call, now_ms);
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
        let mut lookups = LookUps::default();
        assert!(!lookups.is_due(one, 1_000, 1_000 + EACH_MS - 1));
        let first = 1_000 + EACH_MS;
        assert!(lookups.is_due(one, 1_000, first));
        assert!(!lookups.is_due(two, 1_000, first + APART_MS - 1));
        assert!(lookups.is_due(two, 1_000, first + APART_MS));
        assert!(!lookups.is_due(one, 1_000, first + EACH_MS - 1));
        assert!(lookups.is_due(one, 1_000, first + EACH_MS));
        lookups.forget(one);
        assert_eq!(lookups.calls.len(), 1);
    }
}
