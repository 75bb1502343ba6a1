//! What an operator does and what happens to the engine: settings, tokens, signals, a crowd at the
//! door, a second engine on the same data.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::support::{
    Engine, PATIENCE, Setup, Stream, parts_of_emi_reminder, program, refusal, root,
};
use serde_json::Value;
use tempfile::TempDir;

/// Callers answer by keys here: no words are waited for.
const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
/// Of open files, for an engine that has few: it takes a dozen calls.
const FEW_FILES: u32 = 120;

/// An engine with the shipped flow in Rust alone: the others take long to compile.
fn setup(config: impl Into<String>) -> Setup {
    static FLOWS: LazyLock<TempDir> = LazyLock::new(|| {
        let (flows, shipped) = (
            tempfile::tempdir().unwrap(),
            root().join("flows/emi-reminder"),
        );
        let copy = flows.path().join("emi-reminder");
        fs::create_dir_all(copy.join("prompts")).unwrap();
        for file in &parts_of_emi_reminder() {
            fs::copy(shipped.join(file), copy.join(file)).unwrap();
        }
        flows
    });
    Setup::new(config).flows(FLOWS.path())
}

async fn ready(engine: &Engine) -> Value {
    engine
        .http()
        .get(engine.url("/readyz"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

/// Connections that ask for nothing, for half a request, or send half a body.
fn crowd(engine: &Engine, size: usize) -> Vec<TcpStream> {
    const STARTS: [&str; 4] = [
        "",
        "GET /passthru?CallSid=",
        "GET /healthz HTTP/1.1\r\nhost: a\r\nx-",
        "POST /status HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 99\r\n\r\nCallSid=",
    ];
    let connect = |at: usize| {
        let mut stream = TcpStream::connect(engine.address()).unwrap();
        // it may be closed by now
        drop(stream.write_all(STARTS[at % STARTS.len()].as_bytes()));
        stream
    };
    (0..size).map(connect).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_idle_connections_takes_no_voice_and_keeps_no_call_out() {
    let engine = setup(BY_KEYS).open_files(FEW_FILES).start();
    let reported = ready(&engine).await;
    let (calls, connections) = (
        reported["max_calls"].as_u64().unwrap(),
        reported["max_connections"].as_u64().unwrap(),
    );
    assert!(
        (2..u64::from(FEW_FILES)).contains(&calls)
            && (2..u64::from(FEW_FILES)).contains(&connections),
        "{reported}"
    );
    assert!(
        reported["limited_by"]
            .as_str()
            .unwrap()
            .contains("`ulimit -n`"),
        "{reported}"
    );
    assert!(
        engine.logs().contains("the limit of open files is low"),
        "{}",
        engine.logs()
    );

    engine.customer("09876530001", None).await;
    let mut live = Stream::begin(&engine, "crowd-a", "09876530001").await;
    live.hear_voice().await;
    let crowd = crowd(&engine, 300);
    // the second call's greeting has a name in it, so that a process has to speak it; the first
    // one's voice goes on
    engine.customer("09876530002", None).await;
    let passthru = engine
        .http()
        .get(engine.url("/passthru?CallSid=crowd-b&CallFrom=09876530002"))
        .send()
        .await
        .unwrap();
    assert_eq!(passthru.status(), 200);
    let mut second = Stream::begin(&engine, "crowd-b", "09876530002").await;
    second.hear_voice().await;
    live.hear_voice().await;
    assert!(
        engine.logs().contains("too many connections"),
        "{}",
        engine.logs()
    );
    assert!(
        !engine.logs().contains("cannot accept") && !engine.logs().contains("cannot start"),
        "{}",
        engine.logs()
    );
    drop(crowd);
    live.hang_up("crowd-a").await;
    second.hang_up("crowd-b").await;
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_come_to_its_end_is_given_up() {
    let engine = setup(format!("{BY_KEYS}[server]\nhead-s = 1\nbody-s = 1\n")).start();
    for mut stream in crowd(&engine, 4) {
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut answer = Vec::new();
        // closed, with or without an answer; a reset is a close as well
        if let Err(error) = stream.read_to_end(&mut answer) {
            assert_eq!(
                error.kind(),
                std::io::ErrorKind::ConnectionReset,
                "it is still open: {error}"
            );
        }
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_urls_that_are_printed_open_the_doors_whatever_the_tokens_are() {
    let tokens = "stream-token = 's+t/r?e#a%m&0=12'\napplet-token = 'p+q r'\napi-token = 'a+b/c?d#e%f&0=12'\n";
    let reported = refusal(&setup(format!("{BY_KEYS}[server]\n{tokens}"))).words;
    assert!(
        reported.contains("`applet-token`") && !reported.contains("p+q"),
        "{reported}"
    );

    let engine = setup(format!(
        "{BY_KEYS}[server]\n{}",
        tokens.replace("p+q r", "p+q/r?s#t%u&v=wx")
    ))
    .start();
    let reported = engine
        .http()
        .get(engine.url("/websocket-url"))
        .bearer_auth("a+b/c?d#e%f&0=12")
        .send()
        .await
        .unwrap();
    let reported: Value = reported.json().await.unwrap();
    for applet in reported["applets"].as_array().unwrap() {
        let response = engine
            .http()
            .get(applet["url"].as_str().unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{applet}");
    }
    let dynamic = reported["applets"][1]["url"].as_str().unwrap();
    let url: Value = engine
        .http()
        .get(dynamic)
        .query(&[("CallSid", "url-a")])
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let path = url["url"]
        .as_str()
        .unwrap()
        .split_once(engine.address())
        .unwrap()
        .1;
    assert!(Stream::open(&engine, path).await.is_ok(), "{path}");
    // as people write it, with a `+` that stands for itself
    let passthru = engine
        .http()
        .get(engine.url("/passthru?token=p+q/r?s%23t%25u%26v=wx"))
        .send()
        .await
        .unwrap();
    assert_eq!(passthru.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_hands_out_a_token_that_nothing_guards() {
    let engine = setup(format!(
        "{BY_KEYS}[server]\ninsecure = true\nstream-token = 'stream-0123456789'\n"
    ))
    .start();
    for path in ["/voicebot-url", "/voicebot-url?CallSid=a", "/websocket-url"] {
        let body = engine
            .http()
            .get(engine.url(path))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(
            !body.contains("0123456789") && body.contains("-token"),
            "{path}: {body}"
        );
    }
    let reported = refusal(&setup(format!(
        "{BY_KEYS}[server]\nstream-token = 'stream-0123456789'\n"
    )))
    .words;
    assert!(
        reported.contains("`applet-token` and `api-token`") && !reported.contains("0123456789"),
        "{reported}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_stop_the_engine_after_its_calls_or_at_once_and_a_closed_terminal_does_not() {
    let mut engine = setup(BY_KEYS).start();
    let mut live = Stream::begin(&engine, "sig-a", "09876530003").await;
    live.hear_voice().await;
    engine.signal("HUP");
    live.hear_voice().await;
    engine.ask_to_stop();
    let given_up = Instant::now() + Duration::from_secs(60);
    while ready(&engine).await["draining"] != true {
        assert!(Instant::now() < given_up, "{}", engine.logs());
    }
    live.hear_voice().await;
    assert!(
        engine.logs().contains("SIGHUP is ignored") && engine.logs().contains("drain_s=1860"),
        "{}",
        engine.logs()
    );
    let asked = Instant::now();
    engine.ask_to_stop();
    assert_eq!(engine.stopped(Duration::from_secs(60)).code(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(30),
        "the call could have gone on for minutes"
    );
    assert!(
        engine
            .logs()
            .contains("a second signal: ending all calls at once")
            && engine.logs().contains("lost=0"),
        "{}",
        engine.logs()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_on_the_same_data_is_refused() {
    let engine = setup(BY_KEYS).start();
    let data = engine.house().join("data");
    let refused = refusal(&setup(BY_KEYS).data(&data));
    assert_eq!(refused.code, Some(1));
    for part in [
        &data.display().to_string(),
        "another engine",
        "--data",
        &engine.pid().to_string(),
    ] {
        assert!(
            refused.words.contains(part),
            "`{part}` is missing: {}",
            refused.words
        );
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_says_when_it_runs_on_sample_values_and_takes_the_operators() {
    let all = || root().join("flows");
    let engine = setup(BY_KEYS).flows(all()).start();
    let samples = &ready(&engine).await["samples"];
    assert_eq!(
        samples["emi-reminder"],
        serde_json::json!(["bot-name", "caller", "lender", "transfer.default"]),
        "{samples}"
    );
    assert_eq!(
        (&samples["appointment"], &samples["survey"]),
        (
            &serde_json::json!(["clinic"]),
            &serde_json::json!(["company"])
        ),
        "{samples}"
    );
    assert!(
        engine.logs().contains("the flow runs on sample values"),
        "{}",
        engine.logs()
    );
    let own = "[calls]\nagents = ['08040001111']\n[settings]\nlender = 'Mine'\ncaller = 'Mine'\nbot-name = 'Ravi'\n\
        clinic = 'Mine'\ncompany = 'Mine'\n";
    let engine = setup(format!("{BY_KEYS}{own}")).flows(all()).start();
    assert_eq!(ready(&engine).await["samples"], serde_json::json!({}));
    assert!(
        !engine.logs().contains("sample values"),
        "{}",
        engine.logs()
    );
}

#[test]
fn init_writes_a_configuration_that_checks_and_never_overwrites_one() {
    let house = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let file = house.path().join("ghanti.toml");
        let output = program()
            .args(arguments)
            .arg("--config")
            .arg(&file)
            .output()
            .unwrap();
        let reported = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8(reported).unwrap(),
            fs::read_to_string(&file).unwrap_or_default(),
        )
    };
    let (done, reported, _) = run(&["init", "--public-url", "bot.example.com"]);
    assert!(
        !done && reported.contains("`public-url`") && !house.path().join("ghanti.toml").exists(),
        "{reported}"
    );
    let (done, reported, text) = run(&["init", "--lender", "Mine", "--agent", "08040001111"]);
    assert!(
        done && reported.contains("caller, bot-name, public-url")
            && text.contains("lender = \"Mine\""),
        "{reported}\n{text}"
    );
    let mode = fs::metadata(house.path().join("ghanti.toml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let tokens = text
        .lines()
        .filter(|line| line.contains("-token = ") && !line.starts_with('#'));
    assert!(
        tokens.clone().count() == 3 && tokens.clone().all(|line| !reported.contains(line)),
        "{text}"
    );
    let (done, reported, after) = run(&["init"]);
    assert!(
        !done && reported.contains("exists already") && after == text,
        "{reported}"
    );
    assert!(run(&["config", "check"]).0);
    let (done, printed, _) = run(&["config", "print"]);
    for line in [
        "lender = \"Mine\"",
        "agents = [\"+918040001111\"]",
        "api-token = \"‹secret›\"",
        "# redis-url = \"rediss://:password@host:6379/0\"",
    ] {
        assert!(
            done && printed.lines().any(|printed| printed == line),
            "`{line}` is missing in\n{printed}"
        );
    }
}

#[test]
fn what_init_writes_begins_to_serve_where_nothing_recognises_speech() {
    let folder = tempfile::tempdir().unwrap();
    let ghanti = |arguments: &[&str]| {
        let mut command = program();
        command
            .args(arguments)
            .current_dir(&folder)
            .env_remove("GHANTI_SPEECH_VOSK_LIBRARY")
            .env_remove("GHANTI_SPEECH_RECOGNIZER");
        command
    };
    let output = ghanti(&["init"]).output().unwrap();
    let reported = String::from_utf8(output.stdout).unwrap();
    assert!(
        reported.contains("callers answer with keys") && reported.contains("libvosk.so"),
        "{reported}"
    );
    fs::create_dir(folder.path().join("flows")).unwrap();
    let errors = fs::File::create(folder.path().join("errors")).unwrap();
    let mut serving = ghanti(&["serve", "--listen", "127.0.0.1:0"])
        .stdout(errors.try_clone().unwrap())
        .stderr(errors)
        .spawn()
        .unwrap();
    let said = || fs::read_to_string(folder.path().join("errors")).unwrap();
    let given_up = Instant::now() + PATIENCE;
    while !said().contains("ready: calls are taken") {
        assert!(
            serving.try_wait().unwrap().is_none() && Instant::now() < given_up,
            "{}",
            said()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    serving.kill().unwrap();
    serving.wait().unwrap();

    // who has asked for a recogniser gets one message of what is missing
    let output = ghanti(&["serve", "--listen", "127.0.0.1:0"])
        .env("GHANTI_SPEECH_RECOGNIZER", "vosk")
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        error.matches("cannot open the speech recogniser").count(),
        1,
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_writes_is_for_its_user_alone() {
    let fresh = tempfile::tempdir().unwrap();
    let data = fresh.path().join("data");
    let engine = setup(BY_KEYS).data(&data).start();
    engine.customer("+919876510061", None).await;
    let mut stream = Stream::begin(&engine, "private", "+919876510061").await;
    stream.hear_voice().await;
    drop(stream);
    engine.ended("private").await;

    let mut folders = vec![data, engine.house().join("logs")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", folder.display());
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
                files += 1;
            }
        }
    }
    assert!(files > 3, "the engine wrote {files} files");
}
