//! Finds the delay of the echo: one cross-correlation of a window of received audio with everything
//! played within the last second.

use std::fmt;
use std::sync::{Arc, LazyLock};

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::decimate::dot;

/// The window compared, in samples at 4 kHz: 200 ms.
pub const WINDOW: usize = 800;

/// The FFT length: window plus delays.
const LENGTH: usize = 4_096;

/// Number of delays searched, in samples at 4 kHz: 824 ms.
pub const DELAYS: usize = LENGTH - WINDOW;

type Plans = (Arc<dyn RealToComplex<f32>>, Arc<dyn ComplexToReal<f32>>);

/// FFT plans, shared by all calls.
static PLANS: LazyLock<Plans> = LazyLock::new(|| {
    let mut planner = RealFftPlanner::new();
    (
        planner.plan_fft_forward(LENGTH),
        planner.plan_fft_inverse(LENGTH),
    )
});

/// Finds the delay at which two signals are most similar. Takes about 65 kB.
pub struct Search {
    forward: Arc<dyn RealToComplex<f32>>,
    backward: Arc<dyn ComplexToReal<f32>>,
    padded: Vec<f32>,
    heard: Vec<Complex<f32>>,
    played: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").finish_non_exhaustive()
    }
}

impl Default for Search {
    fn default() -> Self {
        Self::new()
    }
}

impl Search {
    /// Allocates the buffers for all searches.
    pub fn new() -> Self {
        let (forward, backward) = &*PLANS;
        let scratch = forward.get_scratch_len().max(backward.get_scratch_len());
        Self {
            padded: forward.make_input_vec(),
            heard: forward.make_output_vec(),
            played: forward.make_output_vec(),
            scratch: vec![Complex::default(); scratch],
            forward: Arc::clone(forward),
            backward: Arc::clone(backward),
        }
    }

    /// Takes `heard`, [`WINDOW`] samples, and `played`, [`WINDOW`] + [`DELAYS`] samples, aligned so
    /// that both end together at the shortest delay. Returns the position in `played` at which
    /// `heard` fits best, if any: the later the position, the shorter the delay.
    pub fn best(&mut self, heard: &[f32], played: &[f32]) -> Option<usize> {
        transform(
            &*self.forward,
            heard,
            &mut self.padded,
            &mut self.heard,
            &mut self.scratch,
        )?;
        transform(
            &*self.forward,
            played,
            &mut self.padded,
            &mut self.played,
            &mut self.scratch,
        )?;
        for (product, heard) in self.played.iter_mut().zip(&self.heard) {
            *product *= heard.conj();
        }
        // rounding leaves an imaginary part where a real signal has none
        for edge in [0, LENGTH / 2] {
            if let Some(bin) = self.played.get_mut(edge) {
                bin.im = 0.0;
            }
        }
        self.backward
            .process_with_scratch(&mut self.played, &mut self.padded, &mut self.scratch)
            .ok()?;
        let energy = |samples: &[f32]| f64::from(dot(samples, samples));
        // near-silence would fit anything by chance
        let least = energy(played) * 0.01;
        let mut running = energy(played.get(..WINDOW)?);
        let (mut best, mut best_power, mut best_energy) = (None, 0.0, 1.0);
        let (leaving, entering) = (played.iter(), played.get(WINDOW..)?.iter());
        for (position, ((correlation, leaves), enters)) in
            self.padded.iter().zip(leaving).zip(entering).enumerate()
        {
            let (power, energy) = (
                f64::from(correlation * correlation),
                running.max(least).max(1.0),
            );
            if power * best_energy > best_power * energy {
                (best, best_power, best_energy) = (Some(position), power, energy);
            }
            running += f64::from(enters * enters - leaves * leaves);
        }
        best
    }
}

fn transform(
    forward: &dyn RealToComplex<f32>,
    samples: &[f32],
    padded: &mut [f32],
    out: &mut [Complex<f32>],
    scratch: &mut [Complex<f32>],
) -> Option<()> {
    let (head, tail) = padded.split_at_mut_checked(samples.len())?;
    head.copy_from_slice(samples);
    tail.fill(0.0);
    forward.process_with_scratch(padded, out, scratch).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signals::noise;

    #[test]
    fn a_quiet_copy_is_found_at_its_delay() {
        let played: Vec<f32> = noise(1, 8_000.0, WINDOW + DELAYS)
            .into_iter()
            .map(f32::from)
            .collect();
        let disturbance = noise(2, 30.0, WINDOW);
        let mut search = Search::new();
        for position in [0, 1, 777, 2_000, DELAYS - 1] {
            let heard: Vec<f32> = played[position..position + WINDOW]
                .iter()
                .zip(&disturbance)
                .map(|(sample, noise)| sample * -0.01 + f32::from(*noise))
                .collect();
            assert_eq!(search.best(&heard, &played), Some(position));
        }
    }

    #[test]
    fn nothing_fits_silence() {
        let mut search = Search::new();
        assert_eq!(search.best(&[0.0; WINDOW], &[0.0; WINDOW + DELAYS]), None);
    }
}
