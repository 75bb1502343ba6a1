//! The queue of events to be saved, in the order in which they were submitted. Pure; the writer
//! holds it under a lock.

use std::collections::VecDeque;
use std::sync::Arc;

use ghanti_model::CallEvent;

/// The waiting events in order, and those that are being saved.
pub(super) struct Queue {
    capacity: usize,
    waiting: VecDeque<Arc<CallEvent>>,
    saving: Vec<Arc<CallEvent>>,
    /// Those that are being saved are in the spool as well.
    saving_is_spooled: bool,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            waiting: VecDeque::new(),
            saving: Vec::new(),
            saving_is_spooled: false,
        }
    }

    /// Queues an event. Returns it as an error if the queue is full.
    pub(super) fn push(&mut self, event: Arc<CallEvent>) -> Result<(), Arc<CallEvent>> {
        if self.waiting.len() >= self.capacity {
            return Err(event);
        }
        self.waiting.push_back(event);
        Ok(())
    }

    /// Takes the oldest events, at most `most`. They count as unsaved until `saved` or `put_back`
    /// is called.
    pub(super) fn take(&mut self, most: usize) -> Vec<Arc<CallEvent>> {
        let count = most.min(self.waiting.len());
        self.saving = self.waiting.drain(..count).collect();
        self.saving_is_spooled = false;
        self.saving.clone()
    }

    /// Records that the events taken are in the database or the spool.
    pub(super) fn saved(&mut self) {
        self.saving.clear();
    }

    /// Puts back those of the events taken that could not be stored anywhere. They are next again.
    pub(super) fn put_back(&mut self, events: Vec<Arc<CallEvent>>) {
        self.saving.clear();
        for event in events.into_iter().rev() {
            self.waiting.push_front(event);
        }
    }

    /// All that is in memory alone.
    pub(super) fn unspooled(&self) -> Vec<Arc<CallEvent>> {
        let saving = self.saving.iter().filter(|_| !self.saving_is_spooled);
        saving.chain(&self.waiting).cloned().collect()
    }

    /// The spool has the first `count` of what [`Queue::unspooled`] returned, which must be no fewer
    /// than were being saved: those that wait are saved from there.
    pub(super) fn spooled(&mut self, count: usize) {
        let saving = if self.saving_is_spooled {
            0
        } else {
            self.saving.len()
        };
        self.saving_is_spooled = true;
        let waiting = count.saturating_sub(saving).min(self.waiting.len());
        self.waiting.drain(..waiting);
    }

    /// Returns the number of waiting events.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns the events that are only in memory, in order.
    pub(super) fn unsaved(&self) -> impl Iterator<Item = &Arc<CallEvent>> {
        self.saving.iter().chain(&self.waiting)
    }

    pub(super) fn unsaved_count(&self) -> usize {
        self.saving.len() + self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use ghanti_model::{CallId, EventId, EventKind, NodeId};

    use super::*;

    fn event(unix_ms: u64) -> Arc<CallEvent> {
        Arc::new(CallEvent {
            id: EventId::generate(),
            call_id: CallId::generate(),
            node: NodeId::NONE,
            unix_ms,
            kind: EventKind::Listening,
        })
    }

    fn times(events: &[Arc<CallEvent>]) -> Vec<u64> {
        events.iter().map(|event| event.unix_ms).collect()
    }

    #[test]
    fn events_come_out_as_they_came_in() {
        let mut queue = Queue::new(9);
        (1..=5).for_each(|unix_ms| assert!(queue.push(event(unix_ms)).is_ok()));
        assert_eq!(times(&queue.take(2)), [1, 2]);
        assert_eq!((queue.len(), queue.unsaved_count()), (3, 5));
        queue.saved();
        assert_eq!(
            times(&queue.unsaved().cloned().collect::<Vec<_>>()),
            [3, 4, 5]
        );
    }

    #[test]
    fn a_full_queue_gives_the_event_back() {
        let mut queue = Queue::new(1);
        assert!(queue.push(event(1)).is_ok());
        assert_eq!(
            queue.push(event(2)).err().map(|event| event.unix_ms),
            Some(2)
        );
    }

    #[test]
    fn what_was_spooled_while_others_were_saved_does_not_wait_any_more() {
        let mut queue = Queue::new(9);
        (1..=4).for_each(|unix_ms| assert!(queue.push(event(unix_ms)).is_ok()));
        queue.take(2);
        let all = queue.unspooled();
        assert_eq!(times(&all), [1, 2, 3, 4]);
        assert!(queue.push(event(5)).is_ok());
        queue.spooled(all.len());
        assert_eq!(times(&queue.unspooled()), [5], "what came meanwhile");
        queue.spooled(1);
        assert_eq!(
            times(&queue.unsaved().cloned().collect::<Vec<_>>()),
            [1, 2],
            "still being saved"
        );
        queue.saved();
        assert_eq!(queue.unsaved_count(), 0);
    }

    #[test]
    fn what_is_put_back_is_the_next_again() {
        let mut queue = Queue::new(4);
        (1..=3).for_each(|unix_ms| assert!(queue.push(event(unix_ms)).is_ok()));
        let taken = queue.take(2);
        let is_of_call = |event: &&Arc<CallEvent>| event.call_id == taken[1].call_id;
        assert_eq!(queue.unsaved().filter(is_of_call).count(), 1);
        queue.put_back(taken);
        assert_eq!(queue.unsaved_count(), 3);
        assert_eq!(times(&queue.take(9)), [1, 2, 3]);
    }
}
