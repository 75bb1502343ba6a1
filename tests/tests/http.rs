//! The contract of every HTTP endpoint, as Exotel's applets, a campaign and an operator use it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use reqwest::Response;
use serde_json::{Value, json};
use support::{Engine, PATIENCE, Setup, Stream};

/// Callers answer by keys here: no words are waited for.
const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const AGENT: &str = "+918000000001";

fn engine(sections: &str) -> Engine {
    Setup::new(format!("{BY_KEYS}{sections}")).start()
}

async fn get(engine: &Engine, path: &str) -> Response {
    engine.http().get(engine.url(path)).send().await.unwrap()
}

async fn told(response: Response) -> (u16, String, String) {
    let content_type = response.headers().get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
    (response.status().as_u16(), content_type, response.text().await.unwrap())
}

/// A call by keys up to the wish for an agent: `start`, 1 at the first question, 1 at the second. Marks come back at once, as from a network
/// that plays without delay.
async fn transferred(engine: &Engine, sid: &str, phone: &str) -> String {
    let call = engine.customer(phone, None).await;
    assert_eq!(get(engine, &format!("/passthru?CallSid={sid}&CallFrom={phone}&CustomField={call}")).await.status(), 200);
    engine.record_when(&call, PATIENCE, |record| record["call_sid"] == sid).await;
    let mut stream = Stream::begin(engine, sid, phone).await;
    let mut keys = 0;
    while let Some(message) = stream.hear().await {
        if message["event"] == "mark" {
            // The socket may close in between.
            drop(stream.send(tokio_tungstenite::tungstenite::Message::text(message.to_string())).await);
            let record = engine.record(&call).await.unwrap();
            let lines = record["transcript"].as_array().unwrap();
            let asks = lines.iter().filter(|line| line["name"] == "greeting" || line["name"] == "transfer-question").count();
            if asks > keys {
                keys += 1;
                drop(
                    stream
                        .send(tokio_tungstenite::tungstenite::Message::text(
                            json!({ "event": "dtmf", "dtmf": { "digit": "1" } }).to_string(),
                        ))
                        .await,
                );
            }
        }
    }
    assert_eq!(engine.ended(&call).await["outcome"], "transferred", "{}", engine.logs());
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn passthru_answers_ok_in_plain_text_whatever_it_tells() {
    let engine = engine("");
    for query in [
        "",
        "?",
        "?CallSid=",
        "?CallSid=%7BCallSid%7D",
        "?CallSid=a1&CallFrom=nobody&Direction=sideways",
        "?%ZZ=%FF&&&=",
        "?CallSid=a2&Stream=nonsense",
    ] {
        let (status, content_type, body) = told(get(&engine, &format!("/passthru{query}")).await).await;
        assert_eq!((status, body.as_str()), (200, "OK"), "`{query}`");
        assert!(content_type.starts_with("text/plain"), "{content_type}");
    }
    // The call of whom nothing but the CallSid was told is recorded all the same.
    let record = engine.record_when("a1", PATIENCE, |record| record["steps"][0]["step"] == "passthru-received").await;
    assert_eq!(record["state"], "pending");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passthru_without_a_stream_is_told_with_the_mend() {
    let engine = engine("");
    get(&engine, "/passthru?CallSid=stuck1&CallFrom=09876520001").await;
    let record = engine.record_when("stuck1", PATIENCE, |record| record["state"] == "ended").await;
    assert_eq!(record["outcome"], "never-connected");
    let problem = &record["problems"][0];
    assert!(
        problem["name"] == "no-stream" && problem["detail"].as_str().unwrap().contains("no Voicebot applet after Passthru"),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_streams_url_is_told_for_each_call_and_in_full_for_the_applets() {
    let engine = engine("[server]\npublic-url = 'https://bot.example.com'\npath = '/bot'\n[calls]\nsample-rate-hz = 16000\n");
    let (status, content_type, body) = told(get(&engine, "/bot/voicebot-url?CallSid=abc123").await).await;
    assert_eq!((status, content_type.as_str()), (200, "application/json"));
    let url = json!({ "url": "wss://bot.example.com/bot/ws/voicebot/abc123?sample-rate=16000" });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), url);
    let without: Value = get(&engine, "/bot/voicebot-url").await.json().await.unwrap();
    assert!(without["url"].as_str().unwrap().starts_with("wss://bot.example.com/bot/ws/voicebot/"), "{without}");

    let told: Value = get(&engine, "/bot/websocket-url").await.json().await.unwrap();
    let applets = told["applets"].as_array().unwrap();
    let names: Vec<_> = applets.iter().map(|applet| applet["applet"].as_str().unwrap()).collect();
    assert_eq!(names, ["Passthru", "Voicebot", "Passthru", "Connect"]);
    assert_eq!(applets[0]["url"], "https://bot.example.com/bot/passthru");
    assert_eq!(applets[1]["sample-rate-hz"], 16000);
    assert_eq!((&told["status-callback"], &told["warnings"]), (&"https://bot.example.com/bot/status".into(), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_public_url_the_requests_host_is_taken_and_warned_of() {
    let engine = engine("");
    let url: Value = get(&engine, "/voicebot-url?CallSid=abc123").await.json().await.unwrap();
    assert_eq!(url["url"], format!("ws://{}/ws/voicebot/abc123?sample-rate=8000", engine.address()));
    let told: Value = get(&engine, "/websocket-url").await.json().await.unwrap();
    assert!(told["warnings"][0].as_str().unwrap().contains("public-url"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_applets_after_the_bot_lead_a_transfer_to_the_agent_and_nothing_else() {
    let engine = engine("[calls]\nring-s = 20\n");
    let call = transferred(&engine, "sid-transfer", "09876520002").await;
    let after = get(&engine, "/passthru/after?CallSid=sid-transfer&Stream%5BStatus%5D=completed&Stream%5BDisconnectedBy%5D=bot").await;
    assert_eq!((after.status().as_u16(), after.headers().get("location")), (302, None));
    let (status, content_type, body) = told(get(&engine, "/connect?CallSid=sid-transfer").await).await;
    let reply: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, content_type.as_str()), (200, "application/json"));
    assert_eq!((&reply["destination"]["numbers"], &reply["max_ringing_duration"]), (&json!([AGENT]), &20.into()));
    engine.record_when(&call, PATIENCE, |record| record["exotel"]["Stream[DisconnectedBy]"] == "bot").await;

    for query in ["", "?CallSid=unknown", "?CallSid=%7BCallSid%7D"] {
        assert_eq!(get(&engine, &format!("/passthru/after{query}")).await.status(), 200, "`{query}`");
        let reply: Value = get(&engine, &format!("/connect{query}")).await.json().await.unwrap();
        assert_eq!(reply["destination"]["numbers"], json!([]), "`{query}`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_case_is_answered_where_the_configuration_says_so() {
    let engine = engine("[calls]\nafter = 'select'\nagents = ['08000000001']\n");
    // A call whose flow is not there goes to the configured agents, after the engine's own words.
    let call = engine.customer("09876520003", Some("no-such-flow")).await;
    let mut stream = Stream::begin(&engine, "sid-select", "09876520003").await;
    stream.until_closed().await;
    assert_eq!(engine.ended(&call).await["decision"]["numbers"], json!([AGENT]));
    for (sid, select) in [("sid-select", "transfer"), ("unknown", "hang-up")] {
        let (status, content_type, body) = told(get(&engine, &format!("/passthru/after?CallSid={sid}")).await).await;
        assert_eq!((status, serde_json::from_str::<Value>(&body).unwrap()), (200, json!({ "select": select })));
        assert!(content_type.starts_with("text/plain"), "Exotel reads a select from plain text alone: {content_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_callback_is_taken_as_form_multipart_and_json() {
    let engine = engine("");
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"CallSid\"\r\n\r\nst3\r\n--b\r\nContent-Disposition: form-data; name=\"Status\"\r\n\r\nbusy\r\n--b--\r\n";
    for (sid, content_type, body, status) in [
        ("st1", "application/x-www-form-urlencoded", "CallSid=st1&Status=completed&From=09876520004".to_owned(), "completed"),
        (
            "st2",
            "application/json",
            json!({ "CallSid": "st2", "Status": "no-answer", "Legs": [{ "Status": null }] }).to_string(),
            "no-answer",
        ),
        ("st3", "multipart/form-data; boundary=b", multipart.to_owned(), "busy"),
    ] {
        get(&engine, &format!("/passthru?CallSid={sid}")).await;
        engine.record_when(sid, PATIENCE, |_| true).await;
        let response = engine.http().post(engine.url("/status")).header("content-type", content_type).body(body).send().await.unwrap();
        assert_eq!(response.status(), 200, "{content_type}");
        let record = engine.record_when(sid, PATIENCE, |record| record["exotel"]["Status"] == status).await;
        assert!(!record["exotel"].to_string().contains("9876520004"), "numbers are masked there: {}", record["exotel"]);
    }
    // Nothing can be mended at Exotel's end.
    let unknown =
        engine.http().post(engine.url("/status")).header("content-type", "application/x-www-form-urlencoded").body("CallSid=nobody");
    assert_eq!(unknown.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_customer_is_shown_by_its_id_and_among_the_newest() {
    let engine = engine("");
    let call = engine.customer("+91 98765 20005", Some("emi-reminder")).await;
    let record = engine.record(&call).await.unwrap();
    assert_eq!(
        (&record["state"], &record["customer_number"], &record["outcome"]),
        (&"pending".into(), &"+919876520005".into(), &Value::Null)
    );
    assert_eq!(record["steps"][0]["step"], "triggered");
    let missing = get(&engine, "/api/calls/00000000-0000-7000-8000-000000000000").await;
    assert_eq!(missing.status(), 404);
    let body: Value = missing.json().await.unwrap();
    assert!(body["error"].is_string() && body["mend"].is_string(), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readyz_tells_what_is_there() {
    let engine = engine("");
    let response = get(&engine, "/readyz").await;
    assert_eq!(response.status(), 200);
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["sessions"], &body["records"], &body["flows"]),
        (&"ok".into(), &"ok".into(), &json!(["emi-reminder", "emi-reminder-js", "emi-reminder-py"]))
    );
    assert!(body["recognizer"].as_str().unwrap().contains("keys") && body["live-calls"] == 0, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_keep_strangers_out_of_each_door() {
    let engine = engine("[server]\nstream-token = 'stream-7'\napplet-token = 'applet-7'\napi-token = 'api-7'\n");
    for path in ["/passthru", "/passthru/after", "/voicebot-url", "/connect"] {
        for (query, status) in [("", 401), ("?token=wrong", 401), ("?token=stream-7", 401), ("?token=applet-7&CallSid=tok1", 200)] {
            let response = get(&engine, &format!("{path}{query}")).await;
            assert_eq!(response.status(), status, "{path}{query}");
            if status == 401 {
                let body: Value = response.json().await.unwrap();
                assert!(body["mend"].as_str().unwrap().contains("applet-token") && !body.to_string().contains("applet-7"), "{body}");
            }
        }
    }
    for (token, status) in [(None, 401), (Some("wrong"), 401), (Some("applet-7"), 401), (Some("api-7"), 200)] {
        for path in ["/api/calls", "/websocket-url"] {
            let request = engine.http().get(engine.url(path));
            let request = token.iter().fold(request, |request, token| request.bearer_auth(token));
            assert_eq!(request.send().await.unwrap().status(), status, "{path} {token:?}");
        }
    }
    let post = |query: &str| {
        engine
            .http()
            .post(engine.url(&format!("/status{query}")))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("CallSid=a")
    };
    assert_eq!(post("").send().await.unwrap().status(), 401);
    assert_eq!(post("?token=applet-7").send().await.unwrap().status(), 200);
    assert_eq!((get(&engine, "/healthz").await.status().as_u16(), get(&engine, "/readyz").await.status().as_u16()), (200, 200));

    let url: Value = get(&engine, "/voicebot-url?token=applet-7&CallSid=tok1").await.json().await.unwrap();
    let path = url["url"].as_str().unwrap().split_once(engine.address()).unwrap().1.to_owned();
    assert!(Stream::open(&engine, &path).await.is_ok(), "the URL that is told opens the stream: {path}");
    for path in ["/ws/voicebot/tok1", "/ws/voicebot/wrong/tok1"] {
        assert_eq!(Stream::open(&engine, path).await.err(), Some(401), "{path}");
    }
    // Exotel makes this header of `wss://user:stream-7@host`; base64 of `user:stream-7` and of `user:wrong`.
    for (credentials, refused) in [("dXNlcjpzdHJlYW0tNw==", None), ("dXNlcjp3cm9uZw==", Some(401)), ("%%", Some(401))] {
        let opened = Stream::open_with(&engine, "/ws/voicebot/tok1", &[("authorization", format!("Basic {credentials}"))]).await;
        assert_eq!(opened.err(), refused, "{credentials}");
    }
    assert!(!engine.logs().contains("stream-7") && !engine.logs().contains("api-7"), "no token reaches a log");
}
