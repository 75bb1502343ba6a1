//! Status callbacks and the Passthru after the bot, in every shape in which Exotel sends them: late,
//! doubled, out of order, of unknown calls, and hostile.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::nodes::bare;
use crate::support::{Engine, PATIENCE, Setup, Stream};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const AGENT: &str = "+918000000001";
const FORM: &str = "application/x-www-form-urlencoded";

struct House {
    engine: Engine,
    _flows: tempfile::TempDir,
}

impl House {
    fn start() -> Self {
        let flows = bare();
        let config = format!("{BY_KEYS}[calls]\nagents = ['{AGENT}']\n");
        let engine = Setup::new(config).flows(flows.path()).start();
        Self {
            engine,
            _flows: flows,
        }
    }

    async fn get(&self, path: &str) -> u16 {
        let request = self.engine.http().get(self.engine.url(path));
        request.send().await.unwrap().status().as_u16()
    }

    async fn post(&self, content_type: &str, body: impl Into<reqwest::Body>) -> u16 {
        let request = self.engine.http().post(self.engine.url("/status"));
        let request = request.header("content-type", content_type).body(body);
        request.send().await.unwrap().status().as_u16()
    }

    /// A call whose transfer is decided and whose agent was asked for.
    async fn connected(&self, sid: &str, phone: &str) -> String {
        let call = self.engine.customer(phone, None).await;
        let passthru = format!("/passthru?CallSid={sid}&CallFrom={phone}&CustomField={call}");
        assert_eq!(self.get(&passthru).await, 200);
        let is_known = |record: &Value| record["call_sid"] == sid;
        self.engine.record_when(&call, PATIENCE, is_known).await;
        let mut stream = Stream::begin(&self.engine, sid, phone).await;
        stream.hear_out().await;
        self.engine.ended(&call).await;
        assert_eq!(self.get(&format!("/connect?CallSid={sid}")).await, 200);
        let has_asked = |record: &Value| record["transfer"]["asked"].is_array();
        self.engine.record_when(&call, PATIENCE, has_asked).await;
        call
    }

    /// The record once its outcome is this.
    async fn outcome(&self, id: &str, outcome: &str) -> Value {
        let is_so = |record: &Value| record["outcome"] == outcome;
        self.engine.record_when(id, PATIENCE, is_so).await
    }

    /// A call that waits for its stream.
    async fn waiting(&self, sid: &str) {
        assert_eq!(self.get(&format!("/passthru?CallSid={sid}")).await, 200);
        self.engine.record_when(sid, PATIENCE, |_| true).await;
    }
}

fn multipart(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--b-1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--b-1--\r\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn legs_say_the_same_flattened_in_a_form_or_multipart_as_json_and_as_json_within_a_form() {
    let house = House::start();
    let legs = r#"[{"Status":"completed","OnCallDuration":61},{"Status":"completed","OnCallDuration":"45","Number":"08000000001"}]"#;
    let fields = |sid: &'static str| {
        [
            ("CallSid", sid),
            ("Status", "completed"),
            ("Legs[0][Status]", "completed"),
            ("Legs[0][OnCallDuration]", "61"),
            ("Legs[1][Status]", "completed"),
            ("Legs[1][OnCallDuration]", "45"),
            ("Legs[1][Number]", "08000000001"),
        ]
    };
    let encoded = |sid: &'static str| {
        let mut url = reqwest::Url::parse("http://form").unwrap();
        url.query_pairs_mut().extend_pairs(fields(sid));
        url.query().unwrap().to_owned()
    };
    let shapes = [
        ("legs1", FORM, encoded("legs1")),
        (
            "legs2",
            "multipart/form-data; boundary=\"b-1\"",
            multipart(&fields("legs2")),
        ),
        (
            "legs3",
            "application/json; charset=utf-8",
            format!(r#"{{"CallSid":"legs3","Status":"completed","Legs":{legs}}}"#),
        ),
        (
            "legs4",
            FORM,
            format!("CallSid=legs4&Status=completed&Legs={legs}"),
        ),
    ];
    for (nth, (sid, content_type, body)) in shapes.into_iter().enumerate() {
        let call = house.connected(sid, &format!("0987657600{nth}")).await;
        assert_eq!(house.post(content_type, body).await, 200, "{sid}");
        let record = house.outcome(&call, "transferred").await;
        let leg = &record["transfer"]["leg"];
        assert_eq!(
            (
                &leg["agent"],
                &leg["talked_s"],
                &record["exotel"]["Legs[1][Status]"]
            ),
            (&json!("xxxxxx0001"), &json!(45), &json!("completed")),
            "{sid}"
        );
        assert!(
            !record["exotel"].to_string().contains("8000000001"),
            "{sid}"
        );
    }
    house.engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_comes_late_twice_or_out_of_order_takes_nothing_back() {
    let house = House::start();
    house.waiting("order1").await;
    let completed =
        "CallSid=order1&Status=busy&ConversationDuration=0&DateUpdated=2026-11-27 10:00:02";
    for body in [
        completed,
        completed,
        // what was sent before, and another end
        "CallSid=order1&Status=in-progress&EventType=answered&DateUpdated=2026-11-27 10:00:01",
        "CallSid=order1&Status=queued",
        "CallSid=order1&Status=completed&ConversationDuration=61",
    ] {
        assert_eq!(house.post(FORM, body).await, 200);
        let record = house.outcome("order1", "busy").await;
        assert_eq!(
            (&record["exotel"]["Status"], &record["state"]),
            (&json!("busy"), &json!("ended"))
        );
    }
    // the stream of a call of which the end was reported first still belongs to it
    house.waiting("order2").await;
    assert_eq!(
        house.post(FORM, "CallSid=order2&Status=completed").await,
        200
    );
    house.outcome("order2", "never-connected").await;
    let mut stream = Stream::begin(&house.engine, "order2", "09876576100").await;
    stream.hear_out().await;
    let record = house
        .engine
        .record_when("order2", PATIENCE, |record| {
            record["started_ms"].is_u64() && record["state"] == "ended"
        })
        .await;
    assert_ne!(record["outcome"], "never-connected");
    house.engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_of_an_unknown_call_is_answered_and_makes_no_record() {
    let house = House::start();
    let invented = "0190a1b2-0000-7000-8000-000000000001";
    for (content_type, body) in [
        (FORM, "CallSid=stranger1&Status=completed".to_owned()),
        (
            FORM,
            format!("CallSid=stranger1&Status=busy&CustomField={invented}"),
        ),
        (
            "application/json",
            json!({ "CallSid": "stranger1", "CustomField": invented, "Status": "busy" })
                .to_string(),
        ),
    ] {
        assert_eq!(house.post(content_type, body).await, 200);
    }
    // what comes later is worked on later
    house.waiting("known1").await;
    assert_eq!(house.post(FORM, "CallSid=known1&Status=busy").await, 200);
    house.outcome("known1", "busy").await;
    for id in ["stranger1", invented] {
        assert_eq!(house.engine.record(id).await, None);
    }
    assert!(
        house
            .engine
            .logs()
            .contains("a status callback names an unknown call")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passthru_after_the_bot_says_the_same_with_a_bracketed_and_with_a_json_stream() {
    let house = House::start();
    let json = r#"{"StreamSID":"s1","Status":"failed","Duration":"0","DisconnectedBy":"NA","Error":"3009 failed to establish ws conn"}"#;
    let mut url = reqwest::Url::parse("http://form").unwrap();
    url.query_pairs_mut().append_pair("Stream", json);
    let stream = url.query().unwrap().to_owned();
    let shapes = [
        "Stream[StreamSID]=s1&Stream[Status]=failed&Stream[Duration]=0&Stream[DisconnectedBy]=NA&Stream[Error]=3009 failed to establish ws conn".to_owned(),
        "Stream%5BStreamSID%5D=s1&Stream%5BStatus%5D=failed&Stream%5BDuration%5D=0&Stream%5BDisconnectedBy%5D=NA&Stream%5BError%5D=3009+failed+to+establish+ws+conn".to_owned(),
        stream,
    ];
    let mut reported = Vec::new();
    for (nth, stream) in shapes.iter().enumerate() {
        let sid = format!("after{nth}");
        house.waiting(&sid).await;
        // twice, as Exotel repeats what it got no answer to in time
        for _ in 0..2 {
            assert_eq!(
                house
                    .get(&format!("/passthru/after?CallSid={sid}&{stream}"))
                    .await,
                200
            );
        }
        let record = house.outcome(&sid, "never-connected").await;
        let failed = record["problems"].as_array().unwrap();
        let failed = failed
            .iter()
            .filter(|problem| problem["name"] == "stream-failed");
        assert_eq!(failed.count(), 1, "{record:#}");
        assert!(
            record["problems"].to_string().contains("3009 failed"),
            "{record:#}"
        );
        let exotel = record["exotel"].as_object().unwrap().clone();
        reported.push(
            exotel
                .into_iter()
                .filter(|(name, _)| name.starts_with("Stream"))
                .collect::<Vec<_>>(),
        );
    }
    assert!(reported[0].len() >= 4, "{reported:?}");
    assert!(
        reported.iter().all(|shape| *shape == reported[0]),
        "{reported:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_callbacks_cost_no_more_than_their_bounds() {
    let house = House::start();
    house.waiting("flood1").await;
    let many: Vec<_> = (0..4_000)
        .map(|at| format!("Legs[{at}][Status]=busy"))
        .collect();
    let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
    let parts: Vec<_> = (0..2_000).map(|at| format!("Legs[{at}][Number]")).collect();
    let parts: Vec<_> = parts
        .iter()
        .map(|name| (name.as_str(), "08000000001"))
        .collect();
    let long = "x".repeat(100_000);
    for (content_type, body, status) in [
        (FORM, format!("CallSid=flood1&{}", many.join("&")), 200),
        (FORM, format!("CallSid=flood1&Status={long}&{long}=1"), 200),
        (
            "application/json",
            format!(r#"{{"CallSid":"flood1","Legs":{deep},"Status":["busy"]}}"#),
            200,
        ),
        (
            "application/json",
            format!(r#"{{"CallSid":"flood1","Legs":{}"#, "[".repeat(100_000)),
            400,
        ),
        (
            "multipart/form-data; boundary=b-1",
            format!(
                "{}{}",
                multipart(&[("CallSid", "flood1")]).trim_end_matches("--b-1--\r\n"),
                multipart(&parts)
            ),
            200,
        ),
        ("multipart/form-data", "CallSid=flood1".to_owned(), 400),
        ("text/xml", "<CallSid>flood1</CallSid>".to_owned(), 400),
        (FORM, "x".repeat(300_000), 413),
        (FORM, "Status=busy".to_owned(), 400),
    ] {
        let shown: String = body.chars().take(60).collect();
        assert_eq!(
            house.post(content_type, body).await,
            status,
            "{content_type} {shown}"
        );
    }
    assert_eq!(
        house
            .post(FORM, "CallSid=flood1&Status=busy&Marker=1")
            .await,
        200
    );
    let record = house
        .engine
        .record_when("flood1", PATIENCE, |record| {
            record["exotel"]["CallSid"].is_string() && record["state"] == "ended"
        })
        .await;
    let size = record["exotel"].to_string().len();
    assert!(size <= 128 * (64 + 512 + 16), "{size} bytes are kept");
    house.engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_report_makes_no_new_call_of_one_that_was_deleted_by_its_age() {
    let config = "[speech]\nrecognizer = 'none'\n[retention]\ncalls-days = 1\n";
    let mut engine = Setup::new(config).start();
    let order = engine.customer("+919876563001", None).await;
    let report = async |engine: &Engine, sid: &str, more: &str| {
        let body = format!("CallSid={sid}&Status=no-answer{more}");
        let post = engine.http().post(engine.url("/status"));
        let post = post.header("content-type", "application/x-www-form-urlencoded");
        let response = post.body(body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.text().await.unwrap(), "OK");
    };
    report(&engine, "grown-old", &format!("&CustomField={order}")).await;
    engine.ended("grown-old").await;
    engine.ask_to_stop();
    assert_eq!(engine.stopped(PATIENCE).code(), Some(0));
    let database = engine.house().join("data/ghanti.db");
    let rows = |query: &str| {
        let mut sqlite = std::process::Command::new("sqlite3");
        let output = sqlite
            .arg(&database)
            .arg(".timeout 5000")
            .arg(query)
            .output()
            .unwrap();
        assert!(output.status.success(), "{query}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    rows("UPDATE calls SET created_ms = created_ms - 172800000");
    // another engine was at it and was killed: its claim runs out after this one's first run
    rows(
        "INSERT OR REPLACE INTO tasks (name, node, until_ms) VALUES \
         ('retention', 'killed', (unixepoch() + 20) * 1000)",
    );
    engine.start_again();
    let given_up = Instant::now() + PATIENCE;
    while rows("SELECT count(*) FROM calls") != "0" {
        assert!(
            Instant::now() < given_up,
            "it is not deleted: {}",
            engine.logs()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    report(&engine, "grown-old", &format!("&CustomField={order}")).await;
    for path in [
        "/connect/event?CallSid=grown-old&Status=busy",
        "/passthru/after?CallSid=grown-old",
    ] {
        let response = engine.http().get(engine.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
    }
    let given_up = Instant::now() + PATIENCE;
    loop {
        let metrics = engine.metrics().await;
        if metrics.contains("ghanti_late_reports_total 3\n") {
            break;
        }
        assert!(Instant::now() < given_up, "{metrics}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let logs = engine.logs();
    for what in ["status callback", "agent's leg", "passthru after the bot"] {
        let line = format!("was deleted by `[retention]` sid=grown-old what=\"{what}\"");
        assert!(logs.contains(&line), "{what}: {logs}");
    }
    assert!(engine.record("grown-old").await.is_none());

    // one that nobody knows, and one of an order, are taken as always
    report(&engine, "never-known", "").await;
    let order = engine.customer("+919876563002", None).await;
    report(&engine, "known-now", &format!("&CustomField={order}")).await;
    let record = engine.ended("known-now").await;
    assert_eq!(record["outcome"], "not-answered", "{record:#}");
    assert_eq!(
        rows("SELECT count(*) FROM calls WHERE call_sid IS NOT NULL AND call_sid <> 'known-now'"),
        "0"
    );
    engine.is_well().await;
}
