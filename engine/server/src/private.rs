//! Permissions of the engine's folders and files, which contain what callers said and owe: only its
//! own user may read them.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::Mode;

/// No permissions for the group and others.
const PRIVATE: Mode = Mode::RWXG.union(Mode::RWXO);
/// The permissions of others.
const OTHERS: u32 = 0o007;

/// Makes files that this process creates from now on readable by its own user only.
pub fn new_files() {
    let before = rustix::process::umask(PRIVATE);
    rustix::process::umask(before | PRIVATE);
}

/// Creates a folder for the engine's user only. In an existing folder the permissions of others are
/// removed; those of the group are left to the operator, whose log collector may be in it.
///
/// # Errors
/// The folder cannot be created or its permissions read.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let found = fs::metadata(path)?;
    let mode = found.mode() & 0o7777;
    let is_own = found.uid() == rustix::process::geteuid().as_raw();
    if mode & OTHERS != 0 && is_own {
        tracing::info!(folder = %path.display(), "others could read this folder of the engine: their permissions were removed");
        fs::set_permissions(path, fs::Permissions::from_mode(mode & !OTHERS))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_folder_is_for_its_user_and_an_existing_one_loses_the_permissions_of_others() {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().join("data/inner");
        folder(&path).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o700, 0o700));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        folder(&path).unwrap();
        assert_eq!(mode(&path), 0o750);
    }
}
