//! Sounds over the question that are no words to it: the prompt goes on, and no attempt is spent.

use std::f32::consts::TAU;

use ghanti_model::Extent;
use tokio::runtime::Runtime;

use crate::caller::{self, samples};
use crate::corpus::Sentence;
use crate::line::{self, Conditions, When};
use crate::report::{Report, percent, quantiles};
use crate::{hearer, question};

const PROMPT_MS: u32 = 6_000;
const INTO_MS: [u64; 3] = [1_000, 2_500, 4_000];
const BACKCHANNELS: [&str; 8] = [
    "hmm", "achha", "okay", "haan", "jee", "alright", "uh huh", "oh",
];
const AMPLITUDE: f32 = 6_000.0;

/// Plays the sounds.
pub fn run(_: &Runtime, report: &mut Report) {
    eprintln!("bench: sounds ...");
    let mut kinds: Vec<(&str, Vec<Vec<i16>>)> = vec![
        ("cough", (1..5).map(cough).collect()),
        ("horn", [300.0, 420.0, 500.0].map(horn).to_vec()),
        ("key in band", vec![tone(&[697.0, 1_209.0], 120)]),
        ("click", vec![vec![12_000; 16]]),
        ("ringback", vec![tone(&[400.0, 425.0], 1_000)]),
        ("beep", vec![tone(&[1_000.0], 700)]),
    ];
    let backchannels = BACKCHANNELS.iter().flat_map(|words| {
        let sentence = Sentence::plain("backchannel", words);
        caller::all_voices(sentence.language).map(|voice| caller::says(voice, &sentence))
    });
    kinds.push(("hmm, achha, okay …", backchannels.collect()));
    let mut rows = Vec::new();
    for (kind, clips) in kinds {
        let items: Vec<_> = clips
            .iter()
            .flat_map(|clip| INTO_MS.map(|into_ms| (clip, into_ms)))
            .collect();
        let outcomes = hearer::each(&items, |hearer, (clip, into_ms)| {
            line::put(
                hearer,
                &Conditions::default(),
                question::transfer(),
                PROMPT_MS,
                When::Into(*into_ms),
                clip,
            )
        });
        let cut = outcomes
            .iter()
            .filter(|outcome| outcome.question != Some(Extent::Whole))
            .count();
        let spent = outcomes
            .iter()
            .filter(|outcome| outcome.reply != "no-input")
            .count();
        for outcome in &outcomes {
            report.rows(
                "sounds",
                &format!("{kind}\t{}\t{}", outcome.reply, outcome.transcript()),
            );
        }
        let paused = outcomes.iter().filter(|outcome| outcome.pauses > 0).count();
        let later_ms = |outcome: &line::Outcome| {
            let took_ms = outcome.question_took_ms?;
            Some(took_ms as i64 - i64::from(PROMPT_MS))
        };
        let mut cells = vec![
            kind.to_owned(),
            percent(cut, outcomes.len()),
            percent(spent, outcomes.len()),
            percent(paused, outcomes.len()),
        ];
        cells.extend(quantiles(outcomes.iter().filter_map(later_ms).collect()));
        rows.push(cells);
    }
    report.table(
        "Sounds over the question",
        &[
            "sound",
            "the question is cut",
            "taken for something said",
            "pauses it",
            "it takes longer by ms: p50",
            "p90",
            "p99",
        ],
        &rows,
    );
}

/// Three bursts of noise with a quick attack and a slow decay, the same for each seed.
fn cough(seed: u32) -> Vec<i16> {
    let mut state = seed.wrapping_mul(2_654_435_761);
    let length = samples(280);
    (0..3 * length)
        .map(|nth| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 16) as f32 / 32_768.0 - 1.0;
            let at = (nth % length) as f32 / length as f32;
            (AMPLITUDE * noise * (-5.0 * at).exp()) as i16
        })
        .collect()
}

/// A car's horn: a low tone with many overtones.
fn horn(hz: f32) -> Vec<i16> {
    let overtones: Vec<f32> = (1..6).map(|nth| hz * nth as f32).collect();
    tone(&overtones, 600)
}

fn tone(frequencies_hz: &[f32], ms: u32) -> Vec<i16> {
    (0..samples(ms))
        .map(|nth| {
            let sum: f32 = frequencies_hz
                .iter()
                .map(|hz| (TAU * hz * nth as f32 / caller::RATE_HZ as f32).sin())
                .sum();
            (AMPLITUDE * sum / frequencies_hz.len() as f32) as i16
        })
        .collect()
}
