//! Saves events off the path of the calls, and loses none: what the database does not take now lies
//! in the spool folder until it does.
//!
//! One task takes events from a bounded queue, many calls' at once, and adds them to the database
//! in one transaction. From its first failure on they go to the spool, and the database is tried
//! again, with growing pauses, by one spooled call after the other. The spool is replayed at start
//! as well. An outage is told once when it begins and once when it is over.

mod queue;
mod task;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ghanti_model::{CallEvent, CallId};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use self::queue::Queue;
use crate::spool::Spool;
use crate::{CallRecords, OpenError};

/// The most events that wait in memory: some 20 MB. When it is full, `submit` writes the event to
/// the spool itself. That takes this many events within the second after which a silent database is
/// given up.
pub const QUEUED_EVENTS: usize = 20_000;

/// Saves events in the background. Dropping it moves what is still in memory to the spool.
pub struct EventWriter {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// The result of [`RecordWriter::flush`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flushed {
    /// Calls with events in the spool folder, which the next start will bring to the database.
    pub spooled: usize,
    /// Events that neither the database nor the disk took. Their calls were named in the log.
    pub lost: usize,
}

/// Shared by the writer and its task.
struct Shared {
    records: Arc<dyn CallRecords>,
    spool: Spool,
    queue: Mutex<Queue>,
    /// Signals that a record was queued.
    queued: Notify,
    /// What is queued is to be saved at once.
    urgent: Notify,
    /// How many events are in memory alone.
    unsaved: watch::Sender<usize>,
}

impl EventWriter {
    /// Starts the task. The folder `spool`, usually `DATA/spool`, is made where it is missing; what
    /// an earlier process left in it is saved first.
    pub async fn start(records: Arc<dyn CallRecords>, spool: &Path) -> Result<Self, OpenError> {
        Self::start_with_capacity(records, spool, QUEUED_EVENTS).await
    }

    /// The same with another capacity than [`QUEUED_EVENTS`].
    pub async fn start_with_capacity(
        records: Arc<dyn CallRecords>,
        spool: &Path,
        capacity: usize,
    ) -> Result<Self, OpenError> {
        let folder = spool.to_path_buf();
        let opened = tokio::task::spawn_blocking(move || Spool::open(&folder)).await;
        let spool = opened
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(|error| OpenError::Folder {
                path: spool.to_path_buf(),
                reason: error.to_string(),
                hint: "create the folder above it and let the engine's user write there".to_owned(),
            })?;
        let shared = Arc::new(Shared {
            records,
            spool,
            queue: Mutex::new(Queue::new(capacity)),
            queued: Notify::new(),
            urgent: Notify::new(),
            unsaved: watch::Sender::new(0),
        });
        let task = tokio::spawn(task::run(Arc::clone(&shared)));
        Ok(Self { shared, task })
    }

    /// Hands an event over to be saved. Never waits for the database.
    pub fn submit(&self, event: impl Into<Arc<CallEvent>>) {
        let event = event.into();
        // whoever learns that a call is over looks it up in the database next
        let is_end = event.what.ends_call();
        let pushed = self.shared.change_queue(|queue| queue.push(event));
        if is_end {
            self.shared.urgent.notify_one();
        }
        if let Err(event) = pushed {
            drop(self.shared.spool_or_tell(event.call_id, &[event]));
        }
        self.shared.queued.notify_one();
    }

    /// The events of a call that are in memory alone, in the order in which they came.
    pub fn unsaved(&self, call: CallId) -> Vec<Arc<CallEvent>> {
        self.shared.queue().unsaved_of(call)
    }

    /// The calls with events that are in memory alone.
    pub fn unsaved_calls(&self) -> BTreeSet<CallId> {
        let unsaved = self.shared.queue().unsaved();
        unsaved.iter().map(|event| event.call_id).collect()
    }

    /// Waits until all that was submitted is in the database or in the spool; after `timeout` what
    /// is left is spooled. For the shutdown.
    pub async fn flush(&self, timeout: Duration) -> Flushed {
        let mut unsaved = self.shared.unsaved.subscribe();
        self.shared.urgent.notify_one();
        let in_time = tokio::time::timeout(timeout, unsaved.wait_for(|&count| count == 0))
            .await
            .is_ok();
        let mut lost = 0;
        if !in_time {
            let shared = Arc::clone(&self.shared);
            lost = tokio::task::spawn_blocking(move || shared.spool_all())
                .await
                .unwrap_or_default();
        }
        Flushed {
            spooled: self.shared.spool.len(),
            lost,
        }
    }
}

impl Drop for EventWriter {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.spool_all();
    }
}

/// The events of each call, in the order in which they came.
fn by_call(events: Vec<Arc<CallEvent>>) -> Vec<(CallId, Vec<Arc<CallEvent>>)> {
    let mut calls = std::collections::BTreeMap::<CallId, Vec<Arc<CallEvent>>>::new();
    for event in events {
        calls.entry(event.call_id).or_default().push(event);
    }
    calls.into_iter().collect()
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the queue and publishes how many records are unsaved.
    fn change_queue<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.queue();
        let changed = change(&mut queue);
        self.unsaved.send_replace(queue.unsaved_count());
        changed
    }

    /// Spools events of a call that have no other place to go. A disk that fails as well is the one
    /// way to lose an event.
    fn spool_or_tell(&self, call: CallId, events: &[Arc<CallEvent>]) -> std::io::Result<()> {
        self.spool.put(call, events).inspect_err(|error| {
            let folder = self.spool.folder().display();
            tracing::error!(%call, %error, %folder, events = events.len(), "events of a call are lost: neither the database nor the spool takes them");
        })
    }

    /// Spools everything that is only in memory. Returns how many records could not be spooled.
    fn spool_all(&self) -> usize {
        let unsaved = self.queue().unsaved();
        by_call(unsaved)
            .iter()
            .filter(|(call, events)| self.spool_or_tell(*call, events).is_err())
            .map(|(_, events)| events.len())
            .sum()
    }
}
