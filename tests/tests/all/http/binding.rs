//! Whose call it is, from outside: orders, numbers, retries, late requests.

use super::*;

/// Answers every mark at once, as a network that plays without delay, until the bot closes the
/// socket.
async fn listened(mut stream: Stream) {
    while let Some(message) = stream.hear().await {
        if message["event"] == "mark" {
            // The socket may close in between.
            drop(
                stream
                    .send(tokio_tungstenite::tungstenite::Message::text(
                        message.to_string(),
                    ))
                    .await,
            );
        }
    }
}

fn has_problem(record: &Value, name: &str) -> bool {
    record["problems"]
        .as_array()
        .unwrap()
        .iter()
        .any(|problem| problem["name"] == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_dialled_to_another_number_is_told_to_nobody() {
    let engine = engine("");
    let dialled = "09876520011";
    // the stream knows the CallSid of the Passthru, the order's id in its path, or nothing but the
    // Passthru's numbers
    for (sid, by_path, from) in [
        ("wn-1", false, Some(dialled)),
        ("wn-2", true, Some(dialled)),
        ("wn-3", false, None),
    ] {
        let order = engine.customer("09876520010", Some("emi-reminder")).await;
        let query = format!(
            "CallSid={sid}&CallFrom={dialled}&CallTo=08045000000&Direction=outbound-dial&CustomField={order}"
        );
        assert_eq!(
            get(&engine, &format!("/passthru?{query}")).await.status(),
            200
        );
        let mut stream = Stream::open(
            &engine,
            &format!("/ws/voicebot/{}", if by_path { &order } else { sid }),
        )
        .await
        .unwrap();
        let mut start = crate::support::start_of(sid, dialled);
        if from.is_none() {
            start["start"]["from"] = Value::Null;
        }
        stream.say(&start).await;
        listened(stream).await;
        let record = engine.ended(&order).await;
        assert_eq!(
            (&record["outcome"], &record["call_sid"]),
            (&"incomplete-data".into(), &sid.into()),
            "{record:#}"
        );
        assert_eq!(
            record["customer_number"], "+919876520011",
            "the number that was really called"
        );
        assert!(has_problem(&record, "wrong-number"), "{record:#}");
        let said: Vec<&Value> = record["transcript"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| &line["name"])
            .collect();
        assert_eq!(said, ["apology-incomplete-data"], "{record:#}");
        let noted = record["problems"].to_string();
        assert!(!noted.contains("98765"), "{noted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_of_an_order_has_a_record_of_its_own_and_a_second_stream_none() {
    let engine = engine("");
    let order = transferred(&engine, "try-1", "09876520012").await;
    let mut first = engine.record(&order).await.unwrap();
    assert_eq!(
        (&first["call_id"], &first["order"]),
        (&order.as_str().into(), &order.as_str().into())
    );
    // two more calls of the order, at once: each is greeted
    let mut calls = Vec::new();
    for sid in ["try-2", "try-3"] {
        get(
            &engine,
            &format!("/passthru?CallSid={sid}&CallFrom=09876520012&CustomField={order}"),
        )
        .await;
        calls.push((sid, Stream::begin(&engine, sid, "09876520012").await));
    }
    for (sid, mut stream) in calls {
        stream.hear_voice().await;
        stream.hang_up(sid).await;
        let record = engine.ended(sid).await;
        assert_eq!(
            (&record["order"], &record["outcome"]),
            (&order.as_str().into(), &"hung-up".into()),
            "{record:#}"
        );
        assert!(
            record["call_id"] != order.as_str()
                && record["transcript"].to_string().contains("Priya Sharma"),
            "{record:#}"
        );
        // only who was transferred is connected
        let reply: Value = get(&engine, &format!("/connect?CallSid={sid}"))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(reply["destination"]["numbers"], json!([]));
    }
    let mut second = Stream::begin(&engine, "try-1", "09876520012").await;
    assert_eq!(
        second.until_closed().await,
        [] as [Value; 0],
        "the second stream of a call hears nothing"
    );
    let mut now = engine
        .record_when("try-1", PATIENCE, |record| {
            has_problem(record, "second-stream")
        })
        .await;
    for record in [&mut first, &mut now] {
        record["problems"] = Value::Null;
        record["findings"] = Value::Null;
    }
    assert_eq!(now, first, "the first call's record is as it was");
    let reply: Value = get(&engine, "/connect?CallSid=try-1")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(reply["destination"]["numbers"], json!([AGENT]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passthru_that_comes_late_belongs_to_the_call_that_runs() {
    let engine = engine("");
    let mut stream = Stream::begin(&engine, "late-1", "09876520013").await;
    stream.hear_voice().await;
    let live = engine.record("late-1").await.unwrap();
    for _ in 0..2 {
        get(&engine, "/passthru?CallSid=late-1&CallFrom=09876520013").await;
        get(&engine, "/voicebot-url?CallSid=late-1&CallFrom=09876520013").await;
    }
    let reported = |record: &Value| record["steps"].to_string().contains("passthru-received");
    let record = engine.record_when("late-1", PATIENCE, reported).await;
    assert_eq!(
        (&record["call_id"], &record["state"]),
        (&live["call_id"], &"live".into())
    );
    stream.hang_up("late-1").await;
    let ended = engine.ended("late-1").await;
    get(&engine, "/passthru?CallSid=late-1&CallFrom=09876520013").await;
    let newest: Value = get(&engine, "/api/calls").await.json().await.unwrap();
    assert_eq!(
        newest["items"].as_array().unwrap().len(),
        1,
        "one call, one record: {newest:#?}"
    );
    assert_eq!(
        engine.record("late-1").await.unwrap()["outcome"],
        ended["outcome"]
    );
}
