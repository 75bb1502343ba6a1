//! Watches the flows folder and has the catalogue load what has changed, off the call path.
//!
//! A notification only triggers a scan; changes are found by scanning. The folder is also scanned
//! every few seconds, since notifications get lost, are not sent for network folders, and stop when
//! the folder itself is replaced. While the folder cannot be read, all flows stay as they are.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ghanti_model::FlowName;
use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use crate::catalogue::{Catalogue, Verdict};
use crate::debounce::{Debounce, Judged};
use crate::version::PromptLibrary;

/// How often the folder is scanned when no notification arrives.
const RESCAN: Duration = Duration::from_secs(3);

/// The shortest time between two scans: one save in an editor causes a dozen notifications.
const BREATH: Duration = Duration::from_millis(20);

/// Watches a catalogue's folder. From now on flows are loaded at low priority, since there are
/// calls to serve. The task does not keep the catalogue alive, and ends within a few seconds of it
/// being dropped.
pub fn watch<P: PromptLibrary>(catalogue: &Arc<Catalogue<P>>) -> JoinHandle<()> {
    catalogue.step_back();
    tokio::spawn(run(Arc::downgrade(catalogue)))
}

async fn run<P: PromptLibrary>(catalogue: Weak<Catalogue<P>>) {
    let wake = Arc::new(Notify::new());
    let mut ears = Ears {
        wake: Arc::clone(&wake),
        folder: None,
        watcher: None,
    };
    let mut debounce = Debounce::default();
    let mut loads: JoinSet<(FlowName, u64, Judged)> = JoinSet::new();
    let mut unreadable: Option<String> = None;
    loop {
        let Some(catalogue) = catalogue.upgrade() else {
            return;
        };
        // watch before scanning, so that no change between the two is missed
        ears = match listening(ears, catalogue.folder()).await {
            Some(ears) => ears,
            None => Ears {
                wake: Arc::clone(&wake),
                folder: None,
                watcher: None,
            },
        };
        let mut pause = RESCAN;
        match catalogue.look().await {
            Ok(places) => {
                unreadable = None;
                let due = debounce.look(Instant::now(), places, &catalogue.present());
                due.gone.iter().for_each(|name| catalogue.retire(name));
                for (name, place, load) in due.load {
                    let catalogue = Arc::clone(&catalogue);
                    loads.spawn(async move {
                        let verdict = catalogue.take(&name, place).await;
                        (
                            name,
                            load,
                            if matches!(verdict, Verdict::Moving) {
                                Judged::Moving
                            } else {
                                Judged::AsFound
                            },
                        )
                    });
                }
                pause = due.again.unwrap_or(RESCAN).max(BREATH);
            }
            Err(error) => {
                let told = error.to_string();
                if unreadable.as_ref() != Some(&told) {
                    tracing::warn!(%error, "the flows folder cannot be read: all flows stay as they are");
                    unreadable = Some(told);
                }
            }
        }
        // not held while waiting: the task must not keep the catalogue alive
        drop(catalogue);
        tokio::time::sleep(BREATH).await;
        tokio::select! {
            () = wake.notified() => {}
            Some(loaded) = loads.join_next(), if !loads.is_empty() => match loaded {
                Ok((name, load, judged)) => debounce.loaded(Instant::now(), &name, load, judged),
                Err(error) => {
                    tracing::error!(%error, "loading a flow failed: report it with the flow's files");
                    // which load failed is not known, so every flow is looked at again
                    debounce = Debounce::default();
                }
            },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The file watcher of one folder.
struct Ears {
    wake: Arc<Notify>,
    /// Device and inode of the watched folder.
    folder: Option<(u64, u64)>,
    watcher: Option<RecommendedWatcher>,
}

/// Makes sure that the folder currently at this path is watched. Returns `None` if the blocking
/// task failed.
async fn listening(mut ears: Ears, folder: &Path) -> Option<Ears> {
    let folder = folder.to_owned();
    let heard = tokio::task::spawn_blocking(move || {
        ears.listen(&folder);
        ears
    });
    heard.await.ok()
}

impl Ears {
    /// Replaces the watcher if the folder at this path is not the one being watched.
    fn listen(&mut self, path: &Path) {
        let folder = fs::metadata(path)
            .ok()
            .map(|folder| (folder.dev(), folder.ino()));
        if folder == self.folder {
            return;
        }
        self.folder = folder;
        self.watcher = folder.and_then(|_| {
            self.open(path)
                .inspect_err(|error| {
                    tracing::warn!(folder = %path.display(), %error, rescan_s = RESCAN.as_secs(), "changes of flows are seen by looking only: raise fs.inotify.max_user_watches and max_user_instances by sysctl");
                })
                .ok()
        });
    }

    fn open(&self, path: &Path) -> notify::Result<RecommendedWatcher> {
        let wake = Arc::clone(&self.wake);
        let hear = move |event: notify::Result<Event>| {
            if event.map_or(true, |event| tells_of_change(event.kind)) {
                wake.notify_one();
            }
        };
        let mut watcher =
            RecommendedWatcher::new(hear, Config::default().with_follow_symlinks(false))?;
        watcher.watch(path, RecursiveMode::Recursive)?;
        Ok(watcher)
    }
}

/// Whether an event may be a change, rather than a read access such as our own.
fn tells_of_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}
