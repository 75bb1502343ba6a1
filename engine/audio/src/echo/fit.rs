//! How much of the received audio is echo: the least-squares filter of a few milliseconds from
//! played to received audio.

use super::search::WINDOW;
use crate::decimate::dot;

/// The filter's length, in samples at 4 kHz: 6 ms.
pub const TAPS: usize = 24;

/// Number of taps before the delay found by the search.
pub const AHEAD: usize = 6;

/// Regularisation as a fraction of the mean tap energy: keeps the solution stable in bands where
/// the played audio has little energy.
const STIFFNESS: f32 = 1e-3;

/// The result of a fit, as mean squares over the window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fit {
    /// All received audio.
    pub heard: f32,
    /// The part explained by the played audio.
    pub explained: f32,
    /// The power gain of the filter that explains it.
    pub gain: f32,
}

/// Solves the least-squares problems, reusing its buffers.
#[derive(Debug)]
pub struct Fitter {
    /// Covariances of the played audio; the lower triangle is replaced by its Cholesky factor.
    rows: [[f32; TAPS]; TAPS],
    correlations: [f32; TAPS],
}

impl Default for Fitter {
    fn default() -> Self {
        Self::new()
    }
}

impl Fitter {
    /// Buffers for one problem.
    pub fn new() -> Self {
        Self {
            rows: [[0.0; TAPS]; TAPS],
            correlations: [0.0; TAPS],
        }
    }

    /// Fits `heard`, [`WINDOW`] samples, from `played`, [`PLAYED`] samples, whose last one is what
    /// the first tap applies to for the last sample of `heard`. Other lengths give an empty fit.
    pub fn fit(&mut self, heard: &[f32], played: &[f32]) -> Fit {
        if heard.len() != WINDOW || played.len() != PLAYED {
            return Fit::default();
        }
        let energy = dot(heard, heard);
        let tap = self.correlate(heard, played);
        let stiffness = tap * STIFFNESS;
        let explained = if stiffness > 0.0 {
            self.explained(stiffness).clamp(0.0, energy)
        } else {
            0.0
        };
        Fit {
            heard: energy / WINDOW as f32,
            explained: explained / WINDOW as f32,
            gain: if tap > 0.0 { explained / tap } else { 0.0 },
        }
    }

    /// Fills in the covariances and correlations of the taps. Returns the mean energy of a tap.
    fn correlate(&mut self, heard: &[f32], played: &[f32]) -> f32 {
        let tapped = |tap: usize| {
            played
                .get(TAPS - 1 - tap..)
                .and_then(|rest| rest.get(..WINDOW))
                .unwrap_or_default()
        };
        let newest = tapped(0);
        for (tap, correlation) in self.correlations.iter_mut().enumerate() {
            *correlation = dot(heard, tapped(tap));
        }
        // the first column directly; each further row is the previous one shifted by one sample:
        // one product enters, one leaves
        for (tap, row) in self.rows.iter_mut().enumerate() {
            row[0] = dot(newest, tapped(tap));
        }
        let (Some(entering), Some(leaving)) = (played.get(..TAPS - 1), played.get(WINDOW..)) else {
            return 0.0;
        };
        for tap in 1..TAPS {
            let (above, rest) = self.rows.split_at_mut(tap);
            let (Some(above), Some(row)) = (above.last(), rest.first_mut()) else {
                continue;
            };
            let edge = |samples: &[f32], tap: usize| {
                samples.get(TAPS - 1 - tap).copied().unwrap_or_default()
            };
            let (enters, leaves) = (edge(entering, tap), edge(leaving, tap));
            for (column, (covariance, before)) in
                (1..).zip(row[1..].iter_mut().zip(above.iter())).take(tap)
            {
                *covariance =
                    before + enters * edge(entering, column) - leaves * edge(leaving, column);
            }
        }
        self.rows
            .iter()
            .enumerate()
            .filter_map(|(tap, row)| row.get(tap))
            .sum::<f32>()
            / TAPS as f32
    }

    /// The energy of the projection of the received audio: with covariances `L L'` and correlations
    /// `b` it is `|L^-1 b|^2`.
    fn explained(&mut self, stiffness: f32) -> f32 {
        let mut explained = 0.0;
        for n in 0..TAPS {
            let (above, rest) = self.rows.split_at_mut(n);
            let (Some(row), (solved, [correlation, ..])) =
                (rest.first_mut(), self.correlations.split_at_mut(n))
            else {
                break;
            };
            for (column, factors) in above.iter().enumerate() {
                let (known, [unknown, ..]) = row.split_at_mut(column) else {
                    break;
                };
                let pivot = factors.get(column).copied().unwrap_or(1.0);
                *unknown = (*unknown - dot(known, factors)) / pivot;
            }
            let (known, [diagonal, ..]) = row.split_at_mut(n) else {
                break;
            };
            *diagonal = (*diagonal + stiffness - dot(known, known))
                .max(stiffness)
                .sqrt();
            *correlation = (*correlation - dot(known, solved)) / *diagonal;
            explained += *correlation * *correlation;
        }
        explained
    }
}

/// The length of `played` for a window of `heard`.
pub const PLAYED: usize = WINDOW + TAPS - 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signals::noise_f32 as floats;

    fn share(heard: &[f32], played: &[f32]) -> f32 {
        let fit = Fitter::new().fit(heard, played);
        fit.explained / fit.heard
    }

    #[test]
    fn what_a_short_filter_makes_of_it_is_explained() {
        let played = floats(1, 9_000.0, PLAYED);
        let heard: Vec<f32> = (TAPS - 1..PLAYED)
            .map(|n| 0.05 * played[n - 3] - 0.02 * played[n - 4] + 0.01 * played[n - 20])
            .collect();
        assert!(share(&heard, &played) > 0.99);
    }

    #[test]
    fn what_has_nothing_to_do_with_it_is_not() {
        let most = (1..20)
            .map(|seed| {
                share(
                    &floats(seed, 900.0, WINDOW),
                    &floats(seed + 100, 9_000.0, PLAYED),
                )
            })
            .fold(0.0, f32::max);
        assert!(most < 0.1, "{most}");
    }

    #[test]
    fn the_share_is_that_of_the_powers() {
        let (played, other) = (floats(1, 9_000.0, PLAYED), floats(2, 900.0, WINDOW));
        for gain in [0.05_f32, 0.1, 0.2] {
            let heard: Vec<f32> = other
                .iter()
                .zip(&played[TAPS - 1..])
                .map(|(other, played)| other + gain * played)
                .collect();
            let expected = gain * gain / (gain * gain + 0.01);
            assert!(
                (share(&heard, &played) - expected).abs() < 0.05,
                "{gain}: {} and {expected}",
                share(&heard, &played)
            );
        }
    }

    #[test]
    fn nothing_is_explained_by_silence() {
        assert_eq!(
            Fitter::new()
                .fit(&floats(1, 900.0, WINDOW), &[0.0; PLAYED])
                .explained,
            0.0
        );
    }
}
