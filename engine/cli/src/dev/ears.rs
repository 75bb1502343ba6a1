//! Hears the system's notifications of the folders with sources. They only say that it is time to
//! look, and may get lost.
//!
//! Each folder is heard by itself and not with all below it, so that what a compiler writes into
//! `target/` wakes nobody.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::sources::FolderId;

/// What hears.
#[derive(Default)]
pub struct Ears {
    wake: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
    heard: BTreeMap<PathBuf, FolderId>,
    was_deaf: bool,
}

impl Ears {
    /// Is notified of each change.
    pub fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Hears these folders and no others. Tells whether some are new, so that something may have
    /// changed in them before they were heard. Blocks.
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
            // a folder that is gone is not heard any more by itself
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

/// Whether an event is more than somebody's reading, such as our own.
fn tells_of_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}
