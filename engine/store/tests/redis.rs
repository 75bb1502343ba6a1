//! Behaviour specific to Redis: keys and TTLs as Redis stores them, and outages.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::time::Duration;

use common::{assert_clean, customer, phone, settings, sid};
use ghanti_model::{CallId, Decision};
use ghanti_store::{
    Binding, Claimant, DEADLINE, OpenError, Order, RedisSessions, SessionStore, Sighting,
    StoreError,
};
use ghanti_test_servers::RedisServer;
use tokio::time::Instant;

/// Longer than Redis needs for an immediate operation on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The resolution of the runtime's timers.
const TIMER: Duration = Duration::from_millis(2);

const TTL_MS: u64 = 90_000;

fn binding() -> Binding {
    Binding {
        call_id: CallId::generate(),
        order: Some(CallId::generate()),
    }
}

/// Runs a future in paused time, which jumps ahead whenever only a timer is waited for. So
/// deadlines are met to the millisecond, however busy the machine is. Also returns how long the
/// future took in that time.
async fn by_a_stopped_clock<T>(what: impl Future<Output = T>) -> (T, Duration) {
    tokio::time::pause();
    let began = Instant::now();
    let result = what.await;
    let took = began.elapsed();
    tokio::time::resume();
    (result, took)
}

async fn connected(server: &RedisServer) -> RedisSessions {
    RedisSessions::connect(&server.url(), settings(TTL_MS))
        .await
        .unwrap()
}

#[tokio::test]
async fn every_key_is_as_documented_and_has_its_ttl() {
    let server = RedisServer::start();
    let store = connected(&server).await;
    let asha = customer("09876543210");
    store.put_customer(&asha).await.unwrap();
    store
        .bind(
            &sid("abc"),
            Binding {
                call_id: asha.call_id,
                order: Some(asha.call_id),
            },
        )
        .await
        .unwrap();
    store.hold(asha.call_id).await.unwrap();
    store
        .claim(asha.call_id, Claimant::Call(&sid("abc")))
        .await
        .unwrap();
    store.see(&sid("abc"), &Sighting::default()).await.unwrap();
    store
        .put_decision(&sid("abc"), &Decision::HangUp)
        .await
        .unwrap();

    let call = asha.call_id;
    let keys = ["customer", "held", "claim"].map(|kind| format!("ghanti:{kind}:{call}"));
    let others = [
        "ghanti:orders:+919876543210",
        "ghanti:sid:abc",
        "ghanti:seen:abc",
        "ghanti:decision:abc",
    ];
    for key in keys.iter().map(String::as_str).chain(others) {
        let answer = server.command(&["PTTL", key]);
        let ttl_ms: u64 = answer
            .trim()
            .trim_start_matches(':')
            .parse()
            .unwrap_or_else(|_| panic!("`{key}`: {answer}"));
        assert!(
            (TTL_MS - 10_000..=TTL_MS).contains(&ttl_ms),
            "`{key}`: {ttl_ms}"
        );
    }
    assert_eq!(server.command(&["DBSIZE"]), ":7\r\n");
}

#[tokio::test]
async fn a_second_binding_does_not_prolong_the_first() {
    let server = RedisServer::start();
    let store = connected(&server).await;
    store.bind(&sid("abc"), binding()).await.unwrap();
    server.command(&["PEXPIRE", "ghanti:sid:abc", "5000"]);
    store.bind(&sid("abc"), binding()).await.unwrap();
    let ttl_ms: u64 = server
        .command(&["PTTL", "ghanti:sid:abc"])
        .trim()
        .trim_start_matches(':')
        .parse()
        .unwrap();
    assert!(ttl_ms <= 5_000, "{ttl_ms}");
}

#[tokio::test]
async fn a_killed_redis_is_unavailable_within_the_deadline_and_back_after_its_return() {
    let mut server = RedisServer::start();
    let store = connected(&server).await;
    store.put_customer(&customer("9876543210")).await.unwrap();

    server.kill();
    for _ in 0..3 {
        let (answer, took) = by_a_stopped_clock(store.orders_of(&phone("9876543210"))).await;
        let error = answer.unwrap_err();
        assert!(
            matches!(error, StoreError::Unavailable { store: "Redis", .. }),
            "{error:?}"
        );
        assert!(took <= DEADLINE + TIMER, "{took:?}");
        assert_clean(&error.to_string(), &[]);
    }

    server.restart();
    store
        .ping()
        .await
        .expect("the first request after its return is answered");
    let asha = customer("9876543211");
    store.put_customer(&asha).await.unwrap();
    assert_eq!(
        store.orders_of(&asha.phone).await.unwrap(),
        [Order {
            customer: asha,
            held: false
        }]
    );
}

#[tokio::test]
async fn a_redis_that_died_and_returned_unnoticed_is_no_error() {
    let mut server = RedisServer::start();
    let store = connected(&server).await;
    server.restart();
    let binding = binding();
    assert_eq!(store.bind(&sid("abc"), binding).await, Ok(binding));
}

#[tokio::test]
async fn a_silent_redis_is_unavailable_at_the_deadline() {
    let server = RedisServer::start();
    let store = connected(&server).await;
    server.command(&["CLIENT", "PAUSE", "2500", "ALL"]);
    let (answer, took) = by_a_stopped_clock(store.lookup("crm:9876543210")).await;
    let error = answer.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!((DEADLINE..=DEADLINE + TIMER).contains(&took), "{took:?}");
    let goes_on = async { while store.ping().await.is_err() {} };
    tokio::time::timeout(PATIENCE, goes_on)
        .await
        .expect("it goes on when Redis does");
}

#[tokio::test]
async fn a_foreign_key_that_is_no_text_is_unreadable_not_absent() {
    let server = RedisServer::start();
    let store = connected(&server).await;
    server.command(&["HSET", "crm:919876543210", "name", "Asha Rao"]);
    // one byte, 0x80: not UTF-8
    server.command(&["SETBIT", "bits:919876543210", "0", "1"]);
    for key in ["crm:919876543210", "bits:919876543210"] {
        let error = store.lookup(key).await.unwrap_err();
        assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
        assert_clean(&format!("{error} {error:?}"), &[]);
        assert!(error.to_string().contains("xxxxxxxx3210"), "{error}");
    }
    store.ping().await.expect("the connection is still good");
}

#[tokio::test]
async fn no_redis_at_start_is_an_error_with_its_mend_and_without_its_password() {
    let mut server = RedisServer::start();
    let port = server.port();
    server.kill();
    let url = format!("redis://user:hunter2@127.0.0.1:{port}/0");
    let (connected, took) =
        by_a_stopped_clock(RedisSessions::connect(&url, settings(TTL_MS))).await;
    let error = connected.err().unwrap();
    assert!(took <= DEADLINE + TIMER, "{took:?}");
    let reported = error.to_string();
    assert!(
        reported.contains(&format!("127.0.0.1:{port}")) && reported.contains("redis-server"),
        "{reported}"
    );
    assert_clean(&format!("{error} {error:?}"), &["hunter2"]);
}

#[tokio::test]
async fn a_refused_password_is_reported_without_it() {
    let server = RedisServer::start();
    server.command(&["CONFIG", "SET", "requirepass", "correct-horse"]);
    let port = server.port();
    for url in [
        format!("redis://:hunter2@127.0.0.1:{port}"),
        format!("redis://127.0.0.1:{port}"),
    ] {
        let error = RedisSessions::connect(&url, settings(TTL_MS))
            .await
            .err()
            .unwrap();
        assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
        assert_clean(&format!("{error} {error:?}"), &["hunter2", "correct-horse"]);
    }
    let url = format!("redis://:correct-horse@127.0.0.1:{port}");
    assert!(RedisSessions::connect(&url, settings(TTL_MS)).await.is_ok());
}

#[tokio::test]
async fn an_unusable_url_is_reported_without_its_password() {
    let urls = [
        "http://u:hunter2@h",
        "redis://u:hunter2@h:port",
        "redis://u:hunter2@h/db",
        "hunter2",
        "",
    ];
    for url in urls {
        let error = RedisSessions::connect(url, settings(TTL_MS))
            .await
            .err()
            .unwrap_or_else(|| panic!("`{url}` was taken"));
        assert!(matches!(error, OpenError::Url { .. }), "{error:?}");
        assert_clean(&format!("{error} {error:?}"), &["hunter2"]);
    }
}
