//! Merges what Exotel reports about a call (status callbacks, requests of applets after the bot)
//! into its record. Pure.
//!
//! Reports may be late, repeated, out of order or forged. So a final status is never replaced, a
//! duration never shrinks, and what is kept is bounded.

use std::collections::BTreeMap;

use ghanti_exotel::CallStatus;
use ghanti_exotel::status::StatusCallback;
use ghanti_model::{CallRecord, CallState, Problem};

use crate::transfer;

/// How many parameters of Exotel's a record keeps; its longest callbacks have about forty.
const WORDS: usize = 128;
/// The longest parameter name that is kept, in bytes.
const NAME_BYTES: usize = 64;
/// Parameter values are cut to this many characters.
const VALUE_CHARACTERS: usize = 512;
/// How many problems a record keeps.
const PROBLEMS: usize = 32;
/// Outcome of a call whose stream never arrived.
pub const NEVER_CONNECTED: &str = "never-connected";
/// Outcomes of calls that the customer did not answer.
const UNTAKEN: [&str; 4] = ["not-answered", "busy", "call-failed", "call-canceled"];
/// Problems that explain why there was no stream, or why an applet got no answer. If a record has
/// one of them, no other cause is guessed.
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

/// Merges a status callback. Ends the call if it is over without having had a stream.
pub fn reported(record: &mut CallRecord, callback: &StatusCallback, now_ms: u64) {
    merge(&mut record.exotel, callback.told.clone());
    if record.call_sid.is_none() {
        record.call_sid.clone_from(&callback.call_sid);
    }
    record.direction = record.direction.or(callback.direction);
    transfer::legs(record, &callback.legs, now_ms);
    if let Some(status) = final_status(record) {
        without_stream(record, &status, now_ms);
    }
    transfer::settle(record, now_ms, false);
}

/// The final status, if one has been reported.
pub fn final_status(record: &CallRecord) -> Option<CallStatus> {
    status_of(&record.exotel).filter(CallStatus::is_final)
}

/// Merges newly reported parameters into the known ones.
pub fn merge(known: &mut BTreeMap<String, String>, told: BTreeMap<String, String>) {
    let known_final = status_of(known).filter(CallStatus::is_final);
    // reported before the call ended, or another final status than the first
    let is_stale =
        known_final.is_some_and(|known| status_of(&told).is_some_and(|told| told != known));
    for (name, value) in told {
        let value: String = value.chars().take(VALUE_CHARACTERS).collect();
        let known_name = known
            .keys()
            .find(|known| known.eq_ignore_ascii_case(&name))
            .cloned();
        let Some(known_name) = known_name else {
            if known.len() < WORDS && name.len() <= NAME_BYTES {
                known.insert(name, value);
            }
            continue;
        };
        if let Some(known) = known.get_mut(&known_name)
            && !is_stale
            && !stays(&name, known, &value)
        {
            *known = value;
        }
    }
}

/// Whether a known value is kept although a new one was reported.
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

/// The call is over without having had a stream: sets its outcome.
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
        record
            .problems
            .retain(|problem| problem.name != "no-stream");
        end(record, outcome, now_ms);
    }
}

/// Ends a call that is still waiting for its stream. If the record names no cause, the most common
/// mistake in an Exotel flow is noted as a problem.
pub fn never_connected(record: &mut CallRecord, what: &str, now_ms: u64) {
    if record.state != CallState::Pending {
        return;
    }
    if !has_cause(record) {
        let detail = format!(
            "{what}: the Exotel flow has no Voicebot applet after Passthru, or its URL is wrong; GET /websocket-url tells the right one"
        );
        note(record, "no-stream", detail, now_ms);
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

/// Whether the customer did not answer the call, as Exotel reported.
pub fn was_not_taken(record: &CallRecord) -> bool {
    record
        .outcome
        .as_deref()
        .is_some_and(|outcome| UNTAKEN.contains(&outcome))
}

/// Adds a problem unless the record has one with this name. Returns whether it was added.
pub fn note(record: &mut CallRecord, name: &str, detail: String, now_ms: u64) -> bool {
    let is_new = record.problems.len() < PROBLEMS
        && record.problems.iter().all(|problem| problem.name != name);
    if is_new {
        record.problems.push(Problem {
            unix_ms: now_ms,
            name: name.to_owned(),
            detail,
        });
    }
    is_new
}

#[cfg(test)]
mod tests;
