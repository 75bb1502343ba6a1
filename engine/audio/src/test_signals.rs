//! Test signals, and a measure of the purity of a sine.

use std::f64::consts::PI;

/// A sine.
pub fn sine(rate_hz: u32, tone_hz: u32, amplitude: f64, duration_ms: u32) -> Vec<i16> {
    let samples = rate_hz * duration_ms / 1_000;
    let step = 2.0 * PI * f64::from(tone_hz) / f64::from(rate_hz);
    (0..samples)
        .map(|n| (amplitude * (step * f64::from(n)).sin()).round() as i16)
        .collect()
}

/// White noise from a seed, by Knuth's linear congruential generator.
pub fn noise(seed: u64, amplitude: f64, samples: usize) -> Vec<i16> {
    let mut state = seed;
    (0..samples)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let unit = (state >> 33) as f64 / f64::from(1_u32 << 30) - 1.0;
            (amplitude * unit) as i16
        })
        .collect()
}

/// The same as floating-point numbers.
pub fn noise_f32(seed: u64, amplitude: f64, samples: usize) -> Vec<f32> {
    let samples = noise(seed, amplitude, samples).into_iter();
    samples.map(f32::from).collect()
}

/// The power of the best-fitting sine of `tone_hz` relative to the rest, in dB.
pub fn signal_to_rest_db(samples: &[i16], rate_hz: u32, tone_hz: u32) -> f64 {
    let step = 2.0 * PI * f64::from(tone_hz) / f64::from(rate_hz);
    let basis = |n: usize| (step * n as f64).sin_cos();
    // normal equations of a fit by sine and cosine: exact even if the periods are not whole
    let (mut ss, mut sc, mut cc, mut xs, mut xc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, x) in samples.iter().enumerate() {
        let ((s, c), x) = (basis(n), f64::from(*x));
        ss += s * s;
        sc += s * c;
        cc += c * c;
        xs += x * s;
        xc += x * c;
    }
    let determinant = ss * cc - sc * sc;
    let (a, b) = (
        (xs * cc - xc * sc) / determinant,
        (xc * ss - xs * sc) / determinant,
    );
    let (mut signal, mut rest) = (0.0, 0.0);
    for (n, x) in samples.iter().enumerate() {
        let (s, c) = basis(n);
        let fit = a * s + b * c;
        signal += fit * fit;
        rest += (f64::from(*x) - fit).powi(2);
    }
    10.0 * (signal / rest).log10()
}
