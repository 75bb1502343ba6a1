//! What was heard on both sides of a call, on one timeline at the rate of recordings: the caller left,
//! at the time at which they spoke, and right what was played to them by the playout clock.
//!
//! Sans-I/O: time is an argument, in milliseconds since the stream's start.

use ghanti_audio::{Arrival, RECORDING_HZ, ResampleError, Resampler, StereoRecording};

/// [`Arrival`] counts at 16 kHz.
const ARRIVAL_FACTOR: usize = 2;

/// Both sides, as far as they were not taken out.
pub(crate) struct BothSides {
    timeline: StereoRecording,
    caller: Resampler,
    bot: Resampler,
    arrival: Arrival,
    samples: Vec<i16>,
}

impl BothSides {
    /// Both sides from a time on, at the call's rate.
    ///
    /// # Errors
    /// The rate cannot be resampled, so that there is no call either.
    pub(crate) fn new(rate_hz: u32, from_ms: u64) -> Result<Self, ResampleError> {
        Ok(Self {
            timeline: StereoRecording::from(RECORDING_HZ, from_ms),
            caller: Resampler::new(rate_hz, RECORDING_HZ)?,
            bot: Resampler::new(rate_hz, RECORDING_HZ)?,
            arrival: Arrival::default(),
            samples: Vec::new(),
        })
    }

    /// Takes what the caller said, which has arrived by now.
    pub(crate) fn caller(&mut self, now_ms: u64, samples: &[i16]) {
        self.samples.clear();
        self.caller.push(samples, &mut self.samples);
        let first = self
            .arrival
            .push(now_ms, self.samples.len() * ARRIVAL_FACTOR);
        let position = usize::try_from(first).unwrap_or(usize::MAX) / ARRIVAL_FACTOR;
        self.timeline.caller_at(position, &self.samples);
    }

    /// Takes what was sent, and is played from `at_ms` on.
    pub(crate) fn bot(&mut self, at_ms: u64, samples: &[i16]) {
        self.samples.clear();
        self.bot.push(samples, &mut self.samples);
        self.timeline.bot(at_ms, &self.samples);
    }

    /// What was sent and not played by now never will be.
    pub(crate) fn cleared(&mut self, now_ms: u64) {
        self.timeline.bot_cleared(now_ms);
    }

    /// Ends both sides: later audio was never heard.
    pub(crate) fn ended(&mut self, at_ms: u64) {
        self.timeline.ended(at_ms);
    }

    /// Takes out what lies before a time, at most `most` samples of each side, and appends it to `out`,
    /// both in turn. Returns how many samples of each side there were.
    pub(crate) fn take(&mut self, before_ms: u64, most: usize, out: &mut Vec<i16>) -> usize {
        self.timeline.take(before_ms, most, out)
    }
}
