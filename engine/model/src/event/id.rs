//! Ids of events, and the order of a call's events.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::CallId;

/// An event's id: a version 7 UUID. The ids that one process generates increase strictly.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// Generates an id from the current time and random bits.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Parses a hyphenated or plain UUID.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// Returns the id of the event that imports a call's record: the call's own id, so that two
    /// nodes which import the same record make the same event.
    pub fn of_import(call: CallId) -> Self {
        Self(call.uuid())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An event's position among those of its call: by time, then by id. The call's record is the fold
/// over its events in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventMark {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: u64,
    /// The event's id.
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
