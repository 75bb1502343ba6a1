//! Speculation in calls: what may be said next is spoken while a question waits, and nothing else of
//! it is seen anywhere.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ghanti_speech::providers::Kind;
use ghanti_test_servers::{Asked, Reply, StandIn as Crm};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::speech::stand_in::{KEY, Mode, StandIn};
use crate::support::{Engine, PATIENCE, Setup, Stream, program, refusal, root};

const PHONE: &str = "09876574055";
/// How long the synthesizer thinks: far longer than a prompt takes that is there.
const LATE: Duration = Duration::from_millis(800);

const AGREES: &str = "thank you, one moment";
const DECLINES: &str = "as you wish, goodbye";
const AFTERWARDS: &str = "that is all";

/// A synthesizer that is late.
async fn late() -> StandIn {
    let voice = StandIn::start(Kind::OpenAi, Mode::Good).await;
    voice.is_late_by(LATE);
    voice
}

/// A server for the action.
fn crm() -> Crm {
    Crm::http(|_: &Asked| Reply::ok(json!({ "due": 12_500 }).to_string()))
}

/// The configuration of an engine with that synthesizer; `more` is of `[speech]`.
fn config(voice: &StandIn, crm: &Crm, more: &str) -> String {
    format!(
        r#"
[speech]
recognizer = "none"
synthesizers = ["own"]
{more}

[speech.providers.own]
kind = "openai"
url = "{}"
key = "{KEY}"
voices = {{ en-IN = "a voice" }}

[actions.due-amount]
kind = "http"
url = "{}/due"
private = ["127.0.0.1"]
"#,
        voice.url,
        crm.url()
    )
}

/// A folder with a flow that asks, and goes on by its setting `act`.
fn flows(act: &str) -> TempDir {
    let flows = tempfile::tempdir().unwrap();
    let folder = flows.path().join("invokes");
    fs::create_dir_all(folder.join("prompts")).unwrap();
    let component = root().join("plugins/target/fixtures/invokes.wasm");
    fs::copy(component, folder.join("flow.wasm")).unwrap();
    let manifest = format!(
        r#"
[flow]
languages = ["en-IN"]
establishes = ["agreed"]
[settings]
act = "{act}"
[grants]
actions = ["due-amount"]
[on-failure]
budget = "1/10m"
[questions.agree]
choices = {{ yes = {{ key = "1" }}, no = {{ key = "2" }} }}
wait = "60s"
no-input = ["agree"]
no-match = ["agree"]
"#
    );
    fs::write(folder.join("flow.toml"), manifest).unwrap();
    fs::write(
        folder.join("prompts/en-IN.ftl"),
        "agree = Shall I look it up?\n",
    )
    .unwrap();
    flows
}

/// A caller on the line: silent, until they press keys.
struct Caller {
    keys: mpsc::Sender<char>,
    line: JoinHandle<()>,
    call: String,
}

impl Caller {
    async fn begin(engine: &Engine, sid: &str, flow: &str) -> Self {
        let call = engine.customer(PHONE, Some(flow)).await;
        let passthru = format!("/passthru?CallSid={sid}&CallFrom={PHONE}&CustomField={call}");
        let request = engine.http().get(engine.url(&passthru));
        assert_eq!(request.send().await.unwrap().status(), 200);
        let is_known = |record: &Value| record["call_sid"] == sid;
        engine.record_when(&call, PATIENCE, is_known).await;
        let stream = Stream::begin(engine, sid, PHONE).await;
        let (keys, pressed) = mpsc::channel(8);
        let line = tokio::spawn(stay(stream, sid.to_owned(), pressed));
        Self { keys, line, call }
    }

    async fn press(&self, key: char) {
        self.keys.send(key).await.unwrap();
    }

    /// Waits until a prompt of this name was heard.
    async fn hears(&self, engine: &Engine, name: &str) -> Value {
        let was_heard = |record: &Value| {
            let lines = record["transcript"].as_array().unwrap();
            lines
                .iter()
                .any(|line| line["name"] == name && line["heard"] == "whole")
        };
        engine.record_when(&self.call, PATIENCE, was_heard).await
    }

    async fn ended(self, engine: &Engine) -> Value {
        let record = engine.ended(&self.call).await;
        self.line.abort();
        record
    }
}

/// Gives marks back at once and presses keys, until the bot closes the socket or there is nobody to
/// press them.
async fn stay(mut stream: Stream, sid: String, mut keys: mpsc::Receiver<char>) {
    let mut frames = tokio::time::interval(Duration::from_millis(120));
    loop {
        tokio::select! {
            message = stream.hear() => match message {
                Some(message) if message["event"] == "mark" => stream.say(&message).await,
                Some(_) => {}
                None => return,
            },
            key = keys.recv() => match key {
                Some(key) => {
                    let key = json!({ "event": "dtmf", "dtmf": { "digit": key.to_string(), "duration": "100" } });
                    stream.say(&key).await;
                }
                None => return stream.hang_up(&sid).await,
            },
            _ = frames.tick() => drop(stream.send_silence(&sid).await),
        }
    }
}

/// A counter of `GET /metrics`.
async fn counted(engine: &Engine, name: &str) -> u64 {
    let metrics = engine.metrics().await;
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value
        .unwrap_or_else(|| panic!("no `{name}`: {metrics}"))
        .parse()
        .unwrap()
}

/// Waits until a counter has this value.
async fn comes_to(engine: &Engine, name: &str, value: u64) {
    let given_up = Instant::now() + PATIENCE;
    loop {
        let now = counted(engine, name).await;
        if now == value {
            return;
        }
        assert!(
            now < value && Instant::now() < given_up,
            "`{name}` is {now} and not {value}\n{}",
            engine.metrics().await
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const SPOKEN: &str = "ghanti_speculation_prompts_total{result=\"spoken\"}";
const USED: &str = "ghanti_speculation_prompts_total{result=\"used\"}";
const REFUSED: &str = "ghanti_speculation_prompts_total{result=\"refused\"}";
const AT_HAND: &str = "ghanti_speculation_prompts_total{result=\"at-hand\"}";
const CHARACTERS: &str = "ghanti_speculation_characters_total";

fn forks(end: &str) -> String {
    format!("ghanti_speculation_forks_total{{end=\"{end}\"}}")
}

/// How often the synthesizer was to speak a text.
fn times(voice: &StandIn, text: &str) -> usize {
    voice.texts().iter().filter(|said| *said == text).count()
}

/// From the answer at the flow to the first audio of the reply, in milliseconds.
async fn audio_ms(engine: &Engine, call: &str) -> u64 {
    let events = engine
        .http()
        .get(engine.url(&format!("/api/calls/{call}/chain")))
        .send()
        .await
        .unwrap();
    let events: Value = events.json().await.unwrap();
    let found = find(&events, "audio_ms");
    found.unwrap_or_else(|| panic!("no turn: {events:#}"))
}

/// The first number of this name; events are JSON within JSON.
fn find(json: &Value, name: &str) -> Option<u64> {
    match json {
        Value::String(text) if text.starts_with('{') => {
            find(&serde_json::from_str(text).ok()?, name)
        }
        Value::Object(fields) => fields
            .get(name)
            .and_then(Value::as_u64)
            .or_else(|| fields.values().find_map(|field| find(field, name))),
        Value::Array(items) => items.iter().find_map(|item| find(item, name)),
        _ => None,
    }
}

/// Replays a call of an engine that has stopped.
fn replayed(engine: &Engine, flows: &Path, call: &str) -> (Option<i32>, String) {
    let mut command = program();
    command.args(["replay", call, "--config"]);
    command.arg(engine.house().join("ghanti.toml"));
    command.arg("--data").arg(engine.house().join("data"));
    command.arg("--flows").arg(flows);
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// How many lines the flow has logged.
fn flow_lines(engine: &Engine) -> usize {
    let log = engine.house().join("logs/application.log");
    let log = fs::read_to_string(log).unwrap();
    log.lines().filter(|line| line.contains("flow log")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_words_are_there_when_the_caller_answers_and_nothing_else_of_it_is_seen() {
    let (voice, crm, flows) = (late().await, crm(), flows("ask"));
    let mut engine = Setup::new(config(&voice, &crm, ""))
        .flows(flows.path())
        .start();
    let caller = Caller::begin(&engine, "ahead1", "invokes").await;
    let record = caller.hears(&engine, "agree").await;
    // on both answers: a prompt and an action, a prompt and its playout
    comes_to(&engine, SPOKEN, 2).await;
    assert_eq!((times(&voice, AGREES), times(&voice, DECLINES)), (1, 1));
    for (end, count) in [("outside", 1), ("waits", 1), ("failed", 0), ("dropped", 0)] {
        assert_eq!(counted(&engine, &forks(end)).await, count, "{end}");
    }
    assert_eq!(
        counted(&engine, CHARACTERS).await,
        (AGREES.len() + DECLINES.len()) as u64
    );

    // what the forks did is nowhere: they noted, established, logged, and came to an action
    let waiting = engine.record(&caller.call).await.unwrap();
    assert_eq!(waiting["transcript"], record["transcript"]);
    assert_eq!(waiting["problems"], json!([]), "{waiting:#}");
    assert!(!waiting.to_string().contains("agreed"), "{waiting:#}");
    let entries = waiting["journal"]["entries"].as_array().unwrap();
    assert!(
        entries.iter().all(|entry| entry["function"] == "setting"),
        "{entries:#?}"
    );
    assert_eq!((flow_lines(&engine), crm.asked().len()), (0, 0));
    assert_eq!(times(&voice, AFTERWARDS), 0);

    caller.press('1').await;
    let call = caller.call.clone();
    let record = caller.ended(&engine).await;
    assert_eq!(record["outcome"], "told", "{record:#}");
    assert_eq!(record["notes"]["due-amount"], "{\"due\":12500}");
    assert_eq!((flow_lines(&engine), crm.asked().len()), (1, 1));
    assert_eq!(counted(&engine, USED).await, 1);
    assert_eq!((times(&voice, AGREES), times(&voice, AFTERWARDS)), (1, 1));
    let with = audio_ms(&engine, &call).await;
    engine.is_well().await;
    engine.ask_to_stop();
    engine.stopped(PATIENCE);
    let (code, shown) = replayed(&engine, flows.path(), &call);
    assert_eq!(code, Some(0), "{shown}");

    // the same call without
    let voice = late().await;
    let off = config(&voice, &crm, "speculation = 'off'");
    let engine = Setup::new(off).flows(flows.path()).start();
    let caller = Caller::begin(&engine, "ahead2", "invokes").await;
    caller.hears(&engine, "agree").await;
    assert_eq!(times(&voice, AGREES), 0);
    caller.press('1').await;
    let call = caller.call.clone();
    let other = caller.ended(&engine).await;
    let without = audio_ms(&engine, &call).await;
    assert!(
        without >= 800 && with < without / 2,
        "the caller waits {with} ms with it, and {without} ms without"
    );
    assert_eq!(counted(&engine, CHARACTERS).await, 0);
    // and it was the same call
    let functions = |record: &Value| {
        let entries = record["journal"]["entries"].as_array().unwrap().clone();
        let each = entries.into_iter();
        each.map(|entry| json!([entry["function"], entry["arguments"]]))
            .collect::<Vec<_>>()
    };
    assert_eq!(functions(&record), functions(&other));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_gives_no_more_characters_ahead_than_it_may() {
    let (voice, crm, flows) = (late().await, crm(), flows("ask"));
    let config = config(&voice, &crm, "speculation-characters = 30");
    let engine = Setup::new(config).flows(flows.path()).start();
    let caller = Caller::begin(&engine, "ahead3", "invokes").await;
    comes_to(&engine, SPOKEN, 1).await;
    comes_to(&engine, REFUSED, 1).await;
    // what asks again is there
    comes_to(&engine, AT_HAND, 2).await;
    assert_eq!((times(&voice, AGREES), times(&voice, DECLINES)), (1, 0));
    assert_eq!(counted(&engine, CHARACTERS).await, AGREES.len() as u64);
    // whoever declines is told so all the same
    caller.press('2').await;
    let record = caller.ended(&engine).await;
    assert_eq!(record["outcome"], "declined", "{record:#}");
    assert_eq!(times(&voice, DECLINES), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_ahead_ends_with_its_call() {
    let (voice, crm, flows) = (late().await, crm(), flows("ask"));
    let config = config(&voice, &crm, "speculation-characters = 20");
    let engine = Setup::new(config).flows(flows.path()).start();
    // the first answer of the manifest is too long, and the second one fits
    let caller = Caller::begin(&engine, "ahead4", "invokes").await;
    comes_to(&engine, SPOKEN, 1).await;
    comes_to(&engine, REFUSED, 1).await;
    caller.press('2').await;
    assert_eq!(caller.ended(&engine).await["outcome"], "declined");
    assert_eq!(counted(&engine, USED).await, 1);
    // hung up in the middle of it: the call is over, and so is all that ran ahead
    let caller = Caller::begin(&engine, "ahead5", "invokes").await;
    caller.hears(&engine, "agree").await;
    let call = caller.call.clone();
    drop(caller.keys);
    let record = engine.ended(&call).await;
    assert_eq!(record["problems"], json!([]), "{record:#}");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_never_returns_or_traps_in_a_fork_harms_nobody() {
    let (voice, crm, flows) = (late().await, crm(), flows("ask-and-fail"));
    let engine = Setup::new(config(&voice, &crm, ""))
        .flows(flows.path())
        .start();
    for sid in ["ahead6", "ahead7", "ahead8"] {
        let failed = counted(&engine, &forks("failed")).await;
        let caller = Caller::begin(&engine, sid, "invokes").await;
        caller.hears(&engine, "agree").await;
        comes_to(&engine, &forks("failed"), failed + 2).await;
        let call = caller.call.clone();
        drop(caller.keys);
        let record = engine.ended(&call).await;
        assert_eq!(record["outcome"], "hung-up", "{record:#}");
        assert_eq!(record["failure"], Value::Null, "{record:#}");
    }
    // six failures, of which none counts: the version still takes calls
    let metrics = engine.metrics().await;
    assert!(
        !metrics.contains("ghanti_flow_failures_total{flow=\"invokes\",kind=\"trap\"} 1"),
        "{metrics}"
    );
    let flows: Value = {
        let flows = engine.http().get(engine.url("/api/flows")).send().await;
        flows.unwrap().json().await.unwrap()
    };
    assert!(!flows.to_string().contains("rolled-back"), "{flows:#}");
    let logs = engine.logs();
    assert!(!logs.contains("nobody is to see this"), "{logs}");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_requires_an_identity_is_not_even_synthesised_before_it_is_established() {
    let (voice, crm) = (late().await, crm());
    let engine = Setup::new(config(&voice, &crm, "speculation = 'on'")).start();
    let caller = Caller::begin(&engine, "ahead9", "emi-reminder").await;
    caller.hears(&engine, "greeting").await;
    // who is the customer is told of the loan; whoever else answers is told goodbye
    comes_to(&engine, &forks("rule"), 1).await;
    let given_up = Instant::now() + PATIENCE;
    while times(&voice, "Okay.") == 0
        || !voice.texts().iter().any(|text| text.contains("disturbed"))
    {
        assert!(Instant::now() < given_up, "{:#?}", voice.texts());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let says = |what: &str| {
        let texts = voice.texts();
        texts.iter().any(|text| text.to_lowercase().contains(what))
    };
    assert!(!says("rupees"), "{:#?}", voice.texts());
    let record = engine.record(&caller.call).await.unwrap();
    assert_eq!(record["established"], Value::Null, "{record:#}");

    caller.press('1').await;
    // the amount is what is said next; while it is said, the notice that follows silence is spoken
    let given_up = Instant::now() + PATIENCE;
    while !(says("rupees") && says("please note")) {
        assert!(Instant::now() < given_up, "{:#?}", voice.texts());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    caller.hears(&engine, "disclosure").await;
    drop(caller.keys);
    assert!(counted(&engine, USED).await > 0);
}

#[test]
fn a_wrong_setting_of_speculation_is_refused_with_what_it_may_be() {
    for (setting, words) in [
        ("speculation = 'sometimes'", "there are auto, on, off"),
        (
            "speculation-characters = 100001",
            "choose 0 to 100000 characters",
        ),
    ] {
        let refused = refusal(&Setup::new(format!("[speech]\n{setting}\n")));
        assert!(refused.words.contains(words), "{}", refused.words);
    }
}
