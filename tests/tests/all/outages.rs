//! What is away, or goes away: Redis in the middle of a call, what the engine needs to start, the
//! engine itself.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::support::{Engine, PATIENCE, Playing, Setup, Stream, refusal, root, scenario};
use ghanti_model::{CallId, CallRecord, CallState};
use ghanti_store::{CallRecords, SqlRecords};
use ghanti_test_servers::RedisServer;
use serde_json::{Value, json};

/// A call reaches any of its prompts within this.
const CONVERSATION: Duration = Duration::from_secs(180);

/// The one call of an engine, once the bot has begun to say a template.
async fn saying(engine: &Engine, template: &str) -> Value {
    let given_up = Instant::now() + CONVERSATION;
    loop {
        let newest: Value = engine
            .http()
            .get(engine.url("/api/calls"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        if let Some(call) = newest["items"][0]["call_id"].as_str() {
            let record = engine.record(call).await.unwrap();
            if record["transcript"]
                .as_array()
                .unwrap()
                .iter()
                .any(|line| line["name"] == template)
            {
                return record;
            }
            assert_ne!(
                record["state"],
                "ended",
                "`{template}` was not said: {record:#}\n{}",
                engine.logs()
            );
        }
        assert!(
            Instant::now() < given_up,
            "`{template}` is never said: {newest:#?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn id(record: &Value) -> &str {
    record["call_id"].as_str().unwrap()
}

async fn readyz(engine: &Engine) -> (u16, String) {
    let response = engine
        .http()
        .get(engine.url("/readyz"))
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_outlives_its_redis_and_reaches_the_agent() {
    let mut redis = RedisServer::start();
    let engine = Setup::new(format!("[stores]\nredis-url = '{}'", redis.url())).start();
    assert_eq!(readyz(&engine).await.0, 200);
    let playing = Playing::begin(&engine, &scenario("agrees"));
    let record = saying(&engine, "emi-details").await;
    redis.kill();
    let (status, reported) = readyz(&engine).await;
    assert_eq!(status, 200, "{reported}");
    assert!(reported.contains("Redis"), "{reported}");

    let report = tokio::task::spawn_blocking(|| playing.report())
        .await
        .unwrap();
    assert_eq!(
        (
            report.code,
            &report.reported["outcome"],
            &report.reported["agent"]
        ),
        (Some(0), &"transferred".into(), &"+918000000001".into()),
        "{}",
        report.shown
    );
    assert_eq!(engine.ended(id(&record)).await["outcome"], "transferred");

    redis.restart();
    let given_up = Instant::now() + PATIENCE;
    while readyz(&engine).await.1.contains("Redis") {
        assert!(Instant::now() < given_up, "{:?}", readyz(&engine).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    engine.customer("+919876510001", None).await;
    assert_ne!(
        redis.command(&["DBSIZE"]),
        ":0\r\n",
        "the new Redis holds what was stored since"
    );
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_redis_hangs_is_told_of_nobody_else() {
    let redis = RedisServer::start();
    let engine = Setup::new(format!(
        "[speech]\nrecognizer = 'none'\n[stores]\nredis-url = '{}'",
        redis.url()
    ))
    .start();
    let order = async |name: &str, phone: &str| {
        let fields = json!({ "name": name, "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2026-12-05" });
        let order = json!({ "phone": phone, "flow": "emi-reminder", "fields": fields });
        let created = engine
            .http()
            .post(engine.url("/api/calls"))
            .json(&order)
            .send()
            .await
            .unwrap();
        created.json::<Value>().await.unwrap()["call_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let older = order("Priya Sharma", "+919876510004").await;
    order("Ravi Kumar", "+919876510004").await;
    redis.command(&["CLIENT", "PAUSE", "6000", "ALL"]);
    // one whose order the Passthru names, one that is found by nothing but its number
    engine
        .http()
        .get(engine.url(&format!(
            "/passthru?CallSid=hung-1&CallFrom=09876510004&CustomField={older}"
        )))
        .send()
        .await
        .unwrap();
    for sid in ["hung-1", "hung-2"] {
        let mut stream = Stream::begin(&engine, sid, "09876510004").await;
        stream.hear_voice().await;
        stream.hang_up(sid).await;
        let record = engine.ended(sid).await;
        let said = record["transcript"].to_string();
        assert!(
            !said.contains("Ravi"),
            "the newer order is another one: {said}"
        );
        assert!(sid == "hung-1" || !said.contains("Priya"), "{said}");
        assert!(
            record["problems"].to_string().contains("store-unavailable"),
            "{record:#}"
        );
    }
    engine.is_well().await;
}

#[test]
fn what_is_missing_at_the_start_is_reported_with_the_hint() {
    let house = tempfile::tempdir().unwrap();
    let (file, empty, gone) = (
        house.path().join("a-file"),
        house.path().join("empty"),
        house.path().join("gone"),
    );
    fs::write(&file, "").unwrap();
    fs::create_dir(&empty).unwrap();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let broken = house.path().join("flows");
    fs::create_dir_all(broken.join("emi-reminder")).unwrap();
    fs::write(broken.join("emi-reminder/flow.wasm"), "not WebAssembly").unwrap();

    let setup = |config: String| Setup::new(format!("[speech]\nrecognizer = 'none'\n{config}"));
    let stores = |line: String| setup(format!("[stores]\n{line}"));
    let nobody_there = nobody.to_string();
    for (what, setup, words) in [
        (
            "Redis",
            stores(format!("redis-url = 'redis://:secret@{nobody}'")),
            vec!["Redis", &nobody_there, "redis-server", "redis-url"],
        ),
        (
            "PostgreSQL",
            stores(format!(
                "database-url = 'postgres://u:secret@{nobody}/calls'"
            )),
            vec!["PostgreSQL", &nobody_there, "start it"],
        ),
        (
            "another database",
            stores("database-url = 'mysql://u:secret@host/calls'".to_owned()),
            vec!["sqlite:", "postgres:"],
        ),
        (
            "the database's folder",
            stores(format!(
                "database-url = 'sqlite://{}/calls.db'",
                gone.display()
            )),
            vec!["call records", "gone", "mkdir"],
        ),
        (
            "the data folder, a file",
            setup(String::new()).data(&file),
            vec!["a-file", "--data"],
        ),
        (
            "the data folder, not writable",
            setup(String::new()).data("/proc/ghanti"),
            vec!["/proc/ghanti", "--data"],
        ),
        (
            "flows",
            setup(String::new()).flows(&empty),
            vec!["empty", "ghanti flow new", "--flows"],
        ),
        (
            "the flows' folder",
            setup(String::new()).flows(&gone),
            vec!["gone", "flows"],
        ),
        (
            "a right flow",
            setup(String::new()).flows(&broken),
            vec!["emi-reminder", "ghanti flow new"],
        ),
        (
            "the recogniser's library",
            Setup::new("[speech]\nvosk-library = 'gone/libvosk.so'"),
            vec!["gone/libvosk.so", "`vosk-library`", "recognizer = \"none\""],
        ),
        (
            "the recogniser's model",
            Setup::new("[speech]\nvosk-models = { en-IN = 'gone/model' }"),
            vec!["gone/model", "`vosk-models`", "recognizer = \"none\""],
        ),
    ] {
        let refused = refusal(&setup);
        assert_eq!(refused.code, Some(1), "without {what}: {refused:?}");
        for word in words {
            assert!(
                refused.words.contains(word),
                "without {what} the message lacks `{word}`: {}",
                refused.words
            );
        }
        assert!(
            !refused.words.contains("secret"),
            "without {what}: {}",
            refused.words
        );
    }
}

#[test]
fn a_port_that_is_taken_is_reported_with_the_hint() {
    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = occupied.local_addr().unwrap().to_string();
    // `--listen` comes first on the command line of every test's engine, so the second program is
    // run by hand.
    let house = tempfile::tempdir().unwrap();
    let config = house.path().join("ghanti.toml");
    fs::write(
        &config,
        format!(
            "[speech]\nrecognizer = 'none'\n[log]\nfolder = '{}'",
            house.path().display()
        ),
    )
    .unwrap();
    let mut serve = crate::support::program();
    serve
        .args(["serve", "--listen", &address, "--data"])
        .arg(house.path().join("data"))
        .arg("--config")
        .arg(config);
    let output = serve.output().unwrap();
    let reported = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        reported.contains(&address) && reported.contains("--listen"),
        "{reported}"
    );
}

#[test]
fn all_that_is_wrong_with_a_configuration_is_reported_at_once() {
    let config = "[server]\nlisten = 'nowhere'\ncolour = 'red'\n[calls]\nsample-rate-hz = 44100\nagents = ['x']\n[extra]\n";
    let refused = refusal(&Setup::new(config).variable("GHANTI_SPEECH_WORDS_PER_MINUTE", "fast"));
    assert_eq!(refused.code, Some(1));
    for word in [
        "6 error",
        "`listen`",
        "`colour`",
        "`sample-rate-hz`",
        "`agents`",
        "`[extra]`",
        "GHANTI_SPEECH_WORDS_PER_MINUTE",
    ] {
        assert!(
            refused.words.contains(word),
            "`{word}` is missing: {}",
            refused.words
        );
    }
    let refused = refusal(&Setup::new("[server\n"));
    assert!(
        refused.words.contains("TOML") && refused.words.contains("line 1"),
        "{}",
        refused.words
    );
}

#[test]
fn logs_that_cannot_be_written_are_reported_with_the_hint() {
    let house = tempfile::tempdir().unwrap();
    let file = house.path().join("a-file");
    fs::write(&file, "").unwrap();
    let refused =
        refusal(&Setup::new("").variable("GHANTI_LOG_FOLDER", &file.display().to_string()));
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.words.contains("a-file") && refused.words.contains("`folder` of `[log]`"),
        "{}",
        refused.words
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_data_folder_is_made() {
    let house = tempfile::tempdir().unwrap();
    let engine = Setup::new("[speech]\nrecognizer = 'none'")
        .data(house.path().join("new/data"))
        .start();
    assert_eq!(readyz(&engine).await.0, 200);
    assert!(house.path().join("new/data/ghanti.db").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_call_goes_on_to_its_agent_after_the_signal_to_stop() {
    let mut engine = Setup::new("[server]\ndrain-s = 60").start();
    let playing = Playing::begin(&engine, &scenario("keys-english"));
    let record = saying(&engine, "emi-details").await;
    engine.ask_to_stop();
    let report = tokio::task::spawn_blocking(|| playing.report())
        .await
        .unwrap();
    let status = engine.stopped(PATIENCE);
    assert_eq!(status.code(), Some(0));
    engine.start_again();
    assert_eq!(
        engine.record(id(&record)).await.unwrap()["outcome"],
        "transferred"
    );
    // Exotel's applets behind the bot ask the engine that is about to stop: an answer missing there
    // loses the transfer.
    assert_eq!(
        (report.code, &report.reported["agent"]),
        (Some(0), &"+918000000001".into()),
        "{}",
        report.shown
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_over_in_time_is_ended_with_a_record_when_the_engine_stops() {
    let mut engine = Setup::new("[server]\ndrain-s = 1\n[speech]\nrecognizer = 'none'").start();
    let call = engine.customer("+919876510002", None).await;
    let mut stream = Stream::begin(&engine, &call, "09876510002").await;
    stream.hear_voice().await;
    engine.ask_to_stop();
    stream.until_closed().await;
    assert_eq!(engine.stopped(PATIENCE).code(), Some(0));
    engine.start_again();
    let record = engine.record(&call).await.unwrap();
    assert_eq!(
        (&record["state"], &record["outcome"]),
        (&"ended".into(), &"engine-stopped".into()),
        "{record:#}"
    );
    assert!(
        record["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("greeting")),
        "where it stood: {}",
        record["detail"]
    );
    assert!(
        record["journal"]["entries"]
            .as_array()
            .is_some_and(|entries| !entries.is_empty())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_does_not_keep_the_engine_from_stopping() {
    let mut engine = Setup::new("[server]\ndrain-s = 1\n[speech]\nrecognizer = 'none'").start();
    let mut half = TcpStream::connect(engine.address()).unwrap();
    half.write_all(b"POST /status HTTP/1.1\r\nHost: engine\r\nContent-Length: 100\r\n\r\nCallSid=")
        .unwrap();
    engine.is_well().await;
    engine.ask_to_stop();
    assert_eq!(engine.stopped(PATIENCE).code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_an_engine_that_died_has_a_record_after_the_next_start() {
    let mut engine = Setup::new("[speech]\nrecognizer = 'none'").start();
    let call = engine.customer("+919876510003", None).await;
    let mut stream = Stream::begin(&engine, &call, "09876510003").await;
    stream.hear_voice().await;
    engine
        .record_when(&call, PATIENCE, |record| record["state"] == "live")
        .await;
    // The writer has a moment: what it has not yet written when the power goes is lost, and a dead
    // process is no power cut.
    wait_for_row(&engine, &call).await;
    engine.crash();
    engine.start_again();
    let record = engine.record(&call).await.unwrap();
    assert_eq!(
        (&record["state"], &record["outcome"]),
        (&"ended".into(), &"engine-stopped".into()),
        "{record:#}"
    );
    assert!(record["ended_ms"].is_u64());
}

/// Waits until the database has the live call.
async fn wait_for_row(engine: &Engine, call: &str) {
    let call = CallId::parse(call).unwrap();
    let records = SqlRecords::open(None, &engine.house().join("data"))
        .await
        .unwrap();
    let given_up = Instant::now() + PATIENCE;
    let is_live = |record: CallRecord| record.state == CallState::Live;
    while !records.by_id(call).await.unwrap().is_some_and(is_live) {
        assert!(
            Instant::now() < given_up,
            "the live call is not in the database"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    records.close().await;
}

#[test]
fn a_call_against_nobody_is_reported_with_the_hint() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let house = tempfile::tempdir().unwrap();
    let mut call = crate::support::program();
    call.args(["call", "--url", &format!("http://{nobody}"), "--out"])
        .arg(house.path())
        .arg("--scenario")
        .arg(scenario("agrees"));
    let output = call.current_dir(root()).output().unwrap();
    let reported = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        reported.contains("does not answer") && reported.contains("ghanti serve"),
        "{reported}"
    );
}
