//! Compiles components to machine code, and caches the machine code in a folder.
//!
//! A component comes from anyone who can put a file into the flows folder, and the recursion and
//! allocations of parsers and compilers depend on their input. So its bytes are parsed by a child
//! process with limits ([`child`], [`inside`]); this process only uses the child's output. A
//! component that crashed the child is not tried again ([`verdicts`]).
//!
//! A file of machine code is its SHA-256 followed by the code. The file's name contains the
//! component's digest and a hash of the wasmtime version, configuration, processor and contract, so
//! that another engine's file is not even opened. Unusable files are compiled again and replaced.

pub(crate) mod bounds;
mod child;
pub(crate) mod inside;
mod verdicts;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ghanti_model::Described;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use wasmtime::component::Component;

use crate::compile::child::Failure;
use crate::contract;
use crate::engine::{CompileIn, FlowEngine};
use crate::rejection::{Fault, Step};
use crate::run::Program;

/// How many components are compiled at once; the compiler itself uses all processors that calls
/// leave idle.
const COMPILATIONS: usize = 2;
/// Length of a SHA-256 digest.
const DIGEST_BYTES: usize = 32;
/// The permissions by which other users write.
const OTHERS_WRITE: u32 = 0o022;

/// Where machine code came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The component was compiled now.
    Compiled,
    /// The cache had it.
    Cached,
    /// Shared with a loaded version that has the same component.
    Shared,
}

/// Compiles components, each only once.
#[derive(Debug, Clone)]
pub struct Compiler {
    engine: FlowEngine,
    folder: PathBuf,
    permits: Arc<Semaphore>,
}

impl Compiler {
    /// `folder` is where compiled components are cached.
    pub fn new(engine: FlowEngine, folder: PathBuf) -> Self {
        Self {
            engine,
            folder,
            permits: Arc::new(Semaphore::new(COMPILATIONS)),
        }
    }

    /// Compiles and links a component, or takes its machine code from the cache, and asks it for its
    /// description. `digest` is the component's.
    pub fn build<'a>(
        &'a self,
        component: Vec<u8>,
        digest: &'a str,
    ) -> BoxFuture<'a, Result<(Program, Described, Origin), Fault>> {
        self.build_here(component, digest).boxed()
    }

    async fn build_here(
        &self,
        component: Vec<u8>,
        digest: &str,
    ) -> Result<(Program, Described, Origin), Fault> {
        let (component, origin) = self.compile(component, digest).await?;
        let engine = self.engine.clone();
        // linking takes milliseconds, and does not wait for compilations
        let program = self
            .engine
            .loader_pool()
            .run_light(move || Program::link(&engine, &component))
            .await
            .map_err(|error| {
                Fault::new(
                    Step::Link,
                    format!("it failed: {error}"),
                    "report it with the flow's files",
                )
            })??;
        let described = program.describe().await?;
        Ok((program, described, origin))
    }

    /// Checks and compiles a component, or takes its machine code from the cache.
    async fn compile(
        &self,
        component: Vec<u8>,
        digest: &str,
    ) -> Result<(Component, Origin), Fault> {
        // a cache hit does not wait for running compilations; after waiting, the code may be in the
        // cache
        if let Some(kept) = self.kept(digest).await? {
            return Ok((kept, Origin::Cached));
        }
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|error| failed(&error.to_string()))?;
        if let Some(kept) = self.kept(digest).await? {
            return Ok((kept, Origin::Cached));
        }
        let compiled = match self.engine.compile_in() {
            CompileIn::ThisProcess => {
                let engine = self.engine.clone();
                self.aside(move || {
                    contract::check(&component)?;
                    Component::from_binary(engine.wasmtime(), &component)
                        .map_err(|error| broken(&error))
                })
                .await??
            }
            CompileIn::Child(program) => self.compile_in_child(program, component, digest).await?,
        };
        let file = self.file(digest, "cwasm");
        self.aside(move || {
            if let Err(error) = keep(&compiled, &file) {
                tracing::warn!(file = %file.display(), error, "compiled flow cannot be kept, so that the next start compiles it again");
            }
            Ok((compiled, Origin::Compiled))
        })
        .await?
    }

    async fn kept(&self, digest: &str) -> Result<Option<Component>, Fault> {
        let (engine, file) = (self.engine.clone(), self.file(digest, "cwasm"));
        self.aside(move || kept(&engine, &file)).await
    }

    async fn compile_in_child(
        &self,
        program: &Path,
        component: Vec<u8>,
        digest: &str,
    ) -> Result<Component, Fault> {
        let bounds = bounds::Bounds::of(component.len());
        let verdict = self.file(digest, "rejected");
        if let Some(fault) = verdicts::read(&verdict, &bounds) {
            tracing::info!(%digest, "component is not tried again: its compiler did not survive it");
            return Err(fault);
        }
        tracing::debug!(%digest, bytes = component.len(), "component is compiled by a process of its own");
        let code = child::compile(&self.engine, program, component, &bounds)
            .await
            .map_err(|failure| match failure {
                Failure::Passing(fault) => fault,
                Failure::Lasting(fault) => {
                    verdicts::keep(&verdict, &bounds, &fault);
                    fault
                }
            })?;
        let engine = self.engine.clone();
        self.aside(move || usable(&engine, &code).map_err(|error| broken(&error)))
            .await?
    }

    fn file(&self, digest: &str, ending: &str) -> PathBuf {
        self.folder.join(format!(
            "{digest}-{:016x}.{ending}",
            self.engine.compatibility()
        ))
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        self.engine.loader_pool().run(work).await.map_err(failed)
    }
}

fn failed(error: &str) -> Fault {
    Fault::new(
        Step::Compile,
        format!("the compiler failed: {error}"),
        "report it with the flow's files",
    )
}

/// wasmtime's error for a component, in one line.
fn broken(error: &wasmtime::Error) -> Fault {
    Fault::new(
        Step::Compile,
        format!("{error:#}"),
        "build the component again",
    )
}

fn kept(engine: &FlowEngine, file: &Path) -> Option<Component> {
    let mut opened = fs::File::open(file).ok()?;
    let found = opened.metadata().ok()?;
    let own = [0, rustix::process::geteuid().as_raw()];
    if !own.contains(&found.uid()) || found.mode() & OTHERS_WRITE != 0 {
        tracing::warn!(file = %file.display(), "compiled flow could be written by another user and is compiled again");
        return None;
    }
    let mut bytes = Vec::new();
    opened.read_to_end(&mut bytes).ok()?;
    let (digest, code) = bytes.split_at_checked(DIGEST_BYTES)?;
    if Sha256::digest(code).as_slice() != digest {
        tracing::warn!(file = %file.display(), "compiled flow is damaged and is compiled again");
        return None;
    }
    usable(engine, code)
        .inspect_err(|error| tracing::warn!(file = %file.display(), error = %error, "compiled flow cannot be used and is compiled again"))
        .ok()
}

/// Loads compiled code.
fn usable(engine: &FlowEngine, code: &[u8]) -> wasmtime::Result<Component> {
    // wasmtime checks version and configuration but trusts the code itself. So it must come from
    // this engine, or from its child, which returns it in an anonymous file. In the cache the
    // digest detects damaged and partial files, and files that other users could write are not
    // taken: the folder is protected like the engine's own binary.
    #[expect(
        unsafe_code,
        reason = "machine code of the engine's own child or folder, whole by its digest"
    )]
    unsafe {
        Component::deserialize(engine.wasmtime(), code)
    }
}

/// Writes to a temporary file and renames it, so that no reader sees a partial file.
fn keep(component: &Component, file: &Path) -> Result<(), String> {
    let code = component
        .serialize()
        .map_err(|error| format!("{error:#}"))?;
    write_whole(file, &[&Sha256::digest(&code), &code]).map_err(|error| error.to_string())
}

fn write_whole(file: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    parts.iter().try_for_each(|part| beside.write_all(part))?;
    beside
        .persist(file)
        .map(|_| ())
        .map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::engine::EngineSettings;

    /// The smallest of the fixture components.
    const BULKY: &[u8] = include_bytes!("../tests/fixtures/bulky-0.1.0.wasm");

    #[tokio::test]
    async fn a_component_is_compiled_once_and_again_when_its_file_is_damaged_or_open_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let engine = FlowEngine::new(&EngineSettings {
            max_calls: 1,
            ..EngineSettings::default()
        })
        .unwrap();
        let compiler = Compiler::new(engine, folder.path().join("components"));
        let mut origins = Vec::new();
        let file = compiler.file("d", "cwasm");
        for before in ["", "", "damage", "", "open to others", ""] {
            if before == "damage" {
                let mut bytes = fs::read(&file).unwrap();
                *bytes.last_mut().unwrap() ^= 1;
                fs::write(&file, bytes).unwrap();
            } else if !before.is_empty() {
                fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
            }
            origins.push(compiler.compile(BULKY.to_vec(), "d").await.unwrap().1);
        }
        assert_eq!(
            origins,
            [
                Origin::Compiled,
                Origin::Cached,
                Origin::Compiled,
                Origin::Cached,
                Origin::Compiled,
                Origin::Cached
            ]
        );
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_does_not_stop_a_flow() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let engine = FlowEngine::new(&EngineSettings {
            max_calls: 1,
            ..EngineSettings::default()
        })
        .unwrap();
        let compiler = Compiler::new(engine, file.path().join("below-a-file"));
        assert_eq!(
            compiler.compile(BULKY.to_vec(), "d").await.unwrap().1,
            Origin::Compiled
        );
    }
}
