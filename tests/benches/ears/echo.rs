//! The bot's own voice on the line: it interrupts nothing and answers nothing, and a caller who
//! speaks over it is heard.

use std::sync::Arc;

use ghanti_sim::room::{Line, Room};
use ghanti_sim::voice::Voice;
use tokio::runtime::Runtime;

use crate::caller;
use crate::corpus::Sentence;
use crate::line::{self, Conditions, When};
use crate::report::{Report, percent, quantiles};
use crate::{hearer, question};

const ECHO_DB: [f32; 5] = [-6.0, -12.0, -20.0, -30.0, -45.0];
const ECHO_MS: [u32; 5] = [0, 50, 150, 300, 500];
/// What the bot says; words of the question's own choices are among them.
const BOT: [&str; 2] = [
    "Hello, this is Asha from Sahyadri Finance. This call may be recorded. Am I speaking with Priya Sharma? Please say yes or no.",
    "Would you like to speak to one of our agents about this? You can say yes, no, agent, or repeat.",
];
/// When the caller speaks over it.
const INTO_MS: u64 = 2_000;
const INTERRUPTIONS: [&str; 4] = ["wrong number", "stop", "call me later", "talk to an agent"];

/// Plays the echoes.
pub fn run(runtime: &Runtime, report: &mut Report) {
    eprintln!("bench: echo ...");
    let mut rows = Vec::new();
    for db in ECHO_DB {
        let mut lines = Vec::new();
        for ms in ECHO_MS {
            for words in BOT {
                lines.push(conditions(runtime, db, ms, words));
            }
        }
        let alone = hearer::each(&lines, |hearer, line| {
            line::put(hearer, line, question::transfer(), 0, When::Into(0), &[])
        });
        let interrupted = alone
            .iter()
            .filter(|outcome| outcome.stopped_after_ms.is_some())
            .count();
        let answered = alone
            .iter()
            .filter(|outcome| outcome.reply != "no-input")
            .count();
        let items: Vec<_> = lines
            .iter()
            .flat_map(|line| INTERRUPTIONS.iter().map(move |words| (line, *words)))
            .enumerate()
            .collect();
        let over = hearer::each(&items, |hearer, (index, (line, words))| {
            let sentence = Sentence::plain("interruption", words);
            let voice = caller::all_voices(sentence.language)[index % 4];
            let clip = caller::says(voice, &sentence);
            line::put(
                hearer,
                line,
                question::transfer(),
                0,
                When::Into(INTO_MS),
                &clip,
            )
        });
        for (outcome, (_, (_, words))) in over.iter().zip(&items) {
            let stopped = outcome
                .stopped_after_ms
                .map_or("-".to_owned(), |ms| ms.to_string());
            report.rows(
                "echo",
                &format!(
                    "{db}\t{words}\t{stopped}\t{}\t{}",
                    outcome.reply,
                    outcome.transcript()
                ),
            );
        }
        let stopped: Vec<i64> = over
            .iter()
            .filter_map(|outcome| outcome.stopped_after_ms)
            .collect();
        let mut cells = vec![
            format!("{db} dB"),
            percent(interrupted, lines.len()),
            percent(answered, lines.len()),
            percent(stopped.len(), over.len()),
        ];
        cells.extend(quantiles(stopped));
        rows.push(cells);
    }
    report.table(
        "The bot's echo, 0 to 500 ms late",
        &[
            "echo",
            "interrupts the bot",
            "is an answer",
            "a caller's words stop the bot",
            "after ms: p50",
            "p90",
            "p99",
        ],
        &rows,
    );
}

fn conditions(runtime: &Runtime, db: f32, ms: u32, words: &str) -> Conditions {
    let line = Line {
        echo_db: Some(db),
        echo_ms: ms,
        ..Line::default()
    };
    let voice = Voice::Espeak("en-gb".to_owned());
    let question: Arc<[i16]> = runtime
        .block_on(voice.speak(words, caller::RATE_HZ))
        .unwrap();
    Conditions {
        room: runtime.block_on(Room::new(&line, caller::RATE_HZ)).unwrap(),
        question: Some(question),
        ..Conditions::default()
    }
}
