//! The journal by itself: entries, answers from a source, sizes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use ghanti_model::journal::FORMAT;
use ghanti_model::{CallId, FlowName, Function, Journal, JournalEntry, JournalHeader, VersionId};
use serde_json::{Value as Json, json};

use crate::{AnswerSource, BYTES_MAX, Clock, Closed, Divergence, Next, SharedJournal, Side};

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

async fn say(journal: &SharedJournal, watch: &mut Watch, text: &str) -> Result<u32, Closed> {
    journal
        .call(watch, Function::Say, json!(text), |watch| {
            Box::pin(async move { std::mem::replace(&mut watch.0, 1_250) as u32 })
        })
        .await
}

/// A record that is to be repeated entry by entry.
#[derive(Debug)]
struct Record(VecDeque<JournalEntry>);

impl AnswerSource for Record {
    fn next(&mut self, seq: u32, function: Function, arguments: &Json) -> Result<Next, Closed> {
        match self.0.pop_front() {
            Some(entry) if entry.function == function && entry.arguments == *arguments => {
                Ok(Next::Record(entry))
            }
            entry => Err(Closed::Diverged(Divergence {
                seq,
                expected: entry.as_ref().map(Side::of),
                got: Some(Side {
                    function,
                    arguments: arguments.clone(),
                }),
            })),
        }
    }

    fn divergence(&self) -> Option<Divergence> {
        self.0.front().map(|entry| Divergence {
            seq: entry.seq,
            expected: Some(Side::of(entry)),
            got: None,
        })
    }
}

fn repeating(recorded: Journal) -> SharedJournal {
    let source = Record(recorded.entries.into());
    SharedJournal::from_source(recorded.header, Arc::new(Mutex::new(source)))
}

#[tokio::test]
async fn an_entry_shows_when_it_was_called_and_how_long_it_took() {
    let journal = SharedJournal::live(header());
    let mut watch = Watch(1_000);
    say(&journal, &mut watch, "a").await.unwrap();
    say(&journal, &mut watch, "b").await.unwrap();
    let entries = journal.snapshot().entries;
    assert_eq!(
        (entries[0].seq, entries[0].at_ms, entries[0].took_ms),
        (1, 0, 250)
    );
    assert_eq!(
        (entries[1].seq, entries[1].at_ms, entries[1].took_ms),
        (2, 250, 0)
    );
    assert_eq!(entries[1].answer, json!(1_250));
}

#[tokio::test]
async fn a_replay_answers_from_the_record_without_asking_the_world() {
    let journal = SharedJournal::live(header());
    let first = say(&journal, &mut Watch(1_000), "a").await.unwrap();
    let again = repeating(journal.snapshot());
    assert_eq!(say(&again, &mut Watch(77), "a").await, Ok(first));
    assert_eq!(again.snapshot(), journal.snapshot());
    assert_eq!(again.divergence(), None);
}

#[tokio::test]
async fn the_first_difference_is_reported_with_both_sides() {
    let journal = SharedJournal::live(header());
    say(&journal, &mut Watch(1_000), "a").await.unwrap();
    say(&journal, &mut Watch(1_000), "b").await.unwrap();
    let again = repeating(journal.snapshot());
    say(&again, &mut Watch(0), "a").await.unwrap();
    let reported = say(&again, &mut Watch(0), "c").await.unwrap_err();
    let expected = Some(Side {
        function: Function::Say,
        arguments: json!("b"),
    });
    let got = Some(Side {
        function: Function::Say,
        arguments: json!("c"),
    });
    assert_eq!(
        reported,
        Closed::Diverged(Divergence {
            seq: 2,
            expected,
            got
        })
    );
}

#[tokio::test]
async fn a_replay_that_ends_early_differs_too() {
    let journal = SharedJournal::live(header());
    say(&journal, &mut Watch(1_000), "a").await.unwrap();
    let again = repeating(journal.snapshot());
    let difference = again.divergence().unwrap();
    assert_eq!((difference.seq, difference.got), (1, None));
}

#[tokio::test]
async fn a_full_journal_closes() {
    let journal = SharedJournal::live(header());
    let long = "x".repeat(4_000);
    let mut calls = 0;
    while say(&journal, &mut Watch(0), &long).await.is_ok() {
        calls += 1;
    }
    assert!((1_000..=BYTES_MAX / 4_000).contains(&calls), "{calls}");
    assert_eq!(journal.len(), calls);
}
