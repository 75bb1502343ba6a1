//! Webhooks from the built program: what a receiver gets, and what happens when it is slow,
//! refuses, breaks or is down, and when the engine dies.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ghanti_test_servers::PostgresServer;
use serde_json::{Value, json};

use crate::nodes::bare;
use crate::support::{Engine, Got, KEY, PATIENCE, Receiver, Reply, Setup, Stream, root};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const AGENT: &str = "+918000000001";
const PHONE: &str = "09876570001";

async fn get(engine: &Engine, path: &str) -> Value {
    let response = engine.http().get(engine.url(path)).send().await.unwrap();
    assert!(response.status().is_success(), "{path}: {response:?}");
    response.json().await.unwrap_or_default()
}

async fn post(engine: &Engine, path: &str) -> u16 {
    let request = engine.http().post(engine.url(path));
    request.send().await.unwrap().status().as_u16()
}

async fn applet(engine: &Engine, path: &str) -> u16 {
    let request = engine.http().get(engine.url(path));
    request.send().await.unwrap().status().as_u16()
}

async fn reported(engine: &Engine, body: &str) {
    let request = engine
        .http()
        .post(engine.url("/status"))
        .body(body.to_owned());
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

/// A call that the customer did not answer. Returns its id.
async fn busy(engine: &Engine, sid: &str, phone: &str) -> String {
    let call = engine.customer(phone, None).await;
    reported(
        engine,
        &format!("CallSid={sid}&Status=busy&CustomField={call}"),
    )
    .await;
    assert_eq!(engine.ended(&call).await["outcome"], "busy");
    call
}

fn kinds(got: &[Got]) -> Vec<String> {
    got.iter().map(Got::kind).collect()
}

fn has(got: &[Got], kind: &str) -> bool {
    got.iter().any(|got| got.kind() == kind)
}

async fn dead(engine: &Engine) -> Vec<Value> {
    let list = get(engine, "/api/webhooks/dead").await;
    list["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_are_told_what_became_of_a_transfer_in_order_signed_and_without_the_person() {
    let (crm, full) = (Receiver::start([]).await, Receiver::start([]).await);
    let flows = bare();
    let config = [
        BY_KEYS,
        &format!("[calls]\nagents = ['{AGENT}']\n"),
        &crm.section("crm", ""),
        &full.section("full", "events = ['call.ended']\ninclude-number = true"),
    ];
    let engine = Setup::new(config.concat()).flows(flows.path()).start();
    let call = engine.customer(PHONE, None).await;
    let passthru = format!("/passthru?CallSid=told1&CallFrom={PHONE}&CustomField={call}");
    assert_eq!(applet(&engine, &passthru).await, 200);
    let is_known = |record: &Value| record["call_sid"] == "told1";
    engine.record_when(&call, PATIENCE, is_known).await;
    let mut stream = Stream::begin(&engine, "told1", PHONE).await;
    stream.hear_out().await;
    engine.ended(&call).await;
    assert_eq!(applet(&engine, "/connect?CallSid=told1").await, 200);
    let event = format!("/connect/event?CallSid=told1&EventType=Answered&DialWhomNumber={AGENT}");
    assert_eq!(applet(&engine, &event).await, 200);
    let is_over = |record: &Value| record["outcome"] == "transferred";
    engine.record_when(&call, PATIENCE, is_over).await;
    reported(
        &engine,
        "CallSid=told1&Status=completed&ConversationDuration=61&RecordingUrl=https://r/1.mp3",
    )
    .await;

    let got = crm.when("all four", |got| got.len() >= 4).await;
    assert_eq!(
        kinds(&got),
        [
            "call.started",
            "call.ended",
            "transfer.outcome",
            "call.reported"
        ]
    );
    let ids: BTreeSet<_> = got.iter().map(Got::id).collect();
    assert_eq!(ids.len(), 4);
    for reported in &got {
        assert!(reported.is_signed_by(KEY), "{reported:?}");
        assert_eq!(reported.path, "/hook?key=of-the-url");
        assert_eq!(reported.headers["content-type"], "application/json");
        assert_eq!(reported.call(), call);
        assert!(!reported.text.contains("9876570001"), "{}", reported.text);
    }
    let ended = got[1].body();
    assert_eq!(
        (
            &ended["data"]["outcome"],
            &ended["data"]["customer_number"],
            &ended["data"]["flow"]
        ),
        (
            &json!("transfer-decided"),
            &json!("xxxxxx0001"),
            &json!("bare")
        )
    );
    let transfer = &got[2].body()["data"]["transfer"];
    assert_eq!(
        (&transfer["outcome"], &transfer["agent"]),
        (&json!("transferred"), &json!("xxxxxx0001"))
    );
    assert!(transfer["answered_after_s"].is_u64(), "{transfer}");
    assert_eq!(
        got[3].body()["data"]["exotel"],
        json!({ "status": "completed", "duration_s": 61, "recording_url": "https://r/1.mp3" })
    );

    let got = full.when("told of the end", |got| !got.is_empty()).await;
    assert_eq!(got[0].body()["data"]["customer_number"], "+919876570001");
    assert_eq!(kinds(&got), ["call.ended"]);
    let logs = engine.logs();
    for secret in ["MfKQ9r8G", "of-the-url", "9876570001"] {
        assert!(!logs.contains(secret), "{secret}");
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_failed_is_sent_again_with_its_id_and_redirects_are_not_followed() {
    let fails = [
        Reply::Status(500),
        Reply::Redirect("/elsewhere"),
        Reply::Break,
    ];
    let crm = Receiver::start(fails).await;
    let endless = Receiver::start([Reply::Endless]).await;
    let only = "events = ['call.ended']";
    let config = [
        BY_KEYS,
        &crm.section("crm", only),
        &endless.section("endless", only),
    ];
    let engine = Setup::new(config.concat()).start();
    busy(&engine, "again1", PHONE).await;
    let got = crm.when("four attempts", |got| got.len() == 4).await;
    let first = &got[0];
    for reported in &got {
        assert_eq!((reported.id(), &reported.text), (first.id(), &first.text));
        assert_eq!(reported.path, "/hook?key=of-the-url");
        assert!(reported.is_signed_by(KEY));
    }
    let pauses: Vec<_> = got.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    for (pause, least_ms) in pauses.iter().zip([800, 3_200, 12_800]) {
        assert!(*pause >= Duration::from_millis(least_ms), "{pauses:?}");
    }
    // whatever it answers, only so much of it is read
    let got = endless.when("told once", |got| !got.is_empty()).await;
    assert_eq!(got.len(), 1);
    let metrics = engine.metrics().await;
    for counted in [
        "ghanti_webhook_attempts_total{endpoint=\"crm\",result=\"failed\"} 3",
        "ghanti_webhook_attempts_total{endpoint=\"endless\",result=\"delivered\"} 1",
    ] {
        assert!(metrics.contains(counted), "`{counted}` is not in {metrics}");
    }
    assert_eq!(dead(&engine).await, Vec::<Value>::new());
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_given_up_is_listed_and_can_be_sent_again() {
    let crm = Receiver::start([]).await;
    crm.answer(Reply::Status(503));
    let section = crm.section("crm", "events = ['call.ended']\nattempts = 2");
    let engine = Setup::new([BY_KEYS, &section].concat()).start();
    let call = busy(&engine, "dead1", PHONE).await;
    crm.when("two attempts", |got| got.len() == 2).await;
    let given_up = Instant::now() + PATIENCE;
    let message = loop {
        if let [message] = &dead(&engine).await[..] {
            break message.clone();
        }
        assert!(Instant::now() < given_up, "{}", engine.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(
        (
            &message["endpoint"],
            &message["kind"],
            &message["call_id"],
            &message["attempts"]
        ),
        (&json!("crm"), &json!("call.ended"), &json!(call), &json!(2))
    );
    assert!(
        message["error"].as_str().unwrap().contains("503"),
        "{message}"
    );
    assert!(!message.to_string().contains("9876570001"));
    assert!(
        engine
            .metrics()
            .await
            .contains("endpoint=\"crm\",result=\"given-up\"} 1")
    );
    assert!(engine.logs().contains("a webhook message was given up"));

    crm.answer(Reply::Status(204));
    let again = format!("/api/webhooks/dead/{}", message["id"].as_str().unwrap());
    assert_eq!(post(&engine, &again).await, 200);
    let got = crm.when("a third attempt", |got| got.len() == 3).await;
    assert_eq!(json!(got[2].id()), message["id"]);
    assert_eq!(post(&engine, &again).await, 404);
    assert_eq!(post(&engine, "/api/webhooks/dead/nothing").await, 404);
    assert_eq!(dead(&engine).await, Vec::<Value>::new());
    assert_eq!(applet(&engine, "/api/webhooks/dead?limit=x").await, 400);
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_holds_up_no_call_and_no_other_receiver() {
    let (stuck, crm) = (Receiver::start([]).await, Receiver::start([]).await);
    stuck.answer(Reply::Never);
    let only = "events = ['call.ended']";
    let config = [
        BY_KEYS,
        &stuck.section("stuck", "events = ['call.ended']\ntimeout-s = 20"),
        &crm.section("crm", only),
    ];
    let engine = Setup::new(config.concat()).start();
    let mut calls = BTreeSet::new();
    for nth in 0..20 {
        let phone = format!("098765710{nth:02}");
        calls.insert(busy(&engine, &format!("stuck{nth}"), &phone).await);
    }
    let got = crm.when("all told", |got| got.len() == 20).await;
    let reported: BTreeSet<_> = got.iter().map(Got::call).collect();
    assert_eq!(reported, calls);
    // no more than its share is on the way to the one that does not answer
    let got = stuck.when("asked", |got| !got.is_empty()).await;
    assert!(
        got.len() <= ghanti_webhook::delivery::AT_ONCE,
        "{}",
        got.len()
    );
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_killed_while_it_delivers_loses_no_message() {
    let crm = Receiver::start([]).await;
    crm.answer(Reply::Never);
    let section = crm.section("crm", "timeout-s = 20");
    let mut engine = Setup::new([BY_KEYS, &section].concat()).start();
    let calls = [
        busy(&engine, "kill1", "09876572001").await,
        busy(&engine, "kill2", "09876572002").await,
    ];
    let got = crm.when("on the way", |got| got.len() >= 2).await;
    let on_the_way: BTreeSet<_> = got.iter().map(|got| got.id().to_owned()).collect();
    engine.crash();
    crm.answer(Reply::Status(200));
    engine.start_again();
    let is_reported = |got: &[Got]| {
        let later = &got[on_the_way.len()..];
        let is_of = |call: &String| {
            let of_call = later
                .iter()
                .filter(|got| got.call() == **call)
                .map(Got::kind);
            of_call.collect::<BTreeSet<_>>()
        };
        let all = ["call.ended".to_owned(), "call.reported".to_owned()];
        calls
            .iter()
            .all(|call| is_of(call) == BTreeSet::from(all.clone()))
    };
    let got = crm.when("all told by the next engine", is_reported).await;
    let later: BTreeSet<_> = got
        .iter()
        .skip(on_the_way.len())
        .map(|got| got.id().to_owned())
        .collect();
    assert!(on_the_way.is_subset(&later), "the same ids come again");
    assert_eq!(crm.overlapping(), Vec::<String>::new());
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_deliver_each_message_once_and_those_of_a_call_in_order() {
    const CALLS: usize = 40;
    let crm = Receiver::start([]).await;
    crm.answer(Reply::After(Duration::from_millis(60)));
    let postgres = PostgresServer::start();
    let database = postgres.create_database("calls");
    let stores = format!("[stores]\ndatabase-url = '{database}'\n");
    let config = [BY_KEYS, &stores, &crm.section("crm", "")].concat();
    let engines = [(); 2].map(|()| Setup::new(config.clone()).start());
    for nth in 0..CALLS {
        let (one, other) = (&engines[nth % 2], &engines[(nth + 1) % 2]);
        let (sid, phone) = (format!("pair{nth}"), format!("098765730{nth:02}"));
        // the first says that no stream came, the other that nobody answered
        let passthru = format!("/passthru/after?CallSid={sid}&Stream%5BStatus%5D=failed");
        assert_eq!(
            applet(one, &format!("/passthru?CallSid={sid}&CallFrom={phone}")).await,
            200
        );
        one.record_when(&sid, PATIENCE, |_| true).await;
        assert_eq!(applet(one, &passthru).await, 200);
        let is_over = |record: &Value| record["state"] == "ended";
        other.record_when(&sid, PATIENCE, is_over).await;
        reported(other, &format!("CallSid={sid}&Status=no-answer")).await;
    }
    // a problem, the end, another outcome, and Exotel's report
    let got = crm.when("all told", |got| got.len() >= CALLS * 4).await;
    let ids: BTreeSet<_> = got.iter().map(Got::id).collect();
    assert_eq!((ids.len(), got.len()), (CALLS * 4, CALLS * 4));
    assert_eq!(crm.overlapping(), Vec::<String>::new());
    let calls: BTreeSet<_> = got.iter().map(Got::call).collect();
    for call in &calls {
        let of_call: Vec<_> = got
            .iter()
            .filter(|got| got.call() == *call)
            .cloned()
            .collect();
        assert_eq!(
            kinds(&of_call),
            [
                "call.problem",
                "call.ended",
                "call.outcome-changed",
                "call.reported"
            ]
        );
    }
    let left = || postgres.sql("calls", "SELECT COUNT(*) FROM webhook_deliveries");
    let given_up = Instant::now() + PATIENCE;
    while left().trim() != "0" {
        assert!(Instant::now() < given_up, "{} are left", left());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(has(&got, "call.outcome-changed"));
    for engine in &engines {
        engine.is_well().await;
    }
}

/// Runs an example of the documentation, with a program behind it that reads a message and says
/// what the example says of it.
fn example(language: &str, command: &[&str], program: &str, message: &Value) -> String {
    let docs = std::fs::read_to_string(root().join("docs/webhooks.md")).unwrap();
    let (_, rest) = docs.split_once(&format!("```{language}\n")).unwrap();
    let (code, _) = rest.split_once("```").unwrap();
    let mut process = Command::new(command[0])
        .args(&command[1..])
        .arg(format!("{code}\n{program}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("`{}` is missing ({error}): run `make setup`", command[0]));
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(message.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = process.wait_with_output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .to_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_documentation_verify_a_message_and_refuse_a_changed_one() {
    const PYTHON: &str = "import json, sys\nm = json.load(sys.stdin)\nprint(verified(m['secret'], m['headers'], m['body'].encode()))";
    const NODE: &str = "const m = JSON.parse(require('node:fs').readFileSync(0)); console.log(verified(m.secret, m.headers, Buffer.from(m.body)));";
    let crm = Receiver::start([]).await;
    let next = "whsec_bmV4dC1rZXktb2YtdGhpcnR5LXR3by1ieXRlcy0h";
    let section = crm.section(
        "crm",
        &format!("events = ['call.ended']\nprevious-secret = '{next}'"),
    );
    let engine = Setup::new([BY_KEYS, &section].concat()).start();
    busy(&engine, "docs1", PHONE).await;
    let got = crm.when("told", |got| !got.is_empty()).await;
    let reported = &got[0];
    let changed = reported.text.replace("busy", "paid");
    let mut old = reported.headers.clone();
    old.insert("webhook-timestamp".to_owned(), "1614265330".to_owned());
    for (secret, headers, body, is_verified) in [
        (KEY, &reported.headers, &reported.text, "true"),
        // while the key is being changed both are good
        (next, &reported.headers, &reported.text, "true"),
        (
            "whsec_c29tZWJvZHkgZWxzZSdzIGtleSBvZiB0aGlydHktdHdv",
            &reported.headers,
            &reported.text,
            "false",
        ),
        (KEY, &reported.headers, &changed, "false"),
        (KEY, &old, &reported.text, "false"),
    ] {
        let message = json!({ "secret": secret, "headers": headers, "body": body });
        assert_eq!(
            example("python", &["python3", "-c"], PYTHON, &message),
            is_verified,
            "{message}"
        );
        assert_eq!(
            example("javascript", &["node", "-e"], NODE, &message),
            is_verified,
            "{message}"
        );
    }
}
