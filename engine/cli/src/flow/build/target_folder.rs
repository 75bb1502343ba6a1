//! Where cargo builds a flow: each flow's folder has a target folder of its own.
//!
//! Cargo names what it builds after the package, and takes it for fresh by the times of files. In a
//! folder that flows share, one flow's code would therefore be written into another of the same
//! name. A target folder belongs to one path, and what is in it is built again if the sources at
//! that path have changed, whatever their times.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::flow::folder::Folder;
use crate::flow::sources::{self, hexadecimal};
use crate::flow::toolchain::cache;

/// The file with the path of the flow's folder.
const BELONGS_TO: &str = "belongs-to";
/// The file with the digest of the sources that were last built.
const SOURCES: &str = "sources";
/// Length of a target folder's name: half of a SHA-256, in hexadecimal.
const KEY_LENGTH: usize = 32;

/// The folder that all target folders are in.
pub fn base() -> anyhow::Result<PathBuf> {
    match env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()) {
        // not in it directly: authors set it for all that they build
        Some(named) => Ok(std::path::absolute(named)
            .context("CARGO_TARGET_DIR is not a path")?
            .join("ghanti")),
        None => Ok(cache()?.join("rust")),
    }
}

/// The target folder of one flow.
pub struct TargetFolder {
    /// Its path.
    pub path: PathBuf,
    base: PathBuf,
}

impl TargetFolder {
    /// That of a flow's folder, by its canonical path.
    pub fn of(flow: &Path, base: &Path) -> Self {
        let digest = hexadecimal(&Sha256::digest(flow.as_os_str().as_bytes()));
        let key: String = digest.chars().take(KEY_LENGTH).collect();
        Self {
            path: base.join(key),
            base: base.to_owned(),
        }
    }

    /// Makes cargo build the package if its sources are others than at the last build, and removes the target folders
    /// of flows that are gone. The folder must be locked.
    pub fn prepare(&self, folder: &Folder, target: &str, package: &str) -> anyhow::Result<()> {
        let failed = || format!("cannot write in `{}`", self.path.display());
        fs::write(
            self.path.join(BELONGS_TO),
            folder.path.as_os_str().as_bytes(),
        )
        .with_context(failed)?;
        let digest = sources::digest(folder, target)?;
        let built = self.path.join(SOURCES);
        if fs::read_to_string(&built).ok().as_ref() != Some(&digest) {
            self.forget(target, package).with_context(failed)?;
            // before the build: if it fails, cargo has nothing of it to take for fresh
            fs::write(&built, &digest).with_context(failed)?;
        }
        self.remove_others_of_flows_that_are_gone();
        Ok(())
    }

    /// Removes what cargo knows of a package that it has built.
    fn forget(&self, target: &str, package: &str) -> io::Result<()> {
        let known = self.path.join(target).join("release/.fingerprint");
        let entries = match fs::read_dir(&known) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            read => read?,
        };
        for entry in entries {
            let entry = entry?;
            // cargo adds a hyphen and a hash
            let name = entry.file_name();
            let of_package = name.to_str().and_then(|name| name.rsplit_once('-'));
            if of_package.is_some_and(|(name, _)| name == package) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// A target folder has tens of megabytes. What cannot be removed stays for the next build.
    fn remove_others_of_flows_that_are_gone(&self) {
        for entry in fs::read_dir(&self.base).into_iter().flatten().flatten() {
            let path = entry.path();
            if path == self.path {
                continue;
            }
            let Ok(flow) = fs::read(path.join(BELONGS_TO)) else {
                continue;
            };
            let flow = Path::new(OsStr::from_bytes(&flow));
            // a folder whose parent is not there may be on a disk that is not mounted now
            if !flow.exists() && flow.parent().is_some_and(Path::is_dir) {
                let _ = fs::remove_dir_all(&path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::folder::Language;
    use ghanti_model::FlowName;

    fn folder(path: &Path) -> Folder {
        fs::create_dir_all(path.join(".ghanti")).unwrap();
        Folder {
            path: path.to_owned(),
            name: FlowName::parse("same").unwrap(),
            language: Language::Rust,
        }
    }

    #[test]
    fn only_other_sources_make_cargo_forget_the_package_alone() {
        let house = tempfile::tempdir().unwrap();
        let flow = folder(&house.path().join("same"));
        let target = TargetFolder::of(&flow.path, &house.path().join("base"));
        let known = target.path.join("wasm32/release/.fingerprint");
        let (own, another) = (known.join("same-0a1b"), known.join("same-words-0a1b"));
        let kept = |source: &str| {
            for package in [&own, &another] {
                fs::create_dir_all(package).unwrap();
            }
            fs::write(flow.path.join("lib.rs"), source).unwrap();
            target.prepare(&flow, "wasm32", "same").unwrap();
            (own.exists(), another.exists())
        };
        assert_eq!(kept("a"), (false, true), "of an unknown state");
        assert_eq!(kept("a"), (true, true));
        assert_eq!(kept("b"), (false, true));
    }

    #[test]
    fn target_folders_of_flows_that_are_gone_are_removed() {
        let house = tempfile::tempdir().unwrap();
        let base = house.path().join("base");
        let flows = ["here", "gone", "away/unmounted"].map(|name| {
            let flow = folder(&house.path().join(name));
            let target = TargetFolder::of(&flow.path, &base);
            fs::create_dir_all(&target.path).unwrap();
            target.prepare(&flow, "wasm32", "same").unwrap();
            (flow, target)
        });
        let [(here, target), (gone, of_gone), (_, of_unmounted)] = flows;
        fs::remove_dir_all(&gone.path).unwrap();
        fs::remove_dir_all(house.path().join("away")).unwrap();
        // what is not a target folder of this program's is left alone
        fs::create_dir(base.join("else")).unwrap();
        target.prepare(&here, "wasm32", "same").unwrap();
        let there = [&target, &of_gone, &of_unmounted].map(|target| target.path.exists());
        assert_eq!(there, [true, false, true]);
        assert!(base.join("else").exists());
    }
}
