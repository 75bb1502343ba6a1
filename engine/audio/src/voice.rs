//! Voice activity detection per frame, using the `earshot` network. It has no notion of turns; see
//! [`crate::turn`].
//!
//! It reports anything that resembles speech, however faint: a television, music, steady noise in
//! the telephone band, ringback, a key also heard in-band (7 to 9 frames for one of 100 ms).
//! [`crate::listener`] decides what is the caller.

use earshot::Detector;

/// Samples per frame at 16 kHz, as `earshot` requires.
pub const FRAME_SAMPLES: usize = 256;

/// Duration of a frame, in milliseconds.
pub const FRAME_MS: u32 = 16;

/// A frame is speech from this probability on: the threshold `earshot` recommends.
const SPEECH_PROBABILITY: f32 = 0.5;

/// The result for one frame of [`FRAME_MS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoiceFrame {
    /// Whether it is speech.
    pub speech: bool,
    /// Probability of speech, 0 to 1.
    pub probability: f32,
}

/// The detector for one stream of 16 kHz samples. Takes about 10 kB of heap.
pub struct VoiceActivity {
    detector: Box<Detector>,
    /// An incomplete frame: fewer than [`FRAME_SAMPLES`] between pushes.
    begun: Vec<i16>,
}

impl std::fmt::Debug for VoiceActivity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VoiceActivity")
            .field("begun", &self.begun.len())
            .finish_non_exhaustive()
    }
}

impl Default for VoiceActivity {
    fn default() -> Self {
        Self::new()
    }
}

impl VoiceActivity {
    /// A detector at the start of a stream.
    pub fn new() -> Self {
        Self {
            detector: Detector::default_boxed(),
            begun: Vec::with_capacity(FRAME_SAMPLES),
        }
    }

    /// Takes any number of samples and calls `on_frame` for each completed frame, in order.
    pub fn push(&mut self, samples_16k: &[i16], mut on_frame: impl FnMut(VoiceFrame)) {
        let mut rest = samples_16k;
        if !self.begun.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(FRAME_SAMPLES - self.begun.len()));
            self.begun.extend_from_slice(head);
            rest = tail;
            if self.begun.len() < FRAME_SAMPLES {
                return;
            }
            on_frame(judged(&mut self.detector, &self.begun));
            self.begun.clear();
        }
        let mut frames = rest.chunks_exact(FRAME_SAMPLES);
        for frame in &mut frames {
            on_frame(judged(&mut self.detector, frame));
        }
        self.begun.extend_from_slice(frames.remainder());
    }

    /// Resets the state, as for a new stream.
    pub fn reset(&mut self) {
        self.detector.reset();
        self.begun.clear();
    }
}

fn judged(detector: &mut Detector, frame: &[i16]) -> VoiceFrame {
    let probability = detector.predict_i16(frame);
    VoiceFrame {
        speech: probability >= SPEECH_PROBABILITY,
        probability,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signals::{noise, sine};

    fn frames_of(samples: &[i16], piece: usize) -> Vec<VoiceFrame> {
        let mut voice = VoiceActivity::new();
        let mut frames = Vec::new();
        for piece in samples.chunks(piece) {
            voice.push(piece, |frame| frames.push(frame));
        }
        frames
    }

    #[test]
    fn a_frame_comes_for_every_sixteen_milliseconds_whatever_the_pieces() {
        let samples = noise(1, 3_000.0, FRAME_SAMPLES * 40 + 100);
        let whole = frames_of(&samples, samples.len());
        assert_eq!(whole.len(), 40);
        for piece in [1, 255, 256, 257, 320, 3_200] {
            assert_eq!(frames_of(&samples, piece), whole, "pieces of {piece}");
        }
    }

    #[test]
    fn silence_and_noise_are_not_speech() {
        for (name, samples) in [
            ("silence", vec![0; 32_000]),
            ("faint noise", noise(2, 60.0, 32_000)),
            ("loud noise", noise(3, 6_000.0, 32_000)),
            ("mains hum", sine(16_000, 50, 3_000.0, 2_000)),
        ] {
            let speech = frames_of(&samples, 320)
                .iter()
                .filter(|frame| frame.speech)
                .count();
            assert!(speech <= 3, "{name}: {speech} of 125 frames");
        }
    }

    #[test]
    fn a_reset_judge_is_like_a_new_one() {
        let samples = noise(4, 3_000.0, 4_000);
        let mut voice = VoiceActivity::new();
        voice.push(&noise(5, 9_000.0, 3_333), |_| ());
        voice.reset();
        let mut frames = Vec::new();
        voice.push(&samples, |frame| frames.push(frame));
        assert_eq!(frames, frames_of(&samples, 4_000));
    }
}
