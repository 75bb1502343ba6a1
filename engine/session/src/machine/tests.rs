//! Behaviour of the machine, as tables of values: no socket, no clock, no recogniser.

mod barge_in;
mod bench;
mod echo;
mod keys;
mod network;
mod overload;
mod second;
mod voicemail;

use std::sync::Arc;

use ghanti_language::PreparedChoices;
use ghanti_model::{CallError, Choice, Extent, Language, Masked, PromptId, Reply};
use ghanti_speech::Expectation;

use self::bench::{Bench, spoken, yes_or_no, yes_wav};
use super::{Command, Completion, Output};
use crate::question::{Answers, Asked};

#[test]
fn an_answer_after_the_prompt_is_matched() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    assert!(
        bench.happened("listening").unwrap() >= 1_000,
        "listens only once the prompt was heard"
    );
    bench.says("yes speaking");
    bench.pass(2_500);
    let answer = bench.answer();
    assert_eq!(answer.reply, Reply::Choice("yes".to_owned()));
    assert_eq!((answer.attempts, answer.playouts.len()), (1, 1));
    assert_eq!(answer.playouts[0].heard, Extent::Whole);
}

#[test]
fn a_choice_that_is_complete_is_answered_a_third_of_a_second_after_the_last_word() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.says_at_once("no");
    let began_ms = bench.now_ms;
    while bench.completions.is_empty() && bench.now_ms < began_ms + 3_000 {
        bench.pass(20);
    }
    assert_eq!(bench.answer().reply, Reply::Choice("no".to_owned()));
    let ended_ms = began_ms + yes_wav().len() as u64 / 8;
    assert!(
        (ended_ms - 300..ended_ms + 480).contains(&bench.now_ms),
        "spoken until {ended_ms}, answered at {}",
        bench.now_ms
    );
}

#[test]
fn a_choice_heard_in_the_first_sounds_of_another_does_not_end_the_turn() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    // "yes, speaking": the recogniser takes the "yes" for a "no" at first
    bench.says("yes speaking");
    bench.pass(400);
    bench.partial = Some("no");
    bench.pass(440);
    assert!(
        bench.happened("said yes speaking").is_none(),
        "{:#?}",
        bench.log
    );
    bench.speech.extend(yes_wav());
    bench.pass(3_000);
    assert_eq!(bench.answer().reply, Reply::Choice("yes".to_owned()));
}

fn acknowledging() -> Box<Asked> {
    Box::new(Asked {
        acknowledge: Some(spoken("okay")),
        ..*yes_or_no()
    })
}

#[test]
fn a_yes_is_acknowledged_at_once_and_counts_when_it_can_no_longer_be_taken_back() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(acknowledging()));
    bench.pass(1_500);
    bench.says_at_once("yes");
    let ended_ms = bench.now_ms + yes_wav().len() as u64 / 8;
    bench.pass(3_000);
    let acknowledged_ms = bench.happened("began okay").unwrap();
    assert!(
        // the recording ends in silence
        (ended_ms - 300..ended_ms + 400).contains(&acknowledged_ms),
        "spoken until {ended_ms}, acknowledged at {acknowledged_ms}"
    );
    assert_eq!(bench.answer().reply, Reply::Choice("yes".to_owned()));
    assert!(bench.happened("said yes").unwrap() >= acknowledged_ms + 700);
    assert!(
        bench.happened("ended okay Whole").is_some(),
        "what acknowledges it is said to its end: {:#?}",
        bench.log
    );
}

#[test]
fn a_yes_that_is_taken_back_ends_what_acknowledges_it() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(acknowledging()));
    bench.pass(1_500);
    bench.says_at_once("yes");
    bench.pass(1_000);
    assert!(bench.happened("began okay").is_some(), "{:#?}", bench.log);
    bench.says_at_once("yes no");
    bench.pass(3_000);
    assert!(
        bench.completions.is_empty(),
        "a contradiction is no answer: {:?}",
        bench.completions
    );
    assert!(
        bench.happened("ended okay Whole").is_none(),
        "{:#?}",
        bench.log
    );
    assert!(bench.happened("began pardon").is_some(), "{:#?}", bench.log);
}

#[test]
fn silence_asks_again_as_often_as_there_are_prompts() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(3 * 6_100);
    assert_eq!(bench.answer().reply, Reply::NoInput);
    assert_eq!(bench.answer().attempts, 3);
    assert!(
        bench.happened("began still-there").unwrap() >= 6_000,
        "the silence is counted from the prompt's end: {:#?}",
        bench.log
    );
}

#[test]
fn what_is_not_understood_is_asked_again_and_counted_apart() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.says("purple elephants");
    bench.pass(3_500);
    assert!(bench.happened("began pardon").is_some());
    bench.says("purple elephants");
    bench.pass(3_000);
    assert_eq!(bench.answer().reply, Reply::NoMatch);
    assert_eq!(bench.answer().attempts, 2);
}

#[test]
fn free_speech_is_in_the_language_of_its_words_else_in_the_recognisers() {
    for (words, language) in [
        ("நாளைக்கு கட்டுறேன்", "ta-IN"),
        ("haan mujhe kal yaad dilana", "hi-IN"),
        ("ravi kumar", "en-IN"),
        // not a language of the flow
        ("మీరు ఎవరు", "en-IN"),
    ] {
        let mut bench = Bench::new();
        bench.command(Command::Ask(Box::new(Asked {
            answers: Answers::Open,
            expectation: Expectation {
                languages: ["en", "hi", "ta"]
                    .map(|tag| Language::parse(tag).unwrap())
                    .to_vec(),
                ..Expectation::default()
            },
            ..*yes_or_no()
        })));
        bench.pass(1_500);
        bench.says(words);
        bench.pass(3_500);
        let answer = bench.answer();
        assert_eq!(answer.reply, Reply::Text(Masked::from(words)));
        let reported = answer.language.as_ref().map(Language::as_str);
        assert_eq!(reported, Some(language), "{words}");
    }
}

#[test]
fn an_answer_in_the_last_moment_of_the_question_stops_it() {
    let mut bench = Bench::new();
    bench.prompt_ms = 6_000;
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(5_560);
    bench.says("yes");
    bench.pass(2_500);
    assert_eq!(bench.answer().reply, Reply::Choice("yes".to_owned()));
}

#[test]
fn a_yes_before_the_question_was_heard_is_no_answer_and_the_prompt_goes_on() {
    for at_ms in [300, 1_500, 3_000] {
        let mut bench = Bench::new();
        bench.prompt_ms = 6_000;
        bench.command(Command::Ask(yes_or_no()));
        bench.pass(at_ms);
        bench.says_at_once("yes");
        bench.pass(8_000 - at_ms);
        assert!(
            bench.completions.is_empty(),
            "{at_ms}: {:?}",
            bench.completions
        );
        assert!(
            bench.happened("talked over yes").is_some(),
            "{:#?}",
            bench.log
        );
        assert_eq!(bench.happened("barged-in"), None, "{at_ms}");
        assert!(
            bench.happened("ended greeting Whole").is_some(),
            "{:#?}",
            bench.log
        );
    }
}

#[test]
fn who_spoke_over_the_question_is_asked_again_soon() {
    let mut bench = Bench::new();
    bench.prompt_ms = 6_000;
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.says_at_once("yes");
    bench.pass(8_200);
    assert!(
        bench
            .happened("began still-there")
            .is_some_and(|at_ms| at_ms <= 9_600),
        "no dead air: {:#?}",
        bench.log
    );
}

#[test]
fn a_wrong_number_is_heard_at_any_moment_and_stops_what_is_said() {
    let mut bench = Bench::new();
    bench.prompt_ms = 6_000;
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_000);
    bench.says_at_once("wrong number");
    bench.pass(2_500);
    assert!(
        bench.happened("barged-in") > bench.happened("clear")
            && bench.happened("clear") <= Some(1_550),
        "silent at once, and for good once it is understood: {:#?}",
        bench.log
    );
    assert_eq!(
        bench.answer().reply,
        Reply::Choice("no".to_owned()),
        "somebody else says no, where nothing more particular can be answered"
    );
    assert_eq!(bench.answer().playouts[0].heard, Extent::Partial);
}

#[test]
fn a_prompt_that_cannot_be_paused_is_said_again_when_it_was_stopped_for_nothing() {
    let mut bench = Bench::new();
    bench.prompt_ms = 6_000;
    bench.command(Command::Say(bench::disclosure()));
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_000);
    bench.says_at_once("wrong number");
    bench.recognised = Some(("", false));
    bench.pass(10_000);
    assert!(bench.happened("barged-in").is_some());
    let begun = |line: &&String| line.ends_with("began disclosure");
    assert_eq!(
        bench.log.iter().filter(begun).count(),
        2,
        "{:#?}",
        bench.log
    );
    assert!(
        bench.happened("ended disclosure Whole").is_some(),
        "{:#?}",
        bench.log
    );
}

#[test]
fn a_sound_that_is_no_word_does_not_stop_the_greeting() {
    let mut bench = Bench::new();
    bench.prompt_ms = 4_000;
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_000);
    bench.speech = yes_wav();
    bench.recognised = Some(("", false));
    bench.pass(5_000);
    assert!(
        bench.happened("began pardon").is_none()
            && bench.happened("ended greeting Whole").is_some(),
        "{:#?}",
        bench.log
    );
    bench.says("yes");
    bench.pass(2_500);
    assert_eq!(
        (bench.answer().reply.clone(), bench.answer().attempts),
        (Reply::Choice("yes".to_owned()), 1)
    );
}

#[test]
fn a_no_behind_a_yes_takes_it_back() {
    let mut bench = Bench::new();
    let mut asked = yes_or_no();
    let confirm = |id: &str, lexicon: &str| Choice {
        id: id.to_owned(),
        lexicon: Some(lexicon.to_owned()),
        phrases: Vec::new(),
        key: None,
    };
    let prepared = PreparedChoices::of(
        &[confirm("yes", "confirm"), confirm("no", "no")],
        &[Language::english()],
    )
    .unwrap();
    asked.answers = Answers::Choices(Arc::clone(&prepared.matcher));
    bench.command(Command::Ask(asked));
    bench.pass(1_500);
    bench.says_at_once("yes");
    // with what follows, the utterance contains both
    bench.recognised = Some(("yes no no no", false));
    bench.pass(1_200);
    assert!(bench.completions.is_empty(), "{:?}", bench.completions);
    bench.speech = yes_wav();
    bench.pass(2_000);
    assert!(bench.happened("began pardon").is_some(), "{:#?}", bench.log);
}

#[test]
fn words_that_were_not_heard_surely_are_asked_again() {
    let mut bench = Bench::new();
    bench.confidence = 0.26;
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.says("no");
    bench.pass(3_000);
    assert!(bench.happened("began pardon").is_some(), "{:#?}", bench.log);
}

#[test]
fn a_recogniser_that_is_late_costs_the_caller_no_attempt() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.speech = yes_wav();
    bench.pass(4_000);
    assert!(
        bench.happened("began engine-one-moment").is_some(),
        "{:#?}",
        bench.log
    );
    bench.final_words("yes");
    assert_eq!(
        (bench.answer().reply.clone(), bench.answer().attempts),
        (Reply::Choice("yes".to_owned()), 1)
    );
}

#[test]
fn without_a_mark_a_prompt_is_assumed_until_a_later_mark_comes_back() {
    let mut bench = Bench::new();
    bench.return_marks = false;
    bench.command(Command::Say(spoken("one")));
    bench.command(Command::Drain);
    bench.pass(3_000);
    assert!(
        bench.happened("ended one Assumed").is_some(),
        "{:#?}",
        bench.log
    );
    bench.return_marks = true;
    bench.marks.clear();
    bench.command(Command::Say(spoken("two")));
    bench.pass(1_500);
    assert!(
        bench.happened("ended two Whole").is_some() && bench.happened("confirmed 1").is_some(),
        "{:#?}",
        bench.log
    );
}

#[test]
fn a_line_without_audio_is_reported_and_then_given_up() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    for _ in 0..70 {
        bench.now_ms += 1_000;
        bench.machine.tick(bench.now_ms);
        bench.settle();
    }
    assert_eq!(bench.happened("no media"), Some(4_000));
    assert_eq!(
        bench.happened("peer lost"),
        Some(60_000),
        "longer than where audio has stopped: the caller may have keys"
    );
}

#[test]
fn drain_waits_until_all_was_heard() {
    let mut bench = Bench::new();
    bench.command(Command::Say(spoken("one")));
    bench.command(Command::Say(spoken("two")));
    bench.command(Command::Drain);
    bench.pass(1_900);
    assert_eq!(
        bench.completions,
        [
            Completion::Queued(PromptId(1)),
            Completion::Queued(PromptId(2))
        ]
    );
    bench.pass(300);
    let Some(Completion::Drained(playouts)) = bench.completions.last() else {
        panic!("{:?}", bench.completions)
    };
    assert!(
        playouts
            .iter()
            .all(|playout| playout.heard == Extent::Whole && playout.heard_ms == 1_000),
        "{playouts:?}"
    );
}

#[test]
fn lost_marks_do_not_hold_a_call_up() {
    let mut bench = Bench::new();
    bench.return_marks = false;
    bench.command(Command::Say(spoken("one")));
    bench.command(Command::Drain);
    bench.pass(2_400);
    assert_eq!(bench.completions.len(), 1, "not before the grace is over");
    bench.pass(400);
    assert!(matches!(
        bench.completions.last(),
        Some(Completion::Drained(_))
    ));
}

#[test]
fn a_hang_up_ends_every_wait_and_says_what_was_heard() {
    let mut bench = Bench::new();
    bench.prompt_ms = 6_000;
    bench.command(Command::Say(spoken("emi-details")));
    bench.command(Command::Drain);
    bench.pass(2_000);
    bench.machine.end(bench.now_ms);
    bench.settle();
    assert_eq!(
        bench.completions.last(),
        Some(&Completion::Failed(CallError::CallEnded))
    );
    assert!(bench.happened("ended emi-details Partial").is_some());
    bench.command(Command::Say(spoken("more")));
    assert_eq!(
        bench.completions.last(),
        Some(&Completion::Failed(CallError::CallEnded))
    );
}

#[test]
fn the_last_words_are_heard_before_the_stream_closes() {
    let mut bench = Bench::new();
    bench.command(Command::Say(spoken("goodbye")));
    bench.command(Command::Finish);
    bench.pass(900);
    assert_eq!(bench.happened("close"), None);
    bench.pass(300);
    assert!(bench.happened("close").is_some());
}

#[test]
fn a_noise_that_is_no_word_does_not_use_up_an_attempt() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    bench.speech = yes_wav();
    bench.recognised = Some(("", false));
    bench.pass(2_000);
    assert!(
        bench.happened("began pardon").is_none() && bench.happened("began still-there").is_none(),
        "{:#?}",
        bench.log
    );
    bench.says("yes");
    bench.pass(2_500);
    assert_eq!(bench.answer().reply, Reply::Choice("yes".to_owned()));
    assert_eq!(bench.answer().attempts, 1);
}

#[test]
fn audio_is_sent_no_further_ahead_than_it_must() {
    let mut bench = Bench::new();
    bench.prompt_ms = 10_000;
    bench.command(Command::Say(spoken("long")));
    for _ in 0..200 {
        bench.pass(20);
        let lead_ms = bench.playing_until_ms.saturating_sub(bench.now_ms);
        assert!(
            (200..=400).contains(&lead_ms),
            "{lead_ms} ms ahead at {} ms",
            bench.now_ms
        );
    }
}

#[test]
fn a_prompt_without_samples_is_passed_over() {
    let mut bench = Bench::new();
    bench.machine.command(0, Command::Say(spoken("mute")));
    while let Some(output) = bench.machine.output() {
        if let Output::Complete(completion) = output {
            bench.completions.push(completion);
        }
    }
    bench.command(Command::Drain);
    bench.pass(6_200);
    assert!(bench.happened("failed mute").is_some());
    let Some(Completion::Drained(playouts)) = bench.completions.last() else {
        panic!("{:?}", bench.completions)
    };
    assert_eq!(playouts[0].heard, Extent::Unheard);
}

#[test]
fn a_line_that_is_never_quiet_does_not_hold_a_question_up() {
    let mut bench = Bench::new();
    bench.command(Command::Ask(yes_or_no()));
    bench.pass(1_500);
    for _ in 0..4 {
        bench.speech = yes_wav();
        bench.recognised = Some(("", false));
        bench.pass(2_000);
    }
    assert!(
        bench.happened("began still-there").is_some(),
        "{:#?}",
        bench.log
    );
}

#[test]
fn a_pause_begins_when_all_was_heard_and_lasts_as_long_as_it_says() {
    let mut bench = Bench::new();
    bench.command(Command::Say(spoken("one")));
    bench.command(Command::Pause(2_000));
    bench.pass(2_800);
    assert_eq!(bench.completions, [Completion::Queued(PromptId(1))]);
    bench.pass(500);
    assert_eq!(bench.completions.last(), Some(&Completion::Paused));

    let mut bench = Bench::new();
    bench.command(Command::Pause(2_000));
    bench.machine.end(bench.now_ms);
    bench.settle();
    assert_eq!(
        bench.completions,
        [Completion::Failed(CallError::CallEnded)]
    );
}

#[test]
fn words_that_something_else_may_understand_are_handed_over_and_silence_is_not() {
    let mut bench = Bench::new();
    let mut asked = yes_or_no();
    asked.hands_over = true;
    bench.command(Command::Ask(asked));
    bench.pass(6_500);
    assert!(
        bench.happened("began still-there").is_some(),
        "{:#?}",
        bench.log
    );
    bench.pass(1_500);
    bench.says("purple elephants");
    bench.pass(3_500);
    let answer = bench.answer();
    assert_eq!(
        (&answer.reply, answer.attempts),
        (&Reply::NoMatch, 2),
        "{:#?}",
        bench.log
    );
    let words = answer.transcript.as_ref().map(|words| words.expose());
    assert_eq!(words, Some("purple elephants"));
    assert!(bench.happened("began pardon").is_none());
}
