//! Converts what Exotel's applets and callbacks report about a transfer into events.
//! `ghanti_model::fold::transfer` derives the outcome from them. Pure.

use ghanti_exotel::CallStatus;
use ghanti_exotel::applet::{Leg, PassthruRequest};
use ghanti_model::event::{AgentReported, ConnectAnswered, LegReport};
use ghanti_model::{AgentLegState, CallRecord, EventKind, PhoneNumber};

pub use ghanti_model::fold::transfer::{has_asked, is_decided, is_outcome};

/// Maximum length of Exotel's name for an event, in characters.
const EVENT_CHARACTERS: usize = 64;

/// Returns how the agent's leg ended, as reported by a Passthru applet after Connect.
pub(crate) fn leg_at_passthru(request: &PassthruRequest) -> LegReport {
    let talked_s = request.dial_call_duration_s;
    leg(ended(request), request.dial_whom_number.as_ref(), talked_s)
}

/// Makes the event of a request of the Connect applet, which was answered with these numbers.
pub fn connect_answered(numbers: &[PhoneNumber]) -> EventKind {
    EventKind::ConnectAnswered(ConnectAnswered {
        numbers: numbers.iter().map(PhoneNumber::masked).collect(),
    })
}

/// Makes the event of a report of Connect's event URL on the progress of an agent's leg.
pub fn agent_reported(request: &PassthruRequest) -> EventKind {
    let state = match request
        .event_type
        .as_deref()
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("dial") => Some(AgentLegState::Dialled),
        Some("ringing") => Some(AgentLegState::Ringing),
        Some("answered") => Some(AgentLegState::Answered),
        // `Terminal` follows both answered and unanswered legs, and mostly does not say which
        _ => ended(request),
    };
    let event = request.event_type.as_deref();
    // only the last event comes after the conversation
    let is_last = event.is_some_and(|event| event.eq_ignore_ascii_case("terminal"));
    let talked_s = request.dial_call_duration_s.filter(|_| is_last);
    EventKind::AgentReported(AgentReported {
        event: event.map(|event| event.chars().take(EVENT_CHARACTERS).collect()),
        leg: leg(state, request.dial_whom_number.as_ref(), talked_s),
    })
}

/// Returns the agents' legs of a status callback. The first leg is the customer's, the others are
/// agents'.
pub(crate) fn agents(legs: &[Leg]) -> Vec<LegReport> {
    let reported = legs.iter().skip(1).map(|reported| {
        let talked = reported
            .on_call_duration_s
            .is_some_and(|seconds| seconds > 0);
        let state = if talked {
            Some(AgentLegState::Answered)
        } else {
            reported.status.as_ref().and_then(state_of)
        };
        leg(state, reported.number.as_ref(), reported.on_call_duration_s)
    });
    reported.collect()
}

/// A duration of nothing is that of a leg without a conversation.
fn leg(
    state: Option<AgentLegState>,
    agent: Option<&PhoneNumber>,
    talked_s: Option<u32>,
) -> LegReport {
    LegReport {
        state,
        agent: agent.map(PhoneNumber::masked),
        talked_s: talked_s.filter(|seconds| *seconds > 0),
    }
}

/// Returns how an agent's leg ended, as reported by an applet after Connect: in `DialCallStatus`
/// or, failing that, in `CallType`.
fn ended(request: &PassthruRequest) -> Option<AgentLegState> {
    let by_type = || match request.call_type.as_deref()? {
        "completed" => Some(AgentLegState::Answered),
        "client-hangup" => Some(AgentLegState::Cancelled),
        "incomplete" => Some(AgentLegState::NotAnswered),
        _ => None,
    };
    request
        .dial_call_status
        .as_ref()
        .and_then(state_of)
        .or_else(by_type)
}

fn state_of(status: &CallStatus) -> Option<AgentLegState> {
    match status {
        CallStatus::InProgress | CallStatus::Completed => Some(AgentLegState::Answered),
        CallStatus::Busy => Some(AgentLegState::Busy),
        CallStatus::NoAnswer => Some(AgentLegState::NotAnswered),
        CallStatus::Failed => Some(AgentLegState::Failed),
        CallStatus::Canceled => Some(AgentLegState::Cancelled),
        CallStatus::Ringing => Some(AgentLegState::Ringing),
        CallStatus::Queued | CallStatus::Other(_) => None,
    }
}

/// Returns whether a request comes from an applet after Connect: the agent's leg is over, so nobody
/// is to be connected again.
pub fn is_after_connect(record: &CallRecord, request: &PassthruRequest) -> bool {
    has_asked(record)
        && request
            .dial_call_status
            .as_ref()
            .is_some_and(CallStatus::is_final)
}

#[cfg(test)]
mod tests;
