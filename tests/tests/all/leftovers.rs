//! What calls leave behind, counted: after many calls with each kind of end there are as many tasks,
//! descriptors and files as before, no child, no reserved slot, and nothing that waits to be saved.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio_tungstenite::tungstenite::Message;

use crate::nodes::bare;
use crate::support::{Engine, PATIENCE, Setup, Stream};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n[calls]\nagents = ['+918000000001']\n";
/// Calls with each kind of end in a round, all at once.
const CALLS: usize = 15;
/// What comes and goes with requests and connections of a pool: far less than one for each call of a kind.
const SLACK: usize = 5;

/// Pause between two polls of what cannot be waited for otherwise.
const LOOK: Duration = Duration::from_millis(200);

/// How a call ends, and with which outcome.
const ENDS: [(&str, &str); 6] = [
    ("hangs-up", "hung-up"),
    ("vanishes", "connection-lost"),
    ("is-ended", "ended-by-operator"),
    ("babbles", "hung-up"),
    ("shouts", "connection-lost"),
    ("never-comes", "never-connected"),
];

/// A call from its beginning to such an end.
async fn call(engine: &Engine, end: &str, sid: &str) {
    let passthru = format!("/passthru?CallSid={sid}&CallFrom=09876574001");
    let asked = engine.http().get(engine.url(&passthru)).send();
    assert_eq!(asked.await.unwrap().status(), 200, "{sid}");
    if end == "never-comes" {
        return;
    }
    let mut stream = Stream::begin(engine, sid, "09876574001").await;
    stream.hear_voice().await;
    match end {
        "hangs-up" => stream.hang_up(sid).await,
        "is-ended" => {
            let ended = engine.url(&format!("/api/calls/{sid}/hang-up"));
            let ended = engine.http().post(ended).send().await;
            assert!(ended.unwrap().status().is_success(), "{sid}");
            stream.until_closed().await;
        }
        "babbles" => {
            for _ in 0..20 {
                stream.send(Message::text("nonsense")).await.unwrap();
                stream.send(Message::binary(vec![0; 320])).await.unwrap();
            }
            stream.hang_up(sid).await;
        }
        "shouts" => {
            // it may be closed before all of it is sent
            drop(stream.send(Message::text("x".repeat(1 << 20))).await);
            stream.until_closed().await;
        }
        _ => drop(stream),
    }
}

/// Calls of each kind, to the end of their records.
async fn round(engine: &Engine, nth: usize) {
    let calls = (0..CALLS).flat_map(|at| ENDS.map(|(end, outcome)| (at, end, outcome)));
    let calls = calls.map(async |(at, end, outcome)| {
        let sid = format!("{end}-{nth}-{at}");
        call(engine, end, &sid).await;
        let record = engine.ended(&sid).await;
        assert_eq!(record["outcome"], outcome, "{sid}: {record:#}");
    });
    join_all(calls).await;
}

/// What an engine holds.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    tasks: usize,
    descriptors: usize,
    children: String,
    slots: usize,
    temporary: usize,
    unsaved: usize,
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

async fn held(engine: &Engine, temporary: &Path) -> Held {
    let metrics = engine.metrics().await;
    let value = |name: &str| -> usize {
        let value = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
        let found = metrics.lines().find_map(value);
        found.unwrap_or_else(|| panic!("no `{name}`: {metrics}"))
    };
    let process = format!("/proc/{}", engine.pid());
    let threads = fs::read_dir(format!("{process}/task")).unwrap();
    let children =
        threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("children")));
    Held {
        tasks: value("ghanti_tasks "),
        descriptors: files(Path::new(&format!("{process}/fd"))),
        children: children.map(Result::unwrap_or_default).collect(),
        slots: value("ghanti_calls_live ") + value("ghanti_calls_awaited "),
        temporary: files(temporary),
        unsaved: files(&engine.house().join("data/spool")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_calls_with_each_kind_of_end_nothing_is_left_of_them() {
    let (flows, temporary) = (bare(), tempfile::tempdir().unwrap());
    let engine = Setup::new(BY_KEYS)
        .flows(flows.path())
        .variable("TMPDIR", temporary.path().to_str().unwrap())
        .start();
    // what is opened once and kept: connections to the database, a voice
    round(&engine, 0).await;
    let before = settled(&engine, temporary.path(), None).await;
    round(&engine, 1).await;
    settled(&engine, temporary.path(), Some(&before)).await;
    engine.is_well().await;
}

/// Waits until the engine has nothing more to do for calls, and holds no more than before.
async fn settled(engine: &Engine, temporary: &Path, before: Option<&Held>) -> Held {
    let given_up = Instant::now() + PATIENCE;
    loop {
        let now = held(engine, temporary).await;
        let is_done = now.children.is_empty() && (now.slots, now.unsaved) == (0, 0);
        let is_as_before = before.is_none_or(|before| {
            now.tasks <= before.tasks + SLACK
                && now.descriptors <= before.descriptors + SLACK
                && now.temporary <= before.temporary
        });
        if is_done && is_as_before {
            return now;
        }
        assert!(Instant::now() < given_up, "{now:?}, before: {before:?}");
        tokio::time::sleep(LOOK).await;
    }
}
