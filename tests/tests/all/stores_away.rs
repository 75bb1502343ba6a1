//! What `/readyz` and `/metrics` say while a store is away, and that calls are held all the same.

use std::fs;

use ghanti_test_servers::{PostgresServer, RedisServer};
use serde_json::{Value, json};

use crate::nodes::{bare, until};
use crate::support::{Engine, Setup, Stream};

async fn readyz(engine: &Engine) -> (u16, Value) {
    let get = engine.http().get(engine.url("/readyz"));
    let response = get.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Whether a store is up, and how often it has failed.
async fn measured(engine: &Engine, store: &str) -> (u64, u64) {
    let text = engine.metrics().await;
    let value = |metric: &str| {
        let begin = format!("{metric}{{store=\"{store}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&begin));
        line.unwrap_or_else(|| panic!("no {begin}: {text}"))
            .parse()
            .unwrap()
    };
    (
        value("ghanti_store_up"),
        value("ghanti_store_failures_total"),
    )
}

async fn until_ready_as(engine: &Engine, status: u16, degraded: &[&str]) {
    until("ready so", async || {
        let (reported, body) = readyz(engine).await;
        let names: Vec<&String> = body["degraded"].as_object().unwrap().keys().collect();
        (reported == status && names == degraded)
            .then_some(())
            .ok_or(body)
    })
    .await;
}

/// A call from its order to its end is held, and says what it has to.
async fn is_held(engine: &Engine, sid: &str) {
    let mut stream = Stream::begin(engine, sid, "09876562001").await;
    stream.hear_voice().await;
    stream.hang_up(sid).await;
    engine.ended(sid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_what_a_store_that_is_away_costs_and_metrics_that_it_is() {
    let (mut postgres, mut redis) = (PostgresServer::start(), RedisServer::start());
    let (database, sessions) = (postgres.create_database("calls"), redis.url());
    let stores = format!("[stores]\nredis-url = '{sessions}'\ndatabase-url = '{database}'\n");
    let flows = bare();
    let engine = Setup::new(format!("[speech]\nrecognizer = 'none'\n{stores}"))
        .flows(flows.path())
        .start();
    until_ready_as(&engine, 200, &[]).await;
    assert_eq!(measured(&engine, "redis").await, (1, 0));
    assert_eq!(measured(&engine, "postgresql").await, (1, 0));

    redis.kill();
    until_ready_as(&engine, 200, &["sessions"]).await;
    let (_, body) = readyz(&engine).await;
    let what = body["degraded"]["sessions"].as_str().unwrap();
    assert!(what.contains("only another engine knows"), "{body}");
    assert!(
        body["sessions"].as_str().unwrap().contains("Redis"),
        "{body}"
    );
    is_held(&engine, "without-redis").await;
    let (up, failures) = measured(&engine, "redis").await;
    assert!(up == 0 && failures > 0, "{up} {failures}");
    assert_eq!(measured(&engine, "postgresql").await.0, 1);
    redis.restart();
    until_ready_as(&engine, 200, &[]).await;
    let (up, since) = measured(&engine, "redis").await;
    assert!(up == 1 && since >= failures, "{up} {since}");

    postgres.kill();
    until_ready_as(&engine, 200, &["records"]).await;
    let (_, body) = readyz(&engine).await;
    assert!(
        body["degraded"]["records"]
            .as_str()
            .unwrap()
            .contains("spool"),
        "{body}"
    );
    is_held(&engine, "without-postgresql").await;
    let (up, failures) = measured(&engine, "postgresql").await;
    assert!(up == 0 && failures > 0, "{up} {failures}");
    let order = json!({ "phone": "+919876562002", "flow": "bare", "fields": {} });
    let post = engine.http().post(engine.url("/api/calls")).json(&order);
    assert_eq!(post.send().await.unwrap().status(), 503);

    // the disk fails as well: what happens in calls is kept nowhere
    let spool = engine.house().join("data/spool");
    let aside = engine.house().join("data/aside");
    fs::rename(&spool, &aside).unwrap();
    fs::write(&spool, "").unwrap();
    let mut stream = Stream::begin(&engine, "without-both", "09876562003").await;
    stream.hear_voice().await;
    until_ready_as(&engine, 503, &["records"]).await;
    let (_, body) = readyz(&engine).await;
    assert!(
        body["degraded"]["records"]
            .as_str()
            .unwrap()
            .contains("only in memory"),
        "{body}"
    );
    fs::remove_file(&spool).unwrap();
    fs::rename(&aside, &spool).unwrap();
    stream.hang_up("without-both").await;
    until_ready_as(&engine, 200, &["records"]).await;

    postgres.restart();
    until_ready_as(&engine, 200, &[]).await;
    assert_eq!(measured(&engine, "postgresql").await.0, 1);
    let kept = "SELECT count(*) FROM calls WHERE outcome IS NOT NULL AND call_sid LIKE 'without-%'";
    until("all is kept", async || {
        let rows = postgres.sql("calls", kept);
        (rows.trim() == "3").then_some(()).ok_or(rows)
    })
    .await;
}
