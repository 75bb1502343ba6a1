//! The echo guard: detects whether incoming audio is the bot's own voice.
//!
//! Sent audio is stored by the time at which it is played (`echo/reference.rs`). While its echo can
//! still arrive, speech is compared with it: a short filter is fitted from the played audio to the
//! last 200 ms received, at 4 kHz. The delay of the last good fit is tried first; if that does not
//! explain the received audio, all delays from -64 to 760 ms are searched. Audio that is mostly
//! explained is echo. A caller speaking over the bot is not explained, and is therefore heard.
//!
//! A window is short, so that a caller's first sounds resemble something played by chance. What
//! would be louder than any echo that this line has returned is therefore not echo
//! (`echo/loss.rs`).
//!
//! The guard adapts nothing but the delay, so a loud caller cannot make it diverge. It costs nothing
//! if nothing was played within the last second.

mod fit;
mod loss;
mod minimum;
mod reference;
mod search;

use crate::arrival::Arrival;
use crate::decimate::{Decimator, NARROW_HZ, decimation, dot};
use crate::resample::{LISTENING_HZ, ResampleError};
use crate::voice::{FRAME_MS, FRAME_SAMPLES};
use fit::{AHEAD, Fitter, PLAYED, TAPS};
use loss::Loss;
use minimum::Minimum;
use reference::Reference;
use search::{DELAYS, Search, WINDOW};

/// Positions at 16 kHz per sample at 4 kHz.
const DECIMATION: usize = decimation(LISTENING_HZ);

/// Samples at 4 kHz in one voice activity frame.
const FRAME: usize = FRAME_SAMPLES / DECIMATION;

/// How much earlier than the playout clock's estimate audio may be heard, since the clock only
/// infers the network's buffer from what was sent: 64 ms.
const EARLY: u64 = 64 * NARROW_HZ as u64 / 1_000;

/// How long after its playout audio may come back: the delays plus the window.
const SPAN: u64 = (DELAYS + WINDOW) as u64;

/// Audio counts as playing for this long after its playout: 300 ms.
const PLAYING: u64 = 300 * NARROW_HZ as u64 / 1_000;

/// Offset of positions, so that none computed backwards from them is negative.
const BASE: u64 = 2 * SPAN;

/// The explained share from which audio is echo. If the caller is as loud as the echo, the share is
/// one half.
const ECHO_SHARE: f32 = 0.62;

/// A window with less sound than this is not searched for: among thousands of delays there is one at
/// which a filter explains it by chance.
const LEAST_SOUND_MS: f32 = 64.0;

/// Speech is compared in every n-th frame at most.
const JUDGE_FRAMES: u32 = 2;

/// After this many failed searches the sound is probably not echo, and only one in this many frames
/// is searched.
const SEARCHES: u32 = 6;

/// The echo's loss is measured in every n-th frame: once a window.
const LOSS_FRAMES: u32 = (WINDOW / FRAME) as u32;

/// Frames over which the quietest gives the line's noise: 1.5 s.
const NOISE_FRAMES: u32 = 94;

/// The noise's mean power relative to its quietest frame.
const NOISE_OVER_MINIMUM: f32 = 2.0;

/// Compares a call's inbound audio with its outbound audio. Takes about 120 kB of heap.
#[derive(Debug)]
pub struct EchoGuard {
    reference: Reference,
    arrival: Arrival,
    decimator: Decimator,
    narrow: Vec<f32>,
    /// The last [`WINDOW`] samples received, at 4 kHz.
    heard: Vec<f32>,
    played: Vec<f32>,
    search: Search,
    fitter: Fitter,
    /// Delay of the last good fit: how far received audio lags behind played audio, plus [`EARLY`].
    delay: Option<u64>,
    /// Failed searches since the last match.
    searches: u32,
    since_judged: u32,
    verdict: bool,
    /// Mean square of the quietest recent frame.
    noise: Minimum,
    loss: Loss,
    /// Frames since audio began to be compared.
    frames: u32,
    comparing: bool,
}

impl EchoGuard {
    /// A guard for a call at 8, 16 or 24 kHz.
    pub fn new(rate_hz: u32) -> Result<Self, ResampleError> {
        Ok(Self {
            reference: Reference::new(rate_hz)?,
            arrival: Arrival::default(),
            decimator: Decimator::new(rate_hz)?,
            narrow: Vec::with_capacity(2 * FRAME),
            heard: vec![0.0; WINDOW],
            played: vec![0.0; WINDOW + DELAYS],
            search: Search::new(),
            fitter: Fitter::new(),
            delay: None,
            searches: 0,
            since_judged: JUDGE_FRAMES,
            verdict: false,
            noise: Minimum::new(NOISE_FRAMES),
            loss: Loss::default(),
            frames: 0,
            comparing: false,
        })
    }

    /// Records that these samples, at the call's rate, were sent and are played from `at_ms` on.
    pub fn played(&mut self, at_ms: u64, samples: &[i16]) {
        self.reference.push(at_ms, samples);
    }

    /// Records that `samples_16k` samples at 16 kHz have arrived by `now_ms`. Returns the position
    /// of the first one, from which positions for [`hear`](Self::hear) are counted.
    pub fn arrived(&mut self, now_ms: u64, samples_16k: usize) -> u64 {
        self.arrival.push(now_ms, samples_16k)
    }

    /// Whether sent audio is being played at this position (at 16 kHz), or was within the last 0.3
    /// s, which is how late it may be heard.
    pub fn is_playing(&self, position: u64) -> bool {
        self.reference.sounds(position / DECIMATION as u64, PLAYING)
    }

    /// Whether an echo has been found in this call.
    pub fn has_echo(&self) -> bool {
        self.delay.is_some()
    }

    /// Whether a frame that ends at `end` is the bot's own voice. Its samples are at the call's rate,
    /// `end` at 16 kHz; `speech` is the result of voice activity detection.
    pub fn hear(&mut self, frame: &[i16], end: u64, speech: bool) -> bool {
        let end = end / DECIMATION as u64;
        if !self.reference.sounds(end, SPAN) {
            self.comparing = false;
            return false;
        }
        if !self.comparing {
            self.comparing = true;
            (self.searches, self.since_judged, self.verdict) = (0, JUDGE_FRAMES, false);
            self.frames = 0;
            self.decimator.reset();
            self.heard.fill(0.0);
            self.noise = Minimum::new(NOISE_FRAMES);
        }
        self.narrow.clear();
        self.decimator.push(frame, &mut self.narrow);
        let kept = self.narrow.len().min(WINDOW);
        self.heard.copy_within(kept.., 0);
        for (place, sample) in self.heard.iter_mut().skip(WINDOW - kept).zip(&self.narrow) {
            *place = *sample;
        }
        let power = dot(&self.narrow, &self.narrow) / self.narrow.len().max(1) as f32;
        self.noise.push(power);
        let start = (end + BASE).saturating_sub(WINDOW as u64);
        self.frames = self.frames.saturating_add(1);
        if self.frames.is_multiple_of(LOSS_FRAMES) {
            copy(&self.reference, oldest(start), &mut self.played);
            self.loss.push(&self.heard, &self.played);
        }
        self.since_judged = self.since_judged.saturating_add(1);
        if speech && self.since_judged >= JUDGE_FRAMES {
            self.since_judged = 0;
            self.verdict = self.is_echo(start);
        }
        speech && self.verdict
    }

    /// `start` is the position at which the received window starts, plus [`BASE`].
    fn is_echo(&mut self, start: u64) -> bool {
        if let Some(delay) = self.delay
            && self.share(start, delay) >= ECHO_SHARE
        {
            self.searches = 0;
            return true;
        }
        if sound_ms(&self.heard) < LEAST_SOUND_MS {
            return false;
        }
        self.searches += 1;
        if self.searches > SEARCHES && !self.searches.is_multiple_of(SEARCHES) {
            return false;
        }
        copy(&self.reference, oldest(start), &mut self.played);
        let Some(position) = self.search.best(&self.heard, &self.played) else {
            return false;
        };
        let delay = (DELAYS - position.min(DELAYS)) as u64;
        let share = self.share(start, delay);
        if share >= ECHO_SHARE {
            self.delay = Some(delay);
            self.searches = 0;
        }
        share >= ECHO_SHARE
    }

    /// The share of the received audio explained by the audio played `delay` earlier. Power up to
    /// the line's noise needs no explanation.
    fn share(&mut self, start: u64, delay: u64) -> f32 {
        let Some(played) = self.played.get_mut(..PLAYED) else {
            return 0.0;
        };
        copy(
            &self.reference,
            (start + EARLY + AHEAD as u64).saturating_sub(delay + TAPS as u64 - 1),
            played,
        );
        let fit = self.fitter.fit(&self.heard, played);
        if !self.loss.allows(fit.gain) {
            return 0.0;
        }
        let noise = NOISE_OVER_MINIMUM * self.noise.get().unwrap_or_default();
        let rest = (fit.heard - fit.explained - noise).max(0.0);
        if fit.explained <= 0.0 {
            0.0
        } else {
            fit.explained / (fit.explained + rest)
        }
    }
}

/// How long a sound of even loudness would be that is as concentrated as these samples at 4 kHz, in
/// milliseconds.
fn sound_ms(samples: &[f32]) -> f32 {
    let (mut sum, mut squares) = (0.0_f32, 0.0_f32);
    for block in samples.chunks(FRAME) {
        let energy = dot(block, block);
        sum += energy;
        squares += energy * energy;
    }
    if squares > 0.0 {
        FRAME_MS as f32 * sum * sum / squares
    } else {
        0.0
    }
}

/// Where audio was played that may come back in a window received from `start` on; both plus
/// [`BASE`].
fn oldest(start: u64) -> u64 {
    (start + EARLY).saturating_sub(DELAYS as u64)
}

fn copy(reference: &Reference, from: u64, out: &mut [f32]) {
    let early = BASE.saturating_sub(from).min(out.len() as u64) as usize;
    let (before, after) = out.split_at_mut(early);
    before.fill(0.0);
    reference.copy(from.max(BASE) - BASE, after);
}
