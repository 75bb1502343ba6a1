//! Prompts that the caller's voice pauses: how soon, from where they go on, and when they do not.

use std::sync::Arc;

use ghanti_model::{Extent, Reply};

use super::bench::{Bench, disclosure, spoken, yes_or_no, yes_wav};
use super::echo::greeting;
use crate::machine::Command;
use crate::question::{Answers, Asked};

/// The bench's caller says "yes", whatever is understood: its recording in milliseconds.
fn word_ms() -> u64 {
    yes_wav().len() as u64 / 8
}

/// Its first sound: there is silence before it.
const SOUND_MS: u64 = 220;

/// A greeting of 3.7 s is being said, and the caller is silent.
fn greeted() -> Bench {
    let mut bench = Bench::new();
    bench.prompt = Some(Arc::from(greeting()));
    bench.command(Command::Ask(yes_or_no()));
    bench
}

/// Of each event of that kind: when it was, and the milliseconds that it tells.
fn times_of(bench: &Bench, kind: &str) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for line in &bench.log {
        if let [at, name, _template, ms] = line.split(' ').collect::<Vec<_>>()[..]
            && name == kind
        {
            found.push((at.parse().unwrap(), ms.parse().unwrap()));
        }
    }
    found
}

fn count(bench: &Bench, what: &str) -> usize {
    let ends = format!(" {what}");
    bench
        .log
        .iter()
        .filter(|line| line.ends_with(&ends))
        .count()
}

/// The bot was paused once and went on from what the caller had not heard, a word early at most.
fn assert_went_on(bench: &Bench, prompt: &[i16]) {
    let (paused, resumed) = (times_of(bench, "paused"), times_of(bench, "resumed"));
    let ([(paused_ms, heard_ms)], [(resumed_ms, from_ms)]) = (&paused[..], &resumed[..]) else {
        panic!("{:#?}", bench.log)
    };
    assert!(
        from_ms <= heard_ms && heard_ms - from_ms <= 1_000,
        "heard {heard_ms}, goes on from {from_ms}"
    );
    let at = |ms: &u64| *ms as usize * 8;
    assert!(
        bench.heard[at(paused_ms)..at(resumed_ms)]
            .iter()
            .all(|sample| *sample == 0),
        "silence while it is paused"
    );
    let rest = &prompt[at(from_ms)..];
    assert_eq!(bench.heard[at(resumed_ms)..][..rest.len()], *rest);
}

#[test]
fn a_hello_over_the_greeting_pauses_it_within_300_ms_and_it_goes_on_from_where_it_was() {
    for at_ms in [300, 700, 1_400, 2_100, 2_700] {
        let mut bench = greeted();
        bench.pass(at_ms);
        bench.says_at_once("hello");
        bench.pass(7_000);
        let paused_ms = times_of(&bench, "paused")[0].0;
        assert!(
            paused_ms <= at_ms + SOUND_MS + 300 && bench.happened("clear") == Some(paused_ms),
            "{at_ms}: {:#?}",
            bench.log
        );
        let resumed_ms = times_of(&bench, "resumed")[0].0;
        assert!(
            resumed_ms <= at_ms + word_ms() + 1_000,
            "{at_ms}: {:#?}",
            bench.log
        );
        assert_went_on(&bench, &greeting());
        assert!(
            bench.happened("ended greeting Whole").is_some()
                && bench.happened("barged-in").is_none()
                && bench.happened("began pardon").is_none(),
            "{:#?}",
            bench.log
        );
    }
}

#[test]
fn a_hmm_that_is_no_word_pauses_and_spends_no_attempt() {
    let mut bench = greeted();
    bench.pass(1_400);
    bench.speech = yes_wav();
    bench.recognised = Some(("", false));
    bench.pass(5_500);
    assert_went_on(&bench, &greeting());
    bench.says("yes");
    bench.pass(2_500);
    let answer = bench.answer();
    assert_eq!(
        (&answer.reply, answer.attempts, answer.playouts[0].heard),
        (&Reply::Choice("yes".to_owned()), 1, Extent::Whole)
    );
}

#[test]
fn a_cough_does_not_even_pause() {
    let mut bench = greeted();
    bench.pass(1_000);
    // noise with a sudden start that fades within 300 ms
    let mut state = 7_u32;
    bench.speech = (0..2_400)
        .map(|nth| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 16) as f32 / 32_768.0 - 1.0;
            (9_000.0 * noise * (-5.0 * nth as f32 / 2_400.0).exp()) as i16
        })
        .collect();
    bench.recognised = Some(("", false));
    bench.pass(4_000);
    assert_eq!(bench.happened("clear"), None, "{:#?}", bench.log);
}

#[test]
fn an_answer_to_a_question_that_is_put_again_stops_it_for_good() {
    let mut bench = greeted();
    bench.pass(3_700 + 6_000);
    assert!(bench.happened("began still-there").is_some());
    let at_ms = bench.now_ms;
    bench.says_at_once("no");
    bench.pass(2_500);
    let paused_ms = times_of(&bench, "paused")[0].0;
    assert!(paused_ms <= at_ms + SOUND_MS + 300, "{:#?}", bench.log);
    assert_eq!(bench.answer().reply, Reply::Choice("no".to_owned()));
    assert!(
        bench.happened("barged-in").is_some()
            && bench.happened("ended still-there Partial").is_some()
            && times_of(&bench, "resumed").is_empty(),
        "{:#?}",
        bench.log
    );
    assert_eq!(count(&bench, "clear"), 1);
    assert!(
        bench.heard.len() <= paused_ms as usize * 8,
        "not a sound after it"
    );
}

#[test]
fn a_yes_that_has_paused_the_question_is_acknowledged_as_soon_as_any_other() {
    let mut bench = Bench::new();
    bench.prompt = Some(Arc::from(greeting()));
    bench.command(Command::Ask(super::acknowledging()));
    bench.pass(3_700 + 6_000);
    assert!(bench.happened("began still-there").is_some());
    let at_ms = bench.now_ms;
    bench.says_at_once("yes");
    bench.pass(3_000);
    let acknowledged_ms = bench.happened("began okay").unwrap();
    assert!(
        acknowledged_ms <= at_ms + word_ms() + 200,
        "{:#?}",
        bench.log
    );
    bench.pass(3_000);
    assert_eq!(bench.answer().reply, Reply::Choice("yes".to_owned()));
    assert_eq!(count(&bench, "barged-in"), 1, "{:#?}", bench.log);
    assert!(bench.happened("ended okay Whole").is_some());
}

#[test]
fn free_speech_pauses_and_stops_the_question_it_answers() {
    let mut bench = greeted();
    bench.pass(100);
    bench.machine.abandon(bench.now_ms);
    bench.settle();
    let asked = Asked {
        answers: Answers::Open,
        ..*yes_or_no()
    };
    bench.command(Command::Ask(Box::new(asked)));
    bench.pass(3_300);
    bench.says("ravi kumar");
    bench.pass(3_500);
    assert_eq!(bench.answer().reply, Reply::Text("ravi kumar".into()));
    assert!(bench.happened("ended greeting Partial").is_some());
    assert!(times_of(&bench, "resumed").is_empty(), "{:#?}", bench.log);
}

#[test]
fn a_prompt_that_may_not_be_interrupted_is_never_paused() {
    let mut bench = Bench::new();
    bench.prompt = Some(Arc::from(greeting()));
    bench.command(Command::Say(disclosure()));
    bench.command(Command::Ask(yes_or_no()));
    for _ in 0..4 {
        bench.says_at_once("okay");
        bench.pass(900);
    }
    assert_eq!(bench.happened("clear"), None, "{:#?}", bench.log);
    bench.pass(500);
    assert!(bench.happened("ended disclosure Whole").is_some());
}

#[test]
fn after_three_pauses_for_nothing_it_plays_on() {
    let mut bench = greeted();
    for _ in 0..4 {
        bench.says("hello");
        bench.pass(2_000);
    }
    assert_eq!(times_of(&bench, "paused").len(), 3, "{:#?}", bench.log);
    assert_eq!(count(&bench, "clear"), 3);
    assert!(bench.happened("ended greeting Whole").is_some());
}

#[test]
fn who_talks_on_and_on_is_waited_for_two_seconds() {
    let mut bench = greeted();
    bench.pass(1_000);
    // the first word might be a "hmm", so that the greeting goes on in the pause behind it
    bench.speech = yes_wav().repeat(10);
    bench.recognised = Some(("", true));
    bench.pass(9_000);
    let (paused, resumed) = (times_of(&bench, "paused"), times_of(&bench, "resumed"));
    let lasted: Vec<_> = paused
        .iter()
        .zip(&resumed)
        .map(|((from_ms, _), (until_ms, _))| until_ms - from_ms)
        .collect();
    assert!(
        matches!(lasted[..], [400..=600, 1_900..=2_100]),
        "{lasted:?} {:#?}",
        bench.log
    );
}

#[test]
fn a_hmm_holds_the_greeting_up_for_half_a_second() {
    let mut bench = greeted();
    bench.pass(1_000);
    bench.speech = yes_wav();
    bench.recognised = Some(("", true));
    bench.pass(6_000);
    let (paused, resumed) = (times_of(&bench, "paused"), times_of(&bench, "resumed"));
    assert_eq!((paused.len(), resumed.len()), (1, 1), "{:#?}", bench.log);
    assert!(resumed[0].0 - paused[0].0 <= 600, "{:#?}", bench.log);
    assert!(bench.happened("ended greeting Whole").is_some());
}

#[test]
fn a_wrong_number_that_is_no_answer_in_the_end_lets_the_greeting_go_on() {
    let mut bench = greeted();
    bench.pass(1_000);
    bench.says_at_once("wrong number");
    bench.recognised = Some(("", false));
    bench.pass(7_000);
    assert_went_on(&bench, &greeting());
    assert_eq!(count(&bench, "began greeting"), 1);
    assert!(bench.happened("ended greeting Whole").is_some());
}

#[test]
fn without_marks_a_paused_prompt_goes_on_and_is_not_known_to_have_been_heard() {
    let mut bench = greeted();
    bench.return_marks = false;
    bench.pass(1_800);
    bench.says("hello");
    bench.pass(1_500);
    assert_eq!(times_of(&bench, "resumed").len(), 1, "{:#?}", bench.log);
    let from_ms = times_of(&bench, "resumed")[0].1;
    assert!(
        from_ms >= 1_200,
        "it is not said again from the start: {:#?}",
        bench.log
    );
    // only the marks of what follows come back
    bench.marks.clear();
    bench.return_marks = true;
    bench.pass(3_500);
    bench.says("no");
    bench.pass(2_500);
    let extent = bench.answer().playouts[0].heard;
    assert_eq!(extent, Extent::Assumed, "{:#?}", bench.log);
    bench.command(Command::Say(spoken("goodbye")));
    bench.pass(4_500);
    assert!(bench.happened("ended goodbye Whole").is_some());
    assert!(
        bench.happened("confirmed 1").is_none(),
        "no later mark tells that the gap was heard: {:#?}",
        bench.log
    );
}

#[test]
fn a_mark_that_comes_back_because_its_audio_was_dropped_confirms_nothing() {
    for at_ms in [900, 2_000, 2_800] {
        let mut bench = greeted();
        bench.return_dropped = true;
        bench.pass(at_ms);
        bench.says("hello");
        bench.pass(700);
        let Some((paused_ms, heard_ms)) = times_of(&bench, "paused").first().copied() else {
            panic!("{:#?}", bench.log)
        };
        assert!(bench.happened("ended greeting Whole").is_none());
        bench.pass(6_000);
        assert_went_on(&bench, &greeting());
        let ended_ms = bench.happened("ended greeting Whole").unwrap();
        let rest_ms = greeting().len() as u64 / 8 - heard_ms;
        assert!(ended_ms >= paused_ms + rest_ms, "{:#?}", bench.log);
    }
}

#[test]
fn who_hangs_up_while_it_is_paused_has_heard_so_much() {
    let mut bench = greeted();
    bench.pass(1_400);
    bench.says("hello");
    bench.pass(500);
    let (_, heard_ms) = times_of(&bench, "paused")[0];
    assert!((1_500..1_850).contains(&heard_ms), "{:#?}", bench.log);
    bench.machine.end(bench.now_ms);
    bench.settle();
    assert!(
        bench.happened("ended greeting Partial").is_some(),
        "{:#?}",
        bench.log
    );
}

#[test]
fn a_key_that_is_kept_for_later_lets_a_paused_prompt_go_on() {
    let mut bench = greeted();
    bench.pass(1_000);
    bench.says("hello");
    bench.pass(400);
    assert_eq!(times_of(&bench, "paused").len(), 1);
    bench.machine.key(bench.now_ms, '7');
    bench.settle();
    assert_eq!(times_of(&bench, "resumed").len(), 1, "{:#?}", bench.log);
    bench.pass(5_000);
    assert!(bench.happened("ended greeting Whole").is_some());
}

/// The bot's own voice pauses nothing, also where it goes on after a pause: the echo is looked for
/// in what is really sent.
#[test]
fn the_echo_of_a_prompt_that_went_on_does_not_pause_it_again() {
    for (echo_db, late_ms) in [
        (-12.0, 0),
        (-12.0, 200),
        (-20.0, 150),
        (-20.0, 400),
        (-30.0, 300),
        (-30.0, 500),
        (-45.0, 150),
    ] {
        for at_ms in [800, 1_500, 2_200] {
            let mut bench = greeted();
            bench.echo = Some((ghanti_audio::level::gain(echo_db), late_ms));
            bench.pass(at_ms);
            bench.says("hello");
            bench.pass(8_000);
            let paused = times_of(&bench, "paused");
            assert!(
                paused.len() == 1 && bench.happened("ended greeting Whole").is_some(),
                "{echo_db} dB, {late_ms} ms late, hello at {at_ms}: {:#?}",
                bench.log
            );
        }
    }
}
