//! The records of all calls: live ones, those about to connect or just ended, and older ones in the
//! database. Each is a fold over the events of its call. Events are added here, and nothing is
//! overwritten.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ghanti_model::{
    CallId, CallLog, CallRecord, CallSid, CallState, EventKind, NodeId, Outcome, PhoneNumber,
};
use ghanti_store::{CallRecords, DialRequestKey, DoNotCall, EventWriter, StoreError};

use crate::call::{LiveCall, LiveCalls};
use crate::events::Events;
use crate::outcomes::Outcomes;
use crate::recent_calls::{Entry, Recent};
use ghanti_model::unix_ms;

/// Maximum number of do-not-call requests kept in memory, which bridges the moments until they are
/// in the database. When there are more, all are dropped.
const UNSAVED_DO_NOT_CALL: usize = 4_096;
/// Timeout of a read from the database.
const READ: Duration = Duration::from_millis(800);
/// How long an answer about a call that is in memory waits for what other nodes have added.
const REFRESH: Duration = Duration::from_millis(150);

/// How a call that is in memory is asked for in the database, which may have more of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// For [`REFRESH`], and not if the database was late a moment ago: somebody waits for an answer.
    Briefly,
    /// For [`READ`]: what other nodes have added decides what happens next, such as whether a stream
    /// is a call's second one.
    ToDecide,
}

/// All call records. Events go to the writer, which saves them later; only the first event of a
/// call that is not in memory waits for a bounded read.
pub struct CallRegistry {
    live: LiveCalls,
    recent: Mutex<Recent>,
    events: Arc<Events>,
    archive: Arc<dyn CallRecords>,
    outcomes: Outcomes,
    transfers: Outcomes,
    unsaved_do_not_call: Mutex<HashMap<PhoneNumber, DoNotCall>>,
    /// Held while a record is changed or moves from the live calls to the recent ones, since an
    /// applet may ask at the very moment the stream ends.
    changing: Mutex<()>,
}

/// A record before and after an event.
#[derive(Debug)]
pub struct Change {
    /// The record before it.
    pub before: CallRecord,
    /// The record after it.
    pub after: CallRecord,
}

impl CallRegistry {
    /// Creates the registry of a node, on top of a database and its writer.
    pub fn new(node: NodeId, writer: EventWriter, archive: Arc<dyn CallRecords>) -> Self {
        Self {
            live: LiveCalls::default(),
            recent: Mutex::default(),
            events: Arc::new(Events::new(node, writer)),
            archive,
            outcomes: Outcomes::default(),
            transfers: Outcomes::default(),
            unsaved_do_not_call: Mutex::default(),
            changing: Mutex::default(),
        }
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the live calls.
    pub fn live(&self) -> &LiveCalls {
        &self.live
    }

    /// Returns the outlet of this node's events.
    pub fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// Returns the writer, for its unsaved events and so that it can be flushed at shutdown.
    pub fn writer(&self) -> &EventWriter {
        self.events.writer()
    }

    /// Returns the database.
    pub fn archive(&self) -> &Arc<dyn CallRecords> {
        &self.archive
    }

    /// Returns how many calls have ended with each outcome since the engine started. Beyond a
    /// bound, outcomes invented by flows are counted as `others`.
    pub fn outcomes(&self) -> BTreeMap<String, u64> {
        self.outcomes.all()
    }

    /// Forgets a call that is not live, so that it is read from the database again.
    pub fn forget(&self, call: CallId) {
        let _changing = self.changing();
        self.recent().forget(call);
    }

    /// Forgets ended calls that were created before a time, in milliseconds since
    /// 1970-01-01T00:00:00Z: the database has them no more.
    pub fn forget_before(&self, before_ms: u64) {
        let _changing = self.changing();
        let mut recent = self.recent();
        let is_old = |entry: &Entry| {
            let record = entry.log.record();
            record.state == CallState::Ended && record.created_ms < before_ms
        };
        let old: Vec<CallId> = recent
            .entries
            .iter()
            .filter(|(_, entry)| is_old(entry))
            .map(|(call, _)| *call)
            .collect();
        for call in old {
            recent.forget(call);
        }
    }

    /// Drops a do-not-call request from memory that is in the database.
    pub fn forget_wish(&self, phone: &PhoneNumber) {
        self.unsaved_do_not_call().remove(phone);
    }

    fn count(&self, record: &CallRecord) {
        self.outcomes
            .count(record.outcome.as_deref().unwrap_or("none"));
    }

    /// Returns how many transfers have ended with each outcome since the engine started. A transfer
    /// whose outcome was corrected by a later report counts under both.
    pub fn transfers(&self) -> BTreeMap<String, u64> {
        self.transfers.all()
    }

    fn count_transfer(&self, before: Option<&str>, record: &CallRecord) {
        if let Some(outcome) = record.own_outcome()
            && outcome.is_of_transfer()
            && outcome != Outcome::TransferDecided
            && before != Some(outcome.as_str())
        {
            self.transfers.count(outcome.as_str());
        }
    }

    /// Returns the customer's request not to be called again, if there is one. Fails if the
    /// database does not answer in time.
    pub async fn do_not_call(&self, phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError> {
        let unsaved = self.unsaved_do_not_call().get(phone).copied();
        match unsaved {
            Some(request) => Ok(Some(request)),
            None => bounded(self.archive.do_not_call(phone)).await,
        }
    }

    /// Claims the key of a request to dial, and returns the request that has it. No call waits for
    /// it, so it has the database's own deadline.
    pub async fn claim_request(
        &self,
        request: &DialRequestKey,
    ) -> Result<DialRequestKey, StoreError> {
        self.archive.claim_request(request, unix_ms()).await
    }

    /// Claims to go on here with a call whose engine has stopped. Returns whether this node may: of
    /// several, one does.
    ///
    /// # Errors
    /// The database does not answer in time: who goes on with the call is not known.
    pub async fn claim_resumption(&self, record: &CallRecord) -> Result<bool, StoreError> {
        let (call, nth, node) = (record.call_id, record.resumptions, self.events.node());
        let claimed = bounded(async {
            let claim = self.archive.claim_resumption(call, nth, node, unix_ms());
            claim.await.map(Some)
        });
        Ok(claimed.await? == Some(true))
    }

    /// Allows calls to a customer again. Returns whether they had asked not to be called.
    pub async fn lift_do_not_call(&self, phone: &PhoneNumber) -> Result<bool, StoreError> {
        let unsaved = self.unsaved_do_not_call().get(phone).copied();
        let lifted = bounded(async {
            self.archive
                .lift_do_not_call(phone, unsaved, unix_ms())
                .await
                .map(Some)
        })
        .await?;
        self.unsaved_do_not_call().remove(phone);
        Ok(lifted.is_some_and(|lifted| lifted > 0))
    }

    fn unsaved_do_not_call(&self) -> MutexGuard<'_, HashMap<PhoneNumber, DoNotCall>> {
        self.unsaved_do_not_call
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the call with this CallSid, if it is in memory. Never waits.
    pub fn known(&self, sid: &CallSid) -> Option<CallId> {
        let live = self.live.by_sid(sid).map(|live| live.id());
        live.or_else(|| self.recent().sids.get(sid).copied())
    }

    /// Returns the record of a call as this node knows it; from the database, if it does not know
    /// the call.
    pub async fn get(&self, call: CallId) -> Result<Option<CallRecord>, StoreError> {
        Ok(self.log(call).await?.map(CallLog::into_record))
    }

    /// Returns the record of the call with this CallSid, like [`CallRegistry::get`].
    pub async fn by_sid(&self, sid: &CallSid) -> Result<Option<CallRecord>, StoreError> {
        Ok(self.log_by_sid(sid).await?.map(CallLog::into_record))
    }

    /// Returns the record of a call, like [`CallRegistry::get`], with the position of its last
    /// event.
    pub async fn log(&self, call: CallId) -> Result<Option<CallLog>, StoreError> {
        self.log_asking(call, Asks::Briefly).await
    }

    /// Returns the record of a call, like [`CallRegistry::log`], with what other nodes have added
    /// as `asks` says.
    pub async fn log_asking(
        &self,
        call: CallId,
        asks: Asks,
    ) -> Result<Option<CallLog>, StoreError> {
        if let Some(live) = self.live.by_id(call) {
            return Ok(Some(live.log()));
        }
        match self.recent_log(call, asks).await {
            Some(log) => Ok(Some(log)),
            None => bounded(self.archive.log_by_id(call)).await,
        }
    }

    /// Returns what is in memory of a call's record: that of other nodes may be missing. Never waits.
    pub fn in_memory(&self, call: CallId) -> Option<CallLog> {
        let live = self.live.by_id(call).map(|live| live.log());
        live.or_else(|| {
            let recent = self.recent();
            recent.entries.get(&call).map(|entry| entry.log.clone())
        })
    }

    /// Returns the record of the call with this CallSid, like [`CallRegistry::log`].
    pub async fn log_by_sid(&self, sid: &CallSid) -> Result<Option<CallLog>, StoreError> {
        self.log_by_sid_asking(sid, Asks::Briefly).await
    }

    /// Returns the record of the call with this CallSid, like [`CallRegistry::log_asking`].
    pub async fn log_by_sid_asking(
        &self,
        sid: &CallSid,
        asks: Asks,
    ) -> Result<Option<CallLog>, StoreError> {
        if let Some(live) = self.live.by_sid(sid) {
            return Ok(Some(live.log()));
        }
        let call = self.recent().by_sid(sid);
        let recent = match call {
            Some(call) => self.recent_log(call, asks).await,
            None => None,
        };
        match recent {
            Some(log) => Ok(Some(log)),
            None => bounded(self.archive.log_by_sid(sid)).await,
        }
    }

    /// Returns the log of a call that is in memory, with what other nodes have added if the
    /// database answers in time.
    async fn recent_log(&self, call: CallId, asks: Asks) -> Option<CallLog> {
        let is_behind = {
            let recent = self.recent();
            let entry = recent.entries.get(&call)?;
            if asks == Asks::Briefly && !entry.may_ask() {
                return Some(entry.log.clone());
            }
            // asked first: what is saved meanwhile need not be in the answer
            self.writer().is_behind(call)
        };
        let within = match asks {
            Asks::Briefly => REFRESH,
            Asks::ToDecide => READ,
        };
        let archived = tokio::time::timeout(within, self.archive.log_by_id(call)).await;
        let mut recent = self.recent();
        let entry = recent.entries.get_mut(&call)?;
        match archived {
            Ok(Ok(archived)) => entry.refresh(archived, is_behind),
            Ok(Err(_)) | Err(_) => entry.ask_later(),
        }
        let log = entry.log.clone();
        recent.measure(call);
        recent.shrink(call, |call| self.writer().is_behind(call));
        Some(log)
    }

    /// Returns the record of a call with the events of all nodes, as far as the database has them.
    /// Fails if the database does not answer and the call is not in memory.
    pub async fn read(&self, call: CallId) -> Result<Option<CallRecord>, StoreError> {
        let Some(live) = self.live.by_id(call) else {
            return Ok(self.log(call).await?.map(CallLog::into_record));
        };
        // other nodes may have had reports of a live call
        let is_behind = self.writer().is_behind(call);
        let archived = bounded(self.archive.log_by_id(call)).await;
        let here = live.log();
        let whole = match archived {
            Ok(Some(there)) if !is_behind && there.last() >= here.last() => there,
            _ => here,
        };
        Ok(Some(whole.into_record()))
    }

    /// The newest calls, newest first: those of the database, and what is on its way there.
    pub async fn newest(&self, most: u32) -> Result<Vec<CallRecord>, StoreError> {
        let unsaved = self.unsaved(CallRecord::clone);
        let mut records = self.archive.newest(most).await?;
        for record in unsaved {
            match records
                .iter_mut()
                .find(|known| known.call_id == record.call_id)
            {
                Some(known) => *known = record,
                None => records.push(record),
            }
        }
        records.sort_by_key(|record| Reverse((record.created_ms, record.call_id)));
        records.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(records)
    }

    /// What is shown of calls with events that are on their way to the database. To be asked before
    /// the database is, so that no event is missed.
    pub fn unsaved<T>(&self, shown: impl Fn(&CallRecord) -> T) -> Vec<T> {
        let read = |call: CallId| {
            if let Some(live) = self.live.by_id(call) {
                return Some(shown(&live.record()));
            }
            let recent = self.recent();
            recent
                .entries
                .get(&call)
                .map(|entry| shown(entry.log.record()))
        };
        let calls = self.writer().calls_behind();
        calls.into_iter().filter_map(read).collect()
    }

    /// Records something that happened to a call, whether or not it is live or known, and hands the
    /// event to the writer. If the database does not answer what it has of the call, the returned
    /// records include only what this node knows; nothing is lost.
    pub async fn append(&self, call: CallId, kind: EventKind) -> Change {
        let is_known = self.live.by_id(call).is_some() || self.recent().entries.contains_key(&call);
        let archived = if is_known {
            Ok(None)
        } else {
            bounded(self.archive.log_by_id(call)).await
        };
        let _changing = self.changing();
        if let Some(live) = self.live.by_id(call) {
            let (before, after) = live.report(kind, unix_ms());
            return Change { before, after };
        }
        let mut recent = self.recent();
        if !recent.entries.contains_key(&call) {
            recent.put(Entry::new(call, archived));
        }
        let change = match recent.entries.get_mut(&call) {
            Some(entry) => self.change(entry, kind),
            // does not happen: the entry was inserted above
            None => Change {
                before: CallRecord::new(call, 0),
                after: CallRecord::new(call, 0),
            },
        };
        self.reindex(&mut recent, call);
        change
    }

    /// Indexes an entry that was put or changed, and drops what is too much.
    fn reindex(&self, recent: &mut Recent, call: CallId) {
        recent.measure(call);
        recent.place(call);
        recent.shrink(call, |call| self.writer().is_behind(call));
    }

    fn change(&self, entry: &mut Entry, kind: EventKind) -> Change {
        let before = entry.log.record().clone();
        if let Some(event) = entry.log.emit(self.events.node(), unix_ms(), kind) {
            let event = self.events.publish(event, entry.log.record());
            if !entry.is_merged {
                entry.unmerged.push(event);
            }
        }
        let after = entry.log.record().clone();
        if after.state == CallState::Ended && before.state != CallState::Ended {
            self.count(&after);
        }
        self.count_transfer(before.outcome.as_deref(), &after);
        Change { before, after }
    }

    /// Enters a call whose stream has started. Returns false, and does nothing, if its call id or
    /// CallSid is live already.
    pub fn begin(&self, call: &Arc<LiveCall>) -> bool {
        let only = self.live.enter(call);
        if only {
            call.open(&self.events);
        }
        only
    }

    /// Takes an ended call out of the live calls, counts its outcome, and keeps its record in
    /// memory for applets that may still ask.
    pub fn end(&self, call: &LiveCall) {
        let _changing = self.changing();
        let log = call.log();
        let record = log.record();
        self.count(record);
        self.count_transfer(None, record);
        if let (Some(request), Some(phone)) = (DoNotCall::of(record), &record.customer_number) {
            let mut unsaved = self.unsaved_do_not_call();
            if unsaved.len() >= UNSAVED_DO_NOT_CALL {
                unsaved.clear();
            }
            unsaved.insert(phone.clone(), request);
        }
        let mut recent = self.recent();
        recent.put(Entry::new(call.id(), Ok(Some(log))));
        self.reindex(&mut recent, call.id());
        drop(recent);
        self.live.leave(call.id());
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

    use ghanti_model::event::Repeat;
    use ghanti_store::SqlRecords;

    use super::*;

    /// Enough runs for both orders, and the interleavings between them, to occur.
    const TIMES: usize = 2_000;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_in_the_moment_in_which_the_call_ends_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let archive: Arc<dyn CallRecords> =
            Arc::new(SqlRecords::open(None, folder.path()).await.unwrap());
        let writer = EventWriter::start(Arc::clone(&archive), &folder.path().join("spool"))
            .await
            .unwrap();
        let registry = CallRegistry::new(NodeId::generate(), writer, Arc::clone(&archive));
        let runtime = tokio::runtime::Handle::current();
        let mut calls = Vec::new();
        for time in 0..TIMES {
            let call = LiveCall::new(CallLog::new(CallId::generate()), None, 1);
            assert!(registry.begin(&call));
            let both = Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    both.wait();
                    call.emit(EventKind::StreamClosed);
                    registry.end(&call);
                });
                scope.spawn(|| {
                    both.wait();
                    let asked =
                        EventKind::problem(1, "asked", String::new(), Repeat::OncePerSentence);
                    runtime.block_on(registry.append(call.id(), asked));
                });
            });
            let record = registry.get(call.id()).await.unwrap().unwrap();
            assert_eq!(
                (record.state, record.problems.len()),
                (CallState::Ended, 1),
                "the {time}th time"
            );
            calls.push(record);
        }
        let flushed = registry.writer().flush(Duration::from_secs(60)).await;
        assert_eq!(flushed.lost, 0);
        for record in calls.into_iter().step_by(50) {
            let saved = registry.read(record.call_id).await.unwrap();
            assert_eq!(saved, Some(record), "the database has the same");
        }
    }
}
