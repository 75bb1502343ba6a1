//! The records of all calls: live ones, those about to connect or just ended, and older ones in the
//! database.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ghanti_model::{CallId, CallRecord, CallSid, CallState, PhoneNumber};
use ghanti_store::{CallRecords, DoNotCall, RecordWriter, StoreError};

use crate::call::{LiveCall, LiveCalls};
use crate::outcomes::Outcomes;
use crate::transfer;
use ghanti_model::unix_ms;

/// How many records of calls that are not live are kept in memory: calls waiting for their stream,
/// and ended calls about which applets may still ask. The oldest are dropped; the database has
/// them.
const RECENT: usize = 4_096;
/// How many do-not-call requests are kept in memory until they are in the database, which takes
/// moments. When there are more, all are dropped.
const WISHES: usize = 4_096;
/// How long a read from the database may take.
const READ: Duration = Duration::from_millis(800);

/// All call records. Changes go to the writer, which saves them later; only the first change to a
/// record that is not in memory waits for a bounded read.
pub struct CallRegistry {
    live: LiveCalls,
    recent: Mutex<Recent>,
    writer: RecordWriter,
    archive: Arc<dyn CallRecords>,
    outcomes: Outcomes,
    transfers: Outcomes,
    wishes: Mutex<HashMap<PhoneNumber, DoNotCall>>,
    /// Held while a record is changed or moves from the live calls to the recent ones, since an
    /// applet may ask at the very moment the stream ends.
    changing: Mutex<()>,
}

#[derive(Default)]
struct Recent {
    records: HashMap<CallId, CallRecord>,
    sids: HashMap<CallSid, CallId>,
    order: VecDeque<CallId>,
}

impl Recent {
    fn put(&mut self, record: CallRecord) {
        if let Some(sid) = &record.call_sid {
            self.sids.insert(sid.clone(), record.call_id);
        }
        if self
            .records
            .insert(record.call_id, record.clone())
            .is_none()
        {
            self.order.push_back(record.call_id);
        }
        if self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
            && let Some(sid) = self
                .records
                .remove(&oldest)
                .and_then(|oldest| oldest.call_sid)
        {
            self.sids.remove(&sid);
        }
    }
}

impl CallRegistry {
    /// A registry on top of a database and its writer.
    pub fn new(writer: RecordWriter, archive: Arc<dyn CallRecords>) -> Self {
        Self {
            live: LiveCalls::default(),
            recent: Mutex::default(),
            writer,
            archive,
            outcomes: Outcomes::default(),
            transfers: Outcomes::default(),
            wishes: Mutex::default(),
            changing: Mutex::default(),
        }
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The live calls.
    pub fn live(&self) -> &LiveCalls {
        &self.live
    }

    /// The writer, so that it can be flushed at shutdown.
    pub fn writer(&self) -> &RecordWriter {
        &self.writer
    }

    /// The database.
    pub fn archive(&self) -> &Arc<dyn CallRecords> {
        &self.archive
    }

    /// How many calls have ended with each outcome since the engine started. Beyond a bound,
    /// outcomes invented by flows are counted as `others`.
    pub fn outcomes(&self) -> BTreeMap<String, u64> {
        self.outcomes.all()
    }

    fn count(&self, record: &CallRecord) {
        self.outcomes
            .count(record.outcome.as_deref().unwrap_or("none"));
    }

    /// How many transfers have ended with each outcome since the engine started. A transfer whose
    /// outcome was corrected by a later report counts under both.
    pub fn transfers(&self) -> BTreeMap<String, u64> {
        self.transfers.all()
    }

    fn count_transfer(&self, before: Option<&str>, record: &CallRecord) {
        let outcome = record.outcome.as_deref();
        if let Some(outcome) =
            outcome.filter(|outcome| transfer::is_outcome(outcome) && *outcome != transfer::DECIDED)
            && before != Some(outcome)
        {
            self.transfers.count(outcome);
        }
    }

    /// Whether the customer has asked not to be called again. Fails if the database does not answer
    /// in time.
    pub async fn do_not_call(&self, phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError> {
        let unsaved = self.wishes().get(phone).copied();
        match unsaved {
            Some(wish) => Ok(Some(wish)),
            None => bounded(self.archive.do_not_call(phone)).await,
        }
    }

    /// Allows calls to a customer again. Returns whether they had asked not to be called.
    pub async fn lift_do_not_call(&self, phone: &PhoneNumber) -> Result<bool, StoreError> {
        let unsaved = self.wishes().get(phone).copied();
        let lifted = bounded(async {
            self.archive
                .lift_do_not_call(phone, unsaved, unix_ms())
                .await
                .map(Some)
        })
        .await?;
        self.wishes().remove(phone);
        Ok(lifted.is_some_and(|lifted| lifted > 0))
    }

    fn wishes(&self) -> MutexGuard<'_, HashMap<PhoneNumber, DoNotCall>> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call with this CallSid, if it is in memory. Never waits.
    pub fn known(&self, sid: &CallSid) -> Option<CallId> {
        let live = self.live.by_sid(sid).map(|live| live.id());
        live.or_else(|| self.recent().sids.get(sid).copied())
    }

    /// The current record of a call.
    pub async fn get(&self, call: CallId) -> Result<Option<CallRecord>, StoreError> {
        if let Some(live) = self.live.by_id(call) {
            return Ok(Some(live.snapshot()));
        }
        let recent = self.recent().records.get(&call).cloned();
        match recent {
            Some(record) => Ok(Some(record)),
            None => bounded(self.archive.by_id(call)).await,
        }
    }

    /// The current record of the call with this CallSid.
    pub async fn by_sid(&self, sid: &CallSid) -> Result<Option<CallRecord>, StoreError> {
        if let Some(live) = self.live.by_sid(sid) {
            return Ok(Some(live.snapshot()));
        }
        let recent = {
            let recent = self.recent();
            let record = recent
                .sids
                .get(sid)
                .and_then(|call| recent.records.get(call));
            record
                .filter(|record| record.call_sid.as_ref() == Some(sid))
                .cloned()
        };
        match recent {
            Some(record) => Ok(Some(record)),
            None => bounded(self.archive.by_sid(sid)).await,
        }
    }

    /// Changes a record, creating it if there is none, and hands it to the writer.
    pub async fn update(&self, call: CallId, change: impl FnOnce(&mut CallRecord)) {
        let known = self.live.by_id(call).is_some() || self.recent().records.contains_key(&call);
        let archived = if known {
            None
        } else {
            bounded(self.archive.by_id(call)).await.ok().flatten()
        };
        let _changing = self.changing();
        let record = if let Some(live) = self.live.by_id(call) {
            change(&mut live.record());
            live.snapshot()
        } else {
            let mut recent = self.recent();
            let mut record = recent
                .records
                .get(&call)
                .cloned()
                .or(archived)
                .unwrap_or_else(|| CallRecord::new(call, unix_ms()));
            let (was_over, before) = (record.state == CallState::Ended, record.outcome.clone());
            change(&mut record);
            if record.state == CallState::Ended && !was_over {
                self.count(&record);
            }
            self.count_transfer(before.as_deref(), &record);
            recent.put(record.clone());
            record
        };
        self.writer.submit(record);
    }

    /// Enters a call whose stream has started. Returns false, and does nothing, if its call id or
    /// CallSid is live already.
    pub fn begin(&self, call: &Arc<LiveCall>) -> bool {
        let only = self.live.enter(call);
        if only {
            self.writer.submit(call.snapshot());
        }
        only
    }

    /// Takes an ended call out of the live calls, counts its outcome, and hands its final record to
    /// the writer.
    pub fn end(&self, call: &LiveCall) {
        let _changing = self.changing();
        let record = call.snapshot();
        self.count(&record);
        self.count_transfer(None, &record);
        if let (Some(wish), Some(phone)) = (DoNotCall::of(&record), &record.customer_number) {
            let mut wishes = self.wishes();
            if wishes.len() >= WISHES {
                wishes.clear();
            }
            wishes.insert(phone.clone(), wish);
        }
        self.recent().put(record.clone());
        self.live.leave(call.id());
        self.writer.submit(record);
    }
}

async fn bounded<T>(
    read: impl Future<Output = Result<Option<T>, StoreError>>,
) -> Result<Option<T>, StoreError> {
    tokio::time::timeout(READ, read).await.unwrap_or_else(|_| {
        Err(StoreError::Unavailable {
            store: "the call database",
            reason: format!("no answer within {} ms", READ.as_millis()),
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use ghanti_store::SqlRecords;

    use super::*;
    use crate::call::keep_problem;

    /// Enough runs for both orders, and the interleavings between them, to occur.
    const TIMES: usize = 2_000;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_in_the_moment_in_which_the_call_ends_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let archive: Arc<dyn CallRecords> =
            Arc::new(SqlRecords::open(None, folder.path()).await.unwrap());
        let writer = RecordWriter::start(Arc::clone(&archive), &folder.path().join("spool"))
            .await
            .unwrap();
        let registry = CallRegistry::new(writer, archive);
        let runtime = tokio::runtime::Handle::current();
        for time in 0..TIMES {
            let call = Arc::new(LiveCall::new(
                CallRecord::new(CallId::generate(), 1),
                None,
                1,
            ));
            assert!(registry.begin(&call));
            let both = Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    both.wait();
                    call.record().state = CallState::Ended;
                    registry.end(&call);
                });
                scope.spawn(|| {
                    both.wait();
                    runtime.block_on(registry.update(call.id(), |record| {
                        keep_problem(record, 1, "asked", String::new());
                    }));
                });
            });
            let record = registry.get(call.id()).await.unwrap().unwrap();
            assert_eq!(
                (record.state, record.problems.len()),
                (CallState::Ended, 1),
                "the {time}th time"
            );
        }
    }
}
