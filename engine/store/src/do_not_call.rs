//! Customers who asked not to be called any more.

use ghanti_model::{CallId, CallRecord, CallState};
use serde::Serialize;

pub use ghanti_model::fold::ending::DO_NOT_CALL;

/// A customer's wish not to be called, which holds until it is lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DoNotCall {
    /// The call in which they said so, the newest of several.
    pub call_id: CallId,
    /// When that call ended, in milliseconds since 1970-01-01T00:00:00Z.
    pub since_ms: u64,
}

impl DoNotCall {
    /// The wish that a finished call's record holds, whatever else came of the call.
    pub fn of(record: &CallRecord) -> Option<Self> {
        let is_wish = |word: &Option<String>| word.as_deref() == Some(DO_NOT_CALL);
        let is_asked = record.state == CallState::Ended
            && (is_wish(&record.disposition) || is_wish(&record.outcome));
        is_asked.then(|| Self {
            call_id: record.call_id,
            since_ms: record.ended_ms.unwrap_or(record.created_ms),
        })
    }
}
