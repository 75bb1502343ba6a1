//! The behaviour of every store with webhook messages, as part of the suite in `records.rs`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ghanti_model::{CallEvent, CallId, CallRecord, ChainHead, EventKind};
use ghanti_store::sql::{DEAD_KEPT_MS, UNKNOWN_KEPT_MS};
use ghanti_store::{CallRecords, Claimed, Message, Outbox, RecordGist, SqlRecords};

use super::Subject;
use super::common::{event, full_record};

/// The endpoint of all messages but those of which a test says otherwise.
const CRM: &str = "crm";
/// Later than any time at which a message of a test was written.
const LATER_MS: u64 = 4_000_000_000_000;
/// For how long a message is taken.
const CLAIM_MS: u64 = 40_000;

/// Writes a message for each change of an outcome, and one for each change of a state.
#[derive(Default)]
struct Changes {
    written: AtomicUsize,
    saved: AtomicUsize,
}

impl Outbox for Changes {
    fn messages(
        &self,
        before: &RecordGist,
        after: &CallRecord,
        _: &ChainHead,
        unix_ms: u64,
    ) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut write = |kind: &str| {
            let nth = self.written.fetch_add(1, Ordering::SeqCst);
            messages.push(Message {
                id: format!("msg_{}_{nth}", after.call_id),
                endpoint: CRM.to_owned(),
                kind: kind.to_owned(),
                body: format!("{kind} at {unix_ms}"),
            });
        };
        if before.state != after.state {
            write("state");
        }
        if before.outcome != after.outcome {
            write("outcome");
        }
        messages
    }

    fn saved(&self) {
        self.saved.fetch_add(1, Ordering::SeqCst);
    }
}

/// The events of a call that ends with an outcome: two messages.
fn ended(call: CallId, unix_ms: u64, outcome: &str) -> [Arc<CallEvent>; 2] {
    let outcome = outcome.to_owned();
    let hang_up = true;
    [
        Arc::new(event(
            call,
            unix_ms,
            EventKind::EngineEnded { outcome, hang_up },
        )),
        Arc::new(event(call, unix_ms + 1, EventKind::StreamClosed)),
    ]
}

async fn with_calls(records: SqlRecords, count: usize) -> (SqlRecords, Vec<CallId>) {
    let records = records.with_outbox(Arc::new(Changes::default()));
    let mut calls = Vec::new();
    for _ in 0..count {
        let call = CallId::generate();
        records.append(&ended(call, 5, "declined")).await.unwrap();
        calls.push(call);
    }
    (records, calls)
}

async fn claim(records: &SqlRecords, now_ms: u64, limit: u32) -> Vec<Claimed> {
    let claimed = records
        .claim_deliveries(CRM, now_ms, now_ms + CLAIM_MS, limit)
        .await;
    claimed.unwrap()
}

fn kinds(claimed: &[Claimed]) -> Vec<&str> {
    claimed
        .iter()
        .map(|message| message.kind.as_str())
        .collect()
}

pub(super) async fn messages_are_written_with_the_events_that_they_report_and_once(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    let outbox = Arc::new(Changes::default());
    let records = records.with_outbox(Arc::clone(&outbox) as _);
    let call = CallId::generate();
    let events = ended(call, 5, "declined");
    for _ in 0..2 {
        // again, as after an answer of the database that was lost
        records.append(&events).await.unwrap();
    }
    assert_eq!(outbox.saved.load(Ordering::SeqCst), 1);
    let reported = "SELECT CAST(COUNT(*) AS TEXT) FROM webhook_deliveries";
    assert_eq!(statements(reported), "2");
    // what an older engine has left is no news
    records.import(&full_record()).await.unwrap();
    assert_eq!(statements(reported), "2");
    // a late event of another node changes the record that is folded from all
    let late = event(
        call,
        4,
        EventKind::Problem {
            problem: ghanti_model::Problem {
                unix_ms: 4,
                name: "no-marks".to_owned(),
                detail: "no mark came back".to_owned(),
            },
            repeat: ghanti_model::event::Repeat::Always,
        },
    );
    records.append(&[Arc::new(late)]).await.unwrap();
    assert_eq!(statements(reported), "2");
    let claimed = claim(&records, LATER_MS, 10).await;
    assert_eq!(
        (kinds(&claimed), claimed[0].call_id),
        (vec!["state"], Some(call))
    );
    assert_eq!(claimed[0].body, "state at 6");
}

pub(super) async fn messages_that_cannot_be_written_keep_their_events_out_too(
    Subject {
        records,
        statements,
        ..
    }: Subject,
) {
    struct Twins;
    impl Outbox for Twins {
        fn messages(&self, _: &RecordGist, _: &CallRecord, _: &ChainHead, _: u64) -> Vec<Message> {
            let twin = Message {
                id: "msg_twin".to_owned(),
                endpoint: CRM.to_owned(),
                kind: "state".to_owned(),
                body: String::new(),
            };
            vec![twin.clone(), twin]
        }
        fn saved(&self) {}
    }
    let records = records.with_outbox(Arc::new(Twins));
    let call = CallId::generate();
    assert!(records.append(&ended(call, 5, "declined")).await.is_err());
    assert_eq!(
        statements("SELECT CAST(COUNT(*) AS TEXT) FROM call_events"),
        "0"
    );
    assert_eq!(
        statements("SELECT CAST(COUNT(*) AS TEXT) FROM webhook_deliveries"),
        "0"
    );
    assert_eq!(records.by_id(call).await.unwrap(), None);
}

pub(super) async fn messages_of_a_call_are_sent_one_after_another(
    Subject { records, .. }: Subject,
) {
    let (records, calls) = with_calls(records, 2).await;
    let now_ms = records.next_delivery(CRM).await.unwrap().unwrap() + 60_000;
    let first = claim(&records, now_ms, 10).await;
    assert_eq!(kinds(&first), ["state", "state"]);
    assert_eq!(claim(&records, now_ms, 10).await, []);
    records.delivered(&first[0], now_ms).await.unwrap();
    let second = claim(&records, now_ms, 10).await;
    assert_eq!(
        (kinds(&second), second[0].call_id),
        (vec!["outcome"], Some(calls[0]))
    );

    // one that failed is tried again when it is said, and those behind it wait
    records
        .failed(&first[1], "the receiver answered 500", now_ms + 5_000)
        .await
        .unwrap();
    assert_eq!(claim(&records, now_ms + 4_999, 10).await, []);
    let again = claim(&records, now_ms + 5_000, 10).await;
    assert_eq!(
        (again[0].id.as_str(), again[0].attempts, again.len()),
        (first[1].id.as_str(), 2, 1)
    );
    // what is written meanwhile waits too
    records
        .append(&ended(calls[1], 50, "disputed"))
        .await
        .unwrap();
    assert_eq!(claim(&records, now_ms + 5_000, 10).await, []);
    records.delivered(&again[0], now_ms + 5_001).await.unwrap();
    assert_eq!(
        kinds(&claim(&records, now_ms + 5_001, 10).await),
        ["outcome"]
    );
}

pub(super) async fn a_message_is_taken_by_one_node_until_its_time_is_over(
    Subject { records, .. }: Subject,
) {
    let (records, _) = with_calls(records, 30).await;
    let records = Arc::new(records);
    let takers = (0..8).map(|_| {
        let records = Arc::clone(&records);
        tokio::spawn(async move { claim(&records, LATER_MS, 5).await })
    });
    let mut taken = Vec::new();
    for taker in takers.collect::<Vec<_>>() {
        taken.extend(taker.await.unwrap());
    }
    taken.extend(claim(&records, LATER_MS, 100).await);
    let ids: BTreeSet<_> = taken.iter().map(|message| message.id.clone()).collect();
    assert_eq!((taken.len(), ids.len()), (30, 30));

    // the node that took it is gone
    let until_ms = LATER_MS + CLAIM_MS;
    assert_eq!(claim(&records, until_ms - 1, 100).await, []);
    let again = claim(&records, until_ms, 100).await;
    assert_eq!((again.len(), again[0].attempts), (30, 2));
    // or was only slow: what it reports then changes nothing
    let stale = taken
        .iter()
        .find(|message| message.id == again[0].id)
        .unwrap();
    records.delivered(stale, until_ms).await.unwrap();
    records
        .failed(stale, "no answer in time", until_ms)
        .await
        .unwrap();
    records
        .give_up(stale, "no answer in time", until_ms)
        .await
        .unwrap();
    assert_eq!(claim(&records, until_ms, 100).await, []);
    assert_eq!(records.dead_letters(None, 10).await.unwrap(), []);
    records.delivered(&again[0], until_ms).await.unwrap();
    assert_eq!(kinds(&claim(&records, until_ms, 100).await), ["outcome"]);
}

pub(super) async fn a_message_that_is_given_up_is_kept_and_lets_the_next_one_go(
    Subject { records, .. }: Subject,
) {
    let (records, calls) = with_calls(records, 1).await;
    let [first] = &claim(&records, LATER_MS, 10).await[..] else {
        panic!("one message");
    };
    records
        .give_up(first, &"x".repeat(5_000), LATER_MS)
        .await
        .unwrap();
    let [dead] = &records.dead_letters(None, 10).await.unwrap()[..] else {
        panic!("one dead letter");
    };
    assert_eq!(
        (
            &dead.id,
            &dead.call_id,
            dead.attempts,
            dead.dead_ms,
            dead.error.len()
        ),
        (&first.id, &calls[0].to_string(), 1, LATER_MS, 300)
    );
    let backlog = &records.backlog().await.unwrap()[0];
    assert_eq!(
        (backlog.endpoint.as_str(), backlog.waiting, backlog.dead),
        (CRM, 1, 1)
    );
    let next = claim(&records, LATER_MS, 10).await;
    assert_eq!(kinds(&next), ["outcome"]);
    records.delivered(&next[0], LATER_MS).await.unwrap();

    assert!(!records.revive("msg_other", LATER_MS).await.unwrap());
    assert!(records.revive(&first.id, LATER_MS).await.unwrap());
    assert!(!records.revive(&first.id, LATER_MS).await.unwrap());
    let again = claim(&records, LATER_MS, 10).await;
    assert_eq!(
        (kinds(&again), again[0].attempts, &again[0].id),
        (vec!["state"], 1, &first.id)
    );
}

pub(super) async fn what_nobody_wants_any_more_is_given_up_and_forgotten(
    Subject { records, .. }: Subject,
) {
    let (records, _) = with_calls(records, 1).await;
    let now_ms = records.next_delivery(CRM).await.unwrap().unwrap();
    let (known, others) = ([CRM.to_owned()], ["other".to_owned()]);
    for known in [&known, &others] {
        records
            .tidy_deliveries(known, now_ms + UNKNOWN_KEPT_MS)
            .await
            .unwrap();
        assert_eq!(records.dead_letters(None, 10).await.unwrap(), []);
    }
    let day_ms = now_ms + UNKNOWN_KEPT_MS + 60_000;
    records.tidy_deliveries(&known, day_ms).await.unwrap();
    assert_eq!(records.dead_letters(None, 10).await.unwrap(), []);
    records.tidy_deliveries(&others, day_ms).await.unwrap();
    let dead = records.dead_letters(None, 10).await.unwrap();
    assert_eq!(dead.len(), 2);
    assert!(dead[0].error.contains("[webhooks.crm]"), "{dead:?}");
    records
        .tidy_deliveries(&known, day_ms + DEAD_KEPT_MS)
        .await
        .unwrap();
    assert_eq!(records.dead_letters(None, 10).await.unwrap().len(), 2);
    records
        .tidy_deliveries(&known, day_ms + DEAD_KEPT_MS + 1)
        .await
        .unwrap();
    assert_eq!(records.dead_letters(None, 10).await.unwrap(), []);
}

/// When one message is delivered the next one of its call may be taken, at that moment and once.
pub(super) async fn messages_that_follow_each_other_are_taken_once(
    Subject { records, .. }: Subject,
) {
    const OUTCOMES: u64 = 5;
    let (records, calls) = with_calls(records, 6).await;
    for call in &calls {
        for nth in 0..OUTCOMES {
            let outcome = format!("outcome-{nth}");
            let events = ended(*call, 100 + nth * 10, &outcome);
            records.append(&events).await.unwrap();
        }
    }
    let expected = calls.len() * (2 + usize::try_from(OUTCOMES).unwrap());
    let (records, taken) = (Arc::new(records), Arc::new(Mutex::new(Vec::new())));
    let takers = (0..4).map(|_| {
        let (records, taken) = (Arc::clone(&records), Arc::clone(&taken));
        tokio::spawn(async move {
            while taken.lock().unwrap().len() < expected {
                for message in claim(&records, LATER_MS, 2).await {
                    taken.lock().unwrap().push(message.id.clone());
                    records.delivered(&message, LATER_MS).await.unwrap();
                }
                tokio::task::yield_now().await;
            }
        })
    });
    for taker in takers.collect::<Vec<_>>() {
        taker.await.unwrap();
    }
    let taken = taken.lock().unwrap().clone();
    let ids: BTreeSet<_> = taken.iter().collect();
    assert_eq!((taken.len(), ids.len()), (expected, expected));
}
