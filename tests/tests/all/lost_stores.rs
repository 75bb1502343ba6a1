//! Both stores are paused and killed at random while calls are ordered and reported: nothing that
//! was answered for is lost.
//!
//! `CALLS` is the number of calls, 1,000 by default; `make bench` plays 10,000.

#![allow(clippy::print_stdout, reason = "figures for `--nocapture`")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ghanti_test_servers::{PostgresServer, RedisServer};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::nodes::bare;
use crate::support::{Engine, Setup};

/// How many calls are reported at once.
const AT_ONCE: usize = 32;
/// How long a store is away or hangs.
const AWAY: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_millis(1_500),
    Duration::from_millis(4_000),
];
/// How long a store is well in between.
const WELL: Duration = Duration::from_millis(1_500);
/// The longest that a client tries the same request, and the engine needs to save everything.
const PATIENCE: Duration = Duration::from_secs(180);

/// Numbers without any pattern, the same in every run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }
}

/// Pauses and kills the stores until told to stop; they are well when it returns.
fn trouble(
    mut stores: (PostgresServer, RedisServer),
    over: &AtomicBool,
) -> (PostgresServer, RedisServer) {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut troubles = [0; 4];
    while !over.load(Ordering::SeqCst) {
        let (postgres, redis) = (&mut stores.0, &mut stores.1);
        let away = AWAY[numbers.below(AWAY.len())];
        let kind = numbers.below(troubles.len());
        troubles[kind] += 1;
        match kind {
            // whoever reads or writes waits for the lock
            0 => {
                let seconds = away.as_secs_f64();
                let hang = format!(
                    "BEGIN; LOCK TABLE calls IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT"
                );
                postgres.sql("calls", &hang);
            }
            1 => {
                postgres.kill();
                std::thread::sleep(away);
                postgres.restart();
            }
            2 => {
                let ms = away.as_millis().to_string();
                redis.command(&["CLIENT", "PAUSE", &ms, "ALL"]);
                std::thread::sleep(away);
            }
            _ => {
                redis.kill();
                std::thread::sleep(away);
                redis.restart();
            }
        }
        std::thread::sleep(WELL);
    }
    println!(
        "PostgreSQL hung {} and was killed {} times, Redis hung {} and was killed {} times",
        troubles[0], troubles[1], troubles[2], troubles[3]
    );
    stores
}

/// Sends a request until it is answered with success, as its sender would. Returns the body.
async fn until_taken(request: impl Fn() -> reqwest::RequestBuilder) -> Value {
    let given_up = Instant::now() + PATIENCE;
    loop {
        match request().send().await {
            Ok(response) if response.status().is_success() => {
                return response.json().await.unwrap_or_default();
            }
            Ok(response) if response.status() == 503 => {}
            Ok(response) => panic!("{}: {:?}", response.status(), response.text().await),
            Err(error) => panic!("the engine does not answer: {error}"),
        }
        assert!(Instant::now() < given_up, "503 for {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Orders a call and reports that nobody answered it. Returns the order.
async fn call(engine: &Engine, number: usize) -> String {
    let (phone, sid) = (format!("+9198{number:08}"), format!("lost-{number}"));
    let order = json!({ "phone": phone, "flow": "bare", "fields": {} });
    let created = until_taken(|| engine.http().post(engine.url("/api/calls")).json(&order)).await;
    let order = created["call_id"].as_str().unwrap().to_owned();
    let report = json!({ "CallSid": sid, "Status": "no-answer", "CustomField": order });
    until_taken(|| engine.http().post(engine.url("/status")).json(&report)).await;
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_both_stores_are_paused_and_killed_at_random() {
    let calls: usize = std::env::var("CALLS").map_or(1_000, |calls| calls.parse().unwrap());
    let stores = (PostgresServer::start(), RedisServer::start());
    let url = stores.0.create_database("calls");
    let house = Setup::new(format!(
        "[speech]\nrecognizer = 'none'\n[stores]\ndatabase-url = '{url}'\nredis-url = '{}'",
        stores.1.url()
    ));
    let flows = bare();
    let engine = Arc::new(house.flows(flows.path()).start());
    let over = Arc::new(AtomicBool::new(false));
    let troubled = {
        let over = Arc::clone(&over);
        tokio::task::spawn_blocking(move || trouble(stores, &over))
    };
    let (places, began) = (Arc::new(Semaphore::new(AT_ONCE)), Instant::now());
    let mut playing = tokio::task::JoinSet::new();
    for number in 0..calls {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let engine = Arc::clone(&engine);
        playing.spawn(async move {
            let order = call(&engine, number).await;
            drop(place);
            order
        });
    }
    let orders = playing.join_all().await;
    over.store(true, Ordering::SeqCst);
    let (postgres, _redis) = troubled.await.unwrap();
    println!("{calls} calls in {:.0} s", began.elapsed().as_secs_f64());

    let whole = "SELECT count(*) FROM calls WHERE outcome = 'not-answered' AND 2 <= (SELECT count(DISTINCT kind) FROM call_events \
                 WHERE call_events.call_id = calls.call_id AND kind IN ('requested', 'status-reported'))";
    let given_up = Instant::now() + PATIENCE;
    let wanted = calls.to_string();
    while postgres.sql("calls", whole).trim() != wanted {
        assert!(
            Instant::now() < given_up,
            "of {calls} calls {} are whole:\n{}",
            postgres.sql("calls", whole),
            engine.logs()
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(
        postgres.sql("calls", "SELECT count(*) FROM calls").trim(),
        wanted,
        "and no others"
    );
    for order in orders.iter().step_by(calls / 20) {
        let record = engine.record(order).await.unwrap();
        assert_eq!(record["outcome"], "not-answered", "{record:#}");
    }
    let spool = std::fs::read_dir(engine.house().join("data/spool")).unwrap();
    assert_eq!(spool.count(), 0, "all of it is in the database");
    engine.is_well().await;
}
