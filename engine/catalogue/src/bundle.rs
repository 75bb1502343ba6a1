//! The files of a flow on their way into a flows folder, by their paths in the flow's folder.
//!
//! Only what a flow consists of is accepted here: `flow.wasm`, `flow.toml`, `prompts/*.ftl`,
//! `audio/*.wav`, `tests/*.toml`. Paths are compared with that list and are never resolved, so that
//! none of them leads elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use ghanti_host::{Fault, Step};

use crate::scan::{files, passing, unreadable};
use crate::source::{AUDIO_BYTES_MAX, COMPONENT_BYTES_MAX, FILES_MAX, TEXT_BYTES_MAX};

/// How many bytes all files of a bundle may have together: a component of the largest size, and as
/// much again.
pub const BUNDLE_BYTES_MAX: u64 = 64 << 20;
/// The longest path of a file in a bundle, in bytes.
const PATH_BYTES_MAX: usize = 255;
/// The folders of a flow, each with the ending of its files and the largest of them.
const FOLDERS: [(&str, &str, u64); 3] = [
    ("prompts", "ftl", TEXT_BYTES_MAX),
    ("audio", "wav", AUDIO_BYTES_MAX),
    ("tests", "toml", TEXT_BYTES_MAX),
];
/// The error for a file that belongs to no flow.
const HINT: &str = "send what a flow consists of, with paths as in its folder: flow.wasm, flow.toml, prompts/*.ftl, audio/*.wav, tests/*.toml";

/// A file that does not belong in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {hint}")]
pub struct NoPlace {
    /// What is wrong with it.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
}

/// The files of a flow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<String, Vec<u8>>,
    bytes: u64,
}

impl Bundle {
    /// The most files of a bundle.
    pub const FILES_MAX: usize = 2 + FOLDERS.len() * FILES_MAX;

    /// How many bytes a file of this path may have.
    ///
    /// # Errors
    /// If no flow has such a file.
    pub fn room_for(path: &str) -> Result<u64, NoPlace> {
        let foreign = || {
            let shown: String = path.chars().take(80).flat_map(char::escape_debug).collect();
            NoPlace {
                reason: format!("`{shown}` is no file of a flow"),
                hint: HINT.to_owned(),
            }
        };
        match path.split_once('/') {
            None if path == "flow.wasm" => Ok(COMPONENT_BYTES_MAX),
            None if path == "flow.toml" => Ok(TEXT_BYTES_MAX),
            None => Err(foreign()),
            Some((folder, file)) => {
                let (_, ending, room) = FOLDERS
                    .into_iter()
                    .find(|(name, ..)| *name == folder)
                    .ok_or_else(foreign)?;
                let stem = file
                    .strip_suffix(ending)
                    .and_then(|file| file.strip_suffix('.'))
                    .filter(|stem| !stem.is_empty() && !passing(stem))
                    .ok_or_else(foreign)?;
                let is_plain = |letter: char| !letter.is_control() && !"/\\".contains(letter);
                if path.len() > PATH_BYTES_MAX || !stem.chars().all(is_plain) {
                    return Err(foreign());
                }
                Ok(room)
            }
        }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// If no flow has such a file, it is there already, or it is too large or one too many.
    pub fn add(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), NoPlace> {
        let room = Self::room_for(path)?;
        let size = bytes.len() as u64;
        let no = |reason: String, hint: &str| {
            Err(NoPlace {
                reason,
                hint: hint.to_owned(),
            })
        };
        if size > room {
            let reason = format!("`{path}` is larger than {} MiB", room >> 20);
            return no(
                reason,
                "make it smaller: strip debug information, shorten recordings",
            );
        }
        if self.bytes + size > BUNDLE_BYTES_MAX {
            let reason = format!(
                "the files have more than {} MiB together",
                BUNDLE_BYTES_MAX >> 20
            );
            return no(
                reason,
                "make them smaller: strip debug information, shorten recordings",
            );
        }
        if self.files.contains_key(path) {
            return no(format!("`{path}` is there twice"), "send each file once");
        }
        let folder = path.split('/').next().unwrap_or_default();
        let beside = self
            .files
            .keys()
            .filter(|other| other.split('/').next() == Some(folder));
        if beside.count() >= FILES_MAX {
            return no(
                format!("`{folder}` has more than {FILES_MAX} files"),
                "send fewer",
            );
        }
        self.bytes += size;
        self.files.insert(path.to_owned(), bytes);
        Ok(())
    }

    /// Reads the files of a flow in its folder; other files there are ignored.
    ///
    /// # Errors
    /// If there is no component or no manifest, or a file cannot be read or is too large.
    pub fn of_folder(folder: &Path) -> Result<Self, Fault> {
        let mut bundle = Self::default();
        for path in ["flow.wasm", "flow.toml"] {
            if !folder.join(path).exists() {
                let (reason, hint) = match path {
                    "flow.wasm" => (
                        "there is no component `flow.wasm`",
                        "build the flow first, with `ghanti flow build`, or name its folder",
                    ),
                    _ => (
                        "there is no manifest `flow.toml`",
                        "make one; an empty file takes the defaults",
                    ),
                };
                let reason = format!("{reason} in `{}`", folder.display());
                return Err(Fault::new(Step::Read, reason, hint));
            }
            bundle.take_from(folder, path)?;
        }
        for (name, ending, _) in FOLDERS {
            for (stem, _) in files(&folder.join(name), ending)? {
                bundle.take_from(folder, &format!("{name}/{stem}.{ending}"))?;
            }
        }
        Ok(bundle)
    }

    fn take_from(&mut self, folder: &Path, path: &str) -> Result<(), Fault> {
        let file = folder.join(path);
        let no_place = |NoPlace { reason, hint }| Fault::new(Step::Read, reason, &hint);
        let found = fs::metadata(&file).map_err(|error| unreadable(&file, &error))?;
        if !found.is_file() {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "it is no file");
            return Err(unreadable(&file, &error));
        }
        // its size is looked at before it is read
        if found.len() > Self::room_for(path).map_err(no_place)? {
            let reason = format!("`{path}` has {} MiB", found.len() >> 20);
            return Err(Fault::new(
                Step::Read,
                reason,
                "make it smaller: strip debug information, shorten recordings",
            ));
        }
        let bytes = fs::read(&file).map_err(|error| unreadable(&file, &error))?;
        self.add(path, bytes).map_err(no_place)
    }

    /// The files, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// Whether a file of this path is there.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Writes the files into a folder that is empty, down to the disk.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        for (path, bytes) in &self.files {
            let path = folder.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut file = fs::File::create_new(&path)?;
            io::Write::write_all(&mut file, bytes)?;
            file.sync_all()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_files_of_a_flow_have_a_place() {
        for path in [
            "flow.wasm",
            "flow.toml",
            "prompts/en-IN.ftl",
            "audio/a chime.wav",
            "tests/हाँ.toml",
        ] {
            assert!(Bundle::room_for(path).is_ok(), "{path}");
        }
        for path in [
            "",
            "/flow.wasm",
            "./flow.wasm",
            "../flow.wasm",
            "emi/flow.wasm",
            "flow.wasm/",
            "Flow.wasm",
            "prompts",
            "prompts/",
            "prompts/.ftl",
            "prompts/.hidden.ftl",
            "prompts/../../x.ftl",
            "prompts/a/b.ftl",
            "prompts/a\\b.ftl",
            "prompts/a\0.ftl",
            "prompts//etc.ftl",
            "audio/x.toml",
            "tests/x.toml~",
            "README.md",
            ".env",
        ] {
            let error = Bundle::room_for(path).unwrap_err();
            assert!(error.reason.contains("no file of a flow"), "{error}");
        }
        assert!(Bundle::room_for(&format!("audio/{}.wav", "a".repeat(300))).is_err());
    }

    #[test]
    fn sizes_and_numbers_are_bounded() {
        let mut bundle = Bundle::default();
        let text = |bytes: u64| vec![b'a'; usize::try_from(bytes).unwrap()];
        assert!(bundle.add("flow.toml", text(TEXT_BYTES_MAX)).is_ok());
        let mut reported = |path: &str, bytes| bundle.add(path, text(bytes)).unwrap_err().reason;
        assert!(reported("flow.toml", 1).contains("twice"));
        assert!(reported("prompts/en-IN.ftl", TEXT_BYTES_MAX + 1).contains("larger than 1 MiB"));
        for number in 0..FILES_MAX {
            bundle
                .add(&format!("tests/{number}.toml"), text(1))
                .unwrap();
        }
        let error = bundle.add("tests/more.toml", text(1)).unwrap_err();
        assert!(error.reason.contains("more than 256 files"), "{error}");
        let mut bundle = Bundle::default();
        for number in 0..8 {
            let path = format!("audio/{number}.wav");
            bundle.add(&path, text(AUDIO_BYTES_MAX)).unwrap();
        }
        let error = bundle.add("audio/more.wav", text(1)).unwrap_err();
        assert!(error.reason.contains("64 MiB together"), "{error}");
    }

    #[test]
    fn a_folders_other_files_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let reported = |folder: &Path| Bundle::of_folder(folder).unwrap_err().reason;
        assert!(reported(folder.path()).contains("no component"));
        fs::write(folder.path().join("flow.wasm"), "a").unwrap();
        assert!(reported(folder.path()).contains("no manifest"));
        fs::write(folder.path().join("flow.toml"), "").unwrap();
        for path in ["src/lib.rs", "prompts/en-IN.ftl", "prompts/notes.txt"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "a").unwrap();
        }
        let bundle = Bundle::of_folder(folder.path()).unwrap();
        let paths: Vec<_> = bundle.files().map(|(path, _)| path).collect();
        assert_eq!(paths, ["flow.toml", "flow.wasm", "prompts/en-IN.ftl"]);
    }
}
