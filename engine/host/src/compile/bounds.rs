//! The resources that a child process may use to compile one component, and its order.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;

/// Limits of a child. A component of 18 MB (a Python interpreter) takes a quarter of each, measured
/// on x86_64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Bounds {
    /// Memory that it may write to, in bytes (RLIMIT_DATA).
    pub(crate) memory_bytes: u64,
    /// Address space in bytes (RLIMIT_AS): memory, and what allocators and threads reserve without
    /// using it.
    pub(crate) address_bytes: u64,
    /// Processor time in seconds, all threads together. The limit on real time is separate, since
    /// exceeding it says nothing about the component.
    pub(crate) cpu_s: u64,
    /// The stack of each thread, in bytes.
    pub(crate) stack_bytes: u64,
    /// Its output, in bytes.
    pub(crate) code_bytes: u64,
    /// How many threads compile; each uses memory of its own.
    pub(crate) threads: usize,
}

impl Bounds {
    /// The limits for a component of this size.
    pub(crate) fn of(component_bytes: usize) -> Self {
        let component = component_bytes as u64;
        let threads = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(8);
        let memory_bytes = (256 * MIB).saturating_add(component.saturating_mul(64));
        Self {
            memory_bytes,
            // each glibc malloc arena first reserves 128 MiB, of which it returns half
            address_bytes: memory_bytes
                .saturating_add(MIB.saturating_mul(1_024 + 192 * threads as u64)),
            cpu_s: 10 + component.saturating_mul(10) / MIB,
            stack_bytes: MIB,
            code_bytes: (64 * MIB).saturating_add(component.saturating_mul(16)),
            threads,
        }
    }
}

/// What a child has to do; its only argument.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Order {
    pub(crate) bounds: Bounds,
    /// The process id of the engine.
    pub(crate) parent: u32,
    /// The files of previously compiled functions and of those that it compiles; `None` disables
    /// this.
    pub(crate) remembered: Option<Remembered>,
}

/// Files of [`crate::remembered`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Remembered {
    pub(crate) known: PathBuf,
    pub(crate) fresh: PathBuf,
}
