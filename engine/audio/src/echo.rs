//! The echo guard: whether what comes in is the bot's own voice, come back.
//!
//! What was sent is kept by the time at which it is played (`echo/reference.rs`). While it can
//! still come back, each frame of speech is compared with it: the last 200 ms of what is heard, at
//! 4 kHz, are fitted by a short filter from what was played. The delay is the one at which the last
//! fit was good; where that does not explain what is heard, it is looked for anew among all of 0 to
//! 760 ms. What is explained for the most part is echo. A caller who speaks over it is not
//! explained, and is heard.
//!
//! The guard remembers no gain and adapts to nothing but the delay: there is nothing in it that a
//! loud caller could drive off. It costs nothing when nothing was played within the last second.

mod arrival;
mod fit;
mod reference;
mod search;

use crate::decimate::{DECIMATION, Decimator, NARROW_HZ, dot};
use crate::resample::ResampleError;
use crate::voice::FRAME_SAMPLES;
use arrival::Arrival;
use fit::{AHEAD, Fitter, PLAYED, TAPS};
use reference::Reference;
use search::{DELAYS, Search, WINDOW};

/// Samples of 4 kHz in one frame of voice activity.
const FRAME: usize = FRAME_SAMPLES / DECIMATION;

/// What is heard may come so much before it is played by the playout clock, which knows the
/// network's buffer only by what was sent: 64 ms.
const EARLY: u64 = 64 * NARROW_HZ as u64 / 1_000;

/// How long after its playing something may come back: the delays, and the window.
const SPAN: u64 = (DELAYS + WINDOW) as u64;

/// So long after its playing something counts as being played: 300 ms.
const PLAYING: u64 = 300 * NARROW_HZ as u64 / 1_000;

/// Positions begin so late that none that is reckoned back from them is negative.
const BASE: u64 = 2 * SPAN;

/// From this explained share on what is heard is echo. A caller as loud as the echo leaves a share
/// of a half.
const ECHO_SHARE: f32 = 0.62;

/// What is heard is judged anew in every so manieth frame of speech.
const JUDGE_FRAMES: u32 = 2;

/// After so many searches in vain it is not the echo that speaks, and one in so many is enough.
const SEARCHES: u32 = 6;

/// Frames whose quietest is the line's noise: 1.5 s.
const NOISE_FRAMES: u32 = 94;

/// The noise's mean, over its quietest frame.
const NOISE_OVER_MINIMUM: f32 = 2.0;

/// Compares one call's inbound stream with its outbound one. About 120 kB, on the heap.
#[derive(Debug)]
pub struct EchoGuard {
    reference: Reference,
    arrival: Arrival,
    decimator: Decimator,
    narrow: Vec<f32>,
    /// The last [`WINDOW`] samples heard, at 4 kHz.
    heard: Vec<f32>,
    played: Vec<f32>,
    search: Search,
    fitter: Fitter,
    /// Of the last good fit: by how much what is heard lags behind what is played, more [`EARLY`].
    delay: Option<u64>,
    /// Searches in vain since something was explained.
    searches: u32,
    since_judged: u32,
    verdict: bool,
    noise: Noise,
    comparing: bool,
}

impl EchoGuard {
    /// For a call at that rate: 8, 16 or 24 kHz.
    pub fn new(rate_hz: u32) -> Result<Self, ResampleError> {
        Ok(Self {
            reference: Reference::new(rate_hz)?,
            arrival: Arrival::default(),
            decimator: Decimator::new(),
            narrow: Vec::with_capacity(2 * FRAME),
            heard: vec![0.0; WINDOW],
            played: vec![0.0; WINDOW + DELAYS],
            search: Search::new(),
            fitter: Fitter::new(),
            delay: None,
            searches: 0,
            since_judged: JUDGE_FRAMES,
            verdict: false,
            noise: Noise::default(),
            comparing: false,
        })
    }

    /// These samples, at the call's rate, were sent, and are played from `at_ms` on.
    pub fn played(&mut self, at_ms: u64, samples: &[i16]) {
        self.reference.push(at_ms, samples);
    }

    /// So many samples of 16 kHz have arrived by `now_ms`. Returns the position of the first, to be
    /// counted on from for [`hear`](Self::hear).
    pub fn arrived(&mut self, now_ms: u64, samples_16k: usize) -> u64 {
        self.arrival.push(now_ms, samples_16k)
    }

    /// Whether what was sent is being played at this position (of 16 kHz), or was until 0.3 s ago,
    /// which is how late it may be heard.
    pub fn is_playing(&self, position: u64) -> bool {
        self.reference.sounds(position / DECIMATION as u64, PLAYING)
    }

    /// Whether one frame of 16 kHz that ends at `end`, in which there is `speech`, is the bot's own
    /// voice.
    pub fn hear(&mut self, frame: &[i16], end: u64, speech: bool) -> bool {
        let end = end / DECIMATION as u64;
        if !self.reference.sounds(end, SPAN) {
            self.comparing = false;
            return false;
        }
        if !self.comparing {
            self.comparing = true;
            (self.searches, self.since_judged, self.verdict) = (0, JUDGE_FRAMES, false);
            self.decimator.reset();
            self.heard.fill(0.0);
            self.noise = Noise::default();
        }
        self.narrow.clear();
        self.decimator.push(frame, &mut self.narrow);
        let kept = self.narrow.len().min(WINDOW);
        self.heard.copy_within(kept.., 0);
        for (place, sample) in self.heard.iter_mut().skip(WINDOW - kept).zip(&self.narrow) {
            *place = *sample;
        }
        self.noise.push(&self.narrow);
        self.since_judged = self.since_judged.saturating_add(1);
        if speech && self.since_judged >= JUDGE_FRAMES {
            self.since_judged = 0;
            self.verdict = self.is_echo((end + BASE).saturating_sub(WINDOW as u64));
        }
        speech && self.verdict
    }

    /// `start`: where the window of what is heard begins, plus [`BASE`].
    fn is_echo(&mut self, start: u64) -> bool {
        if let Some(delay) = self.delay
            && self.share(start, delay) >= ECHO_SHARE
        {
            self.searches = 0;
            return true;
        }
        self.searches += 1;
        if self.searches > SEARCHES && !self.searches.is_multiple_of(SEARCHES) {
            return false;
        }
        let oldest = start + EARLY - DELAYS as u64;
        copy(&self.reference, oldest, &mut self.played);
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

    /// Which share of what is heard is explained by what was played so much before; what is no
    /// louder than the line's noise needs no explanation.
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
        let rest = (fit.heard - fit.explained - NOISE_OVER_MINIMUM * self.noise.minimum()).max(0.0);
        if fit.explained <= 0.0 {
            0.0
        } else {
            fit.explained / (fit.explained + rest)
        }
    }
}

fn copy(reference: &Reference, from: u64, out: &mut [f32]) {
    let early = BASE.saturating_sub(from).min(out.len() as u64) as usize;
    let (before, after) = out.split_at_mut(early);
    before.fill(0.0);
    reference.copy(from.max(BASE) - BASE, after);
}

/// The mean square of the quietest frame of late.
#[derive(Debug, Default)]
struct Noise {
    /// Of the stretch before this one, and of this one.
    minima: [Option<f32>; 2],
    frames: u32,
}

impl Noise {
    fn push(&mut self, frame: &[f32]) {
        let power = dot(frame, frame) / frame.len().max(1) as f32;
        let [before, current] = &mut self.minima;
        *current = Some(current.map_or(power, |minimum| minimum.min(power)));
        self.frames += 1;
        if self.frames >= NOISE_FRAMES {
            (*before, *current, self.frames) = (*current, None, 0);
        }
    }

    fn minimum(&self) -> f32 {
        self.minima
            .iter()
            .flatten()
            .copied()
            .reduce(f32::min)
            .unwrap_or_default()
    }
}
