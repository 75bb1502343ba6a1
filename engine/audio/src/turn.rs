//! Turn detection: turns frames of voice activity into "the caller started", "the caller finished"
//! and "the caller spoke too long".
//!
//! Durations are counted in frames, not measured by a clock, so that media delivered in a burst
//! does not shorten or lengthen a turn. Times only label events.
//!
//! Two counters leak instead of resetting, because voice activity flickers: the speech that starts
//! a turn survives gaps within words, and the silence that ends one survives a click.

use crate::voice::{FRAME_MS, VoiceFrame};

/// Speech that resumes a turn about to end. Anything shorter is a click, a breath or a lip sound,
/// and does not postpone the end.
const RESUME_MS: u32 = 3 * FRAME_MS;

/// When a turn starts and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnSettings {
    /// Speech needed to start a turn. Use more, such as 240, for barge-in.
    pub onset_ms: u32,
    /// Silence that ends a turn, counted in frames. Voice activity is released only some 100 to 170
    /// ms after the last sound.
    pub end_silence_ms: u32,
    /// The longest turn.
    pub max_turn_ms: u32,
}

impl Default for TurnSettings {
    fn default() -> Self {
        Self {
            onset_ms: 96,
            end_silence_ms: 600,
            max_turn_ms: 12_000,
        }
    }
}

/// A turn event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnEvent {
    /// The caller started to speak.
    Began {
        /// When the speech started, `onset_ms` or more before this event. Voice activity responds
        /// some 30 ms after the first sound, so take slightly more audio than this.
        at_ms: u64,
    },
    /// The caller finished.
    Ended {
        /// When the last speech ended, `end_silence_ms` or more before this event.
        at_ms: u64,
    },
    /// The turn reached its maximum length and counts as ended. The next one can start only after a
    /// silence of `end_silence_ms`, so that a television does not start turn after turn.
    TooLong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No turn. `leaking_ms` is the leaky speech counter; the other fields are when it last left
    /// zero, the time in frames since then, and how much of that was speech.
    Waiting {
        leaking_ms: u32,
        began_at_ms: u64,
        elapsed_ms: u32,
        voiced_ms: u32,
    },
    /// A turn is in progress.
    Speaking {
        elapsed_ms: u32,
        silence_ms: u32,
        resumed_ms: u32,
        last_speech_ms: u64,
    },
    /// After a turn that was too long.
    Exhausted { silence_ms: u32 },
}

const WAITING: State = State::Waiting {
    leaking_ms: 0,
    began_at_ms: 0,
    elapsed_ms: 0,
    voiced_ms: 0,
};

/// Detects turns in a stream of voice activity.
#[derive(Debug, Clone)]
pub struct TurnDetector {
    settings: TurnSettings,
    state: State,
    /// Speech in the current turn, or in the last one.
    voiced_ms: u32,
    /// Time without a sound of the caller since the last one.
    quiet_ms: u32,
}

impl TurnDetector {
    /// A detector waiting for a turn.
    pub fn new(settings: TurnSettings) -> Self {
        Self {
            settings,
            state: WAITING,
            voiced_ms: 0,
            quiet_ms: 0,
        }
    }

    /// Takes a frame that ended at `at_ms`. Events alternate: `Began`, then `Ended` or `TooLong`.
    pub fn push(&mut self, frame: VoiceFrame, at_ms: u64) -> Option<TurnEvent> {
        if frame.speech {
            self.speech(FRAME_MS, at_ms)
        } else {
            self.silence(FRAME_MS, at_ms)
        }
    }

    /// Takes a frame that ended at `at_ms` in which voice activity is still releasing although
    /// there is no sound. Within a turn it counts as neither speech nor silence, otherwise as
    /// silence.
    pub fn push_trailing(&mut self, at_ms: u64) -> Option<TurnEvent> {
        let State::Speaking { elapsed_ms, .. } = &mut self.state else {
            return self.silence(FRAME_MS, at_ms);
        };
        *elapsed_ms = elapsed_ms.saturating_add(FRAME_MS);
        self.quiet_ms = self.quiet_ms.saturating_add(FRAME_MS);
        self.too_long()
    }

    /// How long the caller has made no sound, in milliseconds, in frames. Unlike the silence that
    /// ends a turn this counts from the last sound, and any speech sets it to zero.
    pub fn quiet_ms(&self) -> u32 {
        self.quiet_ms
    }

    /// Takes a frame that ended at `at_ms` with a voiceless sound that may be speech, such as a
    /// whisper or a cough: it starts or continues a turn but does not count towards
    /// [`voiced_ms`](Self::voiced_ms).
    pub fn push_voiceless(&mut self, at_ms: u64) -> Option<TurnEvent> {
        self.speech(0, at_ms)
    }

    /// Speech in the current turn, or in the last one: the duration of its speech frames, not the
    /// time since it started.
    pub fn voiced_ms(&self) -> u32 {
        self.voiced_ms
    }

    /// Reports that no media has arrived for `silence_ms` until `at_ms`. It counts as silence, so
    /// that a turn ends even if the network stops sending. Call it when media is overdue, once for
    /// each period.
    pub fn stalled(&mut self, silence_ms: u32, at_ms: u64) -> Option<TurnEvent> {
        self.silence(silence_ms, at_ms)
    }

    /// Sets the silence that ends a turn, from the next frame on, including the current turn: less
    /// once the words so far are a complete answer, more once they clearly are not.
    pub fn set_end_silence_ms(&mut self, end_silence_ms: u32) {
        self.settings.end_silence_ms = end_silence_ms;
    }

    /// Whether a turn is in progress.
    pub fn is_speaking(&self) -> bool {
        matches!(self.state, State::Speaking { .. })
    }

    /// Waits for a new turn and discards the current one without an event. Settings are kept.
    pub fn reset(&mut self) {
        self.state = WAITING;
        self.voiced_ms = 0;
    }

    /// A frame of speech, of which `counted_ms` counts.
    fn speech(&mut self, counted_ms: u32, at_ms: u64) -> Option<TurnEvent> {
        let settings = self.settings;
        self.quiet_ms = 0;
        match &mut self.state {
            State::Waiting {
                leaking_ms,
                began_at_ms,
                elapsed_ms,
                voiced_ms,
            } => {
                if *leaking_ms == 0 {
                    *began_at_ms = at_ms.saturating_sub(u64::from(FRAME_MS));
                    (*elapsed_ms, *voiced_ms) = (0, 0);
                }
                *leaking_ms += FRAME_MS;
                *voiced_ms = voiced_ms.saturating_add(counted_ms);
                *elapsed_ms = elapsed_ms.saturating_add(FRAME_MS);
                if *leaking_ms < settings.onset_ms {
                    return None;
                }
                self.voiced_ms = *voiced_ms;
                let (at_ms, last_speech_ms, elapsed_ms) = (*began_at_ms, at_ms, *elapsed_ms);
                self.state = State::Speaking {
                    elapsed_ms,
                    silence_ms: 0,
                    resumed_ms: 0,
                    last_speech_ms,
                };
                Some(TurnEvent::Began { at_ms })
            }
            State::Speaking {
                elapsed_ms,
                silence_ms,
                resumed_ms,
                last_speech_ms,
            } => {
                self.voiced_ms = self.voiced_ms.saturating_add(counted_ms);
                *resumed_ms += FRAME_MS;
                if *silence_ms == 0 || *resumed_ms >= RESUME_MS {
                    (*silence_ms, *resumed_ms, *last_speech_ms) = (0, 0, at_ms);
                } else {
                    *silence_ms += FRAME_MS;
                }
                *elapsed_ms = elapsed_ms.saturating_add(FRAME_MS);
                self.too_long()
            }
            State::Exhausted { silence_ms } => {
                *silence_ms = 0;
                None
            }
        }
    }

    fn silence(&mut self, span_ms: u32, at_ms: u64) -> Option<TurnEvent> {
        let settings = self.settings;
        self.quiet_ms = self.quiet_ms.saturating_add(span_ms);
        match &mut self.state {
            State::Waiting {
                leaking_ms,
                elapsed_ms,
                ..
            } => {
                // decays at half the rate it grew: the stop before a "t" hardly reduces it, a pause
                // clears it
                *leaking_ms = leaking_ms.saturating_sub(span_ms.div_ceil(2));
                *elapsed_ms = elapsed_ms.saturating_add(span_ms);
                None
            }
            State::Speaking {
                elapsed_ms,
                silence_ms,
                resumed_ms,
                last_speech_ms,
            } => {
                *resumed_ms = resumed_ms.saturating_sub(span_ms.div_ceil(2));
                *silence_ms = silence_ms.saturating_add(span_ms);
                *elapsed_ms = elapsed_ms.saturating_add(span_ms);
                if *silence_ms >= settings.end_silence_ms {
                    let at_ms = (*last_speech_ms).min(at_ms);
                    self.state = WAITING;
                    return Some(TurnEvent::Ended { at_ms });
                }
                self.too_long()
            }
            State::Exhausted { silence_ms } => {
                *silence_ms = silence_ms.saturating_add(span_ms);
                if *silence_ms >= settings.end_silence_ms {
                    self.state = WAITING;
                }
                None
            }
        }
    }

    fn too_long(&mut self) -> Option<TurnEvent> {
        let State::Speaking {
            elapsed_ms,
            silence_ms,
            ..
        } = self.state
        else {
            return None;
        };
        if elapsed_ms < self.settings.max_turn_ms {
            return None;
        }
        self.state = State::Exhausted { silence_ms };
        Some(TurnEvent::TooLong)
    }
}

#[cfg(test)]
mod tests;
