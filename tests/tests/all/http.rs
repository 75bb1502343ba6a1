//! The contract of every HTTP endpoint, as Exotel's applets, a campaign and an operator use it.

mod binding;

use crate::support::{Engine, PATIENCE, Setup, Stream};
use reqwest::Response;
use serde_json::{Value, json};

/// Callers answer by keys here: no words are waited for.
const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const AGENT: &str = "+918000000001";
const OWN_AGENT: &str = "+918000000077";

fn engine(sections: &str) -> Engine {
    Setup::new(format!("{BY_KEYS}{sections}")).start()
}

async fn get(engine: &Engine, path: &str) -> Response {
    engine.http().get(engine.url(path)).send().await.unwrap()
}

async fn reported(response: Response) -> (u16, String, String) {
    let content_type = response
        .headers()
        .get("content-type")
        .map_or("", |value| value.to_str().unwrap())
        .to_owned();
    (
        response.status().as_u16(),
        content_type,
        response.text().await.unwrap(),
    )
}

/// A call by keys up to the wish for an agent: `start`, 1 at the first question, 1 at the second.
/// Marks come back at once, as from a network that plays without delay.
pub async fn transferred(engine: &Engine, sid: &str, phone: &str) -> String {
    let call = engine.customer(phone, None).await;
    assert_eq!(
        get(
            engine,
            &format!("/passthru?CallSid={sid}&CallFrom={phone}&CustomField={call}")
        )
        .await
        .status(),
        200
    );
    engine
        .record_when(&call, PATIENCE, |record| record["call_sid"] == sid)
        .await;
    let mut stream = Stream::begin(engine, sid, phone).await;
    let mut keys = 0;
    while let Some(message) = stream.hear().await {
        if message["event"] == "mark" {
            // The socket may close in between.
            drop(
                stream
                    .send(tokio_tungstenite::tungstenite::Message::text(
                        message.to_string(),
                    ))
                    .await,
            );
            let record = engine.record(&call).await.unwrap();
            let lines = record["transcript"].as_array().unwrap();
            let asks = lines
                .iter()
                .filter(|line| line["name"] == "greeting" || line["name"] == "transfer-question")
                .count();
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
    assert_eq!(
        engine.ended(&call).await["outcome"],
        "transfer-decided",
        "{}",
        engine.logs()
    );
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn passthru_answers_ok_in_plain_text_whatever_it_says() {
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
        let (status, content_type, body) =
            reported(get(&engine, &format!("/passthru{query}")).await).await;
        assert_eq!((status, body.as_str()), (200, "OK"), "`{query}`");
        assert!(content_type.starts_with("text/plain"), "{content_type}");
    }
    // The call of which nothing but the CallSid is known is recorded all the same.
    let record = engine
        .record_when("a1", PATIENCE, |record| {
            record["steps"][0]["step"] == "passthru-received"
        })
        .await;
    assert_eq!(record["state"], "pending");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passthru_without_a_stream_is_reported_with_the_hint() {
    let engine = engine("");
    get(&engine, "/passthru?CallSid=stuck1&CallFrom=09876520001").await;
    let record = engine
        .record_when("stuck1", PATIENCE, |record| record["state"] == "ended")
        .await;
    assert_eq!(record["outcome"], "never-connected");
    let problem = &record["problems"][0];
    assert!(
        problem["name"] == "no-stream"
            && problem["detail"]
                .as_str()
                .unwrap()
                .contains("no Voicebot applet after Passthru"),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_streams_url_is_given_for_each_call_and_in_full_for_the_applets() {
    let engine = engine(
        "[server]\npublic-url = 'https://bot.example.com'\npath = '/bot'\n[calls]\nsample-rate-hz = 16000\n",
    );
    let (status, content_type, body) =
        reported(get(&engine, "/bot/voicebot-url?CallSid=abc123").await).await;
    assert_eq!((status, content_type.as_str()), (200, "application/json"));
    let url = json!({ "url": "wss://bot.example.com/bot/ws/voicebot/abc123?sample-rate=16000" });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), url);
    let without: Value = get(&engine, "/bot/voicebot-url")
        .await
        .json()
        .await
        .unwrap();
    assert!(
        without["url"]
            .as_str()
            .unwrap()
            .starts_with("wss://bot.example.com/bot/ws/voicebot/"),
        "{without}"
    );

    let reported: Value = get(&engine, "/bot/websocket-url")
        .await
        .json()
        .await
        .unwrap();
    let applets = reported["applets"].as_array().unwrap();
    let names: Vec<_> = applets
        .iter()
        .map(|applet| applet["applet"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Passthru", "Voicebot", "Passthru", "Connect"]);
    assert_eq!(applets[0]["url"], "https://bot.example.com/bot/passthru");
    assert_eq!(applets[1]["sample-rate-hz"], 16000);
    assert_eq!(
        (&reported["status-callback"], &reported["warnings"]),
        (&"https://bot.example.com/bot/status".into(), &json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_public_url_the_requests_host_is_taken_and_warned_of() {
    let engine = engine("");
    let url: Value = get(&engine, "/voicebot-url?CallSid=abc123")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        url["url"],
        format!(
            "ws://{}/ws/voicebot/abc123?sample-rate=8000",
            engine.address()
        )
    );
    let reported: Value = get(&engine, "/websocket-url").await.json().await.unwrap();
    assert!(
        reported["warnings"][0]
            .as_str()
            .unwrap()
            .contains("public-url"),
        "{reported}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_applets_after_the_bot_lead_a_transfer_to_the_agent_and_nothing_else() {
    // the operator's agents, not the shipped flow's sample number
    let engine = engine(&format!("[calls]\nring-s = 20\nagents = ['{OWN_AGENT}']\n"));
    let call = transferred(&engine, "sid-transfer", "09876520002").await;
    let after = get(&engine, "/passthru/after?CallSid=sid-transfer&Stream%5BStatus%5D=completed&Stream%5BDisconnectedBy%5D=bot").await;
    assert_eq!(
        (after.status().as_u16(), after.headers().get("location")),
        (302, None)
    );
    let (status, content_type, body) =
        reported(get(&engine, "/connect?CallSid=sid-transfer").await).await;
    let reply: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, content_type.as_str()), (200, "application/json"));
    assert_eq!(
        (
            &reply["destination"]["numbers"],
            &reply["max_ringing_duration"]
        ),
        (&json!([OWN_AGENT]), &20.into())
    );
    engine
        .record_when(&call, PATIENCE, |record| {
            record["exotel"]["Stream[DisconnectedBy]"] == "bot"
        })
        .await;

    for query in ["", "?CallSid=unknown", "?CallSid=%7BCallSid%7D"] {
        assert_eq!(
            get(&engine, &format!("/passthru/after{query}"))
                .await
                .status(),
            200,
            "`{query}`"
        );
        let reply: Value = get(&engine, &format!("/connect{query}"))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(reply["destination"]["numbers"], json!([]), "`{query}`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_case_is_answered_where_the_configuration_says_so() {
    let engine =
        engine("[calls]\nflow = 'no-such-flow'\nafter = 'select'\nagents = ['08000000001']\n");
    // A call whose flow is not there goes to the configured agents, after the engine's own words.
    let call = engine.customer("09876520003", None).await;
    let mut stream = Stream::begin(&engine, "sid-select", "09876520003").await;
    stream.until_closed().await;
    assert_eq!(
        engine.ended(&call).await["decision"]["numbers"],
        json!([AGENT])
    );
    for (sid, select) in [("sid-select", "transfer"), ("unknown", "hang-up")] {
        let (status, content_type, body) =
            reported(get(&engine, &format!("/passthru/after?CallSid={sid}")).await).await;
        assert_eq!(
            (status, serde_json::from_str::<Value>(&body).unwrap()),
            (200, json!({ "select": select }))
        );
        assert!(
            content_type.starts_with("text/plain"),
            "Exotel reads a select from plain text alone: {content_type}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_callback_is_taken_as_form_multipart_and_json() {
    let engine = engine("");
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"CallSid\"\r\n\r\nst3\r\n--b\r\nContent-Disposition: form-data; name=\"Status\"\r\n\r\nbusy\r\n--b--\r\n";
    for (sid, content_type, body, status) in [
        (
            "st1",
            "application/x-www-form-urlencoded",
            "CallSid=st1&Status=completed&From=09876520004".to_owned(),
            "completed",
        ),
        (
            "st2",
            "application/json",
            json!({ "CallSid": "st2", "Status": "no-answer", "Legs": [{ "Status": null }] })
                .to_string(),
            "no-answer",
        ),
        (
            "st3",
            "multipart/form-data; boundary=b",
            multipart.to_owned(),
            "busy",
        ),
    ] {
        get(&engine, &format!("/passthru?CallSid={sid}")).await;
        engine.record_when(sid, PATIENCE, |_| true).await;
        let response = engine
            .http()
            .post(engine.url("/status"))
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{content_type}");
        let record = engine
            .record_when(sid, PATIENCE, |record| record["exotel"]["Status"] == status)
            .await;
        assert!(
            !record["exotel"].to_string().contains("9876520004"),
            "numbers are masked there: {}",
            record["exotel"]
        );
    }
    // Nothing can be fixed at Exotel's end.
    let unknown = engine
        .http()
        .post(engine.url("/status"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("CallSid=nobody");
    assert_eq!(unknown.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_customer_is_shown_by_its_id_and_among_the_newest() {
    let engine = engine("");
    let call = engine
        .customer("+91 98765 20005", Some("emi-reminder"))
        .await;
    let record = engine.record(&call).await.unwrap();
    assert_eq!(
        (
            &record["state"],
            &record["customer_number"],
            &record["outcome"]
        ),
        (&"pending".into(), &"+919876520005".into(), &Value::Null)
    );
    assert_eq!(record["steps"][0]["step"], "triggered");
    let missing = get(&engine, "/api/calls/00000000-0000-7000-8000-000000000000").await;
    assert_eq!(missing.status(), 404);
    let body: Value = missing.json().await.unwrap();
    assert!(
        body["type"] == "/problems/unknown-call" && body["hint"].is_string(),
        "{body}"
    );
}

/// A body of `POST /api/calls` for the shipped flow, with one field changed.
fn order(field: &str, value: &str) -> Value {
    let mut order = json!({
        "phone": "+919876520006",
        "flow": "emi-reminder",
        "fields": { "name": "Priya Sharma", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05" }
    });
    match field {
        "phone" | "flow" => order[field] = json!(value),
        _ => order["fields"][field] = json!(value),
    }
    order
}

async fn posted(engine: &Engine, order: &Value) -> (u16, String) {
    let response = engine
        .http()
        .post(engine.url("/api/calls"))
        .json(order)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_cannot_be_read_for_certain_is_refused_when_it_is_posted() {
    let engine = engine("");
    for (field, values) in [
        (
            "amount",
            &[
                "12500,00",
                "12450 00",
                "12,5",
                "12.450,00",
                "1e5",
                "-12500",
                "0",
                "NULL",
                "9876543210",
            ][..],
        ),
        ("loan", &["478213.0", "4.78E+05", "N/A"][..]),
        ("name", &["NULL", "NA", ".", "12345", "{{name}}"][..]),
        (
            "due-date",
            &["05/12/2026", "2026-02-30", "2206-12-05", "46361"][..],
        ),
        (
            "phone",
            &[
                "9876543210.0",
                "987654321",
                "98765432101",
                "+9198765432101",
                "98765O3210",
            ][..],
        ),
        ("language", &["klingon"][..]),
    ] {
        for value in values {
            let (status, reported) = posted(&engine, &order(field, value)).await;
            let body: Value = serde_json::from_str(&reported).unwrap();
            assert_eq!(
                (
                    status,
                    &body["fields"][0]["field"],
                    body["fields"].as_array().unwrap().len()
                ),
                (400, &json!(field), 1),
                "{value}: {reported}"
            );
            assert!(
                body["fields"][0]["reason"].as_str().unwrap().len() > 20
                    && body["detail"].as_str().unwrap().contains(field),
                "{reported}"
            );
            assert!(
                value.len() < 3 || !reported.contains(value),
                "`{value}` is shown: {reported}"
            );
        }
    }
    for (field, value) in [
        ("amount", "Rs. 12,450/-"),
        ("amount", "INR 12450"),
        ("due-date", "5-Dec-2030"),
        ("phone", "+91 09876520006"),
        ("phone", "+91 (0)9876520006"),
        ("name", "Smt. Sunita Devi"),
        ("branch", "no field of the flow"),
    ] {
        let (status, reported) = posted(&engine, &order(field, value)).await;
        assert_eq!(status, 201, "{field} `{value}`: {reported}");
        let call = serde_json::from_str::<Value>(&reported).unwrap()["call_id"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            engine.record(&call).await.unwrap()["customer_number"],
            "+919876520006",
            "{value}"
        );
    }
    engine.is_well().await;
    assert!(!engine.logs().contains("Sunita"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_for_a_flow_that_is_not_there_or_without_its_fields_is_refused_with_all_that_is_wrong()
 {
    let engine = engine("");
    let wrong = json!({ "phone": "123", "flow": "emi_reminder", "fields": {} });
    let (status, reported) = posted(&engine, &wrong).await;
    assert_eq!(status, 400, "{reported}");
    let body: Value = serde_json::from_str(&reported).unwrap();
    let named: Vec<_> = body["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["field"].as_str().unwrap())
        .collect();
    assert_eq!(
        named,
        ["phone", "flow", "amount", "due-date", "loan", "name"],
        "{reported}"
    );
    assert!(
        reported.contains("`emi_reminder`") && reported.contains("`emi-reminder`"),
        "the known flows are named: {reported}"
    );

    // the only flow that takes calls which name none has its fields as well
    let (status, reported) =
        posted(&engine, &json!({ "phone": "+919876520007", "fields": { "name": "Priya", "due_date": "2030-12-05" } })).await;
    assert_eq!(status, 400, "{reported}");
    assert!(
        [
            "`amount` is missing",
            "`loan` is missing",
            "`due_date` stands there instead"
        ]
        .iter()
        .all(|words| reported.contains(words)),
        "{reported}"
    );

    let (status, reported) =
        posted(&engine, &json!({ "phone": "+919876520007", "flow": "emi-reminder", "fields": { "amount": 12450.5 } })).await;
    assert!(
        status == 400 && reported.contains("`amount` is not a string"),
        "{reported}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn readyz_reports_what_is_there() {
    let engine = engine("");
    let response = get(&engine, "/readyz").await;
    assert_eq!(response.status(), 200);
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["sessions"], &body["records"], &body["flows"]),
        (
            &"ok".into(),
            &"ok".into(),
            &json!(["appointment", "emi-reminder", "survey"])
        )
    );
    assert!(
        body["recognizer"].as_str().unwrap().contains("keys") && body["live_calls"] == 0,
        "{body}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_keep_strangers_out_of_each_door() {
    let engine = engine(
        "[server]\nstream-token = 'stream-7-0123456789'\napplet-token = 'applet-7-0123456789'\napi-token = 'api-7-0123456789-'\n",
    );
    for path in ["/passthru", "/passthru/after", "/voicebot-url", "/connect"] {
        for (query, status) in [
            ("", 401),
            ("?token=wrong", 401),
            ("?token=stream-7-0123456789", 401),
            ("?token=applet-7-0123456789&CallSid=tok1", 200),
        ] {
            let response = get(&engine, &format!("{path}{query}")).await;
            assert_eq!(response.status(), status, "{path}{query}");
            if status == 401 {
                let body: Value = response.json().await.unwrap();
                assert!(
                    body["hint"].as_str().unwrap().contains("applet-token")
                        && !body.to_string().contains("applet-7"),
                    "{body}"
                );
            }
        }
    }
    for (token, status) in [
        (None, 401),
        (Some("wrong"), 401),
        (Some("applet-7-0123456789"), 401),
        (Some("api-7-0123456789-"), 200),
    ] {
        for path in ["/api/calls", "/websocket-url"] {
            let request = engine.http().get(engine.url(path));
            let request = token
                .iter()
                .fold(request, |request, token| request.bearer_auth(token));
            assert_eq!(
                request.send().await.unwrap().status(),
                status,
                "{path} {token:?}"
            );
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
    assert_eq!(
        post("?token=applet-7-0123456789")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        (
            get(&engine, "/healthz").await.status().as_u16(),
            get(&engine, "/readyz").await.status().as_u16()
        ),
        (200, 200)
    );

    let url: Value = get(
        &engine,
        "/voicebot-url?token=applet-7-0123456789&CallSid=tok1",
    )
    .await
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
    assert!(
        Stream::open(&engine, &path).await.is_ok(),
        "the URL that is told opens the stream: {path}"
    );
    for path in ["/ws/voicebot/tok1", "/ws/voicebot/wrong/tok1"] {
        assert_eq!(Stream::open(&engine, path).await.err(), Some(401), "{path}");
    }
    // Exotel makes this header of `wss://user:stream-7-0123456789@host`; base64 of
    // `user:stream-7-0123456789` and of `user:wrong`.
    for (credentials, refused) in [
        ("dXNlcjpzdHJlYW0tNy0wMTIzNDU2Nzg5", None),
        ("dXNlcjp3cm9uZw==", Some(401)),
        ("%%", Some(401)),
    ] {
        let opened = Stream::open_with(
            &engine,
            "/ws/voicebot/tok1",
            &[("authorization", format!("Basic {credentials}"))],
        )
        .await;
        assert_eq!(opened.err(), refused, "{credentials}");
    }
    assert!(
        !engine.logs().contains("stream-7") && !engine.logs().contains("api-7"),
        "no token reaches a log"
    );
}
