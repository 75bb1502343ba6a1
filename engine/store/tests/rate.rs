//! The shared limit of requests: Redis' arithmetic is that of the one in process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::time::Duration;

use common::settings;
use ghanti_store::{Bucket, PerMinute, RedisSessions, RequestRate, Slot, StoreError};
use ghanti_test_servers::RedisServer;

/// Longer than all requests of a test take on the busiest machine: so long a wait is never up.
const LONG: Duration = Duration::from_secs(600);

async fn rate(server: &RedisServer, limit: u32) -> RequestRate {
    RedisSessions::connect(&server.url(), settings(90_000))
        .await
        .unwrap()
        .request_rate("exotel:acme", PerMinute::new(limit))
}

fn number(answer: &str) -> u64 {
    answer.trim().trim_start_matches(':').parse().unwrap()
}

#[tokio::test]
async fn two_nodes_get_what_one_bucket_has() {
    let server = RedisServer::start();
    let nodes = [rate(&server, 6).await, rate(&server, 6).await];
    let mut bucket = Bucket::new(PerMinute::new(6));
    let began = std::time::Instant::now();
    for request in 0..12 {
        let Slot::In(shared) = nodes[request % 2].reserve(LONG).await.unwrap() else {
            panic!("{request}: the wait is long enough");
        };
        let Slot::In(alone) = bucket.reserve(0, LONG) else {
            panic!("{request}: the wait is long enough");
        };
        // the one clock runs meanwhile, the other stands still
        assert!(
            shared <= alone && alone - shared <= began.elapsed() + Duration::from_millis(1),
            "{request}: {shared:?} and {alone:?}"
        );
    }
    let slot = nodes[0].reserve(Duration::ZERO).await.unwrap();
    assert!(
        matches!(slot, Slot::NotBefore(wait) if wait > Duration::from_secs(60)),
        "{slot:?}"
    );
    let ttl_ms = number(&server.command(&["PTTL", "ghanti:rate:exotel:acme"]));
    assert!((60_000..=60_000 + 121_000).contains(&ttl_ms), "{ttl_ms}");
}

#[tokio::test]
async fn a_pause_holds_for_all_nodes() {
    let server = RedisServer::start();
    let nodes = [rate(&server, 200).await, rate(&server, 200).await];
    nodes[0].pause(LONG).await.unwrap();
    nodes[1].pause(Duration::from_secs(1)).await.unwrap();
    let slot = nodes[1].reserve(Duration::from_secs(10)).await.unwrap();
    assert!(
        matches!(slot, Slot::NotBefore(wait) if wait > LONG / 2),
        "{slot:?}"
    );
}

#[tokio::test]
async fn a_time_far_ahead_or_no_time_at_all_does_not_stop_dialling() {
    let server = RedisServer::start();
    let rate = rate(&server, 200).await;
    let hour = Duration::from_secs(3_600);
    for (stored, at_most) in [
        ("9000000000000000", hour),
        ("soon", Duration::ZERO),
        ("5", Duration::ZERO),
    ] {
        server.command(&["SET", "ghanti:rate:exotel:acme", stored]);
        let slot = rate.reserve(at_most).await.unwrap();
        assert!(
            matches!(slot, Slot::In(wait) if wait <= at_most),
            "{stored}: {slot:?}"
        );
    }
    server.command(&["DEL", "ghanti:rate:exotel:acme"]);
    server.command(&["HSET", "ghanti:rate:exotel:acme", "a", "1"]);
    assert!(rate.reserve(Duration::ZERO).await.is_err());
}

#[tokio::test]
async fn a_killed_redis_is_an_error_and_back_after_its_return() {
    let mut server = RedisServer::start();
    let rate = rate(&server, 200).await;
    server.kill();
    for _ in 0..2 {
        let error = rate.reserve(Duration::ZERO).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        assert!(rate.pause(LONG).await.is_err());
    }
    server.restart();
    assert_eq!(
        rate.reserve(Duration::ZERO).await.unwrap(),
        Slot::In(Duration::ZERO)
    );
}
