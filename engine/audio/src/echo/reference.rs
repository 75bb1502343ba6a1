//! What is being played, by the time at which it is played: the last two seconds, at 4 kHz.

use crate::decimate::{Decimator, NARROW_HZ};
use crate::resample::{LISTENING_HZ, ResampleError, Resampler};

/// A power of two: what is kept, and how far ahead of its playing something may be handed in.
const KEPT: u64 = 8_192;

const PER_MS: u64 = NARROW_HZ as u64 / 1_000;

/// Frames that join within this are one stretch: the playout clock rounds to milliseconds.
const JOIN: u64 = 2 * PER_MS;

/// Below this mean square (pre-emphasised, 4 kHz) a block is silence: about -70 dBFS of speech.
const SILENCE: f32 = 30.0;

/// The reference of the echo guard.
#[derive(Debug)]
pub struct Reference {
    resampler: Resampler,
    decimator: Decimator,
    wide: Vec<i16>,
    narrow: Vec<f32>,
    kept: Vec<f32>,
    /// The position after the last sample, counted from time 0.
    end: u64,
    /// The position after the last block that is not silence.
    sound_end: Option<u64>,
}

impl Reference {
    /// For audio at the call's rate: 8, 16 or 24 kHz.
    pub fn new(rate_hz: u32) -> Result<Self, ResampleError> {
        Ok(Self {
            resampler: Resampler::new(rate_hz, LISTENING_HZ)?,
            decimator: Decimator::new(),
            wide: Vec::new(),
            narrow: Vec::new(),
            kept: vec![0.0; KEPT as usize],
            end: 0,
            sound_end: None,
        })
    }

    /// These samples, at the call's rate, are played from `at_ms` on. Replaces what was to be played from then on.
    pub fn push(&mut self, at_ms: u64, samples: &[i16]) {
        let at = at_ms.saturating_mul(PER_MS);
        if at.abs_diff(self.end) > JOIN {
            self.move_to(at);
        }
        self.wide.clear();
        self.narrow.clear();
        self.resampler.push(samples, &mut self.wide);
        self.decimator.push(&self.wide, &mut self.narrow);
        for block in self.narrow.chunks(64) {
            for &sample in block {
                if let Some(place) = self.kept.get_mut((self.end % KEPT) as usize) {
                    *place = sample;
                }
                self.end += 1;
            }
            if block.iter().map(|sample| sample * sample).sum::<f32>() > SILENCE * block.len() as f32 {
                self.sound_end = Some(self.end);
            }
        }
    }

    fn move_to(&mut self, at: u64) {
        let gap = at.saturating_sub(self.end).min(KEPT);
        for position in (at - gap)..at {
            if let Some(place) = self.kept.get_mut((position % KEPT) as usize) {
                *place = 0.0;
            }
        }
        self.end = at;
        self.sound_end = self.sound_end.map(|end| end.min(at));
        self.decimator.reset();
    }

    /// Whether something was audible within `span` before `position`, or is to be.
    pub fn sounds(&self, position: u64, span: u64) -> bool {
        self.sound_end.is_some_and(|end| end.saturating_add(span) > position)
    }

    /// Copies what is played from `from` on into `out`, with silence where nothing is or is known.
    pub fn copy(&self, from: u64, out: &mut [f32]) {
        let oldest = self.end.saturating_sub(KEPT);
        for (position, sample) in (from..).zip(out) {
            let known = (oldest..self.end).contains(&position);
            *sample = if known { self.kept.get((position % KEPT) as usize).copied().unwrap_or_default() } else { 0.0 };
        }
    }
}
