//! The plugins of a project, their languages and their source folders. Reads files and writes none.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use anyhow::{Context, bail};
use ghanti_model::FlowName;

use super::sources::is_passing;

/// The folders of a project, as absolute paths.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder in which builds run.
    pub root: PathBuf,
    /// The plugins' sources, one folder each.
    pub plugins: PathBuf,
    /// The folder that the engine loads flows from.
    pub flows: PathBuf,
}

/// The language that a plugin is written in, recognised by a file in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `Cargo.toml`
    Rust,
    /// `src/flow.ts`
    TypeScript,
    /// `flow.py`
    Python,
}

/// The kind of a folder among the plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A flow's sources.
    Plugin(Language),
    /// Sources that all plugins of a language may use.
    Shared(Language),
}

impl Project {
    /// Locates the project that contains a folder of plugins.
    pub fn find(plugins: &Path, flows: &Path) -> anyhow::Result<Self> {
        let plugins = plugins.canonicalize().with_context(|| {
            format!(
                "cannot read the plugins' sources in `{}`: name their folder with --plugins, or take `ghanti serve --dev`",
                plugins.display()
            )
        })?;
        let Some(root) = plugins.parent().map(Path::to_owned) else {
            bail!(
                "`{}` is not in a project: name another folder",
                plugins.display()
            )
        };
        Ok(Self {
            root,
            plugins,
            flows: std::path::absolute(flows)?,
        })
    }

    /// The plugins and shared folders in the folder of plugins, sorted by name. Everything else is
    /// ignored.
    pub fn folders(&self) -> io::Result<Vec<(FlowName, Kind)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.plugins)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name
                .to_str()
                .filter(|name| !is_passing(name))
                .and_then(|name| FlowName::parse(name).ok())
            else {
                continue;
            };
            if let Some(kind) = Kind::of(&entry.path()) {
                found.push((name, kind));
            }
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }

    /// Folders that plugins of a language depend on besides their own and the shared ones of their
    /// language.
    pub fn common(&self, language: Language) -> Vec<PathBuf> {
        let mut common = vec![self.root.join("wit")];
        if language == Language::Rust {
            common.extend([
                self.plugins.join("Cargo.toml"),
                self.plugins.join("Cargo.lock"),
            ]);
        }
        common
    }

    /// The folder of a plugin's sources.
    pub fn sources(&self, plugin: &FlowName) -> PathBuf {
        self.plugins.join(plugin.as_str())
    }

    /// The path of a plugin's built component.
    pub fn component(&self, plugin: &FlowName) -> PathBuf {
        self.flows.join(plugin.as_str()).join("flow.wasm")
    }

    /// The path of a plugin's manifest, without which it is not built.
    pub fn manifest(&self, plugin: &FlowName) -> PathBuf {
        self.sources(plugin).join("flow.toml")
    }
}

impl Kind {
    /// The kind of a folder, if it is a plugin or shared. A crate is a plugin if its crate types
    /// include `cdylib`.
    fn of(folder: &Path) -> Option<Self> {
        if folder.join("flow.py").is_file() {
            return Some(Kind::Plugin(Language::Python));
        }
        if folder.join("src/flow.ts").is_file() {
            return Some(Kind::Plugin(Language::TypeScript));
        }
        if let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) {
            let is_plugin = makes_cdylib(&manifest);
            return Some(if is_plugin {
                Kind::Plugin(Language::Rust)
            } else {
                Kind::Shared(Language::Rust)
            });
        }
        match folder.file_name()?.to_str()? {
            "javascript" => Some(Kind::Shared(Language::TypeScript)),
            "python" => Some(Kind::Shared(Language::Python)),
            _ => None,
        }
    }
}

fn makes_cdylib(manifest: &str) -> bool {
    let manifest: Option<toml::Table> = manifest.parse().ok();
    let kinds = manifest
        .as_ref()
        .and_then(|manifest| manifest.get("lib")?.get("crate-type")?.as_array());
    kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind.as_str() == Some("cdylib")))
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Language::Rust => "Rust",
            Language::TypeScript => "TypeScript",
            Language::Python => "Python",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugins_of_this_repository_are_distinguished_from_shared_folders() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let project = Project::find(&root.join("plugins"), &root.join("flows")).unwrap();
        let folders = project.folders().unwrap();
        let kind = |name: &str| {
            folders
                .iter()
                .find(|(found, _)| found.as_str() == name)
                .map(|(_, kind)| *kind)
        };
        assert_eq!(kind("emi-reminder"), Some(Kind::Plugin(Language::Rust)));
        assert_eq!(
            kind("appointment"),
            Some(Kind::Plugin(Language::TypeScript))
        );
        assert_eq!(kind("survey"), Some(Kind::Plugin(Language::Python)));
        assert_eq!(kind("sdk-rust"), Some(Kind::Shared(Language::Rust)));
        assert_eq!(kind("javascript"), Some(Kind::Shared(Language::TypeScript)));
        assert_eq!((kind("fixtures"), kind("target")), (None, None));
    }

    #[test]
    fn a_missing_folder_of_plugins_is_an_error_with_a_hint() {
        let reported = Project::find(Path::new("nowhere"), Path::new("flows"))
            .unwrap_err()
            .to_string();
        assert!(
            reported.contains("`nowhere`") && reported.contains("--plugins"),
            "{reported}"
        );
    }
}
