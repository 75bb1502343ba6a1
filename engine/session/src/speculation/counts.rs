//! What became of forks and of the prompts that were spoken ahead, for metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How a fork ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForkEnd {
    /// It came to where it would wait for the caller, or had said enough.
    Waits,
    /// It would have asked something outside the call: an action, a look-up, earlier calls.
    Outside,
    /// It came to a prompt that requires what the call has not established.
    Rule,
    /// The flow came to its end.
    Returned,
    /// The flow failed, met a limit, or did something else than the call before.
    Failed,
    /// The caller answered first, or the call ended.
    Cancelled,
    /// It was not begun, as too many wait.
    Dropped,
}

/// What became of a prompt that may be said next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptResult {
    /// It was spoken ahead.
    Spoken,
    /// It was there already.
    AtHand,
    /// Its call may have no more characters spoken ahead.
    Refused,
    /// No synthesiser spoke it.
    Failed,
}

const FORK_ENDS: [(ForkEnd, &str); 7] = [
    (ForkEnd::Waits, "waits"),
    (ForkEnd::Outside, "outside"),
    (ForkEnd::Rule, "rule"),
    (ForkEnd::Returned, "returned"),
    (ForkEnd::Failed, "failed"),
    (ForkEnd::Cancelled, "cancelled"),
    (ForkEnd::Dropped, "dropped"),
];
const PROMPT_RESULTS: [(PromptResult, &str); 4] = [
    (PromptResult::Spoken, "spoken"),
    (PromptResult::AtHand, "at-hand"),
    (PromptResult::Refused, "refused"),
    (PromptResult::Failed, "failed"),
];

/// The counters. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    forks: [AtomicU64; FORK_ENDS.len()],
    prompts: [AtomicU64; PROMPT_RESULTS.len()],
    characters: AtomicU64,
}

/// What was counted since the engine started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeculationCounts {
    /// Forks by how they ended.
    pub forks: Vec<(&'static str, u64)>,
    /// Prompts by what became of them.
    pub prompts: Vec<(&'static str, u64)>,
    /// Characters that were given to a synthesiser ahead.
    pub characters: u64,
}

impl Counts {
    /// Counts forks that ended in one way.
    pub(super) fn forks(&self, end: ForkEnd, count: usize) {
        let at = FORK_ENDS.iter().position(|(each, _)| *each == end);
        add(&self.0.forks, at, u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Counts a prompt.
    pub(super) fn prompt(&self, result: PromptResult) {
        let at = PROMPT_RESULTS.iter().position(|(each, _)| *each == result);
        add(&self.0.prompts, at, 1);
    }

    /// Counts characters that are given to a synthesiser.
    pub(super) fn characters(&self, count: u64) {
        self.0.characters.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> SpeculationCounts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let forks = FORK_ENDS.iter().zip(&self.0.forks);
        let prompts = PROMPT_RESULTS.iter().zip(&self.0.prompts);
        SpeculationCounts {
            forks: forks
                .map(|((_, name), count)| (*name, load(count)))
                .collect(),
            prompts: prompts
                .map(|((_, name), count)| (*name, load(count)))
                .collect(),
            characters: load(&self.0.characters),
        }
    }
}

fn add(counters: &[AtomicU64], at: Option<usize>, count: u64) {
    if let Some(counter) = at.and_then(|at| counters.get(at)) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_and_result_has_a_name_of_its_own() {
        let counts = Counts::default();
        for (end, _) in FORK_ENDS {
            counts.forks(end, 2);
        }
        for (result, _) in PROMPT_RESULTS {
            counts.prompt(result);
        }
        counts.characters(40);
        let read = counts.read();
        assert!(read.forks.iter().all(|(_, count)| *count == 2), "{read:?}");
        assert!(
            read.prompts.iter().all(|(_, count)| *count == 1),
            "{read:?}"
        );
        assert_eq!(read.characters, 40);
    }
}
