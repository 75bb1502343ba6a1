//! Descriptors and address space are used up: calls that are held go on, further ones are refused with the
//! reason, and when there is room again they are held as before.

use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::nodes::{reminder, until};
use crate::support::{Engine, Setup, Stream};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
/// Of open files, for an engine that has few: it takes a dozen calls.
const FEW_FILES: u32 = 120;
/// Of address space, for an engine that has little: it takes some calls.
const LITTLE_KIB: u64 = (4_096 + 40 * 260) << 10;

/// Connections that ask for nothing.
const IDLE: usize = 8;

async fn readyz(engine: &Engine) -> (u16, Value) {
    let get = engine.http().get(engine.url("/readyz"));
    match get.send().await {
        Ok(response) => (response.status().as_u16(), response.json().await.unwrap()),
        // it was closed to make room, as one that waits: it is asked again
        Err(_) => (0, Value::Null),
    }
}

async fn passthru(engine: &Engine, sid: &str) -> (u16, String) {
    let url = engine.url(&format!("/passthru?CallSid={sid}&CallFrom=09876573001"));
    let response = engine.http().get(url).send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.text().await.unwrap())
}

/// A call of a known customer that has said its first words.
async fn talking(engine: &Engine, sid: &str, nth: u64) -> Stream {
    let phone = format!("09876573{nth:03}");
    engine.customer(&phone, None).await;
    let mut stream = Stream::begin(engine, sid, &phone).await;
    stream.hear_voice().await;
    stream
}

/// Stays on the line until it is over, and hangs up.
async fn listens(mut stream: Stream, sid: String, over: CancellationToken) {
    let mut due = tokio::time::interval(Duration::from_millis(120));
    loop {
        tokio::select! {
            () = over.cancelled() => break,
            heard = stream.hear() => assert!(heard.is_some(), "{sid} was ended"),
            _ = due.tick() => stream.send_silence(&sid).await.unwrap(),
        }
    }
    stream.hang_up(&sid).await;
}

/// Holds as many calls as an engine takes, and one more.
async fn is_full_and_has_room_again(engine: &Engine, limited_by: &str) {
    let (_, reported) = readyz(engine).await;
    let calls = reported["max_calls"].as_u64().unwrap();
    assert!((2..40).contains(&calls), "{reported:#}");
    let named = reported["limited_by"].as_str().unwrap();
    assert!(named.contains(limited_by), "{named}");
    let (mut held, over) = (Vec::new(), CancellationToken::new());
    for nth in 0..calls {
        let sid = format!("held-{nth}");
        let stream = talking(engine, &sid, nth).await;
        held.push(tokio::spawn(listens(stream, sid, over.clone())));
    }
    let (status, words) = passthru(engine, "refused").await;
    assert_eq!((status, words.contains("full")), (302, true), "{words}");
    let record = engine.ended("refused").await;
    assert_eq!(record["outcome"], "refused-busy", "{record:#}");
    for nth in 0..calls {
        let record = engine.record(&format!("held-{nth}")).await.unwrap();
        assert_eq!(record["state"], "live", "{record:#}");
    }
    over.cancel();
    for (nth, listening) in held.into_iter().enumerate() {
        let sid = format!("held-{nth}");
        listening.await.unwrap();
        let record = engine.ended(&sid).await;
        assert_eq!(record["outcome"], "hung-up", "{record:#}");
    }
    until("there is room again", async || {
        let (status, words) = passthru(engine, "again").await;
        (status == 200).then_some(()).ok_or(words)
    })
    .await;
    talking(engine, "after", 900).await.hang_up("after").await;
    assert_eq!(engine.ended("after").await["outcome"], "hung-up");
    engine.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_few_descriptors_or_little_address_space_calls_are_refused_before_any_is_hurt() {
    let flows = reminder();
    let setup = || Setup::new(BY_KEYS).flows(flows.path());
    let few = setup().open_files(FEW_FILES).start();
    is_full_and_has_room_again(&few, "`ulimit -n`").await;
    drop(few);
    let little = setup().address_space_kib(LITTLE_KIB).start();
    is_full_and_has_room_again(&little, "address space").await;
}

/// Sets the soft limit of open files of a process that runs.
fn limit_descriptors(engine: &Engine, soft: &str) {
    let pid = engine.pid().to_string();
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &pid, &format!("--nofile={soft}:")]);
    let limited = prlimit.output().unwrap();
    assert!(limited.status.success(), "{limited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_no_descriptor_is_left_readiness_says_why_and_all_is_well_afterwards() {
    let flows = reminder();
    let engine = Setup::new(BY_KEYS).flows(flows.path()).start();
    // who asks for nothing gives way to who does
    let idle: Vec<TcpStream> = (0..IDLE)
        .map(|_| TcpStream::connect(engine.address()).unwrap())
        .collect();
    engine.is_well().await;
    let process = format!("/proc/{}", engine.pid());
    let before = fs::read_to_string(format!("{process}/limits")).unwrap();
    let mut before = before
        .lines()
        .filter(|line| line.starts_with("Max open files"));
    let before = before.next().unwrap().split_whitespace().nth(3).unwrap();
    let reported = until("it is told", async || {
        // room for the one that asks
        let open = fs::read_dir(format!("{process}/fd")).unwrap().count();
        limit_descriptors(&engine, &(open + 1).to_string());
        let (status, reported) = readyz(&engine).await;
        let is_reported = reported["voices"]
            .to_string()
            .contains("Too many open files");
        (is_reported && status == 503)
            .then_some(reported.clone())
            .ok_or(reported)
    })
    .await;
    assert_eq!(reported["records"], "ok", "{reported:#}");
    limit_descriptors(&engine, before);
    until("there is room again", async || {
        let (status, reported) = readyz(&engine).await;
        let is_ready = status == 200 && reported["voices"] == "ok";
        is_ready.then_some(()).ok_or(reported)
    })
    .await;
    drop(idle);
    talking(&engine, "new", 901).await.hang_up("new").await;
    let record = engine.ended("new").await;
    assert_eq!(record["outcome"], "hung-up", "{record:#}");
    assert_eq!(record["problems"], json!([]), "{record:#}");
    engine.is_well().await;
}
