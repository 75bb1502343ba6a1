//! Customers who asked not to be called again.

use ghanti_model::{CallId, CallRecord, CallState};
use serde::Serialize;

pub use ghanti_model::fold::ending::DO_NOT_CALL;

/// A customer's request not to be called again, in force until it is lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DoNotCall {
    /// The call in which they asked; the newest if there are several.
    pub call_id: CallId,
    /// When that call ended or, if that is unknown, was created, in milliseconds since
    /// 1970-01-01T00:00:00Z.
    pub since_ms: u64,
}

impl DoNotCall {
    /// Returns the request in the record of an ended call, whatever else happened in the call.
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
