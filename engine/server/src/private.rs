//! Folders and files of the engine hold what callers said and owe: only its own user reads them.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::Mode;

/// Nothing for the group and others.
const PRIVATE: Mode = Mode::RWXG.union(Mode::RWXO);
/// The permissions of others.
const OTHERS: u32 = 0o007;

/// Lets the files that this process creates from now on be read by its own user alone.
pub fn new_files() {
    let before = rustix::process::umask(PRIVATE);
    rustix::process::umask(before | PRIVATE);
}

/// Creates a folder for the engine's user alone. One that exists is closed to others; what its group
/// may do is left to the operator, whose log collector may be in it.
///
/// # Errors
/// The folder cannot be created or looked at.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let found = fs::metadata(path)?;
    let mode = found.mode() & 0o7777;
    let is_own = found.uid() == rustix::process::geteuid().as_raw();
    if mode & OTHERS != 0 && is_own {
        tracing::info!(folder = %path.display(), "others could read this folder of the engine: it is closed to them");
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
    fn a_folder_is_for_its_user_and_one_that_exists_is_closed_to_others() {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().join("data/inner");
        folder(&path).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o700, 0o700));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        folder(&path).unwrap();
        assert_eq!(mode(&path), 0o750);
    }
}
