//! Streaming decimation from 16 kHz to the 4 kHz at which echo is searched for: low-passed at 1.7
//! kHz and pre-emphasised, so that speech becomes roughly white. In that form an echo resembles its
//! original most closely, whatever codecs are in between, and a comparison costs a sixteenth of one
//! at 16 kHz.

use std::f32::consts::PI;
use std::sync::LazyLock;

/// Input samples per output sample.
pub const DECIMATION: usize = 4;

/// The output rate.
pub const NARROW_HZ: u32 = 4_000;

/// The length of the low-pass, in input samples.
pub const TAPS: usize = 48;

/// Pre-emphasis coefficient: flattens the spectral slope of speech.
const EMPHASIS: f32 = 0.9;

/// A windowed-sinc low-pass: -6 dB at 1.7 kHz.
static LOW_PASS: LazyLock<[f32; TAPS]> = LazyLock::new(|| {
    let middle = (TAPS - 1) as f32 / 2.0;
    let mut taps = [0.0; TAPS];
    for (n, tap) in taps.iter_mut().enumerate() {
        let x = (n as f32 - middle) * 2.0 * 1_700.0 / 16_000.0;
        let sinc = if x.abs() < 1e-6 {
            1.0
        } else {
            (PI * x).sin() / (PI * x)
        };
        *tap = sinc * (0.54 - 0.46 * (2.0 * PI * n as f32 / (TAPS - 1) as f32).cos());
    }
    let sum: f32 = taps.iter().sum();
    taps.map(|tap| tap / sum)
});

/// The decimator of one stream.
#[derive(Debug)]
pub struct Decimator {
    window: Vec<f32>,
    last: f32,
}

impl Default for Decimator {
    fn default() -> Self {
        Self::new()
    }
}

impl Decimator {
    /// A decimator at the start of a stream, preceded by silence.
    pub fn new() -> Self {
        Self {
            window: vec![0.0; TAPS - DECIMATION],
            last: 0.0,
        }
    }

    /// Takes any number of samples at 16 kHz and appends the output to `out`.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<f32>) {
        self.window
            .extend(samples.iter().map(|&sample| f32::from(sample)));
        let (mut start, taps) = (0, &*LOW_PASS);
        while let Some(window) = self.window.get(start..start + TAPS) {
            let low = dot(window, taps);
            out.push(low - EMPHASIS * self.last);
            self.last = low;
            start += DECIMATION;
        }
        self.window.drain(..start.min(self.window.len()));
    }

    /// Resets the state, as for a new stream.
    pub fn reset(&mut self) {
        self.window.clear();
        self.window.resize(TAPS - DECIMATION, 0.0);
        self.last = 0.0;
    }
}

/// The dot product over the shorter length. Eight partial sums let the compiler vectorise it, which
/// it may not do with one sum because float addition cannot be reordered.
#[allow(clippy::indexing_slicing, reason = "within arrays of eight")]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let ((a, a_rest), (b, b_rest)) = (a[..length].as_chunks::<8>(), b[..length].as_chunks::<8>());
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for n in 0..8 {
            sums[n] += a[n] * b[n];
        }
    }
    let mut sum = 0.0;
    for (a, b) in a_rest.iter().zip(b_rest) {
        sum += a * b;
    }
    for part in sums {
        sum += part;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signals::{noise, sine};

    fn decimated(samples: &[i16], piece: usize) -> Vec<f32> {
        let (mut decimator, mut out) = (Decimator::new(), Vec::new());
        samples
            .chunks(piece)
            .for_each(|piece| decimator.push(piece, &mut out));
        out
    }

    fn power(samples: &[f32]) -> f32 {
        samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32
    }

    #[test]
    fn four_samples_become_one_whatever_the_pieces() {
        let samples = noise(3, 9_000.0, 4_000);
        let whole = decimated(&samples, 4_000);
        assert_eq!(whole.len(), 1_000);
        for piece in [1, 3, 64, 333] {
            assert_eq!(decimated(&samples, piece), whole, "pieces of {piece}");
        }
    }

    #[test]
    fn what_4_khz_cannot_hold_is_not_folded_into_it() {
        let kept = power(&decimated(&sine(16_000, 1_000, 8_000.0, 500), 256)[200..]);
        for tone_hz in [2_600, 3_000, 5_000, 7_000] {
            let folded = power(&decimated(&sine(16_000, tone_hz, 8_000.0, 500), 256)[200..]);
            assert!(
                10.0 * (kept / folded).log10() > 30.0,
                "{tone_hz} Hz: {kept} and {folded}"
            );
        }
    }
}
