//! The handover of a running call's journal to another version.

use ghanti_journal::{Clock, Closed, Outcome, SharedJournal};
use ghanti_model::journal::FORMAT;
use ghanti_model::{CallError, CallId, FlowName, Function, JournalHeader, VersionId};
use serde_json::{Value as Json, json};

use crate::Handover;

struct Watch(u64);

impl Clock for Watch {
    fn unix_ms(&mut self) -> u64 {
        self.0
    }
}

fn header() -> JournalHeader {
    JournalHeader {
        format: FORMAT,
        call_id: CallId::parse("0190a1b2-0000-7000-8000-000000000001").unwrap(),
        flow: FlowName::parse("emi").unwrap(),
        version: VersionId::parse("ab").unwrap(),
        seed: 7,
        began_ms: None,
    }
}

fn text(words: &str) -> Json {
    json!({ "content": { "kind": "text", "value": words } })
}

async fn put(
    journal: &SharedJournal,
    function: Function,
    words: &str,
    waits: bool,
) -> Result<Outcome<u32>, Closed> {
    journal
        .call(&mut Watch(2_000), function, text(words), move |_| {
            Box::pin(async move {
                if waits {
                    std::future::pending().await
                } else {
                    Outcome::Ok(1)
                }
            })
        })
        .await
}

/// A journal in which two prompts were said and whose flow is waiting to say a third. The wait
/// never ends.
async fn waiting() -> SharedJournal {
    let journal = SharedJournal::live(header());
    put(&journal, Function::Say, "you owe ₹500", false)
        .await
        .unwrap();
    put(&journal, Function::Say, "now", false).await.unwrap();
    let waits = put(&journal, Function::Say, "goodbye", true);
    assert!(futures_util::poll!(Box::pin(waits)).is_pending());
    journal
}

fn newer() -> VersionId {
    VersionId::parse("cd").unwrap()
}

#[tokio::test]
async fn a_successor_repeats_what_was_said_in_other_words_and_goes_on_where_the_other_waits() {
    let journal = waiting().await;
    let successor = Handover::begin(&journal, newer()).unwrap();
    assert!(!successor.complete(&journal), "it is not there yet");
    put(
        successor.journal(),
        Function::Say,
        "you have Rs. 500 to pay",
        false,
    )
    .await
    .unwrap();
    put(successor.journal(), Function::Say, "now", false)
        .await
        .unwrap();
    let mut waits = Box::pin(put(successor.journal(), Function::Say, "bye", true));
    assert!(futures_util::poll!(&mut waits).is_pending());
    assert!(
        successor.journal().is_replay()
            && successor.complete(&journal)
            && !successor.journal().is_replay()
    );
    drop(waits);
    let taken = successor.journal().snapshot();
    assert_eq!(
        taken.entries,
        journal.snapshot().entries,
        "what was spoken is kept as it was spoken"
    );
    assert_eq!(taken.header.version, newer());
}

#[tokio::test]
async fn a_successor_that_does_something_else_is_reported_with_both_sides() {
    let journal = waiting().await;
    for (first, third, reported) in [
        (
            "you owe ₹600",
            "goodbye",
            "entry 1 (amounts): expected say text ‹12 characters›, got say text ‹12 characters› with another `content.value`",
        ),
        (
            "you owe ₹500",
            "goodbye at 7",
            "entry 3 (amounts): expected say text ‹7 characters›, got say text ‹12 characters›",
        ),
    ] {
        let successor = Handover::begin(&journal, newer()).unwrap();
        let mut said = Vec::new();
        for words in [first, "now", third] {
            said.push(
                put(successor.journal(), Function::Say, words, false)
                    .await
                    .is_ok(),
            );
        }
        assert!(said.contains(&false));
        assert_eq!(successor.refusal().to_string(), reported);
        assert!(!successor.complete(&journal));
    }
    let ended = Handover::begin(&journal, newer()).unwrap();
    put(ended.journal(), Function::Say, "you owe ₹500", false)
        .await
        .unwrap();
    assert_eq!(
        ended.refusal().to_string(),
        "entry 2 (structure): expected say text ‹3 characters›, got the end"
    );
}

#[tokio::test]
async fn a_successor_whose_own_rules_answer_where_the_call_waits_does_not_take_over() {
    let journal = waiting().await;
    let successor = Handover::begin(&journal, newer()).unwrap();
    put(successor.journal(), Function::Say, "you owe ₹500", false)
        .await
        .unwrap();
    put(successor.journal(), Function::Say, "now", false)
        .await
        .unwrap();
    let answer: Result<Outcome<u32>, Closed> = successor
        .journal()
        .call(&mut Watch(0), Function::Say, text("goodbye"), |_| {
            Box::pin(async { Outcome::Err(CallError::Invalid("no such template".to_owned())) })
        })
        .await;
    assert!(answer.is_err());
    assert!(
        successor
            .refusal()
            .to_string()
            .contains("this version refuses it"),
        "{:?}",
        successor.refusal()
    );
    assert!(!successor.complete(&journal));
}

#[tokio::test]
async fn a_successor_comes_too_late_when_the_call_has_gone_on_and_there_is_none_where_nothing_waits()
 {
    let journal = waiting().await;
    let successor = Handover::begin(&journal, newer()).unwrap();
    for words in ["you owe ₹500", "now"] {
        put(successor.journal(), Function::Say, words, false)
            .await
            .unwrap();
    }
    let mut waits = Box::pin(put(successor.journal(), Function::Say, "goodbye", true));
    assert!(futures_util::poll!(&mut waits).is_pending());
    put(&journal, Function::Say, "goodbye", false)
        .await
        .unwrap();
    assert!(!successor.complete(&journal));
    assert!(Handover::begin(&journal, newer()).is_none());
}
