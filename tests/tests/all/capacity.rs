//! An engine that holds as many calls as it may: each further call is refused in time for Exotel's
//! flow to take another way, has a record, and no place is lost on any way; and what an operator
//! sees of it all.

use std::time::{Duration, Instant};

use crate::support::{Engine, PATIENCE, Setup, Stream, program};
use reqwest::Response;
use serde_json::{Value, json};

/// Callers answer by keys here: no words are waited for.
const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const AGENT: &str = "+918000000009";

fn engine(calls: u32) -> Engine {
    Setup::new(format!(
        "{BY_KEYS}[server]\nmax-calls = {calls}\n[calls]\nagents = ['{AGENT}']\n"
    ))
    .start()
}

async fn get(engine: &Engine, path: &str) -> Response {
    engine.http().get(engine.url(path)).send().await.unwrap()
}

async fn status(engine: &Engine, path: &str) -> u16 {
    get(engine, path).await.status().as_u16()
}

/// One value of `/metrics`, as it is written; 0 where it is not there.
async fn metric(engine: &Engine, name: &str) -> u64 {
    let reported = engine.metrics().await;
    reported
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        .unwrap_or(0)
}

/// Waits until the gauges of calls that are live and awaited say this.
async fn until_in_use(engine: &Engine, live: u64, awaited: u64) {
    let given_up = Instant::now() + PATIENCE;
    while (
        metric(engine, "ghanti_calls_live ").await,
        metric(engine, "ghanti_calls_awaited ").await,
    ) != (live, awaited)
    {
        assert!(
            Instant::now() < given_up,
            "never {live} live and {awaited} awaited:\n{}\n{}",
            engine.metrics().await,
            engine.logs()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn refused(engine: &Engine, sid: &str) -> Value {
    let record = engine.ended(sid).await;
    assert_eq!(
        (&record["outcome"], &record["problems"][0]["name"]),
        (&"refused-busy".into(), &"refused".into()),
        "{record:#}"
    );
    assert!(
        record["problems"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("max-calls"),
        "{record:#}"
    );
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_engine_turns_each_further_call_away_at_every_door_and_takes_one_when_another_ends()
{
    let engine = engine(2);
    assert_eq!(
        status(&engine, "/passthru?CallSid=cap-a&CallFrom=09876540001").await,
        200
    );
    let mut a = Stream::begin(&engine, "cap-a", "09876540001").await;
    a.hear_voice().await;
    let mut b = Stream::begin(&engine, "cap-b", "09876540002").await;
    b.hear_voice().await;
    until_in_use(&engine, 2, 0).await;

    let response = get(&engine, "/passthru?CallSid=cap-c&CallFrom=09876540003").await;
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers().get("location")
        ),
        (302, None)
    );
    assert!(response.text().await.unwrap().contains("full"));
    let response = get(&engine, "/voicebot-url?CallSid=cap-d&CallFrom=09876540004").await;
    assert_eq!(response.status(), 503);
    let body: Value = response.json().await.unwrap();
    assert!(
        body["error"].as_str().unwrap().contains("full")
            && body["hint"].as_str().unwrap().contains("max-calls"),
        "{body}"
    );
    assert_eq!(
        Stream::open(&engine, "/ws/voicebot/cap-e").await.err(),
        Some(503)
    );
    // without an id as well: nothing could be held for it
    assert_eq!(
        (
            status(&engine, "/passthru").await,
            status(&engine, "/voicebot-url").await
        ),
        (302, 503)
    );

    let record = refused(&engine, "cap-c").await;
    assert_eq!(
        (&record["customer_number"], &record["steps"][0]["step"]),
        (&"+919876540003".into(), &"passthru-received".into())
    );
    refused(&engine, "cap-d").await;
    refused(&engine, "cap-e").await;
    // whoever leads such a call to Connect wants somebody to be dialled
    let numbers = |reply: Value| reply["destination"]["numbers"].clone();
    assert_eq!(
        numbers(
            get(&engine, "/connect?CallSid=cap-c")
                .await
                .json()
                .await
                .unwrap()
        ),
        json!([AGENT])
    );
    assert_eq!(status(&engine, "/passthru/after?CallSid=cap-c").await, 200);

    // a live call has its place, whatever it asks; a second stream of it has none
    assert_eq!(status(&engine, "/passthru?CallSid=cap-a").await, 200);
    assert_eq!(
        Stream::open(&engine, "/ws/voicebot/cap-a").await.err(),
        Some(503)
    );
    until_in_use(&engine, 2, 0).await;
    b.hear_voice().await;

    a.hang_up("cap-a").await;
    engine.ended("cap-a").await;
    until_in_use(&engine, 1, 0).await;
    // the call that was refused tries again, and is a call like any other
    let mut c = Stream::begin(&engine, "cap-c", "09876540003").await;
    c.hear_voice().await;
    assert_eq!(status(&engine, "/passthru?CallSid=cap-f").await, 302);
    c.hang_up("cap-c").await;
    b.hang_up("cap-b").await;
    let record = engine
        .record_when("cap-c", PATIENCE, |record| {
            record["outcome"] != "refused-busy"
        })
        .await;
    assert!(
        record["state"] == "ended"
            && record["started_ms"].is_u64()
            && record["flow"] == "emi-reminder",
        "{record:#}"
    );
    until_in_use(&engine, 0, 0).await;
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_kept_for_the_call_that_was_told_to_go_on_and_given_back_when_it_does_not_come()
{
    let engine = engine(2);
    // asked for twice, kept once; the dynamic URL is the same call's
    for path in [
        "/passthru?CallSid=kept-a",
        "/passthru?CallSid=kept-a",
        "/voicebot-url?CallSid=kept-a",
    ] {
        assert_eq!(status(&engine, path).await, 200);
    }
    until_in_use(&engine, 0, 1).await;
    assert_eq!(status(&engine, "/voicebot-url?CallSid=kept-b").await, 200);
    assert_eq!(status(&engine, "/passthru?CallSid=kept-c").await, 302);
    // a stranger may be one of the two, until it says that it is not
    let mut stranger = Stream::open(&engine, "/ws/voicebot/%7BCallSid%7D")
        .await
        .unwrap();
    stranger
        .say(&crate::support::start_of("kept-x", "09876540010"))
        .await;
    assert_eq!(stranger.until_closed().await, [] as [Value; 0]);
    refused(&engine, "kept-x").await;
    // and one of them is, although its path does not say so
    let mut a = Stream::open(&engine, "/ws/voicebot/%7BCallSid%7D")
        .await
        .unwrap();
    a.say(&crate::support::start_of("kept-a", "09876540011"))
        .await;
    a.hear_voice().await;
    until_in_use(&engine, 1, 1).await;

    // a second stream of the live call is closed, and costs nothing
    assert_eq!(
        Stream::open(&engine, "/ws/voicebot/kept-a")
            .await
            .err()
            .unwrap_or(101),
        101,
        "`kept-b` is awaited, and this may be it"
    );
    // `kept-b` never comes
    until_in_use(&engine, 1, 0).await;
    let mut second = Stream::begin(&engine, "kept-a", "09876540011").await;
    assert_eq!(second.until_closed().await, [] as [Value; 0]);
    let mut c = Stream::begin(&engine, "kept-c", "09876540012").await;
    c.hear_voice().await;
    c.hang_up("kept-c").await;
    a.hang_up("kept-a").await;
    until_in_use(&engine, 0, 0).await;
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_never_starts_keeps_no_place() {
    let engine = engine(1);
    let mut silent = Stream::open(&engine, "/ws/voicebot/never").await.unwrap();
    silent.say(&json!({ "event": "connected" })).await;
    assert_eq!(status(&engine, "/passthru?CallSid=never-2").await, 302);
    assert_eq!(
        tokio::time::timeout(PATIENCE, silent.until_closed())
            .await
            .unwrap(),
        [] as [Value; 0]
    );
    let given_up = Instant::now() + PATIENCE;
    while status(&engine, "/passthru?CallSid=never-3").await != 200 {
        assert!(Instant::now() < given_up, "{}", engine.logs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_stops_turns_calls_away_and_holds_those_it_has_promised_to() {
    let mut engine = Setup::new(format!("{BY_KEYS}[server]\ndrain-s = 60\n")).start();
    let mut live = Stream::begin(&engine, "stop-a", "09876540020").await;
    live.hear_voice().await;
    assert_eq!(status(&engine, "/passthru?CallSid=stop-b").await, 200);
    engine.ask_to_stop();
    let given_up = Instant::now() + PATIENCE;
    while get(&engine, "/readyz").await.json::<Value>().await.unwrap()["draining"] != true {
        assert!(Instant::now() < given_up, "{}", engine.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let response = get(&engine, "/passthru?CallSid=stop-c").await;
    assert_eq!(response.status(), 302);
    assert!(response.text().await.unwrap().contains("stopping"));
    assert_eq!(status(&engine, "/voicebot-url?CallSid=stop-d").await, 503);
    assert_eq!(
        Stream::open(&engine, "/ws/voicebot/stop-e").await.err(),
        Some(503)
    );
    assert_eq!(
        metric(
            &engine,
            "ghanti_calls_refused_total{at=\"stream\",reason=\"draining\"}"
        )
        .await,
        1
    );
    let record = engine.ended("stop-c").await;
    assert_eq!(
        (
            &record["outcome"],
            record["detail"].as_str().unwrap().contains("stopping")
        ),
        (&"refused-busy".into(), true)
    );

    live.hang_up("stop-a").await;
    let mut promised = Stream::begin(&engine, "stop-b", "09876540021").await;
    promised.hear_voice().await;
    promised.hang_up("stop-b").await;
    assert_eq!(engine.stopped(PATIENCE).code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_told_how_to_lay_the_branches_and_sees_the_cap() {
    let engine = engine(3);
    let reported: Value = get(&engine, "/websocket-url").await.json().await.unwrap();
    let branches = reported["applets"][0]["then"].as_str().unwrap();
    assert!(
        branches.contains("200: lead it to Voicebot")
            && branches.contains("302: the engine is full"),
        "{branches}"
    );
    let ready: Value = get(&engine, "/readyz").await.json().await.unwrap();
    assert_eq!(ready["max_calls"], 3);
    assert!(
        engine.logs().contains("webassembly pool is ready calls=3"),
        "{}",
        engine.logs()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_report_flows_and_calls_to_whoever_has_the_token() {
    let house = tempfile::tempdir().unwrap();
    let flows = house.path().join("flows");
    let acts = crate::support::root().join("engine/host/tests/fixtures/acts-0.1.0.wasm");
    for (name, manifest) in [
        ("traps", "[settings]\nact = 'trap'\n"),
        ("greedy", "[limits]\nmemory = '33MiB'\n"),
    ] {
        std::fs::create_dir_all(flows.join(name).join("prompts")).unwrap();
        std::fs::copy(&acts, flows.join(name).join("flow.wasm")).unwrap();
        std::fs::write(flows.join(name).join("flow.toml"), manifest).unwrap();
        let prompts = format!(
            "greeting = Hello {{ $name }}\n{}",
            crate::support::ACTS_PROMPTS
        );
        std::fs::write(flows.join(name).join("prompts/en-IN.ftl"), prompts).unwrap();
    }
    let config = format!(
        "{BY_KEYS}[limits]\nmemory-mib = 32\n[server]\ninsecure = true\napi-token = 'api-8-0123456789-'\n"
    );
    let engine = Setup::new(config).flows(&flows).start();
    assert_eq!(status(&engine, "/metrics").await, 401);
    let with_token = |path: &str| {
        engine
            .http()
            .get(engine.url(path))
            .bearer_auth("api-8-0123456789-")
            .send()
    };

    let rejected: Value = with_token("/api/flows")
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let fault = &rejected["items"][0]["rejected"][0];
    assert_eq!(
        (&fault["flow"], &fault["step"], &fault["line"]),
        (&"greedy".into(), &"allowance".into(), &2.into()),
        "{rejected:#}"
    );
    assert!(
        fault["hint"]
            .as_str()
            .unwrap()
            .contains("`memory-mib` of `[limits]`"),
        "{rejected:#}"
    );

    let mut stream = Stream::begin(&engine, "met-a", "09876540030").await;
    while let Some(message) = stream.hear().await {
        if message["event"] == "mark" {
            drop(
                stream
                    .send(tokio_tungstenite::tungstenite::Message::text(
                        message.to_string(),
                    ))
                    .await,
            );
        }
    }
    let given_up = Instant::now() + PATIENCE;
    let reported = loop {
        let reported = with_token("/metrics").await.unwrap().text().await.unwrap();
        if reported.contains("ghanti_calls_ended_total{outcome=\"flow-failed\"} 1") {
            break reported;
        }
        assert!(Instant::now() < given_up, "{reported}\n{}", engine.logs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    for line in [
        "# TYPE ghanti_calls_live gauge",
        "ghanti_calls_live 0",
        "ghanti_calls_max 1000",
        "ghanti_flow_versions_published_total{flow=\"traps\"} 1",
        "ghanti_flow_candidates_rejected_total{flow=\"greedy\",step=\"allowance\"} 1",
        "ghanti_flow_failures_total{flow=\"traps\",kind=\"trap\"} 1",
        "ghanti_flow_failures_total{flow=\"traps\",kind=\"limit\"} 0",
        "ghanti_flow_rollbacks_total{flow=\"traps\"} 0",
        "# EOF",
    ] {
        assert!(
            reported.lines().any(|reported| reported == line),
            "`{line}` is missing in\n{reported}"
        );
    }
    assert!(
        !reported.contains("met-a") && !reported.contains("98765"),
        "nothing tells of one call: {reported}"
    );
}

#[test]
fn the_operators_maxima_are_printed_and_checked() {
    let house = tempfile::tempdir().unwrap();
    let file = house.path().join("ghanti.toml");
    let run = |command: &str, text: &str| {
        std::fs::write(&file, text).unwrap();
        let output = program()
            .args(["config", command, "--config"])
            .arg(&file)
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (_, printed, _) = run(
        "print",
        "[limits]\nlog-lines = 7\n[grants]\nlookup = ['loan:*']\n",
    );
    for line in [
        "[limits]",
        "memory-mib = 64",
        "compute-ms = 1000",
        "log-lines = 7",
        "journal-kib = 16384",
        "lookup = [\"loan:*\"]",
    ] {
        assert!(
            printed.lines().any(|reported| reported == line),
            "`{line}` is missing in\n{printed}"
        );
    }
    let (right, _, reported) = run("check", "[limits]\nmemory-mib = 4096\n");
    assert!(
        !right && reported.contains("`memory-mib` of `[limits]` is `4096`: choose 1 to 64"),
        "{reported}"
    );
}
