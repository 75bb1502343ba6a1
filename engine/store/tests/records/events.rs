//! The behaviour of every store with events, as part of the suite in `records.rs`.

use std::sync::Arc;

use ghanti_model::event::{AppletAsked, Requested, StreamStarted};
use ghanti_model::{
    CallEvent, CallId, CallRecord, CallState, EventKind, Language, NodeId, PhoneNumber, StreamSid,
};
use ghanti_store::{CallRecords, SqlRecords};

use super::Subject;
use super::common::{event, full_record, in_state, noted, record, sid};

pub(super) async fn events_that_are_added_change_the_record_and_its_columns(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let mut call = in_state(CallState::Live, 5);
    let at = call.call_id;
    records.import(&call).await.unwrap();
    let events = [
        event(
            at,
            7,
            EventKind::Named {
                call_sid: sid("late"),
            },
        ),
        event(
            at,
            8,
            EventKind::EngineEnded {
                outcome: "declined".to_owned(),
                hang_up: false,
            },
        ),
        event(at, 9, EventKind::StreamClosed),
    ];
    let events = events.map(Arc::new);
    records.append(&events).await.unwrap();
    (call.state, call.ended_ms) = (CallState::Ended, Some(9));
    call.outcome = Some("declined".to_owned());
    call.call_sid = Some(sid("late"));
    let shown = CallRecord {
        journal: None,
        ..call.clone()
    };
    assert_eq!(records.newest(10).await.unwrap(), [shown]);
    assert_eq!(
        records.by_sid(&sid("late")).await.unwrap().as_ref(),
        Some(&call)
    );
    assert_eq!(
        statements("SELECT state || ' ' || outcome FROM calls"),
        "ended declined"
    );
    // events that are stored already are kept as they are
    records.append(&events).await.unwrap();
    records.import(&record(1)).await.unwrap();
    let all = records.events(at, None, 100).await.unwrap();
    let kinds: Vec<_> = all.iter().map(|event| event.kind.name()).collect();
    assert_eq!(
        kinds,
        ["imported", "named", "engine-ended", "stream-closed"]
    );
    assert_eq!(CallRecord::fold(at, &all), call);
    let [_, named, ended, closed] = all.as_slice() else {
        panic!("{kinds:?}")
    };
    assert!(named == events[0].as_ref() && closed == events[2].as_ref());
    assert_eq!(
        records.place_of(ended.id).await.unwrap(),
        Some((at, ended.mark()))
    );
    let rest = records.events(at, Some(ended.mark()), 100).await.unwrap();
    assert!(rest == [closed.clone()]);
    assert_eq!(records.events(at, None, 2).await.unwrap().len(), 2);
}

/// Two nodes that learn of each other's events only through the database.
pub(super) async fn what_several_write_of_one_call_at_once_is_all_in_its_record(
    Subject {
        records,
        url,
        _folder: folder,
        ..
    }: Subject,
) {
    let other = Arc::new(SqlRecords::open(Some(&url), folder.path()).await.unwrap());
    let records = Arc::new(records);
    let calls: Vec<_> = (0..4).map(|_| CallId::generate()).collect();
    let mut tasks = Vec::new();
    for writer in 0..8_u64 {
        let store = Arc::clone(if writer % 2 == 0 { &records } else { &other });
        let calls = calls.clone();
        tasks.push(tokio::spawn(async move {
            for nth in 0..5_u64 {
                let events: Vec<_> = calls
                    .iter()
                    .map(|call| {
                        // clocks differ: many events come before those that are stored already
                        let unix_ms = 1_000 + nth * 10 - writer;
                        Arc::new(noted(*call, unix_ms, &format!("{writer}-{nth}")))
                    })
                    .collect();
                // a busy database is tried again, as the writer does
                while store.append(&events).await.is_err() {}
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for call in calls {
        let events = records.events(call, None, 100).await.unwrap();
        assert_eq!(events.len(), 40);
        let record = records.by_id(call).await.unwrap().unwrap();
        assert_eq!(record.notes.len(), 40);
        assert_eq!(record, CallRecord::fold(call, &events));
        // each event has the next place in the chain, whichever node wrote it
        let intact = other.verify_call(call).await.unwrap().unwrap().unwrap();
        assert_eq!((intact.events, intact.erased), (40, 0));
    }
}

/// Rows as written by an engine version without events.
pub(super) async fn a_record_of_before_there_were_events_becomes_the_first_of_them(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let old = full_record();
    let call = old.call_id;
    let json = serde_json::to_string(&old).unwrap().replace('\'', "''");
    statements(&format!(
        "INSERT INTO calls (call_id, state, created_ms, updated_ms, record) VALUES ('{call}', 'ended', 1, 1, '{json}')"
    ));
    assert_eq!(records.by_id(call).await.unwrap(), Some(old.clone()));
    let late = Arc::new(noted(call, 5, "late"));
    for _ in 0..2 {
        records.append(std::slice::from_ref(&late)).await.unwrap();
    }
    let mut expected = old;
    expected.notes.insert("late".to_owned(), "Friday".into());
    assert_eq!(records.by_id(call).await.unwrap().as_ref(), Some(&expected));
    let events = records.events(call, None, 9).await.unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(CallRecord::fold(call, &events), expected);
}

/// The calls of a node belong to it until it is gone, or has no lease.
pub(super) async fn only_calls_of_nodes_that_are_gone_are_ended(Subject { records, .. }: Subject) {
    let [ours, neighbour, dead] = [(); 3].map(|()| NodeId::generate());
    records.heartbeat(ours, 1_000, 16_000).await.unwrap();
    records.heartbeat(neighbour, 1_000, 16_000).await.unwrap();
    records.heartbeat(dead, 1_000, 5_000).await.unwrap();
    let mut calls = Vec::new();
    for node in [ours, neighbour, dead] {
        let (live, awaited) = (CallId::generate(), CallId::generate());
        let events = [
            event(live, 2_000, EventKind::StreamStarted(Box::new(stream()))),
            event(awaited, 2_000, asked()),
        ];
        let events = events.map(|event| Arc::new(CallEvent { node, ..event }));
        records.append(&events).await.unwrap();
        calls.push((live, awaited));
    }
    // an order for which no call has come stays pending
    let order = CallId::generate();
    let requested = EventKind::Requested(Requested {
        customer_number: Some(PhoneNumber::parse("9876543210").unwrap()),
        flow: None,
        dials: false,
        traced_from: None,
    });
    let requested = Arc::new(CallEvent {
        node: dead,
        ..event(order, 2_000, requested)
    });
    records.append(&[requested]).await.unwrap();
    // whatever time it is by the clock of the node that looks
    for now_ms in [4_999, 900_000_000] {
        let ended = records.close_abandoned(ours, &[], now_ms).await.unwrap();
        assert_eq!(ended, 0, "at {now_ms}");
    }
    let close = async |gone: NodeId, now_ms| {
        let ended = records.close_abandoned(ours, &[gone], now_ms).await;
        ended.unwrap()
    };
    assert_eq!((close(dead, 6_000).await, close(dead, 7_000).await), (2, 0));
    let mut outcomes = Vec::new();
    for (live, awaited) in calls {
        for call in [live, awaited] {
            let record = records.by_id(call).await.unwrap().unwrap();
            outcomes.push(record.outcome);
        }
    }
    let outcomes: Vec<_> = outcomes.iter().map(Option::as_deref).collect();
    let of_the_dead = [Some("engine-stopped"), Some("never-connected")];
    assert_eq!(outcomes, [[None; 2], [None; 2], of_the_dead].concat());
    let order = records.by_id(order).await.unwrap().unwrap();
    assert_eq!(order.state, CallState::Pending);
    assert_eq!(close(neighbour, 17_000).await, 2);
    // the row of a node that is gone goes as well, a day later, and of no other
    assert_eq!(close(dead, 5_000 + 24 * 3_600_000 + 1).await, 0);
    let leases = records.leases().await.unwrap();
    let mut nodes: Vec<_> = leases.iter().map(|lease| lease.node).collect();
    nodes.sort_by_key(|node| *node != ours);
    assert_eq!(nodes, [ours, neighbour], "{leases:?}");
    records.heartbeat(ours, 18_000, 18_000).await.unwrap();
    let leases = records.leases().await.unwrap();
    for lease in leases {
        let stopped = lease.node == ours;
        let heartbeat_ms = if stopped { 18_000 } else { 1_000 };
        assert_eq!(
            (lease.heartbeat_ms, lease.is_given_up),
            (heartbeat_ms, stopped)
        );
    }
}

fn stream() -> StreamStarted {
    StreamStarted {
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
    }
}

fn asked() -> EventKind {
    EventKind::AppletAsked(Box::new(AppletAsked {
        is_passthru: true,
        at_ms: None,
        call_sid: sid("c1"),
        order: None,
        direction: None,
        customer_number: None,
        line_number: None,
        problems: Vec::new(),
        late_problems: Vec::new(),
        customer_found: false,
    }))
}

pub(super) async fn a_call_of_a_node_whose_clock_was_ahead_is_ended_and_once(
    Subject { records, .. }: Subject,
) {
    let call = CallId::generate();
    let ahead_ms = 900_000;
    let started = EventKind::StreamStarted(Box::new(stream()));
    let started = Arc::new(event(call, ahead_ms, started));
    records.append(&[started]).await.unwrap();
    let close = async |now_ms| {
        records
            .close_abandoned(NodeId::NONE, &[], now_ms)
            .await
            .unwrap()
    };
    assert_eq!((close(77_000).await, close(78_000).await), (1, 0));
    let now = records.by_id(call).await.unwrap().unwrap();
    assert_eq!(
        (now.state, now.outcome.as_deref()),
        (CallState::Ended, Some("engine-stopped"))
    );
}
