//! A stereo recording of a call: caller left, bot right, on one timeline that starts with the
//! stream.
//!
//! Held in memory (1.9 MB per minute at 8 kHz) until it is taken out: a piece at a time, or as a whole
//! that is written to a given writer, which is the only I/O in this crate.

use std::io::{Seek, Write};

/// The longest recording, in minutes: Exotel ends a stream after an hour.
pub const MAX_MINUTES: u64 = 60;

/// Audio placed within this many milliseconds of the end of its side is appended without a gap:
/// rounding to milliseconds and network jitter would be audible as clicks.
const JOIN_MS: u64 = 20;

/// Why a recording could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the recording: {0}")]
pub struct RecordingError(#[from] hound::Error);

/// A recording in progress.
#[derive(Debug)]
pub struct StereoRecording {
    rate_hz: u32,
    caller: Vec<i16>,
    bot: Vec<i16>,
    /// Samples of each side that were taken out; `caller` and `bot` begin after them.
    taken: usize,
    cut: bool,
}

impl StereoRecording {
    /// An empty recording at the wire's rate.
    pub fn new(rate_hz: u32) -> Self {
        Self::from(rate_hz, 0)
    }

    /// One that begins at `from_ms` of the stream: what lies before is dropped.
    pub fn from(rate_hz: u32, from_ms: u64) -> Self {
        Self {
            rate_hz,
            caller: Vec::new(),
            bot: Vec::new(),
            taken: offset(rate_hz, from_ms),
            cut: false,
        }
    }

    /// Adds caller audio whose first sample is at `at_ms` of the stream: the time of the media, not
    /// of its arrival.
    pub fn caller(&mut self, at_ms: u64, samples: &[i16]) {
        let start = offset(self.rate_hz, at_ms);
        self.cut |= place(&mut self.caller, self.taken, self.rate_hz, start, samples);
    }

    /// The same, by the position of the first sample.
    pub fn caller_at(&mut self, position: usize, samples: &[i16]) {
        self.cut |= place(
            &mut self.caller,
            self.taken,
            self.rate_hz,
            position,
            samples,
        );
    }

    /// Adds bot audio whose first sample is at the time it is actually played. Audio that is never
    /// played is removed with [`bot_cleared`](Self::bot_cleared).
    pub fn bot(&mut self, at_ms: u64, samples: &[i16]) {
        let start = offset(self.rate_hz, at_ms);
        self.cut |= place(&mut self.bot, self.taken, self.rate_hz, start, samples);
    }

    /// Removes bot audio after `at_ms`, which was never played.
    pub fn bot_cleared(&mut self, at_ms: u64) {
        let end = offset(self.rate_hz, at_ms);
        self.bot.truncate(end.saturating_sub(self.taken));
    }

    /// Ends the recording at `at_ms`: later audio was never heard.
    pub fn ended(&mut self, at_ms: u64) {
        let end = offset(self.rate_hz, at_ms).saturating_sub(self.taken);
        self.caller.truncate(end);
        self.bot.truncate(end);
    }

    /// Takes out what lies before `before_ms`, at most `most` samples of each side, and appends it to
    /// `out`, caller and bot in turn; missing audio is silent. What is placed there later is dropped.
    /// Returns how many samples of each side were taken.
    pub fn take(&mut self, before_ms: u64, most: usize, out: &mut Vec<i16>) -> usize {
        let due = offset(self.rate_hz, before_ms).saturating_sub(self.taken);
        let taken = due.min(most);
        out.reserve(taken * 2);
        for at in 0..taken {
            for side in [&self.caller, &self.bot] {
                out.push(side.get(at).copied().unwrap_or_default());
            }
        }
        for side in [&mut self.caller, &mut self.bot] {
            side.drain(..taken.min(side.len()));
        }
        self.taken += taken;
        taken
    }

    /// Duration in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        let samples = self.taken + self.caller.len().max(self.bot.len());
        samples as u64 * 1_000 / u64::from(self.rate_hz.max(1))
    }

    /// Whether audio was dropped because it lies beyond [`MAX_MINUTES`].
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Writes what was not taken out as a WAV file: PCM16, two channels, the shorter side padded with silence. Unbuffered:
    /// wrap a file in a `BufWriter`.
    pub fn write_wav(&self, writer: impl Write + Seek) -> Result<(), RecordingError> {
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: self.rate_hz,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::new(writer, spec)?;
        for at in 0..self.caller.len().max(self.bot.len()) {
            for side in [&self.caller, &self.bot] {
                wav.write_sample(side.get(at).copied().unwrap_or_default())?;
            }
        }
        Ok(wav.finalize()?)
    }
}

/// Places samples on one side, which begins after `taken` samples, overwriting existing ones. Returns
/// whether any were dropped because they lie beyond [`MAX_MINUTES`].
fn place(
    side: &mut Vec<i16>,
    taken: usize,
    rate_hz: u32,
    position: usize,
    samples: &[i16],
) -> bool {
    let limit = offset(rate_hz, MAX_MINUTES * 60_000);
    let end = taken + side.len();
    let position = if position.abs_diff(end) <= offset(rate_hz, JOIN_MS) {
        end
    } else {
        position
    };
    let kept = samples
        .get(..limit.saturating_sub(position))
        .unwrap_or(samples);
    let is_cut = kept.len() < samples.len();
    // what was taken out is not changed any more
    let too_late = taken.saturating_sub(position).min(kept.len());
    let (_, kept) = kept.split_at(too_late);
    let start = (position + too_late).saturating_sub(taken);
    if !kept.is_empty() {
        if side.len() < start {
            side.resize(start, 0);
        }
        let (over, beyond) = kept.split_at(kept.len().min(side.len() - start));
        if let Some(there) = side.get_mut(start..start + over.len()) {
            there.copy_from_slice(over);
        }
        side.extend_from_slice(beyond);
    }
    is_cut
}

/// The sample index of a time; times beyond [`MAX_MINUTES`] are clamped to it.
fn offset(rate_hz: u32, at_ms: u64) -> usize {
    let bounded_ms = at_ms.min(MAX_MINUTES * 60_000);
    usize::try_from(bounded_ms * u64::from(rate_hz) / 1_000).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn sides(recording: &StereoRecording) -> (Vec<i16>, Vec<i16>) {
        let mut bytes = Cursor::new(Vec::new());
        recording.write_wav(&mut bytes).unwrap();
        bytes.set_position(0);
        let mut wav = hound::WavReader::new(bytes).unwrap();
        assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, 8_000));
        let samples: Vec<i16> = wav.samples().map(Result::unwrap).collect();
        (
            samples.iter().step_by(2).copied().collect(),
            samples.iter().skip(1).step_by(2).copied().collect(),
        )
    }

    #[test]
    fn one_that_begins_later_has_nothing_from_before() {
        let mut recording = StereoRecording::from(8_000, 1_000);
        recording.caller(900, &[1; 1_600]);
        recording.bot(1_050, &[2; 400]);
        let mut taken = Vec::new();
        assert_eq!(recording.take(1_200, usize::MAX, &mut taken), 1_600);
        let (left, right): (Vec<i16>, Vec<i16>) =
            taken.chunks(2).map(|frame| (frame[0], frame[1])).unzip();
        assert_eq!(left, [vec![1; 800], vec![0; 800]].concat());
        assert_eq!(right, [vec![0; 400], vec![2; 400], vec![0; 800]].concat());
    }

    #[test]
    fn each_side_stands_where_it_was_heard() {
        let mut recording = StereoRecording::new(8_000);
        recording.caller(0, &[1; 80]);
        recording.bot(100, &[2; 160]);
        recording.caller(200, &[3; 8]);
        let (left, right) = sides(&recording);
        assert_eq!(left.len(), 1_608);
        assert_eq!(right.len(), left.len());
        assert!(
            left[..80].iter().all(|s| *s == 1)
                && left[80..1_600].iter().all(|s| *s == 0)
                && left[1_600..].iter().all(|s| *s == 3)
        );
        assert!(
            right[..800].iter().all(|s| *s == 0)
                && right[800..960].iter().all(|s| *s == 2)
                && right[960..].iter().all(|s| *s == 0)
        );
    }

    #[test]
    fn frames_with_jittering_times_are_joined_without_a_gap() {
        let mut recording = StereoRecording::new(8_000);
        for (n, at_ms) in [0, 27, 33, 66, 80].into_iter().enumerate() {
            recording.caller(at_ms, &[n as i16 + 1; 160]);
        }
        let (left, _) = sides(&recording);
        let expected: Vec<i16> = (1..=5).flat_map(|n| [n; 160]).collect();
        assert_eq!(left, expected);
    }

    #[test]
    fn what_the_bot_did_not_get_to_say_is_not_in_it() {
        let mut recording = StereoRecording::new(8_000);
        recording.bot(0, &[2; 1_600]);
        recording.bot_cleared(50);
        recording.bot(300, &[4; 80]);
        let (_, right) = sides(&recording);
        assert!(
            right[..400].iter().all(|s| *s == 2)
                && right[400..2_400].iter().all(|s| *s == 0)
                && right[2_400..].iter().all(|s| *s == 4)
        );
    }

    #[test]
    fn a_piece_that_was_taken_out_stays_as_it_is_and_the_rest_stands_where_it_stood() {
        let mut recording = StereoRecording::new(8_000);
        recording.caller(0, &[1; 800]);
        recording.bot(50, &[2; 1_600]);
        let mut out = Vec::new();
        assert_eq!(recording.take(200, 400, &mut out), 400);
        assert_eq!(recording.take(200, 4_000, &mut out), 1_200);
        assert_eq!(recording.take(200, 4_000, &mut out), 0);
        assert_eq!(out.len(), 3_200);
        assert_eq!((out[0], out[1]), (1, 0));
        assert_eq!((out[1_598], out[1_599]), (1, 2));
        assert_eq!((out[1_600], out[3_199]), (0, 2), "the caller's side ended");
        // one that comes too late, and one that does in part
        recording.caller(100, &[7; 80]);
        recording.caller(170, &[8; 320]);
        recording.bot_cleared(225);
        assert_eq!(recording.duration_ms(), 225);
        recording.bot(300, &[4; 80]);
        out.clear();
        assert_eq!(recording.take(310, usize::MAX, &mut out), 880);
        assert_eq!((out[0], out[1]), (8, 2));
        assert_eq!(out[158..162], [8, 2, 0, 2]);
        assert_eq!((out[398], out[399], out[400], out[401]), (0, 2, 0, 0));
        assert_eq!((out[1_600], out[1_601]), (0, 4));
        recording.caller(310, &[5; 800]);
        recording.ended(350);
        assert_eq!(recording.duration_ms(), 350);
    }

    #[test]
    fn what_lies_beyond_the_limit_is_left_out_and_said_so() {
        let mut recording = StereoRecording::new(10);
        recording.bot(MAX_MINUTES * 60_000 - 5_000, &[1; 50]);
        assert!(!recording.is_cut());
        recording.bot(MAX_MINUTES * 60_000, &[1; 1]);
        assert!(recording.is_cut());
        recording.caller(u64::MAX, &[1; 50]);
        assert_eq!(recording.duration_ms(), MAX_MINUTES * 60_000);
        assert!(recording.caller.is_empty());
    }
}
