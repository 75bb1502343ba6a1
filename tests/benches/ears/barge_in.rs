//! Prompts that the caller's voice pauses, and prompts that nobody speaks over: how soon the bot is
//! silent, and whether it is chopped by what is no caller.

use std::sync::Arc;

use ghanti_model::Extent;
use ghanti_sim::room::{Line, Room};
use ghanti_sim::voice::Voice;
use tokio::runtime::Runtime;

use crate::caller;
use crate::corpus::Sentence;
use crate::line::{self, Conditions, Outcome, When};
use crate::report::{Report, percent, quantiles};
use crate::{answers, hearer, question};

/// What the bot says, in three parts.
const BOT: &str = "Hello, this is Asha from Sahyadri Finance. This call may be recorded. \
    I am calling about something that only the right person may hear, and it will take a minute. \
    Am I speaking with Priya Sharma?";
const INTO_MS: [u64; 4] = [1_000, 2_300, 3_700, 5_200];
/// What stops the question at any moment.
const STOPPING: [&str; 6] = [
    "wrong number",
    "stop",
    "call me later",
    "talk to an agent",
    "agent",
    "don't call me",
];
/// What is no answer to a question that was not heard.
const PASSING: [&str; 6] = ["hello", "okay", "who is it", "yes", "haan jee", "tell me"];
/// How many lines with the same background, each heard from another moment on.
const MOMENTS: u64 = 8;

/// Plays them.
pub fn run(runtime: &Runtime, report: &mut Report) {
    eprintln!("bench: barge-in ...");
    let voice = Voice::Espeak("en-gb".to_owned());
    let question: Arc<[i16]> = runtime.block_on(voice.speak(BOT, caller::RATE_HZ)).unwrap();
    let prompt_ms = question.len() as u64 * 1_000 / u64::from(caller::RATE_HZ);
    let mut lines: Vec<(String, Conditions)> = answers::lines(runtime)
        .into_iter()
        .map(|(name, conditions)| (name.to_owned(), conditions))
        .collect();
    for (db, ms) in [(-12.0, 0), (-20.0, 150), (-30.0, 300), (-45.0, 500)] {
        let line = Line {
            echo_db: Some(db),
            echo_ms: ms,
            ..Line::default()
        };
        let room = runtime.block_on(Room::new(&line, caller::RATE_HZ)).unwrap();
        let conditions = Conditions {
            room,
            ..Conditions::default()
        };
        lines.push((format!("echo {db} dB, {ms} ms"), conditions));
    }
    let (mut alone, mut over) = (Vec::new(), Vec::new());
    for (name, conditions) in lines {
        let conditions = Conditions {
            question: Some(Arc::clone(&question)),
            ..conditions
        };
        alone.push(nobody(&name, &conditions, prompt_ms, report));
        for (kind, words) in [("stops", STOPPING), ("is nothing", PASSING)] {
            over.push(spoken_over(
                &name,
                kind,
                &words,
                &conditions,
                prompt_ms,
                report,
            ));
        }
    }
    report.table(
        "A greeting that nobody speaks over",
        &[
            "line",
            "paused",
            "cut",
            "takes longer by ms: p50",
            "p90",
            "p99",
        ],
        &alone,
    );
    report.table(
        "Words over the greeting",
        &[
            "line",
            "what is said",
            "silences the bot",
            "after ms: p50",
            "p90",
            "p99",
            "the greeting is cut",
            "takes longer by ms: p50",
            "p90",
            "p99",
        ],
        &over,
    );
}

fn nobody(name: &str, conditions: &Conditions, prompt_ms: u64, report: &mut Report) -> Vec<String> {
    let moments: Vec<Conditions> = (0..MOMENTS)
        .map(|nth| {
            let mut conditions = conditions.clone();
            // the people in the background are at another point of what they say
            let mut passed = vec![0; caller::samples(nth as u32 * 1_700)];
            conditions.room.fill(&[], &mut passed);
            conditions
        })
        .collect();
    let outcomes = hearer::each(&moments, |hearer, conditions| {
        line::put(
            hearer,
            conditions,
            question::identity(),
            0,
            When::Into(0),
            &[],
        )
    });
    for (outcome, nth) in outcomes.iter().zip(0..) {
        report.rows(
            "nobody",
            &format!(
                "{name}\t{nth}\t{}\t{:?}\t{}\t{}",
                outcome.pauses,
                outcome.question,
                outcome.reply,
                outcome.transcript()
            ),
        );
    }
    let paused = outcomes.iter().filter(|outcome| outcome.pauses > 0).count();
    let mut cells = vec![
        name.to_owned(),
        percent(paused, outcomes.len()),
        percent(cut(&outcomes), outcomes.len()),
    ];
    cells.extend(quantiles(later(&outcomes, prompt_ms)));
    cells
}

fn spoken_over(
    name: &str,
    kind: &str,
    words: &[&str],
    conditions: &Conditions,
    prompt_ms: u64,
    report: &mut Report,
) -> Vec<String> {
    let items: Vec<_> = words
        .iter()
        .flat_map(|words| INTO_MS.map(|into_ms| (*words, into_ms)))
        .enumerate()
        .collect();
    let outcomes = hearer::each(&items, |hearer, (index, (words, into_ms))| {
        let sentence = Sentence::plain("interruption", words);
        let voice = caller::all_voices(sentence.language)[index % 4];
        line::put(
            hearer,
            conditions,
            question::identity(),
            0,
            When::Into(*into_ms),
            &caller::says(voice, &sentence),
        )
    });
    for (outcome, (_, (words, into_ms))) in outcomes.iter().zip(&items) {
        report.rows(
            "barge-in",
            &format!(
                "{name}\t{words}\t{into_ms}\t{:?}\t{}\t{:?}\t{}\t{}",
                outcome.stopped_after_ms,
                outcome.pauses,
                outcome.question,
                outcome.reply,
                outcome.transcript()
            ),
        );
    }
    let stopped: Vec<i64> = outcomes
        .iter()
        .filter_map(|outcome| outcome.stopped_after_ms)
        .collect();
    let mut cells = vec![
        name.to_owned(),
        kind.to_owned(),
        percent(stopped.len(), outcomes.len()),
    ];
    cells.extend(quantiles(stopped));
    cells.push(percent(cut(&outcomes), outcomes.len()));
    cells.extend(quantiles(later(&outcomes, prompt_ms)));
    cells
}

fn cut(outcomes: &[Outcome]) -> usize {
    outcomes
        .iter()
        .filter(|outcome| outcome.question != Some(Extent::Whole))
        .count()
}

/// How much longer the greeting took than its own length, where it was heard whole.
fn later(outcomes: &[Outcome], prompt_ms: u64) -> Vec<i64> {
    outcomes
        .iter()
        .filter(|outcome| outcome.question == Some(Extent::Whole))
        .filter_map(|outcome| outcome.question_took_ms)
        .map(|took_ms| took_ms as i64 - prompt_ms as i64)
        .collect()
}
