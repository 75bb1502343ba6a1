//! The records of calls that are not live, in memory: bounded by number and by size, as a journal
//! may have megabytes. What is dropped is read from the database.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ghanti_journal::weight;
use ghanti_model::{CallEvent, CallId, CallLog, CallRecord, CallSid, CallState};
use ghanti_store::StoreError;
use tokio::time::Instant;

/// Maximum number of records of calls that are not live kept in memory: calls waiting for their
/// stream, and ended calls about which applets may still ask. The oldest are dropped; the database
/// has them.
const RECENT: usize = 4_096;
/// The most that these records may take, mostly journals, by the size of their texts. The oldest
/// ended ones beyond it are dropped, once the database has them.
const RECENT_BYTES: usize = 64 << 20;
/// How long to wait before the database is asked again about a call, after it did not answer.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// A call that is not live.
pub(crate) struct Entry {
    pub(crate) log: CallLog,
    /// Events recorded here while it was unknown what the database has of the call.
    pub(crate) unmerged: Vec<Arc<CallEvent>>,
    /// Whether the log includes what the database had.
    pub(crate) is_merged: bool,
    /// When the database, which did not answer, may be asked again.
    ask_after: Option<Instant>,
    /// What it counts in [`RECENT_BYTES`].
    bytes: usize,
}

impl Entry {
    /// Creates an entry from the database's answer.
    pub(crate) fn new(call: CallId, archived: Result<Option<CallLog>, StoreError>) -> Self {
        let mut entry = Self {
            log: CallLog::new(call),
            unmerged: Vec::new(),
            is_merged: archived.is_ok(),
            ask_after: None,
            bytes: 0,
        };
        match archived {
            Ok(archived) => entry.log = archived.unwrap_or(entry.log),
            Err(_) => entry.ask_later(),
        }
        entry.bytes = bytes_of(entry.log.record());
        entry
    }

    pub(crate) fn may_ask(&self) -> bool {
        self.ask_after.is_none_or(|after| after <= Instant::now())
    }

    pub(crate) fn ask_later(&mut self) {
        self.ask_after = Some(Instant::now() + ASK_AGAIN);
    }

    /// Takes in what the database has of the call: other nodes may have added to it. `is_behind`:
    /// the database does not have all events that were recorded here.
    pub(crate) fn refresh(&mut self, archived: Option<CallLog>, is_behind: bool) {
        self.ask_after = None;
        if !self.is_merged {
            return self.merge(archived, is_behind);
        }
        if let Some(archived) = archived
            && !is_behind
            && archived.last() >= self.log.last()
        {
            self.log.adopt(archived);
        }
    }

    /// Merges what the database has with what was recorded here since. If that is not possible in
    /// the order of the events, the database is asked again when it has all of them.
    fn merge(&mut self, archived: Option<CallLog>, is_behind: bool) {
        let call = self.log.record().call_id;
        let mut log = archived.unwrap_or_else(|| CallLog::new(call));
        let is_out_of_order = |event: &Arc<CallEvent>| log.last() > Some(event.mark());
        if is_behind && self.unmerged.iter().any(is_out_of_order) {
            return self.ask_later();
        }
        for event in &self.unmerged {
            // has no effect if the database has it
            log.apply(event);
        }
        self.log.adopt(log);
        self.unmerged.clear();
        self.is_merged = true;
    }
}

#[derive(Default)]
pub(crate) struct Recent {
    pub(crate) entries: HashMap<CallId, Entry>,
    pub(crate) sids: HashMap<CallSid, CallId>,
    order: VecDeque<CallId>,
    /// What the entries take, together.
    bytes: usize,
}

impl Recent {
    pub(crate) fn put(&mut self, entry: Entry) {
        let call = entry.log.record().call_id;
        self.bytes += entry.bytes;
        match self.entries.insert(call, entry) {
            Some(before) => self.bytes -= before.bytes,
            None => self.order.push_back(call),
        }
    }

    /// Takes note of what an entry takes now.
    pub(crate) fn measure(&mut self, call: CallId) {
        if let Some(entry) = self.entries.get_mut(&call) {
            self.bytes -= entry.bytes;
            entry.bytes = bytes_of(entry.log.record());
            self.bytes += entry.bytes;
        }
    }

    /// Drops the oldest ended calls while all take too much, but for `newest` and those that the
    /// database does not have.
    pub(crate) fn shrink(&mut self, newest: CallId, is_behind: impl Fn(CallId) -> bool) {
        if self.bytes <= RECENT_BYTES {
            return;
        }
        for call in Vec::from(self.order.clone()) {
            let is_over = |entry: &Entry| entry.log.record().state == CallState::Ended;
            let may_go = call != newest && self.entries.get(&call).is_some_and(is_over);
            if may_go && !is_behind(call) {
                self.forget(call);
            }
            if self.bytes <= RECENT_BYTES {
                return;
            }
        }
    }

    /// Indexes the call by its CallSid, and drops the oldest entry if there are too many.
    pub(crate) fn place(&mut self, call: CallId) {
        let sid = self
            .entries
            .get(&call)
            .and_then(|entry| entry.log.record().call_sid.clone());
        if let Some(sid) = sid {
            self.sids.insert(sid, call);
        }
        if self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
            && let Some(oldest) = self.entries.remove(&oldest)
        {
            self.bytes -= oldest.bytes;
            if let Some(sid) = &oldest.log.record().call_sid {
                self.sids.remove(sid);
            }
        }
    }

    pub(crate) fn forget(&mut self, call: CallId) {
        if let Some(gone) = self.entries.remove(&call) {
            self.bytes -= gone.bytes;
        }
        self.order.retain(|known| *known != call);
        self.sids.retain(|_, known| *known != call);
    }

    pub(crate) fn by_sid(&self, sid: &CallSid) -> Option<CallId> {
        let call = self.sids.get(sid)?;
        let entry = self.entries.get(call)?;
        (entry.log.record().call_sid.as_ref() == Some(sid)).then_some(*call)
    }
}

/// What a record takes, approximately: its journal and transcript, and a little for the rest.
fn bytes_of(record: &CallRecord) -> usize {
    /// Of a record, a line or an entry besides its texts.
    const REST: usize = 256;
    let entries = record.journal.iter().flat_map(|journal| &journal.entries);
    let entries = entries.map(|entry| REST + weight(&entry.arguments) + weight(&entry.answer));
    let lines = record.transcript.iter();
    let lines = lines.map(|line| REST + line.text.expose().len());
    entries.chain(lines).sum::<usize>() + 4 * REST
}

#[cfg(test)]
mod tests {
    use ghanti_model::{EventKind, NodeId};

    use super::*;

    /// An ended call whose transcript has so many bytes.
    fn ended(bytes: usize) -> Entry {
        let mut log = CallLog::new(CallId::generate());
        let detail = "d".repeat(bytes);
        let repeat = ghanti_model::event::Repeat::OncePerSentence;
        log.emit(
            NodeId::NONE,
            1,
            EventKind::problem(1, "large", detail, repeat),
        );
        log.emit(NodeId::NONE, 1, EventKind::StreamClosed);
        Entry::new(log.record().call_id, Ok(Some(log)))
    }

    #[test]
    fn ended_calls_with_large_records_leave_memory_once_they_are_stored() {
        let mut recent = Recent::default();
        let mut calls = Vec::new();
        for _ in 0..100 {
            let mut entry = ended(1);
            // as with a full journal
            entry.bytes = 4 << 20;
            let call = entry.log.record().call_id;
            recent.put(entry);
            recent.shrink(call, |call| Some(&call) == calls.first());
            calls.push(call);
        }
        assert!(recent.bytes <= RECENT_BYTES, "{}", recent.bytes);
        assert_eq!(recent.entries.len(), RECENT_BYTES / (4 << 20));
        let kept = |call: &CallId| recent.entries.contains_key(call);
        assert!(kept(&calls[0]), "the database does not have it yet");
        assert!(!kept(&calls[1]) && calls[90..].iter().all(kept));
    }
}
