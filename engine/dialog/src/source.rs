//! The files of a flow, read once: `flows/NAME/{flow.wasm, flow.toml, prompts/*.ftl, audio/*.wav}`, or `flows/NAME.wasm` alone.
//!
//! What is read here is the whole version: later changes of the files do not reach calls that run. Reading blocks.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use samvaad_model::{FlowName, Language, VersionId};
use sha2::{Digest, Sha256};

use crate::load::{Fault, Rejection, Step};

/// The largest component taken: a Python interpreter with its libraries has 18 MB.
const COMPONENT_BYTES_MAX: u64 = 32 << 20;
/// The largest manifest or prompt file taken.
const TEXT_BYTES_MAX: u64 = 1 << 20;
/// The largest audio file taken: nearly three minutes at 24 kHz.
const AUDIO_BYTES_MAX: u64 = 8 << 20;
/// How many prompt files, and how many audio files, a flow may have.
const FILES_MAX: usize = 256;

/// Where a flow lies.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// `flows/NAME/`
    Folder(PathBuf),
    /// `flows/NAME.wasm`
    Bare(PathBuf),
}

/// All files of a flow.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) component: Vec<u8>,
    pub(crate) manifest: Option<String>,
    pub(crate) prompts: BTreeMap<Language, String>,
    pub(crate) audio: BTreeMap<String, Arc<[u8]>>,
}

/// The flows in a folder, and what in it looks like a flow and is none. Hidden files and files of other kinds are passed over.
pub(crate) fn places(folder: &Path) -> io::Result<(BTreeMap<FlowName, Place>, Vec<Rejection>)> {
    let (mut places, mut rejections) = (BTreeMap::new(), Vec::new());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(file) = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.')) else { continue };
        let (name, place) = match file.strip_suffix(".wasm") {
            Some(name) => (name, Place::Bare(path.clone())),
            None if path.is_dir() => (file, Place::Folder(path.clone())),
            None => continue,
        };
        let reject = |reason: String, mend: &str| Rejection::new(file, Fault::new(Step::Read, reason, mend));
        let Ok(name) = FlowName::parse(name) else {
            rejections.push(reject(format!("`{name}` is no name of a flow"), "rename it: letters, digits, `-`, `_` and `.`"));
            continue;
        };
        let twice = places.contains_key(&name);
        // the folder wins over the bare component of the same name, in whichever order they are read
        if !twice || matches!(place, Place::Folder(_)) {
            places.insert(name.clone(), place);
        }
        if twice {
            rejections.push(reject(format!("`{name}.wasm` and the folder `{name}` name the same flow"), "remove one of them"));
        }
    }
    Ok((places, rejections))
}

impl Source {
    pub(crate) fn read(place: &Place) -> Result<Self, Fault> {
        let folder = match place {
            Place::Bare(path) => {
                let component = bytes(path, COMPONENT_BYTES_MAX)?;
                return Ok(Self { component, manifest: None, prompts: BTreeMap::new(), audio: BTreeMap::new() });
            }
            Place::Folder(folder) => folder,
        };
        let component = bytes(&folder.join("flow.wasm"), COMPONENT_BYTES_MAX)?;
        let manifest = folder.join("flow.toml");
        let manifest = if manifest.exists() { Some(text(&manifest)?) } else { None };
        let mut prompts = BTreeMap::new();
        for (stem, path) in files(&folder.join("prompts"), "ftl")? {
            let language = Language::parse(&stem).map_err(|error| {
                Fault::new(Step::Prompts, format!("`prompts/{stem}.ftl` is named after no language: {error}"), "rename the file")
            })?;
            prompts.insert(language, text(&path)?);
        }
        let audio = files(&folder.join("audio"), "wav")?.into_iter();
        let audio = audio.map(|(stem, path)| Ok((stem, bytes(&path, AUDIO_BYTES_MAX)?.into()))).collect::<Result<_, Fault>>()?;
        Ok(Self { component, manifest, prompts, audio })
    }

    /// The digest of the component alone, under which its compiled form is kept.
    pub(crate) fn component_digest(&self) -> String {
        hex(&Sha256::digest(&self.component))
    }

    /// The digest of all that makes the version. Each part goes in with its name and length, so that no two sets of files are alike.
    pub(crate) fn id(&self) -> VersionId {
        let mut digest = Sha256::new();
        let mut add = |name: &str, bytes: &[u8]| {
            digest.update(format!("{name}\n{}\n", bytes.len()));
            digest.update(bytes);
        };
        add("flow.wasm", &self.component);
        if let Some(manifest) = &self.manifest {
            add("flow.toml", manifest.as_bytes());
        }
        for (language, text) in &self.prompts {
            add(&format!("prompts/{language}"), text.as_bytes());
        }
        for (name, bytes) in &self.audio {
            add(&format!("audio/{name}"), bytes);
        }
        #[expect(clippy::expect_used, reason = "64 hexadecimal digits are an id")]
        VersionId::parse(hex(&digest.finalize())).expect("hexadecimal")
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Files of one kind in a folder, by their names without the ending. A folder that is not there has none.
fn files(folder: &Path, ending: &str) -> Result<Vec<(String, PathBuf)>, Fault> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| !stem.starts_with('.')) else { continue };
        if path.extension().is_some_and(|found| found == ending) {
            files.push((stem.to_owned(), path.clone()));
        }
    }
    if files.len() > FILES_MAX {
        let reason = format!("`{}` has {} files", folder.display(), files.len());
        return Err(Fault::new(Step::Read, reason, &format!("keep at most {FILES_MAX}")));
    }
    Ok(files)
}

fn text(path: &Path) -> Result<String, Fault> {
    String::from_utf8(bytes(path, TEXT_BYTES_MAX)?)
        .map_err(|_| Fault::new(Step::Read, format!("`{}` is not UTF-8", path.display()), "save it as UTF-8"))
}

fn bytes(path: &Path, max: u64) -> Result<Vec<u8>, Fault> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut read = Vec::new();
    file.take(max + 1).read_to_end(&mut read).map_err(|error| unreadable(path, &error))?;
    if read.len() as u64 > max {
        let reason = format!("`{}` is larger than {} MiB", path.display(), max >> 20);
        return Err(Fault::new(Step::Read, reason, "make it smaller: strip debug information, shorten recordings"));
    }
    Ok(read)
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let mend = if error.kind() == io::ErrorKind::NotFound { "put it there" } else { "check the file and its permissions" };
    Fault::new(Step::Read, format!("cannot read `{}`: {error}", path.display()), mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_part_of_the_versions_identity() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Folder(folder.path().to_owned());
        let mut seen = std::collections::BTreeSet::new();
        fs::create_dir_all(folder.path().join("prompts")).unwrap();
        fs::create_dir_all(folder.path().join("audio")).unwrap();
        for file in ["flow.wasm", "flow.toml", "prompts/en-IN.ftl", "prompts/hi-IN.ftl", "audio/chime.wav"] {
            fs::write(folder.path().join(file), "a").unwrap();
            assert!(seen.insert(Source::read(&place).unwrap().id()), "{file}");
        }
        fs::write(folder.path().join("prompts/hi-IN.ftl"), "b").unwrap();
        assert!(seen.insert(Source::read(&place).unwrap().id()));
        fs::write(folder.path().join("prompts/hi-IN.ftl"), "a").unwrap();
        assert!(!seen.insert(Source::read(&place).unwrap().id()));
    }

    #[test]
    fn two_flows_of_one_name_are_told_and_the_folder_wins() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("emi")).unwrap();
        for file in ["emi.wasm", "b ad.wasm", ".hidden.wasm", "notes.txt"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let (places, rejections) = places(folder.path()).unwrap();
        assert_eq!(places.len(), 1);
        assert!(matches!(places.values().next(), Some(Place::Folder(_))));
        assert_eq!(rejections.len(), 2, "{rejections:?}");
    }
}
