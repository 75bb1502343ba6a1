//! The whole inbound path: samples at the call's rate in, caller turns and the audio for the
//! recogniser out.
//!
//! A frame is caller speech if voice activity finds speech in it, it stands out from the line's
//! background, and it is not echo of the bot. The recogniser gets silence in place of echo.

use std::ops::Range;

use crate::answering_machine::AnsweringMachine;
use crate::background::{Background, FrameFacts};
use crate::echo::EchoGuard;
use crate::gate::Gate;
use crate::noise::NoiseSpectrum;
use crate::pitch::Pitch;
use crate::resample::{LISTENING_HZ, ResampleError, Resampler};
use crate::tone::ToneDetector;
use crate::turn::{TurnDetector, TurnEvent, TurnSettings};
use crate::voice::{FRAME_MS, FRAME_SAMPLES};

/// Voice activity is released this long after the last sound; until then a turn has no silence yet.
const TRAILING_FRAMES: u32 = 160 / FRAME_MS;

/// Non-speech within this time after echo is the tail of the echo.
const ECHO_REST_FRAMES: u32 = 200 / FRAME_MS;

/// A line with a louder background has people or machines on it, which hide a caller's words, and which
/// a recogniser takes for words.
const NOISY_DBFS: f32 = -55.0;

/// Sound within this time after the caller's voice may still be the end of a word.
const WORD_END_FRAMES: u32 = 240 / FRAME_MS;

/// So much speech interrupts the bot …
const INTERRUPTING_MS: u32 = 112;

/// … of which so much is this much louder than it has to be: -26 dBFS, as somebody who speaks into the
/// telephone, or less on a quiet line. A television that is 15 dB below the caller is not, nor are
/// people in the background.
const NEAR_MS: u32 = 80;
const NEAR_DB: f32 = 5.0;

/// So much of what comes just before a word's pitch counts with it. A cough has none.
const BEFORE_PITCH_MS: u32 = 64;

/// Listens to one caller. Takes about 140 kB of heap.
#[derive(Debug)]
pub struct Listener {
    resampler: Resampler,
    gate: Gate,
    guard: EchoGuard,
    background: Background,
    /// Made when the line turns out to be noisy.
    noise: Option<Box<NoiseSpectrum>>,
    tones: ToneDetector,
    /// `None` if answering machines are not detected.
    answering_machine: Option<AnsweringMachine>,
    pitch: Pitch,
    detector: TurnDetector,
    wide: Vec<i16>,
    /// Samples of an incomplete frame: fewer than [`FRAME_SAMPLES`] between calls.
    begun: Vec<i16>,
    /// The same at the call's rate, and how many of these a frame has.
    raw: Vec<i16>,
    raw_frame: usize,
    heard: Vec<i16>,
    since_voice: u32,
    since_echo: u32,
    /// Speech of the turn, or since [`Listener::pass_over`], and how much of it is near.
    over_bot_ms: u32,
    near_ms: u32,
    /// The same of sound that is speech and has no pitch yet.
    before_pitch_ms: (u32, u32),
}

impl Listener {
    /// A listener for a call at 8, 16 or 24 kHz.
    pub fn new(rate_hz: u32, settings: TurnSettings) -> Result<Self, ResampleError> {
        let raw_frame = FRAME_SAMPLES * rate_hz as usize / LISTENING_HZ as usize;
        Ok(Self {
            resampler: Resampler::new(rate_hz, LISTENING_HZ)?,
            gate: Gate::new(),
            guard: EchoGuard::new(rate_hz)?,
            background: Background::new(),
            noise: None,
            tones: ToneDetector::new(),
            answering_machine: None,
            pitch: Pitch::new(),
            detector: TurnDetector::new(settings),
            wide: Vec::new(),
            begun: Vec::with_capacity(FRAME_SAMPLES),
            raw: Vec::with_capacity(4 * raw_frame),
            raw_frame,
            heard: Vec::new(),
            since_voice: u32::MAX,
            since_echo: u32::MAX,
            over_bot_ms: 0,
            near_ms: 0,
            before_pitch_ms: (0, 0),
        })
    }

    /// Records that these samples, at the call's rate, were sent and are played from `at_ms` on, so
    /// that their echo is not taken for caller speech.
    pub fn played(&mut self, at_ms: u64, samples: &[i16]) {
        self.guard.played(at_ms, samples);
    }

    /// Takes samples at the call's rate that have arrived by `now_ms`, and calls `on_event` for
    /// each turn event.
    pub fn listen(&mut self, now_ms: u64, samples: &[i16], mut on_event: impl FnMut(TurnEvent)) {
        self.wide.clear();
        self.heard.clear();
        self.resampler.push(samples, &mut self.wide);
        self.raw.extend_from_slice(samples);
        let mut taken = 0;
        let wide = std::mem::take(&mut self.wide);
        let first = self.guard.arrived(now_ms, wide.len());
        let mut rest = wide.as_slice();
        while self.begun.len() + rest.len() >= FRAME_SAMPLES {
            let (head, tail) = rest.split_at(FRAME_SAMPLES - self.begun.len());
            self.begun.extend_from_slice(head);
            rest = tail;
            let end = first + (wide.len() - rest.len()) as u64;
            // a frame may be complete one sample before it is at 24 kHz
            let raw = taken..self.raw.len().min(taken + self.raw_frame);
            taken = raw.end;
            let event = self.frame(raw, end, now_ms);
            event.into_iter().for_each(&mut on_event);
            self.begun.clear();
        }
        self.begun.extend_from_slice(rest);
        self.raw.drain(..taken);
        self.wide = wide;
    }

    /// Classifies the frame in `begun`, which is `raw` of the samples at the call's rate.
    fn frame(&mut self, raw: Range<usize>, end: u64, now_ms: u64) -> Option<TurnEvent> {
        let in_turn = self.detector.is_speaking();
        self.background.push(&self.begun);
        let speech = self
            .gate
            .push(&self.begun, in_turn || self.background.is_loud());
        let echo = self
            .guard
            .hear(self.raw.get(raw).unwrap_or_default(), end, speech);
        self.since_echo = if echo {
            0
        } else {
            self.since_echo.saturating_add(1)
        };
        let echo_rest = !speech && self.since_echo <= ECHO_REST_FRAMES;
        // for an answering machine, whose tone need not be taken for speech
        let loud = self.answering_machine.is_some() && self.background.is_loud() && !echo;
        let tone = self.tones.push(&self.begun, speech && !echo, loud);
        let of_line = !echo && !echo_rest && !tone;
        let bot_plays = self.guard.is_playing(end);
        let stands_out = self.background.judge(FrameFacts {
            speech: speech && !echo,
            in_turn,
            bot_plays,
            has_echo: self.guard.has_echo(),
            of_line,
        });
        let voice = speech && stands_out && of_line;
        if let Some(machine) = &mut self.answering_machine {
            machine.push(voice, self.tones.steady());
        }
        let pitched = self.pitch.push(&self.begun, voice);
        self.since_voice = if voice {
            0
        } else {
            self.since_voice.saturating_add(1)
        };

        self.follow_noise(of_line);
        if !in_turn && self.since_voice > TRAILING_FRAMES {
            self.pass_over();
        }
        self.count_over_bot(voice, pitched);
        if echo || echo_rest {
            self.heard.extend(std::iter::repeat_n(0, self.begun.len()));
        } else {
            self.heard.extend_from_slice(&self.begun);
        }
        if speech && !voice && !echo && self.since_voice <= TRAILING_FRAMES {
            return self.detector.push_trailing(now_ms);
        }
        if voice && !pitched {
            return self.detector.push_voiceless(now_ms);
        }
        self.detector.push(
            crate::voice::VoiceFrame {
                speech: voice,
                probability: 1.0,
            },
            now_ms,
        )
    }

    /// Learns what a noisy line is like while the caller is silent.
    fn follow_noise(&mut self, of_line: bool) {
        if of_line && self.is_background() {
            self.noise.get_or_insert_default().push(&self.begun);
        } else if let Some(noise) = &mut self.noise {
            noise.interrupt();
        }
    }

    /// Counts speech that may interrupt the bot. What comes just before the first pitch belongs to
    /// the word, too: its consonants, and the two periods in which a pitch is found. Not where the
    /// line has an echo, the first sounds of which may be taken for somebody's.
    fn count_over_bot(&mut self, voice: bool, pitched: bool) {
        let is_near = self.background.level_dbfs() >= self.background.interrupting_dbfs() + NEAR_DB;
        let (frame_ms, near_ms) = (
            u32::from(voice) * FRAME_MS,
            u32::from(voice && is_near) * FRAME_MS,
        );
        if pitched {
            let (before_ms, near_before_ms) = std::mem::take(&mut self.before_pitch_ms);
            self.over_bot_ms = self.over_bot_ms.saturating_add(before_ms + frame_ms);
            self.near_ms = self.near_ms.saturating_add(near_before_ms + near_ms);
        } else if voice && !self.guard.has_echo() {
            let (before_ms, near_before_ms) = self.before_pitch_ms;
            self.before_pitch_ms = (
                (before_ms + frame_ms).min(BEFORE_PITCH_MS),
                (near_before_ms + near_ms).min(BEFORE_PITCH_MS),
            );
        } else {
            self.before_pitch_ms = (0, 0);
        }
    }

    /// The audio of the last [`listen`](Self::listen), in whole frames at 16 kHz, with silence in
    /// place of echo.
    pub fn heard(&self) -> &[i16] {
        &self.heard
    }

    /// Whether the bot has been heard on the line.
    pub fn has_echo(&self) -> bool {
        self.guard.has_echo()
    }

    /// Whether the line has a background that hides words, or is taken for words.
    pub fn is_noisy(&self) -> bool {
        self.background.mean_dbfs() > NOISY_DBFS
    }

    /// Whether the latest audio is the background of a noisy line: the caller has been silent for
    /// longer than the end of a word takes to decay.
    pub fn is_background(&self) -> bool {
        self.is_noisy() && self.since_voice > WORD_END_FRAMES
    }

    /// What the line's noise was like when there was any, if it was long enough.
    pub fn noise(&self) -> Option<&NoiseSpectrum> {
        self.noise.as_deref().filter(|noise| noise.is_known())
    }

    /// Caller speech in the current turn, or in the last one. Voiceless sounds, such as a cough, do
    /// not count.
    pub fn voiced_ms(&self) -> u32 {
        self.detector.voiced_ms()
    }

    /// Whether the speech of the turn so far is certainly the caller's, so that the bot should fall
    /// silent: long enough, and loud enough for somebody near the telephone. A fainter caller is
    /// heard, too, but may be somebody else.
    pub fn interrupts(&self) -> bool {
        self.detector.is_speaking()
            && self.over_bot_ms >= INTERRUPTING_MS
            && self.near_ms >= NEAR_MS
    }

    /// Looks for an answering machine from now on, or no more.
    pub fn look_for_answering_machine(&mut self, looks: bool) {
        self.answering_machine = looks.then(AnsweringMachine::default);
    }

    /// Whether an answering machine has been heard: its greeting, its tone, and nobody behind it.
    pub fn is_answering_machine(&self) -> bool {
        let machine = self.answering_machine.as_ref();
        machine.is_some_and(AnsweringMachine::is_recognized)
    }

    /// What was said so far interrupts nothing any more.
    pub fn pass_over(&mut self) {
        (self.over_bot_ms, self.near_ms) = (0, 0);
        self.before_pitch_ms = (0, 0);
    }

    /// The turn detector.
    pub fn turns(&self) -> &TurnDetector {
        &self.detector
    }

    /// The turn detector, to change its settings.
    pub fn turns_mut(&mut self) -> &mut TurnDetector {
        &mut self.detector
    }
}
