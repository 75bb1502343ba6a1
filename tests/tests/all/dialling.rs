//! The engine dials: `POST /api/calls` and `ghanti dial` with an account in `[exotel]`, against
//! `ghanti sim exotel` with and without faults.

use std::net::TcpListener;
use std::time::Instant;

use serde_json::{Value, json};

use crate::outbound::Exotel;
use crate::support::{Engine, PATIENCE, Setup, program, root};

const CUSTOMER: &str = "+919876500008";

/// An engine with an account, and the address of the Exotel that it dials through.
pub fn engine(more: &str) -> (Engine, String) {
    let address = free_address();
    (Setup::new(account(&address, more)).start(), address)
}

/// An address that is free now. It is taken later, by what needs another's address first.
pub fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

/// A configuration with an account at the Exotel of an address.
pub fn account(address: &str, more: &str) -> String {
    let caller_id = if more.contains("caller-id") {
        ""
    } else {
        "caller-id = '08045000000'\n"
    };
    let ring = if more.contains("ring-s") {
        ""
    } else {
        "ring-s = 30\n"
    };
    format!(
        "[speech]\nrecognizer = 'none'\n[calls]\nagents = ['+918045111222']\n[exotel]\naccount-sid = 'acme1'\napi-key = 'key'\n\
         api-token = 'token'\nflow-id = 1001\napi-url = 'http://{address}'\n{caller_id}{ring}{more}"
    )
}

fn order() -> Value {
    let fields = json!({ "name": "Priya Sharma", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05" });
    json!({ "phone": CUSTOMER, "flow": "emi-reminder", "fields": fields })
}

pub fn presses_keys() -> String {
    let scenario = root().join("tests/scenarios/keys-english.toml");
    format!("[[callers]]\nscenario = '{}'\n", scenario.display())
}

async fn send(engine: &Engine, order: &Value, key: Option<&str>) -> (u16, Value) {
    let given_up = Instant::now() + PATIENCE;
    loop {
        let mut request = engine.http().post(engine.url("/api/calls")).json(order);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.send().await.unwrap();
        let (status, body) = (response.status().as_u16(), response.json().await.unwrap());
        // a store that is slow on a busy machine says so
        if status != 503 || Instant::now() > given_up {
            return (status, body);
        }
    }
}

/// Every call that the simulated Exotel has made.
pub async fn calls(engine: &Engine, address: &str) -> Vec<Value> {
    let get = engine.http().get(format!("http://{address}/sim/calls"));
    let report: Value = get.send().await.unwrap().json().await.unwrap();
    report["calls"].as_array().unwrap().clone()
}

/// The record once the agent has answered: its stream ends before that.
async fn transferred(engine: &Engine, call_id: &str) -> Value {
    let is_so = |record: &Value| record["outcome"] == "transferred";
    engine.record_when(call_id, PATIENCE, is_so).await
}

fn names(record: &Value) -> Vec<&str> {
    let problems = record["problems"].as_array().unwrap();
    problems
        .iter()
        .map(|problem| problem["name"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_dialled_once_however_often_the_request_with_its_key_is_sent() {
    let (engine, address) = engine("");
    let exotel = Exotel::start_at(&engine, &address, &presses_keys());
    let order = order();
    let together = tokio::join!(
        send(&engine, &order, Some("k1")),
        send(&engine, &order, Some("k1")),
        send(&engine, &order, Some("k1"))
    );
    let all = [together.0, together.1, together.2];
    let created: Vec<_> = all.iter().filter(|(status, _)| *status == 201).collect();
    assert_eq!(created.len(), 1, "{all:?}");
    let call_id = created[0].1["call_id"].as_str().unwrap();
    assert_eq!(created[0].1["dials"], true);
    let record = transferred(&engine, call_id).await;

    let (status, again) = send(&engine, &order, Some("k1")).await;
    assert_eq!((status, again["call_id"].as_str()), (200, Some(call_id)));
    let mut other = order.clone();
    other["fields"]["amount"] = json!("13,000");
    let (status, refused) = send(&engine, &other, Some("k1")).await;
    assert_eq!(status, 409, "{refused}");

    let made = calls(&engine, &address).await;
    assert_eq!(made.len(), 1, "{made:#?}");
    assert_eq!(record["call_sid"], made[0]["call-sid"]);
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_its_turn_can_be_withdrawn_and_one_that_was_dialled_cannot() {
    // a call every four seconds
    let (engine, address) = engine("requests-per-minute = 15\n");
    let exotel = Exotel::start_at(&engine, &address, "[[callers]]\ndoes = 'busy'\n");
    let mut ids = Vec::new();
    for _ in 0..3 {
        let (status, created) = send(&engine, &order(), None).await;
        assert_eq!(status, 201, "{created}");
        ids.push(created["call_id"].as_str().unwrap().to_owned());
    }
    let withdraw = async |id: &str| {
        let url = engine.url(&format!("/api/calls/{id}"));
        let response = engine.http().delete(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, reported) = withdraw(&ids[2]).await;
    assert_eq!(status, 204, "{reported}");
    let record = engine.ended(&ids[2]).await;
    assert_eq!(record["outcome"], "not-dialled", "{record:#}");
    for dialled in [&ids[0], &ids[1]] {
        let record = engine.ended(dialled).await;
        assert_eq!(record["outcome"], "busy", "{record:#}");
    }
    assert!(
        record["detail"].as_str().unwrap().contains("withdrawn"),
        "{record:#}"
    );
    for id in [&ids[0], &ids[2]] {
        let (status, reported) = withdraw(id).await;
        assert_eq!(status, 409, "{reported}");
    }
    let made = calls(&engine, &address).await;
    assert_eq!(made.len(), 2, "{made:#?}");
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dial_whose_reply_is_lost_is_not_repeated_and_its_call_is_known_all_the_same() {
    let (engine, address) = engine("");
    let faults = format!("{}[faults]\nseed = 1\nlost-reply = 100\n", presses_keys());
    let exotel = Exotel::start_at(&engine, &address, &faults);
    let (status, created) = send(&engine, &order(), None).await;
    assert_eq!(status, 201);
    let record = transferred(&engine, created["call_id"].as_str().unwrap()).await;
    assert!(names(&record).contains(&"dial-unknown"), "{record:#}");
    assert_eq!(calls(&engine, &address).await.len(), 1);
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_exotel_refuses_ends_as_not_dialled_and_says_what_to_do() {
    let (engine, address) = engine("caller-id = '08049999999'\n");
    let exotel = Exotel::start_at(&engine, &address, &presses_keys());
    let (_, created) = send(&engine, &order(), None).await;
    let record = engine.ended(created["call_id"].as_str().unwrap()).await;
    assert_eq!(record["outcome"], "not-dialled", "{record:#}");
    let detail = record["problems"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("caller-id"), "{detail}");
    assert_eq!(calls(&engine, &address).await, Vec::<Value>::new());
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_line_whose_status_callback_is_lost_is_looked_up() {
    let (engine, address) = engine("ring-s = 1\n");
    let callers = "[[callers]]\ndoes = 'busy'\n[faults]\nseed = 1\ncallback-lost = 100\n";
    let exotel = Exotel::start_at(&engine, &address, callers);
    let (_, created) = send(&engine, &order(), None).await;
    let record = engine.ended(created["call_id"].as_str().unwrap()).await;
    assert_eq!(record["outcome"], "busy", "{record:#}");
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dial_of_which_neither_reply_nor_callback_came_is_found_in_exotels_list() {
    let (engine, address) = engine("ring-s = 1\n");
    let callers =
        "[[callers]]\ndoes = 'busy'\n[faults]\nseed = 1\nlost-reply = 100\ncallback-lost = 100\n";
    let exotel = Exotel::start_at(&engine, &address, callers);
    let (_, created) = send(&engine, &order(), None).await;
    let record = engine.ended(created["call_id"].as_str().unwrap()).await;
    assert_eq!(record["outcome"], "busy", "{record:#}");
    let made = calls(&engine, &address).await;
    assert_eq!(made.len(), 1);
    assert_eq!(record["call_sid"], made[0]["call-sid"]);
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_account_nobody_is_dialled_and_the_request_says_so() {
    let engine = Setup::new("[speech]\nrecognizer = 'none'\n").start();
    let mut order = order();
    let (status, stored) = send(&engine, &order, None).await;
    assert_eq!((status, &stored["dials"]), (201, &json!(false)));
    order["dial"] = json!(true);
    let (status, refused) = send(&engine, &order, None).await;
    assert_eq!(status, 409);
    assert!(
        refused["hint"].as_str().unwrap().contains("[exotel]"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_dials_and_shows_the_outcome() {
    let (engine, address) = engine("");
    let exotel = Exotel::start_at(&engine, &address, &presses_keys());
    let (base, fields) = (engine.url(""), order()["fields"].clone());
    let shown = tokio::task::spawn_blocking(move || {
        let mut command = program();
        command.args(["dial", CUSTOMER, "--flow", "emi-reminder", "--url", &base]);
        for (name, value) in fields.as_object().unwrap() {
            let value = value.as_str().unwrap();
            command.args(["--field", &format!("{name}={value}")]);
        }
        command.output().unwrap()
    });
    let shown = shown.await.unwrap();
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success(), "{text}{shown:?}");
    assert!(
        text.starts_with("call ") && text.ends_with("transferred\n"),
        "{text}"
    );
    assert!(!text.contains("98765"), "{text}");
    assert_eq!(calls(&engine, &address).await.len(), 1);
    exotel.stop();
}
