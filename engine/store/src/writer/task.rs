//! The task of an [`super::EventWriter`]: saves queued events in the database or else in the spool,
//! and spooled events in the database.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ghanti_model::{
    CallEvent, CallId, CallRecord, CallState, EventId, EventKind, NodeId, Outcome, unix_ms,
};
use tokio::time::Instant;

use super::{Shared, by_call};
use crate::{CallRecords, StoreError};

/// The pause before a failed database is tried again; it doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Maximum number of events in one transaction.
const BATCH: usize = 128;

/// How many spooled calls are saved before the next queued batch, so that the queue does not fill up.
const CALLS_IN_TURN: usize = 32;

/// How long an event may wait for others to join its batch. Together with the deadline of the
/// transaction, one second, this bounds what is lost if the process is killed, unless spooled
/// events are being replayed.
const GATHER: Duration = Duration::from_millis(200);

/// Events that have waited for the database this long go to the spool as well, so that a process
/// that is killed loses at most half a second.
const SLOW: Duration = Duration::from_millis(250);

/// The longest pause, and so the longest time before the return of the database is noticed.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The state of the database and the disk.
struct Outage {
    /// The last attempt failed: until the next one is due, events go to the spool.
    database_down: bool,
    /// The spool failed too: until the next attempt, events stay in the queue.
    disk_down: bool,
    /// The outage was logged, so its end must be too.
    reported: bool,
    /// The disk failure was logged.
    disk_reported: bool,
    next_attempt: Instant,
    pause: Duration,
    /// The call whose spooled events were tried last.
    tried: Option<CallId>,
}

/// Runs until the writer is dropped.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut outage = Outage::none();
    loop {
        if outage.is_due() {
            outage.disk_down = false;
            // with nothing spooled, the next queued events are the attempt
            outage.database_down &= shared.spool.len() > 0;
        }
        // some spooled calls and one queued batch in turn, so that the queue does not fill up
        // during a long replay
        for _ in 0..CALLS_IN_TURN {
            if !outage.is_due() {
                break;
            }
            let Some(call) = shared.spool.next(outage.tried) else {
                break;
            };
            replay(&shared, call, &mut outage).await;
        }
        let batch = if outage.disk_down {
            Vec::new()
        } else {
            shared.change_queue(|queue| queue.take(BATCH))
        };
        if batch.is_empty() {
            wait(&shared, &outage).await;
            continue;
        }
        save_or_spool(&shared, batch, &mut outage).await;
        let goes_on = shared.spool.len() > 0 && outage.is_due();
        if !goes_on {
            gather(&shared).await;
        }
    }
}

/// Waits until an event is queued and has gathered others, or until the next attempt is due.
async fn wait(shared: &Shared, outage: &Outage) {
    let something_kept = outage.disk_down || shared.spool.len() > 0;
    tokio::select! {
        () = shared.queued.notified(), if !outage.disk_down => gather(shared).await,
        () = tokio::time::sleep_until(outage.next_attempt), if something_kept => {}
    }
}

/// Waits for further events, so that one transaction saves those of many calls.
async fn gather(shared: &Shared) {
    let until = Instant::now() + GATHER;
    while shared.queue().len() < BATCH {
        tokio::select! {
            () = tokio::time::sleep_until(until) => return,
            () = shared.urgent.notified() => return,
            () = shared.queued.notified() => {}
        }
    }
}

async fn save_or_spool(shared: &Arc<Shared>, batch: Vec<Arc<CallEvent>>, outage: &mut Outage) {
    // a record that is made of a call's later events alone, and what it sends out, would be wrong:
    // they follow the earlier ones into the spool
    let (mut to_spool, to_save): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .partition(|event| outage.database_down || shared.spool.has(event.call_id));
    if !to_save.is_empty() {
        match despite_delay(shared, shared.records.append(&to_save)).await {
            Ok(()) => outage.over(shared, Ok(())),
            Err(error) => {
                outage.begins(shared, &error);
                to_spool.extend(to_save);
            }
        }
    }
    let is_spooled = !to_spool.is_empty();
    let (mut unkept, mut failure) = (Vec::new(), None);
    for (call, events) in by_call(to_spool) {
        let kept = events.clone();
        if let Err(error) = on_disk(shared, move |shared| shared.spool.put(call, &kept)).await {
            unkept.extend(events);
            failure = Some(error);
        }
    }
    match failure {
        // the database took all
        None if !is_spooled => shared.change_queue(|queue| queue.saved()),
        None => {
            shared.is_full.store(false, Ordering::Relaxed);
            outage.disk_reported = false;
            shared.change_queue(|queue| queue.saved());
        }
        Some(error) => {
            outage.disk_fails(shared, &error);
            shared.change_queue(|queue| queue.put_back(unkept));
        }
    }
}

/// Awaits the database. As long as it takes, events that are in memory alone go to the spool.
async fn despite_delay<T>(shared: &Arc<Shared>, save: impl Future<Output = T>) -> T {
    let mut save = pin!(save);
    loop {
        tokio::select! {
            saved = &mut save => return saved,
            () = tokio::time::sleep(SLOW) => spool_waiting(shared).await,
        }
    }
}

/// A disk that fails here is reported when the database has failed too.
async fn spool_waiting(shared: &Arc<Shared>) {
    let waiting = shared.queue().unspooled();
    let count = waiting.len();
    let spooled = on_disk(shared, move |shared| {
        by_call(waiting)
            .iter()
            .try_for_each(|(call, events)| shared.spool.put(*call, events))
    });
    if spooled.await.is_ok() {
        if count > 0 {
            shared.is_full.store(false, Ordering::Relaxed);
        }
        shared.change_queue(|queue| queue.spooled(count));
    }
}

/// Saves the spooled events of one call in the database.
async fn replay(shared: &Arc<Shared>, call: CallId, outage: &mut Outage) {
    outage.tried = Some(call);
    let spooled = match on_disk(shared, move |shared| shared.spool.read(call)).await {
        Ok(Some(found)) => found,
        Ok(None) => return,
        Err(error) => {
            let folder = shared.spool.folder().display();
            tracing::error!(%call, %error, %folder, "spooled events could not be read");
            return outage.pauses();
        }
    };
    let saved = async {
        if let Some(record) = spooled.record {
            save_inherited(shared.records.as_ref(), record).await?;
        }
        for events in spooled.events.chunks(BATCH) {
            shared.records.append(events).await?;
        }
        Ok(())
    };
    match despite_delay(shared, saved).await {
        Ok(()) => {
            let removed = on_disk(shared, move |shared| {
                shared.spool.remove(call, spooled.bytes)
            });
            outage.over(shared, removed.await);
            // for those who wait until it is stored
            shared.change_queue(|_| ());
        }
        Err(error) => outage.begins(shared, &error),
    }
}

/// Saves a record left in the spool by an engine version without events. A call that was live then
/// has ended. That engine may have died after it saved the end of the call and before it removed
/// the older file, so an end that is in the database is kept, unless it was only assumed
/// (`engine-stopped`).
async fn save_inherited(records: &dyn CallRecords, record: CallRecord) -> Result<(), StoreError> {
    if record.state != CallState::Ended {
        let there = records.by_id(record.call_id).await?;
        if there.is_some_and(|there| {
            there.state == CallState::Ended && !there.has_outcome(Outcome::EngineStopped)
        }) {
            return Ok(());
        }
    }
    let mut events = Vec::new();
    if record.state == CallState::Live {
        events.push(Arc::new(CallEvent {
            id: EventId::generate(),
            call_id: record.call_id,
            node: NodeId::NONE,
            unix_ms: unix_ms(),
            kind: EventKind::Abandoned,
        }));
    }
    events.push(Arc::new(CallEvent::imported(record)));
    records.append(&events).await
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
            reported: false,
            disk_reported: false,
            next_attempt: Instant::now(),
            pause: FIRST_PAUSE,
            tried: None,
        }
    }

    fn begins(&mut self, shared: &Shared, error: &StoreError) {
        self.database_down = true;
        self.pauses();
        if !self.reported {
            self.reported = true;
            let folder = shared.spool.folder().display();
            tracing::error!(%error, %folder, "events of calls are not saved; they are kept in the spool until the database takes them");
        }
    }

    fn disk_fails(&mut self, shared: &Shared, error: &io::Error) {
        self.disk_down = true;
        shared.is_full.store(true, Ordering::Relaxed);
        self.pauses();
        if !self.disk_reported {
            self.disk_reported = true;
            let folder = shared.spool.folder().display();
            tracing::error!(%error, %folder, "events of calls are kept in memory alone: neither the database nor the spool takes them");
        }
    }

    /// Whether the next attempt is due.
    fn is_due(&self) -> bool {
        Instant::now() >= self.next_attempt
    }

    fn pauses(&mut self) {
        self.next_attempt = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Events were saved. If their file could not be removed, they will be saved again after a
    /// pause, which does no harm.
    fn over(&mut self, shared: &Shared, forgotten: io::Result<()>) {
        self.database_down = false;
        shared.is_full.store(false, Ordering::Relaxed);
        if let Err(error) = forgotten {
            let folder = shared.spool.folder().display();
            tracing::warn!(%error, %folder, "spooled events could not be removed after they were saved");
            return self.pauses();
        }
        self.pause = FIRST_PAUSE;
        self.next_attempt = Instant::now();
        if self.reported && shared.spool.len() == 0 {
            self.reported = false;
            tracing::info!("events of calls are saved again, and the spool is empty");
        }
    }
}
