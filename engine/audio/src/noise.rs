//! Suppresses a line's noise for a recogniser.
//!
//! The short-time log-spectral amplitude estimator of Ephraim and Malah (IEEE Transactions on
//! Acoustics, Speech and Signal Processing 33, 1985, pages 443 to 445) with their decision-directed
//! estimate of the signal-to-noise ratio. The noise's spectrum is taken from what the line is like
//! while the caller is silent.

use std::collections::VecDeque;
use std::f32::consts::PI;
use std::sync::{Arc, LazyLock};

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// Samples of a spectrum: 32 ms at 16 kHz.
const WINDOW: usize = 512;
const BINS: usize = WINDOW / 2 + 1;

/// The distance between the starts of two windows, in samples.
const HOP: usize = WINDOW / 4;

/// The windows that overlap, squared, add up to this.
const OVERLAP: f32 = 2.0;

/// The least gain: -23 dB. With less, what is left of the noise turns into tones.
const LEAST_GAIN: f32 = 0.07;

/// The share of the signal-to-noise ratio that comes from the window before.
const SMOOTHING: f32 = 0.98;

/// The least ratio assumed of signal to noise, in power.
const LEAST_RATIO: f32 = 0.003;

/// The spectrum of a noise is the mean of its last second …
const REMEMBERED: f32 = 32.0;

/// … and is known after so much of it: 160 ms.
const KNOWN_AFTER: f32 = 5.0;

/// The least power assumed of a noise in one bin: that of a line's last bit.
const LEAST_POWER: f32 = 1.0;

struct Transforms {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// The root of a Hann window, for both ways.
    window: [f32; WINDOW],
}

static TRANSFORMS: LazyLock<Transforms> = LazyLock::new(|| {
    let mut planner = RealFftPlanner::new();
    Transforms {
        forward: planner.plan_fft_forward(WINDOW),
        inverse: planner.plan_fft_inverse(WINDOW),
        window: std::array::from_fn(|nth| (PI * nth as f32 / WINDOW as f32).sin()),
    }
});

/// A window's samples and its spectrum, and the memory to get from one to the other.
#[derive(Debug, Clone)]
struct Spectrum {
    samples: Vec<f32>,
    bins: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Spectrum {
    fn new() -> Self {
        let Transforms {
            forward, inverse, ..
        } = &*TRANSFORMS;
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        Self {
            samples: forward.make_input_vec(),
            bins: forward.make_output_vec(),
            scratch: vec![Complex32::default(); scratch],
        }
    }

    /// The bins of one window of samples.
    fn of(&mut self, samples: impl Iterator<Item = f32>) -> &mut [Complex32] {
        let windowed = samples.zip(TRANSFORMS.window);
        for (to, (sample, factor)) in self.samples.iter_mut().zip(windowed) {
            *to = sample * factor;
        }
        // fails only for lengths other than those the transform has made itself
        let done = TRANSFORMS.forward.process_with_scratch(
            &mut self.samples,
            &mut self.bins,
            &mut self.scratch,
        );
        debug_assert_eq!(done.ok(), Some(()));
        &mut self.bins
    }

    /// The samples of the bins as they are now, windowed once more.
    fn samples(&mut self) -> impl Iterator<Item = f32> {
        // a real signal has no phase at the ends of its spectrum
        for end in [0, BINS - 1] {
            if let Some(bin) = self.bins.get_mut(end) {
                bin.im = 0.0;
            }
        }
        let done = TRANSFORMS.inverse.process_with_scratch(
            &mut self.bins,
            &mut self.samples,
            &mut self.scratch,
        );
        debug_assert_eq!(done.ok(), Some(()));
        let scale = 1.0 / (OVERLAP * WINDOW as f32);
        self.samples
            .iter()
            .zip(TRANSFORMS.window)
            .map(move |(sample, factor)| sample * factor * scale)
    }
}

/// The mean spectrum of a line's noise. Takes about 10 kB of heap.
#[derive(Debug, Clone)]
pub struct NoiseSpectrum {
    powers: [f32; BINS],
    /// How many windows are in it, at most [`REMEMBERED`].
    windows: f32,
    begun: VecDeque<i16>,
    spectrum: Spectrum,
}

impl Default for NoiseSpectrum {
    fn default() -> Self {
        Self {
            powers: [0.0; BINS],
            windows: 0.0,
            begun: VecDeque::with_capacity(2 * WINDOW),
            spectrum: Spectrum::new(),
        }
    }
}

impl NoiseSpectrum {
    /// Takes samples at 16 kHz that are nothing but noise, and go on from the last ones.
    pub fn push(&mut self, noise: &[i16]) {
        self.begun.extend(noise);
        while self.begun.len() >= WINDOW {
            let samples = self.begun.drain(..WINDOW).map(f32::from);
            self.windows = (self.windows + 1.0).min(REMEMBERED);
            for (power, bin) in self.powers.iter_mut().zip(self.spectrum.of(samples)) {
                *power += (bin.norm_sqr() - *power) / self.windows;
            }
        }
    }

    /// Something else than noise was heard.
    pub fn interrupt(&mut self) {
        self.begun.clear();
    }

    /// Whether enough of the noise was heard.
    pub fn is_known(&self) -> bool {
        self.windows >= KNOWN_AFTER
    }
}

/// Suppresses the noise in one stretch of speech. Takes about 14 kB of heap.
#[derive(Debug, Clone)]
pub struct NoiseSuppressor {
    begun: VecDeque<i16>,
    /// What the windows so far add up to.
    sum: VecDeque<f32>,
    /// The powers of the last window without its noise.
    clean: [f32; BINS],
    spectrum: Spectrum,
}

impl Default for NoiseSuppressor {
    fn default() -> Self {
        Self {
            begun: VecDeque::with_capacity(2 * WINDOW),
            sum: VecDeque::from([0.0; WINDOW]),
            clean: [0.0; BINS],
            spectrum: Spectrum::new(),
        }
    }
}

impl NoiseSuppressor {
    /// Takes samples at 16 kHz, and adds those to `out` that are complete: up to 24 ms less.
    pub fn push(
        &mut self,
        noise: &NoiseSpectrum,
        samples: impl IntoIterator<Item = i16>,
        out: &mut Vec<i16>,
    ) {
        for sample in samples {
            self.begun.push_back(sample);
            if self.begun.len() == WINDOW {
                self.window(noise, out);
                self.begun.drain(..HOP);
            }
        }
    }

    fn window(&mut self, noise: &NoiseSpectrum, out: &mut Vec<i16>) {
        let bins = self.spectrum.of(self.begun.iter().copied().map(f32::from));
        for ((bin, noise), clean) in bins.iter_mut().zip(&noise.powers).zip(&mut self.clean) {
            let noise = noise.max(LEAST_POWER);
            let posterior = bin.norm_sqr() / noise;
            let before = *clean / noise;
            let ratio = SMOOTHING * before + (1.0 - SMOOTHING) * (posterior - 1.0).max(0.0);
            *bin *= gain(ratio.max(LEAST_RATIO), posterior);
            *clean = bin.norm_sqr();
        }
        for (sum, sample) in self.sum.iter_mut().zip(self.spectrum.samples()) {
            *sum += sample;
        }
        out.extend(self.sum.drain(..HOP).map(|sample| sample.round() as i16));
        self.sum.resize(WINDOW, 0.0);
    }
}

/// The estimator's gain of a bin. `ratio` is that of signal to noise as far as it is known from
/// before, `posterior` that of the bin to the noise.
fn gain(ratio: f32, posterior: f32) -> f32 {
    let share = ratio / (1.0 + ratio);
    let integral = exponential_integral((share * posterior).max(f32::MIN_POSITIVE));
    (share * (0.5 * integral).exp()).clamp(LEAST_GAIN, 1.0)
}

/// E1 is below 1e-14 from here on, and the fourth power of what is much larger is no number.
const NOTHING_ABOVE: f32 = 30.0;

/// E1(x) for x above 0, to 5e-5 of its value (Abramowitz and Stegun, 5.1.53 and 5.1.56).
fn exponential_integral(x: f32) -> f32 {
    let polynomial = |factors: &[f32]| factors.iter().rfold(0.0, |sum, factor| sum * x + factor);
    if x < 1.0 {
        const NEAR: [f32; 6] = [
            -0.577_215_7,
            0.999_991_9,
            -0.249_910_55,
            0.055_199_68,
            -0.009_760_04,
            0.001_078_57,
        ];
        polynomial(&NEAR) - x.ln()
    } else if x > NOTHING_ABOVE {
        0.0
    } else {
        const ABOVE: [f32; 5] = [0.267_773_73, 8.634_761, 18.059_017, 8.573_329, 1.0];
        const BELOW: [f32; 5] = [3.958_496_8, 21.099_653, 25.632_957, 9.573_322, 1.0];
        (-x).exp() / x * polynomial(&ABOVE) / polynomial(&BELOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::rms_dbfs;
    use crate::test_signals::{noise, sine};

    const AMPLITUDE: f64 = 1_000.0;

    fn of(noise: &[i16]) -> NoiseSpectrum {
        let mut spectrum = NoiseSpectrum::default();
        spectrum.push(noise);
        assert!(spectrum.is_known());
        spectrum
    }

    fn suppressed(spectrum: &NoiseSpectrum, samples: &[i16]) -> Vec<i16> {
        let (mut suppressor, mut out) = (NoiseSuppressor::default(), Vec::new());
        suppressor.push(spectrum, samples.iter().copied(), &mut out);
        out
    }

    #[test]
    fn the_integral_is_that_of_the_tables() {
        // Abramowitz and Stegun, table 5.1
        for (x, expected) in [
            (0.1, 1.822_924),
            (0.5, 0.559_774),
            (1.0, 0.219_384),
            (2.0, 0.048_901),
        ] {
            let integral = exponential_integral(x);
            assert!((integral / expected - 1.0).abs() < 1e-4, "{x}: {integral}");
        }
    }

    #[test]
    fn noise_alone_falls_by_the_least_gain() {
        let line = noise(7, AMPLITUDE, 32_000);
        let out = suppressed(&of(&line), &noise(8, AMPLITUDE, 16_000));
        let fall_db = rms_dbfs(&line) - rms_dbfs(&out[WINDOW..]);
        assert!((18.0..24.0).contains(&fall_db), "{fall_db} dB");
    }

    #[test]
    fn what_stands_out_of_the_noise_stays_and_comes_24_ms_later() {
        let tone = sine(16_000, 1_000, 6_000.0, 1_000);
        let line = noise(7, AMPLITUDE, 32_000);
        let out = suppressed(&of(&line), &tone);
        assert!((WINDOW - HOP..WINDOW).contains(&(tone.len() - out.len())));
        let changed: Vec<i16> = tone
            .iter()
            .zip(&out)
            .skip(WINDOW)
            .map(|(before, after)| before - after)
            .collect();
        let change_db = rms_dbfs(&changed) - rms_dbfs(&tone);
        assert!(change_db < -25.0, "{change_db} dB");
    }

    #[test]
    fn on_a_line_without_noise_nothing_changes() {
        let word = noise(9, 4_000.0, 8_000);
        let out = suppressed(&of(&[0; 16_000]), &word);
        let change = word
            .iter()
            .zip(&out)
            .skip(WINDOW)
            .map(|(before, after)| before.abs_diff(*after))
            .max();
        assert!(change <= Some(2), "{change:?}");
    }

    #[test]
    fn it_is_the_same_whatever_the_pieces() {
        let (line, samples) = (noise(7, AMPLITUDE, 32_000), noise(9, 4_000.0, 8_000));
        let spectrum = of(&line);
        let whole = suppressed(&spectrum, &samples);
        let (mut suppressor, mut out) = (NoiseSuppressor::default(), Vec::new());
        for piece in samples.chunks(77) {
            suppressor.push(&spectrum, piece.iter().copied(), &mut out);
        }
        assert_eq!(out, whole);
    }

    #[test]
    fn noise_that_was_interrupted_is_not_joined() {
        let mut spectrum = NoiseSpectrum::default();
        for _ in 0..100 {
            spectrum.push(&[0; WINDOW - 1]);
            spectrum.interrupt();
        }
        assert!(!spectrum.is_known());
    }
}
