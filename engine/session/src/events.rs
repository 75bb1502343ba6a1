//! Where the events of this node go: to the writer that saves them, and to whoever follows them.

use std::sync::Arc;

use ghanti_model::{CallEvent, CallRecord, NodeId};
use ghanti_store::EventWriter;
use tokio::sync::broadcast;

use crate::log_lines;

/// A follower that is so many events behind loses the oldest, and has to read them from the
/// database.
const FOLLOWED: usize = 4_096;

/// The outlet of this node's events.
pub struct Events {
    node: NodeId,
    writer: EventWriter,
    followers: broadcast::Sender<Arc<CallEvent>>,
}

impl Events {
    /// The events of a node, which this writer saves.
    pub fn new(node: NodeId, writer: EventWriter) -> Self {
        Self {
            node,
            writer,
            followers: broadcast::Sender::new(FOLLOWED),
        }
    }

    /// This node.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The writer.
    pub fn writer(&self) -> &EventWriter {
        &self.writer
    }

    /// All events of this node from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<CallEvent>> {
        self.followers.subscribe()
    }

    /// Logs an event, and passes it to the writer and the followers. Never waits. `record` is the
    /// call's after the event.
    pub(crate) fn publish(&self, event: CallEvent, record: &CallRecord) -> Arc<CallEvent> {
        log_lines::log(&event, record);
        let event = Arc::new(event);
        self.writer.submit(Arc::clone(&event));
        // fails if there are no followers
        let _ = self.followers.send(Arc::clone(&event));
        event
    }
}
