//! Status callbacks in any order, and the record that results.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use ghanti_model::event::{FlowEnd, Repeat, StreamEnd, StreamStarted};
use ghanti_model::{CallId, CallLog, CallRecord, CallState, Language, NodeId, StreamSid};

use super::*;

fn pending() -> CallLog {
    CallLog::new(CallId::generate())
}

fn status(body: &str) -> EventKind {
    status_reported(&StatusCallback::from_body(None, body.as_bytes()).unwrap())
}

fn after(mut log: CallLog, bodies: &[&str]) -> CallRecord {
    for (body, now_ms) in bodies.iter().zip(100..) {
        log.emit(NodeId::NONE, now_ms, status(body));
    }
    log.into_record()
}

/// A call with a stream, and what came of it where it is over.
fn held(disposition: Option<&str>) -> CallLog {
    let started = StreamStarted {
        customer: None,
        stream_sid: StreamSid::parse("s1").unwrap(),
        call_sid: None,
        order: None,
        direction: None,
        customer_number: None,
        line_number: None,
        flow: None,
        version: None,
        language: Language::english(),
        journal: None,
    };
    let mut log = pending();
    log.emit(NodeId::NONE, 2, EventKind::StreamStarted(Box::new(started)));
    if let Some(disposition) = disposition {
        let events = [
            EventKind::Disposed {
                disposition: disposition.to_owned(),
                detail: None,
            },
            EventKind::ConversationEnded {
                stream: StreamEnd::Finished,
                flow: Some(FlowEnd::Returned),
                last_position: String::new(),
                began_ms: None,
            },
            EventKind::StreamClosed,
        ];
        for kind in events {
            log.emit(NodeId::NONE, 3, kind);
        }
    }
    log
}

#[test]
fn a_call_that_was_never_taken_ends_with_the_networks_word() {
    for (status, outcome) in [
        ("no-answer", "not-answered"),
        ("busy", "busy"),
        ("failed", "call-failed"),
        ("canceled", "call-canceled"),
        ("cancelled", "call-canceled"),
    ] {
        let record = after(pending(), &[&format!("CallSid=c1&Status={status}")]);
        assert_eq!(
            (record.state, record.outcome.as_deref(), record.ended_ms),
            (CallState::Ended, Some(outcome), Some(100)),
            "{status}"
        );
        assert_eq!(
            (
                record.call_sid.as_ref().unwrap().as_str(),
                record.problems.len()
            ),
            ("c1", 0),
            "{status}"
        );
        assert!(was_not_taken(&record));
    }
}

#[test]
fn a_call_that_was_taken_and_had_no_stream_says_where_to_look() {
    let record = after(pending(), &["CallSid=c1&Status=completed"]);
    assert_eq!(record.outcome.as_deref(), Some("never-connected"));
    assert!(
        record.problems[0].name == "no-stream"
            && record.problems[0].detail.contains("no Voicebot applet")
    );
}

#[test]
fn no_applet_is_blamed_where_the_cause_is_known() {
    let mut log = pending();
    for (detail, now_ms) in [("the token is missing", 5), ("again", 6)] {
        let (detail, repeat) = (detail.to_owned(), Repeat::OncePerName);
        let refused = EventKind::problem(now_ms, "stream-refused", detail, repeat);
        log.emit(NodeId::NONE, now_ms, refused);
    }
    assert_eq!(log.record().problems.len(), 1, "once for each name");
    let record = after(log, &["CallSid=c1&Status=completed"]);
    assert_eq!(record.outcome.as_deref(), Some("never-connected"));
    let names: Vec<_> = record
        .problems
        .iter()
        .map(|problem| problem.name.as_str())
        .collect();
    assert_eq!(names, ["stream-refused"]);
}

#[test]
fn a_call_that_goes_on_is_not_ended_by_what_is_not_final() {
    let record = after(
        pending(),
        &[
            "CallSid=c1&Status=ringing",
            "CallSid=c1&Status=in-progress&EventType=answered",
            "CallSid=c1&Status=sideways",
        ],
    );
    assert_eq!((record.state, record.outcome), (CallState::Pending, None));
}

#[test]
fn a_stream_that_was_held_is_not_undone_by_a_callback() {
    let record = after(held(Some("declined")), &["CallSid=c1&Status=no-answer"]);
    assert_eq!(record.outcome.as_deref(), Some("declined"));
    let record = after(held(None), &["CallSid=c1&Status=busy"]);
    assert_eq!(record.state, CallState::Live);
}

#[test]
fn the_networks_word_stands_before_our_guess() {
    let mut log = pending();
    let overdue = EventKind::StreamOverdue {
        what: "no stream came".to_owned(),
        unnamed: None,
    };
    log.emit(NodeId::NONE, 50, overdue);
    let record = after(log, &["CallSid=c1&Status=no-answer"]);
    assert_eq!(
        (
            record.outcome.as_deref(),
            record.ended_ms,
            record.problems.len()
        ),
        (Some("not-answered"), Some(50), 0)
    );
}

#[test]
fn a_final_status_stays_final() {
    for late in ["in-progress", "ringing", "failed", "queued", "no-answer"] {
        let late = format!(
            "CallSid=c1&Status={late}&ConversationDuration=0&EventType=answered&EndTime=x&DateCreated=d"
        );
        let first =
            "CallSid=c1&Status=completed&ConversationDuration=31&EventType=terminal&EndTime=y";
        let record = after(pending(), &[first, &late]);
        for (name, value) in [
            ("Status", "completed"),
            ("ConversationDuration", "31"),
            ("EventType", "terminal"),
            ("EndTime", "y"),
        ] {
            assert_eq!(record.exotel[name], value, "{late}");
        }
        assert_eq!(
            record.exotel["DateCreated"], "d",
            "kind was not known is taken"
        );
    }
    let record = after(
        pending(),
        &[
            "CallSid=c1&Status=in-progress",
            "CallSid=c1&Status=busy",
            "CallSid=c1&Status=completed",
        ],
    );
    assert_eq!(
        (record.exotel["Status"].as_str(), record.outcome.as_deref()),
        ("busy", Some("busy"))
    );
}

#[test]
fn the_same_end_reported_again_adds_what_it_knows_and_takes_nothing_away() {
    let record = after(
        pending(),
        &[
            "CallSid=c1&Status=completed&ConversationDuration=31&Legs[0][Status]=completed&Legs[0][OnCallDuration]=31",
            "CallSid=c1&status=completed&ConversationDuration=9&RecordingUrl=https://r/1&Legs[0][Status]=in-progress&Legs[0][OnCallDuration]=0",
        ],
    );
    for (name, value) in [
        ("ConversationDuration", "31"),
        ("RecordingUrl", "https://r/1"),
        ("Legs[0][Status]", "completed"),
        ("Legs[0][OnCallDuration]", "31"),
    ] {
        assert_eq!(record.exotel[name], value);
    }
    assert!(
        !record.exotel.contains_key("status"),
        "one name in two spellings is one name"
    );
}

#[test]
fn two_hundred_callbacks_with_big_fields_leave_a_small_record() {
    let mut log = pending();
    for at in 0..200 {
        let words: BTreeMap<_, _> = (0..200)
            .map(|nth| (format!("Cause{at}-{nth}"), "x".repeat(2_000)))
            .collect();
        let callback = StatusCallback {
            parameters: words,
            ..StatusCallback::default()
        };
        let event = log.emit(NodeId::NONE, 5, status_reported(&callback));
        let json = serde_json::to_string(&event).unwrap();
        assert!(json.len() < 100_000, "{}", json.len());
    }
    let record = log.into_record();
    let bytes: usize = record
        .exotel
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    assert!(bytes < 100_000, "{bytes}");
}
