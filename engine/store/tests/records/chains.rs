//! The hash chains of calls, as part of the suite in `records.rs`.

use std::sync::Arc;

use ghanti_model::chain::{payload_hash, sha256};
use ghanti_model::{CallId, ChainHead, Erasable, EventKind, NodeId};
use ghanti_store::CallRecords;

use super::Subject;
use super::common::{event, full_record, noted};

const FORGED: &str = r#"{"kind":"listening"}"#;

/// Stores five events of a call, and returns it.
async fn five_events(records: &impl CallRecords) -> CallId {
    let call = CallId::generate();
    let events = ["a", "b", "c", "d"].map(|name| Arc::new(noted(call, 5, name)));
    records.append(&events).await.unwrap();
    let closed = Arc::new(event(call, 9, EventKind::StreamClosed));
    records.append(&[closed]).await.unwrap();
    call
}

/// Each change by hand in the database is found, and the calls beside it stay intact.
pub(super) async fn whatever_is_changed_in_the_database_is_found(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let hash = payload_hash("", FORGED);
    let columns =
        "id, call_id, node, unix_ms, kind, payload, payload_hash, salt, position, chain_hash";
    let copied = |id: &str, position: &str| {
        format!(
            "INSERT INTO call_events ({columns}) SELECT '{id}', call_id, node, unix_ms, kind, payload, payload_hash, salt, {position}, chain_hash \
             FROM call_events WHERE call_id = '$call' AND position = 5"
        )
    };
    let of = |change: &str, position: u64| {
        format!("UPDATE call_events SET {change} WHERE call_id = '$call' AND position = {position}")
    };
    let removed = |position: u64| {
        format!("DELETE FROM call_events WHERE call_id = '$call' AND position = {position}")
    };
    let head = |change: &str| format!("UPDATE calls SET {change} WHERE call_id = '$call'");
    let changes = [
        (of(&format!("payload = '{FORGED}'"), 2), 2),
        (of("payload = NULL", 2), 2),
        (of("payload = NULL, salt = NULL", 2), 2),
        (
            of(&format!("payload = '{FORGED}', salt = NULL, payload_hash = '{hash}'"), 3),
            3,
        ),
        (of("unix_ms = unix_ms + 1", 3), 3),
        (of("kind = 'keys'", 4), 4),
        (of("node = call_id", 1), 1),
        (of("chain_hash = payload_hash", 4), 4),
        (removed(2), 2),
        (removed(5), 5),
        (
            "UPDATE call_events SET position = 5 - position WHERE call_id = '$call' AND position IN (2, 3)".to_owned(),
            2,
        ),
        (copied("beside", "NULL"), 1),
        (copied("behind", "6"), 6),
        (copied("between", "5"), 6),
        (head("chain_length = 4"), 6),
        (head(&format!("chain_hash = '{hash}'")), 6),
        (head("chain_hash = NULL"), 6),
        (head("chain_length = NULL"), 6),
    ];
    let intact = five_events(&records).await;
    let mut broken = Vec::new();
    for (change, position) in changes {
        let call = five_events(&records).await;
        let before = records.verify_call(call).await.unwrap().unwrap().unwrap();
        assert_eq!((before.events, before.erased), (5, 0));
        let change = change.replace("$call", &call.to_string());
        // ids of events are those of one call each
        let change = ["beside", "behind", "between"]
            .iter()
            .fold(change, |change, name| {
                change.replace(&format!("'{name}'"), &format!("'{name} {call}'"))
            });
        statements(&change);
        let found = records.verify_call(call).await.unwrap().unwrap();
        let found = found.expect_err(&change);
        // which of two at one position comes first is by chance
        assert_eq!(found.position, position, "{change}: {found}");
        broken.push(call.to_string());
    }
    assert!(records.verify_call(intact).await.unwrap().unwrap().is_ok());
    // all are found page by page
    let (mut after, mut reported, mut calls) = (String::new(), Vec::new(), 0);
    loop {
        let page = records.verify_chains(&after, 4).await.unwrap();
        calls += page.calls;
        reported.extend(page.broken.into_iter().map(|broken| broken.call_id));
        let Some(next) = page.next else { break };
        after = next;
    }
    assert_eq!((calls, &reported), (19, &broken));
    assert_eq!(records.verify_call(CallId::generate()).await.unwrap(), None);
}

/// A row of `calls` that was changed by hand is found, by the columns that say otherwise than the
/// events.
pub(super) async fn a_row_that_says_otherwise_than_its_events_is_found(
    Subject {
        records,
        statements,
        _folder: _on_disk,
        ..
    }: Subject,
) {
    let reported = async || {
        let record = full_record();
        records.import(&record).await.unwrap();
        let more = [noted(record.call_id, 1_795_000_099_000, "a")].map(Arc::new);
        records.append(&more).await.unwrap();
        record.call_id
    };
    for (change, columns) in [
        ("call_sid = 'another'", "call_sid"),
        ("state = 'pending'", "state"),
        ("flow = NULL", "flow"),
        ("version = 'ab13'", "version"),
        ("outcome = 'paid'", "outcome"),
        ("outcome = NULL", "outcome"),
        ("customer_number = '+919876500000'", "customer_number"),
        ("created_ms = created_ms - 1", "created_ms"),
        ("started_ms = started_ms + 1", "started_ms"),
        ("ended_ms = ended_ms + 60000", "ended_ms"),
        ("dialled_ms = 5", "dialled_ms"),
        ("went_wrong = 1 - went_wrong", "went_wrong"),
        ("last_ms = last_ms + 1", "last_ms"),
        ("last_id = NULL", "last_id"),
        (
            "record = REPLACE(record, '\"outcome\":\"transferred\"', '\"outcome\":\"paid\"')",
            "record",
        ),
        ("record = '{}'", "record"),
        (
            "outcome = 'paid', customer_number = NULL, started_ms = 7",
            "outcome, customer_number, started_ms",
        ),
    ] {
        let call = reported().await;
        assert!(records.verify_call(call).await.unwrap().unwrap().is_ok());
        statements(&format!(
            "UPDATE calls SET {change} WHERE call_id = '{call}'"
        ));
        let found = records.verify_call(call).await.unwrap().unwrap();
        let found = found.expect_err(change).to_string();
        let expected = format!("the row in `calls` does not say what its events do: {columns}");
        assert_eq!(found, expected, "{change}");
    }
    let page = records.verify_chains("", 100).await.unwrap();
    assert_eq!((page.calls, page.broken.len()), (17, 17));
    // what was erased since is no change
    let call = reported().await;
    let now_ms = 1_795_100_000_000;
    records
        .erase_call(call, Erasable::Personal, NodeId::NONE, now_ms)
        .await
        .unwrap();
    assert!(records.verify_call(call).await.unwrap().unwrap().is_ok());
}

/// Rows as an engine wrote them before there were chains.
pub(super) async fn older_events_are_chained_when_the_next_comes_or_in_the_background(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let mut calls = Vec::new();
    for _ in 0..3 {
        let call = five_events(&records).await;
        calls.push(call);
        for position in 1..=5 {
            let one = format!("WHERE call_id = '{call}' AND position = {position}");
            let payload = statements(&format!("SELECT payload FROM call_events {one}"));
            let hash = sha256(payload.as_bytes());
            statements(&format!(
                "UPDATE call_events SET salt = NULL, payload_hash = '{hash}' {one}"
            ));
        }
    }
    statements("UPDATE call_events SET position = NULL, chain_hash = NULL");
    statements("UPDATE calls SET chain_length = NULL, chain_hash = NULL");
    // of an engine without events
    let old = full_record();
    let json = serde_json::to_string(&old).unwrap().replace('\'', "''");
    statements(&format!(
        "INSERT INTO calls (call_id, state, created_ms, updated_ms, record) VALUES ('{}', 'ended', 1, 1, '{json}')",
        old.call_id
    ));
    let late = Arc::new(noted(calls[0], 3, "late"));
    records.append(&[late]).await.unwrap();
    let (head, events) = records.chain(calls[0], -1, 100).await.unwrap().unwrap();
    assert_eq!((head.length, events.len()), (6, 6));
    assert_eq!(events[5].unix_ms, 3, "in the order of arrival");
    // one that is asked for is chained at once
    assert!(
        records
            .verify_call(calls[1])
            .await
            .unwrap()
            .unwrap()
            .is_ok()
    );
    assert_eq!(records.chain_older(1).await.unwrap(), 1);
    assert_eq!(records.chain_older(9).await.unwrap(), 1);
    assert_eq!(records.chain_older(9).await.unwrap(), 0);
    let checks = records.verify_chains("", 100).await.unwrap();
    assert_eq!((checks.calls, checks.intact.events), (4, 16));
    assert_eq!(checks.broken, []);
    let (head, _) = records.chain(old.call_id, -1, 1).await.unwrap().unwrap();
    assert_eq!(head, ChainHead::default());
    let late = Arc::new(noted(old.call_id, 5, "late"));
    records.append(&[late]).await.unwrap();
    let intact = records.verify_call(old.call_id).await.unwrap().unwrap();
    assert_eq!(intact.unwrap().events, 2);
}

/// Whoever removes an event and the head has no chain made for what is left: not when the call is asked
/// for, nor in the background, nor by a further event, nor by an erasure.
pub(super) async fn a_call_whose_head_was_removed_is_never_chained_anew(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let mut calls = Vec::new();
    let removals = [
        "position IN (2)",
        "position IN (5)",
        "position IN (1, 2, 3, 4)",
    ];
    for removed in removals {
        for _ in 0..4 {
            let call = five_events(&records).await;
            statements(&format!(
                "DELETE FROM call_events WHERE call_id = '{call}' AND {removed}"
            ));
            statements(&format!(
                "UPDATE calls SET chain_length = NULL, chain_hash = NULL WHERE call_id = '{call}'"
            ));
            calls.push(call);
        }
    }
    // a salt alone shows it too
    let call = five_events(&records).await;
    statements(&format!(
        "UPDATE call_events SET position = NULL, chain_hash = NULL WHERE call_id = '{call}'"
    ));
    statements(&format!(
        "UPDATE calls SET chain_length = NULL, chain_hash = NULL WHERE call_id = '{call}'"
    ));
    calls.push(call);
    for (nth, &call) in calls.iter().enumerate() {
        match nth % 4 {
            0 => {}
            1 => records
                .append(&[Arc::new(noted(call, 20, "late"))])
                .await
                .unwrap(),
            2 => drop(
                records
                    .erase_call(call, Erasable::Personal, NodeId::NONE, 30)
                    .await
                    .unwrap(),
            ),
            _ => drop(records.chain_older(100).await.unwrap()),
        }
        for _ in 0..2 {
            let found = records.verify_call(call).await.unwrap().unwrap();
            assert!(found.is_err(), "{nth}: {found:?}");
        }
    }
    assert_eq!(
        records.chain_older(100).await.unwrap(),
        0,
        "it comes to an end"
    );
    let checks = records.verify_chains("", 100).await.unwrap();
    assert_eq!((checks.calls, checks.broken.len()), (13, 13));
}

/// A page of a chain begins behind a position.
pub(super) async fn a_chain_comes_page_by_page(Subject { records, .. }: Subject) {
    let call = five_events(&records).await;
    let mut positions = Vec::new();
    for after in [-1, 2, 4, 5] {
        let (head, events) = records.chain(call, after, 2).await.unwrap().unwrap();
        assert_eq!(head.length, 5);
        positions.push(
            events
                .iter()
                .map(|event| event.position)
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(positions, [vec![1, 2], vec![3, 4], vec![5], vec![]]);
    assert!(
        records
            .chain(CallId::generate(), -1, 2)
            .await
            .unwrap()
            .is_none()
    );
}
