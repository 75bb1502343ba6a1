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

/// Four seconds of speech without a pause, and a tone of 1 kHz for 400 ms.
fn greeting_and_tone() -> Vec<i16> {
    let word = yes_wav();
    let loud = word.iter().position(|sample| sample.unsigned_abs() > 500);
    let last = word.iter().rposition(|sample| sample.unsigned_abs() > 500);
    let word = &word[loud.unwrap()..=last.unwrap()];
    let words = word.iter().copied().cycle().take(32_000);
    let tone = (0..3_200).map(|at| ((at as f32 * TAU / 8.0).sin() * 8_000.0) as i16);
    words.chain(tone).collect()
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
    let found_ms = bench.happened("voicemail");
    assert!(
        found_ms.is_some_and(|at_ms| (5_500..6_500).contains(&at_ms)),
        "{:#?}",
        bench.log
    );
}

#[test]
fn speech_without_a_tone_and_a_tone_without_speech_are_no_machine() {
    let all = greeting_and_tone();
    for part in [&all[..32_000], &all[32_000..]] {
        let mut bench = asked();
        bench.pass(200);
        bench.speech = part.to_vec();
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
