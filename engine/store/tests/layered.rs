//! Redis with a copy near, against a real Redis.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use samvaad_model::{CallId, CallSid, CustomerRecord, Decision, PhoneNumber};
use samvaad_store::testing::RedisServer;
use samvaad_store::{LayeredSessions, MemorySessions, RedisSessions, SessionSettings, SessionStore};

fn customer(phone: &str) -> CustomerRecord {
    CustomerRecord { call_id: CallId::generate(), phone: PhoneNumber::parse(phone).unwrap(), flow: None, fields: BTreeMap::new() }
}

async fn layered(url: &str) -> LayeredSessions {
    let settings = SessionSettings::default();
    LayeredSessions::new(MemorySessions::new(settings.clone()), RedisSessions::connect(url, settings).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_seen_here_is_found_while_redis_is_away() {
    let mut redis = RedisServer::start();
    let store = layered(&redis.url()).await;
    let (customer, sid) = (customer("9876500001"), CallSid::parse("sid1").unwrap());
    store.put_customer(&customer).await.unwrap();
    store.bind(&sid, customer.call_id).await.unwrap();
    redis.kill();
    assert_eq!(store.bound(&sid).await.unwrap(), Some(customer.call_id));
    assert_eq!(store.customer_by_call(customer.call_id).await.unwrap(), Some(customer.clone()));
    assert_eq!(store.customer_by_phone(&customer.phone).await.unwrap(), Some(customer));
    store.put_decision(&sid, &Decision::HangUp).await.unwrap();
    assert_eq!(store.decision(&sid).await.unwrap(), Some(Decision::HangUp));
    assert!(store.ping().await.is_err(), "whoever asks is told that Redis is away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_has_the_newest_record_of_any_engine() {
    let redis = RedisServer::start();
    let (here, there) = (layered(&redis.url()).await, layered(&redis.url()).await);
    let (older, newer) = (customer("9876500001"), customer("+919876500001"));
    here.put_customer(&older).await.unwrap();
    there.put_customer(&newer).await.unwrap();
    assert_eq!(here.customer_by_phone(&older.phone).await.unwrap(), Some(newer));
    assert_eq!(here.customer_by_call(older.call_id).await.unwrap(), Some(older));
}
