//! A call in the console beyond its record: replays against other versions, other answers than were given, how long
//! the caller waited, and listening in.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

use crate::console::{Browser, Page, check, live};
use crate::nodes::reminder;
use crate::support::{Engine, PATIENCE, Setup, Stream};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const TOKENS: &str = "[server]\nstream-token = 'stream-0123456789'\napplet-token = 'applet-0123456789'\napi-token = 'api-0123456789-x'\n\
                      [tokens.auditor]\nrole = 'viewer'\ntoken = 'viewer-0123456789'\n";
const API: &str = "api-0123456789-x";
const VIEWER: &str = "viewer-0123456789";
const PHONE: &str = "+919876595001";
const FLOW: &str = "emi-reminder";
/// How long the caller listens before they press a key: nobody confirms what they have not heard.
const LISTENS: Duration = Duration::from_secs(2);

fn key(digit: &str) -> Value {
    json!({ "event": "dtmf", "sequence_number": "3", "dtmf": { "digit": digit, "duration": "100" } })
}

fn has_said(record: &Value, template: &str) -> bool {
    let lines = record["transcript"].as_array();
    lines.is_some_and(|lines| lines.iter().any(|line| line["name"] == template))
}

/// A call whose caller said by key that it is them, and hung up when they heard what is due.
async fn recorded(engine: &Engine, sid: &str) -> (String, Value) {
    let (call, mut stream) = live(engine, sid, PHONE).await;
    engine
        .record_when(&call, PATIENCE, |record| has_said(record, "greeting"))
        .await;
    tokio::time::sleep(LISTENS).await;
    stream.say(&key("1")).await;
    engine
        .record_when(&call, PATIENCE, |record| has_said(record, "emi-details"))
        .await;
    stream.hang_up(sid).await;
    let record = engine.ended(&call).await;
    (call, record)
}

/// The number of the journal's entry that asks a question.
fn entry_of(record: &Value, question: &str) -> u64 {
    let entries = record["journal"]["entries"].as_array().unwrap();
    let is_it =
        |entry: &&Value| entry["function"] == "ask" && entry["arguments"]["name"] == question;
    entries.iter().find(is_it).unwrap()["seq"].as_u64().unwrap()
}

fn change(flows: &Path, file: &str, from: &str, to: &str) {
    let file = flows.join(FLOW).join(file);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&file, text.replacen(from, to, 1)).unwrap();
}

/// Waits until another version than this one is active, and returns it.
async fn active_after(engine: &Engine, before: &str) -> String {
    let given_up = Instant::now() + PATIENCE;
    loop {
        let flows = engine.http().get(engine.url("/api/flows")).send().await;
        let flows: Value = flows.unwrap().json().await.unwrap();
        let versions = flows["items"][0]["versions"].as_array().unwrap();
        let active = versions.iter().find(|version| version["state"] == "active");
        let id = active.unwrap()["id"].as_str().unwrap();
        if id != before {
            return id.to_owned();
        }
        assert!(Instant::now() < given_up, "{flows:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_replayed_against_each_version_that_the_engine_holds() {
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let mut browser = Browser::new(&engine, "");
    let (call, record) = recorded(&engine, "c-replayed-1").await;
    let own = record["version"].as_str().unwrap();

    let page = browser.get(&format!("calls/{call}")).await;
    check(&page, "a call");
    for words in [
        "Step by step",
        "recorded on it",
        "ask identity: greeting",
        "How long the caller waited",
        "The whole ends with the bot's first sound.",
    ] {
        assert!(page.has(words), "{words}: {}", page.html);
    }
    let same = browser.get(&format!("calls/{call}/replay")).await;
    check(&same, "a replay");
    assert!(same.has("No difference"), "{}", same.html);
    assert!(
        same.has("Am I speaking with Priya Sharma?"),
        "{}",
        same.html
    );

    change(
        flows.path(),
        "prompts/en-IN.ftl",
        "Thank you. I am calling from",
        "Thanks. I call from",
    );
    let newer = active_after(&engine, own).await;
    let other = browser
        .get(&format!("calls/{call}/replay?version={newer}"))
        .await;
    check(&other, "a replay that differs");
    for words in [
        "Differences: 1<",
        "wording",
        "words of emi-details in en-IN",
        "Thank you. I am calling from Sahyog Finance",
        "Thanks. I call from Sahyog Finance",
        "Entry ",
    ] {
        assert!(other.has(words), "{words}: {}", other.html);
    }
    // its own version is still held, and nothing differs there
    let before = browser
        .get(&format!("calls/{call}/replay?version={own}"))
        .await;
    assert!(before.has("No difference"), "{}", before.html);
    let gone = browser
        .get(&format!("calls/{call}/replay?version={}", "0".repeat(64)))
        .await;
    check(&gone, "a version that is gone");
    assert!(
        gone.has("does not hold this version any more"),
        "{}",
        gone.html
    );
    // the API answers with the same
    let replay = format!("/api/calls/{call}/replay");
    let (status, same) = api(&engine, "", &replay, None).await;
    assert_eq!(status, 200, "{same:#}");
    assert_eq!(
        (&same["recorded"], &same["against"]),
        (&record["version"], &record["version"])
    );
    assert_eq!(
        (&same["differences"], &same["has_words"]),
        (&json!([]), &json!(true))
    );
    let lines = same["conversation"].to_string();
    assert!(
        lines.contains("Am I speaking with Priya Sharma?"),
        "{same:#}"
    );
    let by_sid = format!("/api/calls/c-replayed-1/replay?version={newer}");
    let (status, other) = api(&engine, "", &by_sid, None).await;
    assert_eq!(
        (status, &other["against"]),
        (200, &json!(newer)),
        "{other:#}"
    );
    let [difference] = other["differences"].as_array().unwrap().as_slice() else {
        panic!("{other:#}");
    };
    assert_eq!(difference["kind"], "wording", "{other:#}");
    assert_eq!(difference["subject"], "words of emi-details in en-IN");
    assert!(difference["seq"].as_u64() > Some(0), "{other:#}");
    for (key, words) in [
        ("recorded", "Thank you. I am calling from Sahyog Finance"),
        ("replayed", "Thanks. I call from Sahyog Finance"),
    ] {
        let text = difference[key].as_str().unwrap();
        assert!(text.contains(words), "{key}: {other:#}");
    }
    for (query, status, kind) in [
        (
            format!("version={}", "0".repeat(64)),
            404,
            "unknown-version",
        ),
        ("version=x%20y".to_owned(), 404, "unknown-version"),
        ("against=1".to_owned(), 400, "unusable-parameter"),
    ] {
        let (reported, answer) = api(&engine, "", &format!("{replay}?{query}"), None).await;
        assert_eq!(reported, status, "{query}: {answer:#}");
        assert_eq!(answer["type"], format!("/problems/{kind}"), "{answer:#}");
    }
    // nothing of it was recorded
    assert_eq!(engine.record(&call).await, Some(record));
    engine.is_well().await;
}

/// What the API answers, with a token if it is not empty; a request with a body posts it.
async fn api(engine: &Engine, token: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let url = engine.url(path);
    let mut request = match body {
        Some(body) => engine.http().post(url).json(body),
        None => engine.http().get(url),
    };
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Checks that a call cannot be replayed, with these words of the reason.
async fn is_not_replayable(engine: &Engine, path: &str, body: Option<&Value>, why: &str) {
    let (status, answer) = api(engine, API, path, body).await;
    assert_eq!(
        (status, &answer["type"]),
        (409, &json!("/problems/not-replayable")),
        "{answer:#}"
    );
    assert!(
        answer["detail"].as_str().unwrap().contains(why),
        "{answer:#}"
    );
}

/// Posts answers from a page, as its forms do.
async fn answer(browser: &mut Browser<'_>, page: &Page, call: &str, more: &[(&str, &str)]) -> Page {
    let csrf = page.csrf();
    let mut form = vec![("csrf", csrf.as_str())];
    form.extend(more);
    browser
        .post(&format!("calls/{call}/otherwise"), &form)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_otherwise_from_an_answer_and_nothing_is_done() {
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let mut browser = Browser::new(&engine, "");
    let (call, record) = recorded(&engine, "c-otherwise-1").await;
    let at = entry_of(&record, "identity").to_string();
    let link = format!("href=\"/console/calls/{call}/otherwise?at={at}\"");
    assert!(browser.get(&format!("calls/{call}")).await.has(&link));

    let first = browser
        .get(&format!("calls/{call}/otherwise?at={at}"))
        .await;
    check(&first, "otherwise");
    for words in [
        "Am I speaking with Priya Sharma?",
        "value=\"choice:no\"",
        "value=\"choice:wrong-person\"",
        "value=\"silent\"",
        "value=\"unclear\"",
    ] {
        assert!(first.has(words), "{words}: {}", first.html);
    }
    assert!(!first.has("sorry to have disturbed you"), "{}", first.html);

    let at_it = ("at", at.as_str());
    let wrong = answer(
        &mut browser,
        &first,
        &call,
        &[at_it, ("answer", "choice:no")],
    )
    .await;
    check(&wrong, "another answer");
    for words in [
        "sorry to have disturbed you",
        "The conversation ends",
        "wrong-person",
    ] {
        assert!(wrong.has(words), "{words}: {}", wrong.html);
    }
    // what they said in words, by the grammar of the question; the disclosure is heard before the next question
    let yes = [at_it, ("answer", "says"), ("words", "yes speaking")];
    let agrees = answer(&mut browser, &first, &call, &yes).await;
    assert!(agrees.has("Your EMI of"), "{}", agrees.html);
    assert!(agrees.has("value=\"says:yes speaking\""), "{}", agrees.html);
    let further = [
        at_it,
        ("answer", "says:yes speaking"),
        ("answer", "silent"),
        ("answer", "silent"),
        ("answer", "presses"),
        ("words", "2"),
    ];
    let declines = answer(&mut browser, &first, &call, &further).await;
    check(&declines, "an end");
    for words in [
        "Please note: if the EMI",
        "speak to one of our agents",
        "declined",
        "Thank you for your time",
    ] {
        assert!(declines.has(words), "{words}: {}", declines.html);
    }
    let transferred = [at_it, ("answer", "choice:yes"), ("answer", "choice:agent")];
    let agent = answer(&mut browser, &first, &call, &transferred).await;
    assert!(agent.has("transfer to default"), "{}", agent.html);
    let hung_up = answer(&mut browser, &first, &call, &[at_it, ("answer", "hang-up")]).await;
    assert!(hung_up.has("The caller hangs up"), "{}", hung_up.html);

    let unusable = answer(
        &mut browser,
        &first,
        &call,
        &[at_it, ("answer", "presses"), ("words", "x")],
    )
    .await;
    assert!(
        unusable.has("This answer cannot be used"),
        "{}",
        unusable.html
    );
    let forged = browser
        .post(&format!("calls/{call}/otherwise"), &[("csrf", "no"), at_it])
        .await;
    assert_eq!(forged.status, 403);
    for (query, status) in [("at=x", 400), ("at=1", 200)] {
        let page = browser
            .get(&format!("calls/{call}/otherwise?{query}"))
            .await;
        assert_eq!(page.status, status, "{query}: {}", page.html);
    }
    // the same over the API
    let path = format!("/api/calls/{call}/otherwise");
    let at: u64 = at.parse().unwrap();
    let go_on = async |answers: Value| {
        let body = json!({ "at": at, "answers": answers });
        let (status, answer) = api(&engine, "", &path, Some(&body)).await;
        assert_eq!(status, 200, "{answer:#}");
        assert_eq!(answer["version"], record["version"]);
        answer
    };
    let first = go_on(json!([])).await;
    assert_eq!(
        (&first["end"], &first["open"]["kind"]),
        (&Value::Null, &json!("question"))
    );
    assert_eq!(first["open"]["name"], "identity", "{first:#}");
    assert_eq!(
        (&first["open"]["takes_words"], &first["open"]["takes_keys"]),
        (&json!(true), &json!(true))
    );
    let choices = first["open"]["choices"].as_array().unwrap();
    assert!(
        choices.contains(&json!({ "id": "no", "key": "2" })),
        "{first:#}"
    );
    assert!(
        first["lines"]
            .to_string()
            .contains("Am I speaking with Priya Sharma?")
    );
    let wrong = go_on(json!([{ "choice": "no" }])).await;
    assert_eq!(
        (&wrong["outcome"], &wrong["end"]["how"], &wrong["open"]),
        (&json!("wrong-person"), &json!("returned"), &Value::Null),
        "{wrong:#}"
    );
    let lines = wrong["lines"].as_array().unwrap();
    let is_bot = |line: &&Value| line["speaker"] == "bot";
    let said = lines.iter().rfind(is_bot).unwrap();
    assert!(
        said["text"]
            .as_str()
            .unwrap()
            .contains("sorry to have disturbed you"),
        "{wrong:#}"
    );
    let declined =
        go_on(json!([{ "says": "yes speaking" }, "silent", "silent", { "presses": "2" }])).await;
    assert_eq!(declined["outcome"], "declined", "{declined:#}");
    let agent = go_on(json!([{ "choice": "yes" }, { "choice": "agent" }])).await;
    assert_eq!(agent["transfer"], "default", "{agent:#}");
    let gone = go_on(json!(["hang-up"])).await;
    assert_eq!(gone["end"]["how"], "hung-up", "{gone:#}");
    for (body, status, kind) in [
        (json!({ "at": 1 }), 409, "not-replayable"),
        (json!({ "at": 9_999 }), 409, "not-replayable"),
        (
            json!({ "at": at, "version": "0123" }),
            404,
            "unknown-version",
        ),
        (
            json!({ "at": at, "answers": ["shrugs"] }),
            400,
            "body-not-expected",
        ),
        (
            json!({ "at": at, "answers": [{ "presses": "1a" }] }),
            400,
            "body-not-expected",
        ),
        (
            json!({ "at": at, "answers": vec!["silent"; 65] }),
            400,
            "body-not-expected",
        ),
        (json!({ "answers": [] }), 400, "body-not-expected"),
    ] {
        let (reported, answer) = api(&engine, "", &path, Some(&body)).await;
        assert_eq!(reported, status, "{body}: {answer:#}");
        assert_eq!(
            answer["type"],
            format!("/problems/{kind}"),
            "{body}: {answer:#}"
        );
    }
    // nothing of it was recorded, and nobody was called
    assert_eq!(engine.record(&call).await, Some(record));
    let calls = engine.http().get(engine.url("/api/calls")).send().await;
    let calls: Value = calls.unwrap().json().await.unwrap();
    assert_eq!(calls["items"].as_array().unwrap().len(), 1, "{calls:#}");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_replayed_is_said_and_viewers_replay_nothing() {
    let flows = reminder();
    let engine = Setup::new(format!("{BY_KEYS}{TOKENS}"))
        .flows(flows.path())
        .start();
    let mut browser = Browser::new(&engine, "");
    browser.log_in(API, "").await;
    let order = json!({ "phone": PHONE, "flow": FLOW, "fields": { "name": "Priya Sharma", "language": "en-IN", "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05" } });
    let post = |path: &str, body: &Value| {
        let request = engine.http().post(engine.url(path));
        request.bearer_auth(API).json(body).send()
    };
    let ordered: Value = post("/api/calls", &order)
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let call = ordered["call_id"].as_str().unwrap();
    let sid = "c-unable-1";
    let path = format!("/ws/voicebot/stream-0123456789/{sid}");
    let mut stream = Stream::open(&engine, &path).await.unwrap();
    stream.say(&json!({ "event": "connected" })).await;
    stream.say(&crate::support::start_of(sid, PHONE)).await;
    stream.say(&crate::support::silence_of(sid)).await;
    stream.hear_voice().await;
    let replay = format!("calls/{call}/replay");
    let growing = browser.get(&replay).await;
    check(&growing, "a call that goes on");
    assert!(growing.has("The call is not over"), "{}", growing.html);
    let (api_replay, api_otherwise) = (
        format!("/api/{replay}"),
        format!("/api/calls/{call}/otherwise"),
    );
    let silent = json!({ "at": 1, "answers": ["silent"] });
    let both = [(&api_replay, None), (&api_otherwise, Some(&silent))];
    for (path, body) in both {
        is_not_replayable(&engine, path, body, "goes on").await;
        // it has what was said
        assert_eq!(api(&engine, VIEWER, path, body).await.0, 403, "{path}");
    }

    let mut viewer = Browser::new(&engine, "");
    viewer.log_in(VIEWER, "").await;
    for below in ["replay", "otherwise?at=1", "listen"] {
        let refused = viewer.get(&format!("calls/{call}/{below}")).await;
        assert_eq!(refused.status, 403, "{below}");
    }
    assert!(!viewer.get(&format!("calls/{call}")).await.has("/listen"));
    stream.hang_up(sid).await;
    let given_up = Instant::now() + PATIENCE;
    while !browser.get(&replay).await.has("No difference") {
        assert!(Instant::now() < given_up, "{}", engine.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let shown = viewer.get(&format!("calls/{call}")).await;
    assert!(
        !shown.has("Step by step") && !shown.has("Priya"),
        "{}",
        shown.html
    );

    let erased = post("/api/customers/erase", &json!({ "phone": PHONE }))
        .await
        .unwrap();
    assert_eq!(erased.status(), 200, "{}", erased.text().await.unwrap());
    let gone = browser.get(&replay).await;
    check(&gone, "an erased call");
    assert!(
        gone.has("The journal of this call is not there"),
        "{}",
        gone.html
    );
    for (path, body) in both {
        is_not_replayable(&engine, path, body, "no journal").await;
    }
    let page = browser.get(&format!("calls/{call}")).await;
    assert!(
        page.has("The journal of this call is not there"),
        "{}",
        page.html
    );
    engine.is_well().await;
}

/// The reminder, whose greeting goes on for minutes.
pub fn talkative() -> TempDir {
    let flows = reminder();
    let more = "There is no hurry at all, and you may listen for as long as you like. ".repeat(35);
    change(
        flows.path(),
        "prompts/en-IN.ftl",
        "greeting = Hello, this is",
        &format!("greeting = {more} Hello, this is"),
    );
    flows
}

/// 120 ms of a caller's side that is the same number all along.
pub fn level_of(sid: &str) -> Value {
    // 960 times the bytes 0x10 and 0x20, in base64
    let payload = "ECAQIBAg".repeat(320);
    json!({ "event": "media", "stream_sid": format!("stream-{sid}"), "media": { "payload": payload } })
}

/// The caller's samples, of which each is so.
const LEVEL: i16 = 0x2010;

/// Reads on until both sides were heard; returns what came last of them.
async fn both_heard(sound: &mut Response, stream: &mut Stream, sid: &str) -> (i16, i16) {
    let (mut bytes, mut head) = (Vec::new(), 44);
    let given_up = Instant::now() + PATIENCE;
    let mut speaks = tokio::time::interval(Duration::from_millis(120));
    let (mut left, mut right) = (0, 0);
    while left == 0 || right == 0 {
        assert!(Instant::now() < given_up, "left {left}, right {right}");
        tokio::select! {
            _ = speaks.tick() => stream.say(&level_of(sid)).await,
            // the bot's audio is taken, or the call would end
            heard = stream.hear() => assert!(heard.is_some(), "the bot closed the stream"),
            piece = sound.chunk() => bytes.extend(piece.unwrap().expect("the sound goes on")),
        }
        if bytes.len() < head + 4 {
            continue;
        }
        if head > 0 {
            assert_eq!(&bytes[..4], b"RIFF");
            bytes.drain(..head);
            head = 0;
        }
        let whole = bytes.len() / 4 * 4;
        for frame in bytes[..whole].chunks(4) {
            let side = |at: usize| i16::from_le_bytes([frame[at], frame[at + 1]]);
            if side(0) != 0 {
                left = side(0);
            }
            if side(2).unsigned_abs() > 500 {
                right = side(2);
            }
        }
        bytes.drain(..whole);
    }
    (left, right)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_call_is_listened_to_on_both_sides_whether_or_not_it_is_recorded() {
    let flows = talkative();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let mut browser = Browser::new(&engine, "");
    let sid = "c-listen-1";
    let (call, mut stream) = live(&engine, sid, PHONE).await;
    let page = browser.get(&format!("calls/{call}")).await;
    check(&page, "a live call");
    let listen = format!("/console/calls/{call}/listen");
    assert!(page.has(&format!("src=\"{listen}\"")), "{}", page.html);
    assert!(
        browser
            .get("")
            .await
            .has(&format!("href=\"/console/calls/{call}#listen\""))
    );

    let request = || engine.http().get(engine.url(&listen)).send();
    let mut sound = request().await.unwrap();
    assert_eq!(sound.status(), 200);
    assert_eq!(sound.headers()["content-type"], "audio/wav");
    let (left, right) = both_heard(&mut sound, &mut stream, sid).await;
    assert!(
        left.abs_diff(LEVEL) < 200 && right != left,
        "{left} {right}"
    );
    // four may listen to one call
    let mut others = Vec::new();
    for _ in 0..3 {
        let other = request().await.unwrap();
        assert_eq!(other.status(), 200);
        others.push(other);
    }
    assert_eq!(request().await.unwrap().status(), 503);
    let now = browser.get("").await;
    assert!(now.has("<meter min=\"0\" max=\"100\""), "{}", now.html);

    stream.hang_up(sid).await;
    // it ends with the call
    let ended = timeout(PATIENCE, async {
        while sound.chunk().await.unwrap().is_some() {}
    });
    ended.await.unwrap();
    engine.ended(&call).await;
    assert_eq!(request().await.unwrap().status(), 409);
    // refusals are entries, too
    let given_up = Instant::now() + PATIENCE;
    loop {
        let log = engine.http().get(engine.url("/api/audit")).send().await;
        let log: Value = log.unwrap().json().await.unwrap();
        let entries = log["items"].as_array().unwrap().iter();
        let is_use = |entry: &&Value| entry["action"] == "listen" && entry["path"] == listen;
        if entries.filter(is_use).count() == 6 {
            break;
        }
        assert!(Instant::now() < given_up, "{log:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let record = engine.record(&call).await.unwrap();
    assert_eq!(record.get("recordings"), None, "{record:#}");
    engine.is_well().await;
}
