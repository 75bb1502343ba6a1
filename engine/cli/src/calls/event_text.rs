//! An event of a call in words, for those who follow calls. Pure.

use ghanti_model::PhoneNumber;
use serde_json::Value;

use super::text::shown;
use crate::stream::Event;

/// Digits of a version that are shown.
const VERSION: usize = 8;

/// What happened, in one line; `None` for what says nothing to an operator. A token that may not see texts
/// gets them masked from the engine.
pub fn words(event: &Event) -> Option<String> {
    let text = |pointer: &str| shown(event.text(pointer));
    Some(match event.kind() {
        "requested" => "announced".to_owned(),
        "dialled" => match event.text("/data/result") {
            "accepted" => "dialled".to_owned(),
            "refused" => format!("not dialled: {}", text("/data/reason")),
            _ => format!("perhaps dialled: {}", text("/data/reason")),
        },
        "refused" => format!("refused: {}", text("/data/reason")),
        "stream-started" => match event.text("/data/flow") {
            "" => "connected, and no flow takes it".to_owned(),
            flow => format!(
                "connected: {} {}, {}",
                shown(flow),
                short(event.text("/data/version")),
                text("/data/language")
            ),
        },
        "stream-resumed" => "another engine goes on with it".to_owned(),
        "language-set" => format!("language: {}", text("/data/language")),
        "established" => format!("established: {}", text("/data/name")),
        "disposed" => format!("disposition: {}", text("/data/disposition")),
        "decided" if event.text("/data/kind") == "transfer" => {
            format!("transfer to {}", text("/data/target"))
        }
        "prompt-started" => format!("bot: {}", text("/data/text/text")),
        "prompt-played" if ["partial", "unheard"].contains(&event.text("/data/heard")) => {
            let heard_ms = event.number("/data/heard_ms");
            format!(
                "bot: {} was heard for {heard_ms} ms",
                text("/data/template")
            )
        }
        "utterance" => format!("caller: {}", text("/data/text/text")),
        "talked-over" => format!("caller, which is no answer: {}", text("/data/text/text")),
        "keys" => format!("keys: {}", text("/data/text/text")),
        "problem" => format!(
            "problem {}: {}",
            text("/data/problem/name"),
            text("/data/problem/detail")
        ),
        "flow-failed" => format!("the flow failed: {}", text("/data/reason")),
        "version-moved" if event.text("/data/refused").is_empty() => {
            format!("goes on with version {}", short(event.text("/data/to")))
        }
        "agent-reported" => format!("agent: {}", text("/data/event")),
        _ => return None,
    })
}

/// Whether a call may be over with an event, or have another outcome.
pub fn may_end(event: &Event) -> bool {
    [
        "stream-closed",
        "dialled",
        "refused",
        "stream-overdue",
        "abandoned",
        "transfer-overdue",
        "passthru-after",
        "agent-reported",
        "status-reported",
    ]
    .contains(&event.kind())
}

/// The beginning of a version.
pub fn short(version: &str) -> String {
    shown(version).chars().take(VERSION).collect()
}

/// A number as the engine sent it, masked unless it is to be shown. What the engine has masked stays so.
pub fn number(sent: Option<&str>, is_whole: bool) -> String {
    match sent {
        None | Some("") => "-".to_owned(),
        Some(sent) => match PhoneNumber::parse(sent) {
            Ok(number) if is_whole => number.expose().to_owned(),
            Ok(number) => number.masked(),
            Err(_) => shown(sent),
        },
    }
}

/// A text of an answer; `None` if it has none.
pub fn member<'a>(answer: &'a Value, name: &str) -> Option<&'a str> {
    answer.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reported(kind: &str, data: Value) -> Option<String> {
        let whole = json!({ "kind": kind, "data": data });
        words(&Event {
            id: String::new(),
            json: String::new(),
            whole,
        })
    }

    #[test]
    fn what_matters_to_an_operator_is_a_line_and_has_no_control_characters() {
        let line = |text: &str| json!({ "text": { "text": text, "name": "identity" } });
        for (kind, data, words) in [
            (
                "stream-started",
                json!({ "flow": "emi", "version": "3fa2b4c6d8", "language": "hi-IN" }),
                "connected: emi 3fa2b4c6, hi-IN",
            ),
            (
                "stream-started",
                json!({ "flow": null }),
                "connected, and no flow takes it",
            ),
            ("prompt-started", line("Hello\u{1b}[2J"), "bot: Hello[2J"),
            (
                "utterance",
                line("‹3 characters›"),
                "caller: ‹3 characters›",
            ),
            ("keys", line("1"), "keys: 1"),
            (
                "problem",
                json!({ "problem": { "name": "no-marks", "detail": "no mark\ncame" } }),
                "problem no-marks: no markcame",
            ),
            (
                "dialled",
                json!({ "result": "refused", "reason": "no credit" }),
                "not dialled: no credit",
            ),
            (
                "decided",
                json!({ "kind": "transfer", "target": "default" }),
                "transfer to default",
            ),
        ] {
            assert_eq!(reported(kind, data).as_deref(), Some(words), "{kind}");
        }
        for (kind, data) in [
            ("listening", Value::Null),
            ("host-called", json!({})),
            ("decided", json!({ "kind": "hang-up" })),
            ("prompt-played", json!({ "heard": "whole" })),
            ("of-a-later-version", json!([])),
        ] {
            assert_eq!(reported(kind, data), None, "{kind}");
        }
    }

    #[test]
    fn a_number_is_masked_unless_it_is_to_be_shown_and_the_engine_has_not_masked_it() {
        assert_eq!(number(Some("+919876543210"), false), "xxxxxx3210");
        assert_eq!(number(Some("+919876543210"), true), "+919876543210");
        assert_eq!(number(Some("‹13 characters›"), true), "‹13 characters›");
        assert_eq!(number(None, true), "-");
    }
}
