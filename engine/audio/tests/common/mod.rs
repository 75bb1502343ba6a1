//! Lines for the listening tests: clips, noise and tones mixed at given levels, and the listener's
//! results.
//!
//! `data/greeting_en_8k.wav` and `greeting_hi_8k.wav` are espeak-ng's `en-gb` and `hi` asking for a
//! customer; `no_wrong_number_8k.wav` and `hello_8k.wav` are flite's `rms` and `kal16`. All are at
//! 8 kHz and -20 dBFS, without surrounding silence.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use ghanti_audio::level::rms_dbfs;
use ghanti_audio::{Decoder, Encoding, Listener, TurnEvent, TurnSettings};

/// The settings used by a session.
pub const SETTINGS: TurnSettings = TurnSettings {
    onset_ms: 96,
    end_silence_ms: 650,
    max_turn_ms: 12_000,
};

fn wav(bytes: &[u8]) -> Vec<i16> {
    hound::WavReader::new(bytes)
        .unwrap()
        .samples()
        .map(Result::unwrap)
        .collect()
}

pub fn greeting_en() -> Vec<i16> {
    wav(include_bytes!("../data/greeting_en_8k.wav"))
}

pub fn greeting_hi() -> Vec<i16> {
    wav(include_bytes!("../data/greeting_hi_8k.wav"))
}

pub fn agent_please() -> Vec<i16> {
    let samples = wav(include_bytes!("../data/agent_please_8k.wav"));
    let loud = |block: &[i16]| rms_dbfs(block) > -40.0;
    let blocks: Vec<&[i16]> = samples.chunks(80).collect();
    let (first, last) = (
        blocks.iter().position(|block| loud(block)).unwrap(),
        blocks.iter().rposition(|block| loud(block)).unwrap(),
    );
    let words = blocks[first..=last].concat();
    let level = rms_dbfs(&words);
    gained(&words, -20.0 - level)
}

pub fn no_wrong_number() -> Vec<i16> {
    wav(include_bytes!("../data/no_wrong_number_8k.wav"))
}

pub fn hello() -> Vec<i16> {
    wav(include_bytes!("../data/hello_8k.wav"))
}

/// Louder by `gain_db`.
pub fn gained(samples: &[i16], gain_db: f32) -> Vec<i16> {
    let gain = 10_f32.powf(gain_db / 20.0);
    samples
        .iter()
        .map(|sample| (f32::from(*sample) * gain).round() as i16)
        .collect()
}

/// Seeded white noise.
pub fn noise(seed: u64, level_dbfs: f32, samples: usize) -> Vec<i16> {
    let amplitude = 32_768.0 * 10_f32.powf(level_dbfs / 20.0) * 3_f32.sqrt();
    let mut state = seed;
    let mut unit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f32 / (1_u32 << 30) as f32 - 1.0
    };
    (0..samples)
        .map(|_| (amplitude * unit()).round() as i16)
        .collect()
}

/// Simultaneous tones, on for `on_ms` of every `on_ms + off_ms`.
pub fn tones(
    tones_hz: &[f32],
    level_dbfs: f32,
    (on_ms, off_ms): (usize, usize),
    samples: usize,
) -> Vec<i16> {
    let amplitude =
        32_768.0 * 10_f32.powf(level_dbfs / 20.0) * (2.0 / tones_hz.len() as f32).sqrt();
    let sample = |n: usize| {
        let phase = std::f32::consts::TAU * (n % 8_000) as f32 / 8_000.0;
        tones_hz.iter().map(|hz| (hz * phase).sin()).sum::<f32>() * amplitude
    };
    (0..samples)
        .map(|n| {
            if n / 8 % (on_ms + off_ms) < on_ms {
                sample(n) as i16
            } else {
                0
            }
        })
        .collect()
}

/// Six simultaneous voices without pauses.
pub fn babble(seed: usize, level_dbfs: f32, samples: usize) -> Vec<i16> {
    let mut backwards = greeting_en();
    backwards.reverse();
    let voices = [
        greeting_en(),
        greeting_hi(),
        agent_please(),
        no_wrong_number(),
        hello(),
        backwards,
    ];
    let sample = |n: usize| {
        let of_voice = |(k, voice): (usize, &Vec<i16>)| {
            i32::from(voice[(n + seed * 7_919 + k * 23_456) % voice.len()])
        };
        (voices.iter().enumerate().map(of_voice).sum::<i32>() / 3) as i16
    };
    let mixed: Vec<i16> = (0..samples).map(sample).collect();
    let level = rms_dbfs(&mixed);
    gained(&mixed, level_dbfs - level)
}

/// Adds samples to a line from `at_ms` on, at `rate_hz`.
pub fn mix_at(line: &mut [i16], rate_hz: usize, at_ms: usize, samples: &[i16]) {
    for (place, sample) in line[rate_hz / 1_000 * at_ms..].iter_mut().zip(samples) {
        *place = place.saturating_add(*sample);
    }
}

/// Likewise for a line at 8 kHz.
pub fn mix(line: &mut [i16], at_ms: usize, samples: &[i16]) {
    mix_at(line, 8_000, at_ms, samples);
}

/// A call as delivered by the network: frames of 20 ms, prompts sent in frames of 100 ms, at most
/// 300 ms ahead.
pub struct Call<'a> {
    pub rate_hz: usize,
    pub encoding: Encoding,
    /// What the bot plays, and when.
    pub played: Vec<(usize, &'a [i16])>,
    /// The incoming audio.
    pub line: Vec<i16>,
}

/// The listener's results for a call.
#[derive(Debug, Default)]
pub struct Heard {
    pub turns: Vec<TurnEvent>,
    /// When 240 ms of speech had been detected.
    pub interrupted_ms: Option<u64>,
    /// When the bot would first be paused.
    pub paused_ms: Option<u64>,
    /// When the last turn was reported as ended.
    pub ended_ms: Option<u64>,
    /// The most speech in a turn.
    pub voiced_ms: u32,
    pub samples_16k: Vec<i16>,
}

impl<'a> Call<'a> {
    pub fn new(line: Vec<i16>) -> Self {
        Self {
            rate_hz: 8_000,
            encoding: Encoding::Pcm16,
            played: Vec::new(),
            line,
        }
    }

    pub fn playing(mut self, at_ms: usize, prompt: &'a [i16]) -> Self {
        self.played.push((at_ms, prompt));
        self
    }

    pub fn hear(&self) -> Heard {
        self.hear_when(|sent_ms| sent_ms)
    }

    /// `arrives` maps the end of a frame to its arrival time.
    pub fn hear_when(&self, arrives: impl Fn(u64) -> u64) -> Heard {
        let mut wire = Vec::new();
        self.encoding.encode(&self.line, &mut wire);
        let mut line = Vec::new();
        Decoder::new(self.encoding).decode(&wire, &mut line);
        let frame = self.rate_hz / 10;
        let mut sending = self.played.iter().flat_map(|(at_ms, prompt)| {
            prompt
                .chunks(frame)
                .enumerate()
                .map(move |(n, frame)| ((at_ms + 100 * n) as u64, frame))
        });
        let mut next = sending.next();
        let mut listener = Listener::new(self.rate_hz as u32, SETTINGS).unwrap();
        let mut heard = Heard::default();
        for (n, samples) in line.chunks(self.rate_hz / 50).enumerate() {
            let now_ms = arrives((n as u64 + 1) * 20);
            while let Some((at_ms, frame)) = next.filter(|(at_ms, _)| *at_ms <= now_ms + 300) {
                listener.played(at_ms, frame);
                next = sending.next();
            }
            listener.listen(now_ms, samples, |event| {
                heard.turns.push(event);
                if !matches!(event, TurnEvent::Began { .. }) {
                    heard.ended_ms = Some(now_ms);
                }
            });
            heard.samples_16k.extend_from_slice(listener.heard());
            heard.voiced_ms = heard.voiced_ms.max(listener.voiced_ms());
            if listener.interrupts() && heard.paused_ms.is_none() {
                heard.paused_ms = Some(now_ms);
            }
            if listener.voiced_ms() >= 240 && heard.interrupted_ms.is_none() {
                heard.interrupted_ms = Some(now_ms);
            }
        }
        heard
    }
}
