//! Tells when a caller's audio is not in the format that it was announced in: at another sample
//! rate, or μ-law announced as PCM.
//!
//! A rate is measured by how many samples arrive in real time. μ-law is recognised by its bytes: in
//! 16-bit samples the high bytes of speech are few and the low bytes are spread evenly, while every
//! byte of μ-law is a sample, so that both halves look alike and neither is spread evenly.
//!
//! Allocates nothing. Judges the first [`WATCHED_MS`] of a stream and is idle after that.

/// For how long a stream is watched, in milliseconds since its first frame.
pub const WATCHED_MS: u64 = 30_000;
/// Over which time the rate is measured, once.
const WINDOW_MS: u64 = 2_000;
/// How many such times in a row have to agree: after a pause of the network audio arrives at once,
/// which looks like a higher rate for one of them.
const WINDOWS: u32 = 3;
/// By how much a measured rate may differ from one that streams have: 6 %.
const RATE_TOLERANCE: f64 = 0.06;
/// The rates of streams (Exotel: `sample-rate` of a stream's URL).
const RATES_HZ: [u32; 3] = [8_000, 16_000, 24_000];
/// A frame without a sample above this is silence, whatever its encoding.
const SILENCE: u16 = 256;
/// A frame with a sample above this is judged: every frame of μ-law that is not digital silence has
/// one if it is read as PCM, of speech only the loudest have.
const LOUD: u16 = 8_192;
/// Samples to judge: two seconds of μ-law.
const SAMPLES: u32 = 8_000;
/// The largest share by which the histograms of both bytes of a sample may differ in μ-law.
const ALIKE: f64 = 0.15;
/// The share of one sixteenth of all values that some byte of μ-law reaches; even bytes have 0.0625.
const UNEVEN: f64 = 0.11;

/// How audio differs from its announced format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// It arrives at this rate, in Hz.
    Rate(u32),
    /// It is μ-law, and was announced as PCM.
    MuLaw,
}

/// Watches the bytes of one stream that was announced as PCM.
#[derive(Debug, Clone)]
pub struct FormatCheck {
    rate_hz: u32,
    since_ms: Option<u64>,
    window: Window,
    agreeing: u32,
    low: [u32; 16],
    high: [u32; 16],
    judged: u32,
    not_judged: u32,
    is_done: bool,
}

/// A time over which a rate is measured.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    since_ms: u64,
    samples: u64,
    /// The rate of the window before, if it was one that streams have.
    before_hz: Option<u32>,
}

impl FormatCheck {
    /// For a stream that was announced as PCM of this rate, in Hz.
    pub fn new(rate_hz: u32) -> Self {
        Self {
            rate_hz,
            since_ms: None,
            window: Window::default(),
            agreeing: 0,
            low: [0; 16],
            high: [0; 16],
            judged: 0,
            not_judged: 0,
            is_done: false,
        }
    }

    /// Takes the bytes of one message, received at `now_ms` (milliseconds on any clock). Returns a
    /// mismatch once, as soon as it is certain.
    pub fn take(&mut self, now_ms: u64, bytes: &[u8]) -> Option<Mismatch> {
        if self.is_done {
            return None;
        }
        let Some(since_ms) = self.since_ms else {
            // the first frame covers the time before it
            self.since_ms = Some(now_ms);
            self.window.since_ms = now_ms;
            return None;
        };
        let found = self
            .rate(now_ms, bytes.len() / 2)
            .map(Mismatch::Rate)
            .or_else(|| self.is_mu_law(bytes).then_some(Mismatch::MuLaw));
        self.is_done = found.is_some() || now_ms.saturating_sub(since_ms) > WATCHED_MS;
        found
    }

    fn rate(&mut self, now_ms: u64, samples: usize) -> Option<u32> {
        let window = &mut self.window;
        window.samples += samples as u64;
        let lasted_ms = now_ms.saturating_sub(window.since_ms);
        if lasted_ms < WINDOW_MS {
            return None;
        }
        let measured_hz = window.samples as f64 * 1_000.0 / lasted_ms as f64;
        let is_near = |rate_hz: &u32| {
            (measured_hz / f64::from(*rate_hz) - 1.0).abs() < RATE_TOLERANCE
                && *rate_hz != self.rate_hz
        };
        let hz = RATES_HZ.into_iter().find(is_near);
        self.agreeing = match hz {
            None => 0,
            Some(_) if window.before_hz == hz => self.agreeing + 1,
            Some(_) => 1,
        };
        *window = Window {
            since_ms: now_ms,
            samples: 0,
            before_hz: hz,
        };
        hz.filter(|_| self.agreeing >= WINDOWS)
    }

    fn is_mu_law(&mut self, bytes: &[u8]) -> bool {
        let pairs = bytes.as_chunks::<2>().0;
        let loudest = pairs
            .iter()
            .map(|pair| i16::from_le_bytes(*pair).unsigned_abs())
            .max()
            .unwrap_or_default();
        let count = u32::try_from(pairs.len()).unwrap_or_default();
        if loudest < SILENCE {
            return false;
        }
        if loudest < LOUD {
            self.not_judged = self.not_judged.saturating_add(count);
            return false;
        }
        for [low, high] in pairs {
            let sixteenths = [(&mut self.low, low), (&mut self.high, high)];
            for (histogram, byte) in sixteenths {
                if let Some(count) = histogram.get_mut(usize::from(byte >> 4)) {
                    *count += 1;
                }
            }
        }
        self.judged = self.judged.saturating_add(count);
        if self.judged < SAMPLES || self.not_judged > self.judged {
            return false;
        }
        let all = f64::from(self.judged);
        let share = |count: u32| f64::from(count) / all;
        let differs: f64 = self
            .low
            .iter()
            .zip(&self.high)
            .map(|(low, high)| (share(*low) - share(*high)).abs())
            .sum::<f64>()
            / 2.0;
        let most = self.low.iter().copied().max().unwrap_or_default();
        differs < ALIKE && share(most) > UNEVEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signals::{noise, sine};
    use crate::{Encoding, wav};

    fn speech() -> Vec<i16> {
        let wav = include_bytes!("../tests/data/greeting_en_8k.wav");
        wav::decode(wav, 8_000).unwrap()
    }

    /// Sends bytes in frames of 20 ms, of so many bytes each, in real time.
    fn found(rate_hz: u32, frame_bytes: usize, bytes: &[u8]) -> Vec<Mismatch> {
        let mut check = FormatCheck::new(rate_hz);
        bytes
            .chunks(frame_bytes)
            .enumerate()
            .filter_map(|(nth, frame)| check.take(nth as u64 * 20, frame))
            .collect()
    }

    fn encoded(encoding: Encoding, samples: &[i16]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encoding.encode(samples, &mut bytes);
        bytes
    }

    fn levels() -> [f64; 4] {
        [1.0, 0.3, 0.1, 0.02]
    }

    fn at(level: f64, samples: &[i16]) -> Vec<i16> {
        samples
            .iter()
            .map(|sample| (f64::from(*sample) * level) as i16)
            .collect()
    }

    #[test]
    fn speech_as_it_was_announced_is_in_order_at_every_level() {
        for level in levels() {
            let bytes = encoded(Encoding::Pcm16, &at(level, &speech()));
            assert_eq!(found(8_000, 320, &bytes), [], "{level}");
        }
        let loud = [
            noise(7, 32_000.0, 80_000),
            noise(7, 300.0, 80_000),
            sine(8_000, 440, 32_000.0, 10_000),
            sine(8_000, 440, 3_000.0, 10_000),
            vec![0; 80_000],
            vec![-1; 80_000],
            vec![i16::MAX; 80_000],
        ];
        for samples in loud {
            let bytes = encoded(Encoding::Pcm16, &samples);
            assert_eq!(found(8_000, 320, &bytes), [], "{:?}", samples.get(1000));
        }
    }

    #[test]
    fn mu_law_announced_as_pcm_is_recognised_in_speech_of_every_level() {
        for level in levels() {
            let samples: Vec<i16> = at(level, &speech()).repeat(3);
            let bytes = encoded(Encoding::MuLaw, &samples);
            assert_eq!(found(8_000, 160, &bytes), [Mismatch::MuLaw], "{level}");
        }
    }

    #[test]
    fn another_rate_is_known_by_how_fast_audio_arrives() {
        let bytes = encoded(Encoding::Pcm16, &at(0.1, &speech().repeat(8)));
        for (reported_hz, frame_bytes, rate_hz) in [
            (8_000, 640, 16_000),
            (8_000, 960, 24_000),
            (16_000, 960, 24_000),
            (16_000, 320, 8_000),
        ] {
            assert_eq!(
                found(reported_hz, frame_bytes, &bytes),
                [Mismatch::Rate(rate_hz)],
                "{reported_hz}"
            );
        }
    }

    #[test]
    fn audio_that_comes_at_once_after_a_pause_of_the_network_is_no_other_rate() {
        let mut check = FormatCheck::new(8_000);
        let frame = [0; 320];
        let mut now_ms = 0;
        for _ in 0..6 {
            // two seconds in real time, two seconds of nothing, and then what was held up
            for _ in 0..100 {
                now_ms += 20;
                assert_eq!(check.take(now_ms, &frame), None);
            }
            now_ms += 2_000;
            for _ in 0..100 {
                assert_eq!(check.take(now_ms, &frame), None, "{now_ms}");
            }
        }
    }
}
