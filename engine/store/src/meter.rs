//! How often operations of a store have failed.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the operations of one store that failed, or had no answer within their deadline, since it was
/// opened.
#[derive(Debug)]
pub struct StoreMeter {
    store: &'static str,
    failures: AtomicU64,
}

impl StoreMeter {
    /// Creates the meter of a store; its name in lower case.
    pub(crate) fn new(store: &'static str) -> Self {
        Self {
            store,
            failures: AtomicU64::new(0),
        }
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// The store: `redis`, `postgresql` or `sqlite`.
    pub fn store(&self) -> &'static str {
        self.store
    }

    /// How many operations have failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}
