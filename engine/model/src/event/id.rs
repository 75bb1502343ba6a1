//! Ids of events and nodes, and the order of a call's events.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::CallId;

/// An event's id: a UUID of version 7. Of two that one process makes the later one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

/// The process that saw an event. A process that is started anew is another node: what the one
/// before it held is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(Uuid);

impl EventId {
    /// A new id, made of the time now and randomness.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads one from its hyphenated or plain spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// The id of the event that a call's record from before there were events becomes: the call's
    /// own, so that two nodes which both import it make one event.
    pub fn of_import(call: CallId) -> Self {
        Self(call.uuid())
    }
}

impl NodeId {
    /// Nobody: of events that no node saw.
    pub const NONE: Self = Self(Uuid::nil());

    /// A new node.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads one from its hyphenated or plain spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An event's place among those of its call: by time, then by id. The record of a call is the fold
/// over its events in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventMark {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// The id.
    pub id: EventId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_process_grow() {
        let ids: Vec<_> = (0..10_000).map(|_| EventId::generate()).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn ids_sort_as_text_as_they_do_as_numbers() {
        let (first, second) = (EventId::generate(), EventId::generate());
        assert!(first.to_string() < second.to_string());
        assert_eq!(EventId::parse(&first.to_string()), Some(first));
    }
}
