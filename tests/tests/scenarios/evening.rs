//! All calls, played once for all tests of this program, and the table of what was measured.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use ghanti_test_servers::RedisServer;
use serde_json::Value;

use crate::support::{Engine, Playing, Report, Setup, program, root, scenario};

/// So many calls are held at once: two cores hold them on both sides with nine tenths of their time
/// to spare.
const AT_ONCE: usize = 7;
/// The flows that hold the calls: in Rust, TypeScript and Python.
pub const FLOWS: [&str; 3] = ["emi-reminder", "appointment", "survey"];
/// A scenario that expects what does not come.
pub const PLANTED: &str = "planted";

/// A call of a scenario.
pub struct Call {
    /// The scenario's file.
    pub scenario: toml::Table,
    /// What the program printed.
    pub report: Report,
    /// What the engine recorded; null when there is nothing.
    pub record: Value,
}

/// What remains of the calls.
pub struct Evening {
    /// A call for each scenario, in the order of their names.
    pub calls: Vec<Call>,
    /// The call of the planted scenario.
    pub planted: Report,
    /// `ghanti replay` of all calls of each of [`FLOWS`].
    pub replayed: Vec<Output>,
    /// Console, `application.log` and `websocket.log`.
    pub logs: String,
    /// `application.log` alone.
    pub application_log: String,
    /// `websocket.log` alone.
    pub websocket_log: String,
}

impl Evening {
    /// The calls that a flow has held.
    pub fn held_by(&self, flow: &str) -> impl Iterator<Item = &Call> {
        self.calls
            .iter()
            .filter(move |call| call.record["flow"] == flow)
    }

    /// The call of one scenario.
    pub fn call(&self, name: &str) -> &Call {
        self.calls
            .iter()
            .find(|call| call.report.name == name)
            .unwrap_or_else(|| panic!("there is no scenario `{name}`"))
    }
}

/// The calls; whoever asks first waits until they are played.
pub fn evening() -> &'static Evening {
    static EVENING: LazyLock<Evening> = LazyLock::new(play_all);
    &EVENING
}

/// A JSON list's texts.
pub fn texts(list: &Value) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|text| text.as_str().unwrap_or_default().to_owned())
        .collect()
}

fn play_all() -> Evening {
    let redis = RedisServer::start();
    let engine = Setup::new(format!("[stores]\nredis-url = '{}'", redis.url())).start();
    let workshop = tempfile::tempdir().unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("tests/scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let planted = workshop.path().join(format!("{PLANTED}.toml"));
    fs::write(&planted, expecting_something_else()).unwrap();

    let began = Instant::now();
    let mut reports = play(&engine, files.iter().chain([&planted]).cloned().collect());
    let took = began.elapsed();
    let planted = reports.pop().unwrap();
    let mut calls: Vec<Call> = files
        .iter()
        .zip(reports)
        .map(|(file, report)| call(&engine, file, report))
        .collect();
    calls.sort_by(|one, other| one.report.name.cmp(&other.report.name));
    show(&calls, took);
    assert!(
        redis.command(&["DBSIZE"]) != ":0\r\n",
        "sessions are in Redis"
    );

    let log =
        |name: &str| fs::read_to_string(engine.house().join("logs").join(name)).unwrap_or_default();
    // The tests outlive this function, and a static is never dropped: the engine has to end here.
    let (application_log, websocket_log, logs) =
        (log("application.log"), log("websocket.log"), engine.logs());
    let replayed = FLOWS.iter().map(|name| replay(&engine, name)).collect();
    Evening {
        calls,
        planted,
        replayed,
        logs,
        application_log,
        websocket_log,
    }
}

/// The scenario `agrees`, as somebody would write it who expects another end, and none of the words
/// that a stranger must not hear. So it is seen that both witnesses, transcript and recogniser,
/// tell those words when they are said.
fn expecting_something_else() -> String {
    let agrees = fs::read_to_string(scenario("agrees")).unwrap();
    let stranger: toml::Table = fs::read_to_string(scenario("wrong-person"))
        .unwrap()
        .parse()
        .unwrap();
    let never = format!(
        "[expect-transcript]\nbot-never-says = {}",
        stranger["expect-transcript"]["bot-never-says"]
    );
    let planted = agrees
        .replace(
            "expect = \"transferred\"",
            "expect = \"declined\"\nexpect-agent = true",
        )
        .replace("+919876500001", "+919876500099")
        .replace("[expect-transcript]", &never);
    assert_eq!(
        planted.matches("expect-agent").count()
            + planted.matches("bot-never-says").count()
            + planted.matches("99\"").count(),
        3
    );
    planted
}

/// Replays all calls of a flow.
fn replay(engine: &Engine, flow: &str) -> Output {
    let mut command = program();
    command
        .args(["replay", "--all", "--flow"])
        .arg(root().join("flows").join(flow))
        .arg("--data")
        .arg(engine.house().join("data"));
    command
        .arg("--config")
        .arg(engine.house().join("ghanti.toml"))
        .output()
        .unwrap()
}

/// Plays them, a few at a time; the reports are in the scenarios' order.
fn play(engine: &Engine, files: Vec<PathBuf>) -> Vec<Report> {
    let waiting = Mutex::new(files.into_iter().enumerate().collect::<VecDeque<_>>());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().pop_front();
                    let Some((at, file)) = next else { return };
                    let report = Playing::begin(engine, &file).report();
                    done.lock().unwrap().push((at, report));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, report)| report).collect()
}

/// The record is found by the customer's number, which is another in each scenario.
fn call(engine: &Engine, file: &PathBuf, report: Report) -> Call {
    let scenario: toml::Table = fs::read_to_string(file).unwrap().parse().unwrap();
    let phone = scenario["customer"]["phone"].as_str().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let record = runtime.block_on(async {
        let newest: Value = engine
            .http()
            .get(engine.url("/api/calls?limit=200"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let found: Vec<_> = newest["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|record| record["customer_number"] == phone)
            .collect();
        assert_eq!(found.len(), 1, "`{}` has one record", report.name);
        engine
            .record(found[0]["call_id"].as_str().unwrap())
            .await
            .unwrap_or_default()
    });
    Call {
        scenario,
        report,
        record,
    }
}

#[expect(
    clippy::print_stdout,
    reason = "`cargo test -- --nocapture` is to show what was measured"
)]
fn show(calls: &[Call], took: Duration) {
    println!(
        "\n{:24} {:16} {:>12} {:>7}  responses, ms",
        "scenario", "outcome", "first audio", "gaps"
    );
    let mut responses: Vec<u64> = Vec::new();
    for Call { report, .. } in calls {
        let reported = &report.reported;
        let own: Vec<u64> = reported["response_ms"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .collect();
        responses.extend(&own);
        let outcome = reported["outcome"].as_str().unwrap_or("none");
        println!(
            "{:24} {:16} {:>9} ms {:>7}  {own:?}",
            report.name,
            outcome,
            reported["first_audio_ms"].to_string(),
            reported["gaps"].to_string()
        );
    }
    responses.sort_unstable();
    if let (Some(median), Some(longest)) = (responses.get(responses.len() / 2), responses.last()) {
        println!(
            "{} responses: median {median} ms, longest {longest} ms; all in {:.0} s",
            responses.len(),
            took.as_secs_f64()
        );
    }
    println!("\nsaid -> heard");
    for Call {
        scenario,
        report,
        record,
    } in calls
    {
        let said = scenario
            .get("caller")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|step| step.get("say"));
        let said: Vec<_> = said.filter_map(toml::Value::as_str).collect();
        let lines = record["transcript"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|line| line["speaker"] == "caller");
        let heard: Vec<_> = lines
            .map(|line| {
                format!(
                    "{} ({:.2})",
                    line["text"].as_str().unwrap_or(""),
                    line["confidence"]
                )
            })
            .collect();
        if !said.is_empty() {
            println!("{:24} {said:?} -> {heard:?}", report.name);
        }
    }
}
