//! Who answers, and what is understood: people's sentences by four voices that are not the bot's,
//! heard by the real recogniser, answered by the session's machine in virtual time.
//!
//! What is heard does not depend on how busy the machine is. Clips are made once and kept in the
//! build folder. For the whole table, every sentence in all four voices:
//! `GHANTI_ANSWERS=/tmp/answers.tsv cargo test --release -p ghanti-tests --test answers`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bot;
mod caller;
mod corpus;
mod hearer;
mod line;
mod question;
mod table;

use std::path::PathBuf;

use corpus::{Sentence, sentences};
use ghanti_model::Extent;
use ghanti_session::Asked;
use ghanti_sim::room::{Line, Room};
use line::Conditions;
use line::When;
use table::Row;

const IDENTITY: &str = include_str!("identity.toml");
const TRANSFER: &str = include_str!("transfer.toml");
/// The questions' prompts are heard to their end before the caller speaks: how long they are does
/// not matter.
const SHORT_MS: u32 = 800;
/// As long as the greeting, with the lender's and the customer's names.
const GREETING_MS: u32 = 7_000;
/// "Would you like to speak to one of our agents about this?"
const QUESTION_MS: u32 = 4_000;
/// People answer about so long after a question.
const ANSWERS_AFTER: When = When::After(300);
/// Of so many answers that are a yes …
const OF_YES: usize = 30;
/// … as many are understood at the identity question, where nothing may be guessed,
const UNDERSTOOD: usize = 28;
/// and as many at the transfer question.
const UNDERSTOOD_TRANSFER: usize = 26;
/// Beside people who talk, 25 dB quieter than the caller.
const TELEVISION_DBFS: f32 = -45.0;
const UNDERSTOOD_TELEVISION: usize = 24;
/// White noise, 20 and 10 dB below the caller's voice.
const UNDERSTOOD_NOISE: [(f32, usize); 2] = [(-40.0, 24), (-30.0, 18)];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Sentences for a test of its own, which mean no answer.
fn plain(kind: &str, words: &[&str]) -> Vec<Sentence> {
    words
        .iter()
        .map(|words| Sentence::plain(kind, words))
        .collect()
}

/// The sentences that are a yes to the identity question.
fn customers() -> Vec<Sentence> {
    sentences(IDENTITY)
        .into_iter()
        .filter(|sentence| sentence.means_any(&["yes"]))
        .collect()
}

/// What the customer says at the identity question, each sentence by one voice.
fn customers_in(conditions: &Conditions) -> Vec<Row> {
    let one_voice: Vec<Sentence> = customers()
        .into_iter()
        .map(|sentence| Sentence {
            voices: 1,
            ..sentence
        })
        .collect();
    answered_in(
        conditions,
        &one_voice,
        question::identity,
        SHORT_MS,
        ANSWERS_AFTER,
    )
}

/// Has every sentence said by each of its voices, on all hearers.
fn answered(
    sentences: &[Sentence],
    question: fn() -> Asked,
    prompt_ms: u32,
    when: When,
) -> Vec<Row> {
    answered_in(&Conditions::default(), sentences, question, prompt_ms, when)
}

/// The same with callers who are in a room that is heard as well.
fn answered_in(
    conditions: &Conditions,
    sentences: &[Sentence],
    question: fn() -> Asked,
    prompt_ms: u32,
    when: When,
) -> Vec<Row> {
    let each = |(index, sentence)| {
        caller::voices(sentence, index).map(move |voice| (sentence.clone(), voice))
    };
    let items: Vec<(Sentence, &'static str)> =
        sentences.iter().enumerate().flat_map(each).collect();
    hearer::each(&items, |hearer, (sentence, voice)| Row {
        sentence: sentence.clone(),
        voice,
        outcome: line::put(
            hearer,
            conditions,
            question(),
            prompt_ms,
            when,
            &caller::says(voice, sentence),
        ),
    })
}

/// Of the rows whose sentence means one of the choices, and has to be understood, so many of 30
/// are.
fn assert_understood(rows: &[Row], choices: &[&str], of_30: usize) {
    let meant: Vec<&Row> = rows
        .iter()
        .filter(|row| row.sentence.required && row.sentence.means_any(choices))
        .collect();
    let missed: Vec<&Row> = meant
        .iter()
        .copied()
        .filter(|row| !row.is_right())
        .collect();
    let understood = meant.len() - missed.len();
    assert!(
        understood * OF_YES >= meant.len() * of_30,
        "understood {understood} of {}, missed:\n{}",
        meant.len(),
        table::shown(missed)
    );
}

/// No row whose sentence means something else has one of the choices for its answer.
fn assert_never(rows: &[Row], choices: &[&str]) {
    let taken = |row: &&Row| {
        choices.contains(&row.outcome.reply.as_str()) && !row.sentence.means_any(choices)
    };
    let taken: Vec<&Row> = rows.iter().filter(taken).collect();
    let all = rows
        .iter()
        .filter(|row| !row.sentence.means_any(choices))
        .count();
    assert!(
        taken.is_empty(),
        "taken for {choices:?}: {} of {all}\n{}\n{}",
        taken.len(),
        table::shown(taken.iter().copied()),
        table::counts(rows)
    );
}

/// The question was heard to its end, whatever was said meanwhile.
fn assert_heard_whole(rows: &[Row]) {
    let cut: Vec<&Row> = rows
        .iter()
        .filter(|row| row.outcome.question != Some(Extent::Whole))
        .collect();
    assert!(
        cut.is_empty(),
        "the question is cut in {} of {}:\n{}",
        cut.len(),
        rows.len(),
        table::shown(cut.iter().copied())
    );
}

#[test]
fn nobody_but_the_customer_is_taken_for_the_customer() {
    let strangers: Vec<Sentence> = sentences(IDENTITY)
        .into_iter()
        .filter(|sentence| !sentence.means_any(&["yes"]))
        .collect();
    let rows = answered(&strangers, question::identity, SHORT_MS, ANSWERS_AFTER);
    table::keep("identity", &rows);
    assert_never(&rows, &["yes"]);
}

#[test]
fn the_customer_is_understood() {
    let rows = answered(&customers(), question::identity, SHORT_MS, ANSWERS_AFTER);
    table::keep("identity", &rows);
    assert_understood(&rows, &["yes"], UNDERSTOOD);
}

#[tokio::test]
async fn the_customer_is_understood_beside_a_television() {
    let line = Line {
        background_dbfs: Some(TELEVISION_DBFS),
        ..Line::default()
    };
    let conditions = Conditions {
        room: Room::new(&line, caller::RATE_HZ).await.unwrap(),
        ..Conditions::default()
    };
    let rows = customers_in(&conditions);
    table::keep("television", &rows);
    assert_understood(&rows, &["yes"], UNDERSTOOD_TELEVISION);
}

#[test]
fn the_customer_is_understood_on_a_noisy_line() {
    for (dbfs, of_30) in UNDERSTOOD_NOISE {
        let conditions = Conditions {
            noise_dbfs: Some(dbfs),
            ..Conditions::default()
        };
        let rows = customers_in(&conditions);
        table::keep("noise", &rows);
        assert_understood(&rows, &["yes"], of_30);
        let refuses = |row: &&Row| row.outcome.reply == "no";
        assert_eq!(rows.iter().filter(refuses).count(), 0, "{dbfs} dBFS");
    }
}

#[test]
fn nobody_is_connected_to_an_agent_who_has_not_said_so() {
    let rows = answered(
        &sentences(TRANSFER),
        question::transfer,
        SHORT_MS,
        ANSWERS_AFTER,
    );
    table::keep("transfer", &rows);
    assert_never(&rows, &["yes", "agent"]);
    assert_understood(&rows, &["yes", "agent"], UNDERSTOOD_TRANSFER);
}

#[test]
fn what_is_said_before_the_name_was_heard_establishes_nothing_and_the_greeting_is_heard_whole() {
    let cases = [
        (
            300,
            plain(
                "early",
                &[
                    "yes",
                    "okay",
                    "yes tell me",
                    "haan jee",
                    "hello",
                    "hello hello",
                ],
            ),
        ),
        (1_500, plain("early", &["yes", "yeah", "hello"])),
        (2_500, plain("early", &["okay", "hmm", "alright", "yes"])),
    ];
    let mut rows = Vec::new();
    for (into_ms, sentences) in cases {
        rows.extend(answered(
            &sentences,
            question::identity,
            GREETING_MS,
            When::Into(into_ms),
        ));
    }
    table::keep("early", &rows);
    assert_never(&rows, &["yes", "no", "later", "wrong-person"]);
    assert_heard_whole(&rows);
}

#[test]
fn a_yes_to_the_disclosure_is_no_answer_to_the_question_after_it() {
    let mut rows = Vec::new();
    for before_ms in [300, 200, 100] {
        let when = When::BeforeEndOfDisclosure(before_ms);
        rows.extend(answered(
            &plain("to-the-disclosure", &["yes", "okay", "yes yes"]),
            question::transfer,
            QUESTION_MS,
            when,
        ));
    }
    table::keep("disclosure", &rows);
    assert_never(&rows, &["yes", "agent", "no"]);
    assert_heard_whole(&rows);
}
