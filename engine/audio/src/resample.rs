//! Resampling of live audio, to 16 kHz for voice activity and recognisers and to 8 kHz for recordings:
//! streaming, in integer arithmetic, with a short polyphase FIR filter.
//!
//! One filter design serves all calls (a `static`); each call holds a few hundred bytes of history.
//! Integer arithmetic gives the same output on every machine, so that a recorded call replays
//! exactly. For prompts see [`crate::convert`].

use std::f64::consts::PI;
use std::sync::LazyLock;

/// The sample rate of voice activity and recognisers.
pub const LISTENING_HZ: u32 = 16_000;

/// The sample rate of recordings: that of a telephone line.
pub const RECORDING_HZ: u32 = 8_000;

/// Fractional bits of the fixed-point coefficients, so that a tap of value 1 fits an `i16`.
const FRACTION_BITS: u32 = 14;

/// Passband to 3.4 kHz, stopband from 4.6 kHz, against images; delay 2.5 ms.
static FROM_8000: LazyLock<Filter> = LazyLock::new(|| Filter::design(2, 1, 40));
/// Passband to 6.9 kHz, stopband from 9.1 kHz, against aliases; delay 1.25 ms.
static FROM_24000: LazyLock<Filter> = LazyLock::new(|| Filter::design(2, 3, 60));

/// Passband to 3.4 kHz, stopband from 4.6 kHz, against aliases; delay 2.5 ms.
static FROM_16000_NARROW: LazyLock<Filter> = LazyLock::new(|| Filter::design(1, 2, 80));
/// The same from 24 kHz.
static FROM_24000_NARROW: LazyLock<Filter> = LazyLock::new(|| Filter::design(1, 3, 120));

/// Why samples cannot be resampled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResampleError {
    /// No filter for this pair of rates.
    #[error("cannot resample from `{from_hz}` Hz to `{to_hz}` Hz: {hint}")]
    Rates {
        /// The rate of the samples.
        from_hz: u32,
        /// The requested rate.
        to_hz: u32,
        /// The supported rates.
        hint: &'static str,
    },
    /// The resampling library failed.
    #[error("resampling failed: {0}")]
    Failed(String),
}

/// Resamples one live stream.
#[derive(Debug)]
pub struct Resampler {
    /// `None` if the stream has the rate already.
    filter: Option<&'static Filter>,
    /// Samples on which later output still depends, then those of the current `push`.
    window: Vec<i16>,
    phase: usize,
}

impl Resampler {
    /// A resampler to 16 or 8 kHz at the start of a stream at 8, 16 or 24 kHz. Other rates are
    /// [`ResampleError::Rates`].
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, ResampleError> {
        let filter = match (from_hz, to_hz) {
            (8_000, LISTENING_HZ) => Some(&*FROM_8000),
            (16_000, LISTENING_HZ) | (8_000, RECORDING_HZ) => None,
            (16_000, RECORDING_HZ) => Some(&*FROM_16000_NARROW),
            (24_000, RECORDING_HZ) => Some(&*FROM_24000_NARROW),
            (24_000, LISTENING_HZ) => Some(&*FROM_24000),
            _ => {
                return Err(ResampleError::Rates {
                    from_hz,
                    to_hz,
                    hint: "a stream may have 8000, 16000 or 24000, is heard at 16000 and recorded at 8000",
                });
            }
        };
        // zeros before the first sample, so that output starts immediately
        let window = vec![0; filter.map_or(0, |filter| filter.taps - 1)];
        Ok(Self {
            filter,
            window,
            phase: 0,
        })
    }

    /// Takes any number of samples and appends the output to `out`. Splitting the input does not
    /// change the output.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        let Some(filter) = self.filter else {
            out.extend_from_slice(samples);
            return;
        };
        self.window.extend_from_slice(samples);
        let mut start = 0;
        while let (Some(window), Some(taps)) = (
            self.window.get(start..start + filter.taps),
            filter.phases.get(self.phase),
        ) {
            out.push(taps.apply(window));
            self.phase += filter.down;
            start += self.phase / filter.up;
            self.phase %= filter.up;
        }
        self.window.drain(..start.min(self.window.len()));
    }
}

/// A windowed-sinc low-pass for the ratio `up / down`, split into its `up` phases.
#[derive(Debug)]
struct Filter {
    up: usize,
    down: usize,
    taps: usize,
    phases: Vec<Phase>,
}

/// How one output sample is made of `taps` input samples, oldest first.
#[derive(Debug)]
enum Phase {
    /// It is this one of them: half of the samples at twice the rate are the samples themselves.
    Same(usize),
    /// Their weighted sum; the coefficients sum to exactly one.
    Weighted(Vec<i16>),
}

impl Phase {
    fn of(coefficients: Vec<i16>) -> Self {
        let one = |coefficient: &i16| *coefficient == 1 << FRACTION_BITS;
        match coefficients.iter().position(one) {
            Some(at) if coefficients.iter().filter(|c| **c != 0).count() == 1 => Self::Same(at),
            _ => Self::Weighted(coefficients),
        }
    }

    fn apply(&self, window: &[i16]) -> i16 {
        match self {
            Self::Same(at) => window.get(*at).copied().unwrap_or_default(),
            Self::Weighted(coefficients) => weighted_sum(window, coefficients),
        }
    }
}

impl Filter {
    fn design(up: usize, down: usize, taps: usize) -> Self {
        let length = (up * taps) as f64;
        let bandwidth = 1.0 / up.max(down) as f64;
        let coefficient = |n: usize| {
            let n = n as f64;
            // a Blackman window attenuates images and aliases by 74 dB
            let window =
                0.42 - 0.5 * (2.0 * PI * n / length).cos() + 0.08 * (4.0 * PI * n / length).cos();
            sinc(bandwidth * (n - length / 2.0)) * window
        };
        let phases = (0..up)
            .map(|phase| {
                let oldest_first: Vec<f64> = (0..taps)
                    .rev()
                    .map(|tap| coefficient(phase + up * tap))
                    .collect();
                Phase::of(quantized(&oldest_first))
            })
            .collect();
        Self {
            up,
            down,
            taps,
            phases,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// Scales coefficients to a sum of one. The rounding error is added to the largest, so that a
/// constant input is preserved exactly.
fn quantized(coefficients: &[f64]) -> Vec<i16> {
    let one = 1_i16 << FRACTION_BITS;
    let sum: f64 = coefficients.iter().sum();
    let mut rounded: Vec<i16> = coefficients
        .iter()
        .map(|c| (c / sum * f64::from(one)).round() as i16)
        .collect();
    let left_over = one - rounded.iter().sum::<i16>();
    if let Some(largest) = rounded.iter_mut().max() {
        *largest += left_over;
    }
    rounded
}

fn weighted_sum(samples: &[i16], coefficients: &[i16]) -> i16 {
    // cannot overflow: the magnitudes of a phase's coefficients sum to less than 3
    let sum: i32 = samples
        .iter()
        .zip(coefficients)
        .map(|(sample, c)| i32::from(*sample) * i32::from(*c))
        .sum();
    let rounded = (sum + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS;
    rounded.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signals::{signal_to_rest_db, sine};

    fn resampled(samples: &[i16], from_hz: u32, piece: usize) -> Vec<i16> {
        let mut resampler = Resampler::new(from_hz, LISTENING_HZ).unwrap();
        let mut out = Vec::new();
        for piece in samples.chunks(piece) {
            resampler.push(piece, &mut out);
        }
        out
    }

    #[test]
    fn a_sine_stays_that_sine() {
        for (from_hz, tone_hz) in [
            (8_000, 300),
            (8_000, 1000),
            (8_000, 3300),
            (16_000, 1000),
            (24_000, 1000),
            (24_000, 6500),
        ] {
            let out = resampled(&sine(from_hz, tone_hz, 10_000.0, 500), from_hz, 160);
            let snr_db = signal_to_rest_db(&out[400..], LISTENING_HZ, tone_hz);
            assert!(
                snr_db > 60.0,
                "{tone_hz} Hz at {from_hz} Hz: {snr_db:.1} dB"
            );
            let gain_db = crate::level::rms_dbfs(&out[400..])
                - crate::level::rms_dbfs(&sine(16_000, tone_hz, 10_000.0, 500));
            assert!(
                gain_db.abs() < 0.6,
                "{tone_hz} Hz at {from_hz} Hz: gain {gain_db:.2} dB"
            );
        }
    }

    #[test]
    fn what_16_khz_cannot_hold_is_not_folded_into_it() {
        let out = resampled(&sine(24_000, 10_000, 10_000.0, 500), 24_000, 480);
        assert!(crate::level::rms_dbfs(&out[400..]) < -75.0);
    }

    #[test]
    fn a_recording_has_what_a_telephone_line_holds_and_nothing_folded_into_it() {
        for from_hz in [16_000, 24_000] {
            let narrow = |tone_hz| {
                let mut resampler = Resampler::new(from_hz, RECORDING_HZ).unwrap();
                let mut out = Vec::new();
                resampler.push(&sine(from_hz, tone_hz, 10_000.0, 500), &mut out);
                out
            };
            let kept = narrow(1_000);
            assert_eq!(kept.len(), 4_000);
            assert!(signal_to_rest_db(&kept[400..], RECORDING_HZ, 1_000) > 55.0);
            assert!(crate::level::rms_dbfs(&narrow(5_500)[400..]) < -70.0);
        }
        let samples = sine(8_000, 1_000, 10_000.0, 20);
        let mut out = Vec::new();
        let mut same = Resampler::new(8_000, RECORDING_HZ).unwrap();
        same.push(&samples, &mut out);
        assert_eq!(out, samples);
    }

    #[test]
    fn pieces_of_any_length_give_what_the_whole_gives() {
        for from_hz in [8_000, 16_000, 24_000] {
            let samples = crate::test_signals::noise(7, 12_000.0, 5_000);
            let whole = resampled(&samples, from_hz, samples.len());
            for piece in [1, 2, 3, 80, 159, 866] {
                assert_eq!(
                    resampled(&samples, from_hz, piece),
                    whole,
                    "{from_hz} Hz in pieces of {piece}"
                );
            }
        }
    }

    #[test]
    fn the_delay_is_under_five_milliseconds_and_nothing_is_held_back() {
        for from_hz in [8_000, 24_000] {
            let mut samples = vec![0_i16; from_hz as usize / 10];
            samples[0] = 20_000;
            let out = resampled(&samples, from_hz, 160);
            assert_eq!(out.len(), 1600, "{from_hz} Hz");
            let loudest = (0..out.len())
                .max_by_key(|at| out[*at].unsigned_abs())
                .unwrap();
            assert!(loudest < 5 * 16, "{from_hz} Hz: {loudest} samples");
        }
    }

    #[test]
    fn at_twice_the_rate_every_other_sample_is_the_one_that_came() {
        assert!(matches!(
            FROM_8000.phases[..],
            [Phase::Same(_), Phase::Weighted(_)]
        ));
        let samples = crate::test_signals::noise(8, 12_000.0, 500);
        let out = resampled(&samples, 8_000, 160);
        let same = out.iter().skip(40).step_by(2);
        assert!(same.zip(&samples).all(|(out, sample)| out == sample));
    }

    #[test]
    fn full_scale_clips_instead_of_wrapping() {
        let square: Vec<i16> = (0..800)
            .map(|n| if n % 40 < 20 { i16::MIN } else { i16::MAX })
            .collect();
        let out = resampled(&square, 8_000, 160);
        let (low, high) = (
            out[200..].iter().min().unwrap(),
            out[200..].iter().max().unwrap(),
        );
        assert_eq!((*low, *high), (i16::MIN, i16::MAX));
        assert!(
            out[200..]
                .windows(2)
                .all(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs() < 50_000)
        );
    }

    #[test]
    fn another_rate_is_an_error_that_names_it() {
        let error = Resampler::new(11_025, LISTENING_HZ).unwrap_err();
        assert!(error.to_string().contains("`11025`"), "{error}");
    }
}
