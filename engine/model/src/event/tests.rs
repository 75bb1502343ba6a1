//! Tests of the JSON format of events, which are stored permanently.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;

use super::samples::every_kind;
use super::*;

fn event(what: Happened) -> CallEvent {
    CallEvent {
        id: EventId::parse("0190a1b2-0000-7000-8000-000000000002").unwrap(),
        call_id: CallId::parse("0190a1b2-0000-7000-8000-000000000001").unwrap(),
        node: NodeId::NONE,
        unix_ms: 5,
        what,
    }
}

#[test]
fn every_kind_comes_back_as_it_was_and_under_its_name() {
    let call = CallId::generate();
    for what in every_kind(call) {
        let kind = what.kind().to_owned();
        let event = event(what);
        let text = serde_json::to_string(&event).unwrap();
        let back: CallEvent = serde_json::from_str(&text).unwrap();
        assert!(back == event, "{text}");
        assert_eq!(
            matches!(back.what, Happened::Other { .. }),
            kind == "teleported",
            "{text}"
        );
        let json: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(json["kind"], kind.as_str());
    }
}

#[test]
fn the_form_is_the_documented_one() {
    let played = event(Happened::PromptPlayed {
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
    let closed = serde_json::to_value(event(Happened::StreamClosed)).unwrap();
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
            assert!(matches!(event.what, Happened::Other { .. }), "{json}");
            assert_eq!(event.what.kind(), kind);
            assert_eq!(serde_json::to_value(&event).unwrap(), json);
            let call = event.call_id;
            assert_eq!(CallRecord::fold(call, [&event]), CallRecord::new(call, 5));
        }
    }
}

#[test]
fn a_log_shows_nothing_of_what_is_in_an_event() {
    for what in every_kind(CallId::generate()) {
        let shown = format!("{:?}", event(what));
        assert!(
            !shown.contains("9876") && !shown.contains("haan"),
            "{shown}"
        );
    }
}
