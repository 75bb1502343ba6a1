//! Recognises an answering machine by its sound: somebody speaks for seconds and does not wait for an
//! answer, then there is one tone, and then nobody.
//!
//! People make pauses, and go on after whatever tone there was. Ringback and the network's signals
//! come again; the tone of a key has two frequencies; a vowel or a hum that is a tone glides, and is low.

use std::ops::RangeInclusive;

use crate::tone::Tone;
use crate::voice::FRAME_MS;

/// A greeting lasts at least so long, from its first word to the tone, …
const GREETING_MS: u32 = 3_000;
/// … of which so much is speech beyond doubt: a third of a greeting over which the bot speaks, …
const SPOKEN_MS: u32 = 1_000;
/// … without a pause in which a person would wait for an answer.
const PAUSE_MS: u32 = 1_500;
/// The tone begins within this time after the last word.
const BEFORE_TONE_MS: u32 = 3_000;
/// The length of the tone, without the first 48 ms, in which it is recognised as one.
const TONE_MS: RangeInclusive<u32> = 160..=2_500;
/// For so long after the tone nobody speaks and no other one comes.
const AFTER_TONE_MS: u32 = 1_200;
/// So much speech in that time is somebody's.
const SOMEBODY_MS: u32 = 96;

/// Recognises an answering machine in the frames of one call.
#[derive(Debug, Default)]
pub struct AnsweringMachine {
    state: State,
}

#[derive(Debug)]
enum State {
    Greeting {
        /// Time since the first word of what may be a greeting.
        since_ms: u32,
        /// The speech in it.
        spoken_ms: u32,
        /// Time since the last of it.
        quiet_ms: u32,
        /// The tone in progress, if it is of one frequency.
        tone_ms: u32,
    },
    AfterTone {
        /// How long the greeting was, and the speech in it.
        greeting: (u32, u32),
        passed_ms: u32,
        spoken_ms: u32,
        /// Another tone, which may be a vowel.
        tone_ms: u32,
    },
    Recognized,
}

impl State {
    const NOTHING: Self = Self::Greeting {
        since_ms: 0,
        spoken_ms: 0,
        quiet_ms: 0,
        tone_ms: 0,
    };
}

impl Default for State {
    fn default() -> Self {
        Self::NOTHING
    }
}

impl AnsweringMachine {
    /// Takes a frame: whether it is caller speech, and the steady tone in it, if there is one. A vowel
    /// may be one, too, for a moment.
    pub fn push(&mut self, voice: bool, tone: Option<Tone>) {
        let voice_ms = u32::from(voice) * FRAME_MS;
        self.state = match std::mem::take(&mut self.state) {
            State::Recognized => State::Recognized,
            State::AfterTone {
                greeting,
                passed_ms,
                spoken_ms,
                tone_ms,
            } => {
                let (passed_ms, spoken_ms) = (passed_ms + FRAME_MS, spoken_ms + voice_ms);
                let tone_ms = match tone {
                    Some(Tone::Beep) => tone_ms + FRAME_MS,
                    _ => 0,
                };
                let goes_on = State::Greeting {
                    since_ms: greeting.0.saturating_add(passed_ms),
                    spoken_ms: greeting.1.saturating_add(spoken_ms),
                    quiet_ms: 0,
                    tone_ms,
                };
                if tone_ms >= *TONE_MS.start() && spoken_ms == 0 {
                    // the network's come again
                    State::NOTHING
                } else if tone_ms >= *TONE_MS.start() || spoken_ms >= SOMEBODY_MS {
                    goes_on
                } else if passed_ms >= AFTER_TONE_MS {
                    State::Recognized
                } else {
                    State::AfterTone {
                        greeting,
                        passed_ms,
                        spoken_ms,
                        tone_ms,
                    }
                }
            }
            State::Greeting {
                since_ms,
                spoken_ms,
                quiet_ms,
                tone_ms,
            } => {
                let has_begun = since_ms > 0;
                let since_ms = since_ms.saturating_add(u32::from(has_begun) * FRAME_MS);
                match tone {
                    Some(Tone::Beep) => State::Greeting {
                        since_ms,
                        spoken_ms,
                        quiet_ms,
                        tone_ms: tone_ms.saturating_add(FRAME_MS),
                    },
                    None if TONE_MS.contains(&tone_ms)
                        && since_ms >= GREETING_MS
                        && spoken_ms >= SPOKEN_MS
                        && quiet_ms <= BEFORE_TONE_MS =>
                    {
                        State::AfterTone {
                            greeting: (since_ms, spoken_ms),
                            passed_ms: FRAME_MS,
                            spoken_ms: 0,
                            tone_ms: 0,
                        }
                    }
                    None if !voice => State::Greeting {
                        since_ms,
                        spoken_ms,
                        quiet_ms: quiet_ms.saturating_add(FRAME_MS),
                        tone_ms: 0,
                    },
                    Some(Tone::Other) | None if has_begun && quiet_ms <= PAUSE_MS => {
                        State::Greeting {
                            since_ms,
                            spoken_ms: spoken_ms.saturating_add(voice_ms),
                            quiet_ms: 0,
                            tone_ms: 0,
                        }
                    }
                    Some(Tone::Other) | None => State::Greeting {
                        since_ms: voice_ms,
                        spoken_ms: voice_ms,
                        quiet_ms: 0,
                        tone_ms: 0,
                    },
                }
            }
        };
    }

    /// Whether an answering machine has been recognised.
    pub fn is_recognized(&self) -> bool {
        matches!(self.state, State::Recognized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a call is like, part by part: milliseconds of speech, silence and tones.
    enum Part {
        Speech(u32),
        Silence(u32),
        Tone(u32),
        Keys(u32),
    }
    use Part::{Keys, Silence, Speech, Tone as Beep};

    fn recognized(parts: &[Part]) -> bool {
        let mut machine = AnsweringMachine::default();
        for part in parts {
            let (ms, voice, tone) = match part {
                Speech(ms) => (ms, true, None),
                Silence(ms) => (ms, false, None),
                Beep(ms) => (ms, false, Some(Tone::Beep)),
                Keys(ms) => (ms, false, Some(Tone::Other)),
            };
            for _ in 0..ms / FRAME_MS {
                machine.push(voice, tone);
            }
        }
        machine.is_recognized()
    }

    #[test]
    fn a_greeting_a_tone_and_nobody_are_a_machine() {
        for parts in [
            [Speech(3_000), Silence(200), Beep(300), Silence(1_300)].as_slice(),
            &[Speech(3_000), Beep(900), Silence(1_300), Speech(1_000)],
            // the last word has a vowel that is one
            &[
                Speech(3_000),
                Beep(112),
                Speech(32),
                Beep(32),
                Speech(200),
                Beep(300),
                Silence(1_300),
            ],
            &[
                Speech(1_500),
                Silence(900),
                Speech(1_500),
                Silence(2_500),
                Beep(192),
                Silence(1_300),
            ],
        ] {
            assert!(recognized(parts));
        }
    }

    #[test]
    fn people_keys_and_the_signals_of_the_network_are_none() {
        let ringback = [
            Speech(3_000),
            Beep(400),
            Silence(200),
            Beep(400),
            Silence(2_000),
        ];
        for (what, parts) in [
            ("no greeting", [Beep(300), Silence(3_000)].as_slice()),
            ("a short word", &[Speech(800), Beep(300), Silence(3_000)]),
            (
                "who waits for an answer",
                &[
                    Speech(1_500),
                    Silence(1_800),
                    Speech(1_500),
                    Beep(300),
                    Silence(3_000),
                ],
            ),
            (
                "who speaks on",
                &[Speech(3_000), Beep(300), Silence(600), Speech(500)],
            ),
            (
                "a tone much later",
                &[Speech(3_000), Silence(4_000), Beep(300), Silence(3_000)],
            ),
            ("a click", &[Speech(3_000), Beep(48), Silence(3_000)]),
            ("a fax", &[Speech(3_000), Beep(4_000), Silence(3_000)]),
            ("a key", &[Speech(3_000), Keys(200), Silence(3_000)]),
            ("ringback", &ringback),
            (
                "somebody whose vowels are tones",
                &[
                    Speech(3_000),
                    Beep(112),
                    Speech(32),
                    Beep(112),
                    Speech(400),
                    Silence(3_000),
                ],
            ),
        ] {
            assert!(!recognized(parts), "{what}");
        }
    }
}
