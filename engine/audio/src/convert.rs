//! Offline resampling of whole prompts between any two rates, with `rubato`'s FFT resampler.
//! Allocates; never used on a call's media path.

use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler};

use crate::resample::ResampleError;

/// Supported prompt rates, in hertz. A rate outside them means a broken header.
pub const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// Suggested block length: long enough for a steep filter.
const BLOCK: usize = 1_024;

/// Resamples `samples`. The result has the duration of the input, to the sample, and no delay.
/// Rates outside [`RATES_HZ`] are [`ResampleError::Rates`].
pub fn convert(samples: &[i16], from_hz: u32, to_hz: u32) -> Result<Vec<i16>, ResampleError> {
    if !RATES_HZ.contains(&from_hz) || !RATES_HZ.contains(&to_hz) {
        return Err(ResampleError::Rates {
            from_hz,
            to_hz,
            hint: "rates may be 4000 to 192000",
        });
    }
    if from_hz == to_hz || samples.is_empty() {
        return Ok(samples.to_vec());
    }
    let failed = |error: &dyn std::fmt::Display| ResampleError::Failed(error.to_string());
    let input: Vec<f32> = samples.iter().map(|sample| f32::from(*sample)).collect();
    let input =
        InterleavedOwned::new_from(input, 1, samples.len()).map_err(|error| failed(&error))?;
    let mut resampler =
        Fft::<f32>::new(from_hz as usize, to_hz as usize, BLOCK, 1, FixedSync::Both)
            .map_err(|error| failed(&error))?;
    let output = resampler
        .process_all(&input, samples.len(), None)
        .map_err(|error| failed(&error))?;
    // a float cast saturates, which is the clipping we want
    Ok(output
        .take_data()
        .into_iter()
        .map(|sample| sample.round() as i16)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::rms_dbfs;
    use crate::test_signals::{signal_to_rest_db, sine};

    #[test]
    fn a_sine_stays_that_sine_at_every_wire_rate() {
        for from_hz in [16_000, 22_050, 24_000, 44_100] {
            for to_hz in [8_000, 16_000, 24_000] {
                let input = sine(from_hz, 1_000, 10_000.0, 1_000);
                let out = convert(&input, from_hz, to_hz).unwrap();
                let inner = &out[out.len() / 10..out.len() * 9 / 10];
                let snr_db = signal_to_rest_db(inner, to_hz, 1_000);
                assert!(snr_db > 75.0, "{from_hz} to {to_hz}: {snr_db:.1} dB");
                assert!(
                    (rms_dbfs(inner) - rms_dbfs(&input)).abs() < 0.05,
                    "{from_hz} to {to_hz}"
                );
            }
        }
    }

    #[test]
    fn a_6_khz_tone_does_not_fold_into_8_khz() {
        for from_hz in [16_000, 22_050, 24_000] {
            let out = convert(&sine(from_hz, 6_000, 16_000.0, 1_000), from_hz, 8_000).unwrap();
            let inner = &out[out.len() / 10..out.len() * 9 / 10];
            assert!(rms_dbfs(inner) < -80.0, "{from_hz}: {}", rms_dbfs(inner));
        }
    }

    #[test]
    fn the_length_is_that_of_the_input_and_nothing_is_delayed() {
        for length in [1, 10, 441, 22_050, 30_001] {
            let out = convert(&vec![1_000; length], 22_050, 8_000).unwrap();
            assert_eq!(
                out.len(),
                (length * 8_000).div_ceil(22_050),
                "{length} samples"
            );
        }
        let mut click = vec![0; 22_050];
        click[11_025] = 30_000;
        let out = convert(&click, 22_050, 16_000).unwrap();
        let loudest = (0..out.len())
            .max_by_key(|at| out[*at].unsigned_abs())
            .unwrap();
        assert!(loudest.abs_diff(8_000) <= 1, "at {loudest}");
    }

    #[test]
    fn clipping_saturates() {
        let square: Vec<i16> = (0..16_000)
            .map(|n| if n % 160 < 80 { i16::MIN } else { i16::MAX })
            .collect();
        let out = convert(&square, 16_000, 8_000).unwrap();
        assert!(
            out[960..6_960]
                .chunks(80)
                .all(|period| period[10] < -28_000 && period[50] > 28_000)
        );
    }

    #[test]
    fn a_broken_rate_is_an_error_that_names_it() {
        for (from_hz, to_hz) in [(0, 8_000), (22_050, 0), (8_000, u32::MAX)] {
            assert!(matches!(
                convert(&[0; 10], from_hz, to_hz),
                Err(ResampleError::Rates { .. })
            ));
        }
        assert_eq!(convert(&[], 22_050, 8_000), Ok(vec![]));
    }
}
