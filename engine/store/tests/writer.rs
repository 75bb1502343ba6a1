//! The event writer with a database that fails and recovers: a switchable one in paused time, and a
//! real PostgreSQL that is killed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use common::switched::{SOON, Switched, started, until_saved};
use common::{assert_clean, full_record, imported, in_state, noted, record};
use ghanti_model::{
    CallEvent, CallId, CallLog, CallRecord, CallSid, CallState, EventId, EventMark, NodeId,
    PhoneNumber,
};
use ghanti_store::{
    CallRecords, DialRequestKey, DoNotCall, EventWriter, Flushed, NodeLease, SqlRecords, StoreError,
};
use ghanti_test_servers::PostgresServer;

/// Longer than a real database needs for an immediate operation on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn files(spool: &Path) -> usize {
    std::fs::read_dir(spool).unwrap().count()
}

#[tokio::test(start_paused = true)]
async fn what_is_submitted_is_saved_many_events_at_once() {
    let (records, folder) = (Switched::new(), tempfile::tempdir().unwrap());
    let writer = started(&records, &folder.path().join("spool")).await;
    let call = CallId::generate();
    for unix_ms in 1..=100 {
        writer.submit(noted(call, unix_ms, &format!("note-{unix_ms}")));
    }
    assert_eq!(writer.unsaved(call).len(), 100);
    assert_eq!(
        writer.flush(SOON).await,
        Flushed {
            spooled: 0,
            lost: 0
        }
    );
    assert_eq!(records.saved(call).unwrap().notes.len(), 100);
    assert_eq!(writer.unsaved(call), []);
    assert!(
        records.attempts.load(Ordering::SeqCst) < 10,
        "events are put together"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_is_saved_within_half_a_second() {
    let (records, folder) = (Switched::new(), tempfile::tempdir().unwrap());
    let writer = started(&records, &folder.path().join("spool")).await;
    for unix_ms in 1..=50 {
        let call = CallId::generate();
        writer.submit(noted(call, unix_ms, "note"));
        let asked = tokio::time::Instant::now();
        while records.events_of(call) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(asked.elapsed() <= Duration::from_millis(500));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_slow_database_has_not_taken_is_on_the_disk_within_half_a_second() {
    let (records, folder) = (Switched::new(), tempfile::tempdir().unwrap());
    let spool = folder.path().join("spool");
    let writer = started(&records, &spool).await;
    records.hangs.send_replace(true);
    let calls: [CallId; 4] = std::array::from_fn(|_| CallId::generate());
    for (call, unix_ms) in calls.into_iter().zip(1..) {
        writer.submit(noted(call, unix_ms, "note"));
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((records.count(), files(&spool)), (0, 4));
    assert_eq!(records.attempts.load(Ordering::SeqCst), 1, "one at a time");

    records.hangs.send_replace(false);
    until_saved(&records, 4).await;
    writer.flush(SOON).await;
    for call in calls {
        assert_eq!(records.saved(call).unwrap().notes.len(), 1);
    }
    assert_eq!(files(&spool), 0, "and nothing is left there");
}

#[tokio::test(start_paused = true)]
async fn an_outage_loses_nothing_and_ends_by_itself() {
    let (records, folder) = (Switched::new(), tempfile::tempdir().unwrap());
    let spool = folder.path().join("spool");
    let writer = started(&records, &spool).await;
    records.set_down(true);
    for created_ms in 0..30 {
        writer.submit(imported(&record(created_ms)));
    }
    assert_eq!(
        writer.flush(SOON).await,
        Flushed {
            spooled: 30,
            lost: 0
        }
    );
    assert_eq!((records.count(), files(&spool)), (0, 30));

    tokio::time::sleep(Duration::from_secs(60)).await;
    let attempts = records.attempts.load(Ordering::SeqCst);
    assert!(
        (5..20).contains(&attempts),
        "the pauses grow: {attempts} attempts within a minute"
    );

    records.set_down(false);
    until_saved(&records, 30).await;
    writer.submit(imported(&record(99)));
    assert_eq!(
        writer.flush(SOON).await,
        Flushed {
            spooled: 0,
            lost: 0
        }
    );
    assert_eq!((records.count(), files(&spool)), (31, 0));
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_spooled_events_of_a_call_is_saved_after_them() {
    let (records, folder) = (Switched::new(), tempfile::tempdir().unwrap());
    let writer = started(&records, &folder.path().join("spool")).await;
    let (early, late): ([CallId; 40], [CallId; 40]) = (
        std::array::from_fn(|_| CallId::generate()),
        std::array::from_fn(|_| CallId::generate()),
    );
    let calls = || early.into_iter().chain(late);
    records.hangs.send_replace(true);
    for call in early {
        writer.submit(noted(call, 1, "first"));
    }
    // the database has these now, and does not answer: the others wait, and go to the spool
    tokio::time::sleep(Duration::from_millis(400)).await;
    for call in late {
        writer.submit(noted(call, 1, "first"));
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(writer.calls_behind(), calls().collect());
    for call in calls() {
        writer.submit(noted(call, 2, "second"));
    }
    records.hangs.send_replace(false);
    let is_whole = |call| writer.stored(call, SOON);
    for call in late {
        assert!(is_whole(call).await);
    }
    for call in calls() {
        assert!(is_whole(call).await);
        assert_eq!(records.notes_of(call), ["first", "second"]);
    }
    assert_eq!(writer.calls_behind().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_process_left_is_saved_at_start() {
    let (records, folder) = (Switched::new(), tempfile::tempdir().unwrap());
    let ended = full_record();
    records.set_down(true);
    let writer = started(&records, folder.path()).await;
    writer.submit(imported(&ended));
    writer.submit(noted(CallId::generate(), 2, "of a live call"));
    writer.flush(SOON).await;
    drop(writer);

    records.set_down(false);
    let _writer = started(&records, folder.path()).await;
    until_saved(&records, 2).await;
    assert_eq!(records.saved(ended.call_id), Some(ended));
}

#[tokio::test(start_paused = true)]
async fn the_records_that_an_older_engine_spooled_are_taken_over_and_its_live_calls_ended() {
    let (records, folder) = (Switched::new(), tempfile::tempdir().unwrap());
    let (ended, live) = (full_record(), in_state(CallState::Live, 2));
    for record in [&ended, &live] {
        let file = folder.path().join(format!("{}.json", record.call_id));
        std::fs::write(file, serde_json::to_vec(record).unwrap()).unwrap();
    }
    let _writer = started(&records, folder.path()).await;
    until_saved(&records, 2).await;
    assert_eq!(records.saved(ended.call_id), Some(ended));
    assert_eq!(
        records.saved(live.call_id).unwrap().outcome.as_deref(),
        Some("engine-stopped")
    );
}

#[tokio::test(start_paused = true)]
async fn an_end_in_the_database_is_not_undone_by_a_dead_process_s_older_file() {
    let (records, folder) = (Switched::new(), tempfile::tempdir().unwrap());
    let mut call = in_state(CallState::Live, 1);
    let file = folder.path().join(format!("{}.json", call.call_id));
    std::fs::write(&file, serde_json::to_vec(&call).unwrap()).unwrap();
    call.state = CallState::Ended;
    call.outcome = Some("declined".to_owned());
    records.import(&call).await.unwrap();

    let _writer = started(&records, folder.path()).await;
    let gone = async {
        while file.exists() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, gone)
        .await
        .expect("the file is dealt with");
    assert_eq!(records.saved(call.call_id), Some(call));
}

#[tokio::test(start_paused = true)]
async fn a_record_the_database_refuses_holds_up_no_other() {
    let (records, folder) = (Switched::new(), tempfile::tempdir().unwrap());
    let refused = record(1);
    *records.refused.lock().unwrap() = Some(refused.call_id);
    let writer = started(&records, folder.path()).await;
    writer.submit(imported(&refused));
    for created_ms in 2..=20 {
        writer.submit(imported(&record(created_ms)));
    }
    until_saved(&records, 19).await;
    assert_eq!(
        writer.flush(SOON).await,
        Flushed {
            spooled: 1,
            lost: 0
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_overflows_into_the_spool() {
    let (records, folder) = (Switched::new(), tempfile::tempdir().unwrap());
    let writer = EventWriter::start_with_capacity(
        Arc::clone(&records) as Arc<dyn CallRecords>,
        folder.path(),
        3,
    )
    .await
    .unwrap();
    // the task does not run until this test waits, so the fourth event finds the queue full
    for created_ms in 0..10 {
        writer.submit(imported(&record(created_ms)));
    }
    assert_eq!(files(folder.path()), 7);
    until_saved(&records, 10).await;
    assert_eq!(
        writer.flush(SOON).await,
        Flushed {
            spooled: 0,
            lost: 0
        }
    );
}

#[tokio::test]
async fn dropping_the_writer_without_a_flush_loses_nothing() {
    let (records, folder) = (Switched::new(), tempfile::tempdir().unwrap());
    let writer = started(&records, folder.path()).await;
    for created_ms in 0..5 {
        writer.submit(imported(&record(created_ms)));
    }
    drop(writer);
    assert_eq!(records.count() + files(folder.path()), 5);
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_takes_too_long_leaves_the_records_in_the_spool() {
    /// Never answers.
    struct Silent;

    #[async_trait]
    #[rustfmt::skip]
    impl CallRecords for Silent {
        async fn append(&self, _: &[Arc<CallEvent>]) -> Result<(), StoreError> { std::future::pending().await }
        async fn events(&self, _: CallId, _: Option<EventMark>, _: u32) -> Result<Vec<CallEvent>, StoreError> { std::future::pending().await }
        async fn place_of(&self, _: EventId) -> Result<Option<(CallId, EventMark)>, StoreError> { std::future::pending().await }
        async fn log_by_id(&self, _: CallId) -> Result<Option<CallLog>, StoreError> { std::future::pending().await }
        async fn log_by_sid(&self, _: &CallSid) -> Result<Option<CallLog>, StoreError> { std::future::pending().await }
        async fn newest(&self, _: u32) -> Result<Vec<CallRecord>, StoreError> { std::future::pending().await }
        async fn ended_of(&self, _: &PhoneNumber, _: u32) -> Result<Vec<CallRecord>, StoreError> { std::future::pending().await }
        async fn heartbeat(&self, _: NodeId, _: u64, _: u64) -> Result<(), StoreError> { std::future::pending().await }
        async fn last_heartbeat(&self, _: NodeId) -> Result<Option<u64>, StoreError> { std::future::pending().await }
        async fn leases(&self) -> Result<Vec<NodeLease>, StoreError> { std::future::pending().await }
        async fn close_abandoned(&self, _: NodeId, _: &[NodeId], _: u64) -> Result<u64, StoreError> { std::future::pending().await }
        async fn claim_resumption(&self, _: CallId, _: u32, _: NodeId, _: u64) -> Result<bool, StoreError> { std::future::pending().await }
        async fn claim_call_sid(&self, _: &CallSid, _: CallId, _: u64) -> Result<bool, StoreError> { std::future::pending().await }
        async fn do_not_call(&self, _: &PhoneNumber) -> Result<Option<DoNotCall>, StoreError> { std::future::pending().await }
        async fn lift_do_not_call(&self, _: &PhoneNumber, _: Option<DoNotCall>, _: u64) -> Result<u64, StoreError> { std::future::pending().await }
        async fn claim_request(
            &self,
            request: &DialRequestKey,
            _now_unix_ms: u64,
        ) -> Result<DialRequestKey, StoreError> {
            Ok(request.clone())
        }

        async fn ping(&self) -> Result<(), StoreError> { std::future::pending().await }
    }

    let folder = tempfile::tempdir().unwrap();
    let writer = EventWriter::start(Arc::new(Silent), folder.path())
        .await
        .unwrap();
    for created_ms in 0..5 {
        writer.submit(imported(&record(created_ms)));
    }
    assert_eq!(
        writer.flush(SOON).await,
        Flushed {
            spooled: 5,
            lost: 0
        }
    );
    assert_eq!(files(folder.path()), 5);
}

#[tokio::test]
async fn a_missing_data_folder_is_an_error_with_its_hint() {
    let folder = tempfile::tempdir().unwrap();
    let error = EventWriter::start(Switched::new(), &folder.path().join("nowhere/spool"))
        .await
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("create the folder above it"),
        "{error}"
    );
}

#[tokio::test]
async fn records_of_a_killed_postgres_are_in_it_after_its_return() {
    let mut server = tokio::task::spawn_blocking(PostgresServer::start)
        .await
        .unwrap();
    let (url, folder) = (
        server.create_database("outage"),
        tempfile::tempdir().unwrap(),
    );
    let records = Arc::new(SqlRecords::open(Some(&url), folder.path()).await.unwrap());
    let spool = folder.path().join("spool");
    let writer = EventWriter::start(Arc::clone(&records) as Arc<dyn CallRecords>, &spool)
        .await
        .unwrap();

    let before = full_record();
    writer.submit(imported(&before));
    assert_eq!(
        writer.flush(PATIENCE).await,
        Flushed {
            spooled: 0,
            lost: 0
        }
    );

    server.kill();
    let during: Vec<CallRecord> = (0..20).map(|_| full_record()).collect();
    for record in &during {
        writer.submit(imported(record));
    }
    assert_eq!(
        writer.flush(SOON).await,
        Flushed {
            spooled: 20,
            lost: 0
        }
    );
    assert_eq!(files(&spool), 20);
    let error = records.ping().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert_clean(&error.to_string(), &[server.password()]);

    server.restart();
    let all_back = async {
        while files(&spool) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_back)
        .await
        .expect("the spool is replayed");
    for record in during.into_iter().chain([before]) {
        assert_eq!(records.by_id(record.call_id).await.unwrap(), Some(record));
    }
}
