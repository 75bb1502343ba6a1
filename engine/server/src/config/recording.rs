//! `[recording]`: the engine's own recordings of calls.

use std::time::Duration;

use ghanti_store::Room;
use serde::{Deserialize, Serialize};

/// Maximum of `longest-minutes`: a stream lasts at most an hour.
const MOST_MINUTES: u64 = 60;
/// Maximum of `disk-mib`: 1 PiB.
const MOST_MIB: u64 = 1 << 30;

/// `[recording]`. Off unless it is enabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recording {
    /// Whether calls are recorded.
    pub enabled: bool,
    /// The longest recording, in minutes; the rest of a longer call is not recorded.
    pub longest_minutes: u64,
    /// The most disk space for all recordings, in MiB.
    pub disk_mib: u64,
    /// How much disk space recordings leave free, in MiB.
    pub keep_free_mib: u64,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            enabled: false,
            longest_minutes: MOST_MINUTES,
            disk_mib: 20_480,
            keep_free_mib: 1_024,
        }
    }
}

impl Recording {
    /// The disk space for recordings; `None` if calls are not recorded.
    pub fn room(&self) -> Option<Room> {
        self.enabled.then(|| Room {
            disk_bytes: self.disk_mib.saturating_mul(1 << 20),
            keep_free_bytes: self.keep_free_mib.saturating_mul(1 << 20),
        })
    }

    /// The longest recording.
    pub fn longest(&self) -> Duration {
        Duration::from_secs(self.longest_minutes.saturating_mul(60))
    }
}

pub(super) fn check(recording: &Recording, errors: &mut Vec<String>) {
    let mut within = super::checks::Within {
        section: "recording",
        errors,
    };
    within.range(
        "longest-minutes",
        recording.longest_minutes,
        1..=MOST_MINUTES,
        "minutes",
    );
    within.range("disk-mib", recording.disk_mib, 1..=MOST_MIB, "MiB");
    within.range(
        "keep-free-mib",
        recording.keep_free_mib,
        0..=MOST_MIB,
        "MiB",
    );
}
