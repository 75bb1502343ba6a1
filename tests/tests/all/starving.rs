//! What one client, flow or server takes for itself, from outside: the calls of everybody else are
//! held all the same.

use std::fs;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use ghanti_test_servers::RedisServer;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::nodes::{bare, reminder};
use crate::support::{Engine, PATIENCE, Setup, Stream, root, silence_of, start_of};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";

async fn status(engine: &Engine, path: &str) -> u16 {
    let response = engine.http().get(engine.url(path)).send().await.unwrap();
    response.status().as_u16()
}

async fn metric(engine: &Engine, name: &str) -> u64 {
    let get = engine.http().get(engine.url("/metrics"));
    let reported = get.send().await.unwrap().text().await.unwrap();
    let value = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
    reported.lines().find_map(value).unwrap()
}

/// A call that is announced and held, as far as the bot's voice.
async fn is_held(engine: &Engine, sid: &str, number: &str) {
    let path = format!("/passthru?CallSid={sid}&CallFrom={number}");
    assert_eq!(status(engine, &path).await, 200, "{sid}");
    let mut stream = Stream::begin(engine, sid, number).await;
    stream.hear_voice().await;
    stream.hang_up(sid).await;
    engine.ended(sid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_call_sids_do_not_use_up_the_places_of_honest_calls() {
    let flows = bare();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    // for longer than a promise stands, and as fast as filled all thousand places of it
    let (begun, mut sent) = (Instant::now(), 0);
    while sent < 1_250 {
        let door = if sent % 2 == 0 {
            "passthru"
        } else {
            "voicebot-url"
        };
        let path = format!("/{door}?CallSid=invented-{sent}&CallFrom=0987654{sent:04}");
        assert_eq!(status(&engine, &path).await, 200, "{sent}");
        sent += 1;
        let due = begun + Duration::from_millis(sent * 9);
        tokio::time::sleep_until(due.into()).await;
    }
    let awaited = metric(&engine, "ghanti_calls_awaited ").await;
    assert!(awaited <= 750, "a quarter is left to orders: {awaited}");
    let sids: Vec<String> = (0..24).map(|nth| format!("honest-{nth}")).collect();
    let held = sids.iter().map(|sid| is_held(&engine, sid, "09876500001"));
    join_all(held).await;
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_has_a_place_while_invented_call_sids_have_all_that_they_may() {
    let flows = reminder();
    let engine = Setup::new(format!("{BY_KEYS}[server]\nmax-calls = 8\n"))
        .flows(flows.path())
        .start();
    let order = engine.customer("+919876500002", Some("emi-reminder")).await;
    let mut taken = 0;
    for nth in 0..12 {
        let path = format!("/passthru?CallSid=invented-{nth}");
        taken += u32::from(status(&engine, &path).await == 200);
    }
    assert!(taken >= 6, "{taken}");
    is_held(&engine, "by-number", "09876500002").await;
    engine.ended(&order).await;
    let order = engine.customer("+919876500003", Some("emi-reminder")).await;
    let path = format!("/passthru?CallSid=by-field&CustomField={order}");
    assert_eq!(status(&engine, &path).await, 200);
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_on_which_nothing_starts_give_way_to_calls() {
    let flows = bare();
    let engine = Setup::new(format!("{BY_KEYS}[server]\nmax-calls = 8\n"))
        .flows(flows.path())
        .start();
    let mut idle = Vec::new();
    for nth in 0..8 {
        let opened = Stream::open(&engine, &format!("/ws/voicebot/idle-{nth}")).await;
        idle.extend(opened.ok());
    }
    assert!(idle.len() >= 6, "{}", idle.len());
    // well before the idle ones are given up by themselves
    let begun = Instant::now();
    let path = "/passthru?CallSid=honest&CallFrom=09876500004";
    while status(&engine, path).await != 200 {
        assert!(begun.elapsed() < PATIENCE, "{}", engine.logs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    is_held(&engine, "honest", "09876500004").await;
    for mut socket in idle {
        assert_eq!(socket.until_closed().await, [] as [Value; 0]);
    }
    let logs = engine.logs();
    assert!(logs.contains("another call needed its place"), "{logs}");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_invented_calls_leave_nothing_behind_and_keep_nobody_out() {
    let flows = bare();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    for round in 0..20 {
        let reports = (0..50).map(async |nth| {
            let sid = format!("unknown-{round}-{nth}");
            let callback = json!({ "CallSid": sid, "Status": "completed" });
            let reported = engine.http().post(engine.url("/status")).json(&callback);
            assert_eq!(reported.send().await.unwrap().status(), 200);
            let asked = format!("/connect?CallSid={sid}");
            assert_eq!(status(&engine, &asked).await, 200);
        });
        join_all(reports).await;
        is_held(&engine, &format!("honest-{round}"), "09876500005").await;
    }
    assert!(engine.record("unknown-0-0").await.is_none());
    engine.is_well().await;
}

/// The shipped reminder, and beside it a flow that talks without pause, on a line of its own.
pub fn with_talker() -> TempDir {
    let flows = reminder();
    let talker = flows.path().join("talker");
    fs::create_dir_all(talker.join("prompts")).unwrap();
    let built = root().join("plugins/target/fixtures/hostile.wasm");
    fs::copy(built, talker.join("flow.wasm")).unwrap();
    fs::write(talker.join("prompts/en-IN.ftl"), "test = Press one.\n").unwrap();
    let manifest = "[flow]\nlanguages = ['en-IN']\n[match]\nnumbers = ['08045000001']\n\
                    [settings]\nact = 'says-anew'\n[questions.test]\n";
    fs::write(talker.join("flow.toml"), manifest).unwrap();
    flows
}

/// Frames of a caller who says nothing, for as long as the bot talks.
async fn listens(mut stream: Stream, sid: String) {
    loop {
        if stream.hear().await.is_none() || stream.send_silence(&sid).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_that_talk_without_pause_do_not_silence_the_greetings_of_others() {
    let flows = with_talker();
    let config = format!("{BY_KEYS}english-voice = ''\n[calls]\nflow = 'emi-reminder'\n");
    let engine = Setup::new(config).flows(flows.path()).start();
    let mut talking = Vec::new();
    for nth in 0..60 {
        let sid = format!("talker-{nth}");
        let mut start = start_of(&sid, "09876500006");
        start["start"]["to"] = json!("08045000001");
        let mut stream = Stream::open(&engine, &format!("/ws/voicebot/{sid}"))
            .await
            .unwrap();
        stream.say(&start).await;
        talking.push(tokio::spawn(listens(stream, sid)));
    }
    // each has had its first turn: whoever comes now has had less than any of them
    let has_talked =
        |record: &Value| record["transcript"][0].is_object() || record["state"] == "ended";
    for nth in 0..60 {
        let sid = format!("talker-{nth}");
        engine.record_when(&sid, PATIENCE, has_talked).await;
    }
    for nth in 0..6 {
        let (phone, sid) = (format!("+9198765010{nth:02}"), format!("honest-{nth}"));
        let fields = json!({ "name": format!("Priya {}", ["Rao", "Nair", "Das", "Sen", "Jain", "Bose"][nth]), "language": "en-IN",
            "loan": "LN-00478213", "amount": "12,500", "due-date": "2030-12-05" });
        let order = json!({ "phone": phone, "flow": "emi-reminder", "fields": fields });
        let order = engine.order(&order).await;
        let mut stream = Stream::begin(&engine, &sid, &phone).await;
        stream.hear_voice().await;
        stream.hang_up(&sid).await;
        let record = engine.ended(&order).await;
        let problems = record["problems"].to_string();
        assert!(!problems.contains("prompt-failed"), "{record:#}");
        let at_ms = record["transcript"][0]["at_ms"].as_u64().unwrap();
        assert!(at_ms < 3_000, "greeted late: {record:#}");
    }
    talking.iter().for_each(|call| call.abort());
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_whom_nobody_knows_is_greeted_while_redis_hangs() {
    let (redis, flows) = (RedisServer::start(), bare());
    let stores = format!("[stores]\nredis-url = '{}'\n", redis.url());
    let engine = Setup::new(format!("{BY_KEYS}{stores}"))
        .flows(flows.path())
        .start();
    // spoken once, so that only the look-ups take time
    is_held(&engine, "before", "09876500007").await;
    redis.command(&["CLIENT", "PAUSE", "60000", "ALL"]);
    let mut shortest = Duration::MAX;
    for sid in ["hung-1", "hung-2", "hung-3"] {
        let begun = Instant::now();
        let mut stream = Stream::begin(&engine, sid, "09876500008").await;
        stream.hear_voice().await;
        shortest = shortest.min(begun.elapsed());
        stream.hang_up(sid).await;
    }
    assert!(shortest >= Duration::from_millis(250), "Redis answers");
    // each request to Redis alone has a second
    assert!(shortest < Duration::from_millis(950), "{shortest:?}");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_freezes_after_a_key_is_noticed_and_has_heard_nothing_for_certain() {
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    let call = engine.customer("+919876500009", Some("emi-reminder")).await;
    let mut stream = Stream::begin(&engine, "frozen", "09876500009").await;
    // its network is whole up to the first question
    loop {
        let message = stream.hear().await.unwrap();
        stream.say(&silence_of("frozen")).await;
        if message["event"] == "mark" {
            stream.say(&message).await;
            // marks within a prompt have a number behind its own
            if !message["mark"]["name"].as_str().unwrap().contains('.') {
                break;
            }
        }
    }
    let key = json!({ "event": "dtmf", "sequence_number": "3", "dtmf": { "digit": "1", "duration": "100" } });
    stream.say(&key).await;
    // the socket stays open, and nothing more comes over it
    let record = engine.ended(&call).await;
    // by its silence or, if its buffers are full before, as it reads nothing
    let outcome = record["outcome"].as_str().unwrap();
    let is_noticed = match outcome {
        "connection-lost" => record["problems"].to_string().contains("not-reading"),
        _ => outcome == "peer-lost",
    };
    assert!(is_noticed, "{record:#}");
    let lines = record["transcript"].as_array().unwrap();
    let of_bot = lines.iter().filter(|line| line["speaker"] == "bot");
    let heard: Vec<&str> = of_bot.map(|line| line["heard"].as_str().unwrap()).collect();
    assert_eq!(heard[0], "whole", "{record:#}");
    assert!(
        heard.len() > 1 && !heard[1..].contains(&"whole"),
        "{record:#}"
    );
    drop(stream);
    engine.is_well().await;
}

/// Open descriptors and children of an engine's process.
fn held(engine: &Engine) -> (usize, String) {
    let process = format!("/proc/{}", engine.pid());
    let open = fs::read_dir(format!("{process}/fd")).unwrap().count();
    let tasks = fs::read_dir(format!("{process}/task")).unwrap();
    let children = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")));
    (open, children.map(Result::unwrap_or_default).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_calls_that_vanish_no_descriptor_child_or_place_is_left() {
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    is_held(&engine, "first", "09876500010").await;
    let (before, _) = held(&engine);
    for round in 0..10 {
        let sids: Vec<String> = (0..10).map(|nth| format!("gone-{round}-{nth}")).collect();
        let calls = sids.iter().enumerate().map(async |(nth, sid)| {
            let phone = format!("+9198766{round:02}{nth:02}0");
            engine.customer(&phone, Some("emi-reminder")).await;
            let mut stream = Stream::begin(&engine, sid, &phone).await;
            // before the first word, in the middle of it, and after some of them
            for _ in 0..nth % 4 {
                stream.hear().await;
            }
            drop(stream);
            engine.ended(sid).await
        });
        for record in join_all(calls).await {
            assert!(record["outcome"].is_string(), "{record:#}");
        }
    }
    let given_up = Instant::now() + PATIENCE;
    loop {
        let (open, children) = held(&engine);
        let live = metric(&engine, "ghanti_calls_live ").await;
        let awaited = metric(&engine, "ghanti_calls_awaited ").await;
        // the connection that asks for metrics, and one of a pool, come and go
        if open <= before + 2 && children.is_empty() && (live, awaited) == (0, 0) {
            break;
        }
        assert!(
            Instant::now() < given_up,
            "{open} of {before}, `{children}`, {live}, {awaited}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    engine.is_well().await;
}
