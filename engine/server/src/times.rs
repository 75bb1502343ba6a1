//! Times in responses of the API: for each time in milliseconds since 1970-01-01T00:00:00Z, the same in
//! ISO 8601 in UTC is added: `started_at` for `started_ms`.
//!
//! Records and events are stored with milliseconds only; ISO 8601 is added to responses. Durations, and
//! times since the start of a stream, also end in `_ms`, so the names of times are listed here.
//!
//! 0 is an unknown time, for which null is added.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// The names of times in responses, and of the fields that are added.
pub const TIMES: [(&str, &str); 18] = [
    ("began_ms", "began_at"),
    ("changed_ms", "changed_at"),
    ("checked_ms", "checked_at"),
    ("created_ms", "created_at"),
    ("dead_ms", "dead_at"),
    ("deleted_ms", "deleted_at"),
    ("due_ms", "due_at"),
    ("ended_ms", "ended_at"),
    ("last_ms", "last_at"),
    ("loaded_ms", "loaded_at"),
    ("passthru_after_ms", "passthru_after_at"),
    ("published_ms", "published_at"),
    ("rejected_ms", "rejected_at"),
    ("rolled_back_ms", "rolled_back_at"),
    ("set_ms", "set_at"),
    ("since_ms", "since_at"),
    ("started_ms", "started_at"),
    ("unix_ms", "at"),
];
/// Those of them that may be 0.
pub const PERHAPS_UNKNOWN: [&str; 2] = ["last_ms", "unix_ms"];
/// Values from flows, customers and Exotel: nothing is added within them.
const FOREIGN: [&str; 6] = ["arguments", "answer", "exotel", "fields", "notes", "plan"];

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A time as ISO 8601 in UTC, such as `2026-11-27T09:00:00.123Z`; `None` beyond the year 9999.
pub fn iso(unix_ms: u64) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000).ok()?;
    at.format(FORMAT).ok()
}

/// Adds the ISO 8601 fields to a response, at any depth.
pub fn add(answer: &mut Value) {
    match answer {
        Value::Array(items) => items.iter_mut().for_each(add),
        Value::Object(members) => add_to(members),
        _ => {}
    }
}

fn add_to(members: &mut Map<String, Value>) {
    for (name, value) in members.iter_mut() {
        if !FOREIGN.contains(&name.as_str()) {
            add(value);
        }
    }
    for (ms, at) in TIMES {
        let beside = match members.get(ms) {
            Some(time) => {
                let known = time.as_u64().filter(|ms| *ms > 0);
                known.and_then(iso).map_or(Value::Null, Value::from)
            }
            None => continue,
        };
        members.insert(at.to_owned(), beside);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_has_milliseconds_and_its_zone() {
        for (ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_770_000_123, "2026-11-27T09:00:00.123Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso(ms).as_deref(), Some(expected));
        }
        assert_eq!(iso(u64::MAX), None);
    }

    #[test]
    fn times_are_added_at_any_depth_but_not_to_foreign_values() {
        let mut answer = json!({
            "created_ms": 1_795_770_000_123_u64,
            "ended_ms": null,
            "transcript": [{ "at_ms": 5, "lasted_ms": 7 }],
            "problems": [{ "unix_ms": 1 }, { "unix_ms": 0 }],
            "journal": { "header": { "began_ms": 1 }, "entries": [{ "arguments": { "created_ms": 1 } }] },
            "notes": { "since_ms": "1" },
        });
        let before = answer.clone();
        add(&mut answer);
        let first = "1970-01-01T00:00:00.001Z";
        assert_eq!(answer["created_at"], "2026-11-27T09:00:00.123Z");
        assert_eq!(
            (&answer["ended_at"], &answer["ended_ms"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(answer["problems"][0]["at"], first);
        assert_eq!(answer["problems"][1]["at"], Value::Null);
        assert_eq!(answer["journal"]["header"]["began_at"], first);
        for as_before in ["transcript", "notes"] {
            assert_eq!(answer[as_before], before[as_before]);
        }
        assert_eq!(answer["journal"]["entries"], before["journal"]["entries"]);
        assert!(answer.as_object().unwrap().contains_key("ended_at"));
    }
}
