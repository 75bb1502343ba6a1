//! What a child process may use to compile one component, and the order it is given.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;

/// Limits of a child. A component of 18 MB (a Python interpreter) takes a quarter of each, measured
/// on x86_64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Bounds {
    /// Memory that it may write to (RLIMIT_DATA).
    pub(crate) memory_bytes: u64,
    /// Address space (RLIMIT_AS): memory, and what allocators and threads reserve without using it.
    pub(crate) address_bytes: u64,
    /// Processor time, all threads together. Real time has a bound of its own, at which nobody
    /// learns anything of the component.
    pub(crate) cpu_s: u64,
    /// The stack of each thread.
    pub(crate) stack_bytes: u64,
    /// What it hands back.
    pub(crate) code_bytes: u64,
    /// How many threads compile; each has memory of its own in use.
    pub(crate) threads: usize,
}

impl Bounds {
    /// For a component of this size.
    pub(crate) fn of(component_bytes: usize) -> Self {
        let component = component_bytes as u64;
        let threads = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(8);
        let memory_bytes = (256 * MIB).saturating_add(component.saturating_mul(64));
        Self {
            memory_bytes,
            // an arena of glibc's allocator reserves 128 MiB at first, of which it returns half
            address_bytes: memory_bytes
                .saturating_add(MIB.saturating_mul(1_024 + 192 * threads as u64)),
            cpu_s: 10 + component.saturating_mul(10) / MIB,
            stack_bytes: MIB,
            code_bytes: (64 * MIB).saturating_add(component.saturating_mul(16)),
            threads,
        }
    }
}

/// What a child is to do, as its only argument.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Order {
    pub(crate) bounds: Bounds,
    /// The process that waits for it.
    pub(crate) parent: u32,
    /// Functions compiled before, and where it puts those that it compiles.
    pub(crate) remembered: Option<Remembered>,
}

/// Files of [`crate::remembered`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Remembered {
    pub(crate) known: PathBuf,
    pub(crate) fresh: PathBuf,
}
