//! Outbound calls by the simulated Exotel, from the request to the last callback, against a
//! stand-in for the engine. Streams run in real time, all else a hundred times faster.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bot;
mod refusals;
mod sim;
mod wrong_flows;

use bot::{Bot, Closes};
use ghanti_exotel::rest::ActiveStreams;
use serde_json::Value;
use sim::{FLOW, Sim, whole_flow};

/// The set-ups that the documentation names.
#[test]
fn the_examples_can_be_loaded() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/simulated-exotel");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if let Err(error) = ghanti_sim::exotel::Setup::load(&path) {
            panic!("{error}");
        }
    }
}

const CUSTOMER: &str = "+919876500001";

/// A caller who presses a key after the bot's first turn.
const PRESSES: &str = "[[callers]]\nframe-ms = 100\nsteps = [{ keys = \"1\" }]\n";

fn words(value: &Value, key: &str) -> Vec<String> {
    let list = value.as_array().unwrap().iter();
    list.map(|item| item[key].as_str().unwrap_or("null").to_owned())
        .collect()
}

async fn streams(sim: &Sim) -> ActiveStreams {
    let xml = sim.get("ActiveStreams").await.text().await.unwrap();
    ActiveStreams::parse(&xml).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accepted_call_runs_through_the_whole_flow() {
    let bot = Bot::start(Closes::AfterKey, &["+918045111222", "+918045111333"]).await;
    let sim = Sim::start("", &format!("{PRESSES}{}", whole_flow(&bot))).await;
    let status = bot.url("status");
    let sid = sim
        .call(
            CUSTOMER,
            &[("CustomField", "order-7"), ("StatusCallback", &status)],
        )
        .await;
    assert_eq!(sid.len(), 32);
    assert!(
        sid.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    );

    let call = sim.over(1).await;
    assert_eq!(call["status"], "completed");
    assert_eq!(call["request"]["CustomField"], "order-7");
    let applets = &call["applets"];
    assert_eq!(
        words(applets, "applet"),
        ["passthru", "voicebot", "passthru", "connect", "passthru"]
    );
    assert_eq!(applets[0]["answer"], "OK");
    let stream = &applets[1]["stream"];
    assert_eq!(stream["ended-by"], "bot");
    assert_eq!(
        (&stream["steps-left"], &stream["faults"]),
        (&0.into(), &Value::Array(Vec::new()))
    );
    assert_eq!(words(&applets[3]["agents"], "answer"), ["busy", "answers"]);
    assert_eq!(applets[3]["branch"], "next");

    let asked = bot.asked();
    let events = ["event"; 7];
    let expected = [
        &["before", "voicebot-url", "after", "connect"][..],
        &events,
        &["after"],
    ]
    .concat();
    assert_eq!(bot.paths(), expected);
    assert_eq!(asked[0].query["token"], "a");
    assert_eq!(asked[0].query["CallSid"], sid);
    assert_eq!(asked[1].query["CustomField"], "order-7");
    assert_eq!(asked[1].query["CallFrom"], "09876500001");
    assert_eq!(asked[1].query["CallTo"], "08045000000");
    assert_eq!(asked[1].query["flow_id"], "1001");
    assert_eq!(asked[2].query["Stream[DisconnectedBy]"], "bot");
    assert!(asked[2].query["Stream[StreamUrl]"].contains("job=7"));
    let leg: Vec<_> = asked[4..11]
        .iter()
        .map(|event| event.query["EventType"].as_str())
        .collect();
    assert_eq!(
        leg,
        [
            "Dial", "Ringing", "Terminal", "Dial", "Ringing", "Answered", "Terminal"
        ]
    );
    assert_eq!(asked[11].query["DialCallStatus"], "completed");
    assert_eq!(asked[11].query["DialWhomNumber"], "+918045111333");

    let callbacks = bot.callbacks();
    let [(kind, fields)] = &callbacks[..] else {
        panic!("{callbacks:?}");
    };
    assert!(kind.starts_with("multipart/form-data; boundary="), "{kind}");
    assert_eq!(fields.get("CallSid"), Some(sid.as_str()));
    assert_eq!(fields.get("Status"), Some("completed"));
    assert_eq!(fields.get("EventType"), None);
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_is_not_answered_runs_no_applet() {
    let bot = Bot::start(Closes::AfterGreeting, &[]).await;
    let callers = "[[callers]]\nnumbers = [\"*1\"]\ndoes = \"busy\"\n[[callers]]\nnumbers = [\"*2\"]\ndoes = \"no-answer\"\n\
                   [[callers]]\nnumbers = [\"*3\"]\ndoes = \"failed\"\n[[callers]]\nrings-s = 40\n";
    let sim = Sim::start("", &format!("{callers}{}", whole_flow(&bot))).await;
    let status = bot.url("status");
    for last in 1..=4 {
        let number = format!("987650000{last}");
        sim.call(&number, &[("StatusCallback", &status), ("TimeOut", "20")])
            .await;
    }
    let report = sim
        .when(|report| report["live"] == 0 && bot.callbacks().len() == 4)
        .await;
    let expected = ["busy", "no-answer", "failed", "no-answer"];
    assert_eq!(words(&report["calls"], "status"), expected);
    assert_eq!(bot.paths(), [""; 0]);
    let mut reported: Vec<_> = bot
        .callbacks()
        .iter()
        .map(|(_, fields)| fields.text("Status").unwrap())
        .collect();
    reported.sort();
    assert_eq!(reported, ["busy", "failed", "no-answer", "no-answer"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_was_busy_answers_the_second_call() {
    let bot = Bot::start(Closes::AfterGreeting, &[]).await;
    let callers = "[[callers]]\nnth-call = 1\ndoes = \"busy\"\n";
    let sim = Sim::start("", &format!("{callers}{}", whole_flow(&bot))).await;
    sim.call(CUSTOMER, &[]).await;
    sim.call("09876500001", &[]).await;
    let report = sim.when(|report| report["live"] == 0).await;
    assert_eq!(words(&report["calls"], "status"), ["busy", "completed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_reply_is_a_call_all_the_same() {
    let bot = Bot::start(Closes::AfterGreeting, &[]).await;
    let faults = "[faults]\nlost-reply = 100\n";
    let sim = Sim::start("", &format!("{faults}{}", whole_flow(&bot))).await;
    let error = sim.dial(CUSTOMER, &[("Url", FLOW)]).await.unwrap_err();
    assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
    let call = sim.over(0).await;
    assert_eq!(call["reply-fault"], "lost-reply");
    assert_eq!(call["status"], "completed");
    assert_eq!(bot.paths(), ["before", "voicebot-url", "after"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_come_twice_and_with_all_fields_if_events_were_asked_for() {
    let bot = Bot::start(Closes::AfterGreeting, &[]).await;
    let faults = "[faults]\ncallback-doubled = 100\ncallbacks-out-of-order = 100\n";
    let sim = Sim::start("", &format!("{faults}{}", whole_flow(&bot))).await;
    let status = bot.url("status");
    let asked = [
        ("StatusCallback", status.as_str()),
        ("StatusCallbackContentType", "application/json"),
        ("StatusCallbackEvents[0]", "terminal"),
        ("StatusCallbackEvents[1]", "answered"),
        ("CustomField", "order-7"),
    ];
    sim.call(CUSTOMER, &asked).await;
    let call = sim.over(4).await;
    let order = ["terminal", "terminal", "answered", "answered"];
    assert_eq!(words(&call["callbacks"], "event"), order);
    assert_eq!(words(&call["callbacks"], "fault"), ["doubled"; 4]);
    let callbacks = bot.callbacks();
    assert_eq!(callbacks.len(), 4);
    let (kind, terminal) = &callbacks[0];
    assert_eq!(kind, "application/json");
    for (name, value) in [
        ("EventType", "terminal"),
        ("Status", "completed"),
        ("From", "09876500001"),
        ("To", "08045000000"),
        ("Direction", "outbound-api"),
        ("CustomField", "order-7"),
        ("Legs[0][Status]", "completed"),
    ] {
        assert_eq!(terminal.get(name), Some(value), "{name}");
    }
    assert_eq!(callbacks[2].1.get("Legs[0][Status]"), Some("in-progress"));
    assert_eq!(callbacks[2].1.get("Legs[1][Status]"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_are_lost_or_late() {
    let bot = Bot::start(Closes::AfterGreeting, &[]).await;
    let setup = |fault| {
        format!("[[callers]]\ndoes = \"busy\"\n[faults]\n{fault} = 100\ncallback-late-s = 30\n")
    };
    let status = bot.url("status");
    let lost = Sim::start("", &setup("callback-lost")).await;
    lost.call(CUSTOMER, &[("StatusCallback", &status)]).await;
    assert_eq!(lost.over(1).await["callbacks"][0]["status"], Value::Null);
    assert_eq!(bot.callbacks().len(), 0);

    let late = Sim::start("", &setup("callback-late")).await;
    late.call(CUSTOMER, &[("StatusCallback", &status)]).await;
    assert_eq!(late.over(0).await["callbacks"].as_array().unwrap().len(), 0);
    assert_eq!(late.over(1).await["callbacks"][0]["fault"], "late");
    assert_eq!(bot.callbacks().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_needs_no_flow_and_its_end_ends_the_call() {
    let bot = Bot::start(Closes::AfterGreeting, &[]).await;
    let sim = Sim::start("", "").await;
    let url = format!("ws://{}/ws?order=7", bot.address);
    let response = sim
        .dial(
            CUSTOMER,
            &[("StreamUrl", &url), ("StreamType", "bidirectional")],
        )
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let call = sim.over(0).await;
    assert_eq!(words(&call["applets"], "applet"), ["voicebot"]);
    assert_eq!(call["applets"][0]["stream"]["ended-by"], "bot");
    assert_eq!(bot.paths(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_hang_up_and_connections_break() {
    for (setup, ended_by, reported) in [
        ("[[callers]]\ndoes = \"hangs-up\"\n", "user", "user"),
        (
            "[faults]\nstream-lost = 100\nstream-lost-after-ms = [200, 400]\n",
            "nobody",
            "NA",
        ),
    ] {
        let bot = Bot::start(Closes::Never, &[]).await;
        let sim = Sim::start("", &format!("{setup}{}", whole_flow(&bot))).await;
        sim.call(CUSTOMER, &[]).await;
        let call = sim.over(0).await;
        assert_eq!(
            call["applets"][1]["stream"]["ended-by"], ended_by,
            "{call:#}"
        );
        let after = &bot.asked()[2];
        assert_eq!(after.path, "after");
        assert_eq!(after.query["Stream[DisconnectedBy]"], reported);
        // nobody is connected to an agent any more
        assert!(!bot.paths().contains(&"connect".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voicemail_speaks_first_and_does_not_wait() {
    let bot = Bot::start(Closes::AfterGreeting, &[]).await;
    let callers = "[[callers]]\ndoes = \"voicemail\"\ngreeting = \"leave a message\"\n";
    let sim = Sim::start("", &format!("{callers}{}", whole_flow(&bot))).await;
    sim.call(CUSTOMER, &[]).await;
    let call = sim.over(0).await;
    assert_eq!(call["applets"][1]["stream"]["ended-by"], "bot", "{call:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_caller_of_a_scenario_can_be_called() {
    let bot = Bot::start(Closes::Never, &[]).await;
    let callers = "[[callers]]\nscenario = \"silence.toml\"\nhangs-up-after-s = 1\n";
    let sim = Sim::start("", &format!("{callers}{}", whole_flow(&bot))).await;
    sim.call(CUSTOMER, &[]).await;
    let call = sim.over(0).await;
    assert_eq!(call["applets"][1]["stream"]["ended-by"], "user", "{call:#}");
    assert_eq!(call["ended"], "the caller hung up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn details_and_streams_are_reported_during_a_call_and_after() {
    let bot = Bot::start(Closes::Never, &[]).await;
    let callers = "[[callers]]\nframe-ms = 100\nhangs-up-after-s = 2\n";
    let setup = format!("{callers}{}", whole_flow(&bot));
    let sim = Sim::start("streams = 1\nrequests-per-minute = 100000", &setup).await;
    let sid = sim.call(CUSTOMER, &[]).await;
    let details = format!("Calls/{sid}.json");
    let read: Value = sim.get(&details).await.json().await.unwrap();
    assert_eq!(read["Call"]["Status"], "in-progress");
    assert_eq!(read["Call"]["EndTime"], Value::Null);
    while streams(&sim).await.active == 0 {
        tokio::task::yield_now().await;
    }
    // the account's only stream is taken
    sim.call("09876500002", &[]).await;
    let report = sim.when(|report| report["live"] == 0).await;
    assert_eq!(
        report["calls"][1]["applets"][1]["problem"],
        "Streaming_call_throttled"
    );
    let is_throttled = |asked: &bot::Asked| {
        asked
            .query
            .get("Stream[DetailedStatus]")
            .is_some_and(|detail| detail == "Streaming_call_throttled")
    };
    assert_eq!(
        bot.asked()
            .iter()
            .filter(|asked| is_throttled(asked))
            .count(),
        1
    );
    assert_eq!(streams(&sim).await.limit, 1);

    let began = std::time::Instant::now();
    loop {
        let read: Value = sim.get(&details).await.json().await.unwrap();
        assert_eq!(read["Call"]["Status"], "completed");
        if !read["Call"]["EndTime"].is_null() {
            assert_eq!(read["Call"]["Duration"], "2");
            break;
        }
        assert!(began.elapsed() < sim::TIMEOUT);
        tokio::time::sleep(sim::POLL).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_calls_with_their_last_applets_and_callbacks() {
    let bot = Bot::start(Closes::Never, &[]).await;
    let sim = Sim::start("", &whole_flow(&bot)).await;
    let status = bot.url("status");
    sim.call(CUSTOMER, &[("StatusCallback", &status)]).await;
    let began = std::time::Instant::now();
    while bot.paths().len() < 2 {
        assert!(began.elapsed() < sim::TIMEOUT);
        tokio::task::yield_now().await;
    }
    sim.stop().await;
    assert_eq!(bot.callbacks().len(), 1);
    assert_eq!(bot.callbacks()[0].1.get("Status"), Some("completed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_press_a_key() {
    let bot = Bot::start(Closes::AfterKey, &[]).await;
    let callers = "[[callers]]\nframe-ms = 500\nsteps = [{ keys = \"1\" }]\n";
    let account = "requests-per-minute = 100000\nstreams = 1000";
    let sim = Sim::start(account, &format!("{callers}{}", whole_flow(&bot))).await;
    for nth in 0..1_000 {
        sim.call(&format!("+9198765{nth:05}"), &[]).await;
    }
    let report = sim.when(|report| report["live"] == 0).await;
    let calls = report["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 1_000);
    for call in calls {
        assert_eq!(call["applets"][1]["stream"]["ended-by"], "bot", "{call:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_are_held_at_once_and_all_hang_up_at_a_stop() {
    let bot = Bot::start(Closes::Never, &[]).await;
    let callers = "[[callers]]\nframe-ms = 500\n";
    let account = "requests-per-minute = 1000000\nstreams = 1000";
    let sim = Sim::start(account, &format!("{callers}{}", whole_flow(&bot))).await;
    for nth in 0..1_000 {
        sim.call(&format!("+9198765{nth:05}"), &[]).await;
    }
    let began = std::time::Instant::now();
    while streams(&sim).await.active < 1_000 {
        assert!(began.elapsed() < sim::TIMEOUT);
        tokio::time::sleep(sim::POLL).await;
    }
    sim.stop().await;
    let ended_by_caller = |asked: &bot::Asked| {
        asked.path == "after" && asked.query["Stream[DisconnectedBy]"] == "user"
    };
    let ended = bot.asked();
    assert_eq!(
        ended.iter().filter(|asked| ended_by_caller(asked)).count(),
        1_000
    );
}
