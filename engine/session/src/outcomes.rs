//! Counts of call outcomes since the engine started, for metrics. The engine's own are always counted
//! by name.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ghanti_model::Outcome;

/// How many outcomes are counted by name. A flow can invent outcomes, even a new one in each call.
const NAMES: usize = 64;
/// The name under which all further outcomes are counted.
const OTHERS: &str = "others";
/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(Mutex<BTreeMap<String, u64>>);

impl Outcomes {
    pub(crate) fn count(&self, outcome: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_named = counts.len() < NAMES
            || counts.contains_key(outcome)
            || Outcome::parse(outcome).is_some();
        *counts
            .entry(if is_named { outcome } else { OTHERS }.to_owned())
            .or_default() += 1;
    }

    pub(crate) fn all(&self) -> BTreeMap<String, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_that_invents_outcomes_does_not_hide_the_engines_own() {
        let outcomes = Outcomes::default();
        (0..1_000).for_each(|at| outcomes.count(&format!("mood-{at:04}")));
        ["mood-0000", "hung-up", "hung-up"]
            .into_iter()
            .for_each(|outcome| outcomes.count(outcome));
        let all = outcomes.all();
        assert_eq!((all["mood-0000"], all["hung-up"], all[OTHERS]), (2, 2, 936));
        assert_eq!(all.len(), NAMES + 2);
    }
}
