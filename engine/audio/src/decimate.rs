//! Streaming decimation from a call's rate to the 4 kHz at which echo and pitch are searched for:
//! low-passed at 1.7 kHz and pre-emphasised, so that speech becomes roughly white. In that form an
//! echo resembles its original most closely, whatever codecs are in between, and a comparison costs
//! a sixteenth of one at 16 kHz.

use std::f32::consts::PI;
use std::sync::LazyLock;

use crate::resample::ResampleError;

/// The output rate.
pub const NARROW_HZ: u32 = 4_000;

/// The length of the low-pass in output samples, at every input rate: 3 ms.
const LENGTH: usize = 12;

/// Pre-emphasis coefficient: flattens the spectral slope of speech.
const EMPHASIS: f32 = 0.9;

static FROM_8000: LazyLock<Filter> = LazyLock::new(|| Filter::design(8_000));
static FROM_16000: LazyLock<Filter> = LazyLock::new(|| Filter::design(16_000));
static FROM_24000: LazyLock<Filter> = LazyLock::new(|| Filter::design(24_000));

/// How much faster than [`NARROW_HZ`] audio at this rate is.
pub const fn decimation(rate_hz: u32) -> usize {
    (rate_hz / NARROW_HZ) as usize
}

/// The length of the low-pass at a rate, in input samples.
pub const fn taps(rate_hz: u32) -> usize {
    LENGTH * decimation(rate_hz)
}

/// A windowed-sinc low-pass: -6 dB at 1.7 kHz.
#[derive(Debug)]
struct Filter {
    decimation: usize,
    taps: Vec<f32>,
}

impl Filter {
    fn design(rate_hz: u32) -> Self {
        let length = taps(rate_hz);
        let last = (length - 1) as f32;
        let tap = |n: usize| {
            let x = (n as f32 - last / 2.0) * 2.0 * 1_700.0 / rate_hz as f32;
            let sinc = if x.abs() < 1e-6 {
                1.0
            } else {
                (PI * x).sin() / (PI * x)
            };
            sinc * (0.54 - 0.46 * (2.0 * PI * n as f32 / last).cos())
        };
        let taps: Vec<f32> = (0..length).map(tap).collect();
        let sum: f32 = taps.iter().sum();
        Self {
            decimation: decimation(rate_hz),
            taps: taps.into_iter().map(|tap| tap / sum).collect(),
        }
    }
}

/// The decimator of one stream.
#[derive(Debug)]
pub struct Decimator {
    filter: &'static Filter,
    window: Vec<f32>,
    last: f32,
}

impl Decimator {
    /// A decimator at the start of a stream at 8, 16 or 24 kHz, preceded by silence. Other rates are
    /// [`ResampleError::Rates`].
    pub fn new(rate_hz: u32) -> Result<Self, ResampleError> {
        let filter = match rate_hz {
            8_000 => &*FROM_8000,
            16_000 => &*FROM_16000,
            24_000 => &*FROM_24000,
            _ => {
                return Err(ResampleError::Rates {
                    from_hz: rate_hz,
                    to_hz: NARROW_HZ,
                    hint: "a stream may have 8000, 16000 or 24000",
                });
            }
        };
        Ok(Self::of(filter))
    }

    /// A decimator of audio at 16 kHz. `most` is the most samples of one [`push`](Self::push): with no
    /// more it does not allocate.
    pub fn wide(most: usize) -> Self {
        let mut decimator = Self::of(&FROM_16000);
        decimator.window.reserve(most + taps(16_000));
        decimator
    }

    fn of(filter: &'static Filter) -> Self {
        Self {
            window: vec![0.0; filter.taps.len() - filter.decimation],
            filter,
            last: 0.0,
        }
    }

    /// Takes any number of samples at the stream's rate and appends the output to `out`.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<f32>) {
        let Filter { decimation, taps } = self.filter;
        // with room for whatever may be left over, so that pieces of one length allocate once
        self.window
            .reserve((samples.len() + 2 * taps.len()).saturating_sub(self.window.len()));
        self.window
            .extend(samples.iter().map(|&sample| f32::from(sample)));
        let mut start = 0;
        while let Some(window) = self.window.get(start..start + taps.len()) {
            let low = dot(window, taps);
            out.push(low - EMPHASIS * self.last);
            self.last = low;
            start += decimation;
        }
        self.window.drain(..start.min(self.window.len()));
    }

    /// Resets the state, as for a new stream.
    pub fn reset(&mut self) {
        self.window.clear();
        let Filter { decimation, taps } = self.filter;
        self.window.resize(taps.len() - decimation, 0.0);
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

    fn decimated(rate_hz: u32, samples: &[i16], piece: usize) -> Vec<f32> {
        let (mut decimator, mut out) = (Decimator::new(rate_hz).unwrap(), Vec::new());
        samples
            .chunks(piece)
            .for_each(|piece| decimator.push(piece, &mut out));
        out
    }

    fn power(samples: &[f32]) -> f32 {
        samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32
    }

    #[test]
    fn a_fourth_a_second_or_a_sixth_is_left_whatever_the_pieces() {
        for rate_hz in [8_000, 16_000, 24_000] {
            let samples = noise(3, 9_000.0, 4_800);
            let whole = decimated(rate_hz, &samples, 4_800);
            assert_eq!(whole.len(), 4_800 / decimation(rate_hz));
            for piece in [1, 3, 64, 333] {
                let pieces = decimated(rate_hz, &samples, piece);
                assert_eq!(pieces, whole, "{rate_hz} Hz in pieces of {piece}");
            }
        }
        assert!(Decimator::new(11_025).is_err());
    }

    #[test]
    fn what_4_khz_cannot_hold_is_not_folded_into_it() {
        for rate_hz in [8_000, 16_000, 24_000] {
            let of = |tone_hz| {
                let tone = sine(rate_hz, tone_hz, 8_000.0, 500);
                power(&decimated(rate_hz, &tone, 256)[200..])
            };
            let kept = of(1_000);
            for tone_hz in [2_600, 3_000, 3_700, 5_000, 7_000, 10_000] {
                if tone_hz >= rate_hz / 2 {
                    continue;
                }
                let folded_db = 10.0 * (of(tone_hz) / kept).log10();
                assert!(
                    folded_db < -30.0,
                    "{tone_hz} Hz at {rate_hz} Hz: {folded_db}"
                );
            }
        }
    }

    #[test]
    fn every_rate_keeps_the_same_sound() {
        for tone_hz in [300, 700, 1_000, 1_400] {
            let of = |rate_hz| {
                let tone = sine(rate_hz, tone_hz, 8_000.0, 500);
                power(&decimated(rate_hz, &tone, 160)[200..])
            };
            for rate_hz in [8_000, 24_000] {
                let db = 10.0 * (of(rate_hz) / of(16_000)).log10();
                assert!(db.abs() < 0.5, "{tone_hz} Hz at {rate_hz} Hz: {db}");
            }
        }
    }
}
