//! Caller audio: detects the caller's turns on a line with echo and background noise, and prepares
//! the samples that the recogniser is fed.
//!
//! Sans-I/O. Allocates nothing per frame once its buffers have grown.

use std::collections::VecDeque;

use ghanti_audio::{Listener, NoiseSuppressor, ResampleError, TurnEvent, TurnSettings};
use ghanti_speech::recognition::RATE_HZ;

/// How much audio from before speech was detected is fed too, so that the start of a word is not
/// cut off.
const PREROLL_MS: usize = 1_000;
const PREROLL_SAMPLES: usize = PREROLL_MS * RATE_HZ as usize / 1000;

/// In a pause on a noisy line, the last moment is passed on only once the caller goes on: if their turn
/// ends, what others say behind their words is not heard with them.
const ONSET_SAMPLES: usize = 400 * RATE_HZ as usize / 1000;

/// So much speech after [`CallerAudio::hold`] is the caller's: the echo guard recognises an echo whose
/// delay has changed by its first 64 ms, and decides in every second frame.
const HELD_MS: u32 = 112;

/// Detects the caller's turns and collects the samples for the recogniser.
pub struct CallerAudio {
    listener: Listener,
    /// Samples not passed on yet: the pre-roll and, in a pause on a noisy line, the last moment, in which
    /// a word may begin.
    kept_back: VecDeque<i16>,
    feed: Vec<i16>,
    feeding: bool,
    /// Whether the recogniser understands more if the line's noise is suppressed.
    suppresses_noise: bool,
    /// Of the utterance that is passed on, if the line is noisy.
    suppressor: Option<Box<NoiseSuppressor>>,
    /// While the samples are held back: how much of the turn was speech before.
    held_since_ms: Option<u32>,
    speaking_since: Option<u64>,
}

/// What one call of [`CallerAudio::listen`] detected, in milliseconds since the stream's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// When a turn began.
    pub began: Option<u64>,
    /// When the last sound of a turn that has now ended was heard.
    pub ended: Option<u64>,
}

impl CallerAudio {
    /// Prepares for caller audio at the call's rate: 8, 16 or 24 kHz.
    pub fn new(rate_hz: u32, settings: TurnSettings) -> Result<Self, ResampleError> {
        Ok(Self {
            listener: Listener::new(rate_hz, settings)?,
            kept_back: VecDeque::with_capacity(PREROLL_SAMPLES + 1),
            feed: Vec::new(),
            feeding: false,
            suppresses_noise: false,
            suppressor: None,
            held_since_ms: None,
            speaking_since: None,
        })
    }

    /// Records samples that were sent, at the call's rate; the playout clock expects them to be
    /// played from `at_ms` on. Their echo, attenuated and up to 0.7 s later, is not taken for
    /// speech of the caller.
    pub fn played(&mut self, at_ms: u64, samples: &[i16]) {
        self.listener.played(at_ms, samples);
    }

    /// Takes received samples, at the call's rate.
    pub fn listen(&mut self, now_ms: u64, samples: &[i16]) -> Heard {
        let mut heard = Heard::default();
        self.listener.listen(now_ms, samples, |event| match event {
            TurnEvent::Began { at_ms } => heard.began = Some(at_ms),
            TurnEvent::Ended { at_ms } => heard.ended = Some(at_ms),
            TurnEvent::TooLong => heard.ended = Some(now_ms),
        });
        if let Some(at_ms) = heard.began {
            self.speaking_since = Some(at_ms);
        }
        if heard.ended.is_some() {
            self.speaking_since = None;
        }
        self.kept_back.extend(self.listener.heard());
        let voiced_ms = self.listener.voiced_ms();
        // a new turn counts from its start
        self.held_since_ms = self.held_since_ms.filter(|since_ms| {
            voiced_ms < since_ms.saturating_add(HELD_MS) && voiced_ms >= *since_ms
        });
        if !self.feeding || self.held_since_ms.is_some() {
            self.kept_back
                .drain(..self.kept_back.len().saturating_sub(PREROLL_SAMPLES));
        } else if self.listener.is_background() {
            self.pass_on(self.kept_back.len().saturating_sub(ONSET_SAMPLES));
        } else {
            self.pass_on(self.kept_back.len());
        }
        heard
    }

    /// No audio has arrived since `now_ms - silence_ms`, which counts as silence. Returns when the
    /// last sound was heard if this ends a turn.
    pub fn stalled(&mut self, now_ms: u64, silence_ms: u32) -> Option<u64> {
        match self.listener.turns_mut().stalled(silence_ms, now_ms) {
            Some(TurnEvent::Ended { at_ms }) => {
                self.speaking_since = None;
                Some(at_ms)
            }
            _ => None,
        }
    }

    /// When the caller began to speak, if they are speaking.
    pub fn speaking_since(&self) -> Option<u64> {
        self.speaking_since
    }

    /// Milliseconds of speech in the turn in progress or, until the next one begins, in the last
    /// one. Pauses, coughs, echo and background do not count. 0 after [`CallerAudio::reset`].
    pub fn voiced_ms(&self) -> u32 {
        self.listener.voiced_ms()
    }

    /// Whether the speech of the turn so far is certainly the caller's, so that the bot should fall
    /// silent.
    pub fn interrupts(&self) -> bool {
        self.listener.interrupts()
    }

    /// Looks for an answering machine by its sound from now on, or no more.
    pub fn look_for_answering_machine(&mut self, looks: bool) {
        self.listener.look_for_answering_machine(looks);
    }

    /// Whether an answering machine has been heard by its sound.
    pub fn is_answering_machine(&self) -> bool {
        self.listener.is_answering_machine()
    }

    /// What was said so far interrupts nothing any more.
    pub fn pass_over(&mut self) {
        self.listener.pass_over();
    }

    /// How long the caller has made no sound, in milliseconds.
    pub fn quiet_ms(&self) -> u32 {
        self.listener.turns().quiet_ms()
    }

    /// The bot speaks within the caller's turn. If the line has an echo, audio is passed on only once
    /// the caller has certainly gone on, and from a second before: the first sounds of what comes
    /// back would be taken for their words.
    pub fn hold(&mut self) {
        if self.listener.has_echo() {
            self.held_since_ms = Some(self.listener.voiced_ms());
        }
    }

    /// Starts passing audio to the recogniser, beginning with the pre-roll.
    pub fn open(&mut self) {
        self.feeding = true;
        self.held_since_ms = None;
        self.feed.clear();
        let suppresses = self.suppresses_noise && self.listener.is_noisy();
        self.suppressor = suppresses.then(Box::default);
        self.pass_on(self.kept_back.len());
    }

    /// Passes on the oldest samples kept back. The suppressor returns them up to 24 ms later.
    fn pass_on(&mut self, count: usize) {
        let samples = self.kept_back.drain(..count);
        match (&mut self.suppressor, self.listener.noise()) {
            (Some(suppressor), Some(noise)) => suppressor.push(noise, samples, &mut self.feed),
            _ => self.feed.extend(samples),
        }
    }

    /// Stops passing audio to the recogniser.
    pub fn close(&mut self) {
        if std::mem::take(&mut self.feeding) {
            self.kept_back.clear();
        }
    }

    /// Takes the samples for the recogniser, 16 kHz. Empty, without an allocation, unless the caller
    /// speaks.
    pub fn take_feed(&mut self) -> Vec<i16> {
        std::mem::take(&mut self.feed)
    }

    /// Sets whether the noise of a noisy line is suppressed in what the recogniser is fed, from the next
    /// utterance on.
    pub fn set_suppresses_noise(&mut self, suppresses_noise: bool) {
        self.suppresses_noise = suppresses_noise;
    }

    /// Sets how much silence ends a turn.
    pub fn set_end_silence_ms(&mut self, end_silence_ms: u32) {
        self.listener.turns_mut().set_end_silence_ms(end_silence_ms);
    }

    /// Drops a turn in progress.
    pub fn reset(&mut self) {
        self.listener.turns_mut().reset();
        self.speaking_since = None;
    }
}

#[cfg(test)]
mod tests {
    use ghanti_audio::level::rms_dbfs;

    use super::*;

    const FRAME_MS: usize = 20;
    /// Amplitude of noise of -40 dBFS: 25 dB below the voice.
    const NOISE: i32 = 566;

    /// Adds the same noise in every run, generated by Marsaglia's xorshift.
    fn with_noise(speech: &[i16]) -> Vec<i16> {
        let mut state = 0x5eed_cafe_u32;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            ((state >> 16) as i32 % (2 * NOISE + 1) - NOISE) as i16
        };
        speech
            .iter()
            .map(|sample| sample.saturating_add(noise()))
            .collect()
    }

    /// Two seconds at 8 kHz.
    fn silence() -> Vec<i16> {
        vec![0; 16_000]
    }

    fn spoken() -> Vec<i16> {
        let (pairs, _) = include_bytes!("../tests/data/yes-8k.wav").as_chunks::<2>();
        let samples = pairs.iter().skip(22);
        samples.map(|pair| i16::from_le_bytes(*pair)).collect()
    }

    /// What the recogniser is fed of a word with two seconds of silence on either side, on this
    /// line.
    fn fed(suppresses_noise: bool, line: impl Fn(&[i16]) -> Vec<i16>) -> Vec<i16> {
        let samples = line(&[silence(), spoken(), silence()].concat());
        fed_of(suppresses_noise, &samples)
    }

    /// What the recogniser is fed of these samples, in a turn that does not end.
    fn fed_of(suppresses_noise: bool, samples: &[i16]) -> Vec<i16> {
        let settings = TurnSettings {
            onset_ms: 60,
            end_silence_ms: 3_000,
            max_turn_ms: 10_000,
        };
        let (mut caller_audio, mut fed) = (CallerAudio::new(8_000, settings).unwrap(), Vec::new());
        caller_audio.set_suppresses_noise(suppresses_noise);
        for (frame, samples) in samples.chunks(8 * FRAME_MS).enumerate() {
            if caller_audio
                .listen((frame * FRAME_MS) as u64, samples)
                .began
                .is_some()
            {
                caller_audio.open();
            }
            fed.extend(caller_audio.take_feed());
        }
        fed
    }

    fn ms(samples: &[i16], from: usize, to: usize) -> f32 {
        rms_dbfs(&samples[from * 16..to * 16])
    }

    fn word(samples: &[i16]) -> f32 {
        rms_dbfs(&samples[PREROLL_SAMPLES..][..RATE_HZ as usize / 5])
    }

    #[test]
    fn the_noise_of_a_noisy_line_is_suppressed_and_the_word_stays() {
        let (noisy, plain) = (fed(true, with_noise), fed(true, |samples| samples.to_vec()));
        let end = noisy.len() / 16;
        assert!(
            ms(&noisy, 100, 900) < -57.0 && ms(&noisy, end - 1_000, end) < -57.0,
            "{} {}",
            ms(&noisy, 100, 900),
            ms(&noisy, end - 1_000, end)
        );
        assert!(
            (word(&noisy) - word(&plain)).abs() < 1.0,
            "{} {}",
            word(&noisy),
            word(&plain)
        );
    }

    #[test]
    fn in_a_pause_on_a_noisy_line_the_last_moment_waits_until_the_caller_goes_on() {
        let once = [silence(), spoken(), silence()].concat();
        let twice = [once.clone(), spoken()].concat();
        // the pre-roll's start depends on the line
        let length = |samples: &[i16]| fed_of(true, &with_noise(samples)).len() as isize;
        // the suppressor returns samples 24 ms later, and frames of the listener are 16 ms
        let inexact = (24 + 16) * 16;
        let after_pause = length(&twice) - length(&once);
        let gone_on = 2 * spoken().len() as isize;
        let waited = after_pause - gone_on - ONSET_SAMPLES as isize;
        assert!(waited.abs() <= inexact, "{waited}");
        let quiet = fed_of(true, &twice).len() as isize - fed_of(true, &once).len() as isize;
        assert!((quiet - gone_on).abs() <= inexact, "{quiet}");
    }

    #[test]
    fn a_recogniser_that_needs_no_suppression_is_given_the_line_as_it_is() {
        let noisy = fed(false, with_noise);
        assert!(
            (ms(&noisy, 0, 900) + 40.0).abs() < 2.0,
            "{}",
            ms(&noisy, 0, 900)
        );
    }

    #[test]
    fn a_quiet_line_is_given_as_it_is() {
        let faint = |samples: &[i16]| {
            with_noise(samples)
                .iter()
                .zip(samples)
                .map(|(noisy, sample)| sample + (noisy - sample) / 50)
                .collect::<Vec<_>>()
        };
        let fed = fed(true, faint);
        assert!(
            (ms(&fed, 0, 500) + 74.0).abs() < 4.0,
            "{}",
            ms(&fed, 0, 500)
        );
    }
}
