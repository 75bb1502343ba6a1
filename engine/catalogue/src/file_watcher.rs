//! File-system notifications of folders. A notification only means that it is time to scan, and may
//! get lost: whoever watches scans every few seconds in any case.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Device and inode. A folder that is replaced by another one of the same name has another id.
pub type FolderId = (u64, u64);

/// The id of a folder; `None` if it cannot be read.
pub fn folder_id(folder: &Path) -> Option<FolderId> {
    let found = fs::metadata(folder).ok()?;
    Some((found.dev(), found.ino()))
}

/// Watches a set of folders.
pub struct FileWatcher {
    mode: RecursiveMode,
    wake: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeMap<PathBuf, FolderId>,
    has_warned: bool,
}

impl FileWatcher {
    /// A watcher of folders with all that is below them.
    pub fn recursive() -> Self {
        Self::new(RecursiveMode::Recursive)
    }

    /// A watcher of folders alone, so that nothing below them causes scans.
    pub fn of_folders_alone() -> Self {
        Self::new(RecursiveMode::NonRecursive)
    }

    fn new(mode: RecursiveMode) -> Self {
        Self {
            mode,
            wake: Arc::default(),
            watcher: None,
            watched: BTreeMap::new(),
            has_warned: false,
        }
    }

    /// The notifier that fires on each change.
    pub fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Watches exactly these folders. Returns whether the set changed, in which case something may
    /// have changed in a folder before it was watched. Blocks. Where the system refuses, which is
    /// logged once, there are no notifications.
    pub fn watch(&mut self, folders: BTreeMap<PathBuf, FolderId>) -> bool {
        if folders == self.watched {
            return false;
        }
        if let Err(error) = self.follow(&folders)
            && !std::mem::replace(&mut self.has_warned, true)
        {
            tracing::warn!(%error, "changes of files are seen by scanning only: raise fs.inotify.max_user_watches and max_user_instances by sysctl");
        }
        self.watched = folders;
        true
    }

    fn follow(&mut self, folders: &BTreeMap<PathBuf, FolderId>) -> notify::Result<()> {
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            None => {
                let wake = Arc::clone(&self.wake);
                let notified = move |event: notify::Result<Event>| {
                    if event.map_or(true, |event| is_change(event.kind)) {
                        wake.notify_one();
                    }
                };
                self.watcher.insert(RecommendedWatcher::new(
                    notified,
                    Config::default().with_follow_symlinks(false),
                )?)
            }
        };
        let differs = |other: &BTreeMap<PathBuf, FolderId>,
                       (folder, id): &(&PathBuf, &FolderId)| {
            other.get(*folder) != Some(*id)
        };
        for (folder, _) in self.watched.iter().filter(|entry| differs(folders, entry)) {
            // a deleted folder is no longer watched anyway
            let _ = watcher.unwatch(folder);
        }
        for (folder, _) in folders.iter().filter(|entry| differs(&self.watched, entry)) {
            match watcher.watch(folder, self.mode) {
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
                watched => watched?,
            }
        }
        Ok(())
    }
}

/// Whether an event may be a change, rather than a read access such as a scan's own.
fn is_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}
