//! The wall clock is set forward and back while calls go on: what measures a time goes by the monotonic
//! clock, so that no call, lease or record is ended by it, and nothing is deleted as too old.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::nodes::{reminder, text, until};
use crate::support::{Engine, Setup, Stream, root};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const HOUR_S: i64 = 3_600;
const YEAR_S: i64 = 366 * 24 * HOUR_S;
/// As long as an engine looks for the calls of dead ones at the most, and once more.
const LOOKS: Duration = Duration::from_secs(11);
/// Shorter than a lease is renewed, so that the clock has jumped whenever one is looked at.
const JUMP: Duration = Duration::from_millis(250);

/// A wall clock that is set by the test.
struct Clock {
    ahead: File,
    object: PathBuf,
    folder: TempDir,
}

impl Clock {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let object = folder.path().join("clock.so");
        let source = root().join("tests/fixtures/clock/clock.c");
        let mut compiler = Command::new("cc");
        compiler
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&object);
        let compiled = compiler.arg(source).output().unwrap();
        assert!(compiled.status.success(), "{compiled:?}");
        fs::write(folder.path().join("ahead"), 0_i64.to_ne_bytes()).unwrap();
        let ahead = folder.path().join("ahead");
        let ahead = File::options().write(true).open(ahead).unwrap();
        Self {
            ahead,
            object,
            folder,
        }
    }

    /// An engine that goes by it.
    fn engine(&self, config: &str, flows: &TempDir) -> Engine {
        let (object, ahead) = (&self.object, self.folder.path().join("ahead"));
        Setup::new(config)
            .flows(flows.path())
            .variable("LD_PRELOAD", object.to_str().unwrap())
            .variable("CLOCK_AHEAD", ahead.to_str().unwrap())
            .start()
    }

    fn set(&self, ahead_s: i64) {
        self.ahead.write_all_at(&ahead_s.to_ne_bytes(), 0).unwrap();
    }
}

fn unix_ms(record: &Value, name: &str) -> u64 {
    record[name].as_u64().unwrap()
}

/// A call of a known customer that has said its first words.
async fn talking(engine: &Engine, sid: &str, phone: &str) -> (String, Stream) {
    let call = engine.customer(phone, Some("emi-reminder")).await;
    let mut stream = Stream::begin(engine, sid, phone).await;
    stream.hear_voice().await;
    (call, stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_ends_no_call_and_its_record_lasts_as_long_as_the_call() {
    let (clock, flows) = (Clock::new(), reminder());
    let engine = clock.engine(BY_KEYS, &flows);
    for (sid, phone, step_s) in [
        ("forward", "09876570001", HOUR_S),
        ("back", "09876570002", -HOUR_S),
    ] {
        let began = Instant::now();
        let (call, mut stream) = talking(&engine, sid, phone).await;
        let mut ahead_s = 0;
        let mut due = tokio::time::interval(JUMP);
        let looked = if step_s > 0 { LOOKS } else { 8 * JUMP };
        while began.elapsed() < looked {
            tokio::select! {
                heard = stream.hear() => assert!(heard.is_some(), "{}", engine.logs()),
                _ = due.tick() => {
                    ahead_s += step_s;
                    clock.set(ahead_s);
                    // the caller is on the line all the time
                    stream.send_silence(sid).await.unwrap();
                }
            }
        }
        let record = engine.record(&call).await.unwrap();
        assert_eq!(record["state"], "live", "{record:#}\n{}", engine.logs());
        stream.hang_up(sid).await;
        let record = engine.ended(&call).await;
        let lasted = began.elapsed();
        assert_eq!(record["outcome"], "hung-up", "{record:#}");
        let recorded_ms = unix_ms(&record, "ended_ms") - unix_ms(&record, "started_ms");
        assert!(
            recorded_ms <= u64::try_from(lasted.as_millis()).unwrap(),
            "{recorded_ms} ms of {lasted:?}: {record:#}"
        );
        let problems = record["problems"].to_string();
        assert!(!problems.contains("abandoned"), "{record:#}");
        clock.set(0);
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_a_year_ahead_deletes_no_record() {
    let (clock, flows) = (Clock::new(), reminder());
    let kept = "[retention]\ncalls-days = 90\ntranscripts-days = 30\n";
    let engine = clock.engine(&format!("{BY_KEYS}{kept}"), &flows);
    let (call, stream) = talking(&engine, "kept", "09876570003").await;
    stream.hang_up("kept").await;
    let before = engine.ended(&call).await;
    clock.set(YEAR_S);
    // the deletion by age begins ten seconds after the start
    until("the clock is doubted", async || {
        let logs = engine.logs();
        let is_reported = logs.contains("the system's clock was set forward");
        is_reported.then_some(()).ok_or(logs)
    })
    .await;
    // another call, so that all that the deletion had to do is done
    let (second, stream) = talking(&engine, "later", "09876570004").await;
    stream.hang_up("later").await;
    engine.ended(&second).await;
    let record = engine.record(&call).await.unwrap();
    assert_eq!(record["transcript"], before["transcript"], "{record:#}");
    assert!(!text(&record["transcript"][0]["text"]).is_empty());
    engine.is_well().await;
}
