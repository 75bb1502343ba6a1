//! Meters of one run of a flow: memory, computing time, host calls. Each meter only counts and
//! compares; [`StoreData`](crate::context::StoreData) terminates the flow.

pub(crate) mod compute;

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::ResourceLimiter;

use crate::limit::{Limit, TABLE_ELEMENTS_MAX};
use crate::memory_budget::{GUARANTEED_BYTES, MemoryBudget};

/// Counts linear memory, all memories of a component together.
#[derive(Debug)]
pub(crate) struct MemoryMeter {
    bytes: u64,
    max_bytes: u64,
    budget: Arc<MemoryBudget>,
    /// The limit by which growing was last refused, if it was. In most languages a trap follows,
    /// which is then reported as this limit.
    pub(crate) refused: Option<Limit>,
}

impl MemoryMeter {
    pub(crate) fn new(max_bytes: u64, budget: Arc<MemoryBudget>) -> Self {
        Self {
            bytes: 0,
            max_bytes,
            budget,
            refused: None,
        }
    }
}

impl Drop for MemoryMeter {
    fn drop(&mut self) {
        self.budget.give_back(of_budget(self.bytes));
    }
}

/// How much of a flow's memory counts towards that of all.
fn of_budget(bytes: u64) -> u64 {
    bytes.saturating_sub(GUARANTEED_BYTES)
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = self
            .bytes
            .saturating_add(desired.saturating_sub(current) as u64);
        if bytes > self.max_bytes {
            self.refused = Some(Limit::Memory);
            return Ok(false);
        }
        if !self.budget.take(of_budget(bytes) - of_budget(self.bytes)) {
            self.refused = Some(Limit::AllMemory);
            return Ok(false);
        }
        self.bytes = bytes;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}

/// Counts host calls within the current second of real time.
#[derive(Debug)]
pub(crate) struct RateMeter {
    since: Instant,
    calls: u32,
    max_calls: u32,
}

impl RateMeter {
    pub(crate) fn new(max_calls: u32) -> Self {
        Self {
            since: Instant::now(),
            calls: 0,
            max_calls,
        }
    }

    pub(crate) fn count(&mut self) -> Result<(), Limit> {
        if self.since.elapsed() >= Duration::from_secs(1) {
            (self.since, self.calls) = (Instant::now(), 0);
        }
        self.calls += 1;
        if self.calls > self.max_calls {
            Err(Limit::HostCalls)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_counted_together() {
        let mut meter = MemoryMeter::new(100, MemoryBudget::of(1_000));
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert!(meter.memory_growing(60, 100, None).unwrap());
        assert_eq!(meter.refused, Some(Limit::Memory));
    }

    #[test]
    fn all_flows_share_what_the_machine_has_and_each_gets_its_least() {
        // of which flows have six and a half
        let budget = MemoryBudget::of(11 << 20);
        let mut greedy = MemoryMeter::new(64 << 20, Arc::clone(&budget));
        let mut honest = MemoryMeter::new(64 << 20, Arc::clone(&budget));
        let usize_of = |bytes: u64| usize::try_from(bytes).unwrap();
        assert!(greedy.memory_growing(0, 8 << 20, None).unwrap());
        assert!(!greedy.memory_growing(8 << 20, 9 << 20, None).unwrap());
        assert_eq!(greedy.refused, Some(Limit::AllMemory));
        assert!(
            honest
                .memory_growing(0, usize_of(GUARANTEED_BYTES), None)
                .unwrap()
        );
        assert!(!honest.memory_growing(2 << 20, 3 << 20, None).unwrap());
        drop(greedy);
        assert!(honest.memory_growing(2 << 20, 8 << 20, None).unwrap());
    }
}
