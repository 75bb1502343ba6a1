//! The progress of a transfer: decided, requested by the Connect applet, answered by an agent or
//! not.
//!
//! The flow decides a transfer; Exotel's applets carry it out after the stream, if the Exotel flow
//! is built for it. The outcome is derived from everything reported so far, in whatever order it
//! arrived.

use super::network::{final_status, has_cause};
use crate::event::{LegReport, Repeat};
use crate::{AgentLeg, AgentLegState, CallRecord, CallState, ConnectAsked, Decision, Outcome};

/// Problem of a transfer for which the Connect applet never asked for the agents' numbers; the
/// outcome has the same name.
pub const NEVER_ASKED: &str = Outcome::AgentsNeverAsked.as_str();

/// Returns whether an outcome is one of a transfer's.
pub fn is_outcome(outcome: &str) -> bool {
    Outcome::parse(outcome).is_some_and(Outcome::is_of_transfer)
}

/// Returns whether the call's decision is a transfer.
pub fn is_decided(record: &CallRecord) -> bool {
    matches!(record.decision, Some(Decision::Transfer { .. }))
}

/// Sets the outcome of a call that ended with a transfer, from everything known. `is_overdue` says
/// that the applets have had enough time to ask.
pub(super) fn update_outcome(record: &mut CallRecord, now_ms: u64, is_overdue: bool) {
    if record.state != CallState::Ended || !is_decided(record) {
        return;
    }
    let was = record
        .outcome
        .take()
        .unwrap_or_else(|| Outcome::TransferDecided.to_string());
    let (passthru_after, is_asked, leg) = match &record.transfer {
        None => (false, false, None),
        Some(transfer) => (
            transfer.passthru_after_ms.is_some(),
            transfer.asked.iter().any(|asked| !asked.numbers.is_empty()),
            transfer.leg.as_ref().map(|leg| leg.state),
        ),
    };
    let is_over =
        is_overdue || was == Outcome::AgentsNeverAsked.as_str() || final_status(record).is_some();
    let outcome = match leg {
        Some(AgentLegState::Answered) => Outcome::Transferred,
        Some(AgentLegState::Busy) => Outcome::AgentBusy,
        Some(AgentLegState::NotAnswered) => Outcome::AgentsNotAnswering,
        Some(AgentLegState::Failed) => Outcome::AgentUnreachable,
        Some(AgentLegState::Cancelled) => Outcome::HungUpBeforeAgent,
        Some(AgentLegState::Dialled | AgentLegState::Ringing) => Outcome::TransferDecided,
        None if is_asked || !is_over => Outcome::TransferDecided,
        None => Outcome::AgentsNeverAsked,
    };
    if outcome == Outcome::AgentsNeverAsked {
        let detail = never_asked(record, passthru_after);
        record.note_cause(NEVER_ASKED, &detail, Repeat::OncePerName, now_ms);
    } else {
        record
            .problems
            .retain(|problem| problem.name != NEVER_ASKED);
    }
    // an outcome that says how the conversation failed matters more than the transfer's
    record.outcome = Some(if is_outcome(&was) {
        outcome.to_string()
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
             URLs are wrong; GET /websocket-url returns the right ones"
        }
    };
    format!("a transfer was decided, and no agent's number was ever asked for: {why}")
}

/// Applies a request of a Passthru applet: of the one after the bot, or of the one after Connect,
/// which reports how the agent's leg ended.
pub(super) fn passthru_after(
    record: &mut CallRecord,
    leg: &LegReport,
    at_ms: Option<u64>,
    now_ms: u64,
) {
    if is_decided(record) {
        record
            .transfer
            .get_or_insert_default()
            .passthru_after_ms
            // Connect may have asked by the time that it is recorded
            .get_or_insert(at_ms.map_or(now_ms, |at_ms| at_ms.min(now_ms)));
    }
    if has_asked(record) {
        report(record, leg, now_ms);
        // the applet after Connect asks as soon as the conversation is over
        if let (Some(AgentLegState::Answered), Some(talked_s)) = (leg.state, leg.talked_s)
            && talked_s > 0
        {
            answered(record, now_ms.saturating_sub(u64::from(talked_s) * 1_000));
        }
    }
    update_outcome(record, now_ms, false);
}

/// Applies a request of the Connect applet, which was answered with these numbers.
pub(super) fn connect_answered(record: &mut CallRecord, numbers: &[String], now_ms: u64) {
    let is_wanted = is_decided(record) || !numbers.is_empty();
    record.transfer.get_or_insert_default().ask(ConnectAsked {
        unix_ms: now_ms,
        numbers: numbers.to_vec(),
    });
    if !is_wanted {
        let detail = "Exotel asked `/connect` although no transfer was decided, and was given no number: lead the 200 branch (or the case \
                      `hang-up`) of the Passthru after the bot to Hangup";
        record.note_cause(
            "connect-without-transfer",
            detail,
            Repeat::OncePerName,
            now_ms,
        );
    }
    update_outcome(record, now_ms, false);
}

/// Applies a report of Connect's event URL on the progress of an agent's leg.
pub(super) fn agent_reported(record: &mut CallRecord, leg: &LegReport, now_ms: u64) {
    report(record, leg, now_ms);
    if leg.state == Some(AgentLegState::Answered) && leg.talked_s.is_none() {
        answered(record, now_ms);
    }
    update_outcome(record, now_ms, false);
}

fn answered(record: &mut CallRecord, unix_ms: u64) {
    if let Some(transfer) = &mut record.transfer {
        transfer.answered(unix_ms);
    }
}

/// Applies the agents' legs of a status callback.
pub(super) fn legs(record: &mut CallRecord, agents: &[LegReport], now_ms: u64) {
    if is_decided(record) {
        for leg in agents {
            report(record, leg, now_ms);
        }
    }
}

/// Returns whether the Connect applet has asked, or an agent's leg has been reported.
pub fn has_asked(record: &CallRecord) -> bool {
    record
        .transfer
        .as_ref()
        .is_some_and(|transfer| !transfer.asked.is_empty() || transfer.leg.is_some())
}

fn report(record: &mut CallRecord, leg: &LegReport, now_ms: u64) {
    if let Some(state) = leg.state {
        record.transfer.get_or_insert_default().report(AgentLeg {
            state,
            unix_ms: now_ms,
            agent: leg.agent.clone(),
            talked_s: leg.talked_s,
        });
    }
}
