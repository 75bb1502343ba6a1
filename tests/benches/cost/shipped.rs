//! The flows that we ship, copied where an engine loads them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_owned)
}

/// Copies a shipped flow into a folder of flows.
pub fn shipped(name: &str, flows: &Path) -> anyhow::Result<PathBuf> {
    let folder = flows.join(name);
    copied(&root().join("flows").join(name), &folder)
        .with_context(|| format!("the files of {name}: run `make flows`"))?;
    Ok(folder)
}

/// Copies a folder with all that is in it.
fn copied(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copied(&from, &to)?;
        } else {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}
