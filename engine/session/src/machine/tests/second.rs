//! What was no answer is heard once more, without the question's phrases.

use ghanti_model::Reply;
use ghanti_speech::{Hearing, RecognitionError};

use super::bench::{Bench, yes_or_no};
use crate::machine::Command;

/// A question that was heard, to a recogniser that knows only its phrases.
fn asked() -> Bench {
    let mut bench = Bench::new();
    bench.machine.set_hears_phrases_only(true);
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench
}

#[test]
fn a_second_hearing_that_is_clearly_a_choice_is_the_answer() {
    let mut bench = asked();
    bench.says("me");
    bench.second = Some(("yes", 0.9));
    bench.pass(3_000);
    let answer = bench.answer();
    assert_eq!(answer.reply, Reply::Choice("yes".to_owned()));
    assert_eq!(answer.attempts, 1);
    assert_eq!(answer.transcript.as_ref().unwrap().expose(), "yes");
    assert!(bench.happened("said me").is_none());
}

#[test]
fn a_second_hearing_that_is_not_sure_or_no_choice_changes_nothing() {
    for second in [("yes", 0.6), ("he", 1.0), ("", 0.0), ("yes no", 1.0)] {
        let mut bench = asked();
        bench.says("me");
        bench.second = Some(second);
        bench.pass(3_000);
        assert!(bench.completions.is_empty(), "{second:?}");
        assert!(bench.happened("said me").is_some(), "{second:?}");
        assert!(bench.happened("began pardon").is_some(), "{second:?}");
        // the question goes on with its phrases
        assert!(!bench.is_free);
        bench.confidence = 0.9;
        bench.says("no");
        bench.pass(3_000);
        assert_eq!(bench.answer().reply, Reply::Choice("no".to_owned()));
    }
}

#[test]
fn an_unsure_choice_counts_only_if_the_second_hearing_is_the_same() {
    for (second, is_taken) in [
        (("yes", 0.6), true),
        (("yes", 0.3), false),
        (("hmm", 1.0), false),
        (("no", 0.6), false),
        (("", 0.0), false),
    ] {
        let mut bench = asked();
        bench.confidence = 0.7;
        bench.says("yes");
        bench.second = Some(second);
        bench.pass(3_000);
        assert!(bench.happened("second hearing").is_some());
        assert_eq!(!bench.completions.is_empty(), is_taken, "{second:?}");
        assert_eq!(
            bench.happened("began pardon").is_none(),
            is_taken,
            "{second:?}"
        );
    }
}

#[test]
fn an_unsure_choice_is_none_if_it_cannot_be_heard_again() {
    let mut bench = asked();
    bench.confidence = 0.7;
    bench.says("yes");
    bench.pass(5_000);
    assert!(bench.completions.is_empty());
    assert!(bench.happened("began pardon").is_some());
}

#[test]
fn an_answer_and_an_unrestricted_recogniser_have_no_second_hearing() {
    let mut bench = asked();
    bench.says("yes");
    bench.pass(3_000);
    assert_eq!(bench.answer().attempts, 1);
    assert!(bench.happened("second hearing").is_none());

    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.says("me");
    bench.second = Some(("yes", 0.9));
    bench.pass(3_000);
    assert!(bench.happened("second hearing").is_none());
    assert!(bench.happened("began pardon").is_some());
}

#[test]
fn the_first_hearing_counts_if_the_second_one_takes_too_long_or_fails() {
    for fails in [false, true] {
        let mut bench = asked();
        bench.says("me");
        bench.pass(2_500);
        let began_ms = bench.happened("second hearing").unwrap();
        assert!(bench.happened("began pardon").is_none(), "it is waited for");
        if fails {
            let error = RecognitionError::Unavailable("gone".to_owned());
            bench.machine.hearing(bench.now_ms, Hearing::Failed(error));
            bench.settle();
        } else {
            bench.pass(2_000);
        }
        assert!(bench.happened("recognition failed").is_none());
        let pardon_ms = bench.happened("began pardon").unwrap();
        assert!(
            fails || (1_500..1_600).contains(&(pardon_ms - began_ms)),
            "{}",
            pardon_ms - began_ms
        );
        assert!(bench.happened("said me").is_some());
        // what comes too late is nobody's
        bench.pass(1_500);
        bench.says("no");
        bench.pass(3_000);
        assert_eq!(bench.answer().reply, Reply::Choice("no".to_owned()));
    }
}

#[test]
fn speech_that_does_not_count_is_heard_once() {
    let mut bench = Bench::new();
    bench.machine.set_hears_phrases_only(true);
    bench.prompt_ms = 4_000;
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(500);
    bench.says("me");
    bench.pass(3_000);
    assert!(
        bench.happened("talked over me").is_some(),
        "{:#?}",
        bench.log
    );
    assert!(bench.happened("second hearing").is_none());
}
