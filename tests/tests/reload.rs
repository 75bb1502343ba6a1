//! Flows are replaced, broken, deleted and brought back while twenty callers talk to the built program: no call is dropped, every call is on
//! the version its record names, and each candidate that is not taken is told with its reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use samvaad_sim::Load;
use samvaad_sim::scenario::Customer;
use serde_json::{Value, json};
use support::{Engine, Setup, root};
use tempfile::TempDir;

const CALLS: usize = 20;
const SECONDS: u64 = 35;
/// Each step takes a second; under load and beside a compiler it may take more.
const BOUND: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// The shipped flow in a folder of the test's own.
struct House {
    folder: TempDir,
    engine: Engine,
    /// Each version that was active, with when its publication was begun and seen, in milliseconds since 1970.
    published: Vec<(String, u64, u64)>,
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&root().join("flows/emi-reminder"), &folder.path().join("flows/emi-reminder"));
        let engine = Setup::new("[speech]\nrecognizer = 'none'").flows(folder.path().join("flows")).start();
        let mut house = Self { folder, engine, published: Vec::new() };
        let active = house.active().await.expect("the flow is active");
        house.published.push((active, 0, now_ms()));
        house
    }

    fn flow(&self) -> PathBuf {
        self.folder.path().join("flows/emi-reminder")
    }

    async fn send(&self, method: Method, path: &str) -> (u16, Value) {
        let response = self.engine.http().request(method, self.engine.url(path)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// What `GET /api/flows` says of the flow; null when it is not there.
    async fn state(&self) -> Value {
        self.send(Method::GET, "/api/flows").await.1["flows"][0].clone()
    }

    async fn active(&self) -> Option<String> {
        let state = self.state().await;
        let active = state["versions"].as_array()?.iter().find(|version| version["state"] == "active")?;
        active["id"].as_str().map(str::to_owned)
    }

    async fn until(&self, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        let given_up = Instant::now() + BOUND;
        loop {
            let state = self.state().await;
            if so(&state) {
                return state;
            }
            assert!(Instant::now() < given_up, "never {what}: {state:#}\n{}", self.engine.logs());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Makes a change that another version comes of.
    async fn publish(&mut self, change: impl FnOnce(&Path)) {
        let before = self.active().await;
        let begun = now_ms();
        change(&self.flow());
        let given_up = Instant::now() + BOUND;
        loop {
            match self.active().await {
                active @ Some(_) if active != before => break self.published.push((active.unwrap(), begun, now_ms())),
                active => assert!(Instant::now() < given_up, "{active:?} stays\n{}", self.engine.logs()),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Puts other bytes into a file; the candidate has to be rejected so; then puts the old ones back.
    async fn spoil(&self, file: &str, bytes: &[u8], step: &str, words: &str, line: Option<u64>) {
        let (file, active) = (self.flow().join(file), self.active().await);
        let good = fs::read(&file).unwrap();
        fs::write(&file, bytes).unwrap();
        let state = self.until(words, |state| state["rejected"][0]["reason"].as_str().is_some_and(|told| told.contains(words))).await;
        let told = &state["rejected"][0];
        assert_eq!((told["step"].as_str(), told["line"].as_u64()), (Some(step), line), "{told:#}");
        assert!(told["mend"].as_str().is_some_and(|mend| !mend.is_empty()) && told["at_ms"].is_u64(), "{told:#}");
        assert_eq!(self.active().await, active);
        fs::write(&file, good).unwrap();
    }

    fn reword(flow: &Path, nth: usize) {
        let file = flow.join("prompts/en-IN.ftl");
        let text = fs::read_to_string(&file).unwrap();
        let (head, tail) = text.split_once("please-wait = ").unwrap();
        let (_, tail) = tail.split_once('\n').unwrap();
        fs::write(&file, format!("{head}please-wait = Thank you. Please wait, number {nth}.\n{tail}")).unwrap();
    }

    /// Whether a version was active at some moment, as far as it was seen from outside.
    fn was_active(&self, id: &str, at_ms: u64) -> bool {
        let until = self.published.iter().skip(1).map(|(.., seen)| *seen).chain([u64::MAX]);
        self.published.iter().zip(until).any(|((active, begun, _), until)| active == id && (*begun..=until).contains(&at_ms))
    }
}

fn load() -> Load {
    let fields = json!({ "name": "Asha {n}", "language": "en-IN", "loan": "LN00478213", "amount": "12,500", "due-date": "2026-12-05" });
    let customer: Customer = serde_json::from_value(json!({ "phone": "+917000000000", "fields": fields })).unwrap();
    Load { calls: CALLS, seconds: SECONDS, ramp: Duration::from_millis(100), say: None, press: Some('1'), customer }
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_are_replaced_while_calls_are_held() {
    let mut house = House::new().await;
    let url = house.engine.url("");
    let playing = tokio::spawn(async move { samvaad_sim::load(&load(), &url).await.unwrap() });
    house.until("twenty calls", |state| state["versions"][0]["calls"] == CALLS).await;

    house.publish(|flow| House::reword(flow, 1)).await;
    let component = fs::read(house.flow().join("flow.wasm")).unwrap();
    house.spoil("flow.wasm", &component[..component.len() / 2], "contract", "no WebAssembly component", None).await;
    house.spoil("flow.wasm", b"\0asm\x0d\0\x01\0", "contract", "does not export `describe`", None).await;
    house.spoil("flow.toml", b"[flow]\ntitel = 'EMI'\n", "manifest", "unknown key `titel`", Some(2)).await;
    house.spoil("prompts/en-IN.ftl", b"greeting = Hello\nwho = { $x\n", "prompts", "`prompts/en-IN.ftl` line 3", Some(3)).await;

    // the folder is deleted: the calls go on
    let away = house.folder.path().join("away");
    fs::rename(house.flow(), &away).unwrap();
    let state = house.until("gone", |state| state["versions"].as_array().unwrap().iter().all(|version| version["state"] != "active")).await;
    let held: u64 = state["versions"].as_array().unwrap().iter().map(|version| version["calls"].as_u64().unwrap()).sum();
    assert_eq!(held, CALLS as u64, "{state:#}");
    house.publish(|flow| fs::rename(&away, flow).unwrap()).await;

    for nth in 2..7 {
        house.publish(|flow| House::reword(flow, nth)).await;
    }
    let (status, flow) = house.send(Method::POST, "/api/flows/emi-reminder/rollback").await;
    assert_eq!((status, &flow["versions"][1]["state"]), (200, &json!("before")), "{flow:#}");
    let rolled_back = (house.active().await.unwrap(), now_ms() - 1_000, now_ms());
    assert_eq!(rolled_back.0, house.published[house.published.len() - 2].0);
    house.published.push(rolled_back);
    for nth in 10..60 {
        let begun = now_ms();
        House::reword(&house.flow(), nth);
        let (status, told) = house.send(Method::POST, "/api/flows/reload").await;
        assert_eq!(status, 200, "{told:#}");
        house.published.push((house.active().await.unwrap(), begun, now_ms()));
    }

    let report = playing.await.unwrap();
    assert_eq!(report.problems, Default::default(), "{report:#?}");
    let records = house.send(Method::GET, "/api/calls").await.1;
    let records = records.as_array().unwrap();
    assert_eq!(records.len() as u64, report.calls);
    let mut outcomes = BTreeSet::new();
    for record in records {
        let record = house.engine.ended(record["call_id"].as_str().unwrap()).await;
        outcomes.insert(record["outcome"].as_str().unwrap().to_owned());
        let (version, at_ms) = (record["version"].as_str().unwrap(), record["started_ms"].as_u64().unwrap());
        assert!(house.was_active(version, at_ms), "{record:#} {:#?}", house.published);
        assert!(record["problems"].as_array().unwrap().is_empty(), "{record:#}");
    }
    assert!(outcomes.iter().all(|outcome| ["transferred", "hung-up"].contains(&outcome.as_str())), "{outcomes:?}");
    house.engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_brought_back_is_told() {
    let house = House::new().await;
    for (path, status) in [
        ("/api/flows/emi-reminder/rollback", 409),
        ("/api/flows/emi-reminder/promote", 409),
        ("/api/flows/nothing/rollback", 404),
        ("/api/flows/no%20name/rollback", 400),
    ] {
        let (told, body) = house.send(Method::POST, path).await;
        assert_eq!(told, status, "{path}: {body}");
        assert!(body["error"].is_string() && body["mend"].is_string(), "{body}");
    }
    fs::rename(house.folder.path().join("flows"), house.folder.path().join("old")).unwrap();
    let (status, body) = house.send(Method::POST, "/api/flows/reload").await;
    assert_eq!(status, 503, "{body}");
    assert!(house.active().await.is_some(), "without a folder all flows stay as they are");
    fs::rename(house.folder.path().join("old"), house.folder.path().join("flows")).unwrap();
    assert_eq!(house.send(Method::POST, "/api/flows/reload").await.0, 200);
}
