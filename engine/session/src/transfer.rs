//! The progress of a transfer: decided, requested by the Connect applet, answered by an agent or
//! not. Pure.
//!
//! The flow decides a transfer; Exotel's applets carry it out after the stream, if the Exotel flow
//! is built for it. The outcome is derived from everything reported so far, in whatever order it
//! arrived.

use ghanti_exotel::CallStatus;
use ghanti_exotel::applet::{Leg, PassthruRequest};
use ghanti_model::{
    AgentLeg, AgentLegState, CallRecord, CallState, ConnectAsked, Decision, PhoneNumber,
};

use crate::network::{final_status, has_cause, note};

/// Outcome of a transfer about which nothing more is known.
pub const DECIDED: &str = "transfer-decided";
/// Outcome of a transfer for which the Connect applet never asked for the agents' numbers.
const NEVER_ASKED: &str = "agents-never-asked";
/// All outcomes of transfers.
const OUTCOMES: [&str; 7] = [
    DECIDED,
    NEVER_ASKED,
    "agent-busy",
    "agent-unreachable",
    "agents-not-answering",
    "hung-up-before-agent",
    "transferred",
];

/// Whether an outcome is one of a transfer's.
pub fn is_outcome(outcome: &str) -> bool {
    OUTCOMES.contains(&outcome)
}

/// Whether the call's decision is a transfer.
pub fn is_decided(record: &CallRecord) -> bool {
    matches!(record.decision, Some(Decision::Transfer { .. }))
}

/// Sets the outcome of a call that ended with a transfer, from everything known. `is_overdue` says
/// that the applets have had enough time to ask.
pub fn settle(record: &mut CallRecord, now_ms: u64, is_overdue: bool) {
    if record.state != CallState::Ended || !is_decided(record) {
        return;
    }
    let was = record.outcome.take().unwrap_or_else(|| DECIDED.to_owned());
    let (passthru_after, is_asked, leg) = match &record.transfer {
        None => (false, false, None),
        Some(transfer) => (
            transfer.passthru_after_ms.is_some(),
            transfer.asked.iter().any(|asked| !asked.numbers.is_empty()),
            transfer.leg.as_ref().map(|leg| leg.state),
        ),
    };
    let is_over = is_overdue || was == NEVER_ASKED || final_status(record).is_some();
    let outcome = match leg {
        Some(AgentLegState::Answered) => "transferred",
        Some(AgentLegState::Busy) => "agent-busy",
        Some(AgentLegState::NotAnswered) => "agents-not-answering",
        Some(AgentLegState::Failed) => "agent-unreachable",
        Some(AgentLegState::Cancelled) => "hung-up-before-agent",
        Some(AgentLegState::Dialled | AgentLegState::Ringing) => DECIDED,
        None if is_asked || !is_over => DECIDED,
        None => NEVER_ASKED,
    };
    if outcome == NEVER_ASKED {
        let detail = never_asked(record, passthru_after);
        note(record, NEVER_ASKED, detail, now_ms);
    } else {
        record
            .problems
            .retain(|problem| problem.name != NEVER_ASKED);
    }
    // an outcome that says how the conversation failed matters more than the transfer's
    record.outcome = Some(if is_outcome(&was) {
        outcome.to_owned()
    } else {
        was
    });
}

fn never_asked(record: &CallRecord, passthru_after: bool) -> String {
    let why = match (has_cause(record), passthru_after) {
        (true, _) => "the other problems of this call say why",
        (false, true) => {
            "`/passthru/after` was asked and `/connect` was not: its transfer branch leads to no Connect applet, Connect has another URL, or the \
             caller hung up in between; GET /websocket-url tells the URLs and the branches"
        }
        (false, false) => {
            "neither `/passthru/after` nor `/connect` was asked: the Exotel flow has no Passthru and Connect after the Voicebot applet, or their \
             URLs are wrong; GET /websocket-url tells the right ones"
        }
    };
    format!("a transfer was decided, and no agent's number was ever asked for: {why}")
}

/// A Passthru applet asked: the one after the bot, or the one after Connect, which reports how the
/// agent's leg ended.
pub fn passthru_after(record: &mut CallRecord, request: &PassthruRequest, now_ms: u64) {
    if is_decided(record) {
        record
            .transfer
            .get_or_insert_default()
            .passthru_after_ms
            .get_or_insert(now_ms);
    }
    if has_asked(record) {
        report(
            record,
            ended(request),
            request.dial_whom_number.as_ref(),
            now_ms,
        );
    }
    settle(record, now_ms, false);
}

/// The Connect applet asked, and these numbers were returned.
pub fn connect_asked(record: &mut CallRecord, numbers: &[PhoneNumber], now_ms: u64) {
    let numbers: Vec<String> = numbers.iter().map(PhoneNumber::masked).collect();
    let is_wanted = is_decided(record) || !numbers.is_empty();
    record.transfer.get_or_insert_default().ask(ConnectAsked {
        unix_ms: now_ms,
        numbers,
    });
    if !is_wanted {
        let detail = "Exotel asked `/connect` although no transfer was decided, and was given no number: lead the 200 branch (or the case \
                      `hang-up`) of the Passthru after the bot to Hangup";
        note(
            record,
            "connect-without-transfer",
            detail.to_owned(),
            now_ms,
        );
    }
    settle(record, now_ms, false);
}

/// Connect's event URL reported the progress of an agent's leg.
pub fn agent_event(record: &mut CallRecord, request: &PassthruRequest, now_ms: u64) {
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
    report(record, state, request.dial_whom_number.as_ref(), now_ms);
    settle(record, now_ms, false);
}

/// Takes the legs of a status callback. The first is the customer's, the others are agents'.
pub(crate) fn legs(record: &mut CallRecord, legs: &[Leg], now_ms: u64) {
    if !is_decided(record) {
        return;
    }
    for leg in legs.iter().skip(1) {
        let talked = leg.on_call_duration_s.is_some_and(|seconds| seconds > 0);
        let state = if talked {
            Some(AgentLegState::Answered)
        } else {
            leg.status.as_ref().and_then(state_of)
        };
        report(record, state, leg.number.as_ref(), now_ms);
    }
}

fn has_asked(record: &CallRecord) -> bool {
    record
        .transfer
        .as_ref()
        .is_some_and(|transfer| !transfer.asked.is_empty() || transfer.leg.is_some())
}

/// How an agent's leg ended, as reported by an applet after Connect: in `DialCallStatus` or,
/// failing that, in `CallType`.
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

fn report(
    record: &mut CallRecord,
    state: Option<AgentLegState>,
    agent: Option<&PhoneNumber>,
    now_ms: u64,
) {
    if let Some(state) = state {
        let leg = AgentLeg {
            state,
            unix_ms: now_ms,
            agent: agent.map(PhoneNumber::masked),
        };
        record.transfer.get_or_insert_default().report(leg);
    }
}

/// Whether a request comes from an applet after Connect: the agent's leg is over, so nobody is to
/// be connected again.
pub fn is_behind_connect(record: &CallRecord, request: &PassthruRequest) -> bool {
    has_asked(record)
        && request
            .dial_call_status
            .as_ref()
            .is_some_and(CallStatus::is_final)
}

#[cfg(test)]
mod tests;
