//! Detects tones: ringback, beeps of answering machines and fax machines, keys heard in-band. Voice
//! activity reports them as speech.
//!
//! A tone is one or two steady frequencies that hold nearly all the power of 64 ms. A voice glides
//! and has more than two harmonics; one that does not (a hum) cannot be an answer, so nothing is
//! lost.

use std::fmt;
use std::sync::{Arc, LazyLock};

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::resample::LISTENING_HZ;
use crate::voice::{FRAME_MS, FRAME_SAMPLES};

/// The analysis window: 64 ms at 16 kHz, in bins of 15.6 Hz.
const WINDOW: usize = 4 * FRAME_SAMPLES;

/// The oldest samples are dropped only once there are this many, since dropping moves all others.
const RECENT: usize = 4 * WINDOW;

/// The highest frequency searched.
const HIGHEST_HZ: u32 = 3_400;

/// The bins searched; the first few hold mains hum and offsets.
const BINS: std::ops::Range<usize> = 10..(HIGHEST_HZ as usize * WINDOW / LISTENING_HZ as usize);

/// The lowest frequency of an answering machine's tone. A hum, or a vowel that is one, has that of its
/// voice, which is lower.
pub const BEEP_HZ: usize = 400;

/// Bins on either side of a peak that belong to it: the main lobe of a Hann window, with some room
/// for a modulated tone.
const LOBE: usize = 3;

/// The share of the power that the one or two peaks of a tone hold.
const SHARE: f32 = 0.95;

/// How far a tone's peak may move between frames, in bins.
const STILL: usize = 1;

/// Frames for which a tone must be steady.
const STEADY_FRAMES: u32 = 3;

/// Voice activity is released this long after a tone.
const TRAILING_FRAMES: u32 = 160 / FRAME_MS;

static FORWARD: LazyLock<Arc<dyn RealToComplex<f32>>> =
    LazyLock::new(|| RealFftPlanner::new().plan_fft_forward(WINDOW));

static HANN: LazyLock<[f32; WINDOW]> = LazyLock::new(|| {
    std::array::from_fn(|n| {
        0.5 - 0.5 * (2.0 * std::f32::consts::PI * n as f32 / WINDOW as f32).cos()
    })
});

/// A steady tone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// One frequency, which is no hum of a voice: [`BEEP_HZ`] or more.
    Beep,
    /// Another: of two frequencies, as of a key, or low.
    Other,
}

/// Detects tones in one stream of frames. Takes about 25 kB.
pub struct ToneDetector {
    forward: Arc<dyn RealToComplex<f32>>,
    /// The last samples; the end of it counts.
    recent: Vec<i16>,
    weighted: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    powers: Vec<f32>,
    /// The strongest bin of the previous frame, if it may be a tone.
    found: Option<usize>,
    kind: Tone,
    /// Frames in which it has been the same.
    found_frames: u32,
    /// The same of frames in which voice activity found speech.
    peak: Option<usize>,
    steady: u32,
    since: u32,
}

impl fmt::Debug for ToneDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToneDetector")
            .field("peak", &self.peak)
            .field("steady", &self.steady)
            .finish_non_exhaustive()
    }
}

impl Default for ToneDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl ToneDetector {
    /// A detector at the start of a stream.
    pub fn new() -> Self {
        let forward = &*FORWARD;
        Self {
            recent: recent(),
            weighted: forward.make_input_vec(),
            spectrum: forward.make_output_vec(),
            scratch: forward.make_scratch_vec(),
            powers: vec![0.0; WINDOW / 2 + 1],
            forward: Arc::clone(forward),
            found: None,
            kind: Tone::Beep,
            found_frames: 0,
            peak: None,
            steady: 0,
            since: u32::MAX,
        }
    }

    /// Takes a frame at 16 kHz and analyses it if it is `speech`, as voice activity takes it, or `loud`.
    /// Returns whether speech is a tone, or one has just ended.
    pub fn push(&mut self, frame: &[i16], speech: bool, loud: bool) -> bool {
        if self.recent.len() + frame.len() > RECENT {
            self.recent.drain(..self.recent.len() - WINDOW);
        }
        self.recent.extend_from_slice(frame);
        let found = if speech || loud { self.tone() } else { None };
        self.found_frames = frames(self.found, found, self.found_frames);
        self.found = found;
        let peak = found.filter(|_| speech);
        self.steady = frames(self.peak, peak, self.steady);
        self.peak = peak;
        self.since = if self.steady >= STEADY_FRAMES {
            0
        } else {
            self.since.saturating_add(1)
        };
        self.since == 0 || (self.since <= TRAILING_FRAMES && !speech)
    }

    /// The steady tone in the last frame, whatever voice activity takes it for.
    pub fn steady(&self) -> Option<Tone> {
        (self.found_frames >= STEADY_FRAMES).then_some(self.kind)
    }

    /// The strongest bin, if it and at most one other peak hold nearly all the power.
    fn tone(&mut self) -> Option<usize> {
        let window = self.recent.last_chunk::<WINDOW>()?;
        for ((place, sample), weight) in self.weighted.iter_mut().zip(window).zip(HANN.iter()) {
            *place = f32::from(*sample) * weight;
        }
        self.forward
            .process_with_scratch(&mut self.weighted, &mut self.spectrum, &mut self.scratch)
            .ok()?;
        for (power, bin) in self.powers.iter_mut().zip(&self.spectrum) {
            *power = bin.norm_sqr();
        }
        let powers = self.powers.get_mut(BINS)?;
        let all: f32 = powers.iter().sum();
        let (first, first_power) = take_peak(powers)?;
        let (_, second_power) = take_peak(powers)?;
        let hz = (BINS.start + first) * LISTENING_HZ as usize / WINDOW;
        self.kind = if first_power >= SHARE * all && hz >= BEEP_HZ {
            Tone::Beep
        } else {
            Tone::Other
        };
        (all > 0.0 && first_power + second_power >= SHARE * all).then_some(first)
    }
}

/// Silence before the first frame.
fn recent() -> Vec<i16> {
    let mut recent = Vec::with_capacity(RECENT);
    recent.resize(WINDOW, 0);
    recent
}

/// How many frames a peak has been still, after this one.
fn frames(before: Option<usize>, now: Option<usize>, frames: u32) -> u32 {
    match (before, now) {
        (Some(before), Some(now)) if before.abs_diff(now) <= STILL => frames.saturating_add(1),
        (_, Some(_)) => 1,
        (_, None) => 0,
    }
}

/// The strongest bin and the power of its lobe, which is set to zero.
fn take_peak(powers: &mut [f32]) -> Option<(usize, f32)> {
    let (peak, _) = powers
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(b.1))?;
    let lobe = powers.get_mut(peak.saturating_sub(LOBE)..)?;
    let mut sum = 0.0;
    for power in lobe.iter_mut().take(2 * LOBE + 1) {
        sum += *power;
        *power = 0.0;
    }
    Some((peak, sum))
}
