//! The engine's own recordings: what is on each side and when, who gets them, and what becomes of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::Response;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::nodes::{reminder, text, until};
use crate::proof::{asked, ghanti};
use crate::support::{Engine, PATIENCE, Playing, Setup, Stream, scenario, silence_of};

const RECORDED: &str = "[recording]\nenabled = true\n";
const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const PHONE: &str = "+919876591001";
/// Sound is looked at in steps of this length.
const STEP_MS: usize = 10;
const RATE_HZ: usize = 8_000;
/// How far two clocks may be apart.
const APART_MS: i64 = 100;
/// How much of a voice the engine hears before it takes it for one: `ONSET_MS` of the machine.
const ONSET_MS: i64 = 96;

/// How loud each step of a side is.
struct Side(Vec<f32>);

impl Side {
    fn of(samples: impl Iterator<Item = i16>) -> Self {
        let samples: Vec<f32> = samples.map(f32::from).collect();
        let loudness = |step: &[f32]| {
            (step.iter().map(|sample| sample * sample).sum::<f32>() / step.len() as f32).sqrt()
        };
        Self(
            samples
                .chunks(RATE_HZ * STEP_MS / 1_000)
                .map(loudness)
                .collect(),
        )
    }

    /// Whether anything is audible between two times.
    fn sounds(&self, from_ms: i64, until_ms: i64) -> bool {
        let step = |ms: i64| usize::try_from(ms.max(0)).unwrap() / STEP_MS;
        let until = step(until_ms).min(self.0.len());
        self.0[step(from_ms).min(until)..until]
            .iter()
            .any(|loudness| *loudness > 100.0)
    }

    /// When the first sound begins behind a time that has silence before it.
    fn begins(&self, from_ms: i64) -> i64 {
        let step = i64::try_from(STEP_MS).unwrap();
        (from_ms / step..)
            .map(|at| at * step)
            .find(|at| self.sounds(*at, at + step))
            .unwrap()
    }

    /// By how many ms the other one has to be moved to be most like this one, and how like it is
    /// then, up to 1.
    fn lag(&self, other: &Self) -> (i64, f32) {
        let like = |by: i64| {
            let (mut both, mut one, mut two) = (0.0, 0.0, 0.0);
            for (at, here) in self.0.iter().enumerate() {
                let there = i64::try_from(at).unwrap() - by;
                let there = usize::try_from(there).ok().and_then(|at| other.0.get(at));
                let there = there.copied().unwrap_or_default();
                both += here * there;
                one += here * here;
                two += there * there;
            }
            both / (one * two).sqrt().max(1.0)
        };
        let lags = (-60..=60).map(|by| (by * i64::try_from(STEP_MS).unwrap(), like(by)));
        lags.max_by(|(_, one), (_, two)| one.total_cmp(two))
            .unwrap()
    }
}

/// Left and right of a WAV file.
fn sides(path: &Path) -> [Side; 2] {
    let mut wav = hound::WavReader::open(path).unwrap();
    assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, 8_000));
    let samples: Vec<i16> = wav.samples().map(Result::unwrap).collect();
    [0, 1].map(|side| Side::of(samples.iter().skip(side).step_by(2).copied()))
}

fn folder(engine: &Engine) -> PathBuf {
    engine.house().join("data/recordings")
}

fn files(engine: &Engine) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(engine)).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The only file, once it has the name of a recording that is whole: after its digest is stored.
async fn whole_file(engine: &Engine) -> PathBuf {
    let given_up = Instant::now() + PATIENCE;
    loop {
        if let [file] = files(engine).as_slice()
            && file.extension().is_some_and(|ending| ending == "wav")
        {
            return file.clone();
        }
        assert!(Instant::now() < given_up, "{:?}", files(engine));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The record of a call once its first recording has this state.
async fn recorded(engine: &Engine, call: &str, state: &str) -> Value {
    let so = |record: &Value| record["recordings"][0]["state"] == state;
    engine.record_when(call, PATIENCE, so).await
}

async fn get(engine: &Engine, path: &str, header: (&'static str, &str)) -> Response {
    let request = engine.http().get(engine.url(path));
    request.header(header.0, header.1).send().await.unwrap()
}

/// A customer hears the bot, and hangs up. Returns the call's id.
async fn called(engine: &Engine, sid: &str) -> String {
    let call = engine.customer(PHONE, Some("emi-reminder")).await;
    let mut stream = Stream::begin(engine, sid, PHONE).await;
    stream.say(&silence_of(sid)).await;
    stream.hear_a_while().await;
    stream.hang_up(sid).await;
    engine.ended(&call).await;
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_stand_where_they_were_heard_and_a_barge_in_silences_the_bot() {
    let flows = reminder();
    let engine = Setup::new(RECORDED).flows(flows.path()).start();
    let out = tempfile::tempdir().unwrap();
    let playing = Playing::begin_into(&engine, &scenario("barges-in"), out.path());
    let report = spawn_blocking(|| playing.report()).await.unwrap();
    assert_eq!(report.code, Some(0), "{report:#?}");
    let list = engine.http().get(engine.url("/api/calls"));
    let list: Value = list.send().await.unwrap().json().await.unwrap();
    let call = text(&list["items"][0]["call_id"]);
    let record = recorded(&engine, &call, "complete").await;
    let recording = &record["recordings"][0];
    assert_eq!(
        (&recording["at_ms"], &recording["lost_ms"]),
        (&json!(0), &json!(0))
    );
    let file = whole_file(&engine).await;
    assert_eq!(file, folder(&engine).join(text(&recording["file"])));
    let [left, right] = sides(&file);
    let lasted_ms = recording["length_ms"].as_u64().unwrap();
    let reported_ms = report.reported["lasted_ms"].as_u64().unwrap();
    assert!(
        lasted_ms.abs_diff(reported_ms) < 1_500,
        "{lasted_ms} of {reported_ms} ms"
    );

    // what the caller's own telephone has recorded
    let [caller, bot] = sides(&out.path().join("barges-in/call.wav"));
    for (name, here, there) in [("caller", &left, &caller), ("bot", &right, &bot)] {
        let (lag_ms, like) = here.lag(there);
        assert!(
            lag_ms.abs() <= APART_MS && like > 0.85,
            "{name}: {lag_ms} ms, {like}"
        );
    }
    // what the record says of the same
    let lines = record["transcript"].as_array().unwrap();
    let ms = |line: &Value, key: &str| line[key].as_i64().unwrap();
    let (mut spoken, mut played, mut cut, mut bot_end_ms) = (0, 0, 0, i64::MIN);
    for (at, line) in lines.iter().enumerate() {
        let (begin_ms, lasted_ms) = (ms(line, "at_ms"), ms(line, "lasted_ms"));
        let end_ms = begin_ms + lasted_ms;
        if line["speaker"] == "caller" {
            spoken += 1;
            // the transcript has when a voice was detected, which takes `ONSET_MS` of it
            let begins_ms = left.begins(begin_ms - 3 * APART_MS);
            assert!(
                (begins_ms..=begins_ms + ONSET_MS + APART_MS).contains(&begin_ms)
                    || (begins_ms - begin_ms).abs() <= APART_MS,
                "{begins_ms}: {line:#}"
            );
            assert!(
                left.sounds(end_ms - 3 * APART_MS, end_ms + APART_MS),
                "{line:#}"
            );
        }
        if line["speaker"] != "bot" || line["heard"] == "unheard" {
            continue;
        }
        if begin_ms > bot_end_ms + 3 * APART_MS {
            played += 1;
            let begins_ms = right.begins(begin_ms - 2 * APART_MS);
            assert!(
                (begins_ms - begin_ms).abs() <= APART_MS,
                "{begins_ms}: {line:#}"
            );
        }
        bot_end_ms = end_ms;
        if line["heard"] == "partial" {
            let mut later = lines[at + 1..]
                .iter()
                .filter(|line| line["speaker"] == "bot");
            let next_ms = later
                .next()
                .map_or(end_ms + 1_000, |line| ms(line, "at_ms"));
            assert!(right.sounds(end_ms - 3 * APART_MS, end_ms), "{line:#}");
            let (from_ms, until_ms) = (end_ms + APART_MS, next_ms - APART_MS);
            assert!(
                !right.sounds(from_ms, until_ms),
                "{from_ms} to {until_ms}: {line:#}"
            );
            cut += i32::from(until_ms > from_ms);
        }
    }
    assert!(
        spoken >= 2 && played >= 3 && cut >= 1,
        "{spoken} {played} {cut}: {record:#}"
    );
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_given_to_who_may_have_it_exported_checked_and_erased_with_its_person() {
    let flows = reminder();
    let engine = Setup::new(format!("{RECORDED}{BY_KEYS}"))
        .flows(flows.path())
        .start();
    let call = called(&engine, "rec1").await;
    let record = recorded(&engine, &call, "complete").await;
    let file = whole_file(&engine).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&folder(&engine))), (0o600, 0o700));

    let path = format!("/api/calls/{call}/recording");
    let whole = get(&engine, &path, ("accept", "*/*")).await;
    if whole.status() != 200 {
        panic!("{}: {record:#}", whole.text().await.unwrap());
    }
    assert_eq!(whole.headers()["content-type"], "audio/wav");
    let tag = whole.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(tag, format!("{}", record["recordings"][0]["sha256"]));
    let bytes = whole.bytes().await.unwrap();
    assert_eq!(bytes, fs::read(&file).unwrap());
    for (header, status, length) in [
        (("range", "bytes=0-43"), 206, 44),
        (("range", "bytes=4-"), 206, bytes.len() - 4),
        (("if-none-match", tag.as_str()), 304, 0),
    ] {
        let answer = get(&engine, &path, header).await;
        assert_eq!(answer.status().as_u16(), status, "{header:?}");
        assert_eq!(answer.bytes().await.unwrap().len(), length, "{header:?}");
    }
    let beyond = get(&engine, &path, ("range", "bytes=999999999-")).await;
    assert_eq!(beyond.status(), 416);
    let beyond: Value = beyond.json().await.unwrap();
    assert_eq!(beyond["type"], "/problems/unusable-range", "{beyond:#}");
    for (of, status) in [("\"other\"", 200), (tag.as_str(), 206)] {
        let request = engine
            .http()
            .get(engine.url(&path))
            .header("range", "bytes=0-9");
        let answer = request.header("if-range", of).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{of}");
    }
    for (query, status) in [("?number=2", 404), ("?number=0", 400), ("?colour=red", 400)] {
        let answer = get(&engine, &format!("{path}{query}"), ("accept", "*/*")).await;
        assert_eq!(answer.status().as_u16(), status, "{query}");
    }

    let out = tempfile::tempdir().unwrap();
    let (plain, archive) = (out.path().join("plain"), out.path().join("calls.zip"));
    for target in [&plain, &archive] {
        let target = target.to_str().unwrap();
        let exported = asked(&engine, &["calls", "export", &call, "-o", target]);
        assert_eq!(exported.code, 0, "{exported:?}");
        let verified = ghanti(&engine, &["calls", "verify", target], "");
        assert_eq!(verified.code, 0, "{verified:?}");
    }
    let exported = plain.join(&call).join("recording-1.wav");
    assert_eq!(fs::read(&exported).unwrap(), bytes);
    assert!(fs::metadata(&archive).unwrap().len() > 0);
    let mut changed = bytes.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    for (now, reported) in [
        (
            Some(changed),
            "`recording-1.wav` is not the original recording",
        ),
        (None, "is missing"),
    ] {
        match now {
            Some(bytes) => fs::write(&exported, bytes).unwrap(),
            None => fs::remove_file(&exported).unwrap(),
        }
        let verified = ghanti(&engine, &["calls", "verify", plain.to_str().unwrap()], "");
        assert!(
            verified.code == 1 && verified.out.contains(reported),
            "{verified:?}"
        );
    }

    let erased = ghanti(
        &engine,
        &["customers", "erase", "-", "--url", &engine.url("")],
        PHONE,
    );
    assert!(
        erased.code == 0 && erased.out.contains("1 recordings of calls"),
        "{erased:?}"
    );
    assert_eq!(files(&engine), Vec::<PathBuf>::new());
    let record = recorded(&engine, &call, "deleted").await;
    assert_eq!(record["recordings"][0]["deleted_for"], "erasure");
    assert!(record["recordings"][0]["deleted_at"].is_string());
    let gone: Value = get(&engine, &path, ("accept", "*/*"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(gone["type"], "/problems/no-recording", "{gone:#}");
    let verified = asked(&engine, &["calls", "verify", "--all"]);
    assert!(
        verified.code == 0
            && verified.out.contains("was erased")
            && verified
                .out
                .contains("1 recordings were deleted with the erasure of a person"),
        "{verified:?}"
    );
    let again = out.path().join("again");
    let exported = asked(
        &engine,
        &["calls", "export", &call, "-o", again.to_str().unwrap()],
    );
    assert_eq!(exported.code, 0, "{exported:?}");
    assert!(!again.join(&call).join("recording-1.wav").exists());
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_engine_has_recorded_is_readable_and_what_is_old_goes() {
    let flows = reminder();
    let config = format!("{RECORDED}{BY_KEYS}[retention]\nrecordings-days = 1\n");
    let mut engine = Setup::new(config).flows(flows.path()).start();
    let sid = "killed1";
    let call = engine.customer(PHONE, Some("emi-reminder")).await;
    let mut stream = Stream::begin(&engine, sid, PHONE).await;
    let mut frames = tokio::time::interval(Duration::from_millis(120));
    until("something was recorded", async || {
        frames.tick().await;
        stream.say(&silence_of(sid)).await;
        let bytes = files(&engine)
            .first()
            .map_or(0, |file| fs::metadata(file).unwrap().len());
        if bytes > 44 + 32_000 {
            Ok(())
        } else {
            Err(bytes)
        }
    })
    .await;
    assert_eq!(
        engine.record(&call).await.unwrap()["recordings"][0]["state"],
        "begun"
    );
    engine.start_again();
    let record = recorded(&engine, &call, "mended").await;
    assert_eq!(record["outcome"], "engine-stopped", "{record:#}");
    assert_eq!(
        record["problems"][0]["name"], "recording-incomplete",
        "{record:#}"
    );
    let file = folder(&engine).join(text(&record["recordings"][0]["file"]));
    until("it has its name", async || {
        if file.is_file() {
            Ok(())
        } else {
            Err(files(&engine))
        }
    })
    .await;
    let [_, right] = sides(&file);
    assert!(right.sounds(0, 2_000), "the greeting");
    let bytes = get(
        &engine,
        &format!("/api/calls/{call}/recording"),
        ("accept", "*/*"),
    )
    .await;
    let tag = format!("{}", record["recordings"][0]["sha256"]);
    assert_eq!(bytes.headers()["etag"], tag.as_str());

    // as old as its name says, and of a call that is not there any more
    let old = folder(&engine).join(format!("{call}-1000.wav"));
    fs::copy(&file, &old).unwrap();
    let nobodys = folder(&engine).join("0190a1b2-0000-7000-8000-000000000001-1000.wav");
    fs::rename(&file, &nobodys).unwrap();
    engine.start_again();
    until("what is old goes", async || {
        let left = files(&engine);
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    let missing = get(
        &engine,
        &format!("/api/calls/{call}/recording"),
        ("accept", "*/*"),
    )
    .await;
    assert_eq!(missing.status(), 404);
    // a restarted engine is still the one whose folder it is
    let why = missing.text().await.unwrap();
    assert!(
        why.contains("the recording is not in this engine's data folder"),
        "{why}"
    );
    // the call's own file was taken away by the test, which no event says
    let verified = asked(&engine, &["calls", "verify", "--all"]);
    assert!(
        verified.code == 1 && verified.out.contains("is missing from the data folder"),
        "{verified:?}"
    );
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_the_recording_and_not_the_call() {
    let flows = reminder();
    let config = format!("{RECORDED}keep-free-mib = 1073741824\n{BY_KEYS}");
    let engine = Setup::new(config).flows(flows.path()).start();
    let call = called(&engine, "full1").await;
    let record = recorded(&engine, &call, "missing").await;
    assert_eq!(record["outcome"], "hung-up");
    let problem = &record["problems"][0];
    assert_eq!(problem["name"], "recording-incomplete", "{record:#}");
    assert!(
        text(&problem["detail"]).contains("keep-free-mib"),
        "{problem:#}"
    );
    assert_eq!(files(&engine), Vec::<PathBuf>::new());
    let plain = Setup::new(BY_KEYS).flows(flows.path()).start();
    let call = called(&plain, "plain1").await;
    assert!(
        plain
            .record(&call)
            .await
            .unwrap()
            .get("recordings")
            .is_none()
    );
    assert!(!folder(&plain).exists());
}
