//! A call whose engine is killed, and that comes again: another engine goes on with it at the same
//! question.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::nodes::{Pair, reminder};
use crate::support::{API_TOKEN, PATIENCE, Stream, program, start_of};

const SID: &str = "comes-again";
const PHONE: &str = "09876563001";

/// Plays the caller: returns marks at once and presses a key when a question waits, until what the
/// engine wrote of the call satisfies a condition, or the engine closes the stream.
async fn talk(stream: &mut Stream, key: &str, is_enough: impl AsyncFn() -> bool) {
    let silence = json!({ "event": "media", "stream_sid": format!("stream-{SID}"), "media": { "payload": "A".repeat(2_560) } });
    let press = json!({ "event": "dtmf", "sequence_number": "3", "dtmf": { "digit": key, "duration": "100" } });
    let talking = async {
        let mut frames = tokio::time::interval(Duration::from_millis(120));
        let mut nth = 0;
        loop {
            tokio::select! {
                heard = stream.hear() => match heard {
                    None => return,
                    Some(message) if message["event"] == "mark" => stream.say(&message).await,
                    Some(_) => {}
                },
                _ = frames.tick() => {
                    nth += 1;
                    stream.say(&silence).await;
                    if nth % 8 == 0 {
                        stream.say(&press).await;
                        if is_enough().await {
                            return;
                        }
                    }
                }
            }
        }
    };
    timeout(PATIENCE, talking).await.expect("the call goes on");
}

fn said(record: &Value, name: &str) -> usize {
    let lines = record["transcript"].as_array().unwrap();
    lines
        .iter()
        .filter(|line| line["name"] == name && line["speaker"] == "bot")
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_killed_engine_goes_on_at_its_question_on_another_one() {
    let mut pair = Pair::start(reminder());
    let call = pair.engines[0].customer(PHONE, Some("emi-reminder")).await;
    let asked = format!("/passthru?CallSid={SID}&CallFrom={PHONE}&CustomField={call}");
    let url = pair.engines[0].url(&asked);
    assert_eq!(
        pair.engines[0]
            .http()
            .get(url)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let mut stream = Stream::begin(&pair.engines[0], SID, PHONE).await;
    let told = format!(
        "SELECT kind FROM call_events WHERE call_id = '{call}' AND kind = 'prompt-started' AND payload LIKE '%emi-details%'"
    );
    talk(&mut stream, "1", async || !pair.rows(&told).is_empty()).await;
    pair.engines[0].crash();
    drop(stream);

    // Exotel comes again, at the other engine
    let mut stream = Stream::open(&pair.engines[1], &format!("/ws/voicebot/{SID}"))
        .await
        .unwrap();
    stream.say(&json!({ "event": "connected" })).await;
    let mut start = start_of(SID, PHONE);
    for at in ["/stream_sid", "/start/stream_sid"] {
        *start.pointer_mut(at).unwrap() = json!("stream-2");
    }
    stream.say(&start).await;
    talk(&mut stream, "1", async || false).await;

    let record = pair.engines[1].ended(&call).await;
    assert_eq!(record["outcome"], "transfer-decided", "{record:#}");
    assert_eq!(record["decision"]["kind"], "transfer");
    assert_eq!(record["stream_sid"], "stream-2");
    // who it is was asked once, and what came after it was said to the end
    assert_eq!(
        (said(&record, "greeting"), said(&record, "engine-resumed")),
        (1, 1),
        "{record:#}"
    );
    // the first engine was killed while it said the details
    assert_eq!(
        (said(&record, "emi-details"), said(&record, "disclosure")),
        (2, 1),
        "{record:#}"
    );
    let resumed = record["problems"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|problem| problem["name"] == "resumed");
    assert_eq!(resumed.count(), 1, "{record:#}");
    // the journal is that of one conversation: it replays as it stands
    let journal = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(journal.path(), record.to_string()).unwrap();
    let entries = record["journal"]["entries"].as_array().unwrap();
    for (at, entry) in entries.iter().enumerate() {
        assert_eq!(entry["seq"], at + 1, "{record:#}");
    }
    let replayed = program()
        .args(["replay"])
        .arg(journal.path())
        .arg("--flows")
        .arg(pair.flows())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert!(
        replayed.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&replayed.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stream_of_a_call_that_another_engine_holds_is_closed() {
    let pair = Pair::start(reminder());
    let call = pair.engines[0].customer(PHONE, Some("emi-reminder")).await;
    let mut first = Stream::begin(&pair.engines[0], SID, PHONE).await;
    first.hear_voice().await;
    let started = format!(
        "SELECT kind FROM call_events WHERE call_id = '{call}' AND kind = 'prompt-started'"
    );
    pair.until(&started, |rows| !rows.is_empty()).await;
    let mut second = Stream::begin(&pair.engines[1], SID, PHONE).await;
    // it says nothing, and is closed when the first engine has shown that it lives
    assert_eq!(second.until_closed().await, Vec::<Value>::new());
    first.hang_up(SID).await;
    let record = pair.engines[0].ended(&call).await;
    assert_eq!(record["outcome"], "hung-up", "{record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn exotel_is_led_back_to_the_bot_when_the_engine_of_a_call_is_gone() {
    let mut pair = Pair::start_with(reminder(), "[calls]\nafter = 'select'\n");
    let call = pair.engines[0].customer(PHONE, Some("emi-reminder")).await;
    let mut stream = Stream::begin(&pair.engines[0], SID, PHONE).await;
    stream.hear_voice().await;
    let started = format!(
        "SELECT kind FROM call_events WHERE call_id = '{call}' AND kind = 'prompt-started'"
    );
    pair.until(&started, |rows| !rows.is_empty()).await;
    pair.engines[0].crash();
    drop(stream);
    let select = async || {
        let url = pair.engines[1].url(&format!(
            "/passthru/after?CallSid={SID}&Stream%5BStatus%5D=completed"
        ));
        let answer = pair.engines[1]
            .http()
            .get(url)
            .bearer_auth(API_TOKEN)
            .send()
            .await
            .unwrap();
        answer.json::<Value>().await.unwrap()["select"].clone()
    };
    assert_eq!(select().await, "resume");
    let mut again = Stream::begin(&pair.engines[1], SID, PHONE).await;
    again.hear_voice().await;
    again.hang_up(SID).await;
    let record = pair.engines[1].ended(&call).await;
    assert_eq!(record["outcome"], "hung-up", "{record:#}");
    assert_eq!(select().await, "hang-up");
}
