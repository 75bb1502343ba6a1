//! Toolchains: commands with a timeout, and the folders of tools that are downloaded once for all flows.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::failure::Failure;
use super::sources::hexadecimal;
use crate::dev::build::{End, LONGEST, run};
use crate::dev::compilers::words;
use sha2::{Digest, Sha256};

/// The environment variable with a folder of installed toolchains, such as `.tools/` of `make setup`.
pub const GIVEN: &str = "GHANTI_TOOLCHAINS";
/// Poll interval for a lock that another build holds.
const POLL: Duration = Duration::from_millis(100);

/// A command of a toolchain.
pub struct Tool {
    command: std::process::Command,
    name: String,
}

impl Tool {
    /// A program, to be run in a folder.
    pub fn new(program: impl AsRef<OsStr>, folder: &Path) -> Self {
        let mut command = std::process::Command::new(program.as_ref());
        command.current_dir(folder);
        let name = Path::new(program.as_ref())
            .file_name()
            .unwrap_or(program.as_ref());
        let name = name.to_string_lossy().into_owned();
        Self { command, name }
    }

    /// Names it otherwise in messages.
    pub fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end. If it fails, `what` begins the message.
    pub async fn run(self, what: &str) -> Result<Vec<String>, Failure> {
        let (end, output) = run(self.command, LONGEST).await;
        let output = words(&output);
        let failed = |message: String| Failure::Toolchain {
            message: format!("{what}: {message}"),
            fix: None,
            output: output.clone(),
        };
        match end {
            End::Ended(status) if status.success() => Ok(output),
            End::Ended(status) if output.is_empty() => {
                Err(failed(format!("`{}` says nothing ({status})", self.name)))
            }
            End::Ended(_) => Err(failed(format!("`{}` says", self.name))),
            End::TooLong(longest) => Err(failed(format!(
                "`{}` did not end within {} s and was killed",
                self.name,
                longest.as_secs()
            ))),
            End::NotRun(error) => Err(failed(format!("`{}` cannot be run: {error}", self.name))),
        }
    }
}

/// Whether a program is in `PATH`.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The failure for a missing toolchain, with the command that installs it.
pub fn missing(message: &str, fix: &str) -> Failure {
    Failure::Toolchain {
        message: message.to_owned(),
        fix: Some(fix.to_owned()),
        output: Vec::new(),
    }
}

/// The cache folder that all flows share.
pub fn cache() -> anyhow::Result<PathBuf> {
    super::cache::folder().context("there is no folder for toolchains: set HOME or XDG_CACHE_HOME")
}

/// A toolchain's folder in [`GIVEN`], if there is one, in which these programs have to be.
pub fn given(name: &str, programs: &[&str]) -> Result<Option<PathBuf>, Failure> {
    let Some(given) = std::env::var_os(GIVEN).filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    let given = std::path::absolute(given).with_context(|| format!("{GIVEN} is not a path"))?;
    let folder = given.join(name);
    let missing = if given.is_dir() {
        // the other toolchain may be there alone
        if !folder.is_dir() {
            return Ok(None);
        }
        let mut programs = programs.iter().map(|program| folder.join(program));
        programs.find(|program| !program.is_file())
    } else {
        Some(given)
    };
    match missing {
        None => Ok(Some(folder)),
        Some(missing) => Err(Failure::Use(format!(
            "{GIVEN} names a folder of toolchains, but there is no `{}`: name another one, or unset it, and the toolchain is downloaded",
            missing.display()
        ))),
    }
}

/// A folder that only one build at a time may use.
pub struct Locked(#[expect(dead_code, reason = "dropping it unlocks")] File);

/// Waits until no other build uses a folder, at most as long as a build may take.
pub async fn lock(folder: &Path) -> anyhow::Result<Locked> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let path = folder.join("in-use");
    let failed = || format!("cannot lock `{}`", path.display());
    let file = File::create(&path).with_context(failed)?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Locked(file)),
            Err(TryLockError::WouldBlock) if began.elapsed() < LONGEST => {
                tokio::time::sleep(POLL).await;
            }
            Err(TryLockError::WouldBlock) => bail!(
                "another build has locked `{}` for {} s: end it",
                folder.display(),
                LONGEST.as_secs()
            ),
            Err(TryLockError::Error(error)) => return Err(error).with_context(failed),
        }
    }
}

/// Tells an author what is being done, before what takes long.
pub type Tell<'t> = &'t (dyn Fn(&str) + Sync);

/// A folder of the cache that is filled once for each state of these texts, after it was told what it `fetches`: `fill` gets a temporary folder, which is renamed when it is complete.
pub async fn filled(
    name: &str,
    texts: &[&str],
    fetches: &str,
    tell: Tell<'_>,
    fill: impl AsyncFnOnce(&Path) -> Result<(), Failure>,
) -> Result<PathBuf, Failure> {
    let digest: String = hexadecimal(&Sha256::digest(texts.concat()))
        .chars()
        .take(16)
        .collect();
    let cache = cache()?;
    let full = cache.join(format!("{name}-{digest}"));
    if full.is_dir() {
        return Ok(full);
    }
    let _lock = lock(&cache).await?;
    // another build may have filled it meanwhile
    if full.is_dir() {
        return Ok(full);
    }
    let part = cache.join(format!("{name}-{digest}.part"));
    let _ = fs::remove_dir_all(&part);
    fs::create_dir_all(&part).with_context(|| format!("cannot create `{}`", part.display()))?;
    tell(&format!(
        "downloading {} into {}, once for all flows: a minute or two where the network is slow",
        fetches,
        cache.display()
    ));
    let fetched = fill(&part).await;
    if fetched.is_err() {
        let _ = fs::remove_dir_all(&part);
    }
    fetched?;
    fs::rename(&part, &full).with_context(|| format!("cannot rename `{}`", part.display()))?;
    Ok(full)
}
