//! Other sounds on a line: a room full of voices, noise, tones, music. None of them is the caller,
//! who must still be heard.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;

use common::{
    Call, agent_please, babble, gained, greeting_en, greeting_hi, hello, mix, no_wrong_number,
    noise, tones,
};
use ghanti_audio::TurnEvent;

const SECOND: usize = 8_000;

/// Adds a little line noise.
fn line(samples: &[i16]) -> Vec<i16> {
    let mut line = noise(9, -65.0, samples.len());
    mix(&mut line, 0, samples);
    line
}

#[test]
fn babble_and_noise_are_no_turn() {
    for level_dbfs in [-35.0, -40.0, -45.0] {
        for seed in 1..=3 {
            let heard = Call::new(line(&babble(seed, level_dbfs, 12 * SECOND))).hear();
            assert!(
                heard.voiced_ms < 240,
                "babble {seed} at {level_dbfs} dBFS: {heard:?}",
                heard = heard.turns
            );
        }
    }
    for level_dbfs in [-25.0, -35.0, -45.0] {
        let heard = Call::new(noise(4, level_dbfs, 12 * SECOND)).hear();
        assert_eq!(heard.turns, [], "white noise at {level_dbfs} dBFS");
    }
}

#[test]
fn the_caller_is_heard_over_babble_and_their_turn_ends() {
    for (level_dbfs, caller_db) in [(-35.0, 0.0), (-40.0, 0.0), (-45.0, 0.0), (-45.0, -10.0)] {
        for (words, caller) in [
            ("agent", agent_please()),
            ("no", no_wrong_number()),
            ("hello", hello()),
        ] {
            let mut line = line(&babble(2, level_dbfs, 12 * SECOND));
            mix(&mut line, 6_000, &gained(&caller, caller_db));
            let heard = Call::new(line).hear();
            // "agent" starts with a short yes and a pause
            let name = format!("{words} at {caller_db} dB over babble at {level_dbfs} dBFS");
            assert!(
                heard.interrupted_ms.is_some_and(|at_ms| at_ms < 6_600),
                "{name}: {:?}",
                heard.interrupted_ms
            );
            let over_ms = 6_000 + caller.len() as u64 / 8 + 2_000;
            assert!(
                heard.ended_ms.is_some_and(|ended_ms| ended_ms < over_ms),
                "{name}: ended at {:?}",
                heard.ended_ms
            );
        }
    }
}

#[test]
fn a_television_15_db_below_the_caller_does_not_pause_the_bot_and_the_caller_beside_it_does() {
    let prompt = greeting_en();
    let television = |level_dbfs: f32| gained(&greeting_hi(), level_dbfs + 20.0);
    for level_dbfs in [-35.0, -38.0, -45.0] {
        for before_ms in [0, 700, 1_500] {
            let mut alone = noise(9, -65.0, 5 * SECOND);
            let voice = television(level_dbfs);
            mix(&mut alone, 0, &voice[8 * before_ms..]);
            let heard = Call::new(alone.clone()).playing(0, &prompt).hear();
            assert_eq!(heard.paused_ms, None, "at {level_dbfs} dBFS");
            for (words, caller) in [("no", no_wrong_number()), ("hello", hello())] {
                let mut beside = alone.clone();
                mix(&mut beside, 1_600, &caller);
                let heard = Call::new(beside).playing(0, &prompt).hear();
                assert!(
                    heard
                        .paused_ms
                        .is_some_and(|at_ms| (1_600..1_900).contains(&at_ms)),
                    "{words} beside {level_dbfs} dBFS: {:?}",
                    heard.paused_ms
                );
            }
        }
    }
    // a voice as loud as that of a caller cannot be distinguished from theirs
    let near = Call::new(line(&television(-20.0))).playing(0, &prompt);
    assert!(near.hear().paused_ms.is_some());
}

#[test]
fn a_quiet_caller_pauses_the_bot_where_nothing_else_is_heard() {
    let prompt = greeting_en();
    for (words, caller) in [("no", no_wrong_number()), ("hello", hello())] {
        // on a line that is not known yet, and on one with a background, it can be somebody else
        for (noise_dbfs, at_ms, is_paused) in [
            (-65.0, 1_600, true),
            (-65.0, 300, false),
            (-50.0, 1_600, false),
        ] {
            let mut line = noise(9, noise_dbfs, 5 * SECOND);
            mix(&mut line, at_ms, &gained(&caller, -20.0));
            let heard = Call::new(line).playing(0, &prompt).hear();
            let in_time = at_ms as u64..at_ms as u64 + 400;
            assert_eq!(
                heard
                    .paused_ms
                    .filter(|at_ms| in_time.contains(at_ms))
                    .is_some(),
                is_paused,
                "{words} over {noise_dbfs} dBFS at {at_ms} ms: {:?}",
                heard.paused_ms
            );
        }
    }
}

#[test]
fn clicks_coughs_tones_and_noise_do_not_pause_the_bot() {
    let prompt = greeting_en();
    let length = 3 * SECOND;
    let cough: Vec<i16> = noise(12, -16.0, 2_400)
        .iter()
        .enumerate()
        .map(|(n, sample)| (f32::from(*sample) * (-(n as f32) / 480.0).exp()) as i16)
        .collect();
    for (name, sound) in [
        (
            "clicks",
            [vec![12_000_i16; 16], vec![0; 3_984]].concat().repeat(4),
        ),
        ("coughs", [cough, vec![0; 1_600]].concat().repeat(4)),
        (
            "ringback",
            tones(&[400.0, 425.0], -18.0, (400, 200), length),
        ),
        ("a beep", tones(&[1_000.0], -15.0, (700, 300), length)),
        ("noise", noise(13, -22.0, length)),
    ] {
        let mut line = noise(9, -65.0, 4 * SECOND);
        mix(&mut line, 700, &sound);
        let heard = Call::new(line).playing(0, &prompt).hear();
        assert_eq!(heard.paused_ms, None, "{name}");
    }
}

#[test]
fn tones_are_no_turn() {
    for (name, tones_hz, level_dbfs, cadence) in [
        ("ringback of India", &[400.0, 450.0][..], -20.0, (400, 200)),
        ("ringback of Europe", &[425.0], -15.0, (1_000, 4_000)),
        (
            "ringback of America",
            &[440.0, 480.0],
            -18.0,
            (2_000, 4_000),
        ),
        (
            "beep of an answering machine",
            &[1_000.0],
            -15.0,
            (500, 3_000),
        ),
        ("calling fax machine", &[1_100.0], -15.0, (500, 3_000)),
        ("answering fax machine", &[2_100.0], -15.0, (3_000, 1_000)),
        ("a key", &[697.0, 1_209.0], -12.0, (100, 900)),
        ("busy", &[400.0], -25.0, (750, 750)),
    ] {
        let heard = Call::new(line(&tones(tones_hz, level_dbfs, cadence, 12 * SECOND))).hear();
        assert_eq!(heard.turns, [], "{name}");
    }
}

#[test]
fn steady_chords_are_no_turn() {
    let mut chords = vec![0; 12 * SECOND];
    for (n, tones_hz) in [
        [262.0, 330.0, 392.0, 784.0],
        [220.0, 262.0, 330.0, 660.0],
        [175.0, 220.0, 262.0, 523.0],
    ]
    .iter()
    .enumerate()
    {
        mix(
            &mut chords,
            4_000 * n,
            &tones(tones_hz, -22.0, (1, 0), 4 * SECOND),
        );
    }
    let heard = Call::new(line(&chords)).hear();
    assert!(heard.voiced_ms < 240, "{heard:?}", heard = heard.turns);
}

#[test]
fn a_quiet_caller_on_a_clean_line_is_heard() {
    for noise_dbfs in [-80.0, -65.0] {
        for gain_db in [0.0, -10.0, -20.0] {
            for at_ms in [300, 3_000] {
                let mut line = noise(2, noise_dbfs, 6 * SECOND);
                mix(&mut line, at_ms, &gained(&hello(), gain_db));
                let heard = Call::new(line).hear();
                let name = format!("{gain_db} dB at {at_ms} ms over {noise_dbfs} dBFS");
                assert!(
                    matches!(
                        heard.turns[..],
                        [TurnEvent::Began { .. }, TurnEvent::Ended { .. }]
                    ),
                    "{name}: {:?}",
                    heard.turns
                );
                assert!(heard.voiced_ms >= 192, "{name}: {} ms", heard.voiced_ms);
            }
        }
    }
}

#[test]
fn a_tenth_of_a_second_of_speech_is_no_quarter_of_one() {
    let vowel = &agent_please()[8 * 100..8 * 200];
    let mut line = noise(2, -65.0, 3 * SECOND);
    mix(&mut line, 1_000, vowel);
    let heard = Call::new(line).hear();
    assert!(heard.voiced_ms <= 160, "{} ms", heard.voiced_ms);
    assert_eq!(heard.interrupted_ms, None);
}

#[test]
fn a_cough_is_not_counted_as_speech() {
    // shaped like a cough: two decaying bursts of noise
    let burst: Vec<i16> = noise(6, -16.0, 8 * 300)
        .iter()
        .enumerate()
        .map(|(n, sample)| sample / (1 + n as i16 / 500))
        .collect();
    for bursts_ms in [&[1_000][..], &[1_000, 1_450]] {
        let mut line = noise(2, -65.0, 4 * SECOND);
        bursts_ms
            .iter()
            .for_each(|&at_ms| mix(&mut line, at_ms, &burst));
        let heard = Call::new(line).hear();
        assert!(
            heard.voiced_ms < 100,
            "{bursts_ms:?}: {} ms, {:?}",
            heard.voiced_ms,
            heard.turns
        );
    }
}
