//! The files of a flow, read once: `flows/NAME/{flow.wasm, flow.toml, prompts/*.ftl, audio/*.wav,
//! tests/*.toml}`, or `flows/NAME.wasm` alone.
//!
//! What is read here is the whole version: later changes to the files do not reach running calls.
//! Tests are not part of its identity, since callers never hear them: changed tests are run against
//! the version again, but do not make a new one. Reading blocks.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ghanti_host::{Fault, Step};
use ghanti_model::chain::hexadecimal;
use ghanti_model::{Language, VersionId};
use sha2::{Digest, Sha256};

use crate::scan::{Form, Place, files, unreadable};

/// The largest component accepted: a Python interpreter with its libraries has 18 MB.
pub(crate) const COMPONENT_BYTES_MAX: u64 = 32 << 20;
/// The largest manifest, prompt or test file accepted.
pub const TEXT_BYTES_MAX: u64 = 1 << 20;
/// The largest audio file accepted: nearly three minutes at 24 kHz.
pub(crate) const AUDIO_BYTES_MAX: u64 = 8 << 20;
/// How many prompt files, audio files and tests, each, a flow may have.
pub(crate) const FILES_MAX: usize = 256;

/// All files of a flow, with their digests.
#[derive(Debug)]
pub(crate) struct Source {
    /// The digest of component, manifest, prompts and audio.
    pub(crate) id: VersionId,
    /// The digest of the component alone, by which its compiled code is cached.
    pub(crate) component_digest: String,
    /// The digest of the tests, which are not part of the version.
    pub(crate) tests_digest: String,
    pub(crate) parts: Parts,
}

/// The contents of a flow's files.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) component: Vec<u8>,
    pub(crate) manifest: Option<String>,
    pub(crate) prompts: BTreeMap<Language, String>,
    pub(crate) audio: BTreeMap<String, Arc<[u8]>>,
    /// By file name without the extension.
    pub(crate) tests: BTreeMap<String, String>,
}

/// Why a flow was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// Its files were changing: try again once they are stable.
    Moving,
    /// Reading it failed.
    Fault(Fault),
}

impl Source {
    /// Reads the files of a place, provided that they have not changed since it was found.
    pub(crate) fn read(place: &Place) -> Result<Self, Unread> {
        let (source, faults) = Self::read_all(place);
        if !place.stands_still() {
            return Err(Unread::Moving);
        }
        match faults.into_iter().next() {
            Some(fault) => Err(Unread::Fault(fault)),
            None => Ok(source),
        }
    }

    /// Reads what can be read, with everything that is wrong.
    pub(crate) fn read_all(place: &Place) -> (Self, Vec<Fault>) {
        let (parts, faults) = Self::files(place);
        (Self::of(parts), faults)
    }

    fn files(place: &Place) -> (Parts, Vec<Fault>) {
        let mut parts = Parts {
            component: Vec::new(),
            manifest: None,
            prompts: BTreeMap::new(),
            audio: BTreeMap::new(),
            tests: BTreeMap::new(),
        };
        let mut faults = Vec::new();
        let component = match place.form {
            Form::Bare => place.path.clone(),
            Form::Folder => place.path.join("flow.wasm"),
        };
        match bytes(place, &component, COMPONENT_BYTES_MAX) {
            Ok(component) => parts.component = component,
            Err(fault) => faults.push(fault),
        }
        if place.form == Form::Bare {
            return (parts, faults);
        }
        let manifest = place.path.join("flow.toml");
        if manifest.exists() {
            match text(place, &manifest) {
                Ok(manifest) => parts.manifest = Some(manifest),
                Err(fault) => faults.push(fault),
            }
        }
        let mut each =
            |folder: &str,
             ending: &str,
             read: &mut dyn FnMut(String, PathBuf) -> Result<(), Fault>| {
                match few(&place.path.join(folder), ending) {
                    Ok(files) => {
                        let read = files.into_iter().map(|(stem, path)| read(stem, path));
                        faults.extend(read.filter_map(Result::err));
                    }
                    Err(fault) => faults.push(fault),
                }
            };
        each("prompts", "ftl", &mut |stem, path| {
            let language = Language::parse(&stem).map_err(|error| {
                Fault::new(
                    Step::Prompts,
                    format!("`prompts/{stem}.ftl` is named after no language: {error}"),
                    "rename the file",
                )
            })?;
            parts.prompts.insert(language, text(place, &path)?);
            Ok(())
        });
        each("audio", "wav", &mut |stem, path| {
            let audio = bytes(place, &path, AUDIO_BYTES_MAX)?.into();
            parts.audio.insert(stem, audio);
            Ok(())
        });
        each("tests", "toml", &mut |stem, path| {
            parts.tests.insert(stem, text(place, &path)?);
            Ok(())
        });
        (parts, faults)
    }

    /// Computes the digests of the parts.
    pub(crate) fn of(parts: Parts) -> Self {
        let tests_digest = digest(
            parts
                .tests
                .iter()
                .map(|(name, text)| (name.clone(), text.as_bytes())),
        );
        Self {
            id: parts.id(),
            component_digest: hexadecimal(&Sha256::digest(&parts.component)),
            tests_digest,
            parts,
        }
    }
}

impl Parts {
    /// The files that a version consists of, by their paths: all parts except the tests.
    pub(crate) fn files(&self) -> impl Iterator<Item = (String, &[u8])> {
        let component = std::iter::once(("flow.wasm".to_owned(), self.component.as_slice()));
        let manifest = self
            .manifest
            .iter()
            .map(|manifest| ("flow.toml".to_owned(), manifest.as_bytes()));
        let prompts = self
            .prompts
            .iter()
            .map(|(language, text)| (format!("prompts/{language}"), text.as_bytes()));
        let audio = self
            .audio
            .iter()
            .map(|(name, bytes)| (format!("audio/{name}"), &**bytes));
        component.chain(manifest).chain(prompts).chain(audio)
    }

    /// The version's id: the digest of its files.
    fn id(&self) -> VersionId {
        #[expect(clippy::expect_used, reason = "64 hexadecimal digits are an id")]
        VersionId::parse(digest(self.files())).expect("hexadecimal")
    }
}

/// The digest of several files. Each is hashed with its name and length, so that no two sets of
/// files have the same input.
fn digest<'a>(files: impl Iterator<Item = (String, &'a [u8])>) -> String {
    let mut digest = Sha256::new();
    for (name, bytes) in files {
        digest.update(format!("{name}\n{}\n", bytes.len()));
        digest.update(bytes);
    }
    hexadecimal(&digest.finalize())
}

fn few(folder: &Path, ending: &str) -> Result<Vec<(String, PathBuf)>, Fault> {
    let files = files(folder, ending)?;
    if files.len() > FILES_MAX {
        let reason = format!("`{}` has {} files", folder.display(), files.len());
        return Err(Fault::new(
            Step::Read,
            reason,
            &format!("keep at most {FILES_MAX}"),
        ));
    }
    Ok(files)
}

fn text(place: &Place, path: &Path) -> Result<String, Fault> {
    String::from_utf8(bytes(place, path, TEXT_BYTES_MAX)?).map_err(|error| {
        let is_utf_16 = matches!(error.as_bytes(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        let encoding = if is_utf_16 { "UTF-16" } else { "not UTF-8" };
        Fault::new(
            Step::Read,
            format!("`{}` is {encoding}", path.display()),
            "save it as UTF-8, which editors offer where they save",
        )
    })
}

fn bytes(place: &Place, path: &Path, max: u64) -> Result<Vec<u8>, Fault> {
    let real = place.inside(path)?;
    // opening a pipe would wait for its writer
    if !real.is_file() {
        let what = if real.is_dir() { "a folder" } else { "no file" };
        return Err(Fault::new(
            Step::Read,
            format!("`{}` is {what}", path.display()),
            "move it away, and put a file there",
        ));
    }
    let file = File::open(real).map_err(|error| unreadable(path, &error))?;
    let mut read = Vec::new();
    file.take(max + 1)
        .read_to_end(&mut read)
        .map_err(|error| unreadable(path, &error))?;
    if read.len() as u64 > max {
        let reason = format!("`{}` is larger than {} MiB", path.display(), max >> 20);
        let hint = match max {
            TEXT_BYTES_MAX => "make it smaller: it is a text that people write",
            AUDIO_BYTES_MAX => "make it smaller: shorten the recording, or lower its rate to 8 kHz",
            _ => "make it smaller: strip debug information",
        };
        return Err(Fault::new(Step::Read, reason, hint));
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_file_is_part_of_the_versions_identity() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = std::collections::BTreeSet::new();
        let id = || Source::read(&Place::folder(folder.path())).unwrap().id;
        fs::create_dir_all(folder.path().join("prompts")).unwrap();
        fs::create_dir_all(folder.path().join("audio")).unwrap();
        for file in [
            "flow.wasm",
            "flow.toml",
            "prompts/en-IN.ftl",
            "prompts/hi-IN.ftl",
            "audio/chime.wav",
        ] {
            fs::write(folder.path().join(file), "a").unwrap();
            assert!(seen.insert(id()), "{file}");
        }
        fs::write(folder.path().join("prompts/hi-IN.ftl"), "b").unwrap();
        assert!(seen.insert(id()));
        fs::write(folder.path().join("prompts/hi-IN.ftl"), "a").unwrap();
        assert!(!seen.insert(id()));
    }

    #[test]
    fn tests_are_read_and_seen_and_no_part_of_the_identity() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("flow.wasm"), "a").unwrap();
        let read = || Source::read(&Place::folder(folder.path())).unwrap();
        let (before, place) = (read(), Place::folder(folder.path()));
        fs::create_dir(folder.path().join("tests")).unwrap();
        fs::write(folder.path().join("tests/agrees.toml"), "[expect]").unwrap();
        let after = read();
        assert_eq!(
            (&after.id, after.parts.tests["agrees"].as_str()),
            (&before.id, "[expect]")
        );
        assert_ne!(after.tests_digest, before.tests_digest);
        assert!(!place.stands_still(), "the watcher sees it");
    }

    #[test]
    fn files_that_change_after_they_were_found_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("flow.wasm"), "half").unwrap();
        let place = Place::folder(folder.path());
        fs::write(folder.path().join("flow.wasm"), "half and half").unwrap();
        assert!(matches!(Source::read(&place), Err(Unread::Moving)));
    }
}
