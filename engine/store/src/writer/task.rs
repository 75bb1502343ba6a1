//! The task of a [`super::RecordWriter`]: saves queued records in the database or else in the
//! spool, and spooled records in the database.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ghanti_model::{CallId, CallRecord, CallState, unix_ms};
use tokio::time::Instant;

use super::Shared;
use super::queue::Job;
use crate::records::{ENGINE_STOPPED, abandon};
use crate::spool::INHERITED;
use crate::{CallRecords, StoreError};

/// The pause before a failed database is tried again; it doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest such pause, and so the longest time before the return of the database is noticed.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The state of the database and the disk.
struct Outage {
    /// The last attempt failed: until the next one is due, records go to the spool.
    database_down: bool,
    /// The spool failed too: until the next attempt, records stay in the queue.
    disk_down: bool,
    /// The outage was logged, so its end must be too.
    told: bool,
    /// The disk failure was logged.
    disk_told: bool,
    next_attempt: Instant,
    pause: Duration,
    /// The call whose spooled record was tried last.
    tried: Option<CallId>,
}

/// Runs until the writer is dropped.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut outage = Outage::none();
    loop {
        let due = Instant::now() >= outage.next_attempt;
        let spooled = if due {
            shared.spool.next(outage.tried)
        } else {
            None
        };
        if due {
            outage.disk_down = false;
            // with nothing spooled, the next queued record is the attempt
            outage.database_down &= spooled.is_some();
        }
        if let Some(call) = spooled {
            replay(&shared, call, &mut outage).await;
        }
        // one spooled and one queued record in turn, so that the queue does not fill up during a
        // long replay
        let job = if outage.disk_down {
            None
        } else {
            shared.change_queue(|queue| queue.take())
        };
        match job {
            Some(job) => save_or_spool(&shared, job, &mut outage).await,
            None => wait(&shared, &outage).await,
        }
    }
}

/// Waits until a record is queued, or until the next attempt is due.
async fn wait(shared: &Shared, outage: &Outage) {
    let something_kept = outage.disk_down || shared.spool.len() > 0;
    tokio::select! {
        () = shared.queued.notified(), if !outage.disk_down => {}
        () = tokio::time::sleep_until(outage.next_attempt), if something_kept => {}
    }
}

async fn save_or_spool(shared: &Arc<Shared>, job: Job, outage: &mut Outage) {
    if !outage.database_down {
        match shared.records.save(&job.record).await {
            Ok(()) => {
                let forgotten = forget(shared, &job).await;
                shared.change_queue(|queue| queue.saved());
                return outage.over(shared, forgotten);
            }
            Err(error) => outage.begins(shared, &error),
        }
    }
    let spooled = on_disk(shared, move |shared| {
        shared.spool.put(job.revision, &job.record)
    })
    .await;
    match spooled {
        Ok(()) => {
            outage.disk_told = false;
            shared.change_queue(|queue| queue.saved());
        }
        Err(error) => {
            outage.disk_fails(shared, &error);
            shared.change_queue(|queue| queue.put_back());
        }
    }
}

/// Saves one spooled record in the database.
async fn replay(shared: &Arc<Shared>, call: CallId, outage: &mut Outage) {
    outage.tried = Some(call);
    let (revision, mut record) = match on_disk(shared, move |shared| shared.spool.read(call)).await
    {
        Ok(Some(found)) => found,
        Ok(None) => return,
        Err(error) => {
            let folder = shared.spool.folder().display();
            tracing::error!(%call, %error, %folder, "a spooled record could not be read");
            return outage.pauses();
        }
    };
    let saved = match revision {
        INHERITED => save_inherited(shared.records.as_ref(), &mut record).await,
        _ => shared.records.save(&record).await,
    };
    match saved {
        Ok(()) => {
            let forgotten = forget(
                shared,
                &Job {
                    revision,
                    record: Arc::new(record),
                },
            )
            .await;
            outage.over(shared, forgotten);
        }
        Err(error) => outage.begins(shared, &error),
    }
}

/// Saves a record left by an earlier process. A call that was live then has ended. That process may
/// have died after it saved the end of the call and before it removed the older file, so an end
/// that is in the database is kept.
async fn save_inherited(
    records: &dyn CallRecords,
    record: &mut CallRecord,
) -> Result<(), StoreError> {
    if record.state != CallState::Ended {
        let there = records.by_id(record.call_id).await?;
        if there.is_some_and(|there| {
            there.state == CallState::Ended && there.outcome.as_deref() != Some(ENGINE_STOPPED)
        }) {
            return Ok(());
        }
    }
    if record.state == CallState::Live {
        abandon(record, unix_ms());
    }
    records.save(record).await
}

/// Removes the spooled record of this call, unless it is newer than the one that was saved.
async fn forget(shared: &Arc<Shared>, saved: &Job) -> io::Result<()> {
    let (call, revision) = (saved.record.call_id, saved.revision);
    on_disk(shared, move |shared| shared.spool.remove(call, revision)).await
}

async fn on_disk<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || work(&shared))
        .await
        .map_err(io::Error::other)?
}

impl Outage {
    fn none() -> Self {
        Self {
            database_down: false,
            disk_down: false,
            told: false,
            disk_told: false,
            next_attempt: Instant::now(),
            pause: FIRST_PAUSE,
            tried: None,
        }
    }

    fn begins(&mut self, shared: &Shared, error: &StoreError) {
        self.database_down = true;
        self.pauses();
        if !self.told {
            self.told = true;
            let folder = shared.spool.folder().display();
            tracing::error!(%error, %folder, "call records are not saved; they are kept in the spool until the database takes them");
        }
    }

    fn disk_fails(&mut self, shared: &Shared, error: &io::Error) {
        self.disk_down = true;
        self.pauses();
        if !self.disk_told {
            self.disk_told = true;
            let folder = shared.spool.folder().display();
            tracing::error!(%error, %folder, "call records are kept in memory alone: neither the database nor the spool takes them");
        }
    }

    fn pauses(&mut self) {
        self.next_attempt = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// A record was saved. If its file could not be removed, it will be saved again after a pause,
    /// which does no harm.
    fn over(&mut self, shared: &Shared, forgotten: io::Result<()>) {
        self.database_down = false;
        if let Err(error) = forgotten {
            let folder = shared.spool.folder().display();
            tracing::warn!(%error, %folder, "a spooled record could not be removed after it was saved");
            return self.pauses();
        }
        self.pause = FIRST_PAUSE;
        self.next_attempt = Instant::now();
        if self.told && shared.spool.len() == 0 {
            self.told = false;
            tracing::info!("call records are saved again, and the spool is empty");
        }
    }
}
