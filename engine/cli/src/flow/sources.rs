//! The digest of a component's sources, so that an unchanged flow is not built again. Building from a script takes seconds, and never
//! produces the same bytes twice.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use crate::dev::sources::is_passing;

use super::folder::{COMPONENT, Folder, WRITTEN};

/// Entries of a folder's `.ghanti/` that the digest covers in addition to the sources.
const WRITTEN_SOURCES: [&str; 3] = ["sdk", "generated", "entry"];
/// Entries of a flow's folder that are not sources.
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
/// Maximum number of files.
const FILES_MAX: usize = 20_000;

/// The digest of a folder's sources and of the toolchain of this name.
pub fn digest(folder: &Folder, toolchain: &str) -> anyhow::Result<String> {
    // npm packages are sources, too
    let is_source = |name: &str| !name.starts_with('.') && name != "__pycache__";
    let mut open = own(folder, is_source)?;
    for entry in entries(&folder.path.join(WRITTEN))? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if WRITTEN_SOURCES
            .iter()
            .any(|source| name.starts_with(source))
        {
            open.push(entry.path());
        }
    }
    let mut digest = Sha256::new();
    digest.update(toolchain);
    add(folder, open, is_source, &mut digest)?;
    Ok(hexadecimal(&digest.finalize()))
}

/// The digest of the files that an author edits, without packages and generated files, and the folders
/// with these files.
pub fn of_author(folder: &Folder) -> anyhow::Result<([u8; 32], Vec<PathBuf>)> {
    let is_source = |name: &str| !is_passing(name);
    let open = own(folder, is_source)?;
    let mut digest = Sha256::new();
    let mut folders = add(folder, open, is_source, &mut digest)?;
    folders.push(folder.path.clone());
    Ok((digest.finalize().into(), folders))
}

/// The entries of a flow's folder that are sources.
fn own(folder: &Folder, is_source: fn(&str) -> bool) -> anyhow::Result<Vec<PathBuf>> {
    let mut open = Vec::new();
    for entry in entries(&folder.path)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_source(&name) && !OTHERS.contains(&name.as_str()) {
            open.push(entry.path());
        }
    }
    Ok(open)
}

/// Adds these files, and all in these folders, to a digest. Returns the folders.
fn add(
    folder: &Folder,
    mut open: Vec<PathBuf>,
    is_source: fn(&str) -> bool,
    digest: &mut Sha256,
) -> anyhow::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let inner = entries(&path)?.into_iter();
            let inner = inner.filter(|entry| is_source(&entry.file_name().to_string_lossy()));
            open.extend(inner.map(|entry| entry.path()));
            folders.push(path);
        } else {
            files.push(path);
        }
        if files.len() + folders.len() + open.len() > FILES_MAX {
            bail!(
                "`{}` has over {FILES_MAX} files: a flow's folder contains one flow",
                folder.path.display()
            );
        }
    }
    files.sort();
    for path in files {
        let content = match fs::read(&path) {
            // an editor is just replacing it
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            read => read.with_context(|| format!("cannot read `{}`", path.display()))?,
        };
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
    Ok(folders)
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
