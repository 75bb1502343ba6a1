//! Scans the sources of each plugin into a digest of everything that its flow is built from: code,
//! manifest, prompts and tests. Reads files; blocks.
//!
//! Changes are found by comparing digests. A notification therefore only means that it is time to
//! scan, and saving a file unchanged builds nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ghanti_model::FlowName;
use ghanti_server::FolderId;
use sha2::{Digest, Sha256};

use super::project::{Kind, Language, Project};

/// Of a larger file, only its beginning, size and modification time are read: sources are small,
/// and large data files must not be read every few seconds.
const FILE_BYTES: u64 = 1 << 20;
/// Maximum number of files of a plugin; further ones are ignored.
const FILES: usize = 5_000;
/// Maximum depth of source folders; deeper ones are ignored.
const DEPTH: usize = 16;
/// Build outputs and dependencies.
const BUILT: [&str; 4] = ["target", "node_modules", "__pycache__", "flow.wasm"];
/// Suffixes of temporary files of editors and compilers. vim creates `4913` to test whether it may
/// write.
const PASSING: [&str; 11] = [
    "~", "#", ".swp", ".swx", ".tmp", ".part", ".bak", ".orig", ".rej", ".pyc", "4913",
];

/// The state of some sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sources {
    /// A digest of file names and contents.
    pub digest: [u8; 32],
}

/// The result of a scan.
#[derive(Debug, Default)]
pub struct Found {
    /// The plugins to build.
    pub plugins: BTreeMap<FlowName, Sources>,
    /// Their languages.
    pub languages: BTreeMap<FlowName, Language>,
    /// Plugins that are not built, because they have no manifest, and where it belongs.
    pub without_manifest: Vec<(FlowName, PathBuf)>,
    /// All folders with sources, to be watched.
    pub folders: BTreeMap<PathBuf, FolderId>,
}

/// Whether a name does not belong to sources: it is hidden, a build output, or an editor's file.
pub fn is_passing(name: &str) -> bool {
    name.starts_with(['.', '#'])
        || BUILT.contains(&name)
        || PASSING.iter().any(|ending| name.ends_with(ending))
}

/// Scans all sources of a project.
pub fn scan(project: &Project) -> io::Result<Found> {
    let folders = project.folders()?;
    let mut walk = Walk::default();
    walk.listen(&project.plugins)?;
    let mut found = Found::default();
    let mut shared: BTreeMap<&FlowName, Sources> = BTreeMap::new();
    for (name, kind) in &folders {
        if matches!(kind, Kind::Shared(_)) {
            shared.insert(name, walk.sources(&[project.sources(name)])?);
        }
    }
    for (name, kind) in &folders {
        let Kind::Plugin(language) = *kind else {
            continue;
        };
        let manifest = project.manifest(name);
        if !manifest.exists() {
            found.without_manifest.push((name.clone(), manifest));
            continue;
        }
        let mut places = vec![project.sources(name)];
        places.extend(project.common(language));
        let own = walk.sources(&places)?;
        let concerning = |(other, kind): &&(FlowName, Kind)| {
            *kind == Kind::Shared(language) && shared.contains_key(other)
        };
        let others = folders
            .iter()
            .filter(concerning)
            .filter_map(|(other, _)| shared.get(other));
        found.plugins.insert(name.clone(), together(own, others));
        found.languages.insert(name.clone(), language);
    }
    found.folders = walk.folders;
    Ok(found)
}

fn together<'a>(own: Sources, others: impl Iterator<Item = &'a Sources>) -> Sources {
    let mut digest = Sha256::new_with_prefix(own.digest);
    for other in others {
        digest.update(other.digest);
    }
    Sources {
        digest: digest.finalize().into(),
    }
}

#[derive(Default)]
struct Walk {
    folders: BTreeMap<PathBuf, FolderId>,
}

impl Walk {
    fn listen(&mut self, folder: &Path) -> io::Result<()> {
        let found = fs::metadata(folder)?;
        self.folders
            .insert(folder.to_owned(), (found.dev(), found.ino()));
        Ok(())
    }

    /// A digest of files and folders. Anything that disappears during the scan is treated as
    /// absent.
    fn sources(&mut self, places: &[PathBuf]) -> io::Result<Sources> {
        let mut files = Vec::new();
        for place in places {
            self.gather(place, 0, &mut files)?;
        }
        files.sort();
        let mut digest = Sha256::new();
        for file in files {
            let Some(content) = gone_is_none(read(&file))? else {
                continue;
            };
            digest.update(file.as_os_str().as_encoded_bytes());
            digest.update([0]);
            digest.update(content);
        }
        Ok(Sources {
            digest: digest.finalize().into(),
        })
    }

    fn gather(&mut self, place: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
        let Some(found) = gone_is_none(fs::symlink_metadata(place))? else {
            return Ok(());
        };
        if !found.is_dir() {
            if files.len() < FILES && place.is_file() {
                files.push(place.to_owned());
            }
            return Ok(());
        }
        self.folders
            .insert(place.to_owned(), (found.dev(), found.ino()));
        let Some(entries) = gone_is_none(fs::read_dir(place))?.filter(|_| depth < DEPTH) else {
            return Ok(());
        };
        for entry in entries {
            let entry = entry?;
            if entry
                .file_name()
                .to_str()
                .is_some_and(|name| !is_passing(name))
            {
                self.gather(&entry.path(), depth + 1, files)?;
            }
        }
        Ok(())
    }
}

/// The digest of a file's content.
fn read(file: &Path) -> io::Result<[u8; 32]> {
    let mut opened = File::open(file)?;
    let about = opened.metadata()?;
    let mut digest = Sha256::new();
    let mut content = Vec::new();
    Read::by_ref(&mut opened)
        .take(FILE_BYTES)
        .read_to_end(&mut content)?;
    digest.update(&content);
    if about.len() > FILE_BYTES {
        digest.update(format!(
            "{} {} {}",
            about.len(),
            about.mtime(),
            about.mtime_nsec()
        ));
    }
    Ok(digest.finalize().into())
}

fn gone_is_none<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct House(tempfile::TempDir);

    impl House {
        /// A plugin in each language, shared sources for each, and a plugin without a manifest.
        fn new() -> Self {
            let house = Self(tempfile::tempdir().unwrap());
            let cdylib = "[lib]\ncrate-type = ['cdylib']";
            for (file, text) in [
                ("wit/dialog.wit", "package"),
                ("plugins/Cargo.toml", "[workspace]"),
                ("plugins/rs/Cargo.toml", cdylib),
                ("plugins/rs/src/lib.rs", "fn"),
                ("plugins/words/Cargo.toml", "[lib]"),
                ("plugins/ts/src/flow.ts", "let"),
                ("plugins/javascript/prelude.ts", "let"),
                ("plugins/py/flow.py", "def"),
                ("plugins/python/requirements.txt", "x"),
                ("plugins/new/flow.py", "def"),
                ("plugins/rs/flow.toml", ""),
                ("plugins/ts/flow.toml", ""),
                ("plugins/py/flow.toml", ""),
            ] {
                house.write(file, text);
            }
            house
        }

        fn write(&self, file: &str, text: &str) {
            let file = self.0.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }

        fn scan(&self) -> Found {
            scan(
                &Project::find(&self.0.path().join("plugins"), &self.0.path().join("flows"))
                    .unwrap(),
            )
            .unwrap()
        }

        /// The plugins whose digest changes with a file.
        fn concerned(&self, file: &str) -> String {
            let before = self.scan().plugins;
            self.write(file, "something else");
            let after = self.scan().plugins;
            assert!(before.keys().eq(after.keys()), "{before:?} {after:?}");
            let changed = before
                .keys()
                .filter(|name| before[name].digest != after[name].digest);
            changed.map(FlowName::as_str).collect::<Vec<_>>().join(" ")
        }
    }

    #[test]
    fn a_file_concerns_the_plugins_that_are_made_of_it() {
        let house = House::new();
        for (file, concerned) in [
            ("plugins/rs/src/lib.rs", "rs"),
            ("plugins/rs/src/deep/er/words.rs", "rs"),
            ("plugins/py/flow.py", "py"),
            ("plugins/py/another.py", "py"),
            ("plugins/words/src/lib.rs", "rs"),
            ("plugins/Cargo.lock", "rs"),
            ("plugins/javascript/prelude.ts", "ts"),
            ("plugins/python/requirements.txt", "py"),
            ("wit/dialog.wit", "py rs ts"),
            ("plugins/rs/flow.toml", "rs"),
            ("plugins/ts/prompts/en-IN.ftl", "ts"),
            ("plugins/py/tests/agrees.toml", "py"),
            ("flows/rs/flow.toml", ""),
            ("plugins/README.md", ""),
        ] {
            assert_eq!(house.concerned(file), concerned, "{file}");
        }
    }

    #[test]
    fn what_is_built_or_left_by_editors_concerns_nobody() {
        let house = House::new();
        for file in [
            "plugins/target/release/x.rs",
            "plugins/rs/target/x.rs",
            "plugins/ts/node_modules/a/index.ts",
            "plugins/ts/flow.wasm",
            "plugins/ts/.ghanti/entry.ts",
            "plugins/py/__pycache__/flow.cpython-311.pyc",
            "plugins/py/.flow.py.swp",
            "plugins/py/flow.py~",
            "plugins/py/#flow.py#",
            "plugins/py/.#flow.py",
            "plugins/py/4913",
            "plugins/py/flow.py.tmp",
        ] {
            assert_eq!(house.concerned(file), "", "{file}");
        }
        let folders = house.scan().folders;
        assert!(
            !folders
                .keys()
                .any(|folder| folder.ends_with("target") || folder.ends_with("node_modules")),
            "{folders:?}"
        );
    }

    #[test]
    fn a_plugin_without_a_manifest_is_reported_and_taken_once_it_has_one() {
        let house = House::new();
        let found = house.scan();
        let without: Vec<_> = found
            .without_manifest
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(without, ["new"]);
        assert_eq!(found.plugins.len(), 3);
        house.write("plugins/new/flow.toml", "");
        let found = house.scan();
        assert_eq!((found.without_manifest.len(), found.plugins.len()), (0, 4));
    }

    #[test]
    fn a_file_that_is_saved_as_it_was_looks_the_same() {
        let house = House::new();
        let py = |found: &Found| found.plugins[&FlowName::parse("py").unwrap()];
        let before = py(&house.scan());
        let file = house.0.path().join("plugins/py/flow.py");
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
        File::options()
            .write(true)
            .open(file)
            .unwrap()
            .set_modified(later)
            .unwrap();
        let after = py(&house.scan());
        assert_eq!(before, after);
    }

    #[test]
    fn links_in_a_circle_are_no_sources() {
        let house = House::new();
        std::os::unix::fs::symlink("..", house.0.path().join("plugins/py/up")).unwrap();
        std::os::unix::fs::symlink("nowhere", house.0.path().join("plugins/py/dangling.py"))
            .unwrap();
        assert_eq!(house.scan().plugins.len(), 3);
    }
}
