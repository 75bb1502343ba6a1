//! Keys: answers, collections, and keys that are typed ahead.

use ghanti_model::{Masked, Reply};

use super::bench::{Bench, disclosure, keys, spoken, yes_or_no};
use crate::machine::Command;

#[test]
fn a_key_answers_and_interrupts() {
    let mut bench = Bench::new();
    bench.prompt_ms = 6_000;
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_000);
    bench.machine.key(bench.now_ms, '2');
    bench.settle();
    assert_eq!(bench.answer().reply, Reply::Choice("no".to_owned()));
    assert_eq!(bench.answer().confidence, 1.0);
    assert!(bench.happened("clear").is_some());
}

#[test]
fn a_key_that_is_no_choice_is_a_no_match() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.machine.key(bench.now_ms, '7');
    bench.settle();
    bench.pass(500);
    assert!(bench.happened("began pardon").is_some());
}

#[test]
fn keys_are_collected_to_the_terminator_the_maximum_or_a_pause() {
    for (pressed, wait_ms, expected) in [
        ("12#", 40, "12"),
        ("1234", 40, "1234"),
        ("123", 2_100, "123"),
    ] {
        let mut bench = Bench::new();
        bench.command(Command::Ask(keys(2, 4)));
        bench.pass(1_500);
        for key in pressed.chars() {
            bench.machine.key(bench.now_ms, key);
        }
        bench.pass(wait_ms);
        assert_eq!(
            bench.answer().reply,
            Reply::Keys(Masked::new(expected)),
            "{pressed}"
        );
    }
}

#[test]
fn too_few_keys_are_a_no_match() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(keys(2, 4)));
    bench.pass(1_500);
    bench.machine.key(bench.now_ms, '1');
    bench.machine.key(bench.now_ms, '#');
    bench.pass(500);
    assert!(bench.happened("began pardon").is_some());
}

#[test]
fn keys_during_a_disclosure_are_taken_once_it_was_heard() {
    let mut bench = Bench::new();
    bench.prompt_ms = 3_000;
    bench.command(Command::Say(disclosure()));
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(500);
    bench.says("yes");
    bench.machine.key(bench.now_ms, '1');
    bench.pass(7_000);
    assert_eq!(
        (bench.happened("barged-in"), bench.happened("clear")),
        (None, None)
    );
    assert!(bench.happened("ended disclosure Whole").is_some());
    assert_eq!(
        bench.answer().reply,
        Reply::Choice("yes".to_owned()),
        "typed ahead"
    );
}

#[test]
fn keys_that_are_pressed_before_their_question_answer_it() {
    let mut bench = Bench::new();
    bench.command(Command::Say(spoken("emi-details")));
    bench.pass(300);
    bench.machine.key(bench.now_ms, '2');
    bench.pass(2_000);
    bench.command(Command::Ask(yes_or_no()));
    assert_eq!(bench.answer().reply, Reply::Choice("no".to_owned()));
}

#[test]
fn the_end_key_behind_a_complete_collection_is_swallowed() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(keys(2, 4)));
    bench.pass(1_500);
    for key in "1234".chars() {
        bench.machine.key(bench.now_ms, key);
    }
    bench.pass(40);
    assert_eq!(bench.answer().reply, Reply::Keys(Masked::new("1234")));
    bench.machine.key(bench.now_ms, '#');
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    assert_eq!(
        (bench.completions.len(), bench.happened("began pardon")),
        (1, None),
        "{:#?}",
        bench.log
    );
}
