//! The digest of a component's sources, so that an unchanged flow is not built again. Building from a script takes seconds, and never
//! produces the same bytes twice.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use crate::dev::sources::is_passing;

use super::folder::{COMPONENT, Folder, WRITTEN, write_changed};

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
/// Folders of packages, which npm and cargo change and nobody edits.
const PACKAGES: [&str; 2] = ["node_modules", ".cargo"];
/// The list of what a build has read, one path a line; within `.ghanti/` that of what is no source by where it is.
pub const INPUTS: &str = "inputs";
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
    open.extend(inputs(folder));
    let mut digest = Sha256::new();
    digest.update(toolchain);
    add(folder, open, is_source, &mut digest)?;
    Ok(hexadecimal(&digest.finalize()))
}

/// The digest of the files that an author edits, without packages and generated files, and the folders
/// with these files.
pub fn of_author(folder: &Folder) -> anyhow::Result<([u8; 32], Vec<PathBuf>)> {
    let is_source = |name: &str| !is_passing(name);
    let mut open = own(folder, is_source)?;
    let further = inputs(folder);
    open.extend(further.iter().cloned());
    let mut digest = Sha256::new();
    let mut folders = add(folder, open, is_source, &mut digest)?;
    folders.push(folder.path.clone());
    folders.extend(
        further
            .iter()
            .filter_map(|file| Some(file.parent()?.to_owned())),
    );
    Ok((digest.finalize().into(), folders))
}

/// Notes what the last build has read besides the sources in the flow's folder, such as a module beside the folder or a file in `data/`. Returns
/// whether these are others than before.
pub fn note_inputs<'p>(
    folder: &Folder,
    inputs: impl Iterator<Item = &'p Path>,
) -> anyhow::Result<bool> {
    let mut further: Vec<String> = inputs
        .filter_map(|input| folder.path.join(input).canonicalize().ok())
        .filter(|input| !is_of_folder(folder, input))
        .map(|input| format!("{}\n", input.display()))
        .collect();
    further.sort();
    let noted = folder.written(INPUTS);
    if further.is_empty() && !noted.exists() {
        return Ok(false);
    }
    write_changed(&noted, further.concat().as_bytes())
}

/// Whether a file is a source by where it is, or part of a package or of what is generated.
fn is_of_folder(folder: &Folder, file: &Path) -> bool {
    let inside = file.strip_prefix(&folder.path);
    let first = inside.iter().flat_map(|inside| inside.components()).next();
    let is_own = first.is_some_and(|first| {
        let name = first.as_os_str().to_string_lossy();
        name == WRITTEN || (!name.starts_with('.') && !OTHERS.contains(&&*name))
    });
    is_own
        || file
            .components()
            .any(|part| PACKAGES.iter().any(|name| part.as_os_str() == *name))
}

/// What the last build has read besides the sources in the flow's folder.
fn inputs(folder: &Folder) -> Vec<PathBuf> {
    let noted = fs::read_to_string(folder.written(INPUTS)).unwrap_or_default();
    noted.lines().map(PathBuf::from).collect()
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
