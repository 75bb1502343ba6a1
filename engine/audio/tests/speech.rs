//! Real words through the whole inbound path: wire bytes, samples, 16 kHz, voice activity, turns.
//!
//! `data/agent_please_8k.wav` is flite's voice `slt` saying "Yes, I would like to talk to an agent,
//! please", at 8 kHz.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use ghanti_audio::{
    Decoder, Encoding, Resampler, TurnDetector, TurnEvent, TurnSettings, VoiceActivity, level,
};

const LEAD_MS: u64 = 1_000;

/// A second of line noise, the words, and 1.2 seconds of line noise, with the times at which the
/// words start and end.
fn call(noise_amplitude: i32) -> (Vec<i16>, u64, u64) {
    let words: Vec<i16> = hound::WavReader::new(&include_bytes!("data/agent_please_8k.wav")[..])
        .unwrap()
        .samples()
        .map(Result::unwrap)
        .collect();
    let loud = |block: &[i16]| level::rms_dbfs(block) > -40.0;
    let blocks: Vec<&[i16]> = words.chunks(80).collect();
    let first = blocks.iter().position(|block| loud(block)).unwrap();
    let last = blocks.iter().rposition(|block| loud(block)).unwrap();
    let mut samples = vec![0; 8 * LEAD_MS as usize];
    samples.extend_from_slice(&words);
    samples.extend(vec![0; 8 * 1_200]);
    let mut state = 1_u64;
    for sample in &mut samples {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let noise = (state >> 40) as i32 % (2 * noise_amplitude + 1) - noise_amplitude;
        *sample = sample.saturating_add(noise as i16);
    }
    (
        samples,
        LEAD_MS + first as u64 * 10,
        LEAD_MS + (last as u64 + 1) * 10,
    )
}

fn turns_of(
    samples: &[i16],
    encoding: Encoding,
    message_bytes: usize,
    settings: TurnSettings,
) -> Vec<TurnEvent> {
    let mut wire = Vec::new();
    encoding.encode(samples, &mut wire);
    let mut decoder = Decoder::new(encoding);
    let mut resampler = Resampler::new(8_000, 16_000).unwrap();
    let mut voice = VoiceActivity::new();
    let mut turns = TurnDetector::new(settings);
    let (mut pcm, mut pcm_16k, mut events, mut judged_ms) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for message in wire.chunks(message_bytes) {
        pcm.clear();
        pcm_16k.clear();
        decoder.decode(message, &mut pcm);
        resampler.push(&pcm, &mut pcm_16k);
        voice.push(&pcm_16k, |frame| {
            judged_ms += 16;
            events.extend(turns.push(frame, judged_ms));
        });
    }
    events
}

#[test]
fn a_sentence_is_one_turn_with_its_beginning_and_end() {
    for (encoding, noise_amplitude) in [
        (Encoding::Pcm16, 3),
        (Encoding::Pcm16, 300),
        (Encoding::MuLaw, 3),
        (Encoding::MuLaw, 300),
    ] {
        let (samples, starts_ms, ends_ms) = call(noise_amplitude);
        let events = turns_of(&samples, encoding, 320, TurnSettings::default());
        let [
            TurnEvent::Began { at_ms: began_ms },
            TurnEvent::Ended { at_ms: ended_ms },
        ] = events[..]
        else {
            panic!("{encoding:?}, noise {noise_amplitude}: {events:?}")
        };
        assert!(
            began_ms.abs_diff(starts_ms) <= 100,
            "{encoding:?}, noise {noise_amplitude}: began {began_ms}, words from {starts_ms}"
        );
        // voice activity is released 100 to 170 ms after the last sound above -40 dBFS
        assert!(
            ended_ms.abs_diff(ends_ms) <= 200,
            "{encoding:?}, noise {noise_amplitude}: ended {ended_ms}, words until {ends_ms}"
        );
    }
}

#[test]
fn the_turn_does_not_depend_on_the_size_of_messages() {
    let (samples, ..) = call(30);
    let expected = turns_of(&samples, Encoding::Pcm16, 320, TurnSettings::default());
    for message_bytes in [1, 333, 1_731, 3_200] {
        assert_eq!(
            turns_of(
                &samples,
                Encoding::Pcm16,
                message_bytes,
                TurnSettings::default()
            ),
            expected,
            "{message_bytes} bytes"
        );
    }
}

#[test]
fn a_click_on_the_line_is_no_turn() {
    let (mut samples, ..) = call(3);
    samples.truncate(8 * LEAD_MS as usize);
    samples.extend(vec![0; 8 * 1_000]);
    for (n, sample) in samples[4_000..4_160].iter_mut().enumerate() {
        *sample = if n % 2 == 0 { 20_000 } else { -20_000 } / (1 + n as i16 / 8);
    }
    assert_eq!(
        turns_of(&samples, Encoding::Pcm16, 320, TurnSettings::default()),
        []
    );
}

#[test]
fn a_sentence_without_end_is_cut() {
    let (samples, ..) = call(3);
    let settings = TurnSettings {
        max_turn_ms: 1_500,
        ..TurnSettings::default()
    };
    let events = turns_of(&samples, Encoding::Pcm16, 320, settings);
    assert!(
        matches!(events[..], [TurnEvent::Began { .. }, TurnEvent::TooLong]),
        "{events:?}"
    );
}
