//! Traces of calls from the built program to a collector: what is in them, how a service that an action
//! asks joins one, and what becomes of them where the collector refuses or is away.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use ghanti_test_servers::{Asked, Reply, StandIn};
use serde_json::{Value, json};

use crate::actions::{config, flows, server};
use crate::support::{Engine, PATIENCE, Setup, Stream};

const PHONE: &str = "09876574001";
const KEY: &str = "hunter2-of-the-collector";
const GRANTS: &str = "[grants]\nactions = ['due-amount', 'send-link']\n";
const FROM: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn section(collector: &StandIn) -> String {
    format!(
        "[traces]\nurl = '{}/v1/traces'\nheaders = {{ api-key = '${{env:OTLP_KEY}}' }}\nservice = 'bot'\nafter-s = 1\n",
        collector.url()
    )
}

/// One call of the flow that invokes, to its end, requested as part of another trace. Returns its id.
async fn called(engine: &Engine, sid: &str) -> String {
    let order = json!({ "phone": PHONE, "flow": "invokes", "dial": false, "fields": { "name": "Priya Sharma", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05" } });
    let request = engine.http().post(engine.url("/api/calls")).json(&order);
    let response = request.header("traceparent", FROM).send().await.unwrap();
    assert_eq!(response.status(), 201, "{response:?}");
    let created: Value = response.json().await.unwrap();
    let call = created["call_id"].as_str().unwrap().to_owned();
    let passthru = format!("/passthru?CallSid={sid}&CallFrom={PHONE}&CustomField={call}");
    let request = engine.http().get(engine.url(&passthru));
    assert_eq!(request.send().await.unwrap().status(), 200);
    let is_known = |record: &Value| record["call_sid"] == sid;
    engine.record_when(&call, PATIENCE, is_known).await;
    let mut stream = Stream::begin(engine, sid, PHONE).await;
    stream.hear_out().await;
    engine.ended(&call).await;
    call
}

/// What the collector was asked, once there is as much.
async fn asked(collector: &StandIn, requests: usize) -> Vec<Asked> {
    let given_up = Instant::now() + PATIENCE;
    loop {
        let asked = collector.asked();
        if asked.len() >= requests {
            return asked;
        }
        assert!(Instant::now() < given_up, "{asked:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn traced(engine: &Engine, result: &str, calls: u32) {
    let line = format!("ghanti_traced_calls_total{{result=\"{result}\"}} {calls}");
    let given_up = Instant::now() + PATIENCE;
    loop {
        let request = engine.http().get(engine.url("/metrics"));
        let metrics = request.send().await.unwrap().text().await.unwrap();
        if metrics.contains(&line) {
            return;
        }
        assert!(Instant::now() < given_up, "{line}: {metrics}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_a_trace_that_the_services_of_its_actions_can_join() {
    let crm = server();
    // the first request meets a collector that is overloaded
    let refused = AtomicU32::new(0);
    let collector = StandIn::http(move |_: &Asked| {
        if refused.fetch_add(1, Ordering::Relaxed) == 0 {
            Reply::Answer(503, String::new())
        } else {
            Reply::ok("{}")
        }
    });
    let flows = flows(GRANTS);
    let engine = Setup::new([config(&crm), section(&collector)].concat())
        .flows(flows.path())
        .variable("CRM_KEY", "key-of-the-crm")
        .variable("OTLP_KEY", KEY)
        .start();
    let call = called(&engine, "traced1").await;

    let asked = asked(&collector, 2).await;
    assert_eq!(asked[1].line, "POST /v1/traces HTTP/1.1");
    assert_eq!(asked[1].header("api-key"), Some(KEY));
    assert_eq!(asked[0].body, asked[1].body, "the same once more");
    let body: Value = serde_json::from_str(&asked[1].body).unwrap();
    let resource = &body["resourceSpans"][0];
    assert_eq!(
        resource["resource"]["attributes"][0],
        json!({ "key": "service.name", "value": { "stringValue": "bot" } })
    );
    let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
    let trace = call.replace('-', "");
    assert!(
        spans.iter().all(|span| span["traceId"] == *trace),
        "{spans:?}"
    );
    let root = &spans[0];
    assert_eq!(root["name"], "call");
    assert_eq!(
        root["links"],
        json!([{ "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331" }])
    );
    let attributes: BTreeMap<_, _> = root["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair["key"].as_str().unwrap(), &pair["value"]["stringValue"]))
        .collect();
    assert_eq!(attributes["ghanti.call_id"], &json!(call));
    assert_eq!(attributes["ghanti.call_sid"], &json!("traced1"));
    assert_eq!(attributes["ghanti.flow"], &json!("invokes"));
    assert_eq!(attributes["ghanti.outcome"], &json!("told"));
    let named = |name: &str| {
        let found = spans.iter().find(|span| span["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {spans:#?}"))
    };
    assert_eq!(named("stream")["parentSpanId"], root["spanId"]);
    let invoked = &named("invoke due-amount")["spanId"];
    let header = crm
        .asked()
        .iter()
        .find_map(|asked| asked.header("traceparent").map(str::to_owned));
    assert_eq!(
        header,
        Some(format!("00-{trace}-{}-01", invoked.as_str().unwrap())),
        "the CRM's spans are parts of the action's"
    );
    assert_eq!(named("invoke not-granted")["status"]["message"], "refused");
    for personal in ["9876574001", "00478213", "key-of-the-crm", KEY] {
        assert!(!asked[1].body.contains(personal), "{}", asked[1].body);
    }
    traced(&engine, "sent", 1).await;
    assert!(!engine.logs().contains(KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_that_the_collector_refuses_are_counted_and_reported_once_and_cost_no_call() {
    let crm = server();
    let collector = StandIn::http(|_: &Asked| Reply::Answer(401, "who are you?".to_owned()));
    let flows = flows(GRANTS);
    let engine = Setup::new([config(&crm), section(&collector)].concat())
        .flows(flows.path())
        .variable("CRM_KEY", "key-of-the-crm")
        .variable("OTLP_KEY", KEY)
        .start();
    for sid in ["refused1", "refused2"] {
        called(&engine, sid).await;
    }
    traced(&engine, "dropped", 2).await;
    let logs = engine.logs();
    // the module's name is in the file alone, which is read besides the console
    let lost = "ghanti_trace::exporter: traces of calls are lost: the collector answered 401; check `url` and `headers` of [traces]";
    assert_eq!(logs.matches(lost).count(), 1, "{logs}");
    assert!(!logs.contains(KEY), "{logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_ends_as_the_engine_stops_is_traced_too() {
    let crm = server();
    let collector = StandIn::http(|_: &Asked| Reply::ok("{}"));
    let flows = flows(GRANTS);
    let patient = section(&collector).replace("after-s = 1", "after-s = 600");
    let mut engine = Setup::new([config(&crm), patient].concat())
        .flows(flows.path())
        .variable("CRM_KEY", "key-of-the-crm")
        .variable("OTLP_KEY", KEY)
        .start();
    let call = called(&engine, "last1").await;
    assert!(collector.asked().is_empty(), "it is not due yet");
    engine.ask_to_stop();
    assert_eq!(engine.stopped(PATIENCE).code(), Some(0));
    let asked = asked(&collector, 1).await;
    assert!(asked[0].body.contains(&call), "{}", asked[0].body);
}
