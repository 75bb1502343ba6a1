//! What the network reports of a call (the status callback, the applets after the bot), brought
//! into its record.
//!
//! Reports come late, twice, in any order and from anybody. A final status therefore stays, a
//! duration never shrinks, and what is kept is bounded.

use std::collections::BTreeMap;

use super::transfer;
use crate::event::{Cause, Repeat, StatusReported};
use crate::{CallRecord, CallState, CallStatus};

/// A record keeps so many of Exotel's words; its longest callbacks have about forty.
pub const WORDS: usize = 128;
/// A name may have so many bytes.
pub const NAME_BYTES: usize = 64;
/// A value may have so many characters.
pub const VALUE_CHARACTERS: usize = 512;
/// The outcome of a call of which no stream came.
pub const NEVER_CONNECTED: &str = "never-connected";
/// The outcome of a call that was turned away.
pub const REFUSED_BUSY: &str = "refused-busy";
/// The problem of a call of which no stream came, where nothing better is known.
const NO_STREAM: &str = "no-stream";
/// The outcomes of calls that the customer never took.
const UNTAKEN: [&str; 4] = ["not-answered", "busy", "call-failed", "call-canceled"];
/// Problems that say why there was no stream, or no applet's answer: where one is known, no other
/// cause is guessed.
const CAUSES: [&str; 14] = [
    "applet-refused",
    "message-too-long",
    "no-upgrade",
    "not-utf-8",
    "refused",
    "stream-closed-early",
    "stream-failed",
    "stream-not-started",
    "stream-refused",
    "stream-throttled",
    "unusable-start",
    "websocket-broken",
    "wrong-method",
    "wrong-path",
];

/// Takes a status callback in. A call that is over without a stream is ended by it.
pub(super) fn reported(record: &mut CallRecord, reported: &StatusReported, now_ms: u64) {
    merge(&mut record.exotel, &reported.told);
    if record.call_sid.is_none() {
        record.call_sid.clone_from(&reported.call_sid);
    }
    record.direction = record.direction.or(reported.direction);
    transfer::legs(record, &reported.agents, now_ms);
    if let Some(status) = final_status(record) {
        without_stream(record, &status, now_ms);
    }
    transfer::settle(record, now_ms, false);
}

/// The final status that was reported, if one was.
pub fn final_status(record: &CallRecord) -> Option<CallStatus> {
    status_of(&record.exotel).filter(CallStatus::is_final)
}

/// Exotel's words as far as a record keeps them, so that an event is no larger than what comes of
/// it.
pub fn bounded(told: BTreeMap<String, String>) -> BTreeMap<String, String> {
    told.into_iter()
        .filter(|(name, _)| name.len() <= NAME_BYTES)
        .take(WORDS)
        .map(|(name, value)| (name, value.chars().take(VALUE_CHARACTERS).collect()))
        .collect()
}

/// Brings newly reported words to the known ones.
pub(super) fn merge(known: &mut BTreeMap<String, String>, told: &BTreeMap<String, String>) {
    let known_final = status_of(known).filter(CallStatus::is_final);
    // of a time before the end, or another end than the first
    let is_stale =
        known_final.is_some_and(|known| status_of(told).is_some_and(|told| told != known));
    for (name, value) in told {
        let value: String = value.chars().take(VALUE_CHARACTERS).collect();
        let known_name = known
            .keys()
            .find(|known| known.eq_ignore_ascii_case(name))
            .cloned();
        let Some(known_name) = known_name else {
            if known.len() < WORDS && name.len() <= NAME_BYTES {
                known.insert(name.clone(), value);
            }
            continue;
        };
        if let Some(known) = known.get_mut(&known_name)
            && !is_stale
            && !stays(name, known, &value)
        {
            *known = value;
        }
    }
}

/// Whether a known value stands against a new one.
fn stays(name: &str, known: &str, told: &str) -> bool {
    let last = name
        .trim_end_matches(']')
        .rsplit('[')
        .next()
        .unwrap_or(name)
        .to_ascii_lowercase();
    let seconds = |text: &str| text.parse::<u64>().ok();
    match last.as_str() {
        "status" | "callstatus" => CallStatus::parse(known).is_final(),
        "conversationduration" | "oncallduration" | "duration" => {
            seconds(known).is_some() && seconds(told) < seconds(known)
        }
        _ => false,
    }
}

fn status_of(words: &BTreeMap<String, String>) -> Option<CallStatus> {
    words
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("Status"))
        .map(|(_, word)| CallStatus::parse(word))
}

/// The call is over, and it has had no stream.
fn without_stream(record: &mut CallRecord, status: &CallStatus, now_ms: u64) {
    let outcome = match status {
        CallStatus::NoAnswer => "not-answered",
        CallStatus::Busy => "busy",
        CallStatus::Failed => "call-failed",
        CallStatus::Canceled => "call-canceled",
        _ if record.state == CallState::Pending => {
            return never_connected(record, "the call is over, and no stream came", now_ms);
        }
        _ => return,
    };
    let is_guess =
        record.started_ms.is_none() && record.outcome.as_deref() == Some(NEVER_CONNECTED);
    if record.state == CallState::Pending || is_guess {
        record.problems.retain(|problem| problem.name != NO_STREAM);
        end(record, outcome, now_ms);
    }
}

/// The stream did not come in time.
pub(super) fn overdue(record: &mut CallRecord, what: &str, unnamed: Option<&Cause>, now_ms: u64) {
    if let Some(cause) = unnamed.filter(|_| !has_cause(record)) {
        let detail = format!("on a socket that named no call: {}", cause.detail);
        record.note_cause(&cause.name, &detail, Repeat::OncePerName, now_ms);
    }
    never_connected(record, what, now_ms);
}

/// Exotel says that it could not stream the call.
pub(super) fn unstreamed(record: &mut CallRecord, cause: &Cause, now_ms: u64) {
    record.note_cause(&cause.name, &cause.detail, Repeat::OncePerName, now_ms);
    never_connected(record, "Exotel could not stream this call", now_ms);
}

/// Ends a call that waits for its stream. Where the cause is not known already, it is the commonest
/// mistake in an Exotel flow.
pub(super) fn never_connected(record: &mut CallRecord, what: &str, now_ms: u64) {
    if record.state != CallState::Pending {
        return;
    }
    if !has_cause(record) {
        let detail = format!(
            "{what}: the Exotel flow has no Voicebot applet after Passthru, or its URL is wrong; GET /websocket-url tells the right one"
        );
        record.note_cause(NO_STREAM, &detail, Repeat::OncePerName, now_ms);
    }
    end(record, NEVER_CONNECTED, now_ms);
}

fn end(record: &mut CallRecord, outcome: &str, now_ms: u64) {
    record.state = CallState::Ended;
    record.outcome = Some(outcome.to_owned());
    record.ended_ms.get_or_insert(now_ms);
}

/// Whether the record says why there was no stream, or why an applet got no answer.
pub fn has_cause(record: &CallRecord) -> bool {
    record
        .problems
        .iter()
        .any(|problem| CAUSES.contains(&problem.name.as_str()))
}

/// Whether the customer never took the call, as the network reported.
pub fn was_not_taken(record: &CallRecord) -> bool {
    record
        .outcome
        .as_deref()
        .is_some_and(|outcome| UNTAKEN.contains(&outcome))
}
