//! Locks a data folder for one engine: a second one would end the first one's calls, and both would
//! write the same files.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The lock file in the data folder. The file stays when the engine exits; only the lock counts,
/// which the operating system releases with the process.
const FILE: &str = "engine.lock";

/// The data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another engine holds the lock.
    #[error("the data folder `{}` is in use by another engine{}: stop that one first, or name another folder with --data", .folder.display(), owner(.process))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other engine's process id, if it could be read.
        process: Option<u32>,
    },
    /// The folder or its lock file cannot be created, opened or locked.
    #[error("cannot lock the data folder `{}`: {reason}; create it and let the engine's user write to it, or name another with --data", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The operating system's error.
        reason: std::io::Error,
    },
}

fn owner(process: &Option<u32>) -> String {
    process.map_or_else(String::new, |process| format!(" (process {process})"))
}

/// A lock on a data folder, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct DataLock(#[expect(dead_code, reason = "locked as long as it is open")] Option<File>);

impl DataLock {
    /// Locks a data folder, creating it if necessary. On a file system without locks it logs a
    /// warning and succeeds.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let refused = |reason| LockError::Folder {
            folder: folder.to_owned(),
            reason,
        };
        crate::private::folder(folder).map_err(refused)?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(FILE))
            .map_err(refused)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let process = Read::by_ref(&mut file)
                    .take(16)
                    .read_to_string(&mut text)
                    .ok()
                    .and_then(|_| text.trim().parse().ok());
                return Err(LockError::InUse {
                    folder: folder.to_owned(),
                    process,
                });
            }
            // some network file systems do not support locks
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                tracing::warn!(folder = %folder.display(), "this file system has no locks: make sure that no other engine uses the data folder");
                return Ok(Self(None));
            }
            Err(TryLockError::Error(error)) => return Err(refused(error)),
        }
        let named = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        named.map_err(refused)?;
        Ok(Self(Some(file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_has_one_engine_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("new/data");
        let first = DataLock::take(&data).unwrap();
        let reported = DataLock::take(&data).unwrap_err().to_string();
        assert!(
            reported.contains("new/data")
                && reported.contains("--data")
                && reported.contains(&std::process::id().to_string()),
            "{reported}"
        );
        drop(first);
        assert!(
            DataLock::take(&data).is_ok(),
            "a lock file left by an engine that ended does not block the next one"
        );
    }
}
