//! Speech over the network in calls: a provider that dies in the middle of a call, and what
//! `ghanti speech` shows.

#[path = "../../../engine/speech/tests/stand_in/mod.rs"]
pub mod stand_in;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use ghanti_speech::providers::Kind;
use serde_json::Value;
use tempfile::TempDir;

use self::stand_in::{KEY, Mode, StandIn};
use crate::support::{Engine, PATIENCE, Playing, Setup, program, scenario};

/// A call reaches any of its prompts within this.
const CONVERSATION: Duration = Duration::from_secs(180);

/// The call's record once the bot says a template.
async fn saying(engine: &Engine, template: &str) -> Value {
    let given_up = Instant::now() + CONVERSATION;
    loop {
        let calls = engine.http().get(engine.url("/api/calls")).send().await;
        let newest: Value = calls.unwrap().json().await.unwrap();
        if let Some(call) = newest["items"][0]["call_id"].as_str() {
            let record = engine.record(call).await.unwrap();
            let lines = record["transcript"].as_array().unwrap();
            if lines.iter().any(|line| line["name"] == template) {
                return record;
            }
        }
        assert!(
            Instant::now() < given_up,
            "`{template}` is never said: {newest:#?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn problem<'r>(record: &'r Value, name: &str) -> Option<&'r str> {
    let problems = record["problems"].as_array().unwrap();
    let found = problems.iter().find(|problem| problem["name"] == name);
    found.map(|problem| problem["detail"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_synthesizer_dies_goes_on_with_the_next_one() {
    let stand_in = StandIn::start(Kind::OpenAi, Mode::Good).await;
    let engine = Setup::new(format!(
        "[speech]\nsynthesizers = ['own', 'espeak']\n[speech.providers.own]\nkind = 'openai'\nurl = '{}'\nkey = '{KEY}'\nvoices = {{ en-IN = 'a voice' }}\n",
        stand_in.url
    ))
    .start();
    let playing = Playing::begin(&engine, &scenario("agrees"));
    let record = saying(&engine, "greeting").await;
    assert_eq!(problem(&record, "synthesizer-lost"), None, "{record:#}");
    let before = stand_in.asked();
    assert!(before > 0, "the first prompt is the provider's");
    stand_in.is_now(Mode::Drops);

    let report = tokio::task::spawn_blocking(|| playing.report())
        .await
        .unwrap();
    assert_eq!(
        (report.code, &report.reported["outcome"]),
        (Some(0), &"transferred".into()),
        "{}",
        report.shown
    );
    let record = engine.ended(record["call_id"].as_str().unwrap()).await;
    let lost = problem(&record, "synthesizer-lost").expect("the loss is in the record");
    // what runs ahead may have failed so often by then that it is not tried any more
    let is_told = lost.contains("broke off") || lost.contains("is left alone for a while");
    assert!(
        lost.contains("`espeak-ng` took over from `own`") && is_told,
        "{lost}"
    );
    // every prompt was heard, whole
    assert_eq!(problem(&record, "prompt-failed"), None, "{record:#}");
    let failures =
        "ghanti_speech_failures_total{role=\"synthesizer\",provider=\"own\",fault=\"broken\"}";
    let counted = engine.metrics().await;
    assert!(counted.contains(failures), "{counted}");
    // once it had failed three times, nobody waited for it any more
    assert!(
        stand_in.asked() - before <= 6,
        "{} requests to one that is dead",
        stand_in.asked() - before
    );
    assert_eq!(stand_in.wrong(), [""; 0]);
    let log = fs::read_to_string(engine.house().join("logs/application.log")).unwrap();
    assert!(log.contains("a synthesizer failed"), "{log}");
    for secret in [KEY, "12,500", "Priya"] {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_recogniser_breaks_off_is_understood_by_the_next_one() {
    let stand_in = StandIn::start(Kind::VoskServer, Mode::Drops).await;
    let engine = Setup::new(format!(
        "[speech]\nrecognizers = ['far', 'vosk']\n[speech.providers.far]\nkind = 'vosk-server'\nurl = '{}'\n",
        stand_in.url
    ))
    .start();
    let playing = Playing::begin(&engine, &scenario("agrees"));
    let report = tokio::task::spawn_blocking(|| playing.report())
        .await
        .unwrap();
    assert_eq!(
        (report.code, &report.reported["outcome"]),
        (Some(0), &"transferred".into()),
        "{}",
        report.shown
    );
    let record = saying(&engine, "greeting").await;
    let record = engine.ended(record["call_id"].as_str().unwrap()).await;
    let lost = problem(&record, "recognizer-lost").expect("the loss is in the record");
    assert!(lost.contains("`vosk` took over from `far`"), "{lost}");
    assert_eq!(problem(&record, "recognition-failed"), None, "{record:#}");
    assert!(stand_in.asked() > 0);
    let failures =
        "ghanti_speech_failures_total{role=\"recognizer\",provider=\"far\",fault=\"broken\"}";
    let counted = engine.metrics().await;
    assert!(counted.contains(failures), "{counted}");
    // how long the caller waited, stage by stage, and turn by turn
    for stage in ["endpoint", "result", "flow", "whole"] {
        let count = format!("ghanti_turn_seconds_count{{stage=\"{stage}\"}} ");
        let turns = counted.lines().find_map(|line| line.strip_prefix(&count));
        assert!(
            turns.is_some_and(|turns| turns != "0"),
            "{stage}: {counted}"
        );
    }
    assert!(
        counted.contains("ghanti_turn_seconds_bucket{le=\"0.05\",stage=\"result\"}"),
        "{counted}"
    );
    let call = record["call_id"].as_str().unwrap();
    let mut events = engine
        .http()
        .get(engine.url(&format!("/api/calls/{call}/events")))
        .send()
        .await
        .unwrap();
    let mut reported = String::new();
    while !reported.contains("\"kind\":\"responded\"") {
        let more = tokio::time::timeout(PATIENCE, events.chunk())
            .await
            .expect("no turn is timed");
        reported += &String::from_utf8_lossy(&more.unwrap().expect("no turn is timed"));
    }
}

/// Runs `ghanti speech` with a configuration.
async fn speech(config: &str, arguments: &[&str]) -> (TempDir, Output) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ghanti.toml"), config).unwrap();
    let tools = crate::support::root().join(".tools");
    let mut command = program();
    command
        .current_dir(folder.path())
        .env("GHANTI_SPEECH_VOSK_LIBRARY", tools.join("vosk/libvosk.so"))
        .env(
            "GHANTI_SPEECH_VOSK_MODELS",
            format!(
                "{{ en-IN = '{}' }}",
                tools.join("vosk/vosk-model-small-en-us-0.15").display()
            ),
        )
        .arg("speech")
        .args(arguments);
    let running = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = tokio::time::timeout(PATIENCE, running).await;
    (folder, output.expect("it does not end").unwrap())
}

fn shown(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn samples(file: &Path) -> (u32, usize) {
    let reader = hound::WavReader::open(file).unwrap();
    (reader.spec().sample_rate, reader.duration() as usize)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_said_into_a_file_and_heard_from_it() {
    let stand_in = StandIn::start(Kind::Sarvam, Mode::Status(401)).await;
    let config = format!(
        "[speech]\nsynthesizers = ['sarvam', 'espeak']\n[speech.providers.sarvam]\nurl = '{}'\nkey = '{KEY}'\nvoices = {{ en-IN = 'a voice' }}\n",
        stand_in.url
    );
    let (folder, said) = speech(&config, &["say", "Yes, of course.", "-o", "yes.wav"]).await;
    let reported = shown(&said);
    assert!(said.status.success(), "{reported}");
    assert!(
        reported.contains("`espeak-ng` took over from `sarvam`")
            && reported.contains("whether `key` is right"),
        "{reported}"
    );
    assert!(!reported.contains(KEY), "{reported}");
    let file = folder.path().join("yes.wav");
    let (rate_hz, length) = samples(&file);
    assert!(rate_hz == 8_000 && length > 4_000, "{rate_hz} Hz, {length}");

    let vosk = [
        "hear",
        file.to_str().unwrap(),
        "--choices",
        "yes,no",
        "--json",
    ];
    let (_, heard) = speech("", &vosk).await;
    let understood: Value =
        serde_json::from_slice(&heard.stdout).unwrap_or_else(|_| panic!("{}", shown(&heard)));
    assert_eq!(understood["answer"], "yes", "{understood}");
    assert!(
        understood["turns"][0]["confidence"].as_f64().unwrap() >= 0.5,
        "{understood}"
    );
    // the same by a provider, through its own protocol
    let server = StandIn::start(Kind::VoskServer, Mode::Good).await;
    let far = format!(
        "[speech]\nrecognizers = ['far']\n[speech.providers.far]\nkind = 'vosk-server'\nurl = '{}'\n",
        server.url
    );
    let (_, heard) = speech(&far, &vosk).await;
    let understood: Value =
        serde_json::from_slice(&heard.stdout).unwrap_or_else(|_| panic!("{}", shown(&heard)));
    assert_eq!(
        (&understood["answer"], &understood["turns"][0]["text"]),
        (&"yes".into(), &"yes please".into())
    );
    assert!(server.heard_bytes() > 8_000);

    let (_, wrong) = speech(
        "",
        &["hear", file.to_str().unwrap(), "--choices", "perhaps"],
    )
    .await;
    assert!(
        !wrong.status.success() && shown(&wrong).contains("perhaps"),
        "{}",
        shown(&wrong)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_asks_each_by_itself() {
    let good = StandIn::start(Kind::Deepgram, Mode::Good).await;
    let bad = StandIn::start(Kind::Google, Mode::Status(429)).await;
    let config = format!(
        "[speech]\nsynthesizers = ['deepgram', 'google', 'espeak']\nrecognizers = ['google', 'vosk']\n[speech.providers.deepgram]\nurl = '{}'\nkey = '{KEY}'\nvoices = {{ en-IN = 'a voice' }}\n[speech.providers.google]\nurl = '{}'\nkey = '{KEY}'\n",
        good.url, bad.url
    );
    let (folder, checked) = speech(&config, &["check", "--json", "--out", "samples"]).await;
    assert!(!checked.status.success(), "one of them does not work");
    let reported = shown(&checked);
    let all: Value =
        serde_json::from_slice(&checked.stdout).unwrap_or_else(|_| panic!("{reported}"));
    let of = |role: &str, name: &str| {
        let all = all.as_array().unwrap();
        let found = all
            .iter()
            .find(|one| one["role"] == role && one["name"] == name);
        found
            .unwrap_or_else(|| panic!("{role} {name}: {reported}"))
            .clone()
    };
    assert_eq!(of("synthesizer", "deepgram")["sample_ms"], 500);
    assert_eq!(of("synthesizer", "deepgram")["error"], Value::Null);
    for role in ["synthesizer", "recognizer"] {
        let error = of(role, "google")["error"].as_str().unwrap().to_owned();
        assert!(error.contains("429"), "{error}");
    }
    let espeak = of("synthesizer", "espeak");
    assert_eq!(
        espeak["languages"].as_array().unwrap().len(),
        11,
        "{espeak}"
    );
    assert_eq!(
        of("recognizer", "vosk")["languages"],
        serde_json::json!(["en-IN"])
    );
    assert_eq!(
        samples(&folder.path().join("samples/deepgram.wav")),
        (8_000, 4_000)
    );
    assert!(folder.path().join("samples/espeak.wav").exists());
    assert!(!reported.contains(KEY), "{reported}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_that_are_the_same_in_every_call_are_spoken_ahead() {
    let stand_in = StandIn::start(Kind::OpenAi, Mode::Good).await;
    let config = format!(
        "[speech]\nsynthesizers = ['own']\n[speech.providers.own]\nkind = 'openai'\nurl = '{}'\nkey = '{KEY}'\n",
        stand_in.url
    );
    let flows = crate::support::root().join("flows");
    let data = tempfile::tempdir().unwrap();
    let arguments = [
        "warm",
        "emi-reminder",
        "--flows",
        flows.to_str().unwrap(),
        "--data",
        data.path().to_str().unwrap(),
    ];
    let (_, warmed) = speech(&config, &arguments).await;
    let reported = shown(&warmed);
    assert!(warmed.status.success(), "{reported}");
    let of_hindi = |reported: &str| {
        let line = reported
            .lines()
            .find(|line| line.starts_with("emi-reminder in hi-IN"));
        line.unwrap_or_else(|| panic!("{reported}")).to_owned()
    };
    assert!(
        of_hindi(&reported).ends_with("new, 0 already there"),
        "{reported}"
    );
    assert!(reported.contains("  greeting: name\n"), "{reported}");
    // its variables are settings
    assert!(!reported.contains("  who-we-are"), "{reported}");
    let kept = fs::read_dir(data.path().join("prompts")).unwrap().count();
    assert!(kept > 11 * 15, "{kept}");

    // what is there is not asked for again
    let asked = stand_in.asked();
    let (_, again) = speech(&config, &arguments).await;
    let reported = shown(&again);
    assert!(
        again.status.success() && of_hindi(&reported).contains(": 0 new"),
        "{reported}"
    );
    assert_eq!(stand_in.asked(), asked);

    // a provider that fails is reported, by prompt and with its reason
    let dead = StandIn::start(Kind::OpenAi, Mode::Status(401)).await;
    let other = tempfile::tempdir().unwrap();
    let (_, failed) = speech(
        &config.replace(&stand_in.url, &dead.url),
        &[&arguments[..5], &[other.path().to_str().unwrap()]].concat(),
    )
    .await;
    let reported = shown(&failed);
    assert_eq!(failed.status.code(), Some(1), "{reported}");
    assert!(
        reported.contains("disclosure in en-IN: ") && reported.contains("failed"),
        "{reported}"
    );
    assert!(!reported.contains(KEY), "{reported}");
}
