//! A signal at every event of a call: SIGHUP changes nothing, SIGINT lets the call come to its own end,
//! and an engine that is killed leaves one record of each call, with an outcome and with what had happened
//! up to the last half second.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use ghanti_model::CallId;
use ghanti_store::{CallRecords, SqlRecords};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::nodes::{reminder, text, with_bare};
use crate::support::{Engine, Follower, PATIENCE, Received, Setup, Stream, silence_of};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n[calls]\nagents = ['+918000000001']\n";
/// Events that happened so long before an engine is killed are kept.
const SAVED_MS: u64 = 500;
/// What happens in a call of the flow that says a sentence and wants an agent, up to its last callback.
const OF_BARE: [&str; 12] = [
    "applet-asked",
    "stream-started",
    "host-called",
    "prompt-started",
    "prompt-played",
    "decided",
    "conversation-ended",
    "stream-closed",
    "passthru-after",
    "connect-answered",
    "agent-reported",
    "status-reported",
];
/// What happens besides in one that asks something and is answered.
const OF_REMINDER: [&str; 6] = [
    "step-reached",
    "asked",
    "listening",
    "keys",
    "responded",
    "established",
];
/// Pause between two polls of what cannot be waited for otherwise.
const LOOK: Duration = Duration::from_millis(20);
/// Engines that are killed at the same time, each at some of the events.
const ENGINES: usize = 3;

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// A call with all of Exotel's requests, as far as the engine answers them.
struct Caller {
    address: String,
    sid: String,
    phone: String,
    order: String,
}

impl Caller {
    async fn order(engine: &Engine, nth: usize, flow: &str) -> Self {
        let phone = format!("09876572{nth:03}");
        Self {
            address: engine.address().to_owned(),
            sid: format!("signal-{nth}"),
            order: engine.customer(&phone, Some(flow)).await,
            phone,
        }
    }

    async fn get(&self, path: &str) -> Option<()> {
        let client = ghanti_sim::http::client().unwrap().timeout(PATIENCE);
        let client = client.redirect(reqwest::redirect::Policy::none());
        let url = format!("http://{}{path}", self.address);
        client.build().unwrap().get(url).send().await.ok().map(drop)
    }

    /// Holds the call: marks come back at once, and a key is pressed now and then.
    async fn hold(&self) -> Option<()> {
        let Self {
            sid, phone, order, ..
        } = self;
        let asked = format!("/passthru?CallSid={sid}&CallFrom={phone}&CustomField={order}");
        self.get(&asked).await?;
        let mut stream = Stream::try_begin(&self.address, sid, phone).await?;
        let mut due = tokio::time::interval(Duration::from_millis(120));
        let press = json!({ "event": "dtmf", "dtmf": { "digit": "1", "duration": "100" } });
        let send = async |stream: &mut Stream, message: &Value| {
            let message = tokio_tungstenite::tungstenite::Message::text(message.to_string());
            stream.send(message).await.ok()
        };
        let mut nth = 0_u32;
        loop {
            tokio::select! {
                heard = stream.hear() => match heard {
                    None => break,
                    Some(message) if message["event"] == "mark" => send(&mut stream, &message).await?,
                    Some(_) => {}
                },
                _ = due.tick() => {
                    nth += 1;
                    send(&mut stream, &silence_of(sid)).await?;
                    if nth.is_multiple_of(10) {
                        send(&mut stream, &press).await?;
                    }
                }
            }
        }
        self.get(&format!(
            "/passthru/after?CallSid={sid}&Stream%5BStatus%5D=completed"
        ))
        .await?;
        self.get(&format!("/connect?CallSid={sid}")).await?;
        self.get(&format!(
            "/connect/event?CallSid={sid}&EventType=Answered&Status=busy"
        ))
        .await?;
        let client = ghanti_sim::http::client().unwrap().timeout(PATIENCE);
        let status = json!({ "CallSid": sid, "Status": "completed" });
        let url = format!("http://{}/status", self.address);
        let reported = client.build().unwrap().post(url).json(&status).send();
        reported.await.ok().map(drop)
    }
}

fn has(reported: &[Received], kind: &str) -> bool {
    reported.iter().any(|reported| reported.kind == kind)
}

/// The number of records of a customer.
async fn records_of(engine: &Engine, caller: &Caller) -> usize {
    let url = engine.url("/api/calls?limit=200");
    let page = engine.http().get(url).send().await.unwrap();
    let page: Value = page.json().await.unwrap();
    let number = format!("+91{}", &caller.phone[1..]);
    let items = page["items"].as_array().unwrap().iter();
    items
        .filter(|record| record["customer_number"] == number.as_str())
        .count()
}

/// Waits until an order is in the database.
async fn is_stored(engine: &Engine, order: &str) {
    let order = CallId::parse(order).unwrap();
    let data = engine.house().join("data");
    let records = SqlRecords::open(None, &data).await.unwrap();
    let given_up = Instant::now() + PATIENCE;
    while records.by_id(order).await.unwrap().is_none() {
        assert!(Instant::now() < given_up, "the order is not stored");
        tokio::time::sleep(LOOK).await;
    }
    records.close().await;
}

/// Kills an engine when a call of a flow has come to an event, and starts it again.
async fn is_killed_at(engine: &mut Engine, nth: usize, flow: &str, kind: &str) {
    let caller = Arc::new(Caller::order(engine, nth, flow).await);
    // Exotel rings for longer than it takes to store an order
    is_stored(engine, &caller.order).await;
    let path = format!("/api/calls/{}/events", caller.order);
    let mut follower = Follower::open(engine, &path, None).await;
    let holding = tokio::spawn({
        let caller = Arc::clone(&caller);
        async move { caller.hold().await }
    });
    let mut reported = follower.until(|reported| has(reported, kind)).await;
    let killed_ms = now_ms();
    engine.crash();
    holding.abort();
    reported.extend(follower.until_gone().await);
    engine.start_again();

    // what Exotel reports at the end of any call: of one that was killed with its first event nothing else is known
    let report =
        json!({ "CallSid": caller.sid, "Status": "completed", "CustomField": caller.order });
    let report = engine.http().post(engine.url("/status")).json(&report);
    assert_eq!(report.send().await.unwrap().status(), 200, "{kind}");
    let record = engine.ended(&caller.order).await;
    assert!(record["outcome"].is_string(), "{kind}: {record:#}");
    assert_eq!(records_of(engine, &caller).await, 1, "{kind}: {record:#}");
    let mut kept = Follower::open(engine, &path, None).await;
    let is_whole = |kept: &[Received]| {
        let due = reported
            .iter()
            .filter(|reported| reported.unix_ms + SAVED_MS <= killed_ms);
        due.into_iter()
            .all(|due| kept.iter().any(|kept| kept.id == due.id))
    };
    let whole = timeout(PATIENCE, kept.until(is_whole)).await;
    whole.unwrap_or_else(|_| panic!("{kind}: events are lost: {record:#}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_killed_at_any_event_of_a_call_leaves_one_record_with_what_had_happened() {
    let flows = with_bare(reminder());
    let all = OF_BARE.map(|kind| ("bare", kind)).into_iter();
    let all = all.chain(OF_REMINDER.map(|kind| ("emi-reminder", kind)));
    let all: Vec<_> = all.enumerate().collect();
    let killed = (0..ENGINES).map(|at| {
        let (flows, mine) = (flows.path().to_owned(), all.clone());
        tokio::spawn(async move {
            let mut engine = Setup::new(BY_KEYS).flows(flows).start();
            for (nth, (flow, kind)) in mine.into_iter().skip(at).step_by(ENGINES) {
                is_killed_at(&mut engine, nth, flow, kind).await;
            }
            engine.is_well().await;
        })
    });
    for killed in join_all(killed).await {
        killed.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hang_up_at_every_event_and_interrupt_in_its_middle_cost_a_call_nothing() {
    let flows = with_bare(reminder());
    let mut engine = Setup::new(format!("{BY_KEYS}[server]\ndrain-s = 60\n"))
        .flows(flows.path())
        .start();
    // a call that is at its sentence when the engine is interrupted, beside the one that is followed
    let (first, second) = (
        Caller::order(&engine, 900, "bare").await,
        Caller::order(&engine, 901, "bare").await,
    );
    let path = format!("/api/calls/{}/events", first.order);
    let mut follower = Follower::open(&engine, &path, None).await;
    let holding = tokio::spawn(async move { first.hold().await.map(|()| first) });
    let (mut signals, given_up) = (0, Instant::now() + PATIENCE);
    loop {
        let event = follower.until_event().await;
        engine.signal("HUP");
        signals += 1;
        if event["kind"] == "status-reported" {
            break;
        }
        assert!(Instant::now() < given_up, "{event:#}");
    }
    assert!(signals > OF_BARE.len(), "{signals}");
    let first = holding.await.unwrap().expect("all requests were answered");
    let record = engine.ended(&first.order).await;
    assert_eq!(record["problems"], json!([]), "{record:#}");
    assert_eq!(text(&record["transcript"][0]["heard"]), "whole");

    let path = format!("/api/calls/{}/events", second.order);
    let mut follower = Follower::open(&engine, &path, None).await;
    let holding = tokio::spawn(async move { second.hold().await.map(|()| second) });
    follower
        .until(|reported| has(reported, "prompt-started"))
        .await;
    engine.signal("INT");
    let second = holding.await.unwrap().expect("all requests were answered");
    assert_eq!(engine.stopped(PATIENCE).code(), Some(0));
    engine.start_again();
    for caller in [&first, &second] {
        let again = engine.ended(&caller.order).await;
        assert_eq!(again["outcome"], record["outcome"], "{again:#}");
        assert_eq!(records_of(&engine, caller).await, 1);
    }
}
