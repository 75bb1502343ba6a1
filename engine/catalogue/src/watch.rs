//! Watches the flows folder and has the catalogue load what has changed, off the call path.
//!
//! A notification only triggers a scan; changes are found by scanning. The folder is also scanned
//! every few seconds, since notifications get lost, are not sent for network folders, and stop when
//! the folder itself is replaced. While the folder cannot be read, all flows stay as they are.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ghanti_model::FlowName;
use tokio::task::{JoinHandle, JoinSet};

use crate::catalogue::{Catalogue, Verdict};
use crate::debounce::{Debounce, Judged};
use crate::file_watcher::{FileWatcher, folder_id};

/// How often the folder is scanned when no notification arrives.
const RESCAN: Duration = Duration::from_secs(3);

/// The shortest time between two scans: one save in an editor causes a dozen notifications.
const BREATH: Duration = Duration::from_millis(20);

/// Watches a catalogue's folder. From now on flows are loaded at low priority, since there are
/// calls to serve. The task does not keep the catalogue alive, and ends within a few seconds of it
/// being dropped.
pub fn watch(catalogue: &Arc<Catalogue>) -> JoinHandle<()> {
    catalogue.step_back();
    tokio::spawn(run(Arc::downgrade(catalogue)))
}

async fn run(catalogue: Weak<Catalogue>) {
    let mut watcher = FileWatcher::recursive();
    let mut debounce = Debounce::default();
    let mut loads: JoinSet<(FlowName, u64, Judged)> = JoinSet::new();
    let mut unreadable: Option<String> = None;
    loop {
        let Some(catalogue) = catalogue.upgrade() else {
            return;
        };
        // watch before scanning, so that no change between the two is missed
        let folder = catalogue.folder().to_owned();
        let watched = tokio::task::spawn_blocking(move || {
            let id = folder_id(&folder);
            watcher.watch(id.map(|id| (folder, id)).into_iter().collect());
            watcher
        });
        // a panic takes the watcher with it: a new one is woken by what comes from now on
        watcher = watched.await.unwrap_or_else(|_| FileWatcher::recursive());
        let wake = watcher.wake();
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
                let reported = error.to_string();
                if unreadable.as_ref() != Some(&reported) {
                    tracing::warn!(%error, "the flows folder cannot be read: all flows stay as they are");
                    unreadable = Some(reported);
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
