//! How long small things take.

use std::time::{Duration, Instant};

use crate::allocations;

/// A step is repeated in so many batches, and the quickest but few counts: most others were slowed
/// down by what else the machine did.
const BATCHES: usize = 15;
const QUICK: usize = 2;

/// What one step costs.
#[derive(Clone, Copy)]
pub struct Cost {
    pub ns: f64,
    pub allocations: f64,
}

/// The cost of a step that is done once for each of `items`, in batches of all of them. The first
/// batch is for warming up.
pub fn each<T>(items: &[T], mut step: impl FnMut(&T)) -> Cost {
    items.iter().for_each(&mut step);
    let mut batches: Vec<(Duration, u64)> = (0..BATCHES)
        .map(|_| {
            let (before, began) = (allocations::count(), Instant::now());
            items.iter().for_each(&mut step);
            (began.elapsed(), allocations::count() - before)
        })
        .collect();
    batches.sort_unstable();
    let (took, allocations) = batches.get(QUICK).copied().unwrap_or_default();
    let steps = items.len().max(1) as f64;
    Cost {
        ns: took.as_secs_f64() * 1e9 / steps,
        allocations: allocations as f64 / steps,
    }
}

/// Durations in any order, by nearest rank.
pub struct Spread(Vec<Duration>);

impl Spread {
    pub fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }

    pub fn at(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(rank).copied().unwrap_or_default()
    }

    pub fn p50(&self) -> Duration {
        self.at(50)
    }

    pub fn p99(&self) -> Duration {
        self.at(99)
    }
}
