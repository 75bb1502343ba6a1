//! Peers that do not keep to the stream's protocol in ways that hide: they read nothing, send everything
//! twice, or too slowly. What the caller hears and what the record says; and `ghanti sim faults`, which
//! plays such peers to any bot.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::nodes::{reminder, text};
use crate::starving::with_talker;
use crate::support::{Engine, PATIENCE, Setup, Stream, program, start_of};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
/// The receive buffer of a peer that reads nothing.
const NARROW: u32 = 4 << 10;

fn problems(record: &Value) -> Vec<String> {
    let problems = record["problems"].as_array().unwrap().iter();
    problems.map(|problem| text(&problem["name"])).collect()
}

/// A frame of 20 ms as Exotel numbers it.
fn frame(sid: &str, nth: u64) -> Message {
    let media = json!({ "chunk": nth.to_string(), "timestamp": (nth * 20).to_string(), "payload": "A".repeat(427) });
    let sequence = (nth + 1).to_string();
    let message = json!({ "event": "media", "sequence_number": sequence, "stream_sid": format!("stream-{sid}"), "media": media });
    Message::text(message.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_reads_nothing_is_given_up_and_the_record_says_so() {
    let flows = with_talker();
    let config = format!("{BY_KEYS}[calls]\nflow = 'emi-reminder'\n");
    let engine = Setup::new(config).flows(flows.path()).start();
    let sid = "reads-nothing";
    let mut stream = Stream::open_narrow(&engine, &format!("/ws/voicebot/{sid}"), NARROW).await;
    // a flow that talks without pause
    let mut start = start_of(sid, "09876571001");
    start["start"]["to"] = json!("08045000001");
    stream.say(&start).await;
    engine.customer("09876571002", None).await;
    let mut other = Stream::begin(&engine, "reads", "09876571002").await;
    other.hear_voice().await;
    let (began, mut due) = (
        Instant::now(),
        tokio::time::interval(Duration::from_millis(20)),
    );
    // the caller's voice goes on: nothing but its silence about the bot's audio gives the peer away
    let mut nth = 0;
    loop {
        due.tick().await;
        nth += 1;
        if stream.send(frame(sid, nth)).await.is_err() {
            break;
        }
        if nth % 50 == 0 {
            let record = engine.record(sid).await.unwrap();
            if record["state"] == "ended" {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{record:#}");
        }
    }
    let record = engine.ended(sid).await;
    assert_eq!(record["outcome"], "connection-lost", "{record:#}");
    assert!(
        problems(&record).contains(&"not-reading".to_owned()),
        "{record:#}"
    );
    // what had not been read was not heard
    let lines = record["transcript"].as_array().unwrap();
    assert!(
        lines.iter().all(|line| line["heard"] != "whole"),
        "{record:#}"
    );
    // and nobody else has noticed
    other.hear_voice().await;
    other.hang_up("reads").await;
    assert_eq!(engine.ended("reads").await["outcome"], "hung-up");
    engine.is_well().await;
}

/// Plays marks, frames and a key until the bot ends the call, each message so many times, a frame every
/// so often. Returns the record.
async fn answered_by_key(
    engine: &Engine,
    sid: &str,
    phone: &str,
    copies: u32,
    every_ms: u64,
) -> Value {
    let call = engine.customer(phone, Some("emi-reminder")).await;
    let mut stream = Stream::open(engine, &format!("/ws/voicebot/{sid}"))
        .await
        .unwrap();
    let mut send = Vec::new();
    send.push(Message::text(start_of(sid, phone).to_string()));
    let mut due = tokio::time::interval(Duration::from_millis(every_ms));
    let (mut nth, mut asked, mut pressed, given_up) = (0, false, false, Instant::now() + PATIENCE);
    loop {
        for message in send.drain(..) {
            for _ in 0..copies {
                stream.send(message.clone()).await.unwrap();
            }
        }
        tokio::select! {
            heard = stream.hear() => {
                let heard = heard.unwrap();
                if heard["event"] == "mark" {
                    // marks within a prompt have a number behind its own
                    asked |= !heard["mark"]["name"].as_str().unwrap().contains('.');
                    nth += 1;
                    send.push(Message::text(json!({ "event": "mark", "sequence_number": nth.to_string(), "mark": heard["mark"] }).to_string()));
                }
            }
            _ = due.tick() => {
                nth += 1;
                send.push(frame(sid, nth));
                if asked && !pressed && nth % 10 == 0 {
                    nth += 1;
                    send.push(Message::text(json!({ "event": "dtmf", "sequence_number": nth.to_string(), "dtmf": { "digit": "1", "duration": "100" } }).to_string()));
                    pressed = true;
                }
            }
        }
        if nth % 25 == 0 {
            let record = engine.record(&call).await.unwrap();
            let lines = record["transcript"].as_array().unwrap();
            if lines.iter().any(|line| line["name"] == "emi-details") {
                break;
            }
            assert!(Instant::now() < given_up, "{record:#}");
        }
    }
    stream.hang_up(sid).await;
    engine.ended(&call).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_twice_is_taken_once_and_reported_and_what_comes_slowly_can_be_answered_by_keys()
{
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let twice = answered_by_key(&engine, "twice", "09876571003", 2, 20);
    let slow = answered_by_key(&engine, "slow", "09876571004", 1, 60);
    let (twice, slow) = tokio::join!(twice, slow);
    for record in [&twice, &slow] {
        assert_eq!(record["outcome"], "hung-up", "{record:#}");
        let lines = record["transcript"].as_array().unwrap();
        let keys = lines.iter().filter(|line| line["speaker"] == "keys");
        assert_eq!(keys.count(), 1, "one key was pressed: {record:#}");
    }
    let reported = problems(&twice);
    assert!(reported.contains(&"doubled".to_owned()), "{twice:#}");
    assert!(!reported.contains(&"too-fast".to_owned()), "{twice:#}");
    assert_eq!(problems(&slow), [] as [String; 0], "{slow:#}");
    engine.is_well().await;
}

/// Runs `ghanti sim faults`. Returns the exit code, and what it printed.
async fn faults(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = program();
    command
        .args(["sim", "faults", "--url", url])
        .args(arguments)
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let shown = [&output.stdout[..], &output.stderr[..]].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&shown).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn sim_faults_says_what_an_engine_does_about_each_and_that_it_holds_calls_as_before() {
    // whom it does not know it tells so, which takes ten seconds
    let flows = reminder();
    let engine = Setup::new(format!("{BY_KEYS}[server]\nhead-s = 1\n"))
        .flows(flows.path())
        .start();
    let parts: [&[&str]; 4] = [
        &["vanish", "too-fast", "garbage"],
        &["long-message", "early-media", "half-frame"],
        &["second-start", "second-stream", "no-marks"],
        &["half-request", "bad-frame", "twice", "too-slow"],
    ];
    let url = engine.url("");
    let played = parts.map(|names| {
        let url = url.clone();
        async move {
            let mut arguments = vec!["--json"];
            arguments.extend(names.iter().flat_map(|name| ["--fault", name]));
            let (code, shown) = faults(&url, &arguments).await;
            let reported: Value =
                serde_json::from_str(&shown).unwrap_or_else(|_| panic!("{shown}"));
            assert_eq!(
                (code, &reported["survived"]),
                (Some(0), &json!(true)),
                "{reported:#}"
            );
            reported["faults"].as_array().unwrap().clone()
        }
    });
    let played = futures_util::future::join_all(played).await.concat();
    let of = |name: &str| {
        let mut named = played.iter().filter(|played| played["fault"] == name);
        named
            .next()
            .unwrap_or_else(|| panic!("{name}: {played:#?}"))
    };
    for fault in &played {
        assert!(fault["afterwards"].is_u64(), "{fault:#}");
        // a record is closed within five seconds of its call's end; here is a busy machine
        if let Some(closed_after_ms) = fault["record"]["closed_after_ms"].as_u64() {
            assert!(closed_after_ms < 15_000, "{fault:#}");
        }
    }
    for (name, closed_by, problem) in [
        ("vanish", "peer", ""),
        ("too-fast", "peer", "too-fast"),
        ("too-slow", "peer", ""),
        ("twice", "peer", "doubled"),
        ("garbage", "peer", "bad-frame"),
        ("early-media", "peer", "bad-frame"),
        ("second-stream", "peer", "second-stream"),
        ("long-message", "bot", "message-too-long"),
        ("bad-frame", "bot", "websocket-broken"),
        ("half-frame", "bot", "no-media"),
        ("half-request", "bot", ""),
    ] {
        let fault = of(name);
        assert_eq!(fault["ending"]["closed_by"], closed_by, "{fault:#}");
        let reported = fault["record"]["problems"].to_string();
        assert!(reported.contains(problem), "{fault:#}");
    }
    let second = &of("second-stream")["ending"]["remark"];
    assert!(text(second).contains("closed"), "{second}");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sim_faults_finds_a_bot_that_does_not_survive_one() {
    use tokio::net::TcpListener;
    use tokio_tungstenite::accept_async;

    use futures_util::{SinkExt, StreamExt};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    // it answers `start` with audio, until it has seen what is no JSON
    let bot = tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(connection).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                let Ok(reported) = message.to_text() else {
                    continue;
                };
                if message.is_text() && !reported.contains("event") {
                    return;
                }
                if reported.contains("\"start\"") {
                    let sid: Value = serde_json::from_str(reported).unwrap();
                    let media = json!({ "event": "media", "stream_sid": sid["stream_sid"], "media": { "payload": "A".repeat(427) } });
                    let _ = socket.send(Message::text(media.to_string())).await;
                }
            }
        }
    });
    let (code, shown) = faults(&url, &["--fault", "vanish"]).await;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("well, heard after"), "{shown}");
    let (code, shown) = faults(&url, &["--fault", "garbage"]).await;
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("NOT WELL"), "{shown}");
    bot.await.unwrap();
    let (code, shown) = faults(&url, &[]).await;
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("does not hold a normal call"), "{shown}");
    let (code, shown) = faults(&url, &["--fault", "bored"]).await;
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("read-nothing"), "{shown}");
}
