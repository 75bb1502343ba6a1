//! Whose record a call gets: that of the customer whose number is on the line, or nobody's. Each
//! customer has their own language, which the flow speaks, so the language shows whose record it
//! got.

use std::sync::Arc;

use crate::common::{House, LOOK_UP};
use crate::silent::Silent;
use ghanti_model::{CallId, CallRecord, CallSid, CallState, EventKind, Step};
use ghanti_session::find::{BEHIND_ANSWER, Found, Sought, find, named_orders};
use ghanti_store::{Ends, Sighting};
use serde_json::{Value, json};

const A: &str = "09876500001";
const B: &str = "09876500002";
const ASHA: &str = "hi-IN";
const BINA: &str = "mr-IN";
const LINE: &str = "08045000000";

async fn house() -> House {
    let mut house = House::new();
    house.add("flow", "[settings]\nact = \"converse\"\n");
    house.open().await;
    house
}

fn start(sid: &str, from: Option<&str>, parameters: Value) -> Value {
    let start =
        json!({ "call_sid": sid, "from": from, "to": LINE, "custom_parameters": parameters });
    json!({ "event": "start", "stream_sid": format!("stream-{sid}"), "start": start })
}

/// Does what a Passthru does: it reports what it knows about the call, which is then found after
/// the answer.
async fn passthru(house: &House, sid: &str, order: Option<CallId>, from: Option<&str>) -> Found {
    let sid = CallSid::parse(sid).unwrap();
    let field = order.map(|order| order.to_string());
    let number = |text: &str| ghanti_model::PhoneNumber::parse(text).unwrap();
    let ends = Ends {
        from: from.map(number),
        to: Some(number(LINE)),
        direction: None,
    };
    let sighting = Sighting {
        orders: named_orders(field.iter().map(|field| ("CustomField", field.as_str()))),
        ends: vec![ends],
    };
    house.services().sessions.see_here(&sid, &sighting);
    let sought = Sought {
        sid: Some(&sid),
        session: "",
        stream: None,
        sighting,
        within: BEHIND_ANSWER,
    };
    let found = find(house.services(), sought).await;
    house
        .services()
        .registry
        .append(found.call_id, EventKind::Named { call_sid: sid })
        .await;
    found
}

/// Whose record the flow got.
fn whose(record: &CallRecord) -> &'static str {
    assert_eq!(
        record.transcript.first().map(|line| line.name.as_str()),
        Some("greeting"),
        "the caller hears the flow: {record:#?}"
    );
    match record.language.as_ref().unwrap().as_str() {
        "hi-IN" => "Asha",
        "mr-IN" => "Bina",
        "en-IN" => "nobody",
        other => panic!("nobody here speaks {other}"),
    }
}

fn problems(record: &CallRecord) -> Vec<&str> {
    // this line sends neither audio nor marks, and the flow asks for longer than a call may last
    let of_the_line = ["too-long", "no-media", "no-marks"];
    record
        .problems
        .iter()
        .map(|problem| problem.name.as_str())
        .filter(|name| !of_the_line.contains(name))
        .collect()
}

#[track_caller]
fn assert_nobody(record: &CallRecord, problem: &str) {
    assert_eq!(problems(record), [problem], "{record:#?}");
    assert_eq!(whose(record), "nobody", "{record:#?}");
    assert!(
        record
            .steps
            .iter()
            .all(|entry| entry.step != Step::CustomerLoaded)
    );
    let reported = &record.problems[0].detail;
    assert!(
        reported.contains("no customer record") && !reported.contains("98765"),
        "{reported}"
    );
}

#[tokio::test]
async fn an_order_that_was_dialled_to_another_number_is_told_to_nobody() {
    let house = house().await;
    let order = house.order(A, ASHA).await;
    let id = order.to_string();
    // named by the Passthru, by the stream's path, by each of its parameters
    passthru(&house, "s1", Some(order), Some(B)).await;
    for (sid, session, parameters) in [
        ("s1", "s1", json!(null)),
        ("s2", id.as_str(), json!(null)),
        ("s3", "{CallSid}", json!({ "CustomField": id })),
        ("s4", "s4", json!({ "call-id": id })),
    ] {
        house.stream(session, start(sid, Some(B), parameters)).await;
        let record = house.of(sid).await;
        assert_nobody(&record, "wrong-number");
        assert_eq!(
            record.customer_number.as_ref().unwrap().expose(),
            "+919876500002",
            "the number that was really called"
        );
        assert_eq!(record.order, Some(order));
    }
    assert_eq!(
        house.of("s1").await.call_id,
        order,
        "the first call of the order has its id"
    );
    house
        .stream("s5", start("s5", Some(A), json!({ "call-id": id })))
        .await;
    assert_eq!(
        (
            whose(&house.of("s5").await),
            problems(&house.of("s5").await)
        ),
        ("Asha", vec![])
    );
}

#[tokio::test]
async fn an_order_without_the_number_on_the_line_is_told_to_nobody() {
    let house = house().await;
    let order = house.order(A, ASHA).await;
    passthru(&house, "s1", Some(order), None).await;
    house.stream("s1", start("s1", None, json!(null))).await;
    assert_nobody(&house.of("s1").await, "unknown-number");
    // the Passthru named the number
    passthru(&house, "s2", Some(order), Some(A)).await;
    house.stream("s2", start("s2", None, json!(null))).await;
    assert_eq!(whose(&house.of("s2").await), "Asha");
    // the Passthru and the stream name different numbers
    passthru(&house, "s3", Some(order), Some(A)).await;
    house.stream("s3", start("s3", Some(B), json!(null))).await;
    assert_nobody(&house.of("s3").await, "wrong-number");
}

#[tokio::test]
async fn a_call_for_which_two_orders_are_named_gets_neither() {
    let house = house().await;
    let (first, second) = (house.order(A, ASHA).await, house.order(A, BINA).await);
    passthru(&house, "s1", Some(first), Some(A)).await;
    passthru(&house, "s1", Some(second), Some(A)).await;
    house.stream("s1", start("s1", Some(A), json!(null))).await;
    assert_nobody(&house.of("s1").await, "several-orders");
    passthru(&house, "s2", Some(first), Some(A)).await;
    house
        .stream(&second.to_string(), start("s2", Some(A), json!(null)))
        .await;
    assert_nobody(&house.of("s2").await, "several-orders");
}

#[tokio::test]
async fn a_number_with_two_open_orders_hears_neither() {
    let house = house().await;
    let (first, second) = (house.order(A, ASHA).await, house.order(A, BINA).await);
    house.stream("s1", start("s1", Some(A), json!(null))).await;
    assert_nobody(&house.of("s1").await, "several-orders");
    // a call that names its order gets that one
    house
        .stream(
            "s2",
            start("s2", Some(A), json!({ "call-id": first.to_string() })),
        )
        .await;
    assert_eq!(
        (whose(&house.of("s2").await), house.of("s2").await.call_id),
        ("Asha", first)
    );
    // which leaves one open order
    house.stream("s3", start("s3", Some(A), json!(null))).await;
    assert_eq!(
        (whose(&house.of("s3").await), house.of("s3").await.order),
        ("Bina", Some(second))
    );
    // and then none: neither of two held orders is guessed
    house.stream("s4", start("s4", Some(A), json!(null))).await;
    assert_nobody(&house.of("s4").await, "several-orders");
}

#[tokio::test]
async fn a_customer_who_calls_back_is_known() {
    let house = house().await;
    let order = house.order(A, ASHA).await;
    for sid in ["s1", "s2"] {
        house.stream(sid, start(sid, Some(A), json!(null))).await;
        assert_eq!(
            (whose(&house.of(sid).await), house.of(sid).await.order),
            ("Asha", Some(order)),
            "{sid}"
        );
    }
    assert_ne!(
        house.of("s1").await.call_id,
        house.of("s2").await.call_id,
        "each call has its own record"
    );
}

#[tokio::test]
async fn a_retry_of_an_order_leaves_the_first_calls_record_as_it_was() {
    let house = house().await;
    let order = house.order(A, ASHA).await;
    passthru(&house, "s1", Some(order), Some(A)).await;
    house.stream("s1", start("s1", Some(A), json!(null))).await;
    let first = house.of("s1").await;
    assert_eq!(
        (first.call_id, first.state, first.order),
        (order, CallState::Ended, Some(order))
    );
    for (sid, session) in [("s2", "s2".to_owned()), ("s3", order.to_string())] {
        passthru(&house, sid, Some(order), Some(A)).await;
        house
            .stream(&session, start(sid, Some(A), json!(null)))
            .await;
        let again = house.of(sid).await;
        assert_eq!(
            (whose(&again), again.order, again.state),
            ("Asha", Some(order), CallState::Ended)
        );
        assert_ne!(again.call_id, order);
    }
    assert_eq!(house.of("s1").await, first);
    assert_eq!(
        house.services().registry.get(order).await.unwrap().unwrap(),
        first
    );
}

#[tokio::test]
async fn two_calls_of_one_order_at_once_are_both_served() {
    let house = house().await;
    let order = house.order(A, ASHA).await;
    let by_path = order.to_string();
    let (first, second) = tokio::join!(
        house.stream(&by_path, start("s1", Some(A), json!(null))),
        house.stream(&by_path, start("s2", Some(A), json!(null))),
    );
    assert!(
        first.is_some() && second.is_some(),
        "both callers hear the bot"
    );
    let (first, second) = (house.of("s1").await, house.of("s2").await);
    assert_eq!((whose(&first), whose(&second)), ("Asha", "Asha"));
    assert_eq!((first.order, second.order), (Some(order), Some(order)));
    assert!(first.call_id != second.call_id && [first.call_id, second.call_id].contains(&order));
}

#[tokio::test]
async fn two_calls_of_one_number_whose_passthrus_come_first_are_two_calls() {
    let house = house().await;
    // with an order found by its number alone, and as unknown callers
    let order = house.order(A, ASHA).await;
    for (number, sids) in [(A, ["s1", "s2"]), (B, ["s3", "s4"])] {
        let first = passthru(&house, sids[0], None, Some(number)).await;
        let second = passthru(&house, sids[1], None, Some(number)).await;
        assert_ne!(first.call_id, second.call_id);
        for (sid, found) in sids.into_iter().zip([first, second]) {
            assert!(
                house
                    .stream(sid, start(sid, Some(number), json!(null)))
                    .await
                    .is_some(),
                "{sid} hears the bot"
            );
            assert_eq!(house.of(sid).await.call_id, found.call_id);
        }
    }
    assert_eq!(
        (house.of("s1").await.call_id, house.of("s2").await.order),
        (order, Some(order))
    );
}

#[tokio::test]
async fn a_passthru_that_comes_late_is_of_the_call_that_is_there() {
    let house = house().await;
    // the stream came first, with an order and without
    house.order(A, ASHA).await;
    for (sid, number) in [("s1", A), ("s2", B)] {
        house
            .stream(sid, start(sid, Some(number), json!(null)))
            .await;
        let ended = house.of(sid).await;
        for _ in 0..2 {
            assert_eq!(
                passthru(&house, sid, None, Some(number)).await.call_id,
                ended.call_id
            );
        }
        assert_eq!(house.of(sid).await, ended);
    }
}

#[tokio::test]
async fn a_second_stream_of_an_ended_call_is_refused_and_changes_nothing() {
    let house = house().await;
    let order = house.order(A, ASHA).await;
    house.stream("s1", start("s1", Some(A), json!(null))).await;
    let first = house.of("s1").await;
    for session in ["s1".to_owned(), order.to_string(), "{CallSid}".to_owned()] {
        assert_eq!(
            house
                .stream(
                    &session,
                    start("s1", Some(A), json!({ "call-id": order.to_string() }))
                )
                .await,
            None,
            "nothing is said"
        );
    }
    let mut now = house.of("s1").await;
    assert_eq!(now.problems.pop().unwrap().name, "second-stream");
    assert_eq!(now, first);
}

#[tokio::test]
async fn a_call_sid_that_reads_like_an_id_of_ours_is_a_call_sid() {
    let house = house().await;
    house.order(A, ASHA).await;
    // a real CallSid: 32 hexadecimal digits
    let sid = "75b90b4b77ce9e6fe9a60a26f03d198c";
    house.stream(sid, start(sid, Some(A), json!(null))).await;
    assert_eq!(
        (whose(&house.of(sid).await), problems(&house.of(sid).await)),
        ("Asha", vec![])
    );
}

#[tokio::test]
async fn an_id_that_is_no_order_is_not_replaced_by_the_numbers_order() {
    let house = house().await;
    house.order(A, ASHA).await;
    house
        .stream(
            "s1",
            start(
                "s1",
                Some(A),
                json!({ "CustomField": CallId::generate().to_string() }),
            ),
        )
        .await;
    assert_nobody(&house.of("s1").await, "unknown-order");
    // a value that is not an id at all belongs to the operator's campaign
    house
        .stream(
            "s2",
            start("s2", Some(A), json!({ "CustomField": "spring campaign" })),
        )
        .await;
    assert_eq!(whose(&house.of("s2").await), "Asha");
}

#[tokio::test]
async fn a_store_that_hangs_is_waited_for_as_long_as_the_bound_and_nothing_is_guessed() {
    let store = Arc::new(Silent::default());
    let mut house = House::over(Arc::clone(&store) as _);
    house.add("flow", "[settings]\nact = \"converse\"\n");
    house.open().await;
    let older = house.order(A, ASHA).await;
    house.order(A, BINA).await;
    store.hang();

    // an unknown caller, a caller with orders, one whose order the stream names, and one whose
    // Passthru reached this process just before
    let named = json!({ "call-id": older.to_string() });
    for (sid, number, parameters) in [
        ("s1", B, json!(null)),
        ("s2", A, json!(null)),
        ("s3", A, named),
        ("s4", A, json!(null)),
    ] {
        if sid == "s4" {
            house.services().sessions.see_here(
                &CallSid::parse(sid).unwrap(),
                &Sighting {
                    orders: vec![older],
                    ends: Vec::new(),
                },
            );
        }
        let first = house
            .stream(sid, start(sid, Some(number), parameters))
            .await
            .unwrap();
        assert!(
            first <= LOOK_UP.as_millis() + 20,
            "{sid}: the caller heard nothing for {first} ms"
        );
        let record = house.of(sid).await;
        assert!(
            problems(&record).contains(&"store-unavailable"),
            "{sid}: {record:#?}"
        );
        assert_ne!(whose(&record), "Bina", "{sid}: nobody named this order");
        // what this process itself knows for certain may be used
        assert_eq!(
            whose(&record) == "Asha",
            sid == "s3" || sid == "s4",
            "{sid}: {record:#?}"
        );
    }
}

#[tokio::test]
async fn a_call_whose_order_this_process_has_recorded_is_joined_to_it_however_late_the_database_is()
{
    let mut house = House::new();
    house.add("flow", "[settings]\nact = \"converse\"\n");
    house.open().await;
    let order = house.order(A, ASHA).await;
    let registry = &house.services().registry;
    registry.append(order, EventKind::Dialling).await;
    house.hang_database();
    let parameters = json!({ "call-id": order.to_string() });
    house.stream("s1", start("s1", Some(A), parameters)).await;
    let record = house.of("s1").await;
    assert_eq!(record.call_id, order, "{record:#?}");
    assert_eq!((problems(&record), whose(&record)), (vec![], "Asha"));
}

#[tokio::test]
async fn a_call_that_cannot_be_joined_to_its_order_in_time_says_why() {
    let mut house = House::new();
    house.add("flow", "[settings]\nact = \"converse\"\n");
    house.open().await;
    let order = house.order(A, ASHA).await;
    house.hang_database();
    let parameters = json!({ "call-id": order.to_string() });
    house.stream("s1", start("s1", Some(A), parameters)).await;
    let record = house.of("s1").await;
    assert_ne!(record.call_id, order);
    assert_eq!(record.order, Some(order));
    assert!(
        problems(&record).contains(&"store-unavailable"),
        "{record:#?}"
    );
}
