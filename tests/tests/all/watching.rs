//! What an operator watches calls with: the list of those that went wrong, and what goes on now in a
//! terminal.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::console::{Browser, live};
use crate::dialling::free_address;
use crate::nodes::reminder;
use crate::proof::asked;
use crate::support::{Engine, PATIENCE, Setup, program};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const PHONE: &str = "+919876593881";

/// A call that ends well, and one in which a message was no audio.
async fn one_of_each(engine: &Engine) -> (String, String) {
    let (well, stream) = live(engine, "c-watch-1", PHONE).await;
    stream.hang_up("c-watch-1").await;
    engine.ended(&well).await;
    let (wrong, mut stream) = live(engine, "c-watch-2", PHONE).await;
    stream.say(&json!({ "event": "media", "stream_sid": "stream-c-watch-2", "media": { "payload": "<" } })).await;
    stream.hang_up("c-watch-2").await;
    let record = engine.ended(&wrong).await;
    assert_ne!(record["problems"], json!([]), "{record:#}");
    (well, wrong)
}

async fn listed(engine: &Engine, query: &str) -> Vec<String> {
    let url = engine.url(&format!("/api/calls?{query}"));
    let page: Value = engine
        .http()
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let items = page["items"].as_array().unwrap();
    let id = |call: &Value| call["call_id"].as_str().unwrap().to_owned();
    items.iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_went_wrong_are_shown_alone() {
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let (well, wrong) = one_of_each(&engine).await;
    for (query, expected) in [
        ("", vec![&wrong, &well]),
        ("problems=true", vec![&wrong]),
        ("problems=false", vec![&well]),
        (
            "problems=true&phone=9876593881&flow=emi-reminder",
            vec![&wrong],
        ),
        ("problems=true&flow=survey", vec![]),
        ("problems=true&until=2026-01-01", vec![]),
    ] {
        let found = listed(&engine, query).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let reported = asked(&engine, &["calls", "list", "--problems"]);
    assert!(
        reported.code == 0 && reported.out.starts_with(&wrong) && !reported.out.contains(&well),
        "{reported:?}"
    );

    let mut browser = Browser::new(&engine, "");
    let row = |call: &str| format!("href=\"/console/calls/{call}\"");
    let all = browser.get("calls?flow=emi-reminder").await;
    assert!(
        all.has(&row(&well)) && all.has(&row(&wrong)),
        "{}",
        all.html
    );
    let link = "href=\"/console/calls?flow=emi-reminder&amp;problems=true\">What went wrong";
    assert!(all.has(link), "{}", all.html);
    for (query, seen, gone) in [
        ("problems=true", &wrong, &well),
        ("problems=true&since=2026-01-01T09:30", &wrong, &well),
        ("problems=false", &well, &wrong),
    ] {
        let page = browser.get(&format!("calls?{query}")).await;
        assert!(
            page.has(&row(seen)) && !page.has(&row(gone)),
            "{query}: {}",
            page.html
        );
    }
    let page = browser
        .get("calls?since=2099-01-01T09:30&campaign=june")
        .await;
    assert!(
        page.has("No call fits.") && page.has("value=\"2099-01-01T09:30\""),
        "{}",
        page.html
    );
    let page = browser.get("calls?problems=perhaps").await;
    assert!(
        page.status == 400 && page.has("`problems` cannot be read"),
        "{}",
        page.html
    );
}

const VIEWER: &str = "viewer-0123456789";
const TOKENS: &str = "[server]\nstream-token = 'stream-0123456789'\napplet-token = 'applet-0123456789'\n\
                      api-token = 'api-0123456789-x'\n[tokens.auditor]\nrole = 'viewer'\ntoken = 'viewer-0123456789'\n";
const INTERVAL: Duration = Duration::from_millis(20);

/// A command that runs, with what it has written so far to both outputs.
struct Running {
    child: Child,
    written: Arc<Mutex<String>>,
}

impl Running {
    /// A command of the program against an engine, with the engine's settings or with a token.
    fn start(engine: &Engine, arguments: &[&str], token: Option<&str>) -> Self {
        let mut command = program();
        command.args(arguments).args(["--url", &engine.url("")]);
        let mut config = engine.house().join("ghanti.toml");
        if let Some(token) = token {
            config = engine.house().join("another.toml");
            let others = "stream-token = 'stream-0123456789'\napplet-token = 'applet-0123456789'";
            let text = format!("[server]\napi-token = '{token}'\n{others}\n");
            std::fs::write(&config, text).unwrap();
        }
        command.arg("--config").arg(config);
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let written = Arc::new(Mutex::new(String::new()));
        let outputs: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for output in outputs {
            let written = Arc::clone(&written);
            std::thread::spawn(move || {
                let mut output = BufReader::new(output);
                let mut line = Vec::new();
                while output.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
                    *written.lock().unwrap() += &String::from_utf8_lossy(&line);
                    line.clear();
                }
            });
        }
        Self { child, written }
    }

    fn written(&self) -> String {
        self.written.lock().unwrap().clone()
    }

    async fn until(&self, is_there: impl Fn(&str) -> bool) -> String {
        let given_up = Instant::now() + PATIENCE;
        loop {
            let written = self.written();
            if is_there(&written) {
                return written;
            }
            assert!(Instant::now() < given_up, "{written}");
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Waits until it has ended; returns its exit code.
    async fn code(&mut self) -> Option<i32> {
        let given_up = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < given_up, "{}", self.written());
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Presses Ctrl-C.
    async fn interrupt(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.unwrap().success());
        self.code().await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_followed_line_by_line_and_on_after_the_engine_was_gone() {
    let flows = reminder();
    let listen = Setup::new(BY_KEYS)
        .flows(flows.path())
        .listen_on(free_address());
    let mut engine = listen.start();
    let mut tail = Running::start(&engine, &["calls", "tail"], None);
    let mut of_another = Running::start(&engine, &["calls", "tail", "--flow", "survey"], None);
    let follows = |written: &str| written.contains("following http://");
    tail.until(follows).await;
    of_another.until(follows).await;
    let (call, mut stream) = live(&engine, "c-watch-3", PHONE).await;
    let key =
        json!({ "event": "dtmf", "stream_sid": "stream-c-watch-3", "dtmf": { "digit": "7" } });
    stream.say(&key).await;
    stream.say(&json!({ "event": "media", "stream_sid": "stream-c-watch-3", "media": { "payload": "<" } })).await;
    tail.until(|written| written.contains("keys: 7")).await;
    stream.hang_up("c-watch-3").await;
    let record = engine.ended(&call).await;
    let problem = record["problems"][0]["name"].as_str().unwrap();
    let ended = "  ended: hung-up after ";
    let written = tail.until(|written| written.contains(ended)).await;
    for words in [
        "connected: emi-reminder ",
        "bot: Hello, ",
        &format!("problem {problem}: "),
    ] {
        let of_call = format!("  {call}  xxxxxx3881  {words}");
        assert!(written.contains(&of_call), "{of_call}: {written}");
    }
    assert!(!written.contains(PHONE), "{written}");
    assert_eq!(written.matches(ended).count(), 1, "{written}");

    // of one call, from its beginning, with its numbers; and its events
    let mut one = Running::start(
        &engine,
        &["calls", "tail", "--call", "c-watch-3", "--numbers"],
        None,
    );
    let written = one.until(|written| written.contains(ended)).await;
    assert!(
        written.contains(&format!("  {PHONE}  connected: ")),
        "{written}"
    );
    assert_eq!(one.interrupt().await, Some(0));
    let mut events = Running::start(&engine, &["calls", "tail", "--call", &call, "--json"], None);
    let written = events
        .until(|written| written.contains("\"stream-closed\""))
        .await;
    let reported = written.lines().filter(|line| line.starts_with('{'));
    let kinds: Vec<_> = reported
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone())
        .collect();
    assert!(
        kinds.len() > 5 && kinds.contains(&json!("keys")),
        "{kinds:?}"
    );
    assert_eq!(events.interrupt().await, Some(0));
    let unknown = asked(&engine, &["calls", "tail", "--call", "c-no-such-call"]);
    assert!(
        unknown.code == 2 && unknown.out.contains("no such call"),
        "{unknown:?}"
    );

    engine.crash();
    tail.until(|written| written.contains("waiting for it"))
        .await;
    engine.start_again();
    tail.until(|written| written.matches("following http://").count() == 2)
        .await;
    let (next, stream) = live(&engine, "c-watch-4", PHONE).await;
    stream.hang_up("c-watch-4").await;
    engine.ended(&next).await;
    let of_next = format!("  {next}  xxxxxx3881{ended}");
    let written = tail.until(|written| written.contains(&of_next)).await;
    let again = format!("  {call}  xxxxxx3881  connected: ");
    assert_eq!(written.matches(&again).count(), 1, "{written}");
    assert_eq!(tail.interrupt().await, Some(0));
    // nothing of the calls of the other flow
    let other = of_another.written();
    assert!(!other.contains(&call) && !other.contains(&next), "{other}");
    assert_eq!(of_another.interrupt().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_calls_are_a_table_and_a_viewer_sees_neither_numbers_nor_words() {
    let (flows, data) = (reminder(), tempfile::tempdir().unwrap());
    let config = format!("{BY_KEYS}{TOKENS}");
    let engine = Setup::new(config)
        .flows(flows.path())
        .data(data.path())
        .start();
    let order = json!({ "phone": PHONE, "flow": "emi-reminder", "dial": false, "fields": {
        "name": "Priya Sharma", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05"
    } });
    let post = engine
        .http()
        .post(engine.url("/api/calls"))
        .bearer_auth("api-0123456789-x");
    let ordered: Value = post
        .json(&order)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let call = ordered["call_id"].as_str().unwrap().to_owned();
    let tail = Running::start(&engine, &["calls", "tail", "--numbers"], Some(VIEWER));
    tail.until(|written| written.contains("following http://"))
        .await;
    let path = "/ws/voicebot/stream-0123456789/c-watch-5";
    let mut stream = crate::support::Stream::open(&engine, path).await.unwrap();
    stream.say(&json!({ "event": "connected" })).await;
    stream
        .say(&crate::support::start_of("c-watch-5", PHONE))
        .await;
    stream.say(&crate::support::silence_of("c-watch-5")).await;
    stream.hear_voice().await;

    let once = asked(&engine, &["top", "--once"]);
    assert_eq!(once.code, 0, "{once:?}");
    for words in [
        "1 live, 0 awaited, ",
        "voices: work",
        "xxxxxx3881",
        "emi-reminder",
        "Priya Sharma?",
    ] {
        assert!(once.out.contains(words), "{words}: {}", once.out);
    }
    let row = once.out.lines().find(|line| line.starts_with(&call));
    assert!(row.is_some() && !once.out.contains(PHONE), "{}", once.out);
    let whole = asked(&engine, &["top", "--numbers"]);
    assert!(whole.code == 0 && whole.out.contains(PHONE), "{whole:?}");
    let json = asked(&engine, &["top", "--json"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["now"]["calls"][0]["call_id"], call.as_str());

    // a viewer: by the engine
    let mut top = Running::start(&engine, &["top", "--once", "--numbers"], Some(VIEWER));
    assert_eq!(top.code().await, Some(0));
    let seen = top.until(|written| written.contains("LAST WORDS")).await;
    assert!(
        seen.contains(&call) && seen.contains("characters›"),
        "{seen}"
    );
    let reported = tail.until(|written| written.contains("  bot: ")).await;
    for words in [PHONE, "9876593881", "Priya"] {
        assert!(!seen.contains(words), "{words}: {seen}");
        assert!(!reported.contains(words), "{words}: {reported}");
    }
    let mut list = Running::start(&engine, &["calls", "list"], Some(VIEWER));
    assert_eq!(list.code().await, Some(0), "{}", list.written());
    let mut nobody = Running::start(&engine, &["top"], Some("guessed-0123456789"));
    assert_eq!(nobody.code().await, Some(1), "{}", nobody.written());
    stream.hang_up("c-watch-5").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_the_table_is_drawn_until_q_is_pressed_and_the_terminal_is_as_it_was() {
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let binary = program().get_program().to_str().unwrap().to_owned();
    let house = engine.house().join("ghanti.toml");
    let shell = format!(
        "'{binary}' top --url '{}' --config '{}'; echo \"ended with $?\"; stty -a",
        engine.url(""),
        house.display()
    );
    // a terminal of its own (util-linux)
    let mut script = Command::new("script");
    script.args(["--quiet", "--flush", "--command", &shell, "/dev/null"]);
    let mut top = Running::of(script);
    // the first part has no line's end that would be waited for, the table has
    top.until(|written| {
        written.contains("\u{1b}[?1049h") && written.matches(" slots").count() >= 2
    })
    .await;
    let (call, stream) = live(&engine, "c-watch-6", PHONE).await;
    top.until(|written| written.contains("xxxxxx3881")).await;
    stream.hang_up("c-watch-6").await;
    engine.ended(&call).await;
    top.until(|written| written.contains("hung-up")).await;
    top.child.stdin.as_mut().unwrap().write_all(b"xq").unwrap();
    let written = top
        .until(|written| written.contains("; -iutf8") || written.contains("echoctl"))
        .await;
    assert!(written.contains("ended with 0"), "{written}");
    assert!(written.contains("\u{1b}[?1049l"), "{written}");
    let after = written.split("ended with").nth(1).unwrap();
    assert!(
        after.contains(" icanon ") && after.contains(" echo "),
        "{after}"
    );
}
