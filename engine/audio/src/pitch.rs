//! Detects the periodicity of a voice: a vowel has a pitch; a cough, a breath or wind on the
//! microphone has none. Voice activity reports both as speech.

use crate::decimate::{Decimator, NARROW_HZ, dot};
use crate::voice::FRAME_MS;

/// The length compared with itself, in samples at 4 kHz: 40 ms.
const WINDOW: usize = 160;

/// Periods of voices, in samples at 4 kHz: 400 to 62 Hz.
const PERIODS: std::ops::Range<usize> = (NARROW_HZ as usize / 400)..(NARROW_HZ as usize / 62);

const KEPT: usize = WINDOW + PERIODS.end;

/// The correlation coefficient of a voice with itself one period earlier; noise reaches 0.35 by
/// chance.
const LIKENESS: f32 = 0.48;

/// How long a voice lasts without pitch, for the consonants before the next vowel.
const LASTS_FRAMES: u32 = 160 / FRAME_MS;

/// Detects pitch in one stream.
#[derive(Debug)]
pub struct Pitch {
    decimator: Decimator,
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
            decimator: Decimator::new(),
            narrow: Vec::new(),
            kept: vec![0.0; KEPT],
            since: u32::MAX,
        }
    }

    /// Takes a frame at 16 kHz and analyses it if it may be a `voice`. Returns whether a voice with
    /// a pitch is speaking, or has just spoken.
    pub fn push(&mut self, frame: &[i16], voice: bool) -> bool {
        self.narrow.clear();
        self.decimator.push(frame, &mut self.narrow);
        let length = self.narrow.len().min(KEPT);
        self.kept.copy_within(length.., 0);
        for (place, sample) in self.kept.iter_mut().skip(KEPT - length).zip(&self.narrow) {
            *place = *sample;
        }
        self.since = if voice && self.repeats() {
            0
        } else {
            self.since.saturating_add(1)
        };
        voice && self.since <= LASTS_FRAMES
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
