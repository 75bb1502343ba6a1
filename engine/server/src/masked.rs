//! What viewers are shown of calls: everything but who the customer is and what was said.
//!
//! Texts are masked unless their field is listed here, so that a field that a later version adds is
//! masked until somebody has thought about it.

use ghanti_model::Masked;
use serde_json::Value;

/// Fields whose texts say nothing of a person: ids, names that authors gave, times, digests.
const HARMLESS: [&str; 46] = [
    "asked_by",
    "call_id",
    "call_sid",
    "campaign",
    "code",
    "dial",
    "direction",
    "disposition",
    "established",
    "event",
    "file",
    "fix",
    "flow",
    "format",
    "function",
    "heard",
    "id",
    "kind",
    "language",
    "last_position",
    "limited_by",
    "link",
    "name",
    "next",
    "node",
    "order",
    "outcome",
    "provider",
    "question",
    "reason",
    "sentence",
    "sha256",
    "speaker",
    "stage",
    "state",
    "status",
    "step",
    "stream",
    "stream_sid",
    "target",
    "template",
    "version",
    "weight",
    "from",
    "to",
    "at",
];
/// Fields that are shown to nobody but operators, whatever is in them.
const PERSONAL: [&str; 9] = [
    "arguments",
    "customer",
    "entry",
    "evidence",
    "exotel",
    "fields",
    "journal",
    "notes",
    "told",
];

/// Masks an answer.
pub fn mask(answer: &mut Value) {
    within("", answer);
}

/// Masks the value of a field.
fn within(field: &str, value: &mut Value) {
    match value {
        Value::String(text) => {
            if !is_harmless(field, text) {
                *text = Masked::new(text.as_str()).to_string();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| within(field, item)),
        Value::Object(members) => {
            members.retain(|name, _| !PERSONAL.contains(&name.as_str()));
            for (name, value) in members.iter_mut() {
                within(name, value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_harmless(field: &str, text: &str) -> bool {
    let is_listed = HARMLESS.contains(&field) || field.ends_with("_at");
    // whatever the field is called: a number is a number
    is_listed && !is_number(text)
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    digits.len() >= 5 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_viewer_sees_what_happened_and_not_to_whom() {
        let mut call = json!({
            "call_id": "01a221c1-e2c4-75e6-91d0-82cd4b63e10a",
            "customer": "cbb534e7265487a0",
            "customer_number": "+919876500001",
            "outcome": "transferred",
            "detail": "promised to pay on Friday",
            "started_ms": 5,
            "started_at": "2026-11-27T09:00:00.123Z",
            "established": ["identity"],
            "decision": { "kind": "transfer", "target": "default", "numbers": ["+918000000001"] },
            "transcript": [{ "speaker": "bot", "name": "greeting", "text": "Am I speaking with Priya?", "heard": "whole" }],
            "notes": { "promise": "Friday" },
            "journal": { "entries": [{ "answer": "Priya" }] },
            "exotel": { "From": "xxxxxx0001" },
            "problems": [{ "name": "wrong-number", "detail": "Priya's number was not called" }],
            "findings": [{ "code": "no-marks", "fix": "use Voicebot", "evidence": ["+919876500001"] }],
            "order": "9876500001",
            "new-field": "who knows",
        });
        mask(&mut call);
        let expected = json!({
            "call_id": "01a221c1-e2c4-75e6-91d0-82cd4b63e10a",
            "customer_number": "‹13 characters›",
            "outcome": "transferred",
            "detail": "‹25 characters›",
            "started_ms": 5,
            "started_at": "2026-11-27T09:00:00.123Z",
            "established": ["identity"],
            "decision": { "kind": "transfer", "target": "default", "numbers": ["‹13 characters›"] },
            "transcript": [{ "speaker": "bot", "name": "greeting", "text": "‹25 characters›", "heard": "whole" }],
            "problems": [{ "name": "wrong-number", "detail": "‹29 characters›" }],
            "findings": [{ "code": "no-marks", "fix": "use Voicebot" }],
            "order": "‹10 characters›",
            "new-field": "‹9 characters›",
        });
        assert_eq!(call, expected);
    }
}
