//! What the flows of all calls together may have of the machine's memory. Each within its own limit,
//! they could have more than there is, and the kernel would end the engine with all its calls.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Every flow gets this much, whatever others have taken: what a conversation in Rust needs.
pub(crate) const GUARANTEED_BYTES: u64 = 2 << 20;

/// The share of the machine's memory, in percent, that flows may have beyond that. The rest is for
/// speech models, journals, recordings, and the files that the kernel caches.
const SHARE_PERCENT: u64 = 60;

/// Counts the memory that flows have beyond [`GUARANTEED_BYTES`] each.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    taken: AtomicU64,
    max_bytes: u64,
}

impl MemoryBudget {
    /// A budget of a machine with so much memory.
    pub(crate) fn of(memory_bytes: u64) -> Arc<Self> {
        Arc::new(Self {
            taken: AtomicU64::new(0),
            max_bytes: memory_bytes / 100 * SHARE_PERCENT,
        })
    }

    /// The budget in bytes.
    pub(crate) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Takes more, unless that is more than there is.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                taken
                    .checked_add(bytes)
                    .filter(|taken| *taken <= self.max_bytes)
            })
            .is_ok()
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&self, bytes: u64) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The memory that this process may use, in bytes: of its control group (cgroup v2: `memory.max` of
/// the group and those above it), else of the machine. Without `/proc` it is not bounded.
pub(crate) fn of_this_machine() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| total(&text));
    let group = fs::read_to_string("/proc/self/cgroup")
        .ok()
        .and_then(|text| of_group(Path::new("/sys/fs/cgroup"), &text));
    [machine, group]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(u64::MAX)
}

/// `MemTotal` of `/proc/meminfo`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1_024)
}

/// The least `memory.max` of a process' group, by the text of `/proc/self/cgroup`, and of the groups
/// above it.
fn of_group(root: &Path, groups: &str) -> Option<u64> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    // a path that leads out of the hierarchy is of another namespace
    if group.split('/').any(|part| part == "..") {
        return None;
    }
    Path::new(group)
        .ancestors()
        .filter_map(|group| fs::read_to_string(root.join(group).join("memory.max")).ok())
        .filter_map(|max| max.trim().parse().ok())
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_at_most_the_share_and_can_be_taken_again_when_given_back() {
        let budget = MemoryBudget::of(1_000);
        assert_eq!(budget.max_bytes(), 600);
        assert!(budget.take(400));
        assert!(!budget.take(201));
        assert!(budget.take(200));
        budget.give_back(400);
        assert!(budget.take(300));
        assert!(!budget.take(u64::MAX));
    }

    #[test]
    fn the_memory_of_machine_and_groups_is_read() {
        assert_eq!(
            total("MemFree: 5 kB\nMemTotal:       24689764 kB\n"),
            Some(24_689_764 << 10)
        );
        assert_eq!(total("MemTotal: many\n"), None);

        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("system.slice/ghanti.service");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        let of_service = || of_group(root.path(), "1:cpu:/x\n0::/system.slice/ghanti.service\n");
        assert_eq!(of_service(), None);
        fs::write(root.path().join("system.slice/memory.max"), "2147483648\n").unwrap();
        assert_eq!(of_service(), Some(2 << 30));
        fs::write(inner.join("memory.max"), "536870912\n").unwrap();
        assert_eq!(of_service(), Some(512 << 20));
        assert_eq!(of_group(root.path(), "0::/../x\n"), None);
        assert_eq!(of_group(root.path(), "4:memory:/x\n"), None);
        assert!(of_this_machine() > 64 << 20);
    }
}
