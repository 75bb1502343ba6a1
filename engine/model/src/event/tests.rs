//! Tests of the JSON format of events, which are stored permanently.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;

use super::samples::every_kind;
use super::*;

fn event(kind: EventKind) -> CallEvent {
    CallEvent {
        id: EventId::parse("0190a1b2-0000-7000-8000-000000000002").unwrap(),
        call_id: CallId::parse("0190a1b2-0000-7000-8000-000000000001").unwrap(),
        node: NodeId::NONE,
        unix_ms: 5,
        kind,
    }
}

#[test]
fn every_kind_comes_back_as_it_was_and_under_its_name() {
    let call = CallId::generate();
    for kind in every_kind(call) {
        let name = kind.name().to_owned();
        let event = event(kind);
        let text = serde_json::to_string(&event).unwrap();
        let back: CallEvent = serde_json::from_str(&text).unwrap();
        assert!(back == event, "{text}");
        assert_eq!(
            matches!(back.kind, EventKind::Other { .. }),
            name == "teleported",
            "{text}"
        );
        let json: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(json["kind"], name.as_str());
    }
}

#[test]
fn the_form_is_the_documented_one() {
    let played = event(EventKind::PromptPlayed {
        line: 3,
        prompt: PromptId(4),
        template: "greeting".to_owned(),
        heard: Extent::Whole,
        heard_ms: 2_400,
    });
    assert_eq!(
        serde_json::to_value(&played).unwrap(),
        json!({
            "id": "0190a1b2-0000-7000-8000-000000000002",
            "call_id": "0190a1b2-0000-7000-8000-000000000001",
            "node": "00000000-0000-0000-0000-000000000000",
            "unix_ms": 5,
            "kind": "prompt-played",
            "data": { "line": 3, "prompt": 4, "template": "greeting", "heard": "whole", "heard_ms": 2_400 },
        })
    );
    let closed = serde_json::to_value(event(EventKind::StreamClosed)).unwrap();
    assert_eq!(closed["kind"], "stream-closed");
    assert_eq!(closed.get("data"), None);
}

#[test]
fn what_a_later_engine_wrote_is_read_kept_and_written_again() {
    for data in [json!({ "line": "a word", "more": [1.5, null] }), Json::Null] {
        for kind in ["teleported", "prompt-played"] {
            let mut json = json!({
                "id": EventId::generate(), "call_id": CallId::generate(), "node": NodeId::NONE, "unix_ms": 5, "kind": kind,
            });
            if !data.is_null() {
                json["data"] = data.clone();
            }
            let event: CallEvent = serde_json::from_value(json.clone()).unwrap();
            assert!(matches!(event.kind, EventKind::Other { .. }), "{json}");
            assert_eq!(event.kind.name(), kind);
            assert_eq!(serde_json::to_value(&event).unwrap(), json);
            let call = event.call_id;
            assert_eq!(CallRecord::fold(call, [&event]), CallRecord::new(call, 5));
        }
    }
}

#[test]
fn a_log_shows_nothing_of_what_is_in_an_event() {
    for kind in every_kind(CallId::generate()) {
        let shown = format!("{:?}", event(kind));
        assert!(
            !shown.contains("9876") && !shown.contains("haan"),
            "{shown}"
        );
    }
}
