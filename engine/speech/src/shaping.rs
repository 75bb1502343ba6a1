//! From a synthesiser's samples to pieces of speech at the call's rate: resampling, trimming, cutting.
//!
//! Knows nothing of processes, models and channels: samples go in, pieces come out.

pub(crate) mod trim;

use ghanti_audio::{ResampleError, StreamResampler};

use self::trim::Trim;
use crate::synthesis::Samples;

/// Duration of a piece: short enough to start quickly, long enough to be cheap to pass on.
const PIECE_MS: u32 = 100;

/// Samples in a piece at this rate.
pub(crate) fn piece_samples(rate_hz: u32) -> usize {
    (rate_hz * PIECE_MS / 1_000).max(1) as usize
}

/// Shapes the speech of one utterance.
pub(crate) struct Shaping {
    resampler: StreamResampler,
    trim: Trim,
    piece_samples: usize,
    wide: Vec<f32>,
    ready: Vec<i16>,
}

impl Shaping {
    /// A pipeline from `from_hz` to `to_hz`.
    pub(crate) fn new(from_hz: u32, to_hz: u32) -> Result<Self, ResampleError> {
        Ok(Self {
            resampler: StreamResampler::new(from_hz, to_hz)?,
            trim: Trim::new(to_hz),
            piece_samples: piece_samples(to_hz),
            wide: Vec::new(),
            ready: Vec::new(),
        })
    }

    /// Takes samples (full scale is 32,768) and appends the completed pieces.
    pub(crate) fn push(
        &mut self,
        samples: impl Iterator<Item = f32>,
        pieces: &mut Vec<Samples>,
    ) -> Result<(), ResampleError> {
        self.resampler.push(samples, &mut self.wide)?;
        self.trim_ready();
        self.cut(pieces);
        Ok(())
    }

    /// Ends the utterance: appends what is left.
    pub(crate) fn finish(mut self, pieces: &mut Vec<Samples>) -> Result<(), ResampleError> {
        self.resampler.finish(&mut self.wide)?;
        self.trim_ready();
        self.trim.finish(&mut self.ready);
        self.cut(pieces);
        if !self.ready.is_empty() {
            pieces.push(self.ready.as_slice().into());
        }
        Ok(())
    }

    fn trim_ready(&mut self) {
        // `as` saturates: small overshoots of the resampler are clipped, never wrapped
        self.trim.push(
            self.wide.drain(..).map(|sample| sample.round() as i16),
            &mut self.ready,
        );
    }

    fn cut(&mut self, pieces: &mut Vec<Samples>) {
        let whole = self.ready.len() - self.ready.len() % self.piece_samples;
        let (ready, _) = self.ready.split_at(whole);
        pieces.extend(ready.chunks_exact(self.piece_samples).map(Samples::from));
        self.ready.drain(..whole);
    }
}
