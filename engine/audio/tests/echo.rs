//! The bot's own voice comes back: attenuated, delayed, with noise and through the line's encoding.
//! It must not become a turn.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;

use common::{
    Call, agent_please, gained, greeting_en, greeting_hi, hello, mix, mix_at, no_wrong_number,
    noise,
};
use ghanti_audio::{Encoding, convert, level};

const STARTS_MS: usize = 500;
const DELAYS_MS: [usize; 5] = [0, 50, 150, 300, 500];

/// A line on which a prompt is echoed.
fn line(prompt: &[i16], echo_db: f32, delay_ms: usize, noise_dbfs: Option<f32>) -> Vec<i16> {
    let length = prompt.len() + 8 * 1_500;
    let mut line = noise_dbfs.map_or_else(
        || vec![0; length],
        |level_dbfs| noise(7, level_dbfs, length),
    );
    mix(&mut line, STARTS_MS + delay_ms, &gained(prompt, echo_db));
    line
}

#[test]
fn the_bots_own_voice_is_no_turn() {
    for (name, prompt) in [("English", greeting_en()), ("Hindi", greeting_hi())] {
        for echo_db in [-12.0, -20.0, -30.0, -45.0] {
            for delay_ms in DELAYS_MS {
                for noise_dbfs in [None, Some(-55.0)] {
                    let heard = Call::new(line(&prompt, echo_db, delay_ms, noise_dbfs))
                        .playing(STARTS_MS, &prompt)
                        .hear();
                    assert_eq!(
                        heard.turns,
                        [],
                        "{name}, {echo_db} dB after {delay_ms} ms, noise {noise_dbfs:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn without_the_guard_it_would_be_one() {
    let prompt = greeting_en();
    assert!(
        !Call::new(line(&prompt, -20.0, 150, None))
            .hear()
            .turns
            .is_empty()
    );
}

#[test]
fn echo_is_known_at_every_rate_and_encoding() {
    for (rate_hz, encoding) in [
        (8_000, Encoding::MuLaw),
        (16_000, Encoding::Pcm16),
        (24_000, Encoding::Pcm16),
    ] {
        let prompt = convert(&greeting_en(), 8_000, rate_hz as u32).unwrap();
        for echo_db in [-12.0, -30.0] {
            let mut line = vec![0; prompt.len() + 2 * rate_hz];
            mix_at(
                &mut line,
                rate_hz,
                STARTS_MS + 150,
                &gained(&prompt, echo_db),
            );
            let heard = Call {
                rate_hz,
                encoding,
                ..Call::new(line)
            }
            .playing(STARTS_MS, &prompt)
            .hear();
            assert_eq!(
                heard.turns,
                [],
                "{encoding:?} at {rate_hz} Hz, {echo_db} dB"
            );
        }
    }
}

#[test]
fn echo_over_two_ways_and_with_reflections_is_no_turn() {
    let prompt = greeting_hi();
    let mut line = noise(3, -60.0, prompt.len() + 8 * 1_500);
    for (delay_ms, echo_db) in [(150, -18.0), (152, -25.0), (154, -28.0), (230, -27.0)] {
        mix(&mut line, STARTS_MS + delay_ms, &gained(&prompt, echo_db));
    }
    assert_eq!(Call::new(line).playing(STARTS_MS, &prompt).hear().turns, []);
}

#[test]
fn echo_in_bursts_after_a_stall_is_no_turn() {
    let prompt = greeting_en();
    let call = Call::new(line(&prompt, -20.0, 150, Some(-55.0))).playing(STARTS_MS, &prompt);
    // nothing arrives from 2.0 to 2.4 s, then all of it at once
    let heard = call.hear_when(|ended_ms| {
        if (2_000..2_400).contains(&ended_ms) {
            2_400
        } else {
            ended_ms
        }
    });
    assert_eq!(heard.turns, []);
}

#[test]
fn a_delay_that_changes_between_prompts_is_found_again() {
    let (first, second) = (greeting_en(), greeting_hi());
    let second_ms = STARTS_MS + first.len() / 8 + 700;
    let mut line = noise(5, -58.0, 8 * (second_ms + 1_500) + second.len());
    mix(&mut line, STARTS_MS + 80, &gained(&first, -18.0));
    mix(&mut line, second_ms + 260, &gained(&second, -26.0));
    let heard = Call::new(line)
        .playing(STARTS_MS, &first)
        .playing(second_ms, &second)
        .hear();
    assert_eq!(heard.turns, []);
}

#[test]
fn a_caller_who_speaks_over_the_bot_is_heard_at_once() {
    let callers = [
        ("agent", agent_please()),
        ("no", no_wrong_number()),
        ("hello", hello()),
    ];
    // "agent" starts with a short yes and a pause
    let (mut late, mut calls) = (Vec::new(), 0);
    for (words, caller) in &callers {
        let alone = {
            let mut line = noise(7, -60.0, caller.len() + 8 * 3_000);
            mix(&mut line, 2_000, caller);
            Call::new(line).hear().interrupted_ms.unwrap() - 2_000
        };
        assert!(alone < 400 || *words == "agent", "{words}: {alone} ms");
        for (name, prompt) in [("English", greeting_en()), ("Hindi", greeting_hi())] {
            for echo_db in [-12.0, -20.0, -30.0] {
                for delay_ms in [0, 150, 500] {
                    for at_ms in [1_100, 2_000] {
                        let mut line = line(&prompt, echo_db, delay_ms, Some(-60.0));
                        mix(&mut line, at_ms, caller);
                        let heard = Call::new(line).playing(STARTS_MS, &prompt).hear();
                        calls += 1;
                        if heard
                            .interrupted_ms
                            .is_none_or(|heard_ms| heard_ms > at_ms as u64 + alone + 100)
                        {
                            late.push(format!(
                                "{words} over {name} at {at_ms}, {echo_db} dB, {delay_ms} ms: {:?}",
                                heard.interrupted_ms
                            ));
                        }
                    }
                }
            }
        }
    }
    assert!(
        late.len() * 20 <= calls,
        "{} of {calls} late: {late:#?}",
        late.len()
    );
}

#[test]
fn a_caller_as_loud_as_the_echo_is_heard() {
    let prompt = greeting_en();
    let mut line = line(&prompt, -12.0, 150, Some(-60.0));
    mix(&mut line, 1_500, &gained(&agent_please(), -12.0));
    let heard = Call::new(line).playing(STARTS_MS, &prompt).hear();
    assert!(heard.voiced_ms >= 240, "{heard:?}");
}

/// What is left is the first moment, which is too short to be recognised; how long it is depends on
/// where in a frame the echo begins.
#[test]
fn the_recogniser_gets_silence_in_place_of_echo() {
    let prompt = greeting_hi();
    let removed_db: Vec<f32> = (150..166)
        .map(|delay_ms| {
            let call = Call::new(line(&prompt, -15.0, delay_ms, None));
            let without = call.hear().samples_16k;
            let with = call.playing(STARTS_MS, &prompt).hear().samples_16k;
            level::rms_dbfs(&without) - level::rms_dbfs(&with)
        })
        .collect();
    let mean = removed_db.iter().sum::<f32>() / removed_db.len() as f32;
    assert!(mean > 15.0, "{mean}: {removed_db:?}");
    assert!(removed_db.iter().all(|db| *db > 12.0), "{removed_db:?}");
}

/// Where nothing of the prompt comes back, an answer is passed on as it is, but for a few that are
/// 20 dB quieter than the prompt.
#[test]
fn an_answer_on_a_line_without_echo_is_no_echo() {
    let (mut silenced, mut loud, mut calls) = (Vec::new(), 0, 0);
    for (name, prompt) in [("English", greeting_en()), ("Hindi", greeting_hi())] {
        for (words, caller) in [
            ("agent", agent_please()),
            ("no", no_wrong_number()),
            ("hello", hello()),
        ] {
            for level_db in [0.0, -10.0, -20.0] {
                for noise_dbfs in [None, Some(-60.0)] {
                    for later_ms in (0..800).step_by(13) {
                        let at_ms = STARTS_MS + prompt.len() / 8 + later_ms;
                        let mut line = noise_dbfs.map_or_else(
                            || vec![0; 8 * (at_ms + 1_500) + caller.len()],
                            |level_dbfs| noise(7, level_dbfs, 8 * (at_ms + 1_500) + caller.len()),
                        );
                        mix(&mut line, at_ms, &gained(&caller, level_db));
                        let call = Call::new(line);
                        let alone = call.hear().samples_16k;
                        let heard = call.playing(STARTS_MS, &prompt).hear().samples_16k;
                        calls += 1;
                        let differing = alone
                            .iter()
                            .zip(&heard)
                            .filter(|(alone, heard)| alone != heard)
                            .count();
                        if differing > 0 && level_db > -20.0 {
                            loud += 1;
                        }
                        if differing > 0 {
                            silenced.push(format!(
                                "{words} at {level_db} dB, {later_ms} ms after {name}, noise {noise_dbfs:?}: {} ms",
                                differing / 16
                            ));
                        }
                    }
                }
            }
        }
    }
    assert!(
        loud == 0 && silenced.len() * 200 <= calls,
        "{} of {calls}: {silenced:#?}",
        silenced.len()
    );
}
