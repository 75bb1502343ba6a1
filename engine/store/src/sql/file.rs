//! The file of an SQLite database, as it was when it was opened. SQLite goes on with a file that was
//! deleted or replaced, and what it writes there is gone when the process ends.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A database's file, by name and by what the name stood for.
pub(super) struct DatabaseFile {
    path: PathBuf,
    id: (u64, u64),
}

impl DatabaseFile {
    /// The file that is there; `None` for a database without one.
    pub(super) fn of(path: PathBuf) -> Option<Self> {
        let id = id(&path)?;
        Some(Self { path, id })
    }

    /// Why the database must not be used any more, if its file is not the one that was opened. One
    /// question to the kernel, which takes microseconds.
    pub(super) fn gone(&self) -> Option<String> {
        let what = match id(&self.path) {
            Some(id) if id == self.id => return None,
            Some(_) => "another file was put in its place",
            None => "it was deleted or moved away",
        };
        Some(format!(
            "the file `{}` is not the one that was opened: {what}; stop the engine, bring the file back, and start it again",
            self.path.display()
        ))
    }
}

fn id(path: &Path) -> Option<(u64, u64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}
