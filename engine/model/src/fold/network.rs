//! Merges what Exotel reports about a call (status callbacks, requests of applets after the bot)
//! into its record.
//!
//! Reports may be late, repeated, out of order or forged. So a final status is never replaced, a
//! duration never shrinks, and what is kept is bounded.

use std::collections::BTreeMap;

use super::transfer;
use crate::event::{Cause, Repeat, StatusReported};
use crate::{CallRecord, CallState, CallStatus, DialState, Outcome};

/// Maximum number of Exotel's parameters in a record; its longest callbacks have about forty.
pub const WORDS: usize = 128;
/// Maximum length of a parameter's name, in bytes; longer ones are not kept.
pub const NAME_BYTES: usize = 64;
/// Maximum length of a parameter's value, in characters; longer ones are cut.
pub const VALUE_CHARACTERS: usize = 512;
/// Problem of a call whose stream never arrived, if no better cause is known.
const NO_STREAM: &str = "no-stream";
/// Problem of a call whose Voicebot applet was given the stream's URL and never connected to it.
pub const STREAM_NEVER_OPENED: &str = "stream-never-opened";
/// Problems that explain why there was no stream, or why an applet got no answer. If a record has
/// one of them, no other cause is guessed.
const CAUSES: [&str; 16] = [
    "applet-refused",
    "dial-unknown",
    "message-too-long",
    "no-upgrade",
    "not-utf-8",
    "refused",
    "stream-closed-early",
    "stream-failed",
    STREAM_NEVER_OPENED,
    "stream-not-started",
    "stream-refused",
    "stream-throttled",
    "unusable-start",
    "websocket-broken",
    "wrong-method",
    "wrong-path",
];

/// Applies a status callback. Ends the call if it is over without having had a stream.
pub(super) fn reported(record: &mut CallRecord, reported: &StatusReported, now_ms: u64) {
    merge(&mut record.exotel, &reported.parameters);
    if record.call_sid.is_none() {
        record.call_sid.clone_from(&reported.call_sid);
    }
    record.direction = record.direction.or(reported.direction);
    transfer::legs(record, &reported.agents, now_ms);
    if let Some(status) = final_status(record) {
        without_stream(record, &status, now_ms);
    }
    transfer::update_outcome(record, now_ms, false);
}

/// Returns the final status, if one has been reported.
pub fn final_status(record: &CallRecord) -> Option<CallStatus> {
    final_status_of(&record.exotel)
}

/// Returns the final status in Exotel's parameters, such as those of a status callback, if they have one.
pub fn final_status_of(parameters: &BTreeMap<String, String>) -> Option<CallStatus> {
    status_of(parameters).filter(CallStatus::is_final)
}

/// Cuts Exotel's parameters down to what a record can keep, which also bounds the size of events.
pub fn bounded(parameters: BTreeMap<String, String>) -> BTreeMap<String, String> {
    parameters
        .into_iter()
        .filter(|(name, _)| name.len() <= NAME_BYTES)
        .take(WORDS)
        .map(|(name, value)| (name, value.chars().take(VALUE_CHARACTERS).collect()))
        .collect()
}

/// Merges newly reported parameters into the known ones.
pub(super) fn merge(known: &mut BTreeMap<String, String>, reported: &BTreeMap<String, String>) {
    let known_final = final_status_of(known);
    // reported before the call ended, or another final status than the first
    let is_stale =
        known_final.is_some_and(|known| status_of(reported).is_some_and(|status| status != known));
    for (name, value) in reported {
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

/// Returns whether a known value is kept although a new one was reported.
fn stays(name: &str, known: &str, reported: &str) -> bool {
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
            seconds(known).is_some() && seconds(reported) < seconds(known)
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

/// Sets the outcome of a call that is over without having had a stream.
fn without_stream(record: &mut CallRecord, status: &CallStatus, now_ms: u64) {
    // there was a call after all
    let is_denied = record.started_ms.is_none() && record.has_outcome(Outcome::NotDialled);
    if is_denied {
        record.detail = None;
        record.dial = record.dial.map(|_| DialState::Accepted);
    }
    let outcome = match status {
        CallStatus::NoAnswer => Outcome::NotAnswered,
        CallStatus::Busy => Outcome::Busy,
        CallStatus::Failed => Outcome::CallFailed,
        CallStatus::Canceled => Outcome::CallCanceled,
        _ if record.state == CallState::Pending || is_denied => {
            record.state = CallState::Pending;
            return never_connected(record, "the call is over, and no stream came", now_ms);
        }
        _ => return,
    };
    let is_guess = record.started_ms.is_none() && record.has_outcome(Outcome::NeverConnected);
    if record.state == CallState::Pending || is_guess || is_denied {
        record.problems.retain(|problem| problem.name != NO_STREAM);
        end(record, outcome, now_ms);
    }
}

/// Ends a call whose stream did not start in time.
pub(super) fn overdue(record: &mut CallRecord, what: &str, unnamed: Option<&Cause>, now_ms: u64) {
    if let Some(cause) = unnamed.filter(|_| !has_cause(record)) {
        let detail = format!("on a socket that named no call: {}", cause.detail);
        record.note_cause(&cause.name, &detail, Repeat::OncePerName, now_ms);
    }
    never_connected(record, what, now_ms);
}

/// Applies Exotel's report that it could not stream the call.
pub(super) fn unstreamed(record: &mut CallRecord, cause: &Cause, now_ms: u64) {
    record.note_cause(&cause.name, &cause.detail, Repeat::OncePerName, now_ms);
    never_connected(record, "Exotel could not stream this call", now_ms);
}

/// Ends a call that is still waiting for its stream. If the record names no cause, the most common
/// mistake in an Exotel flow is noted as a problem.
pub(super) fn never_connected(record: &mut CallRecord, what: &str, now_ms: u64) {
    if record.state != CallState::Pending {
        return;
    }
    if !has_cause(record) {
        let detail = format!(
            "{what}: the Exotel flow has no Voicebot applet after Passthru, or its URL is wrong; GET /websocket-url returns the right one"
        );
        record.note_cause(NO_STREAM, &detail, Repeat::OncePerName, now_ms);
    }
    end(record, Outcome::NeverConnected, now_ms);
}

fn end(record: &mut CallRecord, outcome: Outcome, now_ms: u64) {
    record.state = CallState::Ended;
    record.outcome = Some(outcome.to_string());
    record.ended_ms.get_or_insert(now_ms);
}

/// Returns whether the record says why there was no stream, or why an applet got no answer.
pub fn has_cause(record: &CallRecord) -> bool {
    record
        .problems
        .iter()
        .any(|problem| CAUSES.contains(&problem.name.as_str()))
}

/// Returns whether the customer did not answer the call, as Exotel reported.
pub fn was_not_taken(record: &CallRecord) -> bool {
    record.own_outcome().is_some_and(Outcome::is_unanswered)
}
