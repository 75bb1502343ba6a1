//! The API as its description says it is: every route is described, every answer is what the
//! description says, lists are pages, and the examples of the documentation run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::http::transferred;
use crate::support::{API_TOKEN, Engine, Follower, PATIENCE, Setup, root};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n[calls]\nagents = ['+918000000001']\n";
/// Behind a path, as behind a proxy, and with a token.
const PREFIX: &str = "/bot";

fn guarded() -> Setup {
    let server =
        format!("[server]\ninsecure = true\napi-token = '{API_TOKEN}'\npath = '{PREFIX}'\n");
    Setup::new([BY_KEYS, &server].concat())
}

async fn get(engine: &Engine, path: &str) -> Response {
    let request = engine.http().get(engine.url(path)).bearer_auth(API_TOKEN);
    request.send().await.unwrap()
}

async fn json_of(engine: &Engine, path: &str) -> Value {
    let response = get(engine, path).await;
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

/// An engine behind a path answers, and nothing in it has panicked.
async fn is_well(engine: &Engine) {
    let health = get(engine, &format!("{PREFIX}/healthz")).await;
    assert_eq!(health.text().await.unwrap(), "OK");
    assert!(!engine.logs().contains("panicked at"), "{}", engine.logs());
}

/// The routes of the API in `app.rs`, each with a method.
fn routes() -> BTreeSet<(String, String)> {
    let source = fs::read_to_string(root().join("engine/server/src/app.rs")).unwrap();
    let mut routes = BTreeSet::new();
    for route in source.split(".route(").skip(1) {
        let path = route.split('"').nth(1).unwrap();
        if !path.starts_with("/api/") {
            continue;
        }
        let (handlers, _) = route.split_once("\n        .").unwrap_or((route, ""));
        for method in ["get", "post", "put", "patch", "delete"] {
            if handlers.contains(&format!("{method}(")) {
                routes.insert((path.to_owned(), method.to_owned()));
            }
        }
    }
    assert!(routes.len() > 20, "{routes:#?}");
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_described_and_nothing_else_is() {
    let engine = guarded().start();
    let described = json_of(&engine, &format!("{PREFIX}/api/openapi.json")).await;
    assert_eq!(described["servers"], json!([{ "url": PREFIX }]));
    assert_eq!(described["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut operations = BTreeSet::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.insert((path.clone(), method.clone()));
            let has_words = |key: &str| operation[key].as_str().is_some_and(|text| text.len() > 10);
            assert!(
                has_words("summary") || has_words("description"),
                "{operation:#}"
            );
        }
    }
    assert_eq!(operations, routes());

    for path in ["openapi.json", "docs"] {
        let url = engine.url(&format!("{PREFIX}/api/{path}"));
        let refused = engine.http().get(&url).send().await.unwrap();
        assert_eq!(refused.status(), 401, "{path}");
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert!(
            challenge.starts_with("Basic "),
            "a browser asks: {challenge}"
        );
        let browser = engine.http().get(&url).basic_auth("any", Some(API_TOKEN));
        assert_eq!(browser.send().await.unwrap().status(), 200, "{path}");
    }
    let page = get(&engine, &format!("{PREFIX}/api/docs")).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
    is_well(&engine).await;
}

/// Checks answers against the description, and keeps which were.
struct Checked {
    described: Value,
    seen: BTreeSet<String>,
}

impl Checked {
    async fn new(engine: &Engine) -> Self {
        let mut described = json_of(engine, &format!("{PREFIX}/api/openapi.json")).await;
        close(&mut described["components"]["schemas"]);
        Self {
            described,
            seen: BTreeSet::new(),
        }
    }

    /// The template of a path, such as `/api/calls/{id}`.
    fn template(&self, method: &str, path: &str) -> String {
        let parts: Vec<_> = path.split('?').next().unwrap().split('/').collect();
        let fits = |template: &str| {
            let wanted: Vec<_> = template.split('/').collect();
            wanted.len() == parts.len()
                && wanted
                    .iter()
                    .zip(&parts)
                    .all(|(wanted, part)| wanted == part || wanted.starts_with('{'))
        };
        let paths = self.described["paths"].as_object().unwrap();
        let mut found: Vec<_> = paths
            .iter()
            .filter(|(template, methods)| fits(template) && methods.get(method).is_some())
            .map(|(template, _)| template.clone())
            .collect();
        // `/api/customers/schema` fits `/api/customers/{list}` too
        found.sort_by_key(|template| template.matches('{').count());
        found
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("{method} {path} is not described"))
    }

    fn matches(&self, schema: &Value, answer: &Value, what: &str) {
        let mut root = schema.clone();
        root["components"] = self.described["components"].clone();
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&root)
            .unwrap();
        let errors: Vec<_> = validator
            .iter_errors(answer)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{what}: {errors:#?}\n{answer:#}");
    }

    /// Asks, and checks the answer.
    async fn ask(
        &mut self,
        engine: &Engine,
        (method, path): (&str, &str),
        body: Option<&Value>,
        status: u16,
    ) -> Value {
        let url = engine.url(&format!("{PREFIX}{path}"));
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let mut request = engine.http().request(verb, url).bearer_auth(API_TOKEN);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let what = format!("{method} {path}");
        let (reported, media) = (
            response.status().as_u16(),
            response.headers().get("content-type").cloned(),
        );
        let text = response.text().await.unwrap();
        assert_eq!(reported, status, "{what}: {text}");
        let template = self.template(method, path);
        let described = &self.described["paths"][&template][method]["responses"];
        let described = &described[status.to_string()];
        assert!(described.is_object(), "{what}: {status} is not described");
        self.seen.insert(format!("{method} {template} {status}"));
        let Some(content) = described["content"].as_object() else {
            assert_eq!(text, "", "{what}");
            return Value::Null;
        };
        let media = media.unwrap();
        let media = media.to_str().unwrap();
        let schema = &content[media.split(';').next().unwrap()]["schema"];
        let answer: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        self.matches(schema, &answer, &what);
        if status >= 400 {
            let kind = answer["type"]
                .as_str()
                .unwrap()
                .trim_start_matches("/problems/");
            let kinds = described["description"].as_str().unwrap();
            assert!(
                kinds.contains(&format!("`{kind}`")),
                "{what}: `{kind}` of {kinds}"
            );
            assert_eq!(answer["status"], status);
        }
        answer
    }
}

/// Refuses keys that are not described, except in schemas that others are composed of.
fn close(schemas: &mut Value) {
    let composed: BTreeSet<String> = schemas
        .as_object()
        .unwrap()
        .values()
        .filter_map(|schema| schema["allOf"].as_array())
        .flatten()
        .filter_map(|part| part["$ref"].as_str())
        .map(|reference| reference.rsplit('/').next().unwrap().to_owned())
        .collect();
    for (name, schema) in schemas.as_object_mut().unwrap() {
        let is_whole = schema.get("properties").is_some() || schema.get("allOf").is_some();
        if is_whole && !composed.contains(name) {
            schema["unevaluatedProperties"] = json!(false);
        }
    }
}

fn order(phone: &str) -> Value {
    json!({ "phone": phone, "flow": "emi-reminder", "dial": false, "fields": {
        "name": "Priya Sharma", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05"
    } })
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_errors_are_as_they_are_described() {
    let engine = guarded().start();
    let mut api = Checked::new(&engine).await;
    let created = api
        .ask(
            &engine,
            ("post", "/api/calls"),
            Some(&order("+919876581001")),
            201,
        )
        .await;
    let call = created["call_id"].as_str().unwrap().to_owned();
    let customers = json!({ "list": "december", "flow": "emi-reminder", "import": "one", "customers": [
        { "line": 2, "phone": "+919876581002", "fields": order("")["fields"] },
        { "line": 3, "phone": "98", "fields": {} }
    ] });
    let other =
        json!({ "list": "december", "flow": "appointment", "import": "one", "customers": [] });
    let campaign = json!({ "name": "december", "list": "december" });
    let early =
        json!({ "name": "early", "list": "december", "plan": { "limits": { "per-day": 0 } } });
    let of_none = json!({ "name": "early", "list": "none" });
    let many: Vec<_> = (0..501).map(|line| json!({ "line": line })).collect();
    let many =
        json!({ "list": "many", "flow": "emi-reminder", "import": "one", "customers": many });
    let fields: serde_json::Map<_, _> = (0..65).map(|at| (format!("f{at}"), json!("v"))).collect();
    let many_fields = json!({ "phone": "+919876581001", "fields": fields });
    let unknown = "00000000-0000-7000-8000-000000000000";
    let shown = format!("/api/calls/{call}");
    let not_there = format!("/api/calls/{unknown}");
    let none = None;
    for (asked, body, status) in [
        (("get", "/api/calls"), none, 200),
        (
            ("get", "/api/calls?phone=9876581001&state=pending&limit=1"),
            none,
            200,
        ),
        (("get", "/api/calls?colour=red"), none, 400),
        (("get", "/api/now"), none, 200),
        (("get", "/api/now?limit=0"), none, 400),
        (("get", "/api/campaigns/december/progress"), none, 404),
        (("get", &shown), none, 200),
        (("get", &not_there), none, 404),
        (("get", "/api/calls/no%20id"), none, 400),
        (("get", "/api/calls/%FF"), none, 400),
        (("delete", &shown), none, 409),
        (("delete", &not_there), none, 404),
        (("delete", "/api/calls/no%20id"), none, 400),
        (
            ("post", "/api/calls"),
            Some(&json!({ "phone": 1, "fields": {} })),
            400,
        ),
        (("post", "/api/calls"), Some(&json!([])), 400),
        (("post", "/api/calls"), Some(&many_fields), 400),
        (
            ("post", "/api/calls"),
            Some(
                &json!({ "phone": "9876581001", "dial": true, "fields": order("")["fields"], "flow": "emi-reminder" }),
            ),
            409,
        ),
        (("get", &format!("{shown}/chain")), none, 200),
        (("get", &format!("{shown}/chain?limit=501")), none, 400),
        (("get", &format!("{not_there}/chain")), none, 404),
        (("get", &format!("{shown}/recording")), none, 404),
        (("get", &format!("{shown}/recording?number=9")), none, 400),
        (("get", &format!("{not_there}/recording")), none, 404),
        (("get", "/api/chains"), none, 200),
        (("get", "/api/chains?after=x"), none, 400),
        (("get", "/api/recordings/checks"), none, 200),
        (("get", "/api/recordings/checks?after=x"), none, 400),
        (
            ("post", "/api/customers/erase"),
            Some(&json!({ "phone": "9876581009" })),
            200,
        ),
        (
            ("post", "/api/customers/erase"),
            Some(&json!({ "phone": "nobody" })),
            400,
        ),
        (("post", "/api/customers/erase"), Some(&json!({})), 400),
        (("get", &format!("{not_there}/events")), none, 404),
        (("get", "/api/calls/no%20id/events"), none, 400),
        (("get", "/api/do-not-call/+919876581001"), none, 404),
        (("get", "/api/do-not-call/nobody"), none, 400),
        (("delete", "/api/do-not-call/+919876581001"), none, 404),
        (("delete", "/api/do-not-call/nobody"), none, 400),
        (("get", "/api/customers"), none, 200),
        (("post", "/api/customers"), Some(&customers), 200),
        (("get", "/api/customers"), none, 200),
        (("post", "/api/customers"), Some(&other), 409),
        (("post", "/api/customers"), Some(&many), 400),
        (("post", "/api/customers"), Some(&json!({})), 400),
        (
            ("post", "/api/customers"),
            Some(&json!({ "list": "a", "flow": "none", "import": "1", "customers": [] })),
            404,
        ),
        (
            ("get", "/api/customers/schema?flow=emi-reminder"),
            none,
            200,
        ),
        (("get", "/api/customers/schema"), none, 400),
        (("get", "/api/customers/schema?flow=none"), none, 404),
        (("post", "/api/campaigns"), Some(&campaign), 201),
        (("post", "/api/campaigns"), Some(&campaign), 409),
        (("post", "/api/campaigns"), Some(&early), 400),
        (
            ("post", "/api/campaigns"),
            Some(&json!({ "name": "N N", "list": "a" })),
            400,
        ),
        (("post", "/api/campaigns"), Some(&of_none), 404),
        (("get", "/api/campaigns"), none, 200),
        (("get", "/api/campaigns/december"), none, 200),
        (("get", "/api/campaigns/december/progress"), none, 200),
        (("get", "/api/campaigns/none"), none, 404),
        (("post", "/api/campaigns/december/start"), none, 409),
        (("post", "/api/campaigns/december/pause"), none, 409),
        (("post", "/api/campaigns/december/fly"), none, 404),
        (("get", "/api/campaigns/december/customers"), none, 200),
        (
            ("get", "/api/campaigns/december/customers?cursor=x"),
            none,
            400,
        ),
        (("get", "/api/campaigns/none/customers"), none, 404),
        (("delete", "/api/customers/december"), none, 409),
        (("post", "/api/campaigns/december/cancel"), none, 200),
        (("delete", "/api/customers/december"), none, 200),
        (("delete", "/api/customers/december"), none, 404),
        (("get", "/api/webhooks/dead"), none, 200),
        (("get", "/api/webhooks/dead?limit=0"), none, 400),
        (("post", "/api/webhooks/dead/none"), none, 404),
        (("get", "/api/flows"), none, 200),
        (("post", "/api/flows/reload"), none, 200),
        // nothing that is no archive comes near the folder
        (("put", "/api/flows/emi-reminder"), none, 400),
        (("put", "/api/flows/n%20n"), none, 400),
        (("post", "/api/flows/emi-reminder/rollback"), none, 409),
        (("post", "/api/flows/emi-reminder/promote"), none, 409),
        (
            ("put", "/api/flows/emi-reminder/weight"),
            Some(&json!({ "weight": 25 })),
            409,
        ),
        (
            ("put", "/api/flows/emi-reminder/weight"),
            Some(&json!({ "weight": "some" })),
            400,
        ),
        (
            ("put", "/api/flows/none/weight"),
            Some(&json!({ "weight": 25 })),
            404,
        ),
        (("post", "/api/flows/none/rollback"), none, 404),
        (("post", "/api/flows/n%20n/promote"), none, 400),
        (
            ("post", &format!("/api/calls/{unknown}/hang-up")),
            none,
            404,
        ),
        (("post", &format!("/api/calls/{call}/hang-up")), none, 409),
        (
            ("post", &format!("/api/calls/{unknown}/version")),
            Some(&json!({ "version": "0123456789abcdef" })),
            404,
        ),
        (
            ("post", &format!("/api/calls/{call}/version")),
            Some(&json!({ "version": "0123456789abcdef" })),
            409,
        ),
        (("post", &format!("/api/calls/{call}/version")), none, 400),
        // it has no journal yet
        (("get", &format!("/api/calls/{call}/replay")), none, 409),
        (("get", &format!("/api/calls/{unknown}/replay")), none, 404),
        (
            ("get", &format!("/api/calls/{call}/replay?of=1")),
            none,
            400,
        ),
        (
            ("post", &format!("/api/calls/{call}/otherwise")),
            Some(&json!({ "at": 1, "answers": ["silent"] })),
            409,
        ),
        (
            ("post", &format!("/api/calls/{call}/otherwise")),
            Some(&json!({ "at": 1, "answers": ["none"] })),
            400,
        ),
        (
            ("post", &format!("/api/calls/{unknown}/otherwise")),
            Some(&json!({ "at": 1 })),
            404,
        ),
        (("get", "/api/audit"), none, 200),
        (("get", "/api/audit?limit=1"), none, 200),
        (("get", "/api/audit?cursor=none"), none, 400),
        (("get", "/api/doctor"), none, 200),
        (("get", &format!("/api/doctor?call={call}")), none, 200),
        (("get", &format!("/api/doctor?call={unknown}")), none, 404),
        (("get", "/api/doctor?speech=loud"), none, 400),
        (("get", "/api/openapi.json"), none, 200),
        (("get", "/api/docs"), none, 200),
    ] {
        api.ask(&engine, asked, body, status).await;
    }
    let path = format!("{PREFIX}/api/calls/{call}/events");
    let reported = Follower::open(&engine, &path, None)
        .await
        .until_event()
        .await;
    let schema = json!({ "$ref": "#/components/schemas/CallEvent" });
    api.matches(&schema, &reported, "an event");
    assert!(reported["at"].is_string(), "{reported:#}");
    // each operation was asked at least once
    let asked: BTreeSet<_> = api
        .seen
        .iter()
        .map(|seen| seen.rsplit_once(' ').unwrap().0)
        .collect();
    let streams = ["get /api/calls/{id}/events", "get /api/events"];
    let all: BTreeMap<String, ()> = routes()
        .into_iter()
        .map(|(path, method)| (format!("{method} {path}"), ()))
        .collect();
    let missing: Vec<_> = all
        .keys()
        .filter(|operation| !asked.contains(operation.as_str()))
        .filter(|operation| !streams.contains(&operation.as_str()))
        .collect();
    assert_eq!(missing, Vec::<&String>::new());

    let refused = engine
        .http()
        .get(engine.url(&format!("{PREFIX}/api/nothing")));
    let refused = refused.send().await.unwrap();
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    api.matches(&schema, &refused.json().await.unwrap(), "an unknown path");
    is_well(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_held_is_as_it_is_described_and_is_not_sent_twice() {
    let engine = Setup::new(BY_KEYS).start();
    let call = transferred(&engine, "api-1", "09876581010").await;
    let described = json_of(&engine, "/api/openapi.json").await;
    let mut described = described;
    close(&mut described["components"]["schemas"]);
    let api = Checked {
        described,
        seen: BTreeSet::new(),
    };
    let response = get(&engine, "/api/calls/api-1").await;
    let own = format!("/api/calls/{call}");
    assert_eq!(response.headers()["content-location"], own.as_str());
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    let record: Value = response.json().await.unwrap();
    let schema = json!({ "$ref": "#/components/schemas/Call" });
    api.matches(&schema, &record, "a call that was held");
    for part in ["transcript", "steps"] {
        assert!(!record[part].as_array().unwrap().is_empty(), "{part}");
    }
    assert!(record["journal"]["header"]["began_at"].is_string());
    let again = |tag: String| {
        let request = engine.http().get(engine.url(&own));
        request.header("if-none-match", tag).send()
    };
    let known = again(tag.clone()).await.unwrap();
    assert!(known.headers().get("content-location").is_none());
    assert_eq!(
        (
            known.status().as_u16(),
            known.text().await.unwrap().as_str()
        ),
        (304, "")
    );
    // what comes later is reported
    let status = engine.http().post(engine.url("/status"));
    let status = status.header("content-type", "application/x-www-form-urlencoded");
    let status = status.body("CallSid=api-1&Status=completed&ConversationDuration=61");
    assert_eq!(status.send().await.unwrap().status(), 200);
    engine
        .record_when(&call, PATIENCE, |record| {
            record["exotel"]["Status"] == "completed"
        })
        .await;
    assert_eq!(again(tag).await.unwrap().status(), 200);
    let outcome = engine.record(&call).await.unwrap()["outcome"].clone();
    let path = format!(
        "/api/calls?outcome={}&flow=emi-reminder&call-sid=api-1",
        outcome.as_str().unwrap()
    );
    let list = json_of(&engine, &path).await;
    let responses = &api.described["paths"]["/api/calls"]["get"]["responses"];
    let schema = &responses["200"]["content"]["application/json"]["schema"];
    api.matches(schema, &list, "the list");
    assert_eq!(list["items"][0]["call_id"], call.as_str());
    let said = list.to_string();
    for said_or_personal in ["transcript", "journal", "Priya", "LN-00478213"] {
        assert!(!said.contains(said_or_personal), "{said_or_personal}");
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_list_of_calls_cannot_be_asked_is_refused_by_name() {
    let engine = Setup::new(BY_KEYS).start();
    for at in 0..7 {
        engine.order(&order(&format!("+91987658200{at}"))).await;
    }
    for (query, name, words) in [
        ("colour=red", "colour", "`limit`, `cursor`, `phone`"),
        ("limit=201", "limit", "1 to 200"),
        ("limit=1&limit=2", "limit", "once"),
        ("cursor=x", "cursor", "`next`"),
        ("phone=asha", "phone", "digits"),
        ("state=over", "state", "`pending`, `live` or `ended`"),
        ("outcome=hung-upp", "outcome", "`hung-up`"),
        ("since=yesterday", "since", "2026-11-27"),
        ("until=2026-11-27T09:00:00", "until", "zone"),
        ("call-sid=%7BCallSid%7D", "call-sid", "letters"),
    ] {
        let response = get(&engine, &format!("/api/calls?{query}")).await;
        let status = response.status();
        let reported: Value = response.json().await.unwrap();
        assert_eq!(
            (
                status.as_u16(),
                &reported["type"],
                &reported["fields"][0]["field"]
            ),
            (400, &json!("/problems/unusable-parameter"), &json!(name)),
            "{query}: {reported}"
        );
        assert!(
            reported["hint"].as_str().unwrap().contains(words),
            "{query}: {reported}"
        );
        assert!(!reported.to_string().contains("asha"), "{reported}");
    }
    assert_eq!(
        json_of(&engine, "/api/calls?outcome=busy").await["items"],
        json!([])
    );
    // an order is in the list at once, and each one once however small the pages are
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = json_of(&engine, &format!("/api/calls?limit=2{cursor}")).await;
        found.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let numbers: Vec<_> = found
        .iter()
        .map(|call| call["customer_number"].as_str().unwrap().to_owned())
        .collect();
    let expected: Vec<_> = (0..7).rev().map(|at| format!("+91987658200{at}")).collect();
    assert_eq!(numbers, expected, "newest first");
    let times: Vec<_> = found
        .iter()
        .map(|call| call["created_at"].as_str().unwrap())
        .collect();
    let path = format!("/api/calls?since={}&until={}", times[4], times[1]);
    let within = json_of(&engine, &path).await["items"]
        .as_array()
        .unwrap()
        .len();
    let expected = times
        .iter()
        .filter(|time| (times[4]..times[1]).contains(*time));
    assert_eq!(within, expected.count(), "{times:?}");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_says_where_it_is() {
    let engine = guarded().start();
    let post = |path: &str, body: Value| {
        let request = engine.http().post(engine.url(&format!("{PREFIX}{path}")));
        request.bearer_auth(API_TOKEN).json(&body).send()
    };
    let customers = json!({ "list": "l", "flow": "emi-reminder", "import": "1", "customers": [] });
    assert_eq!(
        post("/api/customers", customers).await.unwrap().status(),
        200
    );
    for (path, body) in [
        ("/api/calls", order("+919876583001")),
        ("/api/campaigns", json!({ "name": "c", "list": "l" })),
    ] {
        let made = post(path, body).await.unwrap();
        assert_eq!(made.status(), 201, "{path}");
        let place = made.headers()["location"].to_str().unwrap().to_owned();
        assert!(place.starts_with(&format!("{PREFIX}{path}/")), "{place}");
        assert_eq!(get(&engine, &place).await.status(), 200, "{place}");
    }
    is_well(&engine).await;
}

/// Whether an answer has all that an example shows, each of its kind.
fn covers(example: &Value, answer: &Value, at: &str) {
    match (example, answer) {
        (Value::Object(shown), Value::Object(members)) => {
            for (key, value) in shown {
                let member = members.get(key);
                let member = member.unwrap_or_else(|| panic!("{at}.{key} is missing: {answer:#}"));
                covers(value, member, &format!("{at}.{key}"));
            }
        }
        (Value::Array(shown), Value::Array(items)) => {
            assert_eq!(shown.is_empty(), items.is_empty(), "{at}: {answer:#}");
            if let (Some(shown), Some(item)) = (shown.first(), items.first()) {
                covers(shown, item, at);
            }
        }
        (Value::String(shown), Value::String(text)) => {
            // ids and times are others each time
            let is_word = shown.bytes().all(|byte| !byte.is_ascii_digit());
            assert!(!is_word || shown == text, "{at}: `{text}` is not `{shown}`");
        }
        (shown, value) => assert_eq!(
            std::mem::discriminant(shown),
            std::mem::discriminant(value),
            "{at}: {answer:#}"
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_documentation_run() {
    let engine = guarded().start();
    let docs = fs::read_to_string(root().join("docs/api.md")).unwrap();
    let mut script = format!(
        "set -eu\nGHANTI='{}'\nTOKEN='{API_TOKEN}'\n",
        engine.url(PREFIX)
    );
    let mut blocks = docs.split("```").skip(1).step_by(2).peekable();
    // the first one has the variables
    let first = blocks.next().unwrap();
    assert!(first.contains("GHANTI=") && first.contains("TOKEN="));
    let mut run = 0;
    while let Some(block) = blocks.next() {
        let Some(code) = block.strip_prefix("sh\n") else {
            continue;
        };
        let command = format!("{script}{code}");
        let house = engine.house();
        let output = tokio::task::spawn_blocking(move || {
            let mut shell = Command::new("sh");
            shell
                .arg("-c")
                .arg(command)
                .current_dir(house)
                .output()
                .unwrap()
        })
        .await
        .unwrap();
        assert!(output.status.success(), "{code}: {output:?}");
        let example = blocks.peek().and_then(|next| next.strip_prefix("json\n"));
        let example = example.unwrap_or_else(|| panic!("no answer is shown: {code}"));
        let example: Value = serde_json::from_str(example).unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{code}: {error}: {output:?}"));
        covers(&example, &answer, "");
        // what later ones use
        for line in code.lines().filter(|line| line.starts_with("CALL=")) {
            script.push_str(line);
            script.push('\n');
        }
        run += 1;
    }
    assert!(run >= 6, "{run} examples were found");
    is_well(&engine).await;
}
