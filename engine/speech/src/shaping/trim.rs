//! Trims the silence at both ends of an utterance while it streams.
//!
//! Silence in the middle is kept; it is held back until speech resumes, because it may turn out to
//! be the end.

use std::collections::VecDeque;

/// Silence kept before the first sound: enough for a soft consonant below the threshold.
const LEAD_MS: u32 = 40;

/// Silence kept after the last sound, so that consecutive prompts do not run together.
const TRAIL_MS: u32 = 120;

/// Samples below this are silence: −50 dBFS. The voices' own silence is zero; resampling leaves
/// some ringing.
const THRESHOLD: u16 = 104;

/// Trims one utterance.
pub(crate) struct Trim {
    lead: usize,
    trail: usize,
    begun: bool,
    quiet: VecDeque<i16>,
}

impl Trim {
    /// A trimmer for a stream at this rate.
    pub(crate) fn new(rate_hz: u32) -> Self {
        let samples = |ms: u32| (rate_hz * ms / 1_000) as usize;
        Self {
            lead: samples(LEAD_MS),
            trail: samples(TRAIL_MS),
            begun: false,
            quiet: VecDeque::new(),
        }
    }

    /// Takes samples and appends those certain to be kept to `out`.
    pub(crate) fn push(&mut self, samples: impl Iterator<Item = i16>, out: &mut Vec<i16>) {
        for sample in samples {
            self.quiet.push_back(sample);
            if sample.unsigned_abs() >= THRESHOLD {
                self.begun = true;
                out.extend(self.quiet.drain(..));
            } else if !self.begun && self.quiet.len() > self.lead {
                self.quiet.pop_front();
            }
        }
    }

    /// Ends the stream: appends what is kept of the final silence.
    pub(crate) fn finish(&mut self, out: &mut Vec<i16>) {
        if self.begun {
            out.extend(self.quiet.drain(..).take(self.trail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trimmed(parts: &[(usize, i16)]) -> Vec<i16> {
        let mut trim = Trim::new(8_000);
        let mut out = Vec::new();
        for &(length, level) in parts {
            trim.push(std::iter::repeat_n(level, length), &mut out);
        }
        trim.finish(&mut out);
        out
    }

    #[test]
    fn long_silence_at_the_ends_is_cut() {
        let out = trimmed(&[(8_000, 3), (800, 5_000), (8_000, 0)]);
        assert_eq!(out.len(), 320 + 800 + 960);
        assert_eq!(
            (out[319], out[320], out[1_119], out[1_120]),
            (3, 5_000, 5_000, 0)
        );
    }

    #[test]
    fn short_silence_and_pauses_stay() {
        let out = trimmed(&[(100, 0), (800, 5_000), (4_000, 0), (800, -5_000), (200, 0)]);
        assert_eq!(out.len(), 100 + 800 + 4_000 + 800 + 200);
    }

    #[test]
    fn nothing_but_silence_is_nothing() {
        assert!(trimmed(&[(8_000, 0)]).is_empty());
    }
}
