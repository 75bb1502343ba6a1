//! A call whose engine is killed, and that comes again: another engine goes on with it at the same
//! question.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::nodes::{Cluster, Held, Ways, bare, hold, reminder, text, until, with_reminder};
use crate::support::{API_TOKEN, Engine, PATIENCE, Stream, program, start_of};

const SID: &str = "comes-again";
const PHONE: &str = "09876563001";

/// Plays the caller: returns marks at once and presses a key when a question waits, until what the
/// engine wrote of the call satisfies a condition, or the engine closes the stream.
async fn talk(stream: &mut Stream, sid: &str, key: &str, is_enough: impl AsyncFn() -> bool) {
    let silence = json!({ "event": "media", "stream_sid": format!("stream-{sid}"), "media": { "payload": "A".repeat(2_560) } });
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
    let recorded = "[recording]\nenabled = true\n[calls]\n";
    let mut cluster = Cluster::start_with(2, reminder(), recorded);
    let call = cluster.engines[0]
        .customer(PHONE, Some("emi-reminder"))
        .await;
    let asked = format!("/passthru?CallSid={SID}&CallFrom={PHONE}&CustomField={call}");
    let url = cluster.engines[0].url(&asked);
    assert_eq!(
        cluster.engines[0]
            .http()
            .get(url)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let mut stream = Stream::begin(&cluster.engines[0], SID, PHONE).await;
    let reported = format!(
        "SELECT kind FROM call_events WHERE call_id = '{call}' AND kind = 'prompt-started' AND payload LIKE '%emi-details%'"
    );
    talk(&mut stream, SID, "1", async || {
        !cluster.rows(&reported).is_empty()
    })
    .await;
    cluster.engines[0].crash();
    drop(stream);

    // Exotel comes again, at the other engine
    let mut stream = Stream::open(&cluster.engines[1], &format!("/ws/voicebot/{SID}"))
        .await
        .unwrap();
    stream.say(&json!({ "event": "connected" })).await;
    let mut start = start_of(SID, PHONE);
    for at in ["/stream_sid", "/start/stream_sid"] {
        *start.pointer_mut(at).unwrap() = json!("stream-2");
    }
    stream.say(&start).await;
    talk(&mut stream, SID, "1", async || false).await;

    let record = cluster.engines[1].ended(&call).await;
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
    // each stream has a recording of its own, in the data folder of its engine
    let has_second = |record: &Value| record["recordings"][1]["state"] == "complete";
    let record = cluster.engines[1]
        .record_when(&call, PATIENCE, has_second)
        .await;
    let [first, second] = [0, 1].map(|at| &record["recordings"][at]);
    assert_eq!(
        (&first["state"], &first["at_ms"]),
        (&json!("begun"), &json!(0))
    );
    let since_start = second["at_ms"].as_u64().unwrap();
    let resumed = record["transcript"].as_array().unwrap().iter();
    let mut resumed = resumed.filter(|line| line["name"] == "engine-resumed");
    let said = resumed.next().unwrap()["at_ms"].as_u64().unwrap();
    assert!((1..=said).contains(&since_start), "{record:#}");
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
        .arg(cluster.flows())
        .output()
        .unwrap();
    let reported = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert!(
        replayed.status.success(),
        "{reported}{}",
        String::from_utf8_lossy(&replayed.stderr)
    );
}

/// A call at the first engine whose greeting has begun, by what is stored of it.
async fn greeted(cluster: &Cluster) -> (String, Stream) {
    let engine = &cluster.engines[0];
    let call = engine.customer(PHONE, Some("emi-reminder")).await;
    let mut stream = Stream::begin(engine, SID, PHONE).await;
    stream.hear_voice().await;
    let started = format!(
        "SELECT kind FROM call_events WHERE call_id = '{call}' AND kind = 'prompt-started'"
    );
    cluster.until(&started, |rows| !rows.is_empty()).await;
    (call, stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stream_of_a_call_that_another_engine_holds_is_closed() {
    let cluster = Cluster::start(reminder());
    let (call, first) = greeted(&cluster).await;
    let mut second = Stream::begin(&cluster.engines[1], SID, PHONE).await;
    // it says nothing, and is closed when the first engine has shown that it lives
    assert_eq!(second.until_closed().await, Vec::<Value>::new());
    first.hang_up(SID).await;
    let record = cluster.engines[0].ended(&call).await;
    assert_eq!(record["outcome"], "hung-up", "{record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn exotel_is_led_back_to_the_bot_when_the_engine_of_a_call_is_gone() {
    let mut cluster = Cluster::start_with(2, reminder(), "[calls]\nafter = 'select'\n");
    let (call, stream) = greeted(&cluster).await;
    cluster.engines[0].crash();
    drop(stream);
    let select = async || {
        let url = cluster.engines[1].url(&format!(
            "/passthru/after?CallSid={SID}&Stream%5BStatus%5D=completed"
        ));
        let answer = cluster.engines[1]
            .http()
            .get(url)
            .bearer_auth(API_TOKEN)
            .send()
            .await
            .unwrap();
        answer.json::<Value>().await.unwrap()["select"].clone()
    };
    assert_eq!(select().await, "resume");
    let mut again = Stream::begin(&cluster.engines[1], SID, PHONE).await;
    again.hear_voice().await;
    again.hang_up(SID).await;
    let record = cluster.engines[1].ended(&call).await;
    assert_eq!(record["outcome"], "hung-up", "{record:#}");
    assert_eq!(select().await, "hang-up");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_goes_on_with_a_call_whose_engine_is_gone() {
    let mut cluster = Cluster::start(reminder());
    let (call, _stream) = greeted(&cluster).await;
    cluster.engines[0].crash();
    let mut stranger = Stream::begin(&cluster.engines[1], SID, "09876563999").await;
    assert_eq!(stranger.until_closed().await, Vec::<Value>::new());
    let record = cluster.engines[1].ended(&call).await;
    assert_eq!(record["outcome"], "engine-stopped", "{record:#}");
}

/// What became of a stream of a call whose engine is gone.
async fn goes_on(engine: &Engine, caller: &Caller) -> bool {
    let mut stream = Stream::begin(engine, &caller.sid, &caller.phone).await;
    loop {
        match stream.hear().await {
            None => return false,
            Some(message) if message["event"] == "media" => break,
            Some(_) => {}
        }
    }
    stream.hang_up(&caller.sid).await;
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_engines_that_get_a_killed_call_at_once_one_goes_on_with_it() {
    const ROUNDS: usize = 24;
    let mut cluster = Cluster::start_with(3, reminder(), "[calls]\n");
    let mut callers = Vec::new();
    let mut streams = Vec::new();
    for nth in 0..ROUNDS {
        let caller = Caller::order(&cluster.engines[0], nth).await;
        let mut stream = Stream::begin(&cluster.engines[0], &caller.sid, &caller.phone).await;
        stream.hear_voice().await;
        streams.push(stream);
        callers.push(caller);
    }
    let held = "SELECT DISTINCT call_id FROM call_events WHERE kind = 'prompt-started'";
    cluster.until(held, |rows| rows.len() == ROUNDS).await;
    cluster.engines[0].crash();
    drop(streams);
    // both wait until it is sure that the first engine is gone
    let both = callers.iter().map(|caller| {
        let [first, second] = [1, 2].map(|at| goes_on(&cluster.engines[at], caller));
        async { tokio::join!(first, second) }
    });
    for (caller, (first, second)) in callers.iter().zip(join_all(both).await) {
        assert!(first ^ second, "call {}: {first} {second}", caller.call);
    }
    let over =
        "SELECT call_id FROM calls WHERE outcome = 'hung-up' AND record LIKE '%second-stream%'";
    cluster.until(over, |rows| rows.len() == ROUNDS).await;
    let resumed = "SELECT call_id FROM call_events WHERE kind = 'stream-resumed'";
    assert_eq!(cluster.rows(resumed).len(), ROUNDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_killed_engine_goes_on_from_the_database_while_redis_is_away() {
    let mut cluster = Cluster::start(reminder());
    // one is killed while it is told the instalment, one while it is greeted
    let reported = Caller::order(&cluster.engines[0], 1).await;
    let greeted = Caller::order(&cluster.engines[0], 2).await;
    let first = reported.until_told(&cluster, &cluster.engines[0]).await;
    let mut second = Stream::begin(&cluster.engines[0], &greeted.sid, &greeted.phone).await;
    second.hear_voice().await;
    let started = format!(
        "SELECT kind FROM call_events WHERE call_id = '{}' AND kind = 'prompt-started'",
        greeted.call
    );
    cluster.until(&started, |rows| !rows.is_empty()).await;
    cluster.engines[0].crash();
    drop((first, second));
    cluster.redis.kill();
    let engine = &cluster.engines[1];
    tokio::join!(reported.again(engine), greeted.again(engine));
    for (caller, greetings) in [(&reported, 1), (&greeted, 2)] {
        let record = engine.ended(&caller.call).await;
        assert_eq!(record["outcome"], "transfer-decided", "{record:#}");
        assert_eq!(said(&record, "greeting"), greetings, "{record:#}");
        assert_eq!(said(&record, "disclosure"), 1, "{record:#}");
        let problems = record["problems"].to_string();
        assert!(problems.contains("store-unavailable"), "{record:#}");
        assert!(problems.contains("resumed"), "{record:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_cannot_be_recognised_while_redis_hangs_gets_words_and_a_record() {
    let mut cluster = Cluster::start(reminder());
    let (call, stream) = greeted(&cluster).await;
    cluster.engines[0].crash();
    drop(stream);
    cluster.redis.command(&["CLIENT", "PAUSE", "60000", "ALL"]);
    let mut stream = Stream::open(&cluster.engines[1], &format!("/ws/voicebot/{SID}"))
        .await
        .unwrap();
    let mut start = start_of(SID, PHONE);
    start["start"].as_object_mut().unwrap().remove("from");
    stream.say(&start).await;
    stream.hear_voice().await;
    stream.hear_out().await;
    let record = cluster.engines[1].ended(SID).await;
    assert_ne!(record["call_id"], call.as_str(), "{record:#}");
    assert!(record["outcome"].is_string(), "{record:#}");
    let problems = record["problems"].to_string();
    assert!(problems.contains(&call), "{record:#}");
    // nothing of the customer was told to whoever it was
    assert_eq!(said(&record, "emi-details"), 0, "{record:#}");
    let cut = cluster.engines[1].ended(&call).await;
    assert_eq!(cut["outcome"], "engine-stopped", "{cut:#}");
}

/// The caller of a reminder's call whose engine is killed, and who comes again.
struct Caller {
    call: String,
    sid: String,
    phone: String,
}

impl Caller {
    async fn order(engine: &Engine, nth: usize) -> Self {
        let (sid, phone) = (format!("again-{nth}"), format!("0987656{nth:04}"));
        Self {
            call: engine.customer(&phone, Some("emi-reminder")).await,
            sid,
            phone,
        }
    }

    /// Answers who they are, and is told the instalment.
    async fn until_told(&self, cluster: &Cluster, engine: &Engine) -> Stream {
        let asked = format!(
            "/passthru?CallSid={}&CallFrom={}&CustomField={}",
            self.sid, self.phone, self.call
        );
        let answer = engine.http().get(engine.url(&asked)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let mut stream = Stream::begin(engine, &self.sid, &self.phone).await;
        let reported = format!(
            "SELECT kind FROM call_events WHERE call_id = '{}' AND kind = 'prompt-started' AND payload LIKE '%emi-details%'",
            self.call
        );
        talk(&mut stream, &self.sid, "1", async || {
            !cluster.rows(&reported).is_empty()
        })
        .await;
        stream
    }

    /// Comes again, and is heard to the end.
    async fn again(&self, engine: &Engine) {
        let mut stream = Stream::begin(engine, &self.sid, &self.phone).await;
        talk(&mut stream, &self.sid, "1", async || false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_engines_one_is_killed_and_one_drained_and_every_call_has_its_end() {
    const AGAIN: usize = 12;
    const CALLS: u64 = 288;
    let mut cluster = Cluster::start_with(3, with_reminder(bare()), "[calls]\nflow = 'bare'\n");
    let ways = Ways::new(&cluster.engines);
    // calls at all three, and some that the first one holds when it is killed
    let third = tokio::spawn(hold(Arc::clone(&ways), 0..CALLS / 3, 8));
    let mut callers = Vec::new();
    for nth in 0..AGAIN {
        callers.push(Caller::order(&cluster.engines[0], nth).await);
    }
    let streams = callers
        .iter()
        .map(|caller| caller.until_told(&cluster, &cluster.engines[0]));
    let streams = join_all(streams).await;
    let mut held = third.await.unwrap();
    ways.leave(&cluster.engines[0]);
    cluster.engines[0].crash();
    drop(streams);
    let again = callers
        .iter()
        .enumerate()
        .map(|(nth, caller)| caller.again(&cluster.engines[1 + nth % 2]));
    let meanwhile = async {
        let held = hold(Arc::clone(&ways), CALLS / 3..CALLS / 2, 8).await;
        let resumed = "SELECT call_id FROM call_events WHERE kind = 'stream-resumed'";
        cluster.until(resumed, |rows| rows.len() == AGAIN).await;
        // what it holds goes on, and it takes nothing new
        ways.leave(&cluster.engines[2]);
        cluster.engines[2].ask_to_stop();
        let rest = hold(Arc::clone(&ways), CALLS / 2..CALLS, 8).await;
        held.into_iter().chain(rest)
    };
    let (_, meanwhile) = tokio::join!(join_all(again), meanwhile);
    held.extend(meanwhile);
    let drained = cluster.engines[2].stopped(PATIENCE);
    assert_eq!(drained.code(), Some(0));

    let engine = &cluster.engines[1];
    let sids: BTreeSet<&str> = held.iter().map(|Held { sid, .. }| sid.as_str()).collect();
    assert_eq!(sids.len(), usize::try_from(CALLS).unwrap());
    let ended = "SELECT call_sid FROM calls WHERE call_sid IS NOT NULL AND state = 'ended' AND outcome IS NOT NULL";
    let all = sids.len() + AGAIN;
    until("all calls have their end", async || {
        let rows = cluster.rows(ended);
        (rows.len() == all).then_some(()).ok_or(rows.len())
    })
    .await;
    assert_eq!(cluster.rows("SELECT call_sid FROM calls WHERE call_sid IS NOT NULL GROUP BY call_sid HAVING COUNT(*) > 1"), [] as [String; 0]);
    for caller in &callers {
        let record = engine.record(&caller.sid).await.unwrap();
        assert_eq!(text(&record["call_id"]), caller.call);
        assert_eq!(record["outcome"], "transfer-decided", "{record:#}");
        assert_eq!(
            (said(&record, "greeting"), said(&record, "engine-resumed")),
            (1, 1),
            "{record:#}"
        );
    }
}
