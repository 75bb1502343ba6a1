//! Saves events in the background without losing any: events that the database does not accept are
//! kept in the spool folder until it does.
//!
//! One task takes events from a bounded queue and saves those of many calls in one transaction.
//! After the first failure, events go to the spool instead, and the spooled calls are tried in
//! turn, with growing pauses. Events left in the spool by an earlier process are saved too. An
//! outage is logged once when it starts and once when it is over.

mod queue;
mod task;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ghanti_model::{CallEvent, CallId, EventId, EventMark};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use self::queue::Queue;
use crate::spool::Spool;
use crate::{CallRecords, OpenError};

/// Maximum number of events that wait in memory, some 20 MB. When the queue is full, `submit`
/// writes to the spool itself. Filling it takes this many events within the one second (the
/// deadline) after which a database that does not answer counts as failed.
pub const QUEUED_EVENTS: usize = 20_000;

/// Saves events in the background. Dropping it spools what is still in memory.
pub struct EventWriter {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// The result of [`EventWriter::flush`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flushed {
    /// Calls with events in the spool folder. They are saved when the engine starts again.
    pub spooled: usize,
    /// Events that neither the database nor the disk accepted. Their calls are named in the log.
    pub lost: usize,
}

/// Shared by the writer and its task.
struct Shared {
    records: Arc<dyn CallRecords>,
    spool: Spool,
    queue: Mutex<Queue>,
    /// Signals that an event was queued.
    queued: Notify,
    /// Signals a flush: queued events are saved without waiting for more.
    urgent: Notify,
    /// How many events are only in memory.
    unsaved: watch::Sender<usize>,
    /// Whether neither the database nor the spool took the last events.
    is_full: AtomicBool,
    /// How many events neither the database nor the spool has taken, and memory does not have.
    lost: AtomicUsize,
}

impl EventWriter {
    /// Starts the task. The folder `spool`, usually `DATA/spool`, is created if it is missing;
    /// events left in it by an earlier process are saved too.
    pub async fn start(records: Arc<dyn CallRecords>, spool: &Path) -> Result<Self, OpenError> {
        Self::start_with_capacity(records, spool, QUEUED_EVENTS).await
    }

    /// Like [`EventWriter::start`], with another capacity than [`QUEUED_EVENTS`].
    pub fn start_with_capacity(
        records: Arc<dyn CallRecords>,
        spool: &Path,
        capacity: usize,
    ) -> BoxFuture<'_, Result<Self, OpenError>> {
        Self::open(records, spool, capacity).boxed()
    }

    async fn open(
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
            is_full: AtomicBool::new(false),
            lost: AtomicUsize::new(0),
        });
        let task = tokio::spawn(task::run(Arc::clone(&shared)));
        Ok(Self { shared, task })
    }

    /// Queues an event to be saved. Never waits for the database.
    pub fn submit(&self, event: impl Into<Arc<CallEvent>>) {
        let event = event.into();
        // whoever learns that a call is over looks it up in the database next
        let is_end = event.kind.ends_call();
        let pushed = self.shared.change_queue(|queue| queue.push(event));
        if is_end {
            self.shared.urgent.notify_one();
        }
        if let Err(event) = pushed {
            drop(self.shared.spool_or_report(event.call_id, &[event]));
        }
        self.shared.queued.notify_one();
    }

    /// Returns the events of a call that are only in memory, in the order in which they were
    /// submitted.
    pub fn unsaved(&self, call: CallId) -> Vec<Arc<CallEvent>> {
        let queue = self.shared.queue();
        let of_call = queue.unsaved().filter(|event| event.call_id == call);
        of_call.cloned().collect()
    }

    /// Returns the position of an event that is in memory alone.
    pub fn position(&self, event: EventId) -> Option<EventMark> {
        let queue = self.shared.queue();
        let found = queue.unsaved().find(|unsaved| unsaved.id == event);
        found.map(|event| event.mark())
    }

    /// Whether there are events of a call that the database does not have yet, in memory or in the
    /// spool.
    pub fn is_behind(&self, call: CallId) -> bool {
        self.is_queued(call) || self.shared.spool.has(call)
    }

    /// Whether events are kept: neither the database nor the spool failed at the last ones. Otherwise
    /// they are in memory alone, and a call may lose its record.
    pub fn keeps(&self) -> bool {
        !self.shared.is_full.load(Ordering::Relaxed)
    }

    /// Whether the spool takes something, which is tried.
    ///
    /// # Errors
    /// The disk's.
    pub async fn try_spool(&self) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.spool.try_out())
            .await
            .map_err(std::io::Error::other)?
    }

    /// Whether there are events of a call that are in memory alone.
    fn is_queued(&self, call: CallId) -> bool {
        let queue = self.shared.queue();
        queue.unsaved().any(|event| event.call_id == call)
    }

    /// Returns the calls with events that the database does not have yet, in memory or in the spool.
    pub fn calls_behind(&self) -> BTreeSet<CallId> {
        // the queue first: what leaves it for the spool is in the spool before
        let queued = |event: &Arc<CallEvent>| event.call_id;
        let mut calls: BTreeSet<_> = self.shared.queue().unsaved().map(queued).collect();
        calls.append(&mut self.shared.spool.all());
        calls
    }

    /// Waits until what was submitted of a call is in the database or the spool. Returns whether it
    /// is, within `timeout`.
    pub async fn saved(&self, call: CallId, timeout: Duration) -> bool {
        self.until(timeout, || !self.is_queued(call)).await
    }

    /// Waits until what was submitted of a call is in the database. Returns whether it is, within
    /// `timeout`.
    pub async fn stored(&self, call: CallId, timeout: Duration) -> bool {
        self.until(timeout, || !self.is_behind(call)).await
    }

    /// Waits until this holds, which is looked at whenever something was saved. Returns whether it
    /// does, within `timeout`.
    async fn until(&self, timeout: Duration, holds: impl Fn() -> bool) -> bool {
        let mut unsaved = self.shared.unsaved.subscribe();
        self.shared.urgent.notify_one();
        let held = async {
            while !holds() {
                if unsaved.changed().await.is_err() {
                    break;
                }
            }
        };
        tokio::time::timeout(timeout, held).await.is_ok()
    }

    /// Removes what was set aside of a call in the spool because it could not be read. Returns whether
    /// there was anything.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub async fn remove_unreadable(&self, call: CallId) -> std::io::Result<bool> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.spool.remove_unreadable(call))
            .await
            .map_err(std::io::Error::other)?
    }

    /// Waits until everything submitted is in the database or the spool. After `timeout`, spools
    /// the rest. Used at shutdown.
    pub async fn flush(&self, timeout: Duration) -> Flushed {
        let mut unsaved = self.shared.unsaved.subscribe();
        self.shared.urgent.notify_one();
        let in_time = tokio::time::timeout(timeout, unsaved.wait_for(|&count| count == 0))
            .await
            .is_ok();
        if !in_time {
            let shared = Arc::clone(&self.shared);
            let _ = tokio::task::spawn_blocking(move || shared.spool_all()).await;
        }
        Flushed {
            spooled: self.shared.spool.len(),
            lost: self.shared.lost.load(Ordering::Relaxed),
        }
    }
}

impl Drop for EventWriter {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.spool_all();
    }
}

/// Groups events by call, each call's in the order in which they were submitted.
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

    /// Changes the queue and publishes how many events are unsaved.
    fn change_queue<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.queue();
        let changed = change(&mut queue);
        self.unsaved.send_replace(queue.unsaved_count());
        changed
    }

    /// Spools events of a call that cannot go anywhere else. If the disk fails too, the events are
    /// lost and their call is logged.
    fn spool_or_report(&self, call: CallId, events: &[Arc<CallEvent>]) -> std::io::Result<()> {
        self.spool.put(call, events).inspect_err(|error| {
            let folder = self.spool.folder().display();
            self.lost.fetch_add(events.len(), Ordering::Relaxed);
            tracing::error!(%call, %error, %folder, events = events.len(), "events of a call are lost: neither the database nor the spool takes them");
        })
    }

    /// Spools everything that is only in memory.
    fn spool_all(&self) {
        let unsaved = self.queue().unsaved().cloned().collect();
        for (call, events) in by_call(unsaved) {
            let _ = self.spool_or_report(call, &events);
        }
    }
}
