//! Calls on a line that echoes the bot.

use std::sync::Arc;

use ghanti_audio::Encoding;
use ghanti_model::Reply;

use super::acknowledging;
use super::bench::{Bench, yes_or_no, yes_wav};
use crate::event::Event;
use crate::machine::{Command, Machine, Output};
use crate::playback::Sending;

/// A prompt of 3.7 s spoken by espeak-ng, from the test data of the `audio` crate.
pub(super) fn greeting() -> Vec<i16> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../audio/tests/data/greeting_en_8k.wav"
    );
    hound::WavReader::open(path)
        .unwrap()
        .samples::<i16>()
        .map(Result::unwrap)
        .collect()
}

/// Asks a question with the greeting on a line with an echo, while the caller speaks at
/// `caller_at_ms`. Returns the events with their times, and when the recogniser was first fed.
fn call(
    encoding: Encoding,
    echo_db: f32,
    delay_ms: usize,
    caller: &[i16],
    caller_at_ms: usize,
) -> (Vec<(u64, Event)>, Option<u64>) {
    let mut heard_ms = None;
    let gain = ghanti_audio::level::gain(echo_db);
    let greeting = greeting();
    let mut machine = Machine::new(8_000, encoding).unwrap();
    let mut decoder = ghanti_audio::Decoder::new(encoding);
    let (mut line, mut played, mut frame, mut events) =
        (vec![0_i16; 8 * 9_000], 0, Vec::new(), Vec::new());
    for (place, sample) in line[8 * caller_at_ms..].iter_mut().zip(caller) {
        *place = *sample;
    }
    machine.command(0, Command::Ask(yes_or_no()));
    for now_ms in (0..8_000).step_by(20) {
        if now_ms > 0 {
            machine.audio(
                now_ms,
                &line[8 * (now_ms as usize - 20)..8 * now_ms as usize],
            );
        }
        machine.tick(now_ms);
        loop {
            while let Some(output) = machine.output() {
                match output {
                    Output::Fetch(fetch) => {
                        machine.piece(fetch.prompt, Arc::from(greeting.as_slice()));
                        machine.pieces_complete(fetch.prompt);
                    }
                    Output::Clear => played = 8 * now_ms as usize,
                    Output::Feed(_) => heard_ms = heard_ms.or(Some(now_ms)),
                    _ => {}
                }
            }
            while let Some(event) = machine.event() {
                events.push((now_ms, event));
            }
            match machine.send(now_ms, &mut frame) {
                Some(Sending::Frame) => {
                    let mut samples = Vec::new();
                    decoder.decode(&frame, &mut samples);
                    played = played.max(8 * now_ms as usize);
                    for (place, sample) in line[(played + 8 * delay_ms).min(8 * 8_990)..]
                        .iter_mut()
                        .zip(&samples)
                    {
                        *place = place.saturating_add((f32::from(*sample) * gain).round() as i16);
                    }
                    played += samples.len();
                }
                Some(Sending::Mark(mark)) => machine.mark(now_ms, &mark),
                None => break,
            }
        }
    }
    (events, heard_ms)
}

#[test]
fn the_bots_own_echo_does_not_interrupt_it() {
    for (encoding, echo_db, delay_ms) in [
        (Encoding::Pcm16, -12.0, 0),
        (Encoding::Pcm16, -20.0, 150),
        (Encoding::MuLaw, -20.0, 300),
        (Encoding::Pcm16, -30.0, 500),
        (Encoding::Pcm16, -45.0, 150),
    ] {
        let (events, heard_ms) = call(encoding, echo_db, delay_ms, &[], 0);
        let interrupted = events
            .iter()
            .any(|(_, event)| matches!(event, Event::BargedIn { .. } | Event::Said { .. }));
        assert!(
            !interrupted && heard_ms.is_none(),
            "{encoding:?}, {echo_db} dB after {delay_ms} ms: {events:#?}"
        );
        assert!(
            events
                .iter()
                .any(|(_, event)| matches!(event, Event::Listening)),
            "{events:#?}"
        );
    }
}

#[test]
fn a_caller_is_heard_over_the_echo() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../audio/tests/data/no_wrong_number_8k.wav"
    );
    let caller: Vec<i16> = hound::WavReader::open(path)
        .unwrap()
        .samples::<i16>()
        .map(Result::unwrap)
        .collect();
    let (events, heard_ms) = call(Encoding::Pcm16, -20.0, 150, &caller, 1_500);
    assert!(
        heard_ms.is_some_and(|at_ms| (1_550..2_000).contains(&at_ms)),
        "{heard_ms:?}: {events:#?}"
    );
}

/// A yes over a loudspeaker that has just been acknowledged by a sentence, whose echo comes back
/// later than that of the question did, as it does where frames are late.
fn acknowledged_over_a_loudspeaker() -> Bench {
    let gain = ghanti_audio::level::gain(-20.0);
    let mut bench = Bench::new();
    bench.prompt = Some(Arc::from(greeting()));
    bench.echo = Some((gain, 120));
    bench.command(Command::Ask(acknowledging()));
    bench.pass(3_700 + 600);
    bench.says_at_once("yes");
    while bench.happened("began okay").is_none() {
        assert!(bench.now_ms < 8_000, "{:#?}", bench.log);
        bench.pass(20);
    }
    bench.echo = Some((gain, 300));
    bench
}

#[test]
fn the_echo_of_an_acknowledgement_is_none_of_the_callers_words() {
    let mut bench = acknowledged_over_a_loudspeaker();
    let fed = bench.fed;
    bench.pass(3_000);
    assert_eq!(bench.fed - fed, 0, "{:#?}", bench.log);
    assert_eq!(bench.answer().reply, Reply::Choice("yes".to_owned()));
}

#[test]
fn what_the_caller_adds_behind_an_acknowledgement_is_heard_from_its_first_sound() {
    let mut bench = acknowledged_over_a_loudspeaker();
    bench.pass(400);
    let fed = bench.fed;
    bench.speech = yes_wav();
    bench.partial = Some("yes no");
    bench.recognised = Some(("yes no", false));
    bench.pass(3_000);
    assert!(
        bench.fed - fed >= 2 * yes_wav().len(),
        "16 kHz: {} {:#?}",
        bench.fed - fed,
        bench.log
    );
    assert!(bench.completions.is_empty(), "{:?}", bench.completions);
}
