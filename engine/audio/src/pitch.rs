//! Detects the periodicity of a voice: a vowel has a pitch; a cough, a breath or wind on the
//! microphone has none. Voice activity reports both as speech.

use crate::decimate::{Decimator, NARROW_HZ, decimation, dot, taps};
use crate::resample::LISTENING_HZ;
use crate::voice::{FRAME_MS, FRAME_SAMPLES};

/// The length compared with itself, in samples at 4 kHz: 40 ms.
const WINDOW: usize = 160;

/// Periods of voices, in samples at 4 kHz: 400 to 62 Hz.
const PERIODS: std::ops::Range<usize> = (NARROW_HZ as usize / 400)..(NARROW_HZ as usize / 62);

const KEPT: usize = WINDOW + PERIODS.end;

/// Samples at 16 kHz on which what is kept depends.
const NEEDED: usize = KEPT * DECIMATION + taps(LISTENING_HZ);

const DECIMATION: usize = decimation(LISTENING_HZ);

/// How many are collected before those that are not needed are dropped, since dropping moves the
/// others.
const PUT_OFF: usize = 2 * NEEDED;

/// The correlation coefficient of a voice with itself one period earlier; noise reaches 0.35 by
/// chance.
const LIKENESS: f32 = 0.48;

/// How long a voice lasts without pitch, for the consonants before the next vowel.
const LASTS_FRAMES: u32 = 160 / FRAME_MS;

/// Detects pitch in one stream.
#[derive(Debug)]
pub struct Pitch {
    decimator: Decimator,
    /// Samples of frames without a voice, which are decimated when there is one: most never are.
    put_off: Vec<i16>,
    narrow: Vec<f32>,
    kept: Vec<f32>,
    since: u32,
}

impl Default for Pitch {
    fn default() -> Self {
        Self::new()
    }
}

impl Pitch {
    /// A detector at the start of a stream.
    pub fn new() -> Self {
        Self {
            decimator: Decimator::wide(PUT_OFF + FRAME_SAMPLES),
            put_off: Vec::with_capacity(PUT_OFF + FRAME_SAMPLES),
            narrow: Vec::with_capacity((PUT_OFF + FRAME_SAMPLES) / DECIMATION + 1),
            kept: vec![0.0; KEPT],
            since: u32::MAX,
        }
    }

    /// Takes a frame at 16 kHz and analyses it if it may be a `voice`. Returns whether a voice with
    /// a pitch is speaking, or has just spoken.
    pub fn push(&mut self, frame: &[i16], voice: bool) -> bool {
        self.put_off.extend_from_slice(frame);
        if voice {
            self.catch_up();
        } else if self.put_off.len() > PUT_OFF {
            self.put_off.drain(..self.put_off.len() - NEEDED);
        }
        self.since = if voice && self.repeats() {
            0
        } else {
            self.since.saturating_add(1)
        };
        voice && self.since <= LASTS_FRAMES
    }

    /// Decimates what was put off.
    fn catch_up(&mut self) {
        self.narrow.clear();
        self.decimator.push(&self.put_off, &mut self.narrow);
        self.put_off.clear();
        let length = self.narrow.len().min(KEPT);
        self.kept.copy_within(length.., 0);
        let newest = self.narrow.iter().skip(self.narrow.len() - length);
        for (place, sample) in self.kept.iter_mut().skip(KEPT - length).zip(newest) {
            *place = *sample;
        }
    }

    fn repeats(&self) -> bool {
        let Some((_, newest)) = self.kept.split_at_checked(KEPT - WINDOW) else {
            return false;
        };
        let energy = dot(newest, newest);
        PERIODS.into_iter().any(|period| {
            let before = self
                .kept
                .get(KEPT - WINDOW - period..KEPT - period)
                .unwrap_or_default();
            let likeness = dot(newest, before);
            likeness > 0.0
                && likeness * likeness >= LIKENESS * LIKENESS * energy * dot(before, before)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signals::{noise, sine};

    fn pitched(samples: &[i16]) -> usize {
        let mut pitch = Pitch::new();
        samples
            .chunks_exact(256)
            .filter(|frame| pitch.push(frame, true))
            .count()
    }

    #[test]
    fn what_is_found_does_not_depend_on_the_silence_before() {
        let voice: Vec<i16> = (3..9)
            .map(|n| sine(16_000, n * 130, 2_000.0, 1_000))
            .reduce(|a, b| a.iter().zip(b).map(|(a, b)| a + b).collect())
            .unwrap();
        let quiet = noise(3, 60.0, 16_000);
        for (silent_frames, voiced_frames) in [(1, 30), (13, 30), (62, 2), (62, 62)] {
            let (mut lazy, mut eager) = (Pitch::new(), Pitch::new());
            for _ in 0..3 {
                for frame in quiet.chunks_exact(256).take(silent_frames) {
                    lazy.push(frame, false);
                    eager.push(frame, false);
                    eager.catch_up();
                }
                for frame in voice.chunks_exact(256).take(voiced_frames) {
                    assert_eq!(lazy.push(frame, true), eager.push(frame, true));
                    assert_eq!(lazy.kept, eager.kept);
                }
            }
        }
    }

    #[test]
    fn noise_has_no_pitch() {
        for seed in 1..5 {
            assert_eq!(pitched(&noise(seed, 6_000.0, 16_000)), 0);
        }
    }

    #[test]
    fn harmonics_of_a_voice_have_one() {
        for hz in [90, 130, 220, 330] {
            let voice: Vec<i16> = (3..9)
                .map(|n| sine(16_000, n * hz, 2_000.0, 1_000))
                .reduce(|a, b| a.iter().zip(b).map(|(a, b)| a + b).collect())
                .unwrap();
            assert!(
                pitched(&voice) >= 58,
                "{hz} Hz: {} of 62 frames",
                pitched(&voice)
            );
        }
    }
}
