//! The engine's logs as an operator reads them: which call a line is of, JSON, files that are moved
//! away under the engine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::nodes::until;
use crate::support::{Engine, PATIENCE, Setup, Stream, root};

/// Callers answer by keys here: no words are waited for.
const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const PHONE: &str = "09876530077";
/// Pause between two polls of what cannot be waited for otherwise.
const LOOK: Duration = Duration::from_millis(20);

/// The shipped flow in Rust alone: the others take long to compile.
fn flows() -> TempDir {
    let flows = tempfile::tempdir().unwrap();
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(root().join("flows/emi-reminder"));
    assert!(copy.arg(flows.path()).status().unwrap().success());
    flows
}

/// A call from its order to its status callback. Returns our id of it.
async fn call(engine: &Engine, sid: &str) -> String {
    let order = engine.customer(PHONE, None).await;
    let get = async |path: String| {
        let response = engine.http().get(engine.url(&path)).send().await.unwrap();
        assert!(!response.status().is_server_error(), "{path}");
    };
    get(format!(
        "/passthru?CallSid={sid}&CallFrom={PHONE}&CustomField={order}"
    ))
    .await;
    let mut stream = Stream::begin(engine, sid, PHONE).await;
    stream.hear_voice().await;
    stream.hang_up(sid).await;
    engine.ended(sid).await;
    get(format!("/passthru/after?CallSid={sid}&CallFrom={PHONE}")).await;
    let status = engine.http().post(engine.url("/status"));
    let form = format!("CallSid={sid}&Status=completed&EventType=terminal");
    let status = status.header("content-type", "application/x-www-form-urlencoded");
    status.body(form).send().await.unwrap();
    // the last line of a call; lines are written behind the requests
    let given_up = Instant::now() + PATIENCE;
    let is_last = |line: &str| line.contains("status callback") && line.contains(sid);
    while !engine.logs().lines().any(is_last) {
        assert!(Instant::now() < given_up, "{}", engine.logs());
        tokio::time::sleep(LOOK).await;
    }
    order
}

/// Lines of JSON.
fn lines(text: &str) -> Vec<Map<String, Value>> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_default()
}

/// From the passthru on, when its CallSid is known, every line about a call has both of its ids.
#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_call_has_its_id_and_its_callsid() {
    let flows = flows();
    let engine = Setup::new(BY_KEYS)
        .flows(flows.path())
        .variable("GHANTI_LOG_FORMAT", "json")
        .start();
    let order = call(&engine, "logs-json").await;
    let folder = engine.house().join("logs");
    // the file is written by a thread of its own
    until("the last line is in the file", async || {
        let text = read(&folder, "application.log");
        let is_there = text.contains("status callback");
        is_there.then_some(()).ok_or(text)
    })
    .await;
    let application = lines(&read(&folder, "application.log"));
    let of_call: Vec<_> = application
        .iter()
        .filter(|line| line.get("call").is_some() || line.get("sid").is_some())
        .collect();
    assert!(of_call.len() > 12, "{of_call:#?}");
    let said = |line: &Map<String, Value>| line["message"].as_str().unwrap().to_owned();
    // in the order of their time: before the passthru there is no CallSid
    let (before, since): (Vec<_>, Vec<_>) = of_call
        .into_iter()
        .partition(|line| line.get("step").is_some_and(|step| step == "Triggered"));
    assert_eq!(before.len(), 1);
    let lacking: Vec<_> = since
        .iter()
        .filter(|line| {
            // only its `start` says for certain whose socket it is
            let is_call = line.get("call").map_or_else(
                || line["message"] == "WebSocket opened",
                |call| *call == order.as_str(),
            );
            !is_call || line.get("sid") != Some(&Value::from("logs-json"))
        })
        .collect();
    assert!(lacking.is_empty(), "{lacking:#?}");
    let reported: Vec<_> = since.iter().map(|line| said(line)).collect();
    for message in [
        "WebSocket opened",
        "WebSocket started",
        "call started",
        "prompt began",
        "call ended",
        "WebSocket closed",
        "status callback",
    ] {
        assert!(
            reported.iter().any(|line| line == message),
            "{message}: {reported:#?}"
        );
    }
    let streams = lines(&read(&folder, "websocket.log"));
    let reported: Vec<_> = streams.iter().map(said).collect();
    // and how it ended, where that was without a close frame
    let (first, last) = (reported.first().unwrap(), reported.last().unwrap());
    assert_eq!((first.as_str(), last.as_str()), ("opened", "closed"));
    assert!(streams.iter().all(|line| line["sid"] == "logs-json"));
    // the console has the same form
    assert!(lines(&engine.shown()).len() > application.len() / 2);
    assert!(!engine.logs().contains(&PHONE[1..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_files_the_console_has_all() {
    let flows = flows();
    let engine = Setup::new(BY_KEYS)
        .flows(flows.path())
        .variable("GHANTI_LOG_FILES", "false")
        .start();
    let order = call(&engine, "logs-console").await;
    assert!(!engine.house().join("logs").exists());
    let shown = engine.shown();
    for message in ["WebSocket opened", "call started", "call ended"] {
        let line = shown.lines().find(|line| line.contains(message)).unwrap();
        assert!(line.contains("sid=logs-console"), "{line}");
        assert!(
            message == "WebSocket opened" || line.contains(&order),
            "{line}"
        );
    }
}

/// With the shipped configuration, as often as cron would run it; and by hand, without telling the
/// engine.
#[tokio::test(flavor = "multi_thread")]
async fn logs_that_logrotate_moves_go_on_in_new_files() {
    let flows = flows();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let folder = engine.house().join("logs");
    call(&engine, "logs-first").await;
    let conf = fs::read_to_string(root().join("engine/deploy/ghanti.logrotate")).unwrap();
    assert!(conf.contains("/var/log/ghanti/"));
    let conf = conf.replace("/var/log/ghanti/", &format!("{}/", folder.display()));
    let file = engine.house().join("logrotate");
    fs::write(&file, conf).unwrap();
    let program = ["/usr/sbin/logrotate", "/usr/bin/logrotate"]
        .into_iter()
        .find(|program| Path::new(program).exists())
        .expect("`logrotate` is missing: run `make setup`");
    let rotated = Command::new(program)
        .args(["--force", "--state"])
        .arg(engine.house().join("state"))
        .arg(&file)
        .output()
        .unwrap();
    let reported = String::from_utf8_lossy(&rotated.stderr);
    assert!(rotated.status.success(), "{reported}");
    let earlier = read(&folder, "application.log.1");
    assert!(earlier.contains("sid=logs-first"), "{earlier}");
    // it is noticed with the first line that comes a second after the last look
    let (mut sids, given_up) = (Vec::new(), Instant::now() + PATIENCE);
    while !(read(&folder, "application.log").contains("sid=")
        && read(&folder, "websocket.log").contains("sid="))
    {
        assert!(Instant::now() < given_up, "no new file is begun");
        let sid = format!("logs-later-{}", sids.len());
        call(&engine, &sid).await;
        sids.push(sid);
    }
    for name in ["application.log", "websocket.log"] {
        let now = read(&folder, name);
        assert!(!now.contains("sid=logs-first"), "{name}:\n{now}");
        let all = read(&folder, &format!("{name}.1")) + &now;
        let lost: Vec<_> = sids
            .iter()
            .filter(|sid| all.matches(&format!("sid={sid}")).count() < 2)
            .collect();
        assert!(lost.is_empty(), "{name}: {lost:?} of {sids:?}");
    }
}
