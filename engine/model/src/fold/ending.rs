//! How a conversation ended, and the outcome that follows.

use super::{network, transfer};
use crate::event::{FlowEnd, Repeat, StreamEnd};
use crate::{CallRecord, CallState, Decision, DialState, Outcome, Step};

/// The disposition of a conversation in which the customer asked not to be called again.
pub const DO_NOT_CALL: &str = Outcome::DoNotCall.as_str();
/// How long after its end a call whose engine stopped may go on at another engine, in milliseconds: Exotel comes
/// again within seconds, and the end is written when the lease of 15 s has run out.
pub const RESUMABLE_MS: u64 = 30_000;
/// Detail of such a call, if the flow gave none.
const STOPPED: &str = "the engine stopped during the call";

/// Sets the record's outcome, detail and decision. `last_position` says how far the conversation
/// had come.
pub(super) fn conversation_ended(
    record: &mut CallRecord,
    stream: &StreamEnd,
    flow: Option<&FlowEnd>,
    last_position: &str,
) {
    if record.state == CallState::Ended && record.has_outcome(Outcome::EngineStopped) {
        // the node was taken for dead but was not: its own report replaces the assumed end
        record.outcome = None;
        record.detail = record.detail.take().filter(|detail| detail != STOPPED);
    }
    let returned = matches!(flow, Some(FlowEnd::Returned));
    let transfers = transfer::is_decided(record);
    let asked_not_to_be_called = record.disposition.as_deref() == Some(DO_NOT_CALL);
    let at_last_position = |outcome: Outcome| (outcome.to_string(), Some(last_position.to_owned()));
    let (outcome, detail) = match (stream, flow) {
        // once the flow has returned, its decision stands even if the caller hung up before the
        // last prompt ended; except for a transfer, since nobody is left to connect
        (StreamEnd::Finished | StreamEnd::HungUp | StreamEnd::Lost, _)
            if returned && !(transfers && *stream != StreamEnd::Finished) =>
        {
            conversation(record)
        }
        // whatever the flow made of what the machine said
        (StreamEnd::Voicemail, _) => at_last_position(Outcome::Voicemail),
        (_, Some(FlowEnd::TooLong)) => at_last_position(Outcome::TooLong),
        (_, Some(FlowEnd::Failed { reason })) => {
            (Outcome::FlowFailed.to_string(), Some(reason.clone()))
        }
        (StreamEnd::Finished, _) => (Outcome::Completed.to_string(), record.detail.take()),
        // the usual end of a call after such a request
        (StreamEnd::HungUp | StreamEnd::Lost, _) if asked_not_to_be_called => {
            at_last_position(Outcome::DoNotCall)
        }
        (StreamEnd::HungUp, _) => at_last_position(Outcome::HungUp),
        (StreamEnd::Lost, _) => at_last_position(Outcome::ConnectionLost),
        (StreamEnd::PeerLost { ever: true }, _) => at_last_position(Outcome::PeerLost),
        (StreamEnd::PeerLost { ever: false }, _) => at_last_position(Outcome::NoMedia),
        (StreamEnd::TooLong, _) => at_last_position(Outcome::TooLong),
        (StreamEnd::EngineStopped, _) => at_last_position(Outcome::EngineStopped),
        (StreamEnd::EndedByOperator, _) => at_last_position(Outcome::EndedByOperator),
    };
    record.outcome = Some(outcome);
    record.detail = detail;
    if *stream != StreamEnd::Finished || record.decision.is_none() {
        record.decision = Some(Decision::HangUp);
    }
}

/// Returns the outcome and detail of a conversation whose flow returned: the engine's own outcome
/// if it has set one, else the transfer, else the flow's disposition. A flow cannot claim an
/// outcome that only the network can report.
fn conversation(record: &mut CallRecord) -> (String, Option<String>) {
    let detail = record.detail.take();
    if let Some(own) = record.outcome.take() {
        return (own, detail);
    }
    match &record.disposition {
        _ if transfer::is_decided(record) => (Outcome::TransferDecided.to_string(), detail),
        Some(claimed) if transfer::is_outcome(claimed) => (
            Outcome::Completed.to_string(),
            Some(format!(
                "the flow called it `{claimed}` and decided no transfer"
            )),
        ),
        Some(disposition) => (disposition.clone(), detail),
        None => (Outcome::Completed.to_string(), detail),
    }
}

/// Ends a call whose node, which ran it or waited for its stream, has stopped. The outcome is
/// always the engine's own, whatever disposition the flow had set.
pub(super) fn abandoned(record: &mut CallRecord, now_ms: u64) {
    match record.state {
        CallState::Pending => {
            match record.dial {
                Some(DialState::Waiting) if record.call_sid.is_none() => {
                    record.note_cause(
                        super::DIAL_REFUSED,
                        super::DIED_WAITING,
                        Repeat::OncePerName,
                        now_ms,
                    );
                    return record.not_dialled(super::DIED_WAITING, now_ms);
                }
                Some(DialState::Asked) => {
                    let detail = super::DIED_DIALLING;
                    record.note_cause(super::DIAL_UNKNOWN, detail, Repeat::OncePerName, now_ms);
                }
                _ => {}
            }
            let what = "the engine that waited for its stream has stopped, and no stream came";
            network::never_connected(record, what, now_ms);
        }
        CallState::Live => {
            record.state = CallState::Ended;
            // the conversation may have ended already, and only the closing be missing
            if record.outcome.is_none() {
                record.outcome = Some(Outcome::EngineStopped.to_string());
                record.detail.get_or_insert_with(|| STOPPED.to_owned());
            }
            record.ended_ms = Some(now_ms);
            record.reach(Step::Completed, now_ms);
        }
        CallState::Ended => {}
    }
}
