//! Meters of one run of a flow: memory, computing time, host calls. Each meter only counts and
//! compares; [`StoreData`](crate::context::StoreData) terminates the flow.

pub(crate) mod compute;

use std::time::{Duration, Instant};

use wasmtime::ResourceLimiter;

use crate::limit::{Limit, TABLE_ELEMENTS_MAX};

/// Counts linear memory, all memories of a component together.
#[derive(Debug)]
pub(crate) struct MemoryMeter {
    bytes: u64,
    max_bytes: u64,
    /// Whether growing was ever refused. In most languages a trap follows, which is then reported
    /// as this limit.
    pub(crate) refused: bool,
}

impl MemoryMeter {
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self {
            bytes: 0,
            max_bytes,
            refused: false,
        }
    }
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
            self.refused = true;
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
        let mut meter = MemoryMeter::new(100);
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert!(meter.memory_growing(60, 100, None).unwrap());
        assert!(meter.refused);
    }
}
