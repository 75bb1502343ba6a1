//! The failures of one version, counted over a sliding period. Time is an argument.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use ghanti_manifest::FailureBudget;

/// When a version failed, oldest first; at most one more than its budget allows.
#[derive(Debug, Default)]
pub(crate) struct RecentFailures(Mutex<VecDeque<u64>>);

impl RecentFailures {
    /// Records a failure. Returns the number within the budget's period if it exceeds the budget.
    pub(crate) fn count(&self, budget: FailureBudget, now_ms: u64) -> Option<usize> {
        let mut at_ms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        at_ms.push_back(now_ms);
        while at_ms
            .front()
            .is_some_and(|at| at.saturating_add(budget.within_ms) <= now_ms)
        {
            at_ms.pop_front();
        }
        let (failures, borne) = (
            at_ms.len(),
            usize::try_from(budget.failures).unwrap_or(usize::MAX),
        );
        if failures > borne.saturating_add(1) {
            at_ms.pop_front();
        }
        (failures > borne).then_some(failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_above_the_budget_within_its_time_are_reported() {
        let budget = FailureBudget {
            failures: 2,
            within_ms: 1_000,
        };
        let traps = RecentFailures::default();
        assert_eq!(
            [0, 500, 999, 1_100, 1_500].map(|now_ms| traps.count(budget, now_ms)),
            [None, None, Some(3), Some(3), Some(3)]
        );
        let slow = RecentFailures::default();
        assert_eq!(
            [0, 600, 1_000, 1_600, 2_000].map(|now_ms| slow.count(budget, now_ms)),
            [None; 5]
        );
    }
}
