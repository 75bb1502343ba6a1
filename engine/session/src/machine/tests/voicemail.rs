//! Answering machines: by their words, by their sound, and until somebody answers.

use std::f32::consts::TAU;

use super::bench::{Bench, yes_or_no, yes_wav};
use crate::machine::Command;

/// As a recogniser of a question's words hears it.
const GREETING: &str = "can you have call did not available please leave message after the don't";

/// A question was put, and an answering machine is looked for.
fn asked() -> Bench {
    let mut bench = Bench::new();
    bench.machine.look_for_voicemail();
    bench.command(Command::Ask(yes_or_no()));
    bench
}

/// Seven words with pauses of 250 ms, and a tone of 1 kHz for 400 ms behind them.
fn greeting() -> Vec<i16> {
    let word = yes_wav();
    let loud = |sample: &i16| sample.unsigned_abs() > 500;
    let (first, last) = (word.iter().position(loud), word.iter().rposition(loud));
    let word = &word[first.unwrap()..=last.unwrap()];
    (0..7).flat_map(|_| [word, &[0; 2_000]].concat()).collect()
}

fn tone() -> Vec<i16> {
    let sample = |at: i32| ((at as f32 * TAU / 8.0).sin() * 8_000.0) as i16;
    (0..3_200).map(sample).collect()
}

fn greeting_and_tone() -> Vec<i16> {
    [greeting(), tone()].concat()
}

#[test]
fn a_machine_that_speaks_its_greeting_ends_the_call_also_over_the_prompt() {
    for begins_ms in [200, 1_500] {
        let mut bench = asked();
        bench.pass(begins_ms);
        bench.says(GREETING);
        bench.pass(3_000);
        assert!(
            bench.happened("voicemail").is_some()
                && bench.happened(&format!("said {GREETING}")).is_some(),
            "{:#?}",
            bench.log
        );
        assert!(bench.completions.is_empty(), "it is no answer");
    }
}

#[test]
fn a_tone_behind_a_greeting_ends_the_call() {
    let mut bench = asked();
    bench.pass(200);
    bench.speech = greeting_and_tone();
    bench.pass(7_000);
    // 1.2 s after the tone
    let ends_ms = 200 + greeting_and_tone().len() as u64 / 8;
    let found_ms = bench.happened("voicemail");
    assert!(
        found_ms.is_some_and(|at_ms| (ends_ms + 1_000..ends_ms + 1_500).contains(&at_ms)),
        "{:#?}",
        bench.log
    );
}

#[test]
fn speech_without_a_tone_and_a_tone_without_speech_are_no_machine() {
    for part in [greeting(), tone()] {
        let mut bench = asked();
        bench.pass(200);
        bench.speech = part;
        bench.pass(8_000);
        assert_eq!(bench.happened("voicemail"), None, "{:#?}", bench.log);
    }
}

#[test]
fn who_has_answered_a_question_or_pressed_a_key_is_a_person() {
    for has_answered in [true, false] {
        let mut bench = Bench::new();
        bench.machine.look_for_voicemail();
        if has_answered {
            bench.command(Command::Ask(yes_or_no()));
            bench.pass(1_500);
            bench.says("yes");
            bench.pass(3_000);
            assert_eq!(bench.completions.len(), 1);
        } else {
            bench.machine.key(bench.now_ms, '9');
        }
        bench.command(Command::Ask(yes_or_no()));
        bench.pass(1_500);
        bench.speech = greeting_and_tone();
        bench.recognised = Some((GREETING, false));
        bench.pass(8_000);
        assert_eq!(bench.happened("voicemail"), None, "{:#?}", bench.log);
    }
}

#[test]
fn a_caller_who_calls_is_not_taken_for_a_machine() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.speech = greeting_and_tone();
    bench.recognised = Some((GREETING, false));
    bench.pass(8_000);
    assert_eq!(bench.happened("voicemail"), None, "{:#?}", bench.log);
}
