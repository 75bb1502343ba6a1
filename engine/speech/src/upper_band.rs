//! Fills the upper half of the band, which a telephone leaves empty.
//!
//! Vosk's models were trained on wideband speech, which is never empty above 4 kHz. On a telephone line
//! they recognise other words than were said, or none if the line has noise below 4 kHz. A sound of an
//! even level in the upper band mends both. What a wideband line has there stays as it is.
//!
//! For closed questions: of free speech some voices are understood better with it, and others worse.

use std::f32::consts::PI;
use std::sync::LazyLock;

use ghanti_audio::level::{gain, rms_dbfs};

use crate::recognition::RATE_HZ;

const FULL_SCALE: f32 = 32_768.0;

/// Taps of the high-pass at 4 kHz, odd, so that its delay is whole samples.
const TAPS: usize = 31;

/// The level is looked at every 10 ms.
const BLOCK_SAMPLES: usize = RATE_HZ as usize / 100;

/// The sound repeats after 10 ms: shorter than the windows that a recogniser looks at.
const PERIOD_SAMPLES: usize = RATE_HZ as usize / 100;

/// How far below the voice the sound is. Of 23, 29 and 35 dB, 23 was understood best where the line
/// itself has noise; on a quiet line they are alike.
const BELOW_VOICE_DB: f32 = 23.0;

/// Its loudest level, and the faintest.
const FILL_DBFS: (f32, f32) = (-38.0, -75.0);

/// A voice's level before anything was heard.
const USUAL_DBFS: f32 = -28.0;

/// How fast a voice's level is forgotten: 1 dB a second.
const FADE_DB: f32 = 0.01;

/// 0 dBFS above 4 kHz, in full scale: every multiple of 100 Hz at the same level, so that each window of
/// a recogniser has the same spectrum. With these phases no sample stands out (M. Schroeder, IEEE
/// Transactions on Information Theory 16, 1970, pages 85 to 89).
static FILL: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let harmonics = PERIOD_SAMPLES / 4 + 1..PERIOD_SAMPLES / 2;
    let amplitude = FULL_SCALE * (2.0 / harmonics.len() as f32).sqrt();
    let sample = |at: usize| {
        let wave = |(nth, harmonic): (usize, usize)| {
            let turns = (harmonic * at) as f32 / PERIOD_SAMPLES as f32;
            let phase = (nth * nth) as f32 / (2 * harmonics.len()) as f32;
            (2.0 * PI * (turns - phase)).cos()
        };
        amplitude * harmonics.clone().enumerate().map(wave).sum::<f32>()
    };
    (0..PERIOD_SAMPLES).map(sample).collect()
});

/// A windowed sinc: -6 dB at 4 kHz.
static HIGH_PASS: LazyLock<[f32; TAPS]> = LazyLock::new(|| {
    std::array::from_fn(|nth| {
        let at = nth as f32 - (TAPS / 2) as f32;
        let window = 0.5 + 0.5 * (2.0 * PI * at / (TAPS + 1) as f32).cos();
        let low = if at == 0.0 {
            0.5
        } else {
            (0.5 * PI * at).sin() / (PI * at)
        };
        let all = if at == 0.0 { 1.0 } else { 0.0 };
        (all - low) * window
    })
});

fn high_passed(window: &[f32]) -> f32 {
    window
        .iter()
        .zip(HIGH_PASS.iter())
        .map(|(sample, tap)| sample * tap)
        .sum()
}

/// The upper band of one stream.
pub(crate) struct UpperBand {
    is_filled: bool,
    /// The last samples, on which the high-pass depends, and those of the current block.
    window: Vec<f32>,
    /// Where the sound goes on.
    at: usize,
    voice_dbfs: f32,
}

impl UpperBand {
    /// That of the answer to a question: filled if it is closed.
    pub(crate) fn of_answer(is_closed: bool) -> Self {
        Self {
            is_filled: is_closed,
            window: vec![0.0; TAPS - 1],
            at: 0,
            voice_dbfs: USUAL_DBFS,
        }
    }

    /// Adds to samples at 16 kHz what their upper band lacks.
    pub(crate) fn fill(&mut self, samples: &mut [i16]) {
        if !self.is_filled {
            return;
        }
        for block in samples.chunks_mut(BLOCK_SAMPLES) {
            let level_dbfs = rms_dbfs(block);
            self.voice_dbfs = (self.voice_dbfs - FADE_DB).max(level_dbfs);
            let (loudest, faintest) = FILL_DBFS;
            let wanted = gain((self.voice_dbfs - BELOW_VOICE_DB).clamp(faintest, loudest)).powi(2);
            let there = self.power(block) / FULL_SCALE.powi(2);
            let factor = (wanted - there).max(0.0).sqrt();
            for sample in block {
                let fill = FILL.get(self.at).copied().unwrap_or_default() * factor;
                self.at = (self.at + 1) % PERIOD_SAMPLES;
                *sample = sample.saturating_add(fill.round() as i16);
            }
        }
    }

    /// The power of a block's upper band.
    fn power(&mut self, block: &[i16]) -> f32 {
        self.window
            .extend(block.iter().map(|sample| f32::from(*sample)));
        let sum: f32 = self
            .window
            .windows(TAPS)
            .map(|window| high_passed(window).powi(2))
            .sum();
        let past = self.window.len() - (TAPS - 1);
        self.window.drain(..past);
        sum / block.len().max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of a sine.
    fn sine(hz: f32, amplitude: f32) -> Vec<i16> {
        let step = 2.0 * PI * hz / RATE_HZ as f32;
        (0..RATE_HZ)
            .map(|nth| (amplitude * (step * nth as f32).sin()) as i16)
            .collect()
    }

    fn filled(samples: &[i16]) -> Vec<i16> {
        let mut filled = samples.to_vec();
        UpperBand::of_answer(true).fill(&mut filled);
        filled
    }

    /// What was added, in dBFS: below 3.5 kHz and in all.
    fn added(samples: &[i16]) -> (f32, f32) {
        let added: Vec<i16> = filled(samples)
            .iter()
            .zip(samples)
            .map(|(after, before)| after - before)
            .collect();
        let narrow = ghanti_audio::convert(&added, RATE_HZ, 7_000).unwrap();
        (rms_dbfs(&narrow), rms_dbfs(&added))
    }

    #[test]
    fn beside_a_telephones_voice_there_is_a_sound_above_4_khz() {
        // -20 dBFS
        let (low, all) = added(&sine(800.0, 4_634.0));
        assert!((all + 20.0 + BELOW_VOICE_DB).abs() < 1.0, "{all}");
        assert!(low < all - 15.0, "{low} of {all}");
    }

    #[test]
    fn a_quiet_voice_has_as_much_less() {
        // the level that is usual is forgotten by 1 dB a second
        let quiet = sine(800.0, 463.4).repeat(15);
        let mut filled = quiet.clone();
        UpperBand::of_answer(true).fill(&mut filled);
        let last = quiet.len() - RATE_HZ as usize;
        let added: Vec<i16> = filled[last..]
            .iter()
            .zip(&quiet[last..])
            .map(|(after, before)| after - before)
            .collect();
        assert!((rms_dbfs(&added) + 40.0 + BELOW_VOICE_DB).abs() < 1.5);
    }

    #[test]
    fn a_voice_that_has_its_upper_band_stays_as_it_is() {
        let wide: Vec<i16> = sine(800.0, 4_000.0)
            .iter()
            .zip(sine(6_000.0, 1_000.0))
            .map(|(low, high)| low + high)
            .collect();
        // but for the block in which it begins
        assert_eq!(filled(&wide)[TAPS..], wide[TAPS..]);
    }

    #[test]
    fn free_speech_stays_as_it_is() {
        let mut speech = sine(800.0, 4_000.0);
        UpperBand::of_answer(false).fill(&mut speech);
        assert_eq!(speech, sine(800.0, 4_000.0));
    }

    #[test]
    fn it_is_the_same_in_every_run_and_never_overflows() {
        let loud = vec![i16::MAX; 1_600];
        assert_eq!(filled(&loud), filled(&loud));
    }
}
