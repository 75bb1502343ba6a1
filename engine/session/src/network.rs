//! Converts what Exotel reports about a call (status callbacks, requests of applets after the bot)
//! into events. `ghanti_model::fold::network` merges them into the record. Pure.

use ghanti_exotel::applet::PassthruRequest;
use ghanti_exotel::status::StatusCallback;
use ghanti_model::EventKind;
use ghanti_model::event::{Cause, PassthruAfter, StatusReported};

use crate::transfer;

pub use ghanti_model::fold::network::{bounded, final_status, has_cause, was_not_taken};

/// Makes the event of a status callback.
pub fn status_reported(callback: &StatusCallback) -> EventKind {
    EventKind::StatusReported(Box::new(StatusReported {
        parameters: bounded(callback.parameters.clone()),
        call_sid: callback.call_sid.clone(),
        direction: callback.direction,
        agents: transfer::agents(&callback.legs),
    }))
}

/// Makes the event of a Passthru applet's request after the bot. `problem` is what the request says
/// went wrong with the stream.
pub fn passthru_after(
    request: &PassthruRequest,
    problem: Option<Cause>,
    at_ms: Option<u64>,
) -> EventKind {
    EventKind::PassthruAfter(Box::new(PassthruAfter {
        parameters: bounded(request.parameters.clone()),
        at_ms,
        problem,
        leg: transfer::leg_at_passthru(request),
    }))
}

#[cfg(test)]
mod tests;
