//! The behaviour of every store of events and records: one suite, run against SQLite and against a
//! real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[path = "records/chains.rs"]
mod chains;
#[path = "records/claims.rs"]
mod claims;
mod common;
#[path = "records/deliveries.rs"]
mod deliveries;
#[path = "records/erasures.rs"]
mod erasures;
#[path = "records/events.rs"]
mod events;
#[path = "records/late.rs"]
mod late;
#[path = "records/search.rs"]
mod search;

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use chains::*;
use claims::*;
use common::{assert_clean, full_record, in_state, record, sid};
use deliveries::*;
use erasures::*;
use events::*;
use ghanti_model::{CallId, CallRecord, CallState, FlowName, NodeId, PhoneNumber, Step, VersionId};
use ghanti_store::{
    CallRecords, DEADLINE, DialRequestKey, DoNotCall, OpenError, REQUEST_KEPT_MS, SqlRecords,
    StoreError,
};
use ghanti_test_servers::PostgresServer;
use late::*;
use search::*;
use tempfile::TempDir;

/// One server for all tests of this file, with a database for each. It ends with the process.
fn postgres() -> &'static PostgresServer {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    SERVER.get_or_init(PostgresServer::start)
}

/// Open records, the URL to open them again, and a way to run statements on another connection.
struct Subject {
    records: SqlRecords,
    url: String,
    statements: Box<dyn Fn(&str) -> String + Send + Sync>,
    _folder: TempDir,
}

async fn in_sqlite(_name: &str) -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calls.db");
    let url = format!("sqlite://{}", file.display());
    let records = SqlRecords::open(Some(&url), folder.path()).await.unwrap();
    Subject {
        records,
        url,
        statements: Box::new(move |sql| sqlite_statements(&file, sql)),
        _folder: folder,
    }
}

async fn in_postgres(name: &str) -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let url = postgres().create_database(name);
    let records = SqlRecords::open(Some(&url), folder.path()).await.unwrap();
    let name = name.to_owned();
    Subject {
        records,
        url,
        statements: Box::new(move |sql| postgres().sql(&name, sql)),
        _folder: folder,
    }
}

/// Runs a statement on a separate connection. A query returns the first column of its first row.
fn sqlite_statements(file: &Path, sql: &str) -> String {
    use sqlx::{Connection, Row};
    let (options, sql) = (
        sqlx::sqlite::SqliteConnectOptions::new().filename(file),
        sql.to_owned(),
    );
    let thread = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async {
                let mut connection = sqlx::SqliteConnection::connect_with(&options)
                    .await
                    .unwrap();
                let row = sqlx::query(sqlx::AssertSqlSafe(sql))
                    .fetch_optional(&mut connection)
                    .await
                    .unwrap();
                row.map(|row| row.try_get::<String, _>(0).unwrap_or_default())
                    .unwrap_or_default()
            })
    });
    thread.join().unwrap()
}

macro_rules! for_every_database {
    ($($behaviour:ident)*) => {
        mod sqlite {
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(super::in_sqlite(stringify!($behaviour)).await).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(super::in_postgres(stringify!($behaviour)).await).await; })*
        }
    };
}

for_every_database! {
    a_full_record_comes_back_as_it_was
    a_key_is_of_the_first_request_that_has_it_for_a_day
    events_that_are_added_change_the_record_and_its_columns
    what_several_write_of_one_call_at_once_is_all_in_its_record
    a_record_of_before_there_were_events_becomes_the_first_of_them
    only_calls_of_nodes_that_are_gone_are_ended
    the_newest_record_of_a_call_sid_is_found
    the_newest_come_first_and_no_more_than_asked_for
    a_call_of_a_node_whose_clock_was_ahead_is_ended_and_once
    only_live_records_are_ended_after_a_crash
    hundreds_of_abandoned_records_are_all_ended
    an_unreadable_record_is_reported_and_hides_no_other
    records_survive_closing_and_opening_again
    many_may_write_at_once
    all_records_since_a_time_come_page_by_page
    a_flows_ended_calls_come_newest_first
    a_wish_not_to_be_called_is_kept_until_it_is_lifted
    messages_are_written_with_the_events_that_they_report_and_once
    messages_that_cannot_be_written_keep_their_events_out_too
    messages_of_a_call_are_sent_one_after_another
    a_message_is_taken_by_one_node_until_its_time_is_over
    a_message_that_is_given_up_is_kept_and_lets_the_next_one_go
    what_nobody_wants_any_more_is_given_up_and_forgotten
    messages_that_follow_each_other_are_taken_once
    whatever_is_changed_in_the_database_is_found
    a_row_that_says_otherwise_than_its_events_is_found
    older_events_are_chained_when_the_next_comes_or_in_the_background
    a_call_whose_head_was_removed_is_never_chained_anew
    a_chain_comes_page_by_page
    nothing_is_left_of_a_person_who_was_erased_but_what_was_done
    a_number_that_stands_anywhere_in_a_call_is_found
    nobody_is_erased_while_they_are_being_called
    an_erasure_does_not_cover_up_what_was_changed_before
    digits_of_a_longer_number_are_no_mention
    a_person_may_be_erased_again
    what_is_too_old_goes_in_small_steps_and_only_that
    customers_that_no_campaign_needs_go_by_age
    a_task_is_done_by_one_node_until_its_time_is_over
    one_of_several_nodes_goes_on_with_a_call
    a_call_of_exotels_list_is_found_for_one_dial
    a_call_that_was_deleted_stays_so_whatever_is_reported_late
    ten_thousand_calls_are_paged_through_while_others_are_added
    calls_are_found_by_whatever_is_known_of_them
    the_list_has_nothing_that_was_said
    calls_of_a_campaign_are_found_by_its_name
}

async fn a_full_record_comes_back_as_it_was(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let saved = full_record();
    records.import(&saved).await.unwrap();
    assert_eq!(
        records.by_id(saved.call_id).await.unwrap().as_ref(),
        Some(&saved)
    );
    assert_eq!(
        records
            .by_sid(saved.call_sid.as_ref().unwrap())
            .await
            .unwrap()
            .as_ref(),
        Some(&saved)
    );
    assert_eq!(records.by_id(CallId::generate()).await.unwrap(), None);
    assert_eq!(records.by_sid(&sid("unknown")).await.unwrap(), None);
    let columns = "SELECT state || ' ' || flow || ' ' || version || ' ' || outcome || ' ' || customer_number || ' ' || created_ms || ' ' || \
                   started_ms || ' ' || ended_ms FROM calls";
    let expected = "ended emi-reminder ab12 transferred +919876543210 1795000000000 1795000001000 1795000061000";
    assert_eq!(statements(columns), expected);
}

async fn the_newest_record_of_a_call_sid_is_found(Subject { records, .. }: Subject) {
    let of_sid = |created_ms| CallRecord {
        call_sid: Some(sid("abc")),
        ..record(created_ms)
    };
    let newer = of_sid(20);
    for call in [of_sid(10), newer.clone(), of_sid(15)] {
        records.import(&call).await.unwrap();
    }
    assert_eq!(records.by_sid(&sid("abc")).await.unwrap(), Some(newer));
}

async fn the_newest_come_first_and_no_more_than_asked_for(Subject { records, .. }: Subject) {
    for created_ms in [30, 10, 50, 20, 40] {
        records.import(&record(created_ms)).await.unwrap();
    }
    let times =
        |calls: Vec<CallRecord>| calls.iter().map(|call| call.created_ms).collect::<Vec<_>>();
    assert_eq!(times(records.newest(3).await.unwrap()), [50, 40, 30]);
    assert_eq!(
        times(records.newest(100).await.unwrap()),
        [50, 40, 30, 20, 10]
    );
    assert!(records.newest(0).await.unwrap().is_empty());
}

async fn only_live_records_are_ended_after_a_crash(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let (pending, live, ended) = (
        in_state(CallState::Pending, 1),
        in_state(CallState::Live, 2),
        full_record(),
    );
    for call in [&pending, &live, &ended] {
        records.import(call).await.unwrap();
    }
    assert_eq!(
        records
            .close_abandoned(NodeId::NONE, &[], 77_000)
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        records
            .close_abandoned(NodeId::NONE, &[], 99_000)
            .await
            .unwrap(),
        0
    );

    let now = records.by_id(live.call_id).await.unwrap().unwrap();
    assert_eq!(
        (now.state, now.outcome.as_deref(), now.ended_ms),
        (CallState::Ended, Some("engine-stopped"), Some(77_000))
    );
    assert!(now.steps.iter().any(|entry| entry.step == Step::Completed));
    let columns = format!(
        "SELECT state || ' ' || outcome || ' ' || ended_ms FROM calls WHERE call_id = '{}'",
        live.call_id
    );
    assert_eq!(statements(&columns), "ended engine-stopped 77000");
    assert_eq!(records.by_id(pending.call_id).await.unwrap(), Some(pending));
    assert_eq!(records.by_id(ended.call_id).await.unwrap(), Some(ended));
}

async fn hundreds_of_abandoned_records_are_all_ended(Subject { records, .. }: Subject) {
    for created_ms in 0..250 {
        records
            .import(&in_state(CallState::Live, created_ms))
            .await
            .unwrap();
    }
    assert_eq!(
        records
            .close_abandoned(NodeId::NONE, &[], 1_000)
            .await
            .unwrap(),
        250
    );
    assert!(
        records
            .newest(250)
            .await
            .unwrap()
            .iter()
            .all(|call| call.state == CallState::Ended)
    );
}

async fn an_unreadable_record_is_reported_and_hides_no_other(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let (broken, whole) = (in_state(CallState::Live, 2), in_state(CallState::Live, 1));
    records.import(&broken).await.unwrap();
    records.import(&whole).await.unwrap();
    statements(&format!(
        "UPDATE calls SET record = '{{\"call_id\": \"Asha Rao\"}}' WHERE call_id = '{}'",
        broken.call_id
    ));

    let error = records.by_id(broken.call_id).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
    assert_clean(&format!("{error} {error:?}"), &[]);
    let whole = CallRecord {
        journal: None,
        ..whole
    };
    assert_eq!(records.newest(10).await.unwrap(), [whole]);
    assert_eq!(
        records.close_abandoned(NodeId::NONE, &[], 9).await.unwrap(),
        2,
        "the broken one does not stay live for ever"
    );
}

async fn records_survive_closing_and_opening_again(
    Subject {
        records,
        url,
        _folder: folder,
        ..
    }: Subject,
) {
    let saved = full_record();
    records.import(&saved).await.unwrap();
    records.close().await;
    let error = records.ping().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    let again = SqlRecords::open(Some(&url), folder.path()).await.unwrap();
    again.ping().await.unwrap();
    assert_eq!(
        again.by_id(saved.call_id).await.unwrap(),
        Some(saved.clone())
    );
    let shown = CallRecord {
        journal: None,
        ..saved
    };
    assert_eq!(again.newest(10).await.unwrap(), [shown]);
}

async fn a_key_is_of_the_first_request_that_has_it_for_a_day(
    Subject {
        records,
        _folder: _on_disk,
        ..
    }: Subject,
) {
    let request = |key: &str| DialRequestKey {
        key_hash: key.to_owned(),
        body_hash: "b".to_owned(),
        call_id: CallId::generate(),
    };
    let (first, second, other) = (request("k"), request("k"), request("other"));
    // at once, as from two engines
    let (one, two) = tokio::join!(
        records.claim_request(&first, 1_000),
        records.claim_request(&second, 1_000)
    );
    let claimed = one.unwrap();
    assert_eq!(two.unwrap(), claimed);
    assert!([&first, &second].contains(&&claimed));
    assert_eq!(records.claim_request(&other, 1_000).await.unwrap(), other);
    let day = 1_000 + REQUEST_KEPT_MS;
    assert_eq!(records.claim_request(&second, day).await.unwrap(), claimed);
    let third = request("k");
    assert_eq!(records.claim_request(&third, day + 1).await.unwrap(), third);
}

async fn a_wish_not_to_be_called_is_kept_until_it_is_lifted(
    Subject {
        records,
        url,
        _folder: folder,
        ..
    }: Subject,
) {
    let asks = |created_ms| {
        let record = full_record();
        CallRecord {
            disposition: Some("do-not-call".to_owned()),
            ended_ms: Some(created_ms),
            created_ms,
            ..record
        }
    };
    let (first, second) = (asks(10), asks(20));
    let (phone, other) = (
        first.customer_number.clone().unwrap(),
        PhoneNumber::parse("9876500000").unwrap(),
    );
    assert_eq!(records.do_not_call(&phone).await.unwrap(), None);
    for record in [&first, &second, &first] {
        records.import(record).await.unwrap();
    }
    records
        .import(&CallRecord {
            state: CallState::Live,
            customer_number: Some(other.clone()),
            ..asks(30)
        })
        .await
        .unwrap();
    assert_eq!(
        records.do_not_call(&other).await.unwrap(),
        None,
        "the call is not over"
    );
    records.close().await;

    let records = SqlRecords::open(Some(&url), folder.path()).await.unwrap();
    assert_eq!(
        records.do_not_call(&phone).await.unwrap(),
        Some(DoNotCall {
            call_id: second.call_id,
            since_ms: 20
        })
    );
    assert_eq!(records.lift_do_not_call(&phone, None, 40).await.unwrap(), 2);
    // a later change to that call does not restore the request
    records.import(&second).await.unwrap();
    assert_eq!(records.do_not_call(&phone).await.unwrap(), None);
    let third = asks(50);
    records
        .lift_do_not_call(&phone, DoNotCall::of(&third), 60)
        .await
        .unwrap();
    records.import(&third).await.unwrap();
    assert_eq!(
        records.do_not_call(&phone).await.unwrap(),
        None,
        "lifted before its record was saved"
    );
    records.import(&asks(70)).await.unwrap();
    assert!(
        records.do_not_call(&phone).await.unwrap().is_some(),
        "asked anew"
    );
}

async fn many_may_write_at_once(Subject { records, .. }: Subject) {
    let records = std::sync::Arc::new(records);
    let tasks: Vec<_> = (0..40)
        .map(|created_ms| {
            let records = std::sync::Arc::clone(&records);
            tokio::spawn(async move { records.import(&record(created_ms)).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(records.newest(100).await.unwrap().len(), 40);
}

async fn all_records_since_a_time_come_page_by_page(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let calls: Vec<_> = (0..25).map(record).collect();
    for call in &calls {
        records.import(call).await.unwrap();
    }
    statements(&format!(
        "UPDATE calls SET record = 'broken' WHERE call_id = '{}'",
        calls.get(12).unwrap().call_id
    ));
    let (mut found, mut unreadable, mut sizes, mut after) = (Vec::new(), 0, Vec::new(), None);
    loop {
        let page = records.page(5, after.as_ref(), 8).await.unwrap();
        sizes.push(page.records.len());
        found.extend(page.records);
        unreadable += page.unreadable.len();
        match page.next {
            Some(mark) => after = Some(mark),
            None => break,
        }
    }
    assert_eq!((found.len(), unreadable, sizes), (19, 1, vec![7, 8, 4]));
    assert!(found.iter().all(|call| call.created_ms >= 5));
    assert_eq!(
        (
            records.count(5).await.unwrap(),
            records.count(100).await.unwrap()
        ),
        (20, 0)
    );
}

#[tokio::test]
async fn without_a_url_the_file_lies_in_the_data_folder_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data 100% #1?");
    std::fs::create_dir(&data).unwrap();
    let records = SqlRecords::open(None, &data).await.unwrap();
    records.import(&full_record()).await.unwrap();
    assert!(data.join("ghanti.db").is_file());
    assert_eq!(
        sqlite_statements(&data.join("ghanti.db"), "PRAGMA journal_mode"),
        "wal"
    );
}

#[tokio::test]
async fn a_missing_data_folder_is_an_error_with_its_hint() {
    let folder = tempfile::tempdir().unwrap();
    let error = SqlRecords::open(None, &folder.path().join("nowhere"))
        .await
        .err()
        .unwrap();
    assert!(matches!(error, OpenError::Folder { .. }), "{error:?}");
    assert!(error.to_string().contains("mkdir -p"), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_an_error_with_its_hint() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("ghanti.db")).unwrap();
    let error = SqlRecords::open(None, folder.path()).await.err().unwrap();
    assert!(matches!(error, OpenError::Folder { .. }), "{error:?}");
    assert!(
        error.to_string().contains("let the engine's user write"),
        "{error}"
    );
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = SqlRecords::open(None, &file).await.err().unwrap();
    assert!(error.to_string().contains("not a folder"), "{error}");
}

#[tokio::test]
async fn no_postgres_at_start_is_an_error_with_its_mend_and_without_its_password() {
    let url = postgres().create_database("refusals");
    let password = postgres().password();
    let wrong_password = url.replace(password, "hunter2");
    let wrong_database = url.replace("/refusals", "/nowhere");
    for url in [
        "postgres://user:hunter2@127.0.0.1:9/ghanti",
        &wrong_password,
        &wrong_database,
    ] {
        let error = SqlRecords::open(Some(url), Path::new("."))
            .await
            .err()
            .unwrap();
        assert!(
            matches!(
                error,
                OpenError::Unreachable {
                    store: "PostgreSQL",
                    ..
                }
            ),
            "{error:?}"
        );
        let reported = error.to_string();
        assert!(
            reported.contains("127.0.0.1:") && reported.contains("createdb"),
            "{reported}"
        );
        assert_clean(&format!("{error} {error:?}"), &["hunter2", password]);
    }
}

#[tokio::test]
async fn an_unusable_url_is_reported_without_its_password() {
    for url in [
        "mysql://u:hunter2@h/db",
        "postgres://u:hunter2@h:port/db",
        "postgres://u:p@h/db?sslmode=hunter2",
        "sqlite://a?mode=hunter2",
    ] {
        let error = SqlRecords::open(Some(url), Path::new("."))
            .await
            .err()
            .unwrap_or_else(|| panic!("`{url}` was taken"));
        assert!(matches!(error, OpenError::Url { .. }), "{error:?}");
        assert_clean(&format!("{error} {error:?}"), &["hunter2"]);
    }
}

#[tokio::test]
async fn a_locked_table_is_unavailable_at_the_deadline() {
    let subject = in_postgres("locked").await;
    // holds the lock until its session is terminated
    let holds = "SELECT pg_advisory_lock(1); SELECT pg_sleep(600)";
    let waits = "BEGIN; LOCK TABLE calls; SELECT pg_advisory_xact_lock(1); COMMIT";
    let gate = std::thread::spawn(move || postgres().sql("locked", holds));
    until(
        "locked",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted",
    );
    let lock = std::thread::spawn(move || postgres().sql("locked", waits));
    until(
        "locked",
        "SELECT count(*) FROM pg_locks WHERE relation = 'calls'::regclass AND mode = 'AccessExclusiveLock' AND granted",
    );
    // in paused time, which jumps ahead to the next timer, so that the deadline is met however busy
    // the machine is
    tokio::time::pause();
    let asked = tokio::time::Instant::now();
    let error = subject.records.import(&full_record()).await.unwrap_err();
    let took = asked.elapsed();
    tokio::time::resume();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(took <= DEADLINE + Duration::from_millis(2), "{took:?}");
    assert_clean(&error.to_string(), &[]);
    postgres().sql(
        "locked",
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    // psql reports the terminated session as a failure
    drop(gate.join());
    lock.join().unwrap();
    subject
        .records
        .import(&full_record())
        .await
        .expect("it goes on when the lock is gone");
}

/// Polls until the query returns 1.
fn until(database: &str, counts: &str) {
    let given_up = Instant::now() + Duration::from_secs(60);
    while postgres().sql(database, counts) != "1" {
        assert!(Instant::now() < given_up, "never so: {counts}");
    }
}

#[tokio::test]
async fn a_newer_engines_tables_are_refused_not_used() {
    let subject = in_postgres("newer").await;
    let inserted = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'x', true, '', 0)";
    (subject.statements)(inserted);
    let error = SqlRecords::open(Some(&subject.url), Path::new("."))
        .await
        .err()
        .unwrap();
    assert!(matches!(error, OpenError::Migration { .. }), "{error:?}");
}

async fn a_flows_ended_calls_come_newest_first(Subject { records, .. }: Subject) {
    let flow = |name: &str| FlowName::parse(name).unwrap();
    let of = |name: &str, version: &str, state| CallRecord {
        flow: Some(flow(name)),
        version: VersionId::parse(version).ok(),
        ..in_state(state, 1)
    };
    let mut ended: Vec<_> = (0..5)
        .map(|nth| of("emi", if nth == 0 { "a1" } else { "b2" }, CallState::Ended))
        .collect();
    for call in ended.iter().chain(&[
        of("emi", "c3", CallState::Live),
        of("other", "d4", CallState::Ended),
        record(1),
    ]) {
        records.import(call).await.unwrap();
    }
    ended.reverse();
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = records
            .newest_of(&flow("emi"), after.as_ref(), 2)
            .await
            .unwrap();
        assert!(page.unreadable.is_empty());
        found.extend(page.records);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, ended);
    for (name, version, held) in [
        ("emi", "a1", true),
        ("emi", "c3", false),
        ("emi", "d4", false),
        ("other", "d4", true),
    ] {
        assert_eq!(
            records
                .has_held(&flow(name), &VersionId::parse(version).unwrap())
                .await
                .unwrap(),
            held,
            "{name} {version}"
        );
    }
}
