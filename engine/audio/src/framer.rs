//! Cuts prompts into frames of the sizes Exotel requires: multiples of 320 bytes, 100 ms or more
//! each. A last packet of another length makes the platform wait 20 ms, which is audible as a gap
//! (Exotel's support page on stream audio).

use crate::cursor::PromptCursor;
use crate::encoding::Encoding;

/// Every frame is a multiple of this many bytes.
pub const QUANTUM_BYTES: usize = 320;

/// The shortest frame, in milliseconds; with shorter ones Exotel's playback becomes uneven.
pub const MIN_FRAME_MS: u32 = 100;

/// The longest configurable frame, in milliseconds; longer ones delay whatever comes next.
pub const MAX_FRAME_MS: u32 = 200;

/// The content of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameInfo {
    /// Total samples: what the playout clock has to be given.
    pub samples: usize,
    /// Number of trailing samples that are padding.
    pub padding: usize,
}

/// Cuts prompts into frames for one wire format. Holds no samples: what remains of a prompt is in
/// its cursor.
#[derive(Debug, Clone)]
pub struct Framer {
    encoding: Encoding,
    quantum_samples: usize,
    min_samples: usize,
    frame_samples: usize,
}

impl Framer {
    /// Frames of `frame_ms` (clamped to 100 to 200, then rounded up to a multiple of 320 bytes) at
    /// `rate_hz`.
    pub fn new(rate_hz: u32, frame_ms: u32, encoding: Encoding) -> Self {
        let quantum_samples = QUANTUM_BYTES / encoding.bytes_per_sample();
        let samples = |ms: u32| {
            (rate_hz as usize * ms as usize)
                .div_ceil(1_000)
                .next_multiple_of(quantum_samples)
        };
        Self {
            encoding,
            quantum_samples,
            min_samples: samples(MIN_FRAME_MS),
            frame_samples: samples(frame_ms.clamp(MIN_FRAME_MS, MAX_FRAME_MS)),
        }
    }

    /// Samples in a full frame.
    pub fn frame_samples(&self) -> usize {
        self.frame_samples
    }

    /// Replaces the content of `out` with the prompt's next frame, in bytes. `None` if the prompt
    /// is drained, or if it is incomplete and has less than a full frame.
    ///
    /// The last frame is padded with silence to a multiple of 320 bytes and to 100 ms.
    pub fn next(&self, prompt: &mut PromptCursor, out: &mut Vec<u8>) -> Option<FrameInfo> {
        let available = prompt.available();
        let wanted = if available > self.frame_samples && prompt.is_complete() {
            self.before_the_last(available)
        } else if available >= self.frame_samples {
            self.frame_samples
        } else if prompt.is_complete() && available > 0 {
            available
        } else {
            out.clear();
            return None;
        };
        Some(self.cut(prompt, wanted, out))
    }

    /// Like [`next`](Self::next), but takes less than a full frame from an incomplete prompt once
    /// 100 ms are available: for the first frame, and when the audio sent so far is about to run
    /// out.
    pub fn next_early(&self, prompt: &mut PromptCursor, out: &mut Vec<u8>) -> Option<FrameInfo> {
        let available = prompt.available();
        if prompt.is_complete() || available >= self.frame_samples || available < self.min_samples {
            return self.next(prompt, out);
        }
        Some(self.cut(prompt, available - available % self.quantum_samples, out))
    }

    /// A full frame, or less where a full one would leave a last frame that has to be padded to 100
    /// ms: that silence would delay the end of the prompt, and so the start of listening.
    fn before_the_last(&self, available: usize) -> usize {
        let left = available - self.frame_samples;
        if left >= self.min_samples {
            return self.frame_samples;
        }
        let shorter = available - self.min_samples;
        let shorter = shorter - shorter % self.quantum_samples;
        if shorter >= self.min_samples {
            shorter
        } else {
            self.frame_samples
        }
    }

    fn cut(&self, prompt: &mut PromptCursor, wanted: usize, out: &mut Vec<u8>) -> FrameInfo {
        out.clear();
        prompt.take(wanted, |run| self.encoding.encode(run, out));
        let samples = wanted
            .next_multiple_of(self.quantum_samples)
            .max(self.min_samples);
        let padding = samples - wanted;
        self.encoding.encode_silence(padding, out);
        FrameInfo { samples, padding }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::encoding::Decoder;

    /// All frames of a prompt cut into pieces of `piece` samples, decoded; checks the size of each
    /// frame.
    fn framed(framer: &Framer, samples: &[i16], piece: usize) -> (Vec<i16>, Vec<FrameInfo>) {
        let mut prompt = PromptCursor::whole(samples.chunks(piece).map(Arc::from));
        let (mut heard, mut infos, mut out) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(info) = framer.next(&mut prompt, &mut out) {
            assert_eq!(out.len() % QUANTUM_BYTES, 0);
            assert_eq!(out.len(), info.samples * framer.encoding.bytes_per_sample());
            Decoder::new(framer.encoding).decode(&out, &mut heard);
            infos.push(info);
        }
        assert!(prompt.is_drained());
        (heard, infos)
    }

    #[test]
    fn frames_hold_the_whole_prompt_then_silence_whatever_the_pieces() {
        let samples: Vec<i16> = (0..12_345).map(|n| n % 1_000 + 1).collect();
        for (rate_hz, frame_ms) in [
            (8_000, 100),
            (8_000, 200),
            (16_000, 150),
            (24_000, 125),
            (24_000, 200),
        ] {
            let framer = Framer::new(rate_hz, frame_ms, Encoding::Pcm16);
            for piece in [1, 79, 1_600, 20_000] {
                let (heard, infos) = framed(&framer, &samples, piece);
                assert_eq!(heard[..samples.len()], samples, "{rate_hz} Hz");
                assert!(heard[samples.len()..].iter().all(|sample| *sample == 0));
                let padding: usize = infos.iter().map(|info| info.padding).sum();
                assert_eq!(heard.len(), samples.len() + padding);
            }
        }
    }

    #[test]
    fn a_frame_lasts_100_to_200_ms_at_every_rate_and_length() {
        for (rate_hz, encoding) in [
            (8_000, Encoding::Pcm16),
            (16_000, Encoding::Pcm16),
            (24_000, Encoding::Pcm16),
            (8_000, Encoding::MuLaw),
        ] {
            for frame_ms in [0, 100, 160, 200, 900] {
                let framer = Framer::new(rate_hz, frame_ms, encoding);
                for length in [1, 500, 1_601, 1_999, 2_400, 3_333, 4_900] {
                    let (_, infos) = framed(&framer, &vec![5; length], 700);
                    for info in infos {
                        let ms = info.samples * 1_000 / rate_hz as usize;
                        assert!(
                            (100..=200).contains(&ms),
                            "{rate_hz} Hz, {encoding:?}, {frame_ms} ms, {length} samples: {ms} ms"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_frame_before_the_last_is_shortened_rather_than_the_last_padded() {
        let framer = Framer::new(8_000, 200, Encoding::Pcm16);
        let (_, infos) = framed(&framer, &[7; 1_840], 1_840);
        assert_eq!(
            infos,
            [
                FrameInfo {
                    samples: 960,
                    padding: 0
                },
                FrameInfo {
                    samples: 960,
                    padding: 80
                }
            ]
        );
    }

    #[test]
    fn a_growing_prompt_waits_for_a_full_frame() {
        let framer = Framer::new(8_000, 200, Encoding::Pcm16);
        let (mut prompt, mut out) = (PromptCursor::new(), vec![1, 2, 3]);
        prompt.push_piece(Arc::from([1; 1_599]));
        assert_eq!(framer.next(&mut prompt, &mut out), None);
        assert!(out.is_empty());
        prompt.push_piece(Arc::from([1; 2]));
        assert_eq!(
            framer.next(&mut prompt, &mut out),
            Some(FrameInfo {
                samples: 1_600,
                padding: 0
            })
        );
        assert_eq!(framer.next(&mut prompt, &mut out), None);
        prompt.complete();
        assert_eq!(
            framer.next(&mut prompt, &mut out),
            Some(FrameInfo {
                samples: 800,
                padding: 799
            })
        );
        assert!(prompt.is_drained());
    }

    #[test]
    fn an_early_frame_takes_what_there_is_without_padding_it() {
        let framer = Framer::new(8_000, 200, Encoding::Pcm16);
        let (mut prompt, mut out) = (PromptCursor::new(), Vec::new());
        prompt.push_piece(Arc::from([1; 799]));
        assert_eq!(framer.next_early(&mut prompt, &mut out), None);
        prompt.push_piece(Arc::from([1; 200]));
        assert_eq!(
            framer.next_early(&mut prompt, &mut out),
            Some(FrameInfo {
                samples: 960,
                padding: 0
            })
        );
        assert_eq!(prompt.available(), 39);
    }

    #[test]
    fn an_empty_prompt_is_drained_without_a_frame() {
        let framer = Framer::new(8_000, 100, Encoding::MuLaw);
        let mut prompt = PromptCursor::whole([Arc::from([])]);
        assert_eq!(framer.next(&mut prompt, &mut Vec::new()), None);
        assert!(prompt.is_drained());
    }
}
