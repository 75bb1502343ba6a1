//! The records of calls, wherever they are: of live calls, of calls about to connect or just ended,
//! and of all others in the database.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ghanti_model::{CallId, CallRecord, CallSid, CallState, PhoneNumber};
use ghanti_store::{CallRecords, DoNotCall, RecordWriter, StoreError};

use crate::call::{LiveCall, LiveCalls};
use crate::outcomes::Outcomes;
use crate::transfer;
use ghanti_model::unix_ms;

/// So many records of calls that are not live are kept at hand: those that wait for their stream,
/// and those whose last applets have yet to ask. The oldest go first; they are in the database.
const RECENT: usize = 4_096;
/// So many customers who asked not to be called are known without the database, which has them
/// moments later.
const WISHES: usize = 4_096;
/// How long the database may take to find a record.
const READ: Duration = Duration::from_millis(800);

/// All records. Changing one never waits for the database: it is read at most, and written later.
pub struct CallRegistry {
    live: LiveCalls,
    recent: Mutex<Recent>,
    writer: RecordWriter,
    archive: Arc<dyn CallRecords>,
    outcomes: Outcomes,
    transfers: Outcomes,
    wishes: Mutex<HashMap<PhoneNumber, DoNotCall>>,
    /// Held while a record is changed or moves from the live calls to the recent ones: an applet
    /// asks in the very moment in which the stream ends.
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
    /// A registry over a database and the writer to it.
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

    /// The writer, to be flushed at the end.
    pub fn writer(&self) -> &RecordWriter {
        &self.writer
    }

    /// The database behind.
    pub fn archive(&self) -> &Arc<dyn CallRecords> {
        &self.archive
    }

    /// How many calls have ended with each outcome since the start; those of flows beyond a bound
    /// under `others`.
    pub fn outcomes(&self) -> BTreeMap<String, u64> {
        self.outcomes.all()
    }

    fn count(&self, record: &CallRecord) {
        self.outcomes
            .count(record.outcome.as_deref().unwrap_or("none"));
    }

    /// What has become of transfers since the start. One of which something better was reported
    /// afterwards counts under both.
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

    /// Whether a customer has asked not to be called any more.
    pub async fn do_not_call(&self, phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError> {
        let unsaved = self.wishes().get(phone).copied();
        match unsaved {
            Some(wish) => Ok(Some(wish)),
            None => bounded(self.archive.do_not_call(phone)).await,
        }
    }

    /// A customer may be called again. Tells whether they had asked not to be.
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

    /// The call of a CallSid, where this process has heard of it: at once.
    pub fn known(&self, sid: &CallSid) -> Option<CallId> {
        let live = self.live.by_sid(sid).map(|live| live.id());
        live.or_else(|| self.recent().sids.get(sid).copied())
    }

    /// A record, as it stands now.
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

    /// The record of an Exotel CallSid.
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

    /// Changes a record, which is made if there is none, and hands it to the writer.
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

    /// A call's stream begins. Tells whether it is the only one of its call.
    pub fn begin(&self, call: &Arc<LiveCall>) -> bool {
        let only = self.live.enter(call);
        if only {
            self.writer.submit(call.snapshot());
        }
        only
    }

    /// A call's record is whole.
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

    /// As often as it takes for both orders, and what is between them, to happen.
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
