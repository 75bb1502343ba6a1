//! Counters for each flow since the engine started.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ghanti_host::{RunEnd, Step};

/// How many flows are counted by name; all others are counted together. Flow names come from file
/// names, so their number is unbounded.
const FLOWS: usize = 256;
/// The name under which the others are counted.
const OTHERS: &str = "others";

/// Counters for one flow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowCounts {
    /// Versions that were published.
    pub published: u64,
    /// Candidates that were rejected, by the step that failed.
    pub rejected: BTreeMap<Step, u64>,
    /// Versions that were rolled back, by hand or because of their failures.
    pub rolled_back: u64,
    /// Runs that ended in a trap.
    pub trapped: u64,
    /// Runs that were terminated at a limit.
    pub limited: u64,
    /// Runs in which `run` returned an error.
    pub failed: u64,
}

/// The counters of all flows.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<BTreeMap<String, FlowCounts>>);

impl Metrics {
    pub(crate) fn published(&self, flow: &str) {
        self.count(flow, |counts| counts.published += 1);
    }

    pub(crate) fn rejected(&self, flow: &str, step: Step) {
        self.count(flow, |counts| {
            *counts.rejected.entry(step).or_default() += 1
        });
    }

    pub(crate) fn rolled_back(&self, flow: &str) {
        self.count(flow, |counts| counts.rolled_back += 1);
    }

    /// Counts a run that ended through the flow's own fault; others are not counted.
    pub(crate) fn ended(&self, flow: &str, end: &RunEnd) {
        if end.is_flows_fault() {
            self.count(flow, |counts| match end {
                RunEnd::Trapped { .. } => counts.trapped += 1,
                RunEnd::LimitExceeded { .. } => counts.limited += 1,
                _ => counts.failed += 1,
            });
        }
    }

    pub(crate) fn all(&self) -> BTreeMap<String, FlowCounts> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn count(&self, flow: &str, change: impl FnOnce(&mut FlowCounts)) {
        let mut flows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if flows.len() < FLOWS || flows.contains_key(flow) {
            flow
        } else {
            OTHERS
        };
        change(flows.entry(name.to_owned()).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ghanti_host::Limit;

    #[test]
    fn what_is_no_fault_of_the_flow_is_not_counted() {
        let metrics = Metrics::default();
        let trapped = RunEnd::Trapped {
            reason: "x".to_owned(),
            stack: Vec::new(),
        };
        let calls = RunEnd::LimitExceeded { what: Limit::Calls };
        let too_long = RunEnd::LimitExceeded {
            what: Limit::CallLength,
        };
        let memory = RunEnd::LimitExceeded {
            what: Limit::Memory,
        };
        for end in [
            RunEnd::Returned,
            RunEnd::CallEnded,
            trapped,
            calls,
            too_long,
            memory,
        ] {
            metrics.ended("emi", &end);
        }
        assert_eq!(
            metrics.all()["emi"],
            FlowCounts {
                trapped: 1,
                limited: 1,
                ..FlowCounts::default()
            }
        );
    }

    #[test]
    fn names_without_number_are_counted_together() {
        let metrics = Metrics::default();
        (0..2 * FLOWS).for_each(|at| metrics.rejected(&format!("f{at:04}"), Step::Read));
        metrics.rejected("f0000", Step::Read);
        let all = metrics.all();
        assert_eq!(
            (
                all.len(),
                all[OTHERS].rejected[&Step::Read],
                all["f0000"].rejected[&Step::Read]
            ),
            (FLOWS + 1, FLOWS as u64, 2)
        );
    }
}
