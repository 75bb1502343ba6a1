//! Listens for file-system notifications about the source folders. A notification only means that
//! it is time to scan, and may get lost.
//!
//! Each folder is watched non-recursively, so that a compiler writing into `target/` causes no
//! scans.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::sources::FolderId;

/// A watcher for source folders.
#[derive(Default)]
pub struct Ears {
    wake: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
    heard: BTreeMap<PathBuf, FolderId>,
    was_deaf: bool,
}

impl Ears {
    /// The notifier that fires on each change.
    pub fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Watches exactly these folders. Returns whether the set changed, in which case something may
    /// have changed in a folder before it was watched. Blocks.
    pub fn listen(&mut self, folders: BTreeMap<PathBuf, FolderId>) -> bool {
        if folders == self.heard {
            return false;
        }
        if let Err(error) = self.follow(&folders)
            && !std::mem::replace(&mut self.was_deaf, true)
        {
            tracing::warn!(%error, "changes of sources are seen by looking only: raise fs.inotify.max_user_watches and max_user_instances by sysctl");
        }
        self.heard = folders;
        true
    }

    fn follow(&mut self, folders: &BTreeMap<PathBuf, FolderId>) -> notify::Result<()> {
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            None => {
                let wake = Arc::clone(&self.wake);
                let hear = move |event: notify::Result<Event>| {
                    if event.map_or(true, |event| tells_of_change(event.kind)) {
                        wake.notify_one();
                    }
                };
                self.watcher.insert(RecommendedWatcher::new(
                    hear,
                    Config::default().with_follow_symlinks(false),
                )?)
            }
        };
        for (folder, _) in self
            .heard
            .iter()
            .filter(|(folder, id)| folders.get(*folder) != Some(*id))
        {
            // a deleted folder is no longer watched anyway
            let _ = watcher.unwatch(folder);
        }
        for (folder, _) in folders
            .iter()
            .filter(|(folder, id)| self.heard.get(*folder) != Some(*id))
        {
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
                watched => watched?,
            }
        }
        Ok(())
    }
}

/// Whether an event is a change, and not only a read, such as a scan's own.
fn tells_of_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}
