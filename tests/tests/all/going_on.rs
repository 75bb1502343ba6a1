//! What several engines owe each other: an action that was under way when its engine died, the end
//! of a call that is reported once, recordings in another one's data folder.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use ghanti_test_servers::{Asked, PostgresServer, RedisServer, Reply, StandIn};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::nodes::{reminder, text, until};
use crate::proof::asked;
use crate::support::{Engine, PATIENCE, Receiver, Setup, Stream, root, silence_of};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const PHONE: &str = "09876577001";
/// Longer than any action waits for its answer.
const NEVER: Duration = Duration::from_secs(600);

/// The stores that engines have in common.
struct Stores {
    postgres: PostgresServer,
    _redis: RedisServer,
    section: String,
}

impl Stores {
    fn start() -> Self {
        let (postgres, redis) = (PostgresServer::start(), RedisServer::start());
        let database = postgres.create_database("calls");
        let section = format!(
            "[stores]\nredis-url = '{}'\ndatabase-url = '{database}'\n",
            redis.url()
        );
        Self {
            postgres,
            _redis: redis,
            section,
        }
    }

    async fn until(&self, query: &str) {
        until(query, async || {
            let rows = self.postgres.sql("calls", query);
            (!rows.trim().is_empty()).then_some(()).ok_or(rows)
        })
        .await;
    }
}

/// A folder with the flow that invokes a look-up, and then has an SMS sent.
fn invokes() -> TempDir {
    let flows = tempfile::tempdir().unwrap();
    let folder = flows.path().join("invokes");
    fs::create_dir(&folder).unwrap();
    let component = root().join("plugins/target/fixtures/invokes.wasm");
    fs::copy(component, folder.join("flow.wasm")).unwrap();
    let manifest = "[grants]\nactions = ['due-amount', 'send-link']\n";
    fs::write(folder.join("flow.toml"), manifest).unwrap();
    flows
}

fn sent(server: &StandIn) -> usize {
    let asked = server.asked();
    let sms = asked.iter().filter(|asked| asked.path().contains("/Sms/"));
    sms.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sms_that_was_under_way_when_its_engine_died_is_not_sent_twice() {
    let server = StandIn::http(|asked: &Asked| {
        let answer = Reply::ok(json!({ "due": 12_500 }).to_string());
        if asked.path().contains("/Sms/") {
            Reply::After(NEVER, Box::new(answer))
        } else {
            answer
        }
    });
    let url = server.url();
    let (stores, flows) = (Stores::start(), invokes());
    let config = format!(
        "{BY_KEYS}{}[exotel]\naccount-sid = 'acme1'\napi-key = 'key-0123456789'\napi-token = 'token-0123456789'\n\
         caller-id = '08047112233'\napi-url = '{url}'\n\
         [actions.due-amount]\nkind = 'http'\ndoes = 'read'\nurl = '{url}/loans/{{loan}}'\nprivate = ['127.0.0.1']\n\
         input = {{ type = 'object', required = ['loan'] }}\noutput = {{ type = 'object' }}\n\
         [actions.send-link]\nkind = 'sms'\nfrom = 'ASHAFN'\ndlt-entity = '1101'\ndlt-template = '1107'\ntext = 'Pay at {{link}} - Asha'\n",
        stores.section
    );
    let engine = || Setup::new(config.clone()).flows(flows.path()).start();
    let (mut first, second) = (engine(), engine());
    let (sid, call) = ("acting", first.customer(PHONE, Some("invokes")).await);
    let passthru = format!("/passthru?CallSid={sid}&CallFrom={PHONE}&CustomField={call}");
    let request = first.http().get(first.url(&passthru));
    assert_eq!(request.send().await.unwrap().status(), 200);
    let stream = Stream::begin(&first, sid, PHONE).await;
    until("the SMS is under way", async || match sent(&server) {
        0 => Err(first.logs()),
        _ => Ok(()),
    })
    .await;
    first.crash();
    drop(stream);

    let mut again = Stream::begin(&second, sid, PHONE).await;
    again.hear_out().await;
    let record = second.ended(&call).await;
    assert_eq!(record["outcome"], "told", "{record:#}");
    assert_eq!(record["notes"]["send-link"], "unavailable", "{record:#}");
    assert_eq!(sent(&server), 1, "{record:#}");
    let entries = record["journal"]["entries"].as_array().unwrap();
    let said = entries
        .iter()
        .map(|entry| entry["answer"].to_string())
        .find(|answer| answer.contains("whether it was done is not known"));
    assert!(said.is_some(), "{record:#}");
    assert!(record["acting"].is_null(), "{record:#}");
    // what only reads was answered before, and is not asked again either
    let asked = server.asked();
    let looked_up = asked
        .iter()
        .filter(|asked| asked.path().starts_with("/loans"));
    assert_eq!(looked_up.count(), 1, "{record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_call_that_goes_on_at_another_engine_is_reported_once() {
    let (stores, flows, crm) = (Stores::start(), reminder(), Receiver::start([]).await);
    let config = format!("{BY_KEYS}{}{}", stores.section, crm.section("crm", ""));
    let engine = || Setup::new(config.clone()).flows(flows.path()).start();
    let (mut first, second) = (engine(), engine());
    let (sid, call) = (
        "told-once",
        first.customer(PHONE, Some("emi-reminder")).await,
    );
    let mut stream = Stream::begin(&first, sid, PHONE).await;
    stream.hear_voice().await;
    let started = "SELECT id FROM call_events WHERE kind = 'prompt-started'";
    stores.until(started).await;
    first.crash();
    drop(stream);
    let record = second.ended(&call).await;
    assert_eq!(record["outcome"], "engine-stopped", "{record:#}");

    let mut again = Stream::begin(&second, sid, PHONE).await;
    again.hear_voice().await;
    again.hang_up(sid).await;
    let is_over = |record: &Value| record["outcome"] == "hung-up";
    second.record_when(&call, PATIENCE, is_over).await;
    let changed = "call.outcome-changed";
    let got = crm
        .when("its outcome", |got| {
            got.iter().any(|got| got.kind() == changed)
        })
        .await;
    let ends: Vec<String> = got.iter().map(|got| got.kind()).collect();
    let of = |kind: &str| ends.iter().filter(|reported| *reported == kind).count();
    assert_eq!((of("call.ended"), of(changed)), (1, 1), "{ends:?}");
}

/// A customer hears the bot, and hangs up. Returns the call's id once it has its recording.
async fn recorded(engine: &Engine, sid: &str) -> String {
    let call = engine.customer(PHONE, Some("emi-reminder")).await;
    let mut stream = Stream::begin(engine, sid, PHONE).await;
    stream.say(&silence_of(sid)).await;
    stream.hear_a_while().await;
    stream.hang_up(sid).await;
    let is_whole = |record: &Value| record["recordings"][0]["state"] == "complete";
    engine.record_when(&call, PATIENCE, is_whole).await;
    call
}

async fn recording(engine: &Engine, call: &str, range: Option<&str>) -> (u16, Vec<u8>) {
    let url = engine.url(&format!("/api/calls/{call}/recording"));
    let mut request = engine.http().get(url);
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let answer = request.send().await.unwrap();
    (
        answer.status().as_u16(),
        answer.bytes().await.unwrap().to_vec(),
    )
}

/// The file of a recording that is whole.
async fn file_of(engine: &Engine, record: &Value) -> PathBuf {
    let name = text(&record["recordings"][0]["file"]);
    let file = engine.house().join("data/recordings").join(name);
    until("the recording has its last name", async || {
        file.is_file().then_some(()).ok_or("not yet")
    })
    .await;
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_had_at_another_engine_or_the_engine_that_has_it_is_named() {
    let (stores, flows) = (Stores::start(), reminder());
    let engine = |more: &str| {
        let config = format!(
            "{BY_KEYS}{}[recording]\nenabled = true\n{more}",
            stores.section
        );
        Setup::new(config).flows(flows.path()).start()
    };
    let mut first = engine("engine = 'one'\n");
    let address = first.url("");
    let knows = engine(&format!(
        "engine = 'two'\nengines = {{ one = '{address}' }}\n"
    ));
    let stranger = engine("engine = 'three'\n");
    let call = recorded(&first, "kept-elsewhere").await;
    // what an engine has written, the others have a moment later
    let is_of_one = |record: &Value| record["recordings"][0]["engine"] == "one";
    stranger.record_when(&call, PATIENCE, is_of_one).await;
    let record = knows.record_when(&call, PATIENCE, is_of_one).await;
    let file = file_of(&first, &record).await;
    let bytes = fs::read(&file).unwrap();
    for (range, status, part) in [
        (None, 200, &bytes[..]),
        (Some("bytes=4-43"), 206, &bytes[4..44]),
    ] {
        for engine in [&first, &knows] {
            let (found, answer) = recording(engine, &call, range).await;
            assert_eq!((found, answer.len()), (status, part.len()), "{range:?}");
            assert!(answer == part, "{range:?}");
        }
    }
    assert_eq!(
        recording(&knows, &call, Some("bytes=999999999-")).await.0,
        416
    );
    let named = |(status, body): (u16, Vec<u8>), words: &str| {
        let body = String::from_utf8(body).unwrap();
        assert_eq!(status, 404, "{body}");
        assert!(
            body.contains("no-recording") && body.contains(words),
            "{body}"
        );
    };
    named(recording(&stranger, &call, None).await, "engine `one`");

    // each checks its own, and names whose the others are
    let verified = asked(&first, &["calls", "verify", "--all"]);
    assert!(
        verified.code == 0 && verified.out.contains("1 recordings are intact"),
        "{verified:?}"
    );
    let verified = asked(&stranger, &["calls", "verify", "--all"]);
    assert!(
        verified.code == 2 && verified.out.contains("engine `one`"),
        "{verified:?}"
    );

    first.crash();
    named(recording(&knows, &call, None).await, "cannot be fetched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_was_changed_or_is_missing_is_named_and_one_that_was_deleted_is_said() {
    let flows = reminder();
    let config = format!("{BY_KEYS}[recording]\nenabled = true\n");
    let engine = Setup::new(config).flows(flows.path()).start();
    let mut files = Vec::new();
    for sid in ["intact", "changed", "missing"] {
        let call = recorded(&engine, sid).await;
        let record = engine.record(&call).await.unwrap();
        files.push((call, file_of(&engine, &record).await));
    }
    let verify = || asked(&engine, &["calls", "verify", "--all"]);
    let verified = verify();
    assert!(
        verified.code == 0 && verified.out.contains("3 recordings are intact"),
        "{verified:?}"
    );
    let mut bytes = fs::read(&files[1].1).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&files[1].1, bytes).unwrap();
    fs::remove_file(&files[2].1).unwrap();
    let verified = verify();
    assert_eq!(verified.code, 1, "{verified:?}");
    for ((call, file), why) in files.iter().skip(1).zip(["was changed", "is missing"]) {
        let file = file.file_name().unwrap().to_str().unwrap();
        let line = verified.out.lines().find(|line| line.contains(file));
        let line = line.unwrap_or_else(|| panic!("{verified:?}"));
        assert!(line.starts_with(call) && line.contains(why), "{line}");
    }
    for reported in [
        "1 recordings are intact",
        "2 recordings were changed or are missing",
    ] {
        assert!(verified.out.contains(reported), "{verified:?}");
    }
}
