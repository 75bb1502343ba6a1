//! The folder of saved flow state. Every file is written to a temporary file and renamed, so that
//! no reader sees a partial file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ghanti_model::chain::hexadecimal;
use ghanti_model::{FlowName, Language};
use sha2::{Digest, Sha256};

use super::{Entry, FORMAT, Files};
use crate::source::Parts;

/// The file that names the flow which takes unclaimed calls.
const HOME: &str = "unclaimed";

/// The folder.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    /// Allows one writer at a time.
    writing: Mutex<()>,
}

impl Disk {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            writing: Mutex::default(),
        }
    }

    /// Reads everything saved. An unreadable entry is logged and treated as missing.
    pub(super) fn read(&self) -> (BTreeMap<FlowName, Entry>, Option<FlowName>) {
        let mut flows = BTreeMap::new();
        for file in fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
        {
            let Some(name) = file
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_suffix(".json"))
            else {
                continue;
            };
            let Ok(name) = FlowName::parse(name) else {
                continue;
            };
            match read_entry(&file) {
                Ok(entry) => drop(flows.insert(name, entry)),
                Err(reason) => {
                    tracing::error!(flow = %name, file = %file.display(), reason, "what was kept of a flow cannot be read: its rules are not compared with those before");
                }
            }
        }
        let home = fs::read_to_string(self.folder.join(HOME))
            .ok()
            .and_then(|home| FlowName::parse(home.trim()).ok());
        (flows, home)
    }

    /// Writes the files that are missing, and passes their digests to `stored` while no other
    /// writer can run.
    pub(super) fn store(&self, parts: &Parts, stored: impl FnOnce(Files)) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let objects = self.objects();
        fs::create_dir_all(&objects)?;
        let mut files = Files::new();
        for (path, bytes) in parts.files() {
            let digest = hexadecimal(&Sha256::digest(bytes));
            let object = objects.join(&digest);
            // replaces a damaged file: only the length is checked here, the digest when it is read
            if !fs::metadata(&object).is_ok_and(|found| found.len() == bytes.len() as u64) {
                put(&object, bytes)?;
            }
            files.insert(path, digest);
        }
        stored(files);
        Ok(())
    }

    /// Writes the entry that `now` returns, and deletes objects that are no longer used.
    pub(super) fn write(
        &self,
        name: &FlowName,
        now: impl FnOnce() -> (Entry, BTreeSet<String>),
    ) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (entry, used) = now();
        fs::create_dir_all(&self.folder)?;
        put(
            &self.folder.join(format!("{name}.json")),
            &serde_json::to_vec_pretty(&entry).map_err(io::Error::other)?,
        )?;
        for object in fs::read_dir(self.objects()).into_iter().flatten().flatten() {
            if object
                .file_name()
                .to_str()
                .is_some_and(|name| !used.contains(name))
            {
                fs::remove_file(object.path())?;
            }
        }
        Ok(())
    }

    pub(super) fn write_home(&self, home: impl FnOnce() -> Option<FlowName>) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.folder.join(HOME);
        let written = match home() {
            Some(home) => {
                fs::create_dir_all(&self.folder).and_then(|()| put(&file, home.as_str().as_bytes()))
            }
            None => fs::remove_file(&file).or_else(|error| {
                if error.kind() == io::ErrorKind::NotFound {
                    Ok(())
                } else {
                    Err(error)
                }
            }),
        };
        if let Err(error) = written {
            tracing::warn!(file = %file.display(), %error, "which flow takes unclaimed calls cannot be kept: a restart may choose another");
        }
    }

    /// A version's files, verified against their digests.
    pub(super) fn restore(&self, files: &Files) -> Result<Parts, String> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parts = Parts {
            component: Vec::new(),
            manifest: None,
            prompts: BTreeMap::new(),
            audio: BTreeMap::new(),
            tests: BTreeMap::new(),
        };
        for (path, digest) in files {
            let object = self.objects().join(digest);
            let bytes = fs::read(&object)
                .map_err(|error| format!("cannot read `{}`: {error}", object.display()))?;
            if hexadecimal(&Sha256::digest(&bytes)) != *digest {
                return Err(format!("`{}` is damaged", object.display()));
            }
            let text = |bytes| {
                String::from_utf8(bytes).map_err(|_| format!("`{}` is no text", object.display()))
            };
            match path.split_once('/') {
                None if path == "flow.wasm" => parts.component = bytes,
                None => parts.manifest = Some(text(bytes)?),
                Some(("audio", name)) => drop(parts.audio.insert(name.to_owned(), bytes.into())),
                Some((_, language)) => {
                    let language = Language::parse(language).map_err(|error| error.to_string())?;
                    parts.prompts.insert(language, text(bytes)?);
                }
            }
        }
        Ok(parts)
    }

    pub(super) fn warn(&self, name: &FlowName, error: &io::Error) {
        let folder = self.folder.display();
        tracing::warn!(flow = %name, %folder, %error, "the version that takes calls cannot be kept: after a restart only the flows folder counts");
    }

    fn objects(&self) -> PathBuf {
        self.folder.join("objects")
    }
}

fn read_entry(file: &Path) -> Result<Entry, String> {
    let entry: Entry = serde_json::from_slice(&fs::read(file).map_err(|error| error.to_string())?)
        .map_err(|error| error.to_string())?;
    if entry.format == FORMAT {
        Ok(entry)
    } else {
        Err(format!(
            "it has the format {}, this engine {FORMAT}",
            entry.format
        ))
    }
}

fn put(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = tempfile::NamedTempFile::new_in(file.parent().unwrap_or(Path::new(".")))?;
    beside.write_all(bytes)?;
    beside.persist(file).map(drop).map_err(|error| error.error)
}
