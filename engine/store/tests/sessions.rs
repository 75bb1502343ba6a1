//! The behaviour of every session store: one suite, run against the in-process store and against a
//! real Redis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::sync::Arc;

use common::{customer, phone, settings, sid};
use ghanti_model::{CallId, CustomerRecord, Decision, Direction, StreamSid};
use ghanti_store::sessions::{ORDERS_OF_A_NUMBER, SIGHTINGS_OF_A_CALL};
use ghanti_store::{
    Binding, Claimant, Ends, MemorySessions, Order, RedisSessions, SessionStore, Sighting,
};
use ghanti_test_servers::RedisServer;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Writes a key directly, as another program would. Keeps the server alive as long as it lives.
type PutForeign = Box<dyn Fn(&str, &str) + Send + Sync>;

/// The store under test.
struct Subject {
    store: Arc<dyn SessionStore>,
    put_foreign: PutForeign,
}

async fn in_memory() -> Subject {
    let store = Arc::new(MemorySessions::new(settings(DAY_MS)));
    let foreign = Arc::clone(&store);
    Subject {
        store,
        put_foreign: Box::new(move |key, value| foreign.put(key, value)),
    }
}

async fn in_redis() -> Subject {
    let server = RedisServer::start();
    let store = Arc::new(
        RedisSessions::connect(&server.url(), settings(DAY_MS))
            .await
            .unwrap(),
    );
    Subject {
        store,
        put_foreign: Box::new(move |key, value| {
            assert_eq!(server.command(&["SET", key, value]), "+OK\r\n")
        }),
    }
}

macro_rules! for_every_store {
    ($($behaviour:ident)*) => {
        mod memory {
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(super::in_memory().await).await; })*
        }
        mod redis {
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(super::in_redis().await).await; })*
        }
    };
}

async fn nothing_is_left_of_a_number_that_was_erased(Subject { store, .. }: Subject) {
    let (theirs, others) = (customer("9876543210"), customer("9876543211"));
    let (bound, sighting) = (sid("abc"), Sighting::default());
    for customer in [&theirs, &others] {
        store.put_customer(customer).await.unwrap();
        store.hold(customer.call_id).await.unwrap();
    }
    store.see(&bound, &sighting).await.unwrap();
    store.put_decision(&bound, &Decision::HangUp).await.unwrap();
    let binding = Binding {
        call_id: theirs.call_id,
        order: None,
    };
    store.bind(&bound, binding).await.unwrap();
    let sids = [bound.clone()];
    let erased = store.erase(&theirs.phone, &[], &sids).await.unwrap();
    assert_eq!(erased, 5, "orders, record, held; seen, decision");
    assert_eq!(store.customer_by_call(theirs.call_id).await.unwrap(), None);
    assert!(store.orders_of(&theirs.phone).await.unwrap().is_empty());
    assert!(store.sightings(&bound).await.unwrap().is_empty());
    assert_eq!(store.decision(&bound).await.unwrap(), None);
    // late reports still find the call, and others' orders stay
    assert_eq!(store.bound(&bound).await.unwrap(), Some(binding));
    assert_eq!(store.orders_of(&others.phone).await.unwrap().len(), 1);
    assert_eq!(
        store
            .erase(&theirs.phone, &[theirs.call_id], &sids)
            .await
            .unwrap(),
        0
    );
}

for_every_store! {
    a_customer_is_found_by_call_and_by_number_in_any_spelling
    all_orders_of_a_number_are_found_newest_first
    an_order_that_was_held_is_not_open
    the_first_claim_of_an_order_wins
    what_applets_said_of_a_call_is_kept_once_each
    what_was_never_stored_is_absent
    nothing_is_left_of_a_number_that_was_erased
    the_first_binding_of_a_call_sid_wins
    the_first_binding_wins_among_many_at_once
    the_last_decision_counts
    a_lookup_takes_its_key_verbatim
    a_corrupt_value_is_distinguished_from_an_absent_one
    it_answers_a_ping
}

async fn a_customer_is_found_by_call_and_by_number_in_any_spelling(Subject { store, .. }: Subject) {
    let asha = customer("+91 98765-43210");
    store.put_customer(&asha).await.unwrap();
    assert_eq!(
        store.customer_by_call(asha.call_id).await.unwrap().as_ref(),
        Some(&asha)
    );
    for spelling in [
        "+919876543210",
        "919876543210",
        "09876543210",
        "9876543210",
        "0091 98765 43210",
    ] {
        assert_eq!(
            store.orders_of(&phone(spelling)).await.unwrap(),
            [open(&asha)],
            "{spelling}"
        );
    }
}

fn open(customer: &CustomerRecord) -> Order {
    Order {
        customer: customer.clone(),
        held: false,
    }
}

async fn all_orders_of_a_number_are_found_newest_first(Subject { store, .. }: Subject) {
    let (older, newer, other) = (
        customer("9876543210"),
        customer("09876543210"),
        customer("9876543211"),
    );
    for customer in [&older, &other, &newer] {
        store.put_customer(customer).await.unwrap();
    }
    assert_eq!(
        store.orders_of(&phone("+919876543210")).await.unwrap(),
        [open(&newer), open(&older)]
    );
    assert_eq!(
        store
            .customer_by_call(older.call_id)
            .await
            .unwrap()
            .as_ref(),
        Some(&older)
    );
    for _ in 0..ORDERS_OF_A_NUMBER {
        store.put_customer(&customer("9876543210")).await.unwrap();
    }
    let orders = store.orders_of(&phone("9876543210")).await.unwrap();
    assert_eq!(orders.len(), ORDERS_OF_A_NUMBER);
    assert!(!orders.contains(&open(&newer)), "the oldest have gone");
}

async fn an_order_that_was_held_is_not_open(Subject { store, .. }: Subject) {
    let (first, second) = (customer("9876543210"), customer("9876543210"));
    store.put_customer(&first).await.unwrap();
    store.put_customer(&second).await.unwrap();
    store.hold(first.call_id).await.unwrap();
    let orders = store.orders_of(&phone("9876543210")).await.unwrap();
    assert_eq!(
        orders,
        [
            open(&second),
            Order {
                customer: first,
                held: true
            }
        ]
    );
}

async fn the_first_claim_of_an_order_wins(Subject { store, .. }: Subject) {
    let (order, first, second) = (CallId::generate(), sid("first"), sid("second"));
    assert!(store.claim(order, Claimant::Call(&first)).await.unwrap());
    assert!(!store.claim(order, Claimant::Call(&second)).await.unwrap());
    assert!(
        !store
            .claim(order, Claimant::Stream(&StreamSid::parse("first").unwrap()))
            .await
            .unwrap()
    );
    assert!(
        store.claim(order, Claimant::Call(&first)).await.unwrap(),
        "the same call asks twice"
    );
    assert!(
        store
            .claim(CallId::generate(), Claimant::Call(&second))
            .await
            .unwrap()
    );
}

async fn what_applets_said_of_a_call_is_kept_once_each(Subject { store, .. }: Subject) {
    let call = sid("abc");
    let ends = Ends {
        from: Some(phone("09876543210")),
        to: None,
        direction: Some(Direction::Outbound),
    };
    let first = Sighting {
        orders: vec![CallId::generate()],
        ends: vec![ends],
    };
    let second = Sighting {
        orders: vec![CallId::generate()],
        ends: Vec::new(),
    };
    for sighting in [&first, &second, &first] {
        store.see(&call, sighting).await.unwrap();
    }
    assert_eq!(store.sightings(&call).await.unwrap(), [first, second]);
    assert_eq!(store.sightings(&sid("other")).await.unwrap(), []);
    for _ in 0..2 * SIGHTINGS_OF_A_CALL {
        store
            .see(
                &call,
                &Sighting {
                    orders: vec![CallId::generate()],
                    ends: Vec::new(),
                },
            )
            .await
            .unwrap();
    }
    assert_eq!(
        store.sightings(&call).await.unwrap().len(),
        SIGHTINGS_OF_A_CALL
    );
}

async fn what_was_never_stored_is_absent(Subject { store, .. }: Subject) {
    assert_eq!(
        store.customer_by_call(CallId::generate()).await.unwrap(),
        None
    );
    assert_eq!(store.orders_of(&phone("9876543210")).await.unwrap(), []);
    assert_eq!(store.bound(&sid("unknown")).await.unwrap(), None);
    assert_eq!(store.decision(&sid("unknown")).await.unwrap(), None);
    assert_eq!(store.lookup("unknown").await.unwrap(), None);
}

fn binding(order: Option<CallId>) -> Binding {
    Binding {
        call_id: CallId::generate(),
        order,
    }
}

async fn the_first_binding_of_a_call_sid_wins(Subject { store, .. }: Subject) {
    let (first, second) = (binding(Some(CallId::generate())), binding(None));
    assert_eq!(store.bind(&sid("abc"), first).await.unwrap(), first);
    assert_eq!(store.bind(&sid("abc"), second).await.unwrap(), first);
    assert_eq!(store.bound(&sid("abc")).await.unwrap(), Some(first));
    assert_eq!(store.bind(&sid("other"), second).await.unwrap(), second);
}

async fn the_first_binding_wins_among_many_at_once(Subject { store, .. }: Subject) {
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.bind(&sid("abc"), binding(None)).await.unwrap() })
        })
        .collect();
    let bound = store.bind(&sid("abc"), binding(None)).await.unwrap();
    for task in tasks {
        assert_eq!(task.await.unwrap(), bound);
    }
}

async fn the_last_decision_counts(Subject { store, .. }: Subject) {
    let transfer = Decision::Transfer {
        words: None,
        target: "default".to_owned(),
        numbers: vec![phone("1800123456"), phone("9876543210")],
    };
    store
        .put_decision(&sid("abc"), &Decision::HangUp)
        .await
        .unwrap();
    store.put_decision(&sid("abc"), &transfer).await.unwrap();
    assert_eq!(store.decision(&sid("abc")).await.unwrap(), Some(transfer));
}

async fn a_lookup_takes_its_key_verbatim(subject: Subject) {
    (subject.put_foreign)("crm:919876543210:नाम", "gold, since 2019");
    assert_eq!(
        subject
            .store
            .lookup("crm:919876543210:नाम")
            .await
            .unwrap()
            .as_deref(),
        Some("gold, since 2019")
    );
}

async fn a_corrupt_value_is_distinguished_from_an_absent_one(subject: Subject) {
    let call = CallId::generate();
    (subject.put_foreign)(
        &format!("ghanti:customer:{call}"),
        r#"{"call_id": "Asha Rao"}"#,
    );
    (subject.put_foreign)("ghanti:orders:+919876543210", "Asha Rao");
    (subject.put_foreign)("ghanti:sid:abc", "Asha Rao");
    (subject.put_foreign)("ghanti:seen:abc", "Asha Rao");
    (subject.put_foreign)("ghanti:decision:abc", r#"{"kind":"transfer","#);
    let store = subject.store;
    let errors = [
        store.customer_by_call(call).await.unwrap_err(),
        store.orders_of(&phone("9876543210")).await.unwrap_err(),
        store.sightings(&sid("abc")).await.unwrap_err(),
        store.bound(&sid("abc")).await.unwrap_err(),
        store.bind(&sid("abc"), binding(None)).await.unwrap_err(),
        store.decision(&sid("abc")).await.unwrap_err(),
    ];
    for error in errors {
        assert!(
            matches!(error, ghanti_store::StoreError::Unreadable { .. }),
            "{error:?}"
        );
        common::assert_clean(&format!("{error} {error:?}"), &[]);
    }
}

async fn it_answers_a_ping(Subject { store, .. }: Subject) {
    store.ping().await.unwrap();
}
