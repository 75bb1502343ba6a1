//! Transfer targets as the operator sets them: terms, hours and fallbacks, in the built program.

use serde_json::{Value, json};
use time::{OffsetDateTime, Weekday};

use crate::nodes::bare;
use crate::support::{Engine, PATIENCE, Setup, Stream};

const BY_KEYS: &str = "[speech]\nrecognizer = 'none'\n";
const DAY: &str = "+918000000001";
const NIGHT: &str = "+918000000002";

/// Hours of a day that is neither today nor yesterday nor tomorrow, whatever the time zone.
fn closed() -> String {
    let day = match OffsetDateTime::now_utc().weekday() {
        Weekday::Monday => "thu",
        Weekday::Tuesday => "fri",
        Weekday::Wednesday => "sat",
        Weekday::Thursday => "sun",
        Weekday::Friday => "mon",
        Weekday::Saturday => "tue",
        Weekday::Sunday => "wed",
    };
    format!("hours = ['{day} 09:00-18:00']")
}

/// A call of a flow that wants an agent. Returns its record, and what Connect is answered.
async fn transferred(sections: &str) -> (Value, Value) {
    let flows = bare();
    let engine = Setup::new(format!("{BY_KEYS}{sections}"))
        .flows(flows.path())
        .start();
    let call = engine.customer("09876574001", None).await;
    let passthru = format!("/passthru?CallSid=t1&CallFrom=09876574001&CustomField={call}");
    get(&engine, &passthru).await;
    let is_known = |record: &Value| record["call_sid"] == "t1";
    engine.record_when(&call, PATIENCE, is_known).await;
    let mut stream = Stream::begin(&engine, "t1", "09876574001").await;
    stream.hear_out().await;
    let record = engine.ended(&call).await;
    let reply = get(&engine, "/connect?CallSid=t1")
        .await
        .json()
        .await
        .unwrap();
    engine.is_well().await;
    (record, reply)
}

async fn get(engine: &Engine, path: &str) -> reqwest::Response {
    let response = engine.http().get(engine.url(path)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_dialled_on_the_terms_of_the_target() {
    let sections = format!(
        "[transfer.default]\nnumbers = ['{DAY}']\nhours = ['daily 00:00-24:00']\nring-s = 45\nlongest-s = 900\nrecord = 'single'\n\
         music = 'operator-tone'\nwhisper = 'A caller about a loan.'\n"
    );
    let (record, mut reply) = transferred(&sections).await;
    assert_eq!(record["decision"]["target"], "default");
    let events = reply["dial_passthru_event_url"].take();
    assert!(
        events.as_str().unwrap().contains("/connect/event"),
        "{events}"
    );
    reply
        .as_object_mut()
        .unwrap()
        .remove("dial_passthru_event_url");
    assert_eq!(
        reply,
        json!({
            "fetch_after_attempt": false,
            "destination": { "numbers": [DAY] },
            "record": true,
            "recording_channels": "single",
            "max_ringing_duration": 45,
            "max_conversation_duration": 900,
            "music_on_hold": { "type": "operator_tone" },
            "start_call_playback": { "playback_to": "callee", "type": "text", "value": "A caller about a loan." },
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_its_hours_the_fallback_is_dialled_on_its_own_terms() {
    let closed = closed();
    let sections = format!(
        "[calls]\nagents = ['{DAY}']\n[transfer.default]\n{closed}\nfallback = 'night'\n[transfer.night]\nnumbers = ['{NIGHT}']\nrecord = 'none'\n"
    );
    let (record, reply) = transferred(&sections).await;
    assert_eq!(
        (&record["outcome"], &record["decision"]["target"]),
        (&json!("transfer-decided"), &json!("night"))
    );
    assert_eq!(
        (&reply["destination"]["numbers"], &reply["record"]),
        (&json!([NIGHT]), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_its_hours_without_a_fallback_the_flow_is_refused_and_nobody_is_dialled() {
    let closed = closed();
    let sections = format!("[transfer.default]\nnumbers = ['{DAY}']\n{closed}\n");
    let (record, reply) = transferred(&sections).await;
    let entries = record["journal"]["entries"].as_array().unwrap();
    let asked = entries.iter().find(|entry| entry["function"] == "transfer");
    let answer = asked.unwrap()["answer"].to_string();
    assert!(answer.contains("`default` is closed now"), "{answer}");
    assert_eq!(
        record["decision"],
        json!({ "kind": "hang-up" }),
        "{record:#}"
    );
    assert_eq!(reply, json!({ "destination": { "numbers": [] } }));
}
