//! From the model's spectra to samples.
//!
//! The model predicts five spectra of 601 bins and a pitch for each frame of 12.5 ms at 24 kHz. A
//! train of pulses at that pitch is filtered by the first two, noise is shaped by the third, and the
//! last two are a part with a phase of its own:
//!
//! `S = exp(lh) e^(iπ tanh θ) STFT(pulses) + exp(ln) Z + exp(lr) e^(iφ)`
//!
//! Speech is the inverse short-time transform of S. For a lower rate its upper bins are left out, so
//! that nothing has to be resampled. Source: `dsp.py` of hibari-tts 0.2.1 (Apache-2.0).

use std::f32::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// The model's rate.
const MODEL_HZ: u32 = 24_000;
/// Samples of a frame's transform at the model's rate; frames overlap by three quarters.
const WINDOW: usize = 1_200;
/// Samples between frames at the model's rate.
const HOP: usize = WINDOW / 4;
/// Bins of a frame's spectrum.
pub(super) const BINS: usize = WINDOW / 2 + 1;
/// Below this a frame is unvoiced.
const VOICED_HZ: f32 = 40.0;
/// Pulses have no harmonics above this.
const HARMONICS_HZ: f32 = 11_000.0;
/// The natural logarithm of the largest magnitude that a spectrum may ask for.
const MAGNITUDE_MAX: f32 = 7.0;
/// The uppermost bins at a lower rate are faded out, so that the band's edge does not ring.
const FADE_BINS: usize = 8;
/// The seed of the noise: the same words sound the same each time.
const NOISE_SEED: u64 = 0x0068_6962_6172_6900;

/// What the model predicts for one stretch of text. Each spectrum has [`BINS`] rows of `frames`.
pub(super) struct Spectra {
    /// Number of frames.
    pub(super) frames: usize,
    /// Logarithm of the harmonic part's magnitude.
    pub(super) harmonic: Vec<f32>,
    /// Its rotation, before tanh.
    pub(super) rotation: Vec<f32>,
    /// Logarithm of the noise's magnitude.
    pub(super) noise: Vec<f32>,
    /// Logarithm of the free part's magnitude.
    pub(super) free: Vec<f32>,
    /// Its phase.
    pub(super) phase: Vec<f32>,
    /// Pitch in hertz by frame.
    pub(super) pitch: Vec<f32>,
}

/// Transforms for one output rate, with their buffers.
pub(super) struct Waveform {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    analysis: Vec<f32>,
    synthesis: Vec<f32>,
    framed: Vec<f32>,
    excitation: Vec<Complex32>,
    spectrum: Vec<Complex32>,
    spoken: Vec<f32>,
}

impl Waveform {
    /// Transforms for a rate in hertz; `None` for one that the model's frames do not divide, or that
    /// is above its own.
    pub(super) fn new(rate_hz: u32) -> Option<Self> {
        let hop = HOP as u64 * u64::from(rate_hz);
        if rate_hz == 0 || rate_hz > MODEL_HZ || !hop.is_multiple_of(u64::from(MODEL_HZ) * 2) {
            return None;
        }
        let window = usize::try_from(hop / u64::from(MODEL_HZ)).ok()? * 4;
        let mut planner = RealFftPlanner::<f32>::new();
        // a unit cosine has a quarter of the window's length in its bin
        let scale = 4.0 / WINDOW as f32;
        Some(Self {
            forward: planner.plan_fft_forward(WINDOW),
            inverse: planner.plan_fft_inverse(window),
            analysis: hann(WINDOW).map(|value| value * scale).collect(),
            synthesis: hann(window).collect(),
            framed: vec![0.0; WINDOW],
            excitation: vec![Complex32::ZERO; BINS],
            spectrum: vec![Complex32::ZERO; window / 2 + 1],
            spoken: vec![0.0; window],
        })
    }

    /// The samples of a stretch; full scale is 1. An error is the transform's, which these lengths do not have.
    pub(super) fn render(&mut self, spectra: &Spectra) -> Result<Vec<f32>, String> {
        let frames = spectra.frames;
        let pulses = pulses(&spectra.pitch);
        let window = self.synthesis.len();
        let hop = window / 4;
        let mut sum = vec![0.0f32; (frames + 3) * hop];
        let mut weight = vec![0.0f32; sum.len()];
        let mut noise = fastrand::Rng::with_seed(NOISE_SEED);
        for frame in 0..frames {
            // the analysis is centred: half a window is mirrored at both ends
            for (at, (framed, factor)) in self.framed.iter_mut().zip(&self.analysis).enumerate() {
                let sample = mirrored(frame * HOP + at, WINDOW / 2, pulses.len());
                *framed = pulses.get(sample).copied().unwrap_or(0.0) * factor;
            }
            self.forward
                .process(&mut self.framed, &mut self.excitation)
                .map_err(|error| error.to_string())?;
            self.shape(spectra, frame, &mut noise);
            self.inverse
                .process(&mut self.spectrum, &mut self.spoken)
                .map_err(|error| error.to_string())?;
            let places = sum.iter_mut().zip(&mut weight).skip(frame * hop);
            for ((place, weight), (spoken, factor)) in
                places.zip(self.spoken.iter().zip(&self.synthesis))
            {
                *place += spoken * factor;
                *weight += factor * factor;
            }
        }
        // the bins left out do not change a sample's scale, so that the model's length divides it
        let samples = sum.iter().zip(&weight).skip(window / 2).take(frames * hop);
        Ok(samples
            .map(|(sum, weight)| sum / weight.max(1e-11) / WINDOW as f32)
            .collect())
    }

    /// The spectrum of one frame, from that of the pulses.
    fn shape(&mut self, spectra: &Spectra, frame: usize, noise: &mut fastrand::Rng) {
        let bins = self.spectrum.len();
        let lowered = bins < BINS;
        for (bin, (value, excitation)) in self.spectrum.iter_mut().zip(&self.excitation).enumerate()
        {
            let at = bin * spectra.frames + frame;
            let of = |part: &[f32]| part.get(at).copied().unwrap_or(0.0);
            let magnitude = |part: &[f32]| of(part).min(MAGNITUDE_MAX).exp();
            let harmonic = excitation
                * Complex32::from_polar(
                    magnitude(&spectra.harmonic),
                    PI * of(&spectra.rotation).tanh(),
                );
            let free = Complex32::from_polar(magnitude(&spectra.free), of(&spectra.phase));
            *value = harmonic + gaussian(noise) * magnitude(&spectra.noise) + free;
            let below = bins - 1 - bin;
            if lowered && below < FADE_BINS {
                *value *= below as f32 / FADE_BINS as f32;
            }
        }
        // a real signal has real ends of its spectrum
        for end in [0, bins - 1] {
            if let Some(value) = self.spectrum.get_mut(end) {
                value.im = 0.0;
            }
        }
    }
}

/// A periodic Hann window.
fn hann(length: usize) -> impl Iterator<Item = f32> {
    (0..length).map(move |at| 0.5 - 0.5 * (2.0 * PI * at as f32 / length as f32).cos())
}

/// The index into a signal of `length` samples that is mirrored beyond its ends by `margin`.
fn mirrored(at: usize, margin: usize, length: usize) -> usize {
    let beyond = |at: usize| {
        let last = length.saturating_sub(1);
        if at > last {
            last.saturating_sub(at - last)
        } else {
            at
        }
    };
    if at < margin {
        beyond(margin - at)
    } else {
        beyond(at - margin)
    }
}

/// A complex number whose parts have unit variance (Box and Muller).
fn gaussian(noise: &mut fastrand::Rng) -> Complex32 {
    let radius = (-2.0 * (1.0 - noise.f32()).max(f32::MIN_POSITIVE).ln()).sqrt();
    Complex32::from_polar(radius, 2.0 * PI * noise.f32())
}

/// A train of pulses that follows the pitch: all its harmonics below [`HARMONICS_HZ`] at unit
/// amplitude, nothing where it is unvoiced.
fn pulses(pitch: &[f32]) -> Vec<f32> {
    let mut pulses = Vec::with_capacity(pitch.len() * HOP);
    let mut phase = 0.0f64;
    let at_frame = |frame: usize| pitch.get(frame.min(pitch.len().saturating_sub(1))).copied();
    for sample in 0..pitch.len() * HOP {
        // the pitch of a frame is that of its middle
        let place = (sample as f32 + 0.5) / HOP as f32 - 0.5;
        let (before, part) = (place.floor(), place - place.floor());
        let earlier = at_frame(before.max(0.0) as usize).unwrap_or(0.0);
        let later = at_frame((before + 1.0) as usize).unwrap_or(0.0);
        let hz = earlier * (1.0 - part) + later * part;
        phase = (phase + f64::from(hz.max(VOICED_HZ)) / f64::from(MODEL_HZ)).fract();
        pulses.push(if hz > VOICED_HZ {
            harmonics(hz, phase)
        } else {
            0.0
        });
    }
    pulses
}

/// The sum of `cos(h t)` over the harmonics of a pitch, in closed form.
fn harmonics(hz: f32, phase: f64) -> f32 {
    let angle = (phase * std::f64::consts::TAU) as f32;
    let count = (HARMONICS_HZ / hz).floor() + 0.5;
    let below = 2.0 * (angle * 0.5).sin();
    let ratio = if below.abs() <= 2e-3 {
        count
    } else {
        (count * angle).sin() / below
    };
    ratio - 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of one pitch, whose harmonic part has this magnitude and whose other parts are silent.
    fn voiced(frames: usize, hz: f32, magnitude: f32) -> Spectra {
        let flat = |value: f32| vec![value; BINS * frames];
        Spectra {
            frames,
            harmonic: flat(magnitude.ln()),
            rotation: flat(0.0),
            noise: flat(-40.0),
            free: flat(-40.0),
            phase: flat(0.0),
            pitch: vec![hz; frames],
        }
    }

    /// The amplitude of one frequency in the middle of a signal.
    fn amplitude(samples: &[f32], hz: f32, rate_hz: u32) -> f32 {
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        let sum: Complex32 = middle
            .iter()
            .enumerate()
            .map(|(at, sample)| {
                Complex32::from_polar(*sample, -2.0 * PI * hz * at as f32 / rate_hz as f32)
            })
            .sum();
        2.0 * sum.norm() / middle.len() as f32
    }

    #[test]
    fn a_pitch_has_its_harmonics_with_the_same_amplitude_at_every_rate() {
        // the transform of the filter has the window's sum as its scale
        let spectra = voiced(80, 200.0, WINDOW as f32 / 4.0);
        let at_24 = Waveform::new(24_000).unwrap().render(&spectra).unwrap();
        let expected = amplitude(&at_24, 1_000.0, 24_000);
        assert!(expected > 0.1, "{expected}");
        for rate_hz in [8_000, 16_000, 24_000] {
            let samples = Waveform::new(rate_hz).unwrap().render(&spectra).unwrap();
            assert_eq!(samples.len(), 80 * rate_hz as usize / 80);
            for hz in [200.0, 1_000.0, 3_000.0] {
                let found = amplitude(&samples, hz, rate_hz);
                assert!(
                    (found / expected - 1.0).abs() < 0.05,
                    "{rate_hz}: {hz} Hz has {found}"
                );
            }
            let between = amplitude(&samples, 1_100.0, rate_hz);
            assert!(
                between < expected / 30.0,
                "{rate_hz}: {between} between harmonics"
            );
        }
    }

    #[test]
    fn unvoiced_frames_have_no_pulses_and_noise_is_the_same_each_time() {
        assert!(
            pulses(&[0.0, 30.0, 0.0])
                .iter()
                .all(|&sample| sample == 0.0)
        );
        let mut spectra = voiced(20, 0.0, 1.0);
        spectra.noise.fill(2.0);
        let render = || Waveform::new(8_000).unwrap().render(&spectra).unwrap();
        let samples = render();
        assert!(samples.iter().any(|sample| sample.abs() > 1e-3));
        assert_eq!(samples, render());
    }

    #[test]
    fn a_rate_that_frames_do_not_divide_is_refused() {
        for rate_hz in [0, 11_025, 22_050, 44_100, 48_000] {
            assert!(Waveform::new(rate_hz).is_none(), "{rate_hz}");
        }
    }

    #[test]
    fn the_shortest_stretch_is_mirrored_within_itself() {
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 6].map(|at| mirrored(at, 2, 3)),
            [2, 1, 0, 1, 2, 1, 0]
        );
        let samples = Waveform::new(8_000)
            .unwrap()
            .render(&voiced(1, 100.0, 1.0))
            .unwrap();
        assert_eq!(samples.len(), 100);
    }
}
