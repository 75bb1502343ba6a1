//! What a record claims is what happened: calls that were never taken, transfers that nobody
//! answered or asked for, streams that did not start, requests that the engine refused itself, and
//! customers who asked not to be called.

use std::ops::Deref;
use std::time::{Duration, Instant};

use crate::support::{Engine, Setup, Stream};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

const SOON: Duration = Duration::from_secs(5);
const AGENT: &str = "08000000001";

/// An engine with the reminder in Rust alone, whose callers answer by keys.
struct House {
    engine: Engine,
    _flows: TempDir,
}

impl Deref for House {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl House {
    fn new(sections: &str) -> Self {
        let flows = tempfile::tempdir().unwrap();
        let shipped = crate::support::root().join("flows/emi-reminder");
        for folder in ["", "prompts"] {
            let into = flows.path().join("emi-reminder").join(folder);
            std::fs::create_dir_all(&into).unwrap();
            for entry in std::fs::read_dir(shipped.join(folder))
                .unwrap()
                .map(Result::unwrap)
            {
                if entry.file_type().unwrap().is_file() {
                    std::fs::copy(entry.path(), into.join(entry.file_name())).unwrap();
                }
            }
        }
        Self::with(flows, sections)
    }

    /// With one flow, which says a sentence and decides a transfer.
    fn transferring() -> Self {
        let flows = tempfile::tempdir().unwrap();
        let component = crate::support::root().join("engine/host/tests/fixtures/bare-0.1.0.wasm");
        std::fs::copy(component, flows.path().join("bare.wasm")).unwrap();
        Self::with(flows, &format!("[calls]\nagents = ['{AGENT}']\n"))
    }

    fn with(flows: TempDir, sections: &str) -> Self {
        let setup = Setup::new(format!("[speech]\nrecognizer = 'none'\n{sections}"));
        Self {
            engine: setup.flows(flows.path()).start(),
            _flows: flows,
        }
    }
}

async fn get(engine: &Engine, path: &str) -> u16 {
    engine
        .http()
        .get(engine.url(path))
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

async fn callback(engine: &Engine, content_type: &str, body: String) {
    let response = engine
        .http()
        .post(engine.url("/status"))
        .header("content-type", content_type)
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}

async fn form(engine: &Engine, body: &str) {
    callback(engine, "application/x-www-form-urlencoded", body.to_owned()).await;
}

/// The application's log once it has these words: lines are written after what they report.
async fn log_when(engine: &Engine, words: &str) -> String {
    let given_up = Instant::now() + SOON;
    loop {
        let log = std::fs::read_to_string(engine.house().join("logs/application.log")).unwrap();
        if log.contains(words) {
            return log;
        }
        assert!(Instant::now() < given_up, "no `{words}` in\n{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn problems(record: &Value) -> Vec<String> {
    record["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["name"].as_str().unwrap().to_owned())
        .collect()
}

/// A call up to the flow's wish for an agent; marks come back at once.
async fn decided(engine: &Engine, sid: &str, phone: &str) -> String {
    let call = engine.customer(phone, None).await;
    assert_eq!(
        get(
            engine,
            &format!("/passthru?CallSid={sid}&CallFrom={phone}&CustomField={call}")
        )
        .await,
        200
    );
    engine
        .record_when(&call, SOON, |record| record["call_sid"] == sid)
        .await;
    let mut stream = Stream::begin(engine, sid, phone).await;
    while let Some(message) = stream.hear().await {
        if message["event"] == "mark" {
            // the socket may close in between
            drop(stream.send(Message::text(message.to_string())).await);
        }
    }
    let record = engine.ended(&call).await;
    assert_eq!(
        (&record["outcome"], &record["problems"]),
        (&"transfer-decided".into(), &json!([])),
        "{}",
        engine.logs()
    );
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_were_never_taken_are_over_and_counted() {
    let engine = House::new("");
    for (at, (status, outcome)) in [
        ("no-answer", "not-answered"),
        ("busy", "busy"),
        ("failed", "call-failed"),
        ("canceled", "call-canceled"),
    ]
    .into_iter()
    .enumerate()
    {
        let (order, sid) = (
            engine.customer(&format!("+9198765500{at:02}"), None).await,
            format!("never{at}"),
        );
        match at {
            0 => {
                form(
                    &engine,
                    &format!("CallSid={sid}&Status={status}&CustomField={order}"),
                )
                .await
            }
            1 => {
                callback(
                    &engine,
                    "application/json",
                    json!({ "CallSid": sid, "Status": status, "CustomField": order }).to_string(),
                )
                .await
            }
            2 => {
                let field = |name: &str, value: &str| {
                    format!(
                        "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
                    )
                };
                let body = [
                    field("CallSid", &sid),
                    field("Status", status),
                    field("CustomField", &order),
                    "--b--\r\n".to_owned(),
                ]
                .concat();
                callback(&engine, "multipart/form-data; boundary=b", body).await;
            }
            _ => {
                form(
                    &engine,
                    &format!("Status={status}&CustomField={order}&CallSid={sid}&Status={status}"),
                )
                .await
            }
        }
        let record = engine.ended(&order).await;
        assert_eq!(
            (&record["outcome"], &record["call_sid"], &record["problems"]),
            (&outcome.into(), &sid.clone().into(), &json!([]))
        );
        assert_eq!(
            engine.record(&sid).await.unwrap()["call_id"],
            Value::from(order.clone()),
            "found by its CallSid"
        );
        // reported once more, and a late report from before
        form(
            &engine,
            &format!("CallSid={sid}&Status={status}&CustomField={order}"),
        )
        .await;
        form(
            &engine,
            &format!("CallSid={sid}&Status=in-progress&DateUpdated=late"),
        )
        .await;
        let record = engine
            .record_when(&sid, SOON, |record| {
                record["exotel"]["DateUpdated"] == "late"
            })
            .await;
        assert_eq!(
            (&record["outcome"], &record["exotel"]["Status"]),
            (&outcome.into(), &status.into())
        );
        let counted = format!("ghanti_calls_ended_total{{outcome=\"{outcome}\"}} 1");
        let metrics = engine.metrics().await;
        assert!(
            metrics.contains(&counted),
            "`{counted}` is not in {metrics}"
        );
    }
    // whom nobody has ordered, and an order that nobody has made
    form(&engine, "CallSid=stranger&Status=no-answer").await;
    form(
        &engine,
        "CallSid=stranger2&Status=no-answer&CustomField=00000000-0000-7000-8000-000000000000",
    )
    .await;
    let order = engine.customer("+919876550009", None).await;
    form(
        &engine,
        &format!("CallSid=answered&Status=completed&CustomField={order}"),
    )
    .await;
    let record = engine.ended(&order).await;
    assert_eq!(
        (record["outcome"].as_str(), problems(&record)),
        (Some("never-connected"), vec!["no-stream".to_owned()])
    );
    for unknown in [
        "stranger",
        "stranger2",
        "00000000-0000-7000-8000-000000000000",
    ] {
        assert_eq!(engine.record(unknown).await, None);
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_what_the_agents_leg_says() {
    let engine = House::transferring();
    let call = decided(&engine, "agent1", "09876551001").await;
    let record = engine.record(&call).await.unwrap();
    assert_eq!(
        (&record["disposition"], &record["problems"]),
        (&"transferred".into(), &json!([])),
        "the flow's own word is kept"
    );
    assert_eq!(
        get(
            &engine,
            "/passthru/after?CallSid=agent1&DialCallStatus=null&Stream%5BStatus%5D=completed"
        )
        .await,
        302
    );
    let reply: Value = engine
        .http()
        .get(engine.url("/connect?CallSid=agent1"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let events = reply["dial_passthru_event_url"]
        .as_str()
        .unwrap()
        .to_owned();
    let record = engine
        .record_when(&call, SOON, |record| {
            record["transfer"]["asked"][0]["unix_ms"].is_u64()
        })
        .await;
    assert_eq!(
        (
            &record["outcome"],
            &record["transfer"]["asked"][0]["numbers"][0]
        ),
        (&"transfer-decided".into(), &"xxxxxx0001".into())
    );
    for (event, outcome) in [
        ("Dial", "transfer-decided"),
        ("Ringing", "transfer-decided"),
        ("Answered", "transferred"),
    ] {
        let url =
            format!("{events}?CallSid=agent1&EventType={event}&Status=busy&DialWhomNumber={AGENT}");
        assert_eq!(engine.http().get(url).send().await.unwrap().status(), 200);
        engine
            .record_when(&call, SOON, |record| {
                record["transfer"]["leg"]["state"].is_string() && record["outcome"] == outcome
            })
            .await;
    }
    assert_eq!(
        get(
            &engine,
            "/passthru/after?CallSid=agent1&DialCallStatus=completed"
        )
        .await,
        200,
        "behind Connect nobody is connected again"
    );
    form(
        &engine,
        "CallSid=agent1&Status=completed&Legs[0][Status]=completed&Legs[1][Status]=no-answer",
    )
    .await;
    let record = engine
        .record_when(&call, SOON, |record| {
            record["exotel"]["Status"] == "completed"
        })
        .await;
    assert_eq!(
        (&record["outcome"], &record["problems"]),
        (&"transferred".into(), &json!([]))
    );
    let metrics = engine.metrics().await;
    for counted in [
        "ghanti_transfers_total{outcome=\"transferred\"} 1",
        "ghanti_calls_ended_total{outcome=\"transfer-decided\"} 1",
    ] {
        assert!(metrics.contains(counted), "`{counted}` is not in {metrics}");
    }

    let call = decided(&engine, "agent2", "09876551002").await;
    assert_eq!(get(&engine, "/connect?CallSid=agent2").await, 200);
    assert_eq!(
        get(
            &engine,
            "/passthru/after?CallSid=agent2&DialCallStatus=busy"
        )
        .await,
        200
    );
    engine
        .record_when(&call, SOON, |record| record["outcome"] == "agent-busy")
        .await;

    // the network says that it is over, and nobody has asked for the agent
    let call = decided(&engine, "agent3", "09876551003").await;
    assert_eq!(get(&engine, "/conect?CallSid=agent3").await, 404);
    engine
        .record_when(&call, SOON, |record| problems(record) == ["wrong-path"])
        .await;
    form(&engine, "CallSid=agent3&Status=completed").await;
    let record = engine
        .record_when(&call, SOON, |record| {
            record["outcome"] == "agents-never-asked"
        })
        .await;
    assert_eq!(problems(&record), ["wrong-path", "agents-never-asked"]);
    assert!(
        record["problems"][1]["detail"]
            .as_str()
            .unwrap()
            .contains("other problems of this call"),
        "{record:#}"
    );
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_does_not_start_is_reported_with_its_cause_and_not_with_the_applets() {
    let engine = House::new("");
    let mut orders = Vec::new();
    for (at, sid) in [
        "only-connected",
        "no-sid",
        "too-long",
        "closed",
        "no-passthru",
    ]
    .into_iter()
    .enumerate()
    {
        if sid == "no-passthru" {
            continue;
        }
        let order = engine.customer(&format!("098765520{at:02}"), None).await;
        assert_eq!(
            get(
                &engine,
                &format!("/passthru?CallSid={sid}&CustomField={order}")
            )
            .await,
            200
        );
        engine
            .record_when(&order, SOON, |record| record["call_sid"] == sid)
            .await;
        orders.push(order);
    }
    let mut connected = Stream::open(&engine, "/ws/voicebot/only-connected")
        .await
        .unwrap();
    connected.say(&json!({ "event": "connected" })).await;
    // which call it is only its `start` says
    let mut no_sid = Stream::open(&engine, "/ws/voicebot/%7BCallSid%7D")
        .await
        .unwrap();
    no_sid
        .say(
            &json!({ "event": "start", "start": { "call_sid": "no-sid", "from": "098765520001" } }),
        )
        .await;
    let mut too_long = Stream::open(&engine, "/ws/voicebot/too-long")
        .await
        .unwrap();
    drop(
        too_long
            .send(Message::text(format!(
                "{{\"event\":\"start\",\"x\":\"{}\"}}",
                "x".repeat(300 << 10)
            )))
            .await,
    );
    let mut closed = Stream::open(&engine, "/ws/voicebot/closed").await.unwrap();
    drop(closed.send(Message::Close(None)).await);
    let mut unknown = Stream::open(&engine, "/ws/voicebot/no-passthru")
        .await
        .unwrap();
    drop(unknown.send(Message::Close(None)).await);

    for (order, problem) in orders.iter().zip([
        "stream-not-started",
        "unusable-start",
        "message-too-long",
        "stream-closed-early",
    ]) {
        let record = engine
            .record_when(order, Duration::from_secs(15), |record| {
                record["state"] == "ended"
            })
            .await;
        assert_eq!(
            (record["outcome"].as_str(), problems(&record)),
            (Some("never-connected"), vec![problem.to_owned()]),
            "{record:#}"
        );
        let reported = record["problems"][0]["detail"].as_str().unwrap();
        assert!(!reported.contains("no Voicebot applet"), "{reported}");
    }
    let record = engine
        .record_when("no-passthru", Duration::from_secs(15), |record| {
            record["state"] == "ended"
        })
        .await;
    assert_eq!(problems(&record), ["stream-closed-early"]);
    let metrics = engine.metrics().await;
    for cause in [
        "stream-not-started",
        "unusable-start",
        "message-too-long",
        "stream-closed-early",
    ] {
        let counted =
            format!("ghanti_requests_unserved_total{{path=\"/ws/voicebot\",cause=\"{cause}\"}}");
        assert!(
            metrics.contains(&counted),
            "`{counted}` is not in {metrics}"
        );
    }

    // after `start` the cause is kept as well
    let call = engine.customer("09876552009", None).await;
    let mut stream = Stream::begin(&engine, "long-later", "09876552009").await;
    stream.hear_voice().await;
    drop(stream.send(Message::text("x".repeat(300 << 10))).await);
    let record = engine.ended(&call).await;
    assert_eq!(
        (record["outcome"].as_str(), problems(&record)),
        (Some("connection-lost"), vec!["message-too-long".to_owned()])
    );
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_refused_itself_is_logged_counted_and_kept_with_the_call() {
    let engine = House::new(
        "[server]\ninsecure = true\nstream-token = 'stream-token-0001'\napplet-token = 'applet-token-0001'\n",
    );
    let order = engine.customer("09876553001", None).await;
    // every applet but the first has lost its token
    assert_eq!(
        get(
            &engine,
            &format!("/passthru?token=applet-token-0001&CallSid=lost&CustomField={order}")
        )
        .await,
        200
    );
    engine
        .record_when(&order, SOON, |record| record["call_sid"] == "lost")
        .await;
    assert_eq!(get(&engine, "/voicebot-url?CallSid=lost").await, 401);
    assert_eq!(
        Stream::open(&engine, "/ws/voicebot/lost").await.err(),
        Some(401)
    );
    assert_eq!(
        get(&engine, "/ws/voicebot/stream-token-0001/lost").await,
        400,
        "no upgrade"
    );
    let record = engine
        .record_when(&order, Duration::from_secs(15), |record| {
            record["state"] == "ended"
        })
        .await;
    let mut names = problems(&record);
    names.sort();
    assert_eq!(
        (record["outcome"].as_str(), names),
        (
            Some("never-connected"),
            ["applet-refused", "no-upgrade", "stream-refused"]
                .map(str::to_owned)
                .to_vec()
        )
    );
    assert!(
        !record["problems"]
            .to_string()
            .contains("no Voicebot applet"),
        "{record:#}"
    );

    // the first one too: the order says so, and a CallSid is known only later
    let order = engine.customer("09876553002", None).await;
    assert_eq!(
        get(&engine, &format!("/passthru?CustomField={order}")).await,
        401
    );
    engine
        .record_when(&order, SOON, |record| {
            problems(record) == ["applet-refused"]
        })
        .await;
    let order = engine.customer("09876553003", None).await;
    assert_eq!(get(&engine, "/passthru?CallSid=later").await, 401);
    assert_eq!(
        get(
            &engine,
            &format!("/passthru?token=applet-token-0001&CallSid=later&CustomField={order}")
        )
        .await,
        200
    );
    let url: Value = engine
        .http()
        .get(engine.url("/voicebot-url?token=applet-token-0001&CallSid=later"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let path = url["url"]
        .as_str()
        .unwrap()
        .split_once(engine.address())
        .unwrap()
        .1
        .to_owned();
    let mut stream = Stream::open(&engine, &path).await.unwrap();
    stream
        .say(&crate::support::start_of("later", "09876553003"))
        .await;
    stream.hear_voice().await;
    stream.hang_up("later").await;
    let record = engine
        .record_when(&order, SOON, |record| {
            record["state"] == "ended" && problems(record) == ["applet-refused"]
        })
        .await;
    assert_eq!(record["outcome"], "hung-up");

    let metrics = engine.metrics().await;
    for (path, cause, count) in [
        ("/passthru", "token", 2),
        ("/voicebot-url", "token", 1),
        ("/ws/voicebot", "token", 1),
        ("/ws/voicebot", "no-upgrade", 1),
    ] {
        let counted =
            format!("ghanti_requests_unserved_total{{path=\"{path}\",cause=\"{cause}\"}} {count}");
        assert!(
            metrics.contains(&counted),
            "`{counted}` is not in {metrics}"
        );
    }
    let logs = engine.logs();
    let line = logs
        .lines()
        .find(|line| line.contains("a request was not served") && line.contains("/voicebot-url"))
        .unwrap();
    assert!(
        line.contains("sid=lost") && line.contains("applet-token"),
        "{line}"
    );
    assert!(
        !logs.contains("stream-token-0001") && !logs.contains("applet-token-0001"),
        "no token reaches a log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_emoji_in_a_parameter_costs_no_call_and_every_line_names_call_and_sid() {
    let engine = House::new("");
    let order = engine.customer("09876554001", None).await;
    assert_eq!(
        get(
            &engine,
            &format!("/passthru?CallSid=emoji&CustomField={order}")
        )
        .await,
        200
    );
    engine
        .record_when(&order, SOON, |record| record["call_sid"] == "emoji")
        .await;
    let mut stream = Stream::open(&engine, "/ws/voicebot/emoji").await.unwrap();
    let start = crate::support::start_of("emoji", "09876554001")
        .to_string()
        .replace(
            "\"account_sid\"",
            r#""custom_parameters":{"n":"Asha \ud83d"},"account_sid""#,
        );
    stream.send(Message::text(start)).await.unwrap();
    stream.hear_voice().await;
    stream.hang_up("emoji").await;
    let record = engine.ended(&order).await;
    assert_eq!(
        (record["outcome"].as_str(), problems(&record).len()),
        (Some("hung-up"), 0),
        "{record:#}"
    );

    let log = log_when(&engine, "WebSocket closed").await;
    let (call, sid) = (format!("call={order}"), "sid=emoji");
    for what in [
        "WebSocket opened",
        "WebSocket started",
        "WebSocket closed",
        "call started",
        "call ended",
        "Greeting",
        "PassthruReceived",
    ] {
        let line = log
            .lines()
            .find(|line| line.contains(what) && line.contains(&call))
            .unwrap_or_else(|| panic!("no `{what}` in\n{log}"));
        assert!(line.contains(sid), "{line}");
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_not_to_be_called_is_not_called() {
    let mut house = House::new("");
    let phone = "+919876555001";
    let order = house.customer(phone, None).await;
    // the record that a call with this wish leaves behind, as the flows make it
    house.engine.crash();
    let data = house.house().join("data");
    let store = ghanti_store::SqlRecords::open(None, &data).await.unwrap();
    let mut record = ghanti_model::CallRecord::new(ghanti_model::CallId::parse(&order).unwrap(), 1);
    record.state = ghanti_model::CallState::Ended;
    record.customer_number = Some(ghanti_model::PhoneNumber::parse(phone).unwrap());
    (record.disposition, record.outcome) = (
        Some("do-not-call".to_owned()),
        Some("do-not-call".to_owned()),
    );
    ghanti_store::CallRecords::import(&store, &record)
        .await
        .unwrap();
    store.close().await;
    house.engine.start_again();
    let engine = &house.engine;

    let post = |phone: &str| {
        engine.http().post(engine.url("/api/calls")).json(&json!({ "phone": phone, "flow": "emi-reminder", "fields": { "name": "Priya Sharma", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2026-12-05" } })).send()
    };
    let refused = post("098765 55001").await.unwrap();
    assert_eq!(refused.status(), 409);
    let reported = refused.text().await.unwrap();
    assert!(
        reported.contains("asked not to be called")
            && reported.contains("/api/do-not-call/")
            && !reported.contains("9876555001"),
        "{reported}"
    );
    assert_eq!(post("+919876555002").await.unwrap().status(), 201);

    let url = engine.url("/api/do-not-call/+919876555001");
    let shown: Value = engine
        .http()
        .get(&url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(shown["call_id"], Value::from(order));
    for expected in [200, 404] {
        assert_eq!(
            engine.http().delete(&url).send().await.unwrap().status(),
            expected
        );
    }
    assert_eq!(engine.http().get(&url).send().await.unwrap().status(), 404);
    assert_eq!(
        engine
            .http()
            .get(engine.url("/api/do-not-call/nobody"))
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
    assert_eq!(post(phone).await.unwrap().status(), 201);
    engine.is_well().await;
}
