//! A database that can be switched off and on.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ghanti_model::{CallId, CallRecord, CallSid, PhoneNumber};
use ghanti_store::{CallRecords, DoNotCall, RecordWriter, StoreError};

/// Long enough for anything that does not wait for an outage to end.
pub const SOON: Duration = Duration::from_secs(5);

/// Keeps records in memory, and fails on demand.
#[derive(Default)]
pub struct Switched {
    down: AtomicBool,
    pub refused: Mutex<Option<CallId>>,
    pub attempts: AtomicUsize,
    saved: Mutex<HashMap<CallId, CallRecord>>,
}

impl Switched {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub fn saved(&self, call: CallId) -> Option<CallRecord> {
        self.saved.lock().unwrap().get(&call).cloned()
    }

    pub fn count(&self) -> usize {
        self.saved.lock().unwrap().len()
    }
}

#[async_trait]
impl CallRecords for Switched {
    async fn save(&self, record: &CallRecord) -> Result<(), StoreError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) || *self.refused.lock().unwrap() == Some(record.call_id)
        {
            return Err(StoreError::Unavailable {
                store: "the test's database",
                reason: "switched off".to_owned(),
            });
        }
        self.saved
            .lock()
            .unwrap()
            .insert(record.call_id, record.clone());
        Ok(())
    }

    async fn by_id(&self, call: CallId) -> Result<Option<CallRecord>, StoreError> {
        Ok(self.saved(call))
    }

    async fn by_sid(&self, _sid: &CallSid) -> Result<Option<CallRecord>, StoreError> {
        Ok(None)
    }

    async fn newest(&self, _limit: u32) -> Result<Vec<CallRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn end_abandoned(&self, _now_unix_ms: u64) -> Result<u64, StoreError> {
        Ok(0)
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

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

pub async fn started(records: &Arc<Switched>, spool: &Path) -> RecordWriter {
    RecordWriter::start(Arc::clone(records) as Arc<dyn CallRecords>, spool)
        .await
        .unwrap()
}

/// Waits, in paused time, until this many records are saved.
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
