//! Loads a flow from its files as an engine does, for commands that take no calls.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ghanti_catalogue::FlowFiles;
use ghanti_host::{CompileIn, EngineSettings, FlowEngine};
use ghanti_model::PhoneNumber;
use ghanti_server::open::REMEMBERED_BYTES;
use tempfile::TempDir;

use super::cache;

/// Loads flows; what was compiled is kept for the next command of the same user.
pub struct Loading {
    /// The loader.
    pub files: FlowFiles,
    /// Where nothing can be kept.
    _passing: Option<TempDir>,
}

impl Loading {
    /// What loads flows for one conversation at a time.
    pub fn new() -> anyhow::Result<Self> {
        Self::with(2, None, Vec::new())
    }

    /// What loads the versions of a flow that is being written: what of a component was compiled
    /// before is not compiled again. `components` is the folder of compiled components of the engine
    /// that takes them.
    pub fn beside(components: PathBuf) -> anyhow::Result<Self> {
        let engine = engine(2, REMEMBERED_BYTES)?;
        Ok(Self {
            files: FlowFiles::new(engine, components, Vec::new()),
            _passing: None,
        })
    }

    /// What loads flows for so many calls. Components are compiled by a process of their own, as in an
    /// engine, and kept in `cache` or, without one, in the user's. `agents` are the numbers of the
    /// transfer target `default` for flows that grant none.
    pub fn with(
        max_calls: u32,
        cache: Option<&Path>,
        agents: Vec<PhoneNumber>,
    ) -> anyhow::Result<Self> {
        let engine = engine(max_calls, 0)?;
        let kept = match cache {
            Some(cache) => Some(named(cache)?),
            None => kept(),
        };
        let (components, passing) = match kept {
            Some(folder) => (folder, None),
            None => {
                let passing = tempfile::tempdir().context(
                    "cannot make a temporary folder: set TMPDIR to one that can be written",
                )?;
                (passing.path().to_owned(), Some(passing))
            }
        };
        Ok(Self {
            files: FlowFiles::new(engine, components, agents),
            _passing: passing,
        })
    }

    /// The same for flows whose operator is not there: whatever they are granted is granted.
    pub fn offline(self) -> Self {
        Self {
            files: self.files.offline(),
            ..self
        }
    }
}

fn engine(max_calls: u32, remembered_bytes: u64) -> anyhow::Result<FlowEngine> {
    Ok(FlowEngine::new(&EngineSettings {
        max_calls,
        remembered_bytes,
        compile_in: CompileIn::child_of_this_program()?,
        ..EngineSettings::default()
    })?)
}

/// The folder of compiled components in one that was named.
fn named(cache: &Path) -> anyhow::Result<PathBuf> {
    let folder = cache.join("components");
    std::fs::create_dir_all(&folder).with_context(|| {
        format!(
            "cannot make the folder `{}`: name another by --cache",
            folder.display()
        )
    })?;
    Ok(folder)
}

/// The folder of compiled components in the user's cache. Its code is trusted, so it is for the user
/// alone.
fn kept() -> Option<PathBuf> {
    let folder = cache::folder()?.join("components");
    let mut maker = DirBuilder::new();
    maker.recursive(true).mode(0o700).create(&folder).ok()?;
    Some(folder)
}
