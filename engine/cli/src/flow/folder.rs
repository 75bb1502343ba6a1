//! A flow's folder: its name, its language, and the conversation that its files describe.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use ghanti_catalogue::TEXT_BYTES_MAX;
use ghanti_codegen::{Conversation, python, rust, typescript};
use ghanti_model::{FlowName, Language as Tag};

use super::failure::Failure;

/// The folder of generated files for the toolchains. Not part of the flow.
pub const WRITTEN: &str = ".ghanti";
/// The component that the engine loads.
pub const COMPONENT: &str = "flow.wasm";

/// A language in which flows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// `Cargo.toml`
    Rust,
    /// `src/flow.ts`
    #[value(name = "typescript")]
    TypeScript,
    /// `flow.py`
    Python,
}

impl Language {
    const ALL: [Self; 3] = [Self::Rust, Self::TypeScript, Self::Python];

    /// Its name, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::TypeScript => "typescript",
            Self::Python => "python",
        }
    }

    /// The file by which this language is recognised.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::TypeScript => "src/flow.ts",
            Self::Python => "flow.py",
        }
    }

    /// The file of generated code, within [`WRITTEN`].
    pub fn generated(self) -> &'static str {
        match self {
            Self::Rust => "generated.rs",
            Self::TypeScript => "generated.ts",
            Self::Python => "generated.py",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::TypeScript => "TypeScript",
            Self::Python => "Python",
        })
    }
}

/// The folder of a flow's sources.
#[derive(Debug)]
pub struct Folder {
    /// Its absolute path.
    pub path: PathBuf,
    /// The flow's name, which is the folder's.
    pub name: FlowName,
    /// The language of its sources.
    pub language: Language,
}

impl Folder {
    /// Finds the flow in a folder.
    pub fn find(folder: &Path) -> Result<Self, Failure> {
        let shown = folder.display();
        let path = folder.canonicalize().map_err(|error| {
            Failure::Use(format!("cannot read the folder `{shown}`: {error}: create one with `ghanti flow new NAME --lang rust`"))
        })?;
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let name = FlowName::parse(name).map_err(|_| {
            Failure::Use(format!(
                "`{name}` is not a valid name of a flow: rename the folder, with letters, digits, `-`, `_` and `.`"
            ))
        })?;
        let found: Vec<_> = Language::ALL
            .into_iter()
            .filter(|language| path.join(language.sign()).is_file())
            .collect();
        let language = match found.as_slice() {
            [language] => *language,
            [] => {
                return Err(Failure::Use(format!(
                    "`{shown}` has neither `Cargo.toml` nor `src/flow.ts` nor `flow.py`: name a flow's folder, or create one with `ghanti flow new NAME --lang rust`"
                )));
            }
            several => {
                let signs: Vec<_> = several
                    .iter()
                    .map(|language| format!("`{}`", language.sign()))
                    .collect();
                return Err(Failure::Use(format!(
                    "`{shown}` has {}: a flow has one language, so remove the other files",
                    signs.join(" and ")
                )));
            }
        };
        if path.join("flow.toml").is_dir() {
            return Err(Failure::Use(format!(
                "`flow.toml` in `{shown}` is a folder: move it away, and put a file there"
            )));
        }
        if !path.join("flow.toml").is_file() {
            return Err(Failure::Use(format!(
                "`{shown}` has no `flow.toml`: create one, it may be empty"
            )));
        }
        Ok(Self {
            path,
            name,
            language,
        })
    }

    /// A path within the folder of generated files.
    pub fn written(&self, path: &str) -> PathBuf {
        self.path.join(WRITTEN).join(path)
    }

    /// Reads flow.toml and the prompt files, and generates the functions of their prompts and questions.
    pub fn generate(&self) -> Result<String, Failure> {
        let manifest = text(&self.path.join("flow.toml"))?;
        let conversation = Conversation::read(&manifest, &self.prompts()?)?;
        let generate = match self.language {
            Language::Rust => rust::generate,
            Language::TypeScript => typescript::generate,
            Language::Python => python::generate,
        };
        Ok(generate(&conversation)?)
    }

    fn prompts(&self) -> Result<BTreeMap<Tag, String>, Failure> {
        let folder = self.path.join("prompts");
        let mut prompts = BTreeMap::new();
        if !folder.is_dir() {
            return Ok(prompts);
        }
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
        for entry in entries {
            let path = entry.context("cannot read the folder of prompts")?.path();
            let Some(stem) = path
                .file_name()
                .and_then(|name| name.to_str()?.strip_suffix(".ftl"))
                .filter(|stem| !stem.starts_with('.'))
            else {
                continue;
            };
            let language = Tag::parse(stem).map_err(|error| {
                Failure::Use(format!(
                    "`prompts/{stem}.ftl` is not named after a language: {error}: rename the file"
                ))
            })?;
            prompts.insert(language, text(&path)?);
        }
        Ok(prompts)
    }
}

/// The text of a file.
fn text(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let file = fs::File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
    let mut bytes = Vec::new();
    file.take(TEXT_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read `{shown}`"))?;
    if u64::try_from(bytes.len()).is_ok_and(|bytes| bytes > TEXT_BYTES_MAX) {
        let mib = TEXT_BYTES_MAX >> 20;
        return Err(Failure::Use(format!(
            "`{shown}` is larger than {mib} MiB: make it smaller, it is a text that people write"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let is_utf_16 = matches!(error.as_bytes(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        let encoding = if is_utf_16 { "UTF-16" } else { "not UTF-8" };
        Failure::Use(format!(
            "`{shown}` is {encoding}: save it as UTF-8, which editors offer where they save"
        ))
    })
}

/// Writes a file if its content differs, by renaming, so that watchers see only complete files. Returns whether it wrote.
pub fn write_changed(path: &Path, content: &[u8]) -> anyhow::Result<bool> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    let failed = || format!("cannot write `{}`", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    fs::write(&part, content).with_context(failed)?;
    fs::rename(&part, path).with_context(failed)?;
    Ok(true)
}
