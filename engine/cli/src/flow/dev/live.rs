//! The folder from which an author's engine loads: prompts and flow.toml as they were last saved, and
//! the component that was last built. Components here have already been compiled, so that prompts
//! never wait for a compilation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::flow::folder::{COMPONENT, Folder, WRITTEN, write_changed};

/// Folders whose files take effect without a build, with the extension of these files.
const WITHOUT_BUILD: [(&str, &str); 2] = [("prompts", "ftl"), ("audio", "wav")];
const MANIFEST: &str = "flow.toml";
/// The folder of the flow's tests, which are run when they are saved.
const TESTS: &str = "tests";

/// The folders of the live version.
#[derive(Debug)]
pub struct Live {
    /// The flow's folder.
    from: PathBuf,
    /// The engine's folder of data.
    pub data: PathBuf,
    /// The engine's folder of flows.
    pub flows: PathBuf,
    /// The folder of this flow in it.
    to: PathBuf,
}

impl Live {
    /// The folders for a flow, within its `.ghanti/`.
    pub fn of(folder: &Folder) -> Self {
        let work = folder.path.join(WRITTEN).join("dev");
        let flows = work.join("flows");
        Self {
            from: folder.path.clone(),
            data: work.join("data"),
            to: flows.join(folder.name.as_str()),
            flows,
        }
    }

    /// The engine's folder of compiled components.
    pub fn components(&self) -> PathBuf {
        self.data.join("components")
    }

    /// The folders whose files take effect without a build, and that of the tests.
    pub fn folders(&self) -> Vec<PathBuf> {
        let words = WITHOUT_BUILD
            .iter()
            .map(|(folder, _)| self.from.join(folder));
        let tests = self.from.join(TESTS);
        let all = std::iter::once(self.from.clone())
            .chain(words)
            .chain([tests]);
        all.filter(|folder| folder.is_dir()).collect()
    }

    /// The saved tests, by file. Blocks.
    pub fn tests(&self) -> BTreeMap<String, Vec<u8>> {
        let folder = self.from.join(TESTS);
        let read = |name: String| {
            let text = fs::read(folder.join(&name)).ok()?;
            Some((name, text))
        };
        names(&folder, "toml")
            .into_iter()
            .filter_map(read)
            .collect()
    }

    /// Publishes the saved prompts and flow.toml with the live component. Returns whether any has
    /// changed. Blocks.
    pub fn publish_prompts(&self) -> anyhow::Result<bool> {
        if !self.to.join(COMPONENT).is_file() {
            return Ok(false);
        }
        self.publish_all_prompts()
    }

    fn publish_all_prompts(&self) -> anyhow::Result<bool> {
        let mut is_new = self.copy_changed(Path::new(MANIFEST))?;
        for (folder, ending) in WITHOUT_BUILD {
            let (saved, there) = (
                names(&self.from.join(folder), ending),
                names(&self.to.join(folder), ending),
            );
            for name in &saved {
                is_new |= self.copy_changed(&Path::new(folder).join(name))?;
            }
            for name in there.difference(&saved) {
                let gone = self.to.join(folder).join(name);
                fs::remove_file(&gone)
                    .with_context(|| format!("cannot remove `{}`", gone.display()))?;
                is_new = true;
            }
        }
        Ok(is_new)
    }

    /// Publishes the component that was last built, with its prompts. Blocks.
    pub fn publish_component(&self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.flows)
            .with_context(|| format!("cannot create the folder `{}`", self.flows.display()))?;
        if self.from.join(COMPONENT).is_file() {
            self.publish_all_prompts()?;
            self.copy_changed(Path::new(COMPONENT))?;
        }
        Ok(())
    }

    fn copy_changed(&self, file: &Path) -> anyhow::Result<bool> {
        let path = self.from.join(file);
        match fs::read(&path) {
            // it does not exist yet, or an editor is just replacing it
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
            Ok(content) => write_changed(&self.to.join(file), &content),
        }
    }
}

/// The files of a folder with an extension, without hidden ones.
fn names(folder: &Path, ending: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_meant = |name: &String| {
        !name.starts_with('.')
            && Path::new(name)
                .extension()
                .is_some_and(|found| found == ending)
    };
    names.filter(is_meant).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::folder::Language;
    use ghanti_model::FlowName;

    #[test]
    fn saved_prompts_are_live_without_a_component_and_removed_ones_are_gone() {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().to_owned();
        let write = |file: &str, text: &str| {
            let file = path.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        for file in [
            "flow.toml",
            "prompts/en-IN.ftl",
            "prompts/hi-IN.ftl",
            "prompts/.en.swp",
            "tests/a.toml",
            "flow.wasm",
        ] {
            write(file, "1");
        }
        let live = Live::of(&Folder {
            path: path.clone(),
            name: FlowName::parse("visit").unwrap(),
            language: Language::Rust,
        });
        let there = |file: &str| fs::read_to_string(live.to.join(file)).ok();
        assert!(
            !live.publish_prompts().unwrap(),
            "there is no component yet"
        );
        live.publish_component().unwrap();
        assert!(!live.publish_prompts().unwrap(), "nothing has changed");
        for file in ["prompts/en-IN.ftl", "flow.wasm"] {
            assert_eq!(there(file).as_deref(), Some("1"), "{file}");
        }
        for file in ["tests/a.toml", "prompts/.en.swp"] {
            assert_eq!(there(file), None, "{file}");
        }
        write("prompts/en-IN.ftl", "2");
        write("flow.wasm", "2");
        fs::remove_file(path.join("prompts/hi-IN.ftl")).unwrap();
        assert!(live.publish_prompts().unwrap());
        assert_eq!(
            (
                there("prompts/en-IN.ftl").as_deref(),
                there("prompts/hi-IN.ftl"),
                there("flow.wasm")
            ),
            (Some("2"), None, Some("1".to_owned()))
        );
        live.publish_component().unwrap();
        assert_eq!(there("flow.wasm").as_deref(), Some("2"));
    }
}
