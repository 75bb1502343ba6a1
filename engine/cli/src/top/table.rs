//! The table of live calls as text. Pure.

use std::fmt::Write as _;

use serde_json::Value;

use crate::calls::event_text::{member, number, short};
use crate::calls::text::{shown, time};

/// A table with fewer columns has no ids of calls.
const WIDE: usize = 140;
/// Maximum length of a column in characters.
const COLUMN: usize = 24;

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Its height.
    pub rows: usize,
    /// Its width.
    pub columns: usize,
}

/// The table, with what is above and below it, a line each and none longer than the terminal is
/// wide. `now` and `ended` are answers of the engine, `now_ms` is the time in milliseconds since
/// 1970-01-01T00:00:00Z.
pub fn table(
    head: &str,
    now: &Value,
    ended: &[Value],
    (now_ms, has_numbers): (u64, bool),
    size: Size,
) -> String {
    let has_ids = size.columns >= WIDE;
    let mut lines = vec![format!("{head}  {}", time(now_ms))];
    lines.extend(state(now));
    lines.push(String::new());
    let below = below(ended, has_numbers, has_ids);
    let room = size.rows.saturating_sub(lines.len() + below.len() + 1);
    lines.push(row(
        has_ids.then_some("CALL"),
        ["AGE", "NUMBER", "FLOW", "VERSION", "LANGUAGE", "STEP"].map(str::to_owned),
        "LAST WORDS",
    ));
    let calls = items(now, "calls");
    let live = count(now, "live");
    let fitting = if live > room.min(calls.len()) {
        room.saturating_sub(1)
    } else {
        room
    };
    let shown_calls = calls.iter().take(fitting);
    lines.extend(shown_calls.map(|call| line(call, now_ms, has_numbers, has_ids)));
    let hidden = live.saturating_sub(fitting.min(calls.len()));
    if hidden > 0 {
        lines.push(format!("… and {hidden} more"));
    }
    lines.extend(below);
    let mut text = String::new();
    for line in lines.iter().take(size.rows) {
        let line: String = line.chars().take(size.columns).collect();
        // writing to a string cannot fail
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// How the engine is.
fn state(now: &Value) -> Vec<String> {
    let late_ms = count(now, "recognition_backlog_ms");
    let mut lines = vec![format!(
        "{} live, {} awaited, {} slots; recognition {late_ms} ms behind",
        count(now, "live"),
        count(now, "awaited"),
        count(now, "max_calls"),
    )];
    let is = |name: &str| now.get(name).and_then(Value::as_bool).unwrap_or_default();
    if is("draining") {
        lines.push("stopping: it takes no further calls".to_owned());
    }
    if let Some(why) = member(now, "limited_by") {
        lines.push(format!("fewer slots than `max-calls`: {}", shown(why)));
    }
    let text = |item: &Value, name: &str| shown(member(item, name).unwrap_or_default());
    let stores = items(now, "stores").iter().map(|store| {
        let state = member(store, "reason").map_or_else(|| "works".to_owned(), shown);
        format!("{}: {state}", text(store, "name"))
    });
    let mute = items(now, "mute");
    let voices = if mute.is_empty() {
        "voices: work".to_owned()
    } else {
        let each = mute.iter().map(|each| {
            let (language, reason) = (text(each, "language"), text(each, "reason"));
            format!("nobody speaks {language} ({reason})")
        });
        format!("voices: {}", each.collect::<Vec<_>>().join(", "))
    };
    lines.push(stores.chain([voices]).collect::<Vec<_>>().join("; "));
    let refused = items(now, "refused").iter().map(|refused| {
        let (at, reason) = (text(refused, "at"), text(refused, "reason"));
        format!("{} {reason} at {at}", count(refused, "calls"))
    });
    let refused: Vec<_> = refused.collect();
    if !refused.is_empty() {
        lines.push(format!("refused since the start: {}", refused.join(", ")));
    }
    lines
}

/// A live call.
fn line(call: &Value, now_ms: u64, has_numbers: bool, has_ids: bool) -> String {
    let text = |name: &str| member(call, name).map_or_else(|| "-".to_owned(), shown);
    let seconds = now_ms.saturating_sub(count64(call, "started_ms")) / 1_000;
    let version = member(call, "version").map_or_else(|| "-".to_owned(), short);
    let problems = match count(call, "problems") {
        0 => String::new(),
        problems => format!("[problems: {problems}] "),
    };
    let words = items(call, "last").last().map_or_else(String::new, |line| {
        let who = member(line, "speaker").unwrap_or_default();
        let said = member(line, "text").unwrap_or_default();
        format!("{}: {}", shown(who), shown(said))
    });
    row(
        has_ids.then(|| text("call_id")).as_deref(),
        [
            format!("{}:{:02}", seconds / 60, seconds % 60),
            number(member(call, "customer_number"), has_numbers),
            text("flow"),
            version,
            text("language"),
            text("step"),
        ],
        &format!("{problems}{words}"),
    )
}

/// A line of the table.
fn row(id: Option<&str>, columns: [String; 6], last: &str) -> String {
    let [age, number, flow, version, language, step] =
        columns.map(|column| column.chars().take(COLUMN).collect::<String>());
    let id = id.map_or_else(String::new, |id| format!("{id:<36}  "));
    format!(
        "{id}{age:>6}  {number:<13}  {flow:<16}  {version:<8}  {language:<8}  {step:<20}  {last}"
    )
}

/// The calls that ended last.
fn below(ended: &[Value], has_numbers: bool, has_ids: bool) -> Vec<String> {
    if ended.is_empty() {
        return Vec::new();
    }
    let line = |call: &Value| {
        let text = |name: &str| member(call, name).map_or_else(|| "-".to_owned(), shown);
        let at_ms = call.get("ended_ms").and_then(Value::as_u64);
        let at_ms = at_ms.unwrap_or_else(|| count64(call, "created_ms"));
        let problems = match count(call, "problems") {
            0 => String::new(),
            problems => format!("  [problems: {problems}]"),
        };
        let id = if has_ids {
            format!("{:<36}  ", text("call_id"))
        } else {
            String::new()
        };
        format!(
            "{}  {id}{:<13}  {:<16}  {}{problems}",
            time(at_ms),
            number(member(call, "customer_number"), has_numbers),
            text("flow"),
            text("outcome"),
        )
    };
    let heading = [String::new(), "ENDED".to_owned()].into_iter();
    heading.chain(ended.iter().map(line)).collect()
}

fn items<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    let items = answer.get(name).and_then(Value::as_array);
    items.map_or(&[], Vec::as_slice)
}

fn count64(answer: &Value, name: &str) -> u64 {
    answer.get(name).and_then(Value::as_u64).unwrap_or_default()
}

fn count(answer: &Value, name: &str) -> usize {
    usize::try_from(count64(answer, name)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Value {
        let call = |started_ms: u64, text: &str| {
            json!({
                "call_id": "01a221c1-e2c4-75e6-91d0-82cd4b63e10a", "customer_number": "+919876543210", "flow": "emi",
                "version": "3fa2b4c6d8", "language": "hi-IN", "step": "greeting", "started_ms": started_ms, "problems": 1,
                "last": [{ "speaker": "bot", "text": "first" }, { "speaker": "caller", "text": text }]
            })
        };
        json!({
            "live": 3, "awaited": 1, "max_calls": 50, "draining": false, "limited_by": null, "recognition_backlog_ms": 120,
            "stores": [{ "name": "records", "reason": "no answer" }],
            "mute": [{ "language": "hi-IN", "reason": "missing" }],
            "refused": [{ "at": "passthru", "reason": "full", "calls": 2 }],
            "calls": [call(935_000, "haan\u{1b}[2J"), call(1_000_000, "yes"), call(1_000_000, "no")]
        })
    }

    #[test]
    fn a_table_has_the_state_above_the_calls_and_those_that_ended_below() {
        let ended = [json!({
            "call_id": "01a221c1-e2c4-75e6-91d0-82cd4b63e10b", "customer_number": "‹13 characters›", "flow": "emi",
            "outcome": "hung-up", "problems": 0, "created_ms": 0, "ended_ms": 999_000
        })];
        let size = Size {
            rows: 40,
            columns: 200,
        };
        let text = table("top", &now(), &ended, (1_000_000, false), size);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines.get(..5).unwrap(),
            [
                "top  1970-01-01T00:16:40Z",
                "3 live, 1 awaited, 50 slots; recognition 120 ms behind",
                "records: no answer; voices: nobody speaks hi-IN (missing)",
                "refused since the start: 2 full at passthru",
                "",
            ]
        );
        assert!(lines[5].starts_with("CALL "), "{text}");
        for part in [
            "01a221c1-e2c4-75e6-91d0-82cd4b63e10a    1:05  xxxxxx3210 ",
            "  3fa2b4c6  hi-IN     greeting              [problems: 1] caller: haan[2J",
        ] {
            assert!(lines[6].contains(part), "{part}: {text}");
        }
        assert_eq!(lines.len(), 12, "{text}");
        assert!(lines[11].starts_with("1970-01-01T00:16:39Z  01a221c1-"));
        assert!(lines[11].contains("‹13 characters›") && lines[11].ends_with("  hung-up"));
        let whole = table("top", &now(), &[], (1_000_000, true), size);
        assert!(whole.contains("+919876543210") && !text.contains("+9198765"));
    }

    #[test]
    fn a_table_is_no_larger_than_the_terminal() {
        let small = Size {
            rows: 8,
            columns: 80,
        };
        let ended = [json!({ "flow": "emi", "outcome": "hung-up", "ended_ms": 999_000 })];
        let low = Size { rows: 40, ..small };
        let narrow = table("top", &now(), &ended, (1_000_000, false), low);
        assert!(narrow.ends_with("  hung-up\n"), "{narrow}");
        let text = table("top", &now(), &[], (1_000_000, false), small);
        assert!(text.lines().all(|line| line.chars().count() <= 80));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 8, "{text}");
        assert!(lines[5].starts_with("   AGE  NUMBER"), "{text}");
        assert_eq!(lines[7], "… and 2 more", "{text}");
        let none = Size {
            rows: 0,
            columns: 0,
        };
        assert_eq!(table("top", &now(), &[], (0, false), none), "");
        assert!(table("top", &Value::Null, &[], (0, false), small).contains("0 live"));
    }
}
