//! Loads a flow from its files as an engine does, for commands that take no calls.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use anyhow::Context;
use ghanti_catalogue::FlowFiles;
use ghanti_host::{CompileIn, EngineSettings, FlowEngine};
use tempfile::TempDir;

/// Loads flows; what was compiled is kept for the next command of the same user.
pub struct Loading {
    /// The loader.
    pub files: FlowFiles,
    /// Where nothing can be kept.
    _passing: Option<TempDir>,
}

impl Loading {
    /// Sets it up. Components are compiled by a process of their own, as in an engine.
    pub fn new() -> anyhow::Result<Self> {
        let compile_in = CompileIn::child_of_this_program()?;
        let engine = FlowEngine::new(&EngineSettings {
            max_calls: 2,
            compile_in,
            ..EngineSettings::default()
        })?;
        let (components, passing) = match kept() {
            Some(folder) => (folder, None),
            None => {
                let passing = tempfile::tempdir().context("cannot make a temporary folder")?;
                (passing.path().to_owned(), Some(passing))
            }
        };
        Ok(Self {
            files: FlowFiles::new(engine, components, Vec::new()),
            _passing: passing,
        })
    }
}

/// The folder of compiled components in the user's cache. Its code is trusted, so it is for the user
/// alone.
fn kept() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    let folder = cache.join("ghanti").join("components");
    let mut maker = DirBuilder::new();
    maker.recursive(true).mode(0o700).create(&folder).ok()?;
    Some(folder)
}
