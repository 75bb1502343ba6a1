//! `ghanti load` through the program: against an engine, against the floor, and against bots that are
//! late, mute, broken or full on purpose, whose faults have to be in the report with their size.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::support::{PATIENCE, Setup, program};

/// An engine whose callers answer by keys, so that it hears nothing.
const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";

/// The exit code of figures that do not count, which a busy machine may make of right ones.
const VOID: i32 = 3;

/// A load that is over.
struct Loaded {
    code: Option<i32>,
    shown: String,
    folder: TempDir,
    reported: Value,
}

impl Loaded {
    /// Runs a load with these arguments, and waits for its end.
    async fn of(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = command(&folder, arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = output.await.unwrap();
        let shown = [&output.stdout[..], &output.stderr[..]].concat();
        let shown = String::from_utf8_lossy(&shown).into_owned();
        Self {
            code: output.status.code(),
            reported: json_in(&folder),
            folder,
            shown,
        }
    }

    fn run(&self, nth: usize) -> &Value {
        assert!(self.reported["runs"][nth].is_object(), "{}", self.shown);
        &self.reported["runs"][nth]
    }

    fn count(&self, nth: usize, name: &str) -> u64 {
        self.run(nth)["counts"][name].as_u64().unwrap()
    }

    fn ms(&self, nth: usize, figure: &str, at: &str) -> f64 {
        let spread = &self.run(nth)["figures"][figure];
        assert!(
            spread["count"].as_u64() > Some(0),
            "{figure}: {}",
            self.shown
        );
        spread[at].as_f64().unwrap()
    }

    fn problems(&self) -> String {
        self.run(0)["problems"].to_string()
    }

    /// All calls were held as expected, whether or not the machine was quick enough to measure.
    fn is_good(&self) {
        let code = self.code;
        assert!(
            code == Some(0) || code == Some(VOID),
            "{code:?}: {}",
            self.shown
        );
    }
}

fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = program();
    command
        .arg("load")
        .args(arguments)
        .arg("--report")
        .arg(folder.path())
        .stdin(Stdio::null());
    command
}

fn json_in(folder: &TempDir) -> Value {
    let text = std::fs::read_to_string(folder.path().join("report.json")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// What a bot does that is written for a test.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// Is silent for 400 ms, then sends ten frames of 100 ms in time, but the sixth and all behind it
    /// 200 ms late.
    Late,
    /// Listens, and never says anything.
    Nothing,
    /// Breaks the connection after its first frame, without a close.
    Breaks,
    /// Closes the connection instead of a handshake.
    Refuses,
    /// Sends an event that Exotel does not know.
    Nonsense,
}

/// Starts such a bot. Returns its URL.
async fn bot(does: Does) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(hold(stream, does));
        }
    });
    format!("ws://{address}/media")
}

async fn hold(stream: TcpStream, does: Does) {
    if matches!(does, Does::Refuses) {
        return;
    }
    stream.set_nodelay(true).unwrap();
    // the first connection of a load only looks whether anybody is there
    let Ok(mut socket) = accept_async(stream).await else {
        return;
    };
    let sid = loop {
        let Some(Ok(Message::Text(text))) = socket.next().await else {
            return;
        };
        let message: Value = serde_json::from_str(&text).unwrap();
        if message["event"] == "start" {
            break message["stream_sid"].as_str().unwrap().to_owned();
        }
    };
    match does {
        Does::Late => {
            let begins = tokio::time::Instant::now() + Duration::from_millis(400);
            for nth in 0..10 {
                let late_ms = if nth < 5 { 0 } else { 200 };
                sleep_until(begins + Duration::from_millis(nth * 100 + late_ms)).await;
                say(&mut socket, &frame(&sid)).await;
            }
            say(
                &mut socket,
                &json!({ "event": "mark", "stream_sid": sid, "mark": { "name": "end" } }),
            )
            .await;
        }
        Does::Breaks => {
            say(&mut socket, &frame(&sid)).await;
            sleep(Duration::from_millis(300)).await;
            return;
        }
        Does::Nonsense => {
            say(&mut socket, &frame(&sid)).await;
            say(
                &mut socket,
                &json!({ "event": "hang-up", "stream_sid": sid }),
            )
            .await;
        }
        Does::Nothing | Does::Refuses => {}
    }
    while let Some(Ok(_)) = socket.next().await {}
}

async fn say(socket: &mut WebSocketStream<TcpStream>, message: &Value) {
    // the caller may have hung up
    let _ = socket.send(Message::text(message.to_string())).await;
}

/// 100 ms at 8 kHz in which each sample is 1542: audible from the first one on.
fn frame(sid: &str) -> Value {
    // the bytes 6, 6, 6
    let payload = format!("{}Bg==", "BgYG".repeat(533));
    json!({ "event": "media", "stream_sid": sid, "media": { "payload": payload } })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_and_the_floor_are_measured_in_one_report() {
    let engine = Setup::new(BY_KEYS).start();
    let loaded = Loaded::of(&[
        &engine.url(""),
        "--floor",
        "--calls=4",
        "--rate=8/s",
        // the greeting, and with it the first mark, takes six seconds and a half
        "--hold=8s",
        "--for=8s",
        "--mix=silent=1,keys=1",
    ])
    .await;
    loaded.is_good();
    for (nth, name) in [(0, "floor, 4 calls"), (1, "bot, 4 calls")] {
        assert_eq!(loaded.run(nth)["name"], name, "{}", loaded.shown);
        assert!(loaded.count(nth, "offered") >= 4, "{}", loaded.shown);
        assert_eq!(loaded.count(nth, "good"), loaded.count(nth, "offered"));
        for count in ["frames_sent", "frames_received", "marks"] {
            assert!(loaded.count(nth, count) > 0, "{name}: {count}");
        }
        for figure in ["first_audio", "late", "reserve", "pace", "own"] {
            let (p50, max) = (
                loaded.ms(nth, figure, "p50_ms"),
                loaded.ms(nth, figure, "max_ms"),
            );
            assert!(p50 <= max, "{name}: {figure}");
        }
        // the process was found by its socket, or is a child
        let measured = &loaded.run(nth)["measured"];
        for value in ["pss_kib_mean", "descriptors_max", "threads_max"] {
            assert!(
                measured[value].as_u64() > Some(0),
                "{name}: {value} in {measured}"
            );
        }
        assert!(measured["bot"]["cores"].is_f64() && measured["own"]["cores"].is_f64());
        assert!(measured["live"].as_f64() > Some(1.0), "{measured}");
    }
    assert!(
        loaded.run(1)["outcomes"]["hung-up"].as_u64() > Some(0),
        "{}",
        loaded.shown
    );
    let text = std::fs::read_to_string(loaded.folder.path().join("report.md")).unwrap();
    for line in [
        "| | floor, 4 calls | bot, 4 calls |",
        "## Machine and load",
        "## Method",
    ] {
        assert!(
            text.lines().any(|reported| reported == line),
            "`{line}` in\n{text}"
        );
    }
    for plot in [
        "first-audio.svg",
        "pace.svg",
        "own-late.svg",
        "calls.svg",
        "memory.svg",
    ] {
        let svg = std::fs::read_to_string(loaded.folder.path().join(plot)).unwrap();
        assert!(svg.starts_with("<svg") && text.contains(plot), "{plot}");
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_scenarios_that_end_otherwise_are_wrong_and_no_others() {
    let engine = Setup::new(BY_KEYS).start();
    let folder = tempfile::tempdir().unwrap();
    let scenario = |name: &str, expect: &str| -> PathBuf {
        let file = folder.path().join(name);
        let text = format!(
            "title = 't'\nexpect = '{expect}'\nexpect-agent = false\n[customer]\nphone = '+919876500001'\nflow = 'emi-reminder'\n\
             [customer.fields]\nname = 'Asha Rao'\nlanguage = 'en-IN'\nloan = 'LN-00478213'\namount = '12,500'\ndue-date = '2030-12-05'\n\
             [[caller]]\nduring = 500\nhang-up = true\n"
        );
        std::fs::write(&file, text).unwrap();
        file
    };
    let path = |file: &Path| file.to_str().unwrap().to_owned();
    let (right, wrong) = (
        path(&scenario("right.toml", "hung-up")),
        path(&scenario("wrong.toml", "transferred")),
    );
    let loaded = Loaded::of(&[
        &engine.url(""),
        "--calls=2",
        "--rate=2/s",
        "--for=6s",
        "--scenario",
        &right,
        "--scenario",
        &wrong,
    ])
    .await;
    assert_eq!(loaded.code, Some(1), "{}", loaded.shown);
    let (good, bad) = (loaded.count(0, "good"), loaded.count(0, "wrong"));
    assert!(good > 0 && bad > 0, "{}", loaded.shown);
    assert_eq!(good + bad, loaded.count(0, "offered"), "{}", loaded.shown);
    let problems = loaded.run(0)["problems"].as_object().unwrap();
    let names: Vec<_> = problems.keys().collect();
    assert_eq!(
        names,
        ["wrong: wrong: the outcome is `hung-up`, not `transferred`"]
    );
    assert_eq!(problems[names[0]], bad);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_engine_refuses_in_the_second_stage_and_its_accepted_calls_are_good() {
    let engine = Setup::new(format!("{BY_KEYS}[server]\nmax-calls = 2\n")).start();
    let arguments = |more: &'static str| {
        let url = engine.url("");
        async move {
            Loaded::of(&[
                &url,
                more,
                "--rate=4/s",
                "--hold=20s",
                "--for=3s",
                "--mix=silent=1",
            ])
            .await
        }
    };
    let loaded = arguments("--calls=2,4").await;
    assert_eq!(loaded.code, Some(1), "{}", loaded.shown);
    assert_eq!(
        (loaded.count(0, "refused"), loaded.count(0, "good")),
        (0, 2),
        "{}",
        loaded.shown
    );
    assert!(loaded.count(1, "refused") > 0, "{}", loaded.shown);
    assert_eq!(
        (loaded.count(1, "taken"), loaded.count(1, "good")),
        (2, 2),
        "{}",
        loaded.shown
    );
    assert_eq!(
        loaded.run(1)["lost"].as_u64(),
        Some(loaded.count(1, "refused"))
    );
    assert!(
        loaded.run(1)["problems"].to_string().contains("full"),
        "{}",
        loaded.shown
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_bot_is_late_in_the_report_by_what_it_was_late() {
    let url = bot(Does::Late).await;
    let loaded = Loaded::of(&[
        &url,
        "--calls=4",
        "--rate=8/s",
        "--hold=3s",
        "--for=2s",
        "--mix=silent=1",
    ])
    .await;
    loaded.is_good();
    let first = loaded.ms(0, "first_audio", "p50_ms");
    assert!((399.0..600.0).contains(&first), "{first}: {}", loaded.shown);
    // each call that was not cut has the one gap; a busy machine may add some
    assert!(loaded.count(0, "with_gaps") >= 4, "{}", loaded.shown);
    let worst = loaded.ms(0, "worst_of_call", "p50_ms");
    assert!((150.0..300.0).contains(&worst), "{worst}: {}", loaded.shown);
    let late = loaded.ms(0, "late", "p50_ms");
    assert!(late < 50.0, "most frames came in time: {late}");
    assert_eq!(
        loaded.run(0)["measured"]["bot"]["cores"]
            .as_f64()
            .map(|_| ()),
        Some(())
    );
    assert_eq!(loaded.count(0, "wrong"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_says_nothing_loses_its_calls() {
    let url = bot(Does::Nothing).await;
    let loaded = Loaded::of(&[
        &url,
        "--calls=2",
        "--rate=4/s",
        "--hold=30s",
        "--for=11s",
        "--mix=silent=1",
    ])
    .await;
    assert_eq!(loaded.code, Some(1), "{}", loaded.shown);
    assert_eq!(
        (loaded.count(0, "mute"), loaded.count(0, "taken") >= 2),
        (2, true),
        "{}",
        loaded.shown
    );
    assert_eq!(loaded.run(0)["figures"]["first_audio"]["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_refusals_and_nonsense_are_distinguished() {
    for (does, count, problem) in [
        (Does::Breaks, "dropped", "dropped: "),
        (Does::Refuses, "refused", "refused: "),
        (
            Does::Nonsense,
            "wrong",
            "an event that Exotel does not know",
        ),
    ] {
        let url = bot(does).await;
        let loaded = Loaded::of(&[
            &url,
            "--calls=2",
            "--rate=4/s",
            "--hold=1s",
            "--for=2s",
            "--mix=silent=1",
        ])
        .await;
        assert_eq!(loaded.code, Some(1), "{does:?}: {}", loaded.shown);
        let (offered, counted) = (loaded.count(0, "offered"), loaded.count(0, count));
        assert!(counted >= 2, "{does:?}: {}", loaded.shown);
        // what the end of the load cut short is no fault
        assert_eq!(
            loaded.count(0, "good") + counted,
            offered,
            "{does:?}: {}",
            loaded.shown
        );
        assert!(
            loaded.problems().contains(problem),
            "{does:?}: {}",
            loaded.problems()
        );
    }
}

/// `ghanti load --echo-server`, gone with this.
struct Floor(Child, String);

impl Floor {
    fn start() -> Self {
        let mut child = program()
            .args(["load", "--echo-server"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("ws://"));
        let url = url
            .unwrap_or_else(|| panic!("no URL in `{line}`"))
            .to_owned();
        Self(child, url)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soak_has_slopes_of_the_process_that_listens_at_the_url() {
    let floor = Floor::start();
    let loaded = Loaded::of(&[
        &floor.1,
        "--calls=3",
        "--rate=3/s",
        "--hold=2s",
        "--soak=9s",
        "--mix=silent=1",
        "--frame=100",
    ])
    .await;
    loaded.is_good();
    let slopes = &loaded.run(0)["slopes"];
    assert!(slopes["samples"].as_u64() >= Some(3), "{slopes}");
    for slope in [
        "pss_kib_per_h",
        "descriptors_per_h",
        "threads_per_h",
        "pss_kib_per_call",
    ] {
        assert!(slopes[slope].is_number(), "{slope}: {slopes}");
    }
    assert!(
        loaded.shown.contains("## Slopes") && loaded.shown.contains("memory (PSS), KiB an hour: "),
        "{}",
        loaded.shown
    );
    // frames of 100 ms: ten a second
    let (sent, live) = (
        loaded.count(0, "frames_sent") as f64,
        loaded.run(0)["measured"]["live"].as_f64().unwrap(),
    );
    assert!(
        sent / (live * 10.0) < 11.5,
        "{sent} frames of {live} calls: {}",
        loaded.shown
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_stopped_lets_callers_hang_up_and_writes_its_report() {
    let floor = Floor::start();
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(
        &folder,
        &[
            &floor.1,
            "--calls=3",
            "--rate=9/s",
            "--for=10m",
            "--mix=silent=1",
        ],
    );
    let mut load = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(load.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("begins")));
    // it is to be in the midst of its calls
    sleep(Duration::from_secs(2)).await;
    let pid = load.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let given_up = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = load.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < given_up, "it goes on");
        sleep(Duration::from_millis(50)).await;
    };
    assert!(matches!(status.code(), Some(0 | VOID)), "{status:?}");
    let reported = json_in(&folder);
    assert_eq!(reported["stopped"], true);
    let counts = &reported["runs"][0]["counts"];
    assert_eq!(
        (&counts["offered"], &counts["good"]),
        (&json!(3), &json!(3)),
        "{counts}"
    );
    let text = std::fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(text.contains("stopped before its end"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_reported_before_anything_is_called() {
    for (arguments, reported) in [
        (
            &["http://127.0.0.1:9", "--mix=silent=1"][..],
            "nothing answers at `http://127.0.0.1:9`",
        ),
        (
            &["127.0.0.1:9", "--mix=silent=1"],
            "is not the URL of a bot",
        ),
        (&["--mix=angry=1"], "`angry`"),
        (
            &["--calls=50", "--rate=1/s", "--hold=10s"],
            "raise --rate or --hold",
        ),
        (&["--hold=5"], "such as `90s`"),
        (&["--soak=8h", "--for=5s"], "cannot be used with"),
    ] {
        let loaded = Loaded::of(arguments).await;
        assert!(
            matches!(loaded.code, Some(1 | 2)),
            "{arguments:?}: {}",
            loaded.shown
        );
        assert!(
            loaded.shown.contains(reported),
            "{arguments:?}: {}",
            loaded.shown
        );
        assert_eq!(loaded.reported, Value::Null, "{arguments:?}");
    }
}
