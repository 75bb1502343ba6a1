//! What no Exotel would send, on every endpoint and on the socket: it is refused with a clear error
//! or passed over, the engine goes on, and every call that began has a record with its outcome.

use std::sync::{Arc, Mutex, Weak};

use crate::support::{Engine, PATIENCE, Setup, Stream, start_of};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// One engine for all tests that run at the same time: what hurts it for one is seen by all.
fn engine() -> Arc<Engine> {
    static RUNNING: Mutex<Weak<Engine>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap();
    running.upgrade().unwrap_or_else(|| {
        let engine = Arc::new(Setup::new("[speech]\nrecognizer = 'none'").start());
        *running = Arc::downgrade(&engine);
        engine
    })
}

/// A call of a known customer that has said its first words.
async fn talking(engine: &Engine, sid: &str, phone: &str) -> Stream {
    engine.customer(phone, None).await;
    let mut stream = Stream::begin(engine, sid, phone).await;
    stream.hear_voice().await;
    stream
}

fn problems(record: &Value) -> Vec<String> {
    record["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| format!("{}: {}", problem["name"], problem["detail"]))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_get_an_error_with_its_hint() {
    let engine = engine();
    let form = "application/x-www-form-urlencoded";
    let megabyte = "x".repeat(1 << 20);
    let fields: Value = (0..100)
        .map(|at| (format!("f{at}"), Value::from("v")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for (method, path, content_type, body, status) in [
        (
            Method::POST,
            "/api/calls",
            "application/json",
            String::new(),
            400,
        ),
        (
            Method::POST,
            "/api/calls",
            "application/json",
            "{\"phone\":".to_owned(),
            400,
        ),
        (
            Method::POST,
            "/api/calls",
            "application/json",
            "[]".to_owned(),
            400,
        ),
        (
            Method::POST,
            "/api/calls",
            "application/json",
            json!({ "phone": "nobody" }).to_string(),
            400,
        ),
        (
            Method::POST,
            "/api/calls",
            "application/json",
            json!({ "phone": "9876530001", "colour": 1 }).to_string(),
            400,
        ),
        (
            Method::POST,
            "/api/calls",
            "application/json",
            json!({ "phone": "9876530001", "flow": "../etc" }).to_string(),
            400,
        ),
        (
            Method::POST,
            "/api/calls",
            "application/json",
            json!({ "phone": "9876530001", "fields": { "name": 7 } }).to_string(),
            400,
        ),
        (
            Method::POST,
            "/api/calls",
            "application/json",
            json!({ "phone": "9876530001", "fields": fields }).to_string(),
            400,
        ),
        (
            Method::POST,
            "/api/calls",
            "application/json",
            megabyte.clone(),
            413,
        ),
        (Method::POST, "/status", form, megabyte, 413),
        (Method::POST, "/status", form, String::new(), 400),
        (
            Method::POST,
            "/status",
            "application/json",
            "{".to_owned(),
            400,
        ),
        (
            Method::POST,
            "/status",
            "multipart/form-data",
            "no boundary".to_owned(),
            400,
        ),
        (
            Method::POST,
            "/status",
            form,
            "CallSid=%7BCallSid%7D".to_owned(),
            400,
        ),
        (Method::GET, "/api/calls/no%20id", form, String::new(), 400),
        (Method::GET, "/api/calls/%FF", form, String::new(), 400),
        (Method::GET, "/api/calls/unknown", form, String::new(), 404),
        (
            Method::GET,
            "/ws/voicebot/a-browser",
            form,
            String::new(),
            400,
        ),
        (Method::GET, "/ws/voicebot", form, String::new(), 404),
        (Method::GET, "/", form, String::new(), 404),
        (Method::GET, "/../../etc/passwd", form, String::new(), 404),
        (Method::GET, "/passthru/", form, String::new(), 404),
        (Method::POST, "/passthru", form, "CallSid=a".to_owned(), 405),
        (Method::DELETE, "/passthru/after", form, String::new(), 405),
        (Method::PUT, "/connect", form, String::new(), 405),
        (Method::GET, "/status", form, String::new(), 405),
        (Method::PATCH, "/api/calls", form, String::new(), 405),
        (Method::POST, "/healthz", form, String::new(), 405),
        (Method::POST, "/ws/voicebot/a", form, String::new(), 405),
    ] {
        let (what, has_body) = (
            format!("{method} {path} with {} bytes", body.len()),
            !body.is_empty(),
        );
        let sent = engine
            .http()
            .request(method, engine.url(path))
            .header("content-type", content_type)
            .body(body)
            .send()
            .await;
        let response = sent.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(response.status(), status, "{what}");
        let ends = response
            .headers()
            .get("connection")
            .is_some_and(|value| value == "close");
        assert_eq!(
            ends, has_body,
            "{what}: a body that may be unread ends the connection, and the client is told"
        );
        let reported = response.text().await.unwrap();
        let error: Value = serde_json::from_str(&reported)
            .unwrap_or_else(|_| panic!("{what}: the answer is no JSON but `{reported}`"));
        // Exotel's own requests are answered as ever, those of the API by problems
        let words = if path.starts_with("/api/") {
            "detail"
        } else {
            "error"
        };
        for key in [words, "hint"] {
            assert!(
                error[key].as_str().is_some_and(|text| !text.is_empty()),
                "{what}: `{key}` is missing: {reported}"
            );
        }
        assert!(
            !reported.contains("9876530001") && !reported.contains("nobody"),
            "{what}: the value is not repeated: {reported}"
        );
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_query_is_answered_as_long_as_http_can_carry_it() {
    let engine = engine();
    let long = "x".repeat(20_000);
    for path in ["/passthru", "/passthru/after", "/voicebot-url", "/connect"] {
        let response = engine
            .http()
            .get(engine.url(&format!("{path}?CallSid={long}&CustomField={long}")))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{path}");
    }
    let endless = "x".repeat(1 << 20);
    let refused = engine
        .http()
        .get(engine.url(&format!("/passthru?CallSid={endless}")))
        .send()
        .await;
    assert!(refused.is_err() || refused.is_ok_and(|response| response.status().is_client_error()));
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_in_the_middle_of_a_call_is_passed_over_and_reported_in_its_record() {
    let engine = engine();
    let mut stream = talking(&engine, "h-rubbish", "09876530002").await;
    for rubbish in [
        Message::text("nonsense"),
        Message::binary(vec![0; 320]),
        Message::text("{}"),
        Message::text("[1,2]"),
        Message::text(""),
        Message::text("{\"event\":\"media\",\"media\":{\"payload\":\"***\"}}"),
        Message::text("{\"event\":\"media\",\"media\":{}}"),
        Message::text("{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"77\"}}"),
        Message::text("{\"event\":\"mark\"}"),
        Message::Ping(vec![1].into()),
        Message::text("{\"event\":\"surprise\"}"),
        Message::text("{\"event\":\"clear\"}"),
        Message::text(format!(
            "{{\"event\":\"x\",\"deep\":{}{}}}",
            "[".repeat(500),
            "]".repeat(500)
        )),
    ] {
        stream.send(rubbish).await.unwrap();
    }
    stream.hear_voice().await;
    stream.hang_up("h-rubbish").await;
    let record = engine.ended("h-rubbish").await;
    assert_eq!(
        record["outcome"], "hung-up",
        "the call went on to its own end: {record:#}"
    );
    let problems = problems(&record).join("\n");
    for part in [
        "bad-frame",
        "as JSON",
        "`event` is missing",
        "media.payload",
        "binary frame of 320 bytes",
    ] {
        assert!(
            problems.contains(part),
            "`{part}` is missing in\n{problems}"
        );
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_without_end_neither_fills_the_record_nor_stops_the_bot() {
    let engine = engine();
    let mut stream = talking(&engine, "h-flood", "09876530003").await;
    for _ in 0..5_000 {
        stream
            .send(Message::text(
                "{\"event\":\"media\",\"media\":{\"payload\":\"*\"}}",
            ))
            .await
            .unwrap();
    }
    stream.hear_voice().await;
    stream.hang_up("h-flood").await;
    let record = engine.ended("h-flood").await;
    assert!((1..=32).contains(&problems(&record).len()), "{record:#}");
    assert_eq!(record["outcome"], "hung-up");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_floods_is_read_as_fast_as_a_call_needs() {
    let engine = Setup::new("[speech]\nrecognizer = 'none'").start();
    for (sid, phone, flood) in [
        (
            "h-keys",
            "09876530021",
            Message::text("{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"7\"}}"),
        ),
        ("h-pings", "09876530022", Message::Ping("x".into())),
    ] {
        let mut stream = talking(&engine, sid, phone).await;
        // a sender that is not read from cannot send on: nothing else bounds this
        let mut sent = 0_u32;
        let flood = async {
            while stream.send(flood.clone()).await.is_ok() {
                sent += 1;
            }
        };
        let _ = tokio::time::timeout(std::time::Duration::from_secs(4), flood).await;
        let record = engine
            .record_when(sid, PATIENCE, |record| {
                problems(record)
                    .iter()
                    .any(|reported| reported.starts_with("\"too-fast"))
            })
            .await;
        assert_eq!(record["state"], "live", "{record:#}");
        assert!(sent > 200, "{sid}: {sent}");
        let kept = record["transcript"].as_array().unwrap().len();
        assert!(kept < 500, "{kept} lines in the transcript");
        drop(stream);
        engine.ended(sid).await;
    }
    let logs = engine.logs();
    assert!(logs.len() < 1 << 20, "{} bytes of log", logs.len());
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_ten_megabytes_ends_its_own_call_alone() {
    let engine = engine();
    let mut other = talking(&engine, "h-other", "09876530004").await;
    let mut stream = talking(&engine, "h-large", "09876530005").await;
    // The engine may close before all of it is sent.
    drop(stream.send(Message::text("x".repeat(10 << 20))).await);
    stream.until_closed().await;
    assert_eq!(engine.ended("h-large").await["outcome"], "connection-lost");
    other.hear_voice().await;
    other.hang_up("h-other").await;
    assert_eq!(engine.ended("h-other").await["outcome"], "hung-up");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn media_before_start_is_passed_over() {
    let engine = engine();
    engine.customer("09876530006", None).await;
    let mut stream = Stream::open(&engine, "/ws/voicebot/h-early").await.unwrap();
    for _ in 0..10 {
        stream
            .say(&json!({ "event": "media", "media": { "payload": "AAAA" } }))
            .await;
    }
    stream.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    stream.say(&start_of("h-early", "09876530006")).await;
    stream.hear_voice().await;
    stream.hang_up("h-early").await;
    let record = engine.ended("h-early").await;
    assert_eq!(record["outcome"], "hung-up");
    assert!(
        problems(&record)
            .join("")
            .contains("11 frames before `start`"),
        "{:?}",
        problems(&record)
    );
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_is_passed_over() {
    let engine = engine();
    let mut stream = talking(&engine, "h-twice", "09876530007").await;
    stream.say(&start_of("h-twice-other", "09876530007")).await;
    stream.hear_voice().await;
    stream.hang_up("h-twice").await;
    let record = engine.ended("h-twice").await;
    assert_eq!(
        (&record["outcome"], &record["stream_sid"]),
        (&"hung-up".into(), &"stream-h-twice".into())
    );
    assert!(
        problems(&record).join("").contains("second `start`"),
        "{:?}",
        problems(&record)
    );
    assert_eq!(engine.record("h-twice-other").await, None);
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_socket_of_a_live_call_is_closed_and_the_first_goes_on() {
    let engine = engine();
    // One that Passthru announced, and one that it did not.
    for (sid, phone, bound) in [
        ("h-second1", "09876530008", true),
        ("h-second2", "09876530009", false),
    ] {
        let call = engine.customer(phone, None).await;
        if bound {
            engine
                .http()
                .get(engine.url(&format!("/passthru?CallSid={sid}&CustomField={call}")))
                .send()
                .await
                .unwrap();
            engine.record_when(sid, PATIENCE, |_| true).await;
        }
        let mut first = Stream::begin(&engine, sid, phone).await;
        first.hear_voice().await;
        let mut second = Stream::begin(&engine, sid, phone).await;
        let said = second.until_closed().await;
        assert_eq!(said, [] as [Value; 0], "{sid}: the second hears nothing");
        first.hear_voice().await;
        first.hang_up(sid).await;
        let record = engine.ended(sid).await;
        assert_eq!(
            (&record["call_id"], &record["outcome"]),
            (&Value::from(call), &"hung-up".into()),
            "{sid}"
        );
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_is_not_there_ends_with_words_to_the_caller_and_a_record_that_names_it() {
    let engine =
        Setup::new("[calls]\nflow = 'no-such-flow'\n[speech]\nrecognizer = 'none'").start();
    let call = engine.customer("09876530010", None).await;
    let mut stream = Stream::begin(&engine, "h-no-flow", "09876530010").await;
    let mut media = 0;
    while let Some(message) = stream.hear().await {
        media += usize::from(message["event"] == "media");
        if message["event"] == "mark" {
            drop(stream.send(Message::text(message.to_string())).await);
        }
    }
    assert!(media > 5, "the caller hears an apology: {media} frames");
    let record = engine.ended(&call).await;
    assert_eq!(
        (&record["outcome"], &record["call_sid"]),
        (&"no-flow".into(), &"h-no-flow".into()),
        "{record:#}"
    );
    assert!(
        problems(&record).join("").contains("no-such-flow")
            && problems(&record).join("").contains("emi-reminder"),
        "{:?}",
        problems(&record)
    );
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_never_starts_is_closed_and_its_passthru_has_a_record() {
    let engine = engine();
    let call = engine.customer("09876530011", None).await;
    engine
        .http()
        .get(engine.url(&format!("/passthru?CallSid=h-silent&CustomField={call}")))
        .send()
        .await
        .unwrap();
    let mut silent = Stream::open(&engine, "/ws/voicebot/h-silent")
        .await
        .unwrap();
    let mut rubbish = Stream::open(&engine, "/ws/voicebot/h-rubbish-only")
        .await
        .unwrap();
    for _ in 0..100 {
        drop(rubbish.send(Message::text("nonsense")).await);
    }
    assert_eq!(
        rubbish.until_closed().await,
        [] as [Value; 0],
        "nothing is sent before `start`"
    );
    silent.say(&json!({ "event": "connected" })).await;
    assert_eq!(
        tokio::time::timeout(PATIENCE, silent.until_closed())
            .await
            .unwrap(),
        [] as [Value; 0]
    );
    let record = engine.ended(&call).await;
    assert_eq!(record["outcome"], "never-connected");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_start_is_refused_and_reported_in_the_log() {
    let engine = engine();
    let mut stream = Stream::open(&engine, "/ws/voicebot/h-bad-start")
        .await
        .unwrap();
    stream
        .say(&json!({ "event": "start", "start": { "call_sid": "h-bad-start" } }))
        .await;
    assert_eq!(stream.until_closed().await, [] as [Value; 0]);
    assert!(
        engine.logs().contains("`stream_sid` is missing"),
        "{}",
        engine.logs()
    );
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_is_understood_in_every_spelling() {
    let engine = engine();
    let media_format = json!({ "encoding": "base64", "sample_rate": 8000 });
    let camel = json!({ "event": "start", "streamSid": "s1", "start": { "streamSid": "s1", "callSid": "h-camel", "accountSid": "a",
        "from": "09876530012", "to": "08045000000", "mediaFormat": media_format } });
    let bare = json!({ "event": "start", "stream_sid": "s2", "start": { "from": "09876530013" } });
    let template = start_of("{CallSid}", "09876530014")
        .to_string()
        .replace("stream-{CallSid}", "s3");
    for (path, phone, start, sid) in [
        (
            "/ws/voicebot/h-camel",
            "09876530012",
            camel,
            Some("h-camel"),
        ),
        ("/ws/voicebot/h-no-sid", "09876530013", bare, None),
        (
            "/ws/voicebot/{CallSid}",
            "09876530014",
            serde_json::from_str(&template).unwrap(),
            None,
        ),
    ] {
        let call = engine.customer(phone, None).await;
        let mut stream = Stream::open(&engine, path).await.unwrap();
        stream.say(&start).await;
        stream.hear_voice().await;
        stream.hang_up("any").await;
        let record = engine.ended(&call).await;
        assert_eq!(record["outcome"], "hung-up", "{path}");
        assert!(
            record["transcript"][0]["text"]
                .as_str()
                .unwrap()
                .contains("Priya Sharma"),
            "{path}: the customer was found by his number"
        );
        if let Some(sid) = sid {
            assert_eq!(
                engine.ended(sid).await["call_id"],
                Value::from(call),
                "{path}"
            );
        }
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_call_sid_belongs_to_the_call_that_passthru_told_of() {
    let engine = engine();
    let call = engine.customer("09876530015", None).await;
    engine
        .http()
        .get(engine.url(&format!("/passthru?CallSid=h-by-path&CustomField={call}")))
        .send()
        .await
        .unwrap();
    engine.record_when("h-by-path", PATIENCE, |_| true).await;
    let mut stream = Stream::open(&engine, "/ws/voicebot/h-by-path")
        .await
        .unwrap();
    stream
        .say(&json!({ "event": "start", "stream_sid": "s5", "start": {} }))
        .await;
    stream.hear_voice().await;
    stream.hang_up("h-by-path").await;
    // Exotel's applets behind the bot will ask by this CallSid.
    assert_eq!(
        engine.ended("h-by-path").await["call_id"],
        Value::from(call)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_that_exotel_does_not_have_still_leaves_a_record() {
    let engine = engine();
    let call = engine.customer("09876530016", None).await;
    let mut start = start_of("h-rate", "09876530016");
    start["start"]["media_format"] = json!({ "encoding": "opus", "sample_rate": "999999" });
    let mut stream = Stream::open(&engine, "/ws/voicebot/h-rate").await.unwrap();
    stream.say(&start).await;
    drop(
        stream
            .send(Message::text("{\"event\":\"stop\",\"stop\":{}}"))
            .await,
    );
    stream.until_closed().await;
    assert!(engine.ended(&call).await["outcome"].is_string());
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_vanishes_leaves_a_record() {
    let engine = engine();
    let stream = talking(&engine, "h-vanished", "09876530017").await;
    drop(stream);
    let record = engine.ended("h-vanished").await;
    assert_eq!(record["outcome"], "connection-lost");
    assert!(
        record["detail"].as_str().unwrap().contains("greeting"),
        "{}",
        record["detail"]
    );
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_id_and_no_name_in_a_path_has_a_control_character() {
    let engine = engine();
    let get = engine.http().get(engine.url("/api/openapi.json"));
    let description: Value = get.send().await.unwrap().json().await.unwrap();
    let mut asked = 0;
    for (path, operations) in description["paths"].as_object().unwrap() {
        let parameters: Vec<&str> = path
            .split('/')
            .filter(|segment| segment.starts_with('{'))
            .collect();
        let methods: Vec<_> = operations
            .as_object()
            .unwrap()
            .keys()
            .filter_map(|method| Method::from_bytes(method.to_uppercase().as_bytes()).ok())
            .collect();
        for (bad, wrong) in parameters.iter().zip(["a%00b", "%00"].iter().cycle()) {
            let wrong = path.replace(bad, wrong);
            let wrong = parameters
                .iter()
                .fold(wrong, |path, other| path.replace(other, "x"));
            for method in &methods {
                let request = engine.http().request(method.clone(), engine.url(&wrong));
                let response = request.send().await.unwrap();
                let status = response.status();
                let problem: Value = response.json().await.unwrap();
                let reported = format!("{method} {wrong}: {problem}");
                assert_eq!(status, 400, "{reported}");
                assert_eq!(problem["type"], "/problems/unreadable-path", "{reported}");
                assert!(
                    problem["hint"].as_str().unwrap().contains("id or name"),
                    "{reported}"
                );
                asked += 1;
            }
        }
    }
    assert!(asked > 10, "{asked} requests");
    for wrong in ["%00", "a%00b", "a%0Ab", "a%7Fb"] {
        let path = format!("/api/calls/{wrong}");
        let response = engine.http().get(engine.url(&path)).send().await.unwrap();
        assert_eq!(response.status(), 400, "{path}");
        for path in [
            format!("/ws/voicebot/{wrong}"),
            format!("/ws/voicebot/{wrong}/x"),
        ] {
            assert_eq!(
                Stream::open(&engine, &path).await.err(),
                Some(400),
                "{path}"
            );
        }
    }
    engine.is_well().await;
}
