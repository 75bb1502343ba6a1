//! The digest of what a component is made of, so that what has not changed is not built again. Building from a script takes seconds, and never
//! gives the same bytes twice.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use super::folder::{COMPONENT, Folder, WRITTEN};

/// The digest is over these files of a folder's `.ghanti/`, besides its sources.
const WRITTEN_SOURCES: [&str; 3] = ["sdk", "generated", "entry"];
/// What is in a flow's folder and is no source.
const OTHERS: [&str; 10] = [
    COMPONENT,
    "flow.toml",
    "prompts",
    "audio",
    "tests",
    "scenario.toml",
    "README.md",
    "data",
    "target",
    "__pycache__",
];
/// The most files that are looked at.
const FILES_MAX: usize = 20_000;

/// The digest of a folder's sources and of the toolchain of this name.
pub fn digest(folder: &Folder, toolchain: &str) -> anyhow::Result<String> {
    let mut files = Vec::new();
    let mut open = Vec::new();
    for entry in entries(&folder.path)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !OTHERS.contains(&name.as_str()) {
            open.push(entry.path());
        }
    }
    for entry in entries(&folder.path.join(WRITTEN))? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if WRITTEN_SOURCES
            .iter()
            .any(|source| name.starts_with(source))
        {
            open.push(entry.path());
        }
    }
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let inner = entries(&path)?.into_iter().map(|entry| entry.path());
            open.extend(inner.filter(|path| !path.ends_with("__pycache__")));
        } else {
            files.push(path);
        }
        if files.len() + open.len() > FILES_MAX {
            bail!(
                "`{}` has over {FILES_MAX} files: a flow's folder holds one flow",
                folder.path.display()
            );
        }
    }
    files.sort();
    let mut digest = Sha256::new();
    digest.update(toolchain);
    for path in files {
        let content =
            fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let name = path
            .strip_prefix(&folder.path)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        for part in [name.as_bytes(), content.as_slice()] {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
    }
    Ok(hexadecimal(&digest.finalize()))
}

/// The digest of a file; none where it cannot be read.
pub fn of_file(path: &Path) -> Option<String> {
    fs::read(path)
        .ok()
        .map(|bytes| hexadecimal(&Sha256::digest(bytes)))
}

/// Bytes in hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn entries(folder: &Path) -> anyhow::Result<Vec<fs::DirEntry>> {
    let read = || fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>();
    read().with_context(|| format!("cannot read `{}`", folder.display()))
}
