//! What is reported of a call after it was deleted by its age.

use std::collections::BTreeMap;
use std::sync::Arc;

use ghanti_model::event::{Requested, StatusReported};
use ghanti_model::{CallId, CallSid, EventKind, NodeId};
use ghanti_store::{Ages, CallRecords, SqlRecords};

use super::Subject;
use super::common::{event, sid};

const DAY_MS: u64 = 86_400_000;

fn reported(call_sid: &CallSid) -> EventKind {
    EventKind::StatusReported(Box::new(StatusReported {
        parameters: BTreeMap::from([("Status".to_owned(), "completed".to_owned())]),
        call_sid: Some(call_sid.clone()),
        direction: None,
        agents: Vec::new(),
    }))
}

async fn store(records: &SqlRecords, call: CallId, unix_ms: u64, kind: EventKind) {
    let event = Arc::new(event(call, unix_ms, kind));
    records.append(&[event]).await.unwrap();
}

async fn deletes(records: &SqlRecords, now_ms: u64) -> u64 {
    let ages = Ages {
        calls_ms: Some(now_ms - 3 * DAY_MS),
        ..Ages::default()
    };
    let removed = records.remove_aged(&ages, NodeId::NONE, now_ms, 9).await;
    removed.unwrap().calls
}

/// A late report makes no new call of one that was deleted; it does of one that nobody knew, and what
/// begins a call begins it.
pub(super) async fn a_call_that_was_deleted_stays_so_whatever_is_reported_late(
    Subject {
        records,
        statements,
        _folder: _on_disk,
        ..
    }: Subject,
) {
    let (old, unknown) = (CallId::generate(), CallId::generate());
    let (old_sid, other_sid) = (sid("old-one"), sid("another"));
    store(&records, old, DAY_MS, reported(&old_sid)).await;
    assert_eq!(deletes(&records, 9 * DAY_MS).await, 1);
    assert_eq!(records.by_id(old).await.unwrap(), None);

    let events_of =
        format!("SELECT CAST(COUNT(*) AS TEXT) FROM call_events WHERE call_id = '{old}'");
    store(&records, old, 9 * DAY_MS, reported(&old_sid)).await;
    store(&records, unknown, 9 * DAY_MS, reported(&other_sid)).await;
    assert_eq!(records.by_id(old).await.unwrap(), None);
    assert_eq!(statements(&events_of), "0");
    assert_eq!(records.late_reports(), 1);
    assert!(records.by_sid(&other_sid).await.unwrap().is_some());
    for (call, sid, expected) in [
        (Some(old), None, true),
        (None, Some(&old_sid), true),
        (Some(unknown), Some(&old_sid), true),
        (Some(unknown), Some(&other_sid), false),
        (None, None, false),
    ] {
        assert_eq!(records.was_deleted(call, sid).await.unwrap(), expected);
    }
    // nothing of it is readable
    let kept = statements("SELECT MIN(hash) FROM deleted_calls");
    assert_eq!(kept.len(), 64, "{kept}");

    let requested = EventKind::Requested(Requested {
        customer_number: None,
        flow: None,
        dials: false,
        traced_from: None,
    });
    store(&records, old, 9 * DAY_MS, requested).await;
    store(&records, old, 9 * DAY_MS + 1, reported(&old_sid)).await;
    assert!(records.by_sid(&old_sid).await.unwrap().is_some());

    // after 90 days nobody knows it any more
    assert!(records.was_deleted(Some(old), None).await.unwrap());
    let later_ms = 99 * DAY_MS + 1;
    assert_eq!(deletes(&records, later_ms).await, 2);
    assert!(records.was_deleted(Some(old), None).await.unwrap());
    assert_eq!(deletes(&records, later_ms + 90 * DAY_MS).await, 0);
    assert!(records.was_deleted(Some(old), None).await.unwrap());
    deletes(&records, later_ms + 90 * DAY_MS + 1).await;
    assert!(!records.was_deleted(Some(old), None).await.unwrap());
}
