//! How much of what comes in is the echo: the best filter of a few milliseconds from what was played to what is heard, by least squares.

use super::search::WINDOW;

/// The filter's length, in samples of 4 kHz: 6 ms.
pub const TAPS: usize = 24;

/// So many taps stand before the delay that was found.
pub const AHEAD: usize = 6;

/// How stiff the solution is, of the mean power: keeps it sound where what was played has little of a band.
const STIFFNESS: f64 = 1e-3;

/// What a fit found, as mean squares over the window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fit {
    /// All that is heard.
    pub heard: f32,
    /// The part that what was played explains.
    pub explained: f32,
}

/// Solves one least-squares problem after another.
#[derive(Debug)]
pub struct Fitter {
    /// Covariances of what was played, row by row; becomes its Cholesky factor.
    matrix: [[f64; TAPS]; TAPS],
    vector: [f64; TAPS],
}

impl Default for Fitter {
    fn default() -> Self {
        Self::new()
    }
}

impl Fitter {
    /// Room for one problem.
    pub fn new() -> Self {
        Self { matrix: [[0.0; TAPS]; TAPS], vector: [0.0; TAPS] }
    }

    /// `heard` has [`WINDOW`] samples, `played` [`TAPS`] - 1 more: those before come first, and the last is the one that the filter's first
    /// tap takes for the last of `heard`.
    pub fn fit(&mut self, heard: &[f32], played: &[f32]) -> Fit {
        let length = heard.len();
        let power = dot(heard, heard);
        let mut fit = Fit { heard: (power / length.max(1) as f64) as f32, explained: 0.0 };
        if played.len() != length + TAPS - 1 || length == 0 {
            return fit;
        }
        let tapped = |tap: usize| played.get(TAPS - 1 - tap..).and_then(|rest| rest.get(..length)).unwrap_or_default();
        let at = |position: usize| f64::from(played.get(position).copied().unwrap_or_default());
        let newest = tapped(0);
        for (tap, (covariance, correlation)) in self.matrix[0].iter_mut().zip(&mut self.vector).enumerate() {
            *covariance = dot(newest, tapped(tap));
            *correlation = dot(heard, tapped(tap));
        }
        // each further row is the one before, moved by one sample: one enters, one leaves
        for row in 1..TAPS {
            for column in row..TAPS {
                let before = value(&self.matrix, row - 1, column - 1);
                let enters = at(TAPS - 1 - row) * at(TAPS - 1 - column);
                let leaves = at(TAPS - 1 - row + length) * at(TAPS - 1 - column + length);
                set(&mut self.matrix, row, column, before + enters - leaves);
            }
        }
        let mean = (0..TAPS).map(|n| value(&self.matrix, n, n)).sum::<f64>() / TAPS as f64;
        if mean <= 0.0 {
            return fit;
        }
        let explained = self.explained(mean * STIFFNESS);
        fit.explained = (explained.clamp(0.0, power) / length as f64) as f32;
        fit
    }

    /// Energy of the projection: with `A = L L'`, it is `|L^-1 b|^2`.
    fn explained(&mut self, stiffness: f64) -> f64 {
        let mut explained = 0.0;
        // Cholesky by rows of the upper triangle, with the forward substitution on the way
        for n in 0..TAPS {
            let mut diagonal = value(&self.matrix, n, n) + stiffness;
            let mut projected = self.vector.get(n).copied().unwrap_or_default();
            for k in 0..n {
                let factor = value(&self.matrix, k, n);
                diagonal -= factor * factor;
                projected -= factor * self.vector.get(k).copied().unwrap_or_default();
            }
            let root = diagonal.max(stiffness).sqrt();
            set(&mut self.matrix, n, n, root);
            projected /= root;
            if let Some(place) = self.vector.get_mut(n) {
                *place = projected;
            }
            explained += projected * projected;
            for column in n + 1..TAPS {
                let mut rest = value(&self.matrix, n, column);
                for k in 0..n {
                    rest -= value(&self.matrix, k, n) * value(&self.matrix, k, column);
                }
                set(&mut self.matrix, n, column, rest / root);
            }
        }
        explained
    }
}

fn value(matrix: &[[f64; TAPS]; TAPS], row: usize, column: usize) -> f64 {
    matrix.get(row).and_then(|row| row.get(column)).copied().unwrap_or_default()
}

fn set(matrix: &mut [[f64; TAPS]; TAPS], row: usize, column: usize, to: f64) {
    if let Some(place) = matrix.get_mut(row).and_then(|row| row.get_mut(column)) {
        *place = to;
    }
}

/// In eight sums, which the compiler keeps in one vector register.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0_f32; 8];
    let (mut a, mut b) = (a.chunks_exact(8), b.chunks_exact(8));
    for (a, b) in a.by_ref().zip(b.by_ref()) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    f64::from(sums.iter().sum::<f32>() + rest)
}

/// What `played` must have for a window of `heard`.
pub const PLAYED: usize = WINDOW + TAPS - 1;
