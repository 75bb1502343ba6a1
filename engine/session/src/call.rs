//! A live call as the rest of the process sees it: its record so far and its journal.

use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ghanti_journal::SharedJournal;
use ghanti_model::event::{HostCalled, Repeat};
use ghanti_model::{CallId, CallLog, CallRecord, CallSid, EventKind, NodeId, VersionId};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::events::Events;
use crate::listening::Monitor;

/// A live call, shared by its task, its flow and HTTP requests about it. Its locks are held only
/// briefly, never across an await.
pub struct LiveCall {
    id: CallId,
    events: Mutex<CallEvents>,
    journal: Mutex<Option<SharedJournal>>,
    /// Templates that were heard to their end, for the flow's rules.
    heard: Mutex<BTreeSet<String>>,
    /// Becomes true when an operator ends the call.
    ended: watch::Sender<bool>,
    /// The version that an operator wants it to go on with.
    wanted: watch::Sender<Option<VersionId>>,
    monitor: Monitor,
    started: Instant,
    started_unix_ms: u64,
}

/// The call's record, and the outlet for the events from which it is folded.
struct CallEvents {
    log: CallLog,
    /// The record before this stream.
    known: CallLog,
    outlet: Option<Arc<Events>>,
    /// Events before the call had its outlet. They are kept back, since the call may still be
    /// refused.
    early: Vec<EventKind>,
}

/// The locked record, for reading.
pub struct Reading<'a>(MutexGuard<'a, CallEvents>);

impl Deref for Reading<'_> {
    type Target = CallRecord;

    fn deref(&self) -> &CallRecord {
        self.0.log.record()
    }
}

impl LiveCall {
    /// Creates a call whose stream starts now. `log` is what was known about it before,
    /// `started_unix_ms` the current time in Unix milliseconds. Its events are kept back until
    /// `open`.
    pub fn new(log: CallLog, journal: Option<SharedJournal>, started_unix_ms: u64) -> Arc<Self> {
        let call = Arc::new(Self {
            id: log.record().call_id,
            events: Mutex::new(CallEvents {
                known: log.clone(),
                log,
                outlet: None,
                early: Vec::new(),
            }),
            journal: Mutex::default(),
            heard: Mutex::default(),
            ended: watch::Sender::new(false),
            wanted: watch::Sender::new(None),
            monitor: Monitor::default(),
            started: Instant::now(),
            started_unix_ms,
        });
        if let Some(journal) = journal {
            call.follow(journal);
        }
        call
    }

    /// Keeps the journal, and makes its entries events of this call.
    fn follow(self: &Arc<Self>, journal: SharedJournal) {
        let call: Weak<Self> = Arc::downgrade(self);
        journal.observe(move |began_ms, entry| {
            if let Some(call) = call.upgrade() {
                call.emit(EventKind::HostCalled(Box::new(HostCalled {
                    began_ms,
                    entry: entry.clone(),
                })));
            }
        });
        *self.journal.lock().unwrap_or_else(PoisonError::into_inner) = Some(journal);
    }

    fn events(&self) -> MutexGuard<'_, CallEvents> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the call on behalf of an operator: the stream is closed, and what follows in Exotel's flow
    /// hangs up.
    pub fn hang_up(&self) {
        self.ended.send_replace(true);
    }

    /// Whether an operator has ended it.
    pub(crate) fn is_hung_up(&self) -> bool {
        *self.ended.borrow()
    }

    /// Waits until an operator ends it.
    pub(crate) async fn hung_up(&self) {
        // fails only if there is no sender any more, which is in this call
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// Moves the call to a version of its flow on behalf of an operator, as soon as it waits for its
    /// caller and if the version comes to the same point. It stays there, whatever is newer.
    pub fn move_to(&self, version: VersionId) {
        self.wanted.send_replace(Some(version));
    }

    /// The version that an operator wants.
    pub(crate) fn wanted(&self) -> &watch::Sender<Option<VersionId>> {
        &self.wanted
    }

    /// Returns where it can be listened in on, and watched.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Returns its id.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Locks the record for reading. Do not hold the guard across an await.
    pub fn record(&self) -> Reading<'_> {
        Reading(self.events())
    }

    /// Returns a copy of the record with the position of its last event.
    pub(crate) fn log(&self) -> CallLog {
        self.events().log.clone()
    }

    /// Records something that happened to the call. The record includes it when this returns; it is
    /// saved later.
    pub fn emit(&self, kind: EventKind) {
        self.emit_at(kind, self.unix_ms(self.now_ms()));
    }

    /// Waits until what was recorded of the call is in the database or the spool. Returns whether it is,
    /// within `timeout`.
    pub async fn saved(&self, timeout: Duration) -> bool {
        let outlet = self.events().outlet.clone();
        match outlet {
            Some(outlet) => outlet.writer().saved(self.id(), timeout).await,
            None => false,
        }
    }

    fn emit_at(&self, kind: EventKind, now_ms: u64) {
        let mut events = self.events();
        let Some(outlet) = events.outlet.clone() else {
            events.early.push(kind.clone());
            events.log.emit(NodeId::NONE, now_ms, kind);
            return;
        };
        // still locked, so that events are published in their order
        if let Some(event) = events.log.emit(outlet.node(), now_ms, kind) {
            outlet.publish(event, events.log.record());
        }
    }

    /// Records something that was reported about the call. Returns the record before and after it.
    pub(crate) fn report(&self, kind: EventKind, now_ms: u64) -> (CallRecord, CallRecord) {
        let before = self.record().clone();
        self.emit_at(kind, now_ms);
        (before, self.record().clone())
    }

    /// Connects the call to the outlet, once it is the only live one with its ids: publishes the
    /// events that were kept back, and from now on every event as it happens.
    pub(crate) fn open(&self, outlet: &Arc<Events>) {
        let mut events = self.events();
        let early = std::mem::take(&mut events.early);
        events.log = events.known.clone();
        for kind in early {
            if let Some(event) = events.log.emit(outlet.node(), self.started_unix_ms, kind) {
                outlet.publish(event, events.log.record());
            }
        }
        events.outlet = Some(Arc::clone(outlet));
    }

    /// Returns how long the call had lasted when this stream began, in milliseconds: 0, unless it goes
    /// on with a call of another engine.
    pub fn lasted_before_ms(&self) -> u64 {
        let began_ms = self.record().started_ms.unwrap_or(self.started_unix_ms);
        self.started_unix_ms.saturating_sub(began_ms)
    }

    /// Returns the milliseconds since the stream's start.
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

    /// Returns the flow's journal, which is still growing; `None` if no flow was found.
    pub fn journal(&self) -> Option<SharedJournal> {
        self.journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Switches the call to another version of its flow, which continues with this journal. The
    /// journal has the observer of its predecessor, so that its entries become events too.
    pub fn go_on_with(&self, journal: SharedJournal) {
        *self.journal.lock().unwrap_or_else(PoisonError::into_inner) = Some(journal);
    }

    /// Records that a template was heard to its end.
    pub fn hears(&self, template: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if !heard.contains(template) {
            heard.insert(template.to_owned());
        }
    }

    /// Returns whether a template was heard to its end.
    pub fn has_heard(&self, template: &str) -> bool {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.contains(template)
    }

    /// Adds a problem to the record, if it has room, and logs it.
    pub fn problem(&self, name: &str, detail: String) {
        self.note(name, detail, Repeat::Always);
    }

    /// The same, unless there is one like it, or no room.
    pub fn note(&self, name: &str, detail: String, repeat: Repeat) {
        let unix_ms = self.unix_ms(self.now_ms());
        self.emit(EventKind::problem(unix_ms, name, detail, repeat));
    }
}

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

    /// Returns the live call with this id.
    pub fn by_id(&self, call: CallId) -> Option<Arc<LiveCall>> {
        self.calls().get(&call).cloned()
    }

    /// Returns the live call with this CallSid.
    pub fn by_sid(&self, sid: &CallSid) -> Option<Arc<LiveCall>> {
        self.calls()
            .values()
            .find(|call| call.record().call_sid.as_ref() == Some(sid))
            .cloned()
    }

    /// Returns the ids of all of them.
    pub fn ids(&self) -> Vec<CallId> {
        self.calls().keys().copied().collect()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.calls().len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.calls().is_empty()
    }
}
