//! Loads a flow from its files as an engine does, for commands that do not serve calls.

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

/// Loads flows; compiled components are cached for the user's next command.
pub struct Loading {
    /// The loader.
    pub files: FlowFiles,
    /// The cache, if the user has no cache folder.
    _temporary: Option<TempDir>,
}

impl Loading {
    /// A loader for one conversation at a time.
    pub fn new() -> anyhow::Result<Self> {
        Self::with(2, None, Vec::new())
    }

    /// A loader for versions of a flow that is being written: unchanged functions of a component are not
    /// compiled again. `components` is the engine's folder of compiled components.
    pub fn for_author(components: PathBuf) -> anyhow::Result<Self> {
        let engine = engine(2, REMEMBERED_BYTES)?;
        Ok(Self {
            files: FlowFiles::new(engine, components, Vec::new()),
            _temporary: None,
        })
    }

    /// A loader for this many conversations at once. Components are compiled by a child process, as in an engine, and
    /// cached in `cache` or, without it, in the user's cache folder. `agents` are the numbers of the
    /// transfer target `default` for flows that grant none.
    pub fn with(
        conversations: u32,
        cache: Option<&Path>,
        agents: Vec<PhoneNumber>,
    ) -> anyhow::Result<Self> {
        let engine = engine(conversations, 0)?;
        let user_cache = match cache {
            Some(cache) => Some(named(cache)?),
            None => user_cache(),
        };
        let (components, passing) = match user_cache {
            Some(folder) => (folder, None),
            None => {
                let passing = tempfile::tempdir().context(
                    "cannot create a temporary folder: set TMPDIR to one that can be written",
                )?;
                (passing.path().to_owned(), Some(passing))
            }
        };
        Ok(Self {
            files: FlowFiles::new(engine, components, agents),
            _temporary: passing,
        })
    }

    /// The same without an operator's policy: everything that the manifests grant is granted.
    pub fn offline(self) -> Self {
        Self {
            files: self.files.offline(),
            ..self
        }
    }
}

/// An engine without calls, for this many conversations at once.
fn engine(conversations: u32, remembered_bytes: u64) -> anyhow::Result<FlowEngine> {
    let defaults = EngineSettings::default();
    Ok(FlowEngine::new(&EngineSettings {
        max_calls: 1,
        spare_instances: defaults.spare_instances.saturating_add(conversations),
        remembered_bytes,
        compile_in: CompileIn::child_of_this_program()?,
        ..defaults
    })?)
}

/// The folder of compiled components in a named cache folder.
fn named(cache: &Path) -> anyhow::Result<PathBuf> {
    let folder = cache.join("components");
    std::fs::create_dir_all(&folder).with_context(|| {
        format!(
            "cannot create the folder `{}`: name another one with --cache",
            folder.display()
        )
    })?;
    Ok(folder)
}

/// The folder of compiled components in the user's cache. Its code is trusted, so only the user may
/// access it.
fn user_cache() -> Option<PathBuf> {
    let folder = cache::folder()?.join("components");
    let mut maker = DirBuilder::new();
    maker.recursive(true).mode(0o700).create(&folder).ok()?;
    Some(folder)
}
