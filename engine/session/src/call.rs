//! A live call as the rest of the process sees it: its record so far and its journal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ghanti_dialog::journal::SharedJournal;
use ghanti_model::{CallId, CallRecord, CallSid, Problem, VersionId};
use tokio::time::Instant;

/// A live call, shared by its task, its flow and HTTP requests about it. Its locks are held only
/// briefly, never across an await.
pub struct LiveCall {
    id: CallId,
    record: Mutex<CallRecord>,
    journal: Mutex<Option<SharedJournal>>,
    started: Instant,
    started_unix_ms: u64,
}

impl LiveCall {
    /// A call whose stream starts now. `started_unix_ms` is the same moment in Unix time.
    pub fn new(record: CallRecord, journal: Option<SharedJournal>, started_unix_ms: u64) -> Self {
        Self {
            id: record.call_id,
            record: Mutex::new(record),
            journal: Mutex::new(journal),
            started: Instant::now(),
            started_unix_ms,
        }
    }

    /// Its id.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Locks the record for reading or changing. Do not hold the guard across an await.
    pub fn record(&self) -> MutexGuard<'_, CallRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the stream's start.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Converts a time since the stream's start to an [`Instant`].
    pub fn instant(&self, at_ms: u64) -> Instant {
        self.started + std::time::Duration::from_millis(at_ms)
    }

    /// Converts a time since the stream's start to milliseconds since 1970.
    pub fn unix_ms(&self, at_ms: u64) -> u64 {
        self.started_unix_ms + at_ms
    }

    /// The flow's journal, which is still growing; none if no flow was found.
    pub fn journal(&self) -> Option<SharedJournal> {
        self.journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Switches the call to another version of its flow, which continues with this journal.
    pub fn go_on_with(&self, version: VersionId, journal: SharedJournal) {
        self.record().version = Some(version);
        *self.journal.lock().unwrap_or_else(PoisonError::into_inner) = Some(journal);
    }

    /// A copy of the record as it stands, including the journal.
    pub fn snapshot(&self) -> CallRecord {
        let mut record = self.record().clone();
        record.journal = self.journal().as_ref().map(SharedJournal::snapshot);
        record
    }

    /// Adds a problem to the record and logs it.
    pub fn problem(&self, name: &str, detail: String) {
        if self.keep_problem(name, detail.clone()) {
            tracing::warn!(call = %self.id, problem = name, detail, "problem in a call");
        }
    }

    /// Like [`LiveCall::problem`], unless the record already has the same problem.
    pub fn problem_once(&self, name: &str, detail: String) {
        let is_noted = self
            .record()
            .problems
            .iter()
            .any(|problem| problem.name == name && problem.detail == detail);
        if !is_noted {
            self.problem(name, detail);
        }
    }

    /// Adds a problem to the record but not to the log, because an error message from the flow may
    /// quote the customer. Returns whether there was room for it.
    pub fn keep_problem(&self, name: &str, detail: String) -> bool {
        let unix_ms = self.unix_ms(self.now_ms());
        keep_problem(&mut self.record(), unix_ms, name, detail)
    }
}

/// Adds a problem to a record. Returns whether there was room for it.
pub fn keep_problem(record: &mut CallRecord, unix_ms: u64, name: &str, detail: String) -> bool {
    let has_room = record.problems.len() < PROBLEMS;
    if has_room {
        record.problems.push(Problem {
            unix_ms,
            name: name.to_owned(),
            detail,
        });
    }
    has_room
}

/// Problems kept per record, so that a peer that sends only invalid frames cannot grow it.
const PROBLEMS: usize = 32;

/// The calls that are live in this process: at most one per call id and one per CallSid.
#[derive(Clone, Default)]
pub struct LiveCalls(Arc<Mutex<HashMap<CallId, Arc<LiveCall>>>>);

impl LiveCalls {
    fn calls(&self) -> MutexGuard<'_, HashMap<CallId, Arc<LiveCall>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a call, unless there is one with its id or CallSid. Returns whether it was added.
    pub fn enter(&self, call: &Arc<LiveCall>) -> bool {
        let sid = call.record().call_sid.clone();
        let mut calls = self.calls();
        // every socket of a CallSid that no Passthru has bound gets a new call id
        let is_same = |other: &LiveCall| sid.is_some() && other.record().call_sid == sid;
        if calls.contains_key(&call.id) || calls.values().any(|other| is_same(other)) {
            return false;
        }
        calls.insert(call.id, Arc::clone(call));
        true
    }

    /// Removes a call.
    pub fn leave(&self, call: CallId) {
        self.calls().remove(&call);
    }

    /// The live call with this id.
    pub fn by_id(&self, call: CallId) -> Option<Arc<LiveCall>> {
        self.calls().get(&call).cloned()
    }

    /// The live call with this CallSid.
    pub fn by_sid(&self, sid: &CallSid) -> Option<Arc<LiveCall>> {
        self.calls()
            .values()
            .find(|call| call.record().call_sid.as_ref() == Some(sid))
            .cloned()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.calls().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.calls().is_empty()
    }
}
