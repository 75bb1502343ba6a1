//! Tokens with names and roles: what each may do over the API and in the console, what viewers are
//! shown, and the audit log.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::console::{Browser, live};
use crate::nodes::reminder;
use crate::support::{Engine, PATIENCE, Setup};

const PHONE: &str = "+919876593771";
const NAME: &str = "Priya";
const ADMIN: &str = "api-0123456789-x";
const OPERATOR: &str = "operator-0123456789";
const VIEWER: &str = "viewer-0123456789";
const EXPIRED: &str = "expired-0123456789";

fn config() -> String {
    format!(
        "[speech]\nrecognizer = 'none'\n[recording]\nenabled = true\n[server]\nstream-token = 'stream-0123456789'\n\
         applet-token = 'applet-0123456789'\napi-token = '{ADMIN}'\n\
         [tokens.night-shift]\nrole = 'operator'\ntoken = '{OPERATOR}'\nprevious-token = 'operator-before-012'\n\
         [tokens.auditor]\nrole = 'viewer'\ntoken = '{VIEWER}'\nexpires = '2999-01-01'\n\
         [tokens.left]\nrole = 'admin'\ntoken = '{EXPIRED}'\nexpires = '2026-01-01'\n"
    )
}

async fn ask(engine: &Engine, token: &str, method: Method, path: &str) -> Response {
    let request = engine.http().request(method, engine.url(path));
    let request = request.bearer_auth(token).json(&json!({}));
    request.send().await.unwrap()
}

async fn json_of(engine: &Engine, token: &str, path: &str) -> Value {
    let answer = ask(engine, token, Method::GET, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

/// The audit log, oldest first, once it has an entry that fits.
async fn audited(engine: &Engine, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    let given_up = std::time::Instant::now() + PATIENCE;
    loop {
        let log = json_of(engine, ADMIN, "/api/audit?limit=200").await;
        let mut entries = log["items"].as_array().unwrap().clone();
        entries.reverse();
        if entries.iter().any(&fits) {
            return entries;
        }
        assert!(std::time::Instant::now() < given_up, "{entries:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_does_what_it_may_and_no_more_and_each_change_has_a_name() {
    let flows = reminder();
    let engine = Setup::new(config()).flows(flows.path()).start();
    let rollback = "/api/flows/emi-reminder/rollback";
    for (token, method, path, status) in [
        (VIEWER, Method::GET, "/api/calls", 200),
        (VIEWER, Method::GET, "/api/flows", 200),
        (VIEWER, Method::GET, "/metrics", 200),
        (VIEWER, Method::GET, "/api/openapi.json", 200),
        (VIEWER, Method::GET, "/api/calls?phone=9876593771", 403),
        (VIEWER, Method::GET, "/api/audit", 403),
        (VIEWER, Method::GET, "/setup", 403),
        (VIEWER, Method::GET, "/websocket-url", 403),
        (VIEWER, Method::GET, "/api/doctor", 403),
        (VIEWER, Method::POST, "/api/calls", 403),
        (VIEWER, Method::POST, rollback, 403),
        (OPERATOR, Method::GET, "/api/calls?phone=9876593771", 200),
        (OPERATOR, Method::GET, "/websocket-url", 200),
        (OPERATOR, Method::GET, "/api/audit", 403),
        (OPERATOR, Method::POST, rollback, 403),
        (OPERATOR, Method::PUT, "/api/flows/emi-reminder", 403),
        (OPERATOR, Method::POST, "/api/customers/erase", 403),
        // no such request: there is nothing in the body, or no version to go back to
        (OPERATOR, Method::POST, "/api/calls", 400),
        ("operator-before-012", Method::POST, "/api/calls", 400),
        (ADMIN, Method::POST, rollback, 409),
        (ADMIN, Method::GET, "/api/audit", 200),
        (EXPIRED, Method::GET, "/api/calls", 401),
        ("guessed-0123456789", Method::GET, "/api/calls", 401),
    ] {
        let answer = ask(&engine, token, method.clone(), path).await;
        assert_eq!(answer.status(), status, "{token} {method} {path}");
        if status == 403 {
            let problem = answer.text().await.unwrap();
            let role = if token == VIEWER {
                "viewer"
            } else {
                "operator"
            };
            assert!(
                problem.contains("forbidden") && problem.contains(role),
                "{problem}"
            );
        }
    }
    let lifted = "/api/do-not-call/+919876593771";
    ask(&engine, OPERATOR, Method::DELETE, lifted).await;
    let log = audited(&engine, |entry| entry["path"] == "/api/do-not-call/NUMBER").await;
    let seen: Vec<_> = log
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            (
                text("token"),
                text("role"),
                text("action"),
                entry["status"].as_u64().unwrap(),
            )
        })
        .collect();
    let did = |token: &str, role: &str, action: &str, status| {
        (token.to_owned(), role.to_owned(), action.to_owned(), status)
    };
    for entry in [
        did("auditor", "viewer", "POST", 403),
        did("night-shift", "operator", "PUT", 403),
        did("night-shift", "operator", "POST", 400),
        did("api-token", "admin", "POST", 409),
    ] {
        assert!(seen.contains(&entry), "{entry:?}: {seen:?}");
    }
    // reading leaves nothing, nobody's token is nobody, and no number is kept
    assert!(!seen.iter().any(|(_, _, action, _)| action == "GET"));
    let all = format!("{log:?}{}", engine.logs());
    assert!(!all.contains("9876593771"), "{all}");
    assert!(!engine.logs().contains("-0123456789"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_ends_a_live_call_and_its_record_says_so() {
    let flows = reminder();
    let engine = Setup::new("[speech]\nrecognizer = 'none'\n")
        .flows(flows.path())
        .start();
    let hang_up = async |call: &str| {
        let path = format!("/api/calls/{call}/hang-up");
        ask(&engine, "", Method::POST, &path)
            .await
            .status()
            .as_u16()
    };
    let (by_api, mut stream) = live(&engine, "c-roles-2", PHONE).await;
    assert_eq!(hang_up(&by_api).await, 202);
    // the bot closes the socket
    while stream.hear().await.is_some() {}
    let record = engine.ended(&by_api).await;
    assert_eq!(record["outcome"], "ended-by-operator");
    assert_eq!(record["decision"]["kind"], "hang-up");
    assert_eq!(hang_up(&by_api).await, 409);
    assert_eq!(hang_up("c-no-such-call").await, 404);

    let mut browser = Browser::new(&engine, "");
    let (by_page, mut stream) = live(&engine, "c-roles-3", PHONE).await;
    let page = browser.get(&format!("calls/{by_page}")).await;
    assert!(page.has(&format!("action=\"/console/calls/{by_page}/hang-up\"")));
    let below = format!("calls/{by_page}/hang-up");
    let forged = browser.post(&below, &[("csrf", "no")]).await;
    assert_eq!(forged.status, 403);
    let csrf = page.csrf();
    let form = [("csrf", csrf.as_str())];
    let ended = browser
        .post(&format!("calls/{by_page}/hang-up"), &form)
        .await;
    assert_eq!(ended.status, 303);
    while stream.hear().await.is_some() {}
    let record = engine.ended(&by_page).await;
    assert_eq!(record["outcome"], "ended-by-operator");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_how_a_call_went_and_neither_whose_it_is_nor_what_was_said() {
    let (flows, data) = (reminder(), tempfile::tempdir().unwrap());
    let open = "[speech]\nrecognizer = 'none'\n[recording]\nenabled = true\n";
    let mut engine = Setup::new(open)
        .flows(flows.path())
        .data(data.path())
        .start();
    let (call, stream) = live(&engine, "c-roles-1", PHONE).await;
    stream.hang_up("c-roles-1").await;
    engine.ended(&call).await;
    let is_recorded = |record: &Value| record["recordings"][0]["state"] == "complete";
    let record = engine.record_when(&call, PATIENCE, is_recorded).await;
    assert!(record.to_string().contains(NAME) && record["customer_number"] == PHONE);
    engine.ask_to_stop();
    assert!(engine.stopped(PATIENCE).success());
    let engine = Setup::new(config())
        .flows(flows.path())
        .data(data.path())
        .start();

    let personal = [PHONE, "9876593771", NAME, "Asha", "LN-00478213", "12,500"];
    let nothing_personal = |text: &str, what: &str| {
        for word in personal {
            assert!(!text.contains(word), "{what}: {word}: {text}");
        }
    };
    let shown = json_of(&engine, VIEWER, &format!("/api/calls/{call}")).await;
    nothing_personal(&shown.to_string(), "a call");
    assert_eq!(shown["outcome"], "hung-up");
    assert_eq!(shown["transcript"][0]["name"], "greeting");
    assert!(shown.get("journal").is_none() && shown.get("exotel").is_none());
    let listed = json_of(&engine, VIEWER, "/api/calls").await;
    nothing_personal(&listed.to_string(), "the list");
    assert_eq!(listed["items"][0]["call_id"], call.as_str());
    let path = format!("/api/calls/{call}/events");
    let mut events = ask(&engine, VIEWER, Method::GET, &path).await;
    let mut reported = String::new();
    while !reported.contains("conversation-ended") {
        let part = tokio::time::timeout(PATIENCE, events.chunk()).await;
        reported += &String::from_utf8_lossy(&part.unwrap().unwrap().unwrap());
    }
    assert!(reported.contains("prompt-started"), "{reported}");
    nothing_personal(&reported, "events");
    for kept in ["recording", "chain"] {
        let path = format!("/api/calls/{call}/{kept}");
        assert_eq!(ask(&engine, VIEWER, Method::GET, &path).await.status(), 403);
        assert_eq!(
            ask(&engine, OPERATOR, Method::GET, &path).await.status(),
            200
        );
    }

    let mut viewer = Browser::new(&engine, "");
    viewer.log_in(VIEWER, "").await;
    let calls = format!("calls/{call}");
    for (below, status) in [
        ("", 200),
        ("calls", 200),
        ("calls?numbers=true", 200),
        (calls.as_str(), 200),
        (&format!("{calls}?numbers=true"), 200),
        ("flows", 200),
        ("calls?q=9876593771", 403),
        (&format!("{calls}/recording?number=1"), 403),
        (&format!("{calls}/waveform?number=1"), 403),
        (&format!("{calls}/record.json"), 403),
        ("setup", 403),
        ("telephone", 403),
        ("audit", 403),
    ] {
        let page = viewer.get(below).await;
        assert_eq!(page.status, status, "{below}: {}", page.html);
        let searched = below.contains("q=");
        if !searched {
            nothing_personal(&page.html, below);
        }
        assert!(
            !page.has("action=\"/console/flows") && !page.has("Show numbers"),
            "{below}: {}",
            page.html
        );
    }
    let csrf = viewer.get("calls").await.csrf();
    let form = [("csrf", csrf.as_str())];
    assert_eq!(viewer.post("flows/reload", &form).await.status, 403);

    let mut operator = Browser::new(&engine, "");
    operator.log_in(OPERATOR, "").await;
    assert!(operator.get(&calls).await.has(NAME));
    assert!(
        operator
            .get(&format!("{calls}?numbers=true"))
            .await
            .has(PHONE)
    );
    let heard = operator.get(&format!("{calls}/recording?number=1")).await;
    assert_eq!(heard.status, 200);
    assert_eq!(operator.get("setup").await.status, 200);
    let csrf = operator.get("calls").await.csrf();
    let form = [("csrf", csrf.as_str())];
    assert_eq!(operator.post("flows/reload", &form).await.status, 403);
    // entries are stored in the background, in no order
    audited(&engine, |entry| entry["action"] == "hear").await;
    let log = audited(&engine, |entry| entry["action"] == "unmask").await;
    let by = |token: &str, action: &str| {
        let fits = |entry: &&Value| entry["token"] == token && entry["action"] == action;
        log.iter().filter(fits).count()
    };
    assert_eq!(by("night-shift", "unmask"), 1, "{log:#?}");
    assert_eq!((by("auditor", "unmask"), by("auditor", "hear")), (0, 0));
    assert_eq!(
        (by("auditor", "log-in"), by("night-shift", "log-in")),
        (1, 1)
    );

    let mut admin = Browser::new(&engine, "");
    admin.log_in(ADMIN, "").await;
    let page = admin.get("audit").await;
    assert!(
        page.status == 200 && page.has("night-shift") && page.has("unmask"),
        "{}",
        page.html
    );
    nothing_personal(&page.html, "the audit log");
}
