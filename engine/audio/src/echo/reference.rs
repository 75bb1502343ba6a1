//! The played audio, indexed by playout time: the last two seconds, at 4 kHz.

use crate::decimate::{Decimator, NARROW_HZ, dot};
use crate::resample::ResampleError;

/// Samples kept, a power of two; also bounds how far ahead of its playout audio may be pushed.
const KEPT: u64 = 8_192;

const PER_MS: u64 = NARROW_HZ as u64 / 1_000;

/// Frames this close together are contiguous: the playout clock rounds to milliseconds.
const JOIN: u64 = 2 * PER_MS;

/// Blocks below this mean square (pre-emphasised, 4 kHz) are silence: about -70 dBFS of speech.
const SILENCE: f32 = 30.0;

/// The reference of the echo guard.
#[derive(Debug)]
pub struct Reference {
    decimator: Decimator,
    narrow: Vec<f32>,
    kept: Vec<f32>,
    /// The position after the last sample, counted from time 0.
    end: u64,
    /// The position after the last block that is not silence.
    sound_end: Option<u64>,
}

impl Reference {
    /// A reference for audio at 8, 16 or 24 kHz.
    pub fn new(rate_hz: u32) -> Result<Self, ResampleError> {
        Ok(Self {
            decimator: Decimator::new(rate_hz)?,
            narrow: Vec::new(),
            kept: vec![0.0; KEPT as usize],
            end: 0,
            sound_end: None,
        })
    }

    /// Records that these samples, at the call's rate, are played from `at_ms` on, replacing any
    /// audio after that.
    pub fn push(&mut self, at_ms: u64, samples: &[i16]) {
        let at = at_ms.saturating_mul(PER_MS);
        if at.abs_diff(self.end) > JOIN {
            self.move_to(at);
        }
        self.narrow.clear();
        self.decimator.push(samples, &mut self.narrow);
        for block in self.narrow.chunks(64) {
            for &sample in block {
                if let Some(place) = self.kept.get_mut((self.end % KEPT) as usize) {
                    *place = sample;
                }
                self.end += 1;
            }
            if dot(block, block) > SILENCE * block.len() as f32 {
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

    /// Whether audio was audible within `span` before `position`, or is going to be.
    pub fn sounds(&self, position: u64, span: u64) -> bool {
        self.sound_end
            .is_some_and(|end| end.saturating_add(span) > position)
    }

    /// Copies the audio played from `from` on into `out`, with silence where there is none.
    pub fn copy(&self, from: u64, out: &mut [f32]) {
        let until = from.saturating_add(out.len() as u64);
        let known =
            from.max(self.end.saturating_sub(KEPT)).min(until)..until.min(self.end).max(from);
        let (before, after) = (
            (known.start - from) as usize,
            known.end.saturating_sub(known.start) as usize,
        );
        let Some((silence, rest)) = out.split_at_mut_checked(before) else {
            return;
        };
        silence.fill(0.0);
        let Some((sound, silence)) = rest.split_at_mut_checked(after) else {
            return;
        };
        silence.fill(0.0);
        // the ring buffer is read in at most two runs
        let (wrapped, first) = self.kept.split_at((known.start % KEPT) as usize);
        let (ahead, behind) = sound.split_at_mut(first.len().min(sound.len()));
        ahead.copy_from_slice(first.get(..ahead.len()).unwrap_or_default());
        behind.copy_from_slice(wrapped.get(..behind.len()).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference() -> Reference {
        Reference::new(16_000).unwrap()
    }

    /// The mean amplitude played from `at_ms` on, over 10 ms.
    fn amplitude(reference: &Reference, at_ms: u64) -> f32 {
        let mut out = [9.0; 40];
        reference.copy(at_ms * PER_MS, &mut out);
        out.iter().map(|sample| sample.abs()).sum::<f32>() / 40.0
    }

    fn sound(ms: usize) -> Vec<i16> {
        crate::test_signals::sine(16_000, 1_000, 8_000.0, ms as u32)
    }

    #[test]
    fn what_is_played_stands_at_its_time() {
        let mut reference = reference();
        reference.push(1_000, &sound(100));
        reference.push(1_100, &sound(100));
        let heard: Vec<bool> = [900, 980, 1_010, 1_095, 1_180, 1_210]
            .map(|at_ms| amplitude(&reference, at_ms) > 1_000.0)
            .into();
        assert_eq!(heard, [false, false, true, true, true, false]);
        assert!(reference.sounds(1_300 * PER_MS, 200 * PER_MS));
        assert!(!reference.sounds(1_500 * PER_MS, 200 * PER_MS));
    }

    #[test]
    fn what_was_cleared_is_replaced() {
        let mut reference = reference();
        reference.push(1_000, &sound(300));
        reference.push(1_100, &[0; 1_600]);
        assert!(amplitude(&reference, 1_050) > 1_000.0);
        assert!(amplitude(&reference, 1_150) < 1.0);
        assert!(
            amplitude(&reference, 1_250) < 1.0,
            "what was to be played then is not played any more"
        );
    }

    #[test]
    fn a_pause_is_silence_and_two_seconds_are_kept() {
        let mut reference = reference();
        reference.push(1_000, &sound(100));
        reference.push(4_000, &sound(100));
        for silent_ms in [1_050, 2_500, 3_990] {
            assert!(amplitude(&reference, silent_ms) < 1.0, "{silent_ms}");
        }
        assert!(amplitude(&reference, 4_050) > 1_000.0);
    }

    #[test]
    fn frames_that_join_to_within_a_millisecond_are_one_stretch() {
        let mut reference = Reference::new(24_000).unwrap();
        let frame: Vec<i16> =
            crate::test_signals::sine(24_000, 1_000, 8_000.0, 1_000)[..2_560].to_vec();
        let mut at = 0_u64;
        for _ in 0..6 {
            reference.push(1_000 + (at * 1_000).div_ceil(24_000), &frame);
            at += 2_560;
        }
        assert_eq!(reference.end, 4_000 + 6 * 2_560 / 6);
    }
}
