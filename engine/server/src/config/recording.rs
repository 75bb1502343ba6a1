//! `[recording]`: the engine's own recordings of calls.

use std::collections::BTreeMap;
use std::time::Duration;

use ghanti_store::Room;
use serde::{Deserialize, Serialize};

/// Maximum of `longest-minutes`: a stream lasts at most an hour.
const MOST_MINUTES: u64 = 60;
/// Maximum of `disk-mib`: 1 PiB.
const MOST_MIB: u64 = 1 << 30;
/// Where Linux has the machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// The longest name of an engine.
const NAME_BYTES: usize = 64;
/// The most other engines.
const ENGINES: usize = 100;

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
    /// The name that records give to whose folder their recordings are in; without it the machine's.
    pub engine: Option<String>,
    /// The addresses of the other engines, by their names, from which their recordings are fetched.
    pub engines: BTreeMap<String, String>,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            enabled: false,
            longest_minutes: MOST_MINUTES,
            disk_mib: 20_480,
            keep_free_mib: 1_024,
            engine: None,
            engines: BTreeMap::new(),
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

    /// The name of this engine.
    pub fn engine(&self) -> String {
        let machine = || {
            let name = std::fs::read_to_string(HOST_NAME).unwrap_or_default();
            name.trim().to_owned()
        };
        self.engine.clone().unwrap_or_else(machine)
    }

    /// The longest recording.
    pub fn longest(&self) -> Duration {
        Duration::from_secs(self.longest_minutes.saturating_mul(60))
    }
}

fn is_name(name: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(is_of_name)
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
    if let Some(name) = recording.engine.as_deref().filter(|name| !is_name(name)) {
        errors.push(format!(
            "`engine` of `[recording]` is `{}`: a name has 1 to {NAME_BYTES} letters, digits, `-`, `_` and `.`",
            name.escape_debug()
        ));
    }
    if recording.engines.len() > ENGINES {
        errors.push(format!(
            "`engines` of `[recording]` has more than {ENGINES} engines"
        ));
    }
    for (name, url) in recording.engines.iter().take(ENGINES) {
        if !is_name(name) {
            errors.push(format!(
                "`engines` of `[recording]` has `{}`: a name has 1 to {NAME_BYTES} letters, digits, `-`, `_` and `.`",
                name.escape_debug()
            ));
        }
        let is_address = reqwest::Url::parse(url).is_ok_and(|url| {
            ["http", "https"].contains(&url.scheme())
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
        });
        if !is_address {
            errors.push(format!(
                "`engines` of `[recording]` has no address for `{}`: write it as `http://10.0.0.2:8080`, with the `path` of `[server]` if there is one",
                name.escape_debug()
            ));
        }
    }
}
