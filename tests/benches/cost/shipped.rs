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
    let (shipped, folder) = (root().join("flows").join(name), flows.join(name));
    fs::create_dir_all(folder.join("prompts"))?;
    for file in [
        "flow.wasm",
        "flow.toml",
        "prompts/en-IN.ftl",
        "prompts/hi-IN.ftl",
    ] {
        fs::copy(shipped.join(file), folder.join(file))
            .with_context(|| format!("`{file}` of {name}: run `make flows`"))?;
    }
    Ok(folder)
}
