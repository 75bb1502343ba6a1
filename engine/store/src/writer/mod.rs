//! Saves call records in the background without losing any: records that the database does not
//! accept are kept in the spool folder until it does.
//!
//! One task takes records from a bounded queue and saves them in the database. After the first
//! failure, records go to the spool instead, and the spooled records are tried in turn, with
//! growing pauses. Spooled records left by an earlier process are saved too. An outage is logged
//! once when it starts and once when it is over.

mod queue;
mod task;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ghanti_model::CallRecord;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use self::queue::{Job, Queue};
use crate::spool::Spool;
use crate::{CallRecords, OpenError};

/// The most calls whose record waits in memory: some 100 MB of long calls. When the queue is full,
/// `submit` writes to the spool itself. It takes this many calls within the second (the deadline)
/// after which a database that does not answer counts as failed.
pub const QUEUED_RECORDS: usize = 2_000;

/// Saves records in the background. Dropping it spools what is still in memory.
pub struct RecordWriter {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// The result of [`RecordWriter::flush`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flushed {
    /// Records in the spool folder. They are saved when the engine starts again.
    pub spooled: usize,
    /// Records that neither the database nor the disk accepted. Their calls are named in the log.
    pub lost: usize,
}

/// Shared by the writer and its task.
struct Shared {
    records: Arc<dyn CallRecords>,
    spool: Spool,
    queue: Mutex<Queue>,
    /// Signals that a record was queued.
    queued: Notify,
    /// How many records are only in memory.
    unsaved: watch::Sender<usize>,
}

impl RecordWriter {
    /// Starts the task. The folder `spool`, usually `DATA/spool`, is created if it is missing;
    /// records left in it by an earlier process are saved too.
    pub async fn start(records: Arc<dyn CallRecords>, spool: &Path) -> Result<Self, OpenError> {
        Self::start_with_capacity(records, spool, QUEUED_RECORDS).await
    }

    /// Like [`RecordWriter::start`], with another capacity than [`QUEUED_RECORDS`].
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
            unsaved: watch::Sender::new(0),
        });
        let task = tokio::spawn(task::run(Arc::clone(&shared)));
        Ok(Self { shared, task })
    }

    /// Queues a record to be saved in place of the call's previous one. Never waits for the
    /// database.
    pub fn submit(&self, record: impl Into<Arc<CallRecord>>) {
        let pushed = self.shared.change_queue(|queue| queue.push(record.into()));
        if let Err(job) = pushed {
            drop(self.shared.spool_or_tell(&job));
        }
        self.shared.queued.notify_one();
    }

    /// Waits until everything submitted is in the database or the spool. After `timeout`, spools
    /// the rest. Used at shutdown.
    pub async fn flush(&self, timeout: Duration) -> Flushed {
        let mut unsaved = self.shared.unsaved.subscribe();
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

impl Drop for RecordWriter {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.spool_all();
    }
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

    /// Spools a job that cannot go anywhere else. If the disk fails too, the record is lost and its
    /// call is logged.
    fn spool_or_tell(&self, job: &Job) -> std::io::Result<()> {
        self.spool.put(job.revision, &job.record).inspect_err(|error| {
            let (call, folder) = (job.record.call_id, self.spool.folder().display());
            tracing::error!(%call, %error, %folder, "a call's record is lost: neither the database nor the spool takes it");
        })
    }

    /// Spools everything that is only in memory. Returns how many records could not be spooled.
    fn spool_all(&self) -> usize {
        let unsaved = self.queue().unsaved();
        unsaved
            .iter()
            .filter(|job| self.spool_or_tell(job).is_err())
            .count()
    }
}
