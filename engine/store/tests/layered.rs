//! Redis with an in-process copy, against a real Redis.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use ghanti_model::{CallId, CallSid, CustomerRecord, Decision, PhoneNumber};
use ghanti_store::{
    Binding, Claimant, LayeredSessions, MemorySessions, Order, RedisSessions, SessionSettings,
    SessionStore, Sighting,
};
use ghanti_test_servers::RedisServer;

fn customer(phone: &str) -> CustomerRecord {
    CustomerRecord {
        call_id: CallId::generate(),
        phone: PhoneNumber::parse(phone).unwrap(),
        flow: None,
        fields: BTreeMap::new(),
    }
}

async fn layered(url: &str) -> LayeredSessions {
    let settings = SessionSettings::default();
    LayeredSessions::new(
        MemorySessions::new(settings.clone()),
        RedisSessions::connect(url, settings).await.unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_seen_here_is_found_while_redis_is_away() {
    let mut redis = RedisServer::start();
    let store = layered(&redis.url()).await;
    let (customer, sid) = (customer("9876500001"), CallSid::parse("sid1").unwrap());
    store.put_customer(&customer).await.unwrap();
    let binding = Binding {
        call_id: customer.call_id,
        order: Some(customer.call_id),
    };
    let sighting = Sighting {
        orders: vec![customer.call_id],
        ends: Vec::new(),
    };
    store.bind(&sid, binding).await.unwrap();
    store.see(&sid, &sighting).await.unwrap();
    redis.kill();
    assert_eq!(store.bound(&sid).await.unwrap(), Some(binding));
    assert_eq!(store.sightings(&sid).await.unwrap(), [sighting]);
    assert_eq!(
        store.customer_by_call(customer.call_id).await.unwrap(),
        Some(customer.clone())
    );
    assert!(
        store.orders_of(&customer.phone).await.is_err(),
        "another engine may have stored a second order of this number"
    );
    let other = CallSid::parse("sid2").unwrap();
    assert!(
        store
            .claim(customer.call_id, Claimant::Call(&sid))
            .await
            .unwrap()
    );
    assert!(
        !store
            .claim(customer.call_id, Claimant::Call(&other))
            .await
            .unwrap()
    );
    let later = Binding {
        call_id: CallId::generate(),
        order: None,
    };
    assert_eq!(store.bind(&sid, later).await.unwrap(), binding);
    assert_eq!(
        store.bind(&other, later).await.unwrap(),
        later,
        "kept in this process alone"
    );
    assert_eq!(store.bound(&other).await.unwrap(), Some(later));
    store.put_decision(&sid, &Decision::HangUp).await.unwrap();
    assert_eq!(store.decision(&sid).await.unwrap(), Some(Decision::HangUp));
    assert!(
        store.ping().await.is_err(),
        "whoever asks is told that Redis is away"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_has_the_orders_of_all_engines() {
    let redis = RedisServer::start();
    let (here, there) = (layered(&redis.url()).await, layered(&redis.url()).await);
    let (older, newer) = (customer("9876500001"), customer("+919876500001"));
    here.put_customer(&older).await.unwrap();
    there.put_customer(&newer).await.unwrap();
    there.hold(older.call_id).await.unwrap();
    let expected = [
        Order {
            customer: newer,
            held: false,
        },
        Order {
            customer: older.clone(),
            held: true,
        },
    ];
    assert_eq!(here.orders_of(&older.phone).await.unwrap(), expected);
    assert_eq!(
        here.customer_by_call(older.call_id).await.unwrap(),
        Some(older)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_engine_bound_the_other_one_finds() {
    let redis = RedisServer::start();
    let (here, there) = (layered(&redis.url()).await, layered(&redis.url()).await);
    let (sid, other, order) = (
        CallSid::parse("sid1").unwrap(),
        CallSid::parse("sid2").unwrap(),
        CallId::generate(),
    );
    let (first, second) = (
        Binding {
            call_id: order,
            order: Some(order),
        },
        Binding {
            call_id: CallId::generate(),
            order: None,
        },
    );
    assert_eq!(here.bind(&sid, first).await.unwrap(), first);
    assert_eq!(
        there.bind(&sid, second).await.unwrap(),
        first,
        "the first binding wins, whichever engine made it"
    );
    assert_eq!(
        there.bind_here(&sid, second),
        first,
        "and is remembered here"
    );
    assert!(here.claim(order, Claimant::Call(&sid)).await.unwrap());
    assert!(!there.claim(order, Claimant::Call(&other)).await.unwrap());
    let sighting = Sighting {
        orders: vec![order],
        ends: Vec::new(),
    };
    here.see(&sid, &sighting).await.unwrap();
    assert_eq!(there.sightings(&sid).await.unwrap(), [sighting]);
}
