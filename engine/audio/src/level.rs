//! Signal levels in dBFS: 0 dB is the amplitude 32,768. A full-scale sine has a peak of 0 dBFS and
//! an RMS of -3 dBFS.

/// The level of digital silence and of an empty slice.
pub const SILENCE_DBFS: f32 = -120.0;

const FULL_SCALE: f64 = 32_768.0;

/// The root mean square, in dBFS; [`SILENCE_DBFS`] for silence and for no samples.
pub fn rms_dbfs(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return SILENCE_DBFS;
    }
    let energy: f64 = samples
        .iter()
        .map(|sample| f64::from(*sample).powi(2))
        .sum();
    dbfs((energy / samples.len() as f64).sqrt())
}

/// The largest amplitude, in dBFS; [`SILENCE_DBFS`] for silence and for no samples.
pub fn peak_dbfs(samples: &[i16]) -> f32 {
    let peak = samples
        .iter()
        .map(|sample| sample.unsigned_abs())
        .max()
        .unwrap_or(0);
    dbfs(f64::from(peak))
}

/// The level of a mean square, in dBFS.
pub fn power_dbfs(mean_square: f32) -> f32 {
    dbfs(f64::from(mean_square).sqrt())
}

/// The amplitude factor for a gain in decibels.
pub fn gain(db: f32) -> f32 {
    10f32.powf(db / 20.0)
}

fn dbfs(amplitude: f64) -> f32 {
    ((20.0 * (amplitude / FULL_SCALE).log10()) as f32).max(SILENCE_DBFS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_square_wave_is_zero_dbfs() {
        let square: Vec<i16> = (0..1000)
            .map(|n| if n % 2 == 0 { i16::MIN } else { i16::MAX })
            .collect();
        assert!(rms_dbfs(&square).abs() < 0.01);
        assert!(peak_dbfs(&square).abs() < 0.01);
    }

    #[test]
    fn a_sine_has_three_db_between_peak_and_rms() {
        let sine: Vec<i16> = (0..8000)
            .map(|n| (10_000.0 * (f64::from(n) * 0.3).sin()) as i16)
            .collect();
        assert!((peak_dbfs(&sine) - rms_dbfs(&sine) - 3.01).abs() < 0.05);
    }

    #[test]
    fn silence_has_a_number() {
        assert_eq!(rms_dbfs(&[]), SILENCE_DBFS);
        assert_eq!(rms_dbfs(&[0; 80]), SILENCE_DBFS);
        assert_eq!(peak_dbfs(&[0; 80]), SILENCE_DBFS);
    }
}
