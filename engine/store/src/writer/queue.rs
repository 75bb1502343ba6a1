//! The queue of records to be saved: one per call, the newest. Pure; the writer holds it under a
//! lock.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ghanti_model::{CallId, CallRecord};

use crate::spool::{INHERITED, Revision};

/// A record to be saved, and its revision.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) revision: Revision,
    pub(super) record: Arc<CallRecord>,
}

/// Records in the order in which their calls were queued, and the one that is being saved.
pub(super) struct Queue {
    capacity: usize,
    order: VecDeque<CallId>,
    waiting: HashMap<CallId, Job>,
    saving: Option<Job>,
    submitted: Revision,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            order: VecDeque::new(),
            waiting: HashMap::new(),
            saving: None,
            submitted: INHERITED,
        }
    }

    /// Queues a record, replacing an older one of its call. Returns the job as an error if the
    /// queue is full.
    pub(super) fn push(&mut self, record: Arc<CallRecord>) -> Result<(), Job> {
        self.submitted += 1;
        let call = record.call_id;
        let job = Job {
            revision: self.submitted,
            record,
        };
        if let Some(older) = self.waiting.get_mut(&call) {
            *older = job;
            return Ok(());
        }
        if self.waiting.len() >= self.capacity {
            return Err(job);
        }
        self.order.push_back(call);
        self.waiting.insert(call, job);
        Ok(())
    }

    /// Takes the next job. It counts as unsaved until `saved` or `put_back` is called.
    pub(super) fn take(&mut self) -> Option<Job> {
        let call = self.order.pop_front()?;
        self.saving = self.waiting.remove(&call);
        self.saving.clone()
    }

    /// The job taken is in the database or the spool.
    pub(super) fn saved(&mut self) {
        self.saving = None;
    }

    /// The job taken could not be stored anywhere. It is next again, unless a newer record of its
    /// call has been queued.
    pub(super) fn put_back(&mut self) {
        let Some(job) = self.saving.take() else {
            return;
        };
        let call = job.record.call_id;
        if !self.waiting.contains_key(&call) {
            self.order.push_front(call);
            self.waiting.insert(call, job);
        }
    }

    /// All records that are only in memory.
    pub(super) fn unsaved(&self) -> Vec<Job> {
        self.waiting.values().chain(&self.saving).cloned().collect()
    }

    pub(super) fn unsaved_count(&self) -> usize {
        self.waiting.len() + usize::from(self.saving.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(call: CallId, created_ms: u64) -> Arc<CallRecord> {
        Arc::new(CallRecord::new(call, created_ms))
    }

    #[test]
    fn the_newest_record_of_a_call_takes_the_place_of_the_older() {
        let mut queue = Queue::new(2);
        let (first, second) = (CallId::generate(), CallId::generate());
        assert!(queue.push(record(first, 1)).is_ok());
        assert!(queue.push(record(second, 2)).is_ok());
        assert!(
            queue.push(record(first, 3)).is_ok(),
            "a full queue still takes a newer record of a call it holds"
        );
        let job = queue.take().unwrap();
        assert_eq!(
            (job.record.call_id, job.record.created_ms, job.revision),
            (first, 3, 3)
        );
    }

    #[test]
    fn a_full_queue_gives_the_record_back() {
        let mut queue = Queue::new(1);
        assert!(queue.push(record(CallId::generate(), 1)).is_ok());
        assert_eq!(
            queue
                .push(record(CallId::generate(), 2))
                .err()
                .map(|job| job.revision),
            Some(2)
        );
    }

    #[test]
    fn what_is_put_back_does_not_hide_a_newer_record() {
        let mut queue = Queue::new(4);
        let call = CallId::generate();
        queue.push(record(call, 1)).ok().unwrap();
        queue.take().unwrap();
        queue.push(record(call, 2)).ok().unwrap();
        assert_eq!(queue.unsaved_count(), 2);
        queue.put_back();
        assert_eq!(queue.unsaved_count(), 1);
        assert_eq!(queue.take().unwrap().record.created_ms, 2);
    }
}
