//! What an engine cannot do without is away or broken: a voice, a database that takes something, a
//! disk. It is reported in `/readyz`, no caller is kept in silence, and a record that is lost is an
//! error.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ghanti_test_servers::PostgresServer;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::nodes::{bare, reminder, until};
use crate::support::{Engine, PATIENCE, Setup, Stream};

const ESPEAK_ALONE: &str = "[speech]\nrecognizer = 'none'\nenglish-voice = ''\n";

async fn readyz(engine: &Engine) -> (u16, Value) {
    let get = engine.http().get(engine.url("/readyz"));
    let response = get.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Waits until `/readyz` answers with a status, and something in it that is so.
async fn until_ready_as(engine: &Engine, status: u16, so: impl Fn(&Value) -> bool) {
    until("ready so", async || {
        let (reported, body) = readyz(engine).await;
        (reported == status && so(&body))
            .then_some(())
            .ok_or((reported, body))
    })
    .await;
}

/// A folder for `PATH` whose `espeak-ng` hangs as long as the file `hang` is beside it.
fn voice(folder: &Path) {
    let (real, hang) = ("/usr/bin/espeak-ng", folder.join("hang"));
    let script = format!(
        "#!/bin/sh\nif [ -e '{}' ]; then exec /bin/sleep 600; fi\nexec {real} \"$@\"\n",
        hang.display()
    );
    let program = folder.join("espeak-ng");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_espeak_an_engine_is_not_ready_and_takes_no_call_into_silence() {
    let (nothing, flows) = (tempfile::tempdir().unwrap(), bare());
    let engine = Setup::new(ESPEAK_ALONE)
        .flows(flows.path())
        .variable("PATH", nothing.path().to_str().unwrap())
        .start();
    until_ready_as(&engine, 503, |body| {
        body["voices"]
            .to_string()
            .contains("install the `espeak-ng` package")
    })
    .await;
    let passthru = engine.url("/passthru?CallSid=mute&CallFrom=09876510001");
    let answer = engine.http().get(passthru).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    let refused = Stream::open(&engine, "/ws/voicebot/mute").await.err();
    assert_eq!(refused, Some(503));
    let record = engine.ended("mute").await;
    assert_eq!(record["outcome"], "refused-busy");
    assert!(
        record["problems"][0]["detail"]
            .to_string()
            .contains("cannot speak"),
        "{record:#}"
    );
    let logs = engine.logs();
    assert!(logs.contains("nobody speaks this language"), "{logs}");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synthesiser_that_hangs_ends_its_calls_instead_of_keeping_them_in_silence() {
    let (programs, flows) = (tempfile::tempdir().unwrap(), reminder());
    voice(programs.path());
    let engine = Setup::new(ESPEAK_ALONE)
        .flows(flows.path())
        .variable("PATH", programs.path().to_str().unwrap())
        .start();
    until_ready_as(&engine, 200, |body| body["voices"] == "ok").await;
    let call = engine.customer("+919876510002", Some("emi-reminder")).await;
    fs::write(programs.path().join("hang"), "").unwrap();
    let mut stream = Stream::begin(&engine, "hangs", "09876510002").await;
    let heard = stream.until_closed().await;
    assert!(heard.iter().all(|message| message["event"] != "media"));
    let record = engine.ended(&call).await;
    assert_eq!(record["outcome"], "no-voice", "{record:#}");
    let lasted = record["ended_ms"].as_u64().unwrap() - record["started_ms"].as_u64().unwrap();
    // the voice has five seconds for the greeting; nothing else is waited for, such as a caller who
    // does not answer, for whom the flow waits twice
    assert!(lasted < 20_000, "{lasted} ms of silence");
    until_ready_as(&engine, 503, |body| body["voices"].is_object()).await;
    fs::remove_file(programs.path().join("hang")).unwrap();
    until_ready_as(&engine, 200, |body| body["voices"] == "ok").await;
    engine.customer("+919876510003", Some("emi-reminder")).await;
    let mut stream = Stream::begin(&engine, "speaks", "09876510003").await;
    stream.hear_voice().await;
    stream.hang_up("speaks").await;
    engine.is_well().await;
}

/// A call from its start to its end.
async fn call(engine: &Engine, sid: &str) {
    let mut stream = Stream::begin(engine, sid, "09876510004").await;
    stream.hear_voice().await;
    stream.hang_up(sid).await;
    engine.ended(sid).await;
}

fn with_data(config: &str) -> (TempDir, TempDir, Setup) {
    let (data, flows) = (tempfile::tempdir().unwrap(), bare());
    let setup = Setup::new(config).flows(flows.path()).data(data.path());
    (data, flows, setup)
}

fn delete_database(data: &Path) {
    for file in ["ghanti.db", "ghanti.db-wal", "ghanti.db-shm"] {
        fs::remove_file(data.join(file)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_file_that_is_deleted_under_the_engine_costs_no_record() {
    let (data, _flows, setup) = with_data("[speech]\nrecognizer = 'none'\n");
    let mut engine = setup.start();
    call(&engine, "before").await;
    delete_database(data.path());
    until_ready_as(&engine, 200, |body| {
        body["records"].to_string().contains("deleted") && body["degraded"]["records"].is_string()
    })
    .await;
    call(&engine, "meanwhile").await;
    engine.ask_to_stop();
    let status = engine.stopped(PATIENCE);
    assert_eq!(status.code(), Some(0), "{}", engine.logs());
    engine.start_again();
    let stored = async || engine.record("meanwhile").await.ok_or("not stored yet");
    assert_eq!(until("stored", stored).await["state"], "ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_nothing_takes_makes_the_engine_unready_and_its_stop_an_error() {
    let (data, _flows, setup) = with_data("[speech]\nrecognizer = 'none'\n");
    let mut engine = setup.start();
    call(&engine, "before").await;
    delete_database(data.path());
    // as a full disk: nothing can be written there
    let spool = data.path().join("spool");
    fs::remove_dir_all(&spool).unwrap();
    fs::write(&spool, "").unwrap();
    until_ready_as(&engine, 503, |body| {
        body["degraded"]["records"]
            .to_string()
            .contains("only in memory")
    })
    .await;
    call(&engine, "lost").await;
    engine.ask_to_stop();
    let status = engine.stopped(PATIENCE);
    let reported = engine.shown();
    assert_eq!(status.code(), Some(1), "{reported}");
    assert!(reported.contains("events of calls are lost"), "{reported}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_read_only_is_reported_and_costs_no_record() {
    let postgres = PostgresServer::start();
    let database = postgres.create_database("calls");
    let config = format!("[speech]\nrecognizer = 'none'\n[stores]\ndatabase-url = '{database}'\n");
    let (data, _flows, setup) = with_data(&config);
    let engine = setup.start();
    call(&engine, "before").await;
    let read_only = |so: &str| {
        let change = format!("ALTER DATABASE calls SET default_transaction_read_only = {so}");
        postgres.sql("postgres", &change);
        let others =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'calls'";
        postgres.sql("postgres", others);
    };
    read_only("on");
    until_ready_as(&engine, 200, |body| {
        body["records"].to_string().contains("read-only") && body["degraded"]["records"].is_string()
    })
    .await;
    call(&engine, "meanwhile").await;
    let spooled = async || {
        let files = fs::read_dir(data.path().join("spool")).unwrap().count();
        (files > 0).then_some(()).ok_or(files)
    };
    until("spooled", spooled).await;
    read_only("off");
    until_ready_as(&engine, 200, |body| body["degraded"] == json!({})).await;
    let rows = "SELECT call_sid FROM calls WHERE state = 'ended' ORDER BY call_sid";
    until("stored", async || {
        let stored = postgres.sql("calls", rows);
        stored.contains("meanwhile").then_some(()).ok_or(stored)
    })
    .await;
    engine.is_well().await;
}
