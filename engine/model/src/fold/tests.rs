//! Folding events in any order, from any node, and with duplicates.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use super::*;
use crate::event::samples::{Chance, every_kind, random};
use crate::event::{
    AppletAsked, Cause, ConnectAnswered, DialAnswer, FlowEnd, LegReport, PassthruAfter,
    StatusReported, StreamEnd,
};
use crate::{AgentLegState, CallSid, DialState, PhoneNumber};

/// Number of random calls in each test.
const CALLS: u64 = 300;

/// Returns the events that three nodes record of one call. A node knows its own events and, now and
/// then, those of the others.
fn seen_by_three(chance: &mut Chance) -> (CallId, Vec<CallEvent>) {
    let call = CallId::generate();
    let nodes = [(); 3].map(|()| NodeId::generate());
    let mut logs = [(); 3].map(|()| CallLog::new(call));
    let (mut events, mut now_ms) = (Vec::new(), 1_000);
    for _ in 0..chance.below(60) {
        let at = usize::try_from(chance.below(3)).unwrap();
        now_ms += chance.below(3);
        // the nodes' clocks differ
        let node_ms = now_ms + u64::try_from(at).unwrap() * 2;
        if chance.below(8) == 0 {
            logs[at] = CallLog::of(call, &events);
        }
        events.extend(logs[at].emit(nodes[at], node_ms, random(chance, call)));
    }
    (call, events)
}

#[test]
fn any_order_of_arrival_gives_the_same_record() {
    let mut chance = Chance::new(7);
    for _ in 0..CALLS {
        let (call, events) = seen_by_three(&mut chance);
        let expected = CallRecord::fold(call, &events);
        for _ in 0..4 {
            let mut arrived = events.clone();
            let twice: Vec<_> = events.iter().filter(|_| chance.below(3) == 0).collect();
            arrived.extend(twice.into_iter().cloned());
            chance.shuffle(&mut arrived);
            assert_eq!(CallRecord::fold(call, &arrived), expected);
        }
    }
}

#[test]
fn what_one_node_emits_is_folded_as_it_goes() {
    let mut chance = Chance::new(11);
    for _ in 0..CALLS {
        let (call, node) = (CallId::generate(), NodeId::generate());
        let (mut log, mut events) = (CallLog::new(call), Vec::new());
        for _ in 0..40 {
            // the clock is set back now and then
            let now_ms = 1_000 + chance.below(20);
            let kind = random(&mut chance, call);
            events.extend(log.emit(node, now_ms, kind));
        }
        assert!(events.is_sorted_by(|one, next| one.mark() < next.mark()));
        assert_eq!(&CallRecord::fold(call, &events), log.record());
        assert_eq!(log.last(), events.last().map(CallEvent::mark));
        for event in &events {
            assert_eq!(log.apply(event), Applied::Behind, "it is in there already");
        }
        assert_eq!(&CallRecord::fold(call, &events), log.record());
    }
}

#[test]
fn a_record_goes_on_from_where_it_was_kept() {
    let mut chance = Chance::new(13);
    for _ in 0..CALLS {
        let (call, mut events) = seen_by_three(&mut chance);
        events.sort_by_key(CallEvent::mark);
        let (first, rest) = events.split_at(events.len() / 2);
        let kept = CallLog::of(call, first);
        let json = serde_json::to_string(kept.record()).unwrap();
        let mut log = match kept.last() {
            None => CallLog::new(call),
            last => CallLog::resume(serde_json::from_str(&json).unwrap(), last),
        };
        for event in rest {
            assert_eq!(log.apply(event), Applied::Yes);
        }
        assert_eq!(log.record(), &CallRecord::fold(call, &events));
    }
}

#[test]
fn every_kind_of_event_has_a_place_in_the_fold() {
    let call = CallId::generate();
    let node = NodeId::generate();
    let mut log = CallLog::new(call);
    for kind in every_kind(call) {
        log.emit(node, 1_000, kind);
    }
    assert_eq!(log.record().call_id, call);
}

#[test]
fn an_imported_record_comes_first_and_loses_nothing() {
    let call = CallId::generate();
    let old = CallRecord {
        created_ms: 70_000,
        outcome: Some("declined".to_owned()),
        state: CallState::Ended,
        ..CallRecord::new(call, 0)
    };
    let imported = CallEvent::imported(old.clone());
    assert_eq!(CallRecord::fold(call, [&imported, &imported]), old);
    let mut log = CallLog::resume(old.clone(), None);
    let event = log
        .emit(
            NodeId::generate(),
            60_000,
            EventKind::Noted {
                name: "late".to_owned(),
                value: "yes".into(),
            },
        )
        .unwrap();
    let folded = CallRecord::fold(call, [&event, &imported]);
    assert_eq!(&folded, log.record());
    assert_eq!((folded.created_ms, folded.outcome), (70_000, old.outcome));
}

#[test]
fn reports_beyond_the_bound_are_left_out_and_reported_once() {
    let call = CallId::generate();
    let (mut log, node) = (CallLog::new(call), NodeId::generate());
    let status = || {
        EventKind::StatusReported(Box::new(StatusReported {
            parameters: BTreeMap::from([("Status".to_owned(), "ringing".to_owned())]),
            call_sid: None,
            direction: None,
            agents: Vec::new(),
        }))
    };
    let kept = (0..REPORTS * 4)
        .filter_map(|_| log.emit(node, 5, status()))
        .count();
    assert_eq!(u32::try_from(kept).unwrap(), REPORTS + 1);
    assert_eq!(log.record().problems[0].name, "too-many-reports");
}

/// Returns the events of a call with a stream.
fn held(flow: FlowEnd, stream: StreamEnd, before: &[EventKind]) -> Vec<EventKind> {
    let mut events = vec![EventKind::StreamStarted(Box::new(
        crate::event::samples::started(),
    ))];
    events.extend_from_slice(before);
    events.push(EventKind::ConversationEnded {
        stream,
        flow: Some(flow),
        last_position: "after `greeting`".to_owned(),
        began_ms: None,
    });
    events.push(EventKind::StreamClosed);
    events
}

fn transfer() -> EventKind {
    EventKind::Decided(Decision::Transfer {
        words: None,
        target: "default".to_owned(),
        numbers: vec![PhoneNumber::parse("+918000000001").unwrap()],
    })
}

fn disposed(disposition: &str) -> EventKind {
    EventKind::Disposed {
        disposition: disposition.to_owned(),
        detail: None,
    }
}

fn folded(events: Vec<EventKind>) -> CallRecord {
    let mut log = CallLog::new(CallId::generate());
    for (kind, now_ms) in events.into_iter().zip(100..) {
        log.emit(NodeId::NONE, now_ms, kind);
    }
    log.into_record()
}

#[test]
fn a_passthru_that_is_recorded_behind_connect_counts_from_when_it_came() {
    // it is answered before its call is looked up, and Connect asks at once
    for (at_ms, counts_ms) in [(Some(90), 90), (None, 102), (Some(999), 102)] {
        let record = folded(vec![
            transfer(),
            EventKind::ConnectAnswered(ConnectAnswered {
                numbers: vec!["xxxxxx0001".to_owned()],
            }),
            EventKind::PassthruAfter(Box::new(PassthruAfter {
                parameters: BTreeMap::new(),
                at_ms,
                problem: None,
                leg: LegReport {
                    state: None,
                    agent: None,
                    talked_s: None,
                },
            })),
        ]);
        let transfer = record.transfer.unwrap();
        assert_eq!(transfer.passthru_after_ms, Some(counts_ms), "{at_ms:?}");
    }
}

#[test]
fn an_agent_who_answers_before_the_stream_is_closed_has_answered() {
    // another node's events may be stamped before the end of the stream
    let reports = [
        transfer(),
        EventKind::ConnectAnswered(ConnectAnswered {
            numbers: vec!["xxxxxx0001".to_owned()],
        }),
        EventKind::AgentReported(crate::event::AgentReported {
            event: Some("Answered".to_owned()),
            leg: LegReport {
                state: Some(AgentLegState::Answered),
                agent: None,
                talked_s: None,
            },
        }),
    ];
    let record = folded(held(FlowEnd::Returned, StreamEnd::Finished, &reports));
    assert_eq!(record.outcome.as_deref(), Some("transferred"));
}

#[test]
fn how_the_conversation_ended_is_the_outcome() {
    let failed = || FlowEnd::Failed {
        reason: "the flow trapped: unreachable".to_owned(),
    };
    for (flow, stream, before, outcome) in [
        (FlowEnd::Returned, StreamEnd::Finished, vec![], "completed"),
        (
            FlowEnd::Returned,
            StreamEnd::HungUp,
            vec![disposed("declined")],
            "declined",
        ),
        (
            FlowEnd::Returned,
            StreamEnd::Finished,
            vec![transfer()],
            "transfer-decided",
        ),
        (
            FlowEnd::Returned,
            StreamEnd::HungUp,
            vec![transfer()],
            "hung-up",
        ),
        (
            FlowEnd::Returned,
            StreamEnd::Finished,
            vec![disposed("transferred")],
            "completed",
        ),
        (
            FlowEnd::CallEnded,
            StreamEnd::HungUp,
            vec![disposed("do-not-call")],
            "do-not-call",
        ),
        (FlowEnd::TooLong, StreamEnd::Finished, vec![], "too-long"),
        (failed(), StreamEnd::HungUp, vec![], "flow-failed"),
        (
            FlowEnd::CallEnded,
            StreamEnd::PeerLost { ever: false },
            vec![],
            "no-media",
        ),
        (
            FlowEnd::CallEnded,
            StreamEnd::EngineStopped,
            vec![],
            "engine-stopped",
        ),
    ] {
        let shown = format!("{flow:?} {stream:?}");
        let record = folded(held(flow, stream, &before));
        assert_eq!(
            (record.state, record.outcome.as_deref()),
            (CallState::Ended, Some(outcome)),
            "{shown}"
        );
    }
}

#[test]
fn a_call_whose_node_seemed_dead_and_was_not_has_its_own_outcome() {
    let mut events = held(
        FlowEnd::Returned,
        StreamEnd::Finished,
        &[disposed("declined"), EventKind::Abandoned],
    );
    assert_eq!(folded(events.clone()).outcome.as_deref(), Some("declined"));
    events.truncate(3);
    let record = folded(events.clone());
    assert_eq!(
        (record.outcome.as_deref(), record.ended_ms),
        (Some("engine-stopped"), Some(102))
    );
    let late = folded(held(
        FlowEnd::Returned,
        StreamEnd::Finished,
        &[disposed("declined")],
    ));
    let mut log = CallLog::resume(late.clone(), None);
    log.emit(NodeId::NONE, 500, EventKind::Abandoned);
    assert_eq!(log.record(), &late, "it had ended in time");
}

#[test]
fn a_call_that_waits_for_the_stream_of_a_dead_node_never_connected() {
    let record = folded(vec![EventKind::Abandoned]);
    assert_eq!(record.outcome.as_deref(), Some("never-connected"));
    assert!(record.problems[0].detail.contains("has stopped"));
}

#[test]
fn a_second_stream_takes_nothing_from_the_first() {
    let mut events = held(
        FlowEnd::Returned,
        StreamEnd::Finished,
        &[disposed("declined")],
    );
    let first = folded(events.clone());
    events.push(EventKind::StreamStarted(Box::new(
        crate::event::samples::started(),
    )));
    let both = folded(events);
    assert_eq!(both.problems[0].name, SECOND_STREAM);
    assert_eq!(
        (both.outcome, both.started_ms),
        (first.outcome, first.started_ms)
    );
}

#[test]
fn a_cause_on_a_socket_without_a_name_counts_where_none_is_known() {
    let overdue = |name: &str| EventKind::StreamOverdue {
        what: "no stream came within 10 s of the passthru".to_owned(),
        unnamed: Some(Cause::new(name, "seen")),
    };
    let record = folded(vec![overdue("stream-not-started")]);
    let names: Vec<_> = record
        .problems
        .iter()
        .map(|problem| &problem.name)
        .collect();
    assert_eq!(names, ["stream-not-started"]);
    assert_eq!(record.outcome.as_deref(), Some("never-connected"));
}

#[test]
fn what_is_known_of_a_dial_is_in_the_record() {
    let refused = EventKind::Dialled(DialAnswer::Refused {
        reason: "no such caller id: correct `caller-id`".to_owned(),
    });
    let record = folded(vec![EventKind::Dialling, refused.clone()]);
    assert_eq!(record.outcome.as_deref(), Some("not-dialled"));
    assert_eq!(record.state, CallState::Ended);
    assert_eq!(record.problems[0].name, "dial-refused");

    let call_sid = CallSid::parse("c1").unwrap();
    let accepted = EventKind::Dialled(DialAnswer::Accepted {
        call_sid: call_sid.clone(),
    });
    let record = folded(vec![EventKind::Dialling, accepted]);
    assert_eq!(
        (record.state, record.call_sid, record.outcome),
        (CallState::Pending, Some(call_sid), None)
    );

    // perhaps it rings: the record stays open for what is reported of it
    let unknown = EventKind::Dialled(DialAnswer::Unknown {
        reason: "no reply: wait for the status callback".to_owned(),
    });
    let record = folded(vec![EventKind::Dialling, unknown.clone()]);
    assert_eq!((record.state, record.outcome), (CallState::Pending, None));
    assert_eq!(record.problems[0].name, "dial-unknown");

    // Exotel's list has no such call
    let reason = "120 s after the dial Exotel lists no call".to_owned();
    let not_listed = EventKind::Dialled(DialAnswer::Refused { reason });
    let settled = vec![EventKind::Dialling, unknown, not_listed];
    let record = folded(settled.clone());
    assert_eq!(record.outcome.as_deref(), Some("not-dialled"));
    assert_eq!(record.dial, Some(DialState::Refused));
    let names: Vec<_> = record.problems.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["dial-unknown", "dial-unknown"]);
    // and there was one after all
    for (status, outcome) in [("busy", "busy"), ("completed", "never-connected")] {
        let reported = EventKind::StatusReported(Box::new(StatusReported {
            parameters: BTreeMap::from([("Status".to_owned(), status.to_owned())]),
            call_sid: CallSid::parse("c1").ok(),
            direction: None,
            agents: Vec::new(),
        }));
        let record = folded([settled.clone(), vec![reported]].concat());
        assert_eq!(record.outcome.as_deref(), Some(outcome));
        let dial = (record.state, record.dial, record.detail);
        assert_eq!(dial, (CallState::Ended, Some(DialState::Accepted), None));
    }

    // an engine's own dial that fails takes nothing from a call that came otherwise
    let named = EventKind::Named {
        call_sid: CallSid::parse("c2").unwrap(),
    };
    let record = folded(vec![EventKind::Dialling, named, refused]);
    assert_eq!(record.state, CallState::Pending);
}

#[test]
fn a_passthru_that_was_answered_before_the_stream_began_stands_before_it_however_late_it_is_recorded()
 {
    let (call, node) = (CallId::generate(), NodeId::generate());
    let asked = |at_ms| {
        EventKind::AppletAsked(Box::new(AppletAsked {
            is_passthru: true,
            at_ms,
            call_sid: CallSid::parse("c1").unwrap(),
            order: None,
            direction: None,
            customer_number: None,
            line_number: None,
            problems: Vec::new(),
            late_problems: Vec::new(),
            customer_found: false,
        }))
    };
    let connected = EventKind::StepReached {
        step: Step::StreamConnected,
    };
    let steps = |at_ms| -> Vec<(Step, u64)> {
        let mut log = CallLog::new(call);
        log.emit(node, 1_000, connected.clone());
        log.emit(node, 1_050, asked(at_ms));
        let steps = log.into_record().steps;
        steps
            .into_iter()
            .map(|entry| (entry.step, entry.unix_ms))
            .collect()
    };
    let (passthru, stream) = (Step::PassthruReceived, Step::StreamConnected);
    let in_order = [(passthru.clone(), 990), (stream.clone(), 1_000)];
    assert_eq!(steps(Some(990)), in_order);
    // one that came later, of an older engine or of a clock that is ahead
    for at_ms in [Some(1_020), None, Some(2_000)] {
        let came_ms = at_ms.unwrap_or(1_050).min(1_050);
        assert_eq!(
            steps(at_ms),
            [(stream.clone(), 1_000), (passthru.clone(), came_ms)]
        );
    }
}

#[test]
fn a_call_that_went_on_after_it_was_taken_for_over_says_so() {
    let (call, node, other) = (CallId::generate(), NodeId::generate(), NodeId::generate());
    let resumed = || {
        EventKind::StreamResumed(crate::event::StreamResumed {
            stream_sid: crate::StreamSid::parse("s2").unwrap(),
            entries: 0,
        })
    };
    let started = || {
        let all = every_kind(call);
        all.into_iter()
            .find(|kind| matches!(kind, EventKind::StreamStarted(_)))
            .unwrap()
    };
    let reopened = |kinds: Vec<(NodeId, EventKind)>| {
        let mut log = CallLog::new(call);
        for (at_ms, (node, kind)) in (1_000..).zip(kinds) {
            log.emit(node, at_ms, kind);
        }
        let record = log.into_record();
        assert_eq!(record.state, CallState::Live);
        record.reopened
    };
    assert!(!reopened(vec![(node, started())]));
    assert!(!reopened(vec![(node, started()), (other, resumed())]));
    let ended = vec![
        (node, started()),
        (other, EventKind::Abandoned),
        (other, resumed()),
    ];
    assert!(reopened(ended));
    let overdue = EventKind::StreamOverdue {
        what: "no stream came".to_owned(),
        unnamed: None,
    };
    assert!(reopened(vec![(node, overdue), (node, started())]));
}
