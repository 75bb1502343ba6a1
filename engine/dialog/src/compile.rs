//! From a component to machine code, on the threads of [`crate::backstage`], and the folder in which the machine code is kept.
//!
//! A file there is the SHA-256 of the code, then the code. Its name holds the component's digest and a hash of wasmtime's version, config
//! and processor, so that a file of another engine is not even opened. What cannot be used is compiled again and replaced.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use wasmtime::component::Component;

use crate::engine::FlowEngine;

/// How many components are compiled at once; the compiler itself uses all processors, as far as calls leave them.
const COMPILATIONS: usize = 2;
/// The length of a SHA-256.
const DIGEST_BYTES: usize = 32;

/// Where the machine code came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Compiled,
    Cached,
    /// A loaded version has the same component.
    Shared,
}

/// Compiles components, each only once.
#[derive(Debug, Clone)]
pub(crate) struct Compiler {
    engine: FlowEngine,
    folder: PathBuf,
    permits: Arc<Semaphore>,
}

impl Compiler {
    pub(crate) fn new(engine: FlowEngine, folder: PathBuf) -> Self {
        Self { engine, folder, permits: Arc::new(Semaphore::new(COMPILATIONS)) }
    }

    /// Compiles a component, or takes its machine code from the folder. The error is wasmtime's, in one line.
    pub(crate) async fn compile(&self, component: Vec<u8>, digest: &str) -> Result<(Component, Origin), String> {
        let _permit = self.permits.acquire().await.map_err(|error| error.to_string())?;
        let (engine, file) = (self.engine.clone(), self.file(digest));
        let compile = move || {
            if let Some(kept) = kept(&engine, &file) {
                return Ok((kept, Origin::Cached));
            }
            let compiled = Component::from_binary(engine.wasmtime(), &component).map_err(|error| format!("{error:#}"))?;
            if let Err(error) = keep(&compiled, &file) {
                tracing::warn!(file = %file.display(), error, "compiled flow cannot be kept, so that the next start compiles it again");
            }
            Ok((compiled, Origin::Compiled))
        };
        self.engine.backstage().run(compile).await.map_err(|error| format!("the compiler failed: {error}"))?
    }

    fn file(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}-{:016x}.cwasm", self.engine.compatibility()))
    }
}

fn kept(engine: &FlowEngine, file: &Path) -> Option<Component> {
    let bytes = fs::read(file).ok()?;
    let (digest, code) = bytes.split_at_checked(DIGEST_BYTES)?;
    if Sha256::digest(code).as_slice() != digest {
        tracing::warn!(file = %file.display(), "compiled flow is damaged and is compiled again");
        return None;
    }
    // wasmtime checks version and config, but trusts the code itself: so it must have been written by this engine. The digest tells
    // damage and half-written files; against a writer of ill will the folder has to be guarded as the engine's own binary is.
    #[expect(unsafe_code, reason = "machine code from the engine's own folder, whole by its digest")]
    unsafe { Component::deserialize(engine.wasmtime(), code) }
        .inspect_err(|error| tracing::warn!(file = %file.display(), error = %error, "compiled flow cannot be used and is compiled again"))
        .ok()
}

/// Writes beside and renames, so that no reader ever sees half a file.
fn keep(component: &Component, file: &Path) -> Result<(), String> {
    let code = component.serialize().map_err(|error| format!("{error:#}"))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut beside = tempfile::NamedTempFile::new_in(folder)?;
        beside.write_all(&Sha256::digest(&code))?;
        beside.write_all(&code)?;
        beside.persist(file).map_err(|error| error.error)
    });
    written.map(|_| ()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineSettings;

    /// The smallest component.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    #[tokio::test]
    async fn a_component_is_compiled_once_and_again_when_its_file_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let engine = FlowEngine::new(&EngineSettings { max_calls: 1, ..EngineSettings::default() }).unwrap();
        let compiler = Compiler::new(engine, folder.path().join("components"));
        let mut origins = Vec::new();
        for damage in [false, false, true, false] {
            if damage {
                let mut bytes = fs::read(compiler.file("d")).unwrap();
                *bytes.last_mut().unwrap() ^= 1;
                fs::write(compiler.file("d"), bytes).unwrap();
            }
            origins.push(compiler.compile(EMPTY.to_vec(), "d").await.unwrap().1);
        }
        assert_eq!(origins, [Origin::Compiled, Origin::Cached, Origin::Compiled, Origin::Cached]);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_does_not_stop_a_flow() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let engine = FlowEngine::new(&EngineSettings { max_calls: 1, ..EngineSettings::default() }).unwrap();
        let compiler = Compiler::new(engine, file.path().join("below-a-file"));
        assert_eq!(compiler.compile(EMPTY.to_vec(), "d").await.unwrap().1, Origin::Compiled);
    }
}
