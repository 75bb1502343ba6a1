//! Resampling of a prompt while it is being synthesised, with `rubato`'s FFT resampler: as good as
//! [`crate::convert`], a piece at a time. Allocates; never used on a call's media path.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

use crate::convert::RATES_HZ;
use crate::resample::ResampleError;

/// Input samples per FFT block: 40 ms at espeak-ng's 22,050 Hz, twice the smallest block for 22,050
/// to 8,000 Hz. Smaller blocks cut off more below the new Nyquist frequency, larger ones delay the first
/// piece.
const BLOCK_SAMPLES: usize = 882;

fn failed(error: &dyn std::fmt::Display) -> ResampleError {
    ResampleError::Failed(error.to_string())
}

/// A resampler of one stream. Output is aligned with input: the transform's delay is removed.
pub struct StreamResampler {
    fft: Fft<f32>,
    from_hz: u64,
    to_hz: u64,
    input: Vec<f32>,
    output: Vec<f32>,
    taken: u64,
    given: u64,
    delay: usize,
}

impl StreamResampler {
    /// A resampler between two rates in hertz.
    ///
    /// # Errors
    /// [`ResampleError::Rates`] for one outside [`RATES_HZ`].
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, ResampleError> {
        if !RATES_HZ.contains(&from_hz) || !RATES_HZ.contains(&to_hz) {
            return Err(ResampleError::Rates {
                from_hz,
                to_hz,
                hint: "rates may be 4000 to 192000",
            });
        }
        let window = WindowFunction::BlackmanHarris2;
        let fft = Fft::new_custom(
            from_hz as usize,
            to_hz as usize,
            BLOCK_SAMPLES,
            1,
            1,
            window,
            FixedSync::Both,
        )
        .map_err(|error| failed(&error))?;
        Ok(Self {
            input: Vec::with_capacity(fft.input_frames_next()),
            output: vec![0.0; fft.output_frames_max()],
            delay: fft.output_delay(),
            fft,
            from_hz: u64::from(from_hz),
            to_hz: u64::from(to_hz),
            taken: 0,
            given: 0,
        })
    }

    /// Takes samples and appends the output that is ready to `out`.
    ///
    /// # Errors
    /// The library's, which none of these rates has.
    pub fn push(
        &mut self,
        samples: impl Iterator<Item = f32>,
        out: &mut Vec<f32>,
    ) -> Result<(), ResampleError> {
        for sample in samples {
            self.input.push(sample);
            self.taken += 1;
            if self.input.len() == self.fft.input_frames_next() {
                self.transform(out)?;
            }
        }
        Ok(())
    }

    /// Ends the stream: appends the rest, so that the output is as long as the input.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn finish(&mut self, out: &mut Vec<f32>) -> Result<(), ResampleError> {
        while self.given < self.due() {
            self.input.resize(self.fft.input_frames_next(), 0.0);
            self.transform(out)?;
        }
        Ok(())
    }

    fn due(&self) -> u64 {
        (self.taken * self.to_hz).div_ceil(self.from_hz)
    }

    fn transform(&mut self, out: &mut Vec<f32>) -> Result<(), ResampleError> {
        let capacity = self.output.len();
        let input = InterleavedSlice::new(&self.input, 1, self.input.len())
            .map_err(|error| failed(&error))?;
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, capacity)
            .map_err(|error| failed(&error))?;
        let (_, made) = self
            .fft
            .process_into_buffer(&input, &mut output, None)
            .map_err(|error| failed(&error))?;
        self.input.clear();
        let skipped = self.delay.min(made);
        self.delay -= skipped;
        let due = usize::try_from(self.due() - self.given).unwrap_or(usize::MAX);
        let ready = self.output.iter().take(made).skip(skipped).take(due);
        let before = out.len();
        out.extend(ready);
        self.given += (out.len() - before) as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frequency_hz: f32, seconds: f32) -> impl Iterator<Item = f32> {
        let samples = (22_050.0 * seconds) as usize;
        (0..samples)
            .map(move |n| (n as f32 * frequency_hz * std::f32::consts::TAU / 22_050.0).sin() * 0.5)
    }

    fn resampled(frequency_hz: f32, to_hz: u32) -> Vec<f32> {
        let mut resampler = StreamResampler::new(22_050, to_hz).unwrap();
        let mut out = Vec::new();
        resampler.push(tone(frequency_hz, 1.0), &mut out).unwrap();
        resampler.finish(&mut out).unwrap();
        out
    }

    /// The level in the middle, away from the clicks at the abrupt ends of a tone.
    fn rms(samples: &[f32]) -> f32 {
        let samples = &samples[samples.len() / 4..samples.len() * 3 / 4];
        (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn length_and_alignment_are_kept() {
        for to_hz in [8_000, 16_000, 24_000] {
            let out = resampled(440.0, to_hz);
            assert_eq!(out.len(), to_hz as usize);
            let middle = to_hz as usize / 2;
            let expected = (0.5 * 440.0 * std::f32::consts::TAU).sin() * 0.5;
            assert!(
                (out[middle] - expected).abs() < 0.01,
                "{to_hz}: {} is not {expected}",
                out[middle]
            );
        }
    }

    #[test]
    fn what_the_new_rate_cannot_carry_is_gone() {
        assert!(rms(&resampled(1_000.0, 8_000)) > 0.34);
        assert!(
            rms(&resampled(3_400.0, 8_000)) > 0.3,
            "the telephone band stays"
        );
        assert!(
            rms(&resampled(5_000.0, 8_000)) < 0.001,
            "5 kHz would come back as 3 kHz"
        );
    }

    #[test]
    fn a_rate_of_nothing_is_refused() {
        assert!(StreamResampler::new(22_050, 0).is_err());
    }
}
