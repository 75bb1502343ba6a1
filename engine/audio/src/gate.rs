//! Runs voice activity detection only on frames that may be a voice: on a silent line it would take
//! most of a call's processor time.
//!
//! The caller of [`Gate::push`] says which frames are loud enough to matter. The last quiet frames
//! are kept and given to the detector before the next loud one, so that its memory is what it
//! would have been.

use crate::voice::{FRAME_MS, FRAME_SAMPLES, VoiceActivity};

/// How long the detector keeps running after the last loud frame: until it has released, twice over.
const HOLD_FRAMES: u32 = 320 / FRAME_MS;

/// How many quiet frames the detector is given before a loud one: after so many its recurrent memory
/// is what it would have been.
const REPEATED_FRAMES: usize = 320 / FRAME_MS as usize;

const REPEATED_SAMPLES: usize = REPEATED_FRAMES * FRAME_SAMPLES;

/// So many are kept before the oldest are dropped, as that moves the others.
const SKIPPED_SAMPLES: usize = 2 * REPEATED_SAMPLES;

/// Voice activity detection of one stream of frames at 16 kHz. Takes about 30 kB of heap.
#[derive(Debug)]
pub struct Gate {
    activity: VoiceActivity,
    /// The last quiet frames, which the detector has not been given; the end of it counts.
    skipped: Vec<i16>,
    since_loud: u32,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// At the start of a stream, closed.
    pub fn new() -> Self {
        Self {
            activity: VoiceActivity::new(),
            skipped: Vec::with_capacity(SKIPPED_SAMPLES),
            since_loud: u32::MAX,
        }
    }

    /// Whether a frame is speech. `is_loud` says whether it may be; a quiet frame soon after a loud
    /// one is examined all the same.
    pub fn push(&mut self, frame: &[i16], is_loud: bool) -> bool {
        self.since_loud = if is_loud {
            0
        } else {
            self.since_loud.saturating_add(1)
        };
        if self.since_loud > HOLD_FRAMES {
            if self.skipped.len() + frame.len() > SKIPPED_SAMPLES {
                let kept = REPEATED_SAMPLES.saturating_sub(frame.len());
                self.skipped
                    .drain(..self.skipped.len().saturating_sub(kept));
            }
            self.skipped.extend_from_slice(frame);
            return false;
        }
        let mut speech = false;
        let repeated = self.skipped.len().saturating_sub(REPEATED_SAMPLES);
        self.activity
            .push(self.skipped.get(repeated..).unwrap_or_default(), |_| ());
        self.skipped.clear();
        self.activity.push(frame, |frame| speech = frame.speech);
        speech
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::{LISTENING_HZ, Resampler};
    use crate::test_signals::noise;

    fn judged(frames: &[Vec<i16>], is_loud: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut gate = Gate::new();
        let judge = |(at, frame): (usize, &Vec<i16>)| gate.push(frame, is_loud(at));
        frames.iter().enumerate().map(judge).collect()
    }

    fn line() -> Vec<Vec<i16>> {
        let words: Vec<i16> = include_bytes!("../tests/data/hello_8k.wav")
            .as_chunks::<2>()
            .0
            .iter()
            .skip(22)
            .map(|pair| i16::from_le_bytes(*pair))
            .collect();
        let mut word = Vec::new();
        Resampler::new(8_000, LISTENING_HZ)
            .unwrap()
            .push(&words, &mut word);
        let quiet = noise(11, 6.0, 3 * 16_000);
        let samples = [&quiet[..], &word, &quiet, &word, &quiet].concat();
        samples
            .chunks_exact(FRAME_SAMPLES)
            .map(<[i16]>::to_vec)
            .collect()
    }

    #[test]
    fn speech_after_silence_is_found_in_the_same_frames_as_without_the_gate() {
        let frames = line();
        let loud = |at: usize| frames[at].iter().any(|sample| sample.unsigned_abs() > 60);
        let (gated, all) = (judged(&frames, loud), judged(&frames, |_| true));
        assert!(all.iter().filter(|speech| **speech).count() > 20);
        let different: Vec<_> = (0..all.len())
            .filter(|at| gated[*at] != all[*at])
            .map(|at| (at, all[at], loud(at)))
            .collect();
        assert_eq!(different, []);
    }

    #[test]
    fn a_silent_line_is_not_examined() {
        let mut gate = Gate::new();
        for frame in noise(12, 6.0, 16_000).chunks_exact(FRAME_SAMPLES) {
            assert!(!gate.push(frame, false));
        }
        assert!((REPEATED_SAMPLES..=SKIPPED_SAMPLES).contains(&gate.skipped.len()));
        assert_eq!(gate.skipped.capacity(), SKIPPED_SAMPLES);
    }
}
