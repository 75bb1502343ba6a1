//! The budget in Redis, and what is left of it without Redis. In a program of its own, because the
//! log can only be captured completely if no other test logs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ghanti_campaign::{RequestBudget, SharedBudget};
use ghanti_store::{RedisSessions, SessionSettings};
use ghanti_test_servers::RedisServer;

/// The captured log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn budget(server: &RedisServer) -> SharedBudget {
    let sessions = RedisSessions::connect(&server.url(), SessionSettings::default())
        .await
        .unwrap();
    SharedBudget::new(&sessions, "acme1", 200)
}

/// How many requests may be made at once.
async fn at_once(budget: &SharedBudget) -> usize {
    let mut taken = 0;
    while budget.take(Duration::ZERO).await.is_ok() {
        taken += 1;
    }
    taken
}

#[tokio::test]
async fn nodes_share_a_budget_and_keep_to_a_share_while_redis_is_away() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let mut server = RedisServer::start();
    let nodes = [budget(&server).await, budget(&server).await];
    for _ in 0..10 {
        nodes[0].take(Duration::ZERO).await.unwrap();
    }
    // 20 of 200 come at once, and one more every third of a second
    let second = at_once(&nodes[1]).await;
    assert!((10..=15).contains(&second), "{second}");

    server.kill();
    let alone = at_once(&nodes[0]).await;
    assert!((5..=7).contains(&alone), "{alone}");
    nodes[0].pause(Duration::from_secs(1)).await;
    assert!(nodes[0].take(Duration::ZERO).await.is_err());

    server.restart();
    nodes[1].take(Duration::ZERO).await.unwrap();
    nodes[1].pause(Duration::from_secs(600)).await;
    let over = nodes[0].take(Duration::from_secs(1)).await.unwrap_err();
    assert!(over.retry_in > Duration::from_secs(300), "{over}");

    let reported = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(
        (
            reported.matches("WARN").count(),
            reported.matches("INFO").count()
        ),
        (1, 1),
        "{reported}"
    );
}
