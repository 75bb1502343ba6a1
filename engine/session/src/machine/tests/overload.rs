//! A recogniser that is too slow, or fails: the engine's own trouble, never the caller's.

use ghanti_model::Reply;
use ghanti_speech::{Hearing, RecognitionError};

use super::bench::{Bench, spoken, yes_or_no, yes_wav};
use crate::machine::Command;
use crate::question::{Answers, Asked};

/// What happened, without its times.
fn happenings<'a>(bench: &'a Bench, what: &'a str) -> usize {
    bench
        .log
        .iter()
        .filter(|line| line.split_once(' ').is_some_and(|(_, event)| event == what))
        .count()
}

/// The caller answers, and no result comes for so long.
fn answers_unheard(bench: &mut Bench, ms: u64) {
    bench.speech = yes_wav();
    bench.pass(ms);
}

#[test]
fn a_recogniser_that_never_answers_leaves_the_keys_and_is_never_a_no_match() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    for _ in 0..3 {
        answers_unheard(&mut bench, 13_000);
    }
    assert_eq!(
        [
            "began engine-one-moment",
            "began engine-by-keys",
            "recognition failed",
            "began pardon",
            "began still-there"
        ]
        .map(|what| happenings(&bench, what)),
        [3, 3, 3, 0, 0],
        "{:#?}",
        bench.log
    );
    assert!(bench.completions.is_empty(), "{:#?}", bench.log);
    // speech is not waited for any more, and a key is the answer
    answers_unheard(&mut bench, 2_000);
    assert_eq!(happenings(&bench, "began engine-one-moment"), 3);
    bench.machine.key(bench.now_ms, '1');
    bench.settle();
    assert_eq!(
        (bench.answer().reply.clone(), bench.answer().attempts),
        (Reply::Choice("yes".to_owned()), 1)
    );
}

#[test]
fn speech_is_listened_to_again_after_a_result_that_never_came() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    answers_unheard(&mut bench, 13_000);
    assert_eq!(
        happenings(&bench, "listen"),
        2,
        "what the recogniser still had is dropped with its recognition: {:#?}",
        bench.log
    );
    bench.says("yes speaking");
    bench.pass(3_000);
    assert_eq!(
        (bench.answer().reply.clone(), bench.answer().attempts),
        (Reply::Choice("yes".to_owned()), 1)
    );
}

#[test]
fn an_open_question_that_is_never_heard_ends_without_input_and_offers_no_keys() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(Box::new(Asked {
        answers: Answers::Open,
        ..*yes_or_no()
    })));
    bench.pass(1_500);
    for _ in 0..3 {
        answers_unheard(&mut bench, 13_000);
    }
    assert_eq!(bench.answer().reply, Reply::NoInput, "{:#?}", bench.log);
    assert_eq!(happenings(&bench, "began engine-by-keys"), 0);
}

#[test]
fn words_that_come_late_and_are_none_are_a_no_match_while_the_caller_is_asked_to_wait() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.speech = yes_wav();
    while bench.happened("began engine-one-moment").is_none() {
        bench.pass(20);
    }
    bench.final_words("purple elephants");
    bench.pass(500);
    assert_eq!(
        (
            happenings(&bench, "began pardon"),
            happenings(&bench, "talked over purple elephants")
        ),
        (1, 0),
        "{:#?}",
        bench.log
    );
}

#[test]
fn words_of_an_utterance_that_was_not_heard_whole_are_no_answer() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.says("yes");
    bench.pass(500);
    for _ in 0..3 {
        bench.machine.cut("overloaded".to_owned());
    }
    bench.pass(3_000);
    assert!(bench.completions.is_empty());
    assert_eq!(
        (
            happenings(&bench, "recognition failed"),
            happenings(&bench, "began engine-by-keys")
        ),
        (1, 1),
        "{:#?}",
        bench.log
    );
}

fn fails(bench: &mut Bench) {
    let gone = RecognitionError::Unavailable("gone".to_owned());
    bench.machine.hearing(bench.now_ms, Hearing::Failed(gone));
    bench.settle();
}

#[test]
fn a_recogniser_that_fails_in_silence_is_begun_again_and_not_for_ever() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    fails(&mut bench);
    assert_eq!(happenings(&bench, "listen"), 2);
    bench.says("yes speaking");
    bench.pass(3_000);
    assert_eq!(bench.answer().attempts, 1, "{:#?}", bench.log);

    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    (0..5).for_each(|_| fails(&mut bench));
    assert_eq!(happenings(&bench, "listen"), 5, "{:#?}", bench.log);
}

#[test]
fn a_recogniser_that_fails_in_the_middle_and_cannot_be_begun_again_leaves_the_keys() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.speech = yes_wav();
    bench.pass(500);
    fails(&mut bench);
    bench.speech.clear();
    for _ in 0..2 {
        bench.pass(4_000);
        bench.speech = yes_wav();
        bench.pass(1_000);
        bench.machine.heard_nothing(bench.now_ms);
        bench.settle();
    }
    bench.pass(3_000);
    assert_eq!(happenings(&bench, "began pardon"), 0, "{:#?}", bench.log);
    assert_eq!(happenings(&bench, "began engine-by-keys"), 3);
}

/// What was reported of each reply: its stages, each with its milliseconds.
fn responded(bench: &Bench) -> Vec<&str> {
    let lines = bench.log.iter();
    lines
        .filter_map(|line| line.split_once("responded"))
        .map(|(_, stages)| stages)
        .collect()
}

#[test]
fn the_reply_to_a_turn_is_timed_by_stage() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.speech = yes_wav();
    bench.pass(1_800);
    bench.final_words("no");
    bench.pass(200);
    bench.command(Command::Say(spoken("goodbye")));
    bench.pass(100);
    let responded = responded(&bench);
    let reported = responded
        .first()
        .map(|stages| stages.split_whitespace().collect::<Vec<_>>());
    let Some(
        [
            "endpoint",
            endpoint,
            "result",
            result,
            "flow",
            "200",
            "audio",
            "0",
            "whole",
            whole,
        ],
    ) = reported.as_deref()
    else {
        panic!("{reported:?} of {:#?}", bench.log);
    };
    let [endpoint, result, whole] = [endpoint, result, whole].map(|ms| ms.parse::<u64>().unwrap());
    assert_eq!(endpoint + result + 200, whole);
    assert!(
        (600..1_300).contains(&endpoint) && result > 0,
        "{reported:?}"
    );
}

#[test]
fn a_question_put_again_is_timed_without_the_flow_and_a_key_without_the_recogniser() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.says("purple elephants");
    bench.pass(3_500);
    let again = responded(&bench);
    assert!(
        again.len() == 1 && again[0].contains("result 0") && !again[0].contains("flow"),
        "{again:?}"
    );
    bench.machine.key(bench.now_ms, '2');
    bench.settle();
    bench.pass(60);
    bench.command(Command::Say(spoken("goodbye")));
    assert_eq!(
        responded(&bench).last().copied(),
        Some(" flow 60 audio 0 whole 60")
    );
}

#[test]
fn an_acknowledged_yes_is_replied_to_by_its_acknowledgement() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(Box::new(Asked {
        acknowledge: Some(spoken("okay")),
        ..*yes_or_no()
    })));
    bench.pass(1_500);
    bench.says_at_once("yes");
    bench.pass(3_000);
    let acknowledged_ms = bench.happened("began okay").unwrap();
    assert_eq!(bench.answer().reply, Reply::Choice("yes".to_owned()));
    bench.command(Command::Say(spoken("details")));
    let responded = responded(&bench);
    let reported = responded
        .first()
        .map(|stages| stages.split_whitespace().collect::<Vec<_>>());
    let Some(
        [
            "endpoint",
            endpoint,
            "result",
            "0",
            "flow",
            _,
            "whole",
            whole,
        ],
    ) = reported.as_deref()
    else {
        panic!("{reported:?} of {:#?}", bench.log);
    };
    let said_ms = bench.happened("said yes").unwrap();
    assert_eq!(
        whole.parse::<u64>().unwrap() + said_ms - acknowledged_ms,
        endpoint.parse::<u64>().unwrap(),
        "{:#?}",
        bench.log
    );
}
