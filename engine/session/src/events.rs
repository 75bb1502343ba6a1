//! The outlet of this node's events: to the writer that saves them, and to followers.

use std::sync::Arc;

use ghanti_model::{CallEvent, CallRecord, NodeId};
use ghanti_store::EventWriter;
use tokio::sync::broadcast;

use crate::latency::Latencies;
use crate::lateness::Lateness;
use crate::log_lines;

/// How many events a follower may lag behind. Beyond that it misses the oldest, and has to read
/// them from the database.
const FOLLOWED: usize = 4_096;

/// The outlet of this node's events.
pub struct Events {
    node: NodeId,
    writer: EventWriter,
    followers: broadcast::Sender<Arc<CallEvent>>,
    latencies: Latencies,
    lateness: Lateness,
}

impl Events {
    /// Creates the outlet of a node, whose events this writer saves.
    pub fn new(node: NodeId, writer: EventWriter) -> Self {
        Self {
            node,
            writer,
            followers: broadcast::Sender::new(FOLLOWED),
            latencies: Latencies::default(),
            lateness: Lateness::default(),
        }
    }

    /// Returns this node's id.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Returns the writer.
    pub fn writer(&self) -> &EventWriter {
        &self.writer
    }

    /// Returns how long callers have waited.
    pub fn latencies(&self) -> &Latencies {
        &self.latencies
    }

    /// Returns how late calls were attended.
    pub fn lateness(&self) -> &Lateness {
        &self.lateness
    }

    /// Subscribes to all events of this node from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<CallEvent>> {
        self.followers.subscribe()
    }

    /// Logs an event, and passes it to the writer and the followers. Never waits. `record` is the
    /// call's after the event.
    pub(crate) fn publish(&self, event: CallEvent, record: &CallRecord) -> Arc<CallEvent> {
        log_lines::log(&event, record);
        self.latencies.count(&event.kind);
        let event = Arc::new(event);
        self.writer.submit(Arc::clone(&event));
        // fails if there are no followers
        let _ = self.followers.send(Arc::clone(&event));
        event
    }
}
