//! Sentences after the question was heard: whether they are understood, and how soon they are
//! answered.

use ghanti_session::Asked;
use ghanti_sim::room::{Line, Room};
use ghanti_sim::voice::Voice;
use tokio::runtime::Runtime;

use crate::caller;
use crate::corpus::{Sentence, sentences};
use crate::line::{self, Conditions, When};
use crate::report::{Report, percent, quantiles};
use crate::table::{self, Row};
use crate::{IDENTITY, TRANSFER, hearer, question};

/// The callers' level on the line, in dBFS.
const CALLER_DBFS: f32 = -20.0;
/// The question's own length does not matter.
const PROMPT_MS: u32 = 800;
const ANSWERS_AFTER: When = When::After(300);

/// Of all sentences in all voices, each so manieth is played. One that shares no factor with the number
/// of voices has all voices in it.
const EVERY: &str = "GHANTI_EARS_EVERY";

/// What else a line may be, by the name of its section.
pub fn lines(runtime: &Runtime) -> Vec<(&'static str, Conditions)> {
    let voice = Voice::Espeak("en-gb".to_owned());
    let question = voice.speak("Am I speaking with Priya Sharma?", caller::RATE_HZ);
    let clean = Conditions {
        question: Some(runtime.block_on(question).unwrap()),
        ..Conditions::default()
    };
    let noise = |snr_db: f32| Conditions {
        noise_dbfs: Some(CALLER_DBFS - snr_db),
        ..clean.clone()
    };
    let babble = |snr_db: f32| Conditions {
        room: runtime
            .block_on(Room::new(
                &Line {
                    background_dbfs: Some(CALLER_DBFS - snr_db),
                    ..Line::default()
                },
                caller::RATE_HZ,
            ))
            .unwrap(),
        ..clean.clone()
    };
    vec![
        (
            "quiet",
            Conditions {
                gain_db: -20.0,
                ..clean.clone()
            },
        ),
        (
            "loss",
            Conditions {
                lost_in_1000: 50,
                ..clean.clone()
            },
        ),
        ("clean", clean.clone()),
        ("noise-20", noise(20.0)),
        ("noise-10", noise(10.0)),
        ("babble-20", babble(20.0)),
        ("television", babble(15.0)),
        ("babble-10", babble(10.0)),
    ]
}

/// Of one line.
struct Counts {
    section: &'static str,
    rows: Vec<(&'static str, Row)>,
}

/// Plays the sections that are wanted.
pub fn run(runtime: &Runtime, report: &mut Report, wanted: impl Fn(&str) -> bool) {
    let mut all = Vec::new();
    for (section, conditions) in lines(runtime) {
        if !wanted(section) {
            continue;
        }
        eprintln!("bench: {section} ...");
        let mut rows = Vec::new();
        for (name, file, ask) in [
            ("identity", IDENTITY, question::identity as fn() -> Asked),
            ("transfer", TRANSFER, question::transfer),
        ] {
            rows.extend(
                played(&conditions, &sentences(file), ask)
                    .into_iter()
                    .map(|row| (name, row)),
            );
        }
        for (question, row) in &rows {
            let after_ms = row.outcome.answered_after_ms.unwrap_or_default();
            report.rows(
                section,
                &format!("{question}\t{after_ms}\t{}", table::shown([row]).trim_end()),
            );
        }
        all.push(Counts { section, rows });
    }
    if !all.is_empty() {
        report.table(
            "Answers, and what is none",
            &[
                "line",
                "right answers",
                "taken for another choice",
                "a yes that was none, at identity",
                "yes and no exchanged",
            ],
            &all.iter().map(Counts::understood).collect::<Vec<_>>(),
        );
        report.table(
            "From the caller's last sound to the answer, in ms",
            &[
                "line",
                "p50",
                "p90",
                "p99",
                "a yes: p50",
                "p90",
                "p99",
                "cut off",
            ],
            &all.iter().map(Counts::delays).collect::<Vec<_>>(),
        );
    }
}

fn played(conditions: &Conditions, sentences: &[Sentence], ask: fn() -> Asked) -> Vec<Row> {
    let items: Vec<(&Sentence, &'static str)> = sentences
        .iter()
        .flat_map(|sentence| {
            caller::all_voices(sentence.language)
                .into_iter()
                .map(move |voice| (sentence, voice))
        })
        .step_by(every())
        .collect();
    hearer::each(&items, |hearer, (sentence, voice)| Row {
        sentence: (*sentence).clone(),
        voice,
        outcome: line::put(
            hearer,
            conditions,
            ask(),
            PROMPT_MS,
            ANSWERS_AFTER,
            &caller::says(voice, sentence),
        ),
    })
}

fn every() -> usize {
    std::env::var(EVERY).map_or(1, |every| every.parse().expect(EVERY))
}

impl Counts {
    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().map(|(_, row)| row)
    }

    fn understood(&self) -> Vec<String> {
        let answers = |row: &&Row| row.sentence.required && !row.sentence.means.is_empty();
        let right = self
            .rows()
            .filter(answers)
            .filter(|row| row.is_right())
            .count();
        let wrong = self.rows().filter(|row| row.is_wrong()).count();
        let strangers: Vec<&Row> = self
            .rows
            .iter()
            .filter(|(question, row)| *question == "identity" && !row.sentence.means_any(&["yes"]))
            .map(|(_, row)| row)
            .collect();
        let taken = strangers
            .iter()
            .filter(|row| row.outcome.reply == "yes")
            .count();
        let exchanged = self
            .rows()
            .filter(|row| {
                let (means_yes, means_no) = (
                    row.sentence.means_any(&["yes"]),
                    row.sentence.means_any(&["no"]),
                );
                (means_yes && !means_no && row.outcome.reply == "no")
                    || (means_no && !means_yes && row.outcome.reply == "yes")
            })
            .count();
        vec![
            self.section.to_owned(),
            percent(right, self.rows().filter(answers).count()),
            percent(wrong, self.rows.len()),
            percent(taken, strangers.len()),
            exchanged.to_string(),
        ]
    }

    fn delays(&self) -> Vec<String> {
        let of = |yes: bool| {
            self.rows()
                .filter(move |row| row.is_right() && (row.outcome.reply == "yes") == yes)
                .filter_map(|row| row.outcome.answered_after_ms)
                .collect::<Vec<_>>()
        };
        let cut = of(true)
            .into_iter()
            .chain(of(false))
            .filter(|ms| *ms < 0)
            .count();
        let answered = of(true).len() + of(false).len();
        let mut cells = vec![self.section.to_owned()];
        cells.extend(quantiles(of(false)));
        cells.extend(quantiles(of(true)));
        cells.push(percent(cut, answered));
        cells
    }
}
