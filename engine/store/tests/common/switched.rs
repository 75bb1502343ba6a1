//! A database that can be switched off and on.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ghanti_model::{
    CallEvent, CallId, CallLog, CallRecord, CallSid, EventId, EventKind, EventMark, NodeId,
    PhoneNumber,
};
use ghanti_store::{CallRecords, DialRequestKey, DoNotCall, EventWriter, NodeLease, StoreError};
use tokio::sync::watch;

/// Long enough for anything that does not wait for an outage to end.
pub const SOON: Duration = Duration::from_secs(5);

/// Keeps events in memory, and fails on demand.
#[derive(Default)]
pub struct Switched {
    down: AtomicBool,
    pub refused: Mutex<Option<CallId>>,
    pub attempts: AtomicUsize,
    /// While it is true, events are taken and not answered for.
    pub hangs: watch::Sender<bool>,
    saved: Mutex<HashMap<CallId, Vec<CallEvent>>>,
}

impl Switched {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub fn saved(&self, call: CallId) -> Option<CallRecord> {
        let saved = self.saved.lock().unwrap();
        saved
            .get(&call)
            .map(|events| CallRecord::fold(call, events))
    }

    /// Returns how many events of a call were saved, counting repeated ones each time.
    pub fn events_of(&self, call: CallId) -> usize {
        self.saved.lock().unwrap().get(&call).map_or(0, Vec::len)
    }

    /// The names of a call's notes in the order in which they were saved first.
    pub fn notes_of(&self, call: CallId) -> Vec<String> {
        let saved = self.saved.lock().unwrap();
        let mut names = Vec::new();
        for event in saved.get(&call).into_iter().flatten() {
            match &event.kind {
                EventKind::Noted { name, .. } if !names.contains(name) => names.push(name.clone()),
                _ => {}
            }
        }
        names
    }

    pub fn count(&self) -> usize {
        self.saved.lock().unwrap().len()
    }
}

#[async_trait]
impl CallRecords for Switched {
    async fn append(&self, events: &[Arc<CallEvent>]) -> Result<(), StoreError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        let mut hangs = self.hangs.subscribe();
        hangs.wait_for(|hangs| !hangs).await.unwrap();
        let refused = *self.refused.lock().unwrap();
        let is_refused = events.iter().any(|event| Some(event.call_id) == refused);
        if self.down.load(Ordering::SeqCst) || is_refused {
            return Err(StoreError::Unavailable {
                store: "the test's database",
                reason: "switched off".to_owned(),
            });
        }
        let mut saved = self.saved.lock().unwrap();
        for event in events {
            let of_call = saved.entry(event.call_id).or_default();
            of_call.push(CallEvent::clone(event));
        }
        Ok(())
    }

    async fn events(
        &self,
        call: CallId,
        _behind: Option<EventMark>,
        _limit: u32,
    ) -> Result<Vec<CallEvent>, StoreError> {
        let saved = self.saved.lock().unwrap();
        Ok(saved.get(&call).cloned().unwrap_or_default())
    }

    async fn place_of(&self, _event: EventId) -> Result<Option<(CallId, EventMark)>, StoreError> {
        Ok(None)
    }

    async fn log_by_id(&self, call: CallId) -> Result<Option<CallLog>, StoreError> {
        let saved = self.saved.lock().unwrap();
        Ok(saved.get(&call).map(|events| CallLog::of(call, events)))
    }

    async fn log_by_sid(&self, _sid: &CallSid) -> Result<Option<CallLog>, StoreError> {
        Ok(None)
    }

    async fn newest(&self, _limit: u32) -> Result<Vec<CallRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn ended_of(
        &self,
        _phone: &PhoneNumber,
        _limit: u32,
    ) -> Result<Vec<CallRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn heartbeat(
        &self,
        _node: NodeId,
        _now_unix_ms: u64,
        _lease_until_ms: u64,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn last_heartbeat(&self, _node: NodeId) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    async fn leases(&self) -> Result<Vec<NodeLease>, StoreError> {
        Ok(Vec::new())
    }

    async fn close_abandoned(
        &self,
        _node: NodeId,
        _gone: &[NodeId],
        _now_unix_ms: u64,
    ) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn claim_resumption(
        &self,
        _call: CallId,
        _nth: u32,
        _node: NodeId,
        _now_unix_ms: u64,
    ) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn claim_call_sid(
        &self,
        _sid: &CallSid,
        _call: CallId,
        _now_unix_ms: u64,
    ) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn do_not_call(&self, _phone: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError> {
        Ok(None)
    }

    async fn lift_do_not_call(
        &self,
        _phone: &PhoneNumber,
        _unsaved: Option<DoNotCall>,
        _now_unix_ms: u64,
    ) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn claim_request(
        &self,
        request: &DialRequestKey,
        _now_unix_ms: u64,
    ) -> Result<DialRequestKey, StoreError> {
        Ok(request.clone())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

pub async fn started(records: &Arc<Switched>, spool: &Path) -> EventWriter {
    EventWriter::start(Arc::clone(records) as Arc<dyn CallRecords>, spool)
        .await
        .unwrap()
}

/// Waits, in paused time, until events of this many calls are saved.
pub async fn until_saved(records: &Switched, count: usize) {
    let all = async {
        while records.count() < count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), all)
        .await
        .expect("the records are saved in the end");
}
