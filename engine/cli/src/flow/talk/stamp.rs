//! Detects edits of a flow's files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Sizes and times of the files that a version consists of.
pub type Stamp = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// Reads the files' sizes and times.
pub fn stamp(folder: &Path) -> Stamp {
    let mut stamp = Stamp::new();
    let mut add = |path: PathBuf| {
        if let Ok(found) = path.metadata()
            && found.is_file()
        {
            stamp.insert(path, (found.len(), found.modified().ok()));
        }
    };
    for file in ["flow.wasm", "flow.toml"] {
        add(folder.join(file));
    }
    for name in ["prompts", "audio"] {
        let entries = std::fs::read_dir(folder.join(name));
        for entry in entries.into_iter().flatten().flatten() {
            add(entry.path());
        }
    }
    stamp
}
