//! Keys: what they answer and interrupt, and those typed ahead of their question.

use std::collections::VecDeque;

use ghanti_model::{Masked, Reply};

use super::{Machine, Output, Waiting};
use crate::event::Event;
use crate::question::{Answers, Phase};

/// How many keys may be typed ahead; further ones are dropped.
const TYPED_AHEAD: usize = 32;
/// If a collection completed without its end key, that key still counts as part of it for this
/// long.
const LATE_END_KEY_MS: u64 = 3_000;

/// Keys pressed before the question that they answer.
#[derive(Default)]
pub(super) struct TypedAhead {
    keys: VecDeque<char>,
    /// The end key of a collection that completed without it, and until when it is ignored.
    late_end_key: Option<(char, u64)>,
}

impl TypedAhead {
    fn push(&mut self, key: char) {
        if self.keys.len() < TYPED_AHEAD {
            self.keys.push_back(key);
        }
    }

    /// Whether this key belongs to a collection that is already complete.
    fn swallows(&mut self, now_ms: u64, key: char) -> bool {
        self.late_end_key
            .take()
            .is_some_and(|(end_key, until_ms)| key == end_key && now_ms <= until_ms)
    }
}

/// What a key does to the open question.
enum Press {
    /// It is kept for a later question, or for this one once its prompt has been heard.
    Keep,
    /// It is the answer.
    Choose(String),
    /// It is one of the keys being collected.
    Collect,
    /// It is no answer.
    NoMatch,
    /// It is recorded, and changes nothing.
    Note,
}

impl Machine {
    /// A key was pressed.
    pub fn key(&mut self, now_ms: u64, key: char) {
        if self.ended || self.keys.swallows(now_ms, key) {
            return;
        }
        self.found_person();
        // a key's tone may have been detected as speech
        self.forget_utterance();
        self.press(now_ms, key);
        self.advance(now_ms);
    }

    /// Applies the keys typed ahead to the open question, as far as it takes them.
    pub(super) fn take_typed_ahead(&mut self, now_ms: u64) {
        for _ in 0..self.keys.keys.len() {
            if !matches!(self.waiting, Some(Waiting::Ask(_))) {
                return;
            }
            let Some(key) = self.keys.keys.pop_front() else {
                return;
            };
            self.press(now_ms, key);
        }
    }

    fn press(&mut self, now_ms: u64, key: char) {
        let press = self.meaning(now_ms, key);
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return self.keys.push(key);
        };
        let keyed = |keys: &str| Event::Keyed {
            question: asking.asked.name.clone(),
            keys: Masked::new(keys),
            at_ms: now_ms,
        };
        match press {
            Press::Keep => self.keys.push(key),
            Press::Choose(choice) => {
                self.events.push_back(keyed(&key.to_string()));
                self.latency.keyed(&asking.asked.name, now_ms);
                let answer = asking.keyed(Reply::Choice(choice));
                self.hush(now_ms, Some(answer));
            }
            Press::NoMatch => {
                self.events.push_back(keyed(&key.to_string()));
                self.hush(now_ms, None);
                self.not_understood(now_ms, None, 1.0);
            }
            Press::Note => self.events.push_back(keyed(&key.to_string())),
            Press::Collect => {
                asking.keys.push(key);
                let (over, between_ms) = match &asking.asked.answers {
                    Answers::Keys {
                        max,
                        terminator,
                        between_ms,
                        ..
                    } => {
                        let over = *terminator == Some(key) || asking.keys.chars().count() >= *max;
                        (over, *between_ms)
                    }
                    Answers::Value(value) => {
                        let over = key == value.end_key || value.is_complete(&asking.keys);
                        (over, value.between_ms)
                    }
                    Answers::Choices(_) | Answers::Open => (false, 0),
                };
                asking.phase = Phase::Keying {
                    deadline_ms: if over { now_ms } else { now_ms + between_ms },
                };
                self.hush(now_ms, None);
            }
        }
    }

    fn meaning(&self, now_ms: u64, key: char) -> Press {
        let Some(Waiting::Ask(asking)) = &self.waiting else {
            return Press::Keep;
        };
        let is_prompting = asking.phase == Phase::Prompting;
        let must_be_heard = is_prompting && !self.playback.is_interruptible();
        match &asking.asked.answers {
            Answers::Choices(matcher) => match matcher.key(key) {
                // the caller cannot confirm what they have not heard yet
                Some(choice)
                    if is_prompting
                        && matcher.confirms(choice)
                        && !self.counts(now_ms, asking, now_ms) =>
                {
                    Press::Keep
                }
                Some(_) if must_be_heard => Press::Keep,
                Some(choice) => Press::Choose(choice.to_owned()),
                None if is_prompting => Press::Keep,
                None => Press::NoMatch,
            },
            Answers::Keys { .. } | Answers::Value(_) if must_be_heard => Press::Keep,
            Answers::Keys { .. } | Answers::Value(_) => Press::Collect,
            Answers::Open => Press::Note,
        }
    }

    /// A key stops prompts and drops the utterance in progress.
    fn hush(&mut self, now_ms: u64, answer: Option<ghanti_model::Answer>) {
        let _ = self.flush(now_ms);
        self.caller_audio.close();
        self.outputs.push_back(Output::Forget);
        if let Some(mut answer) = answer {
            if let Some(Waiting::Ask(asking)) = &mut self.waiting {
                answer.playouts.extend(asking.take_playouts());
            }
            self.answered(answer);
        }
    }

    /// The keys are complete, or no further key was pressed in time.
    pub(super) fn keyed(&mut self, now_ms: u64) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        let terminator = match &asking.asked.answers {
            Answers::Keys { terminator, .. } => *terminator,
            Answers::Value(value) => Some(value.end_key),
            Answers::Choices(_) | Answers::Open => return,
        };
        let mut keys = std::mem::take(&mut asking.keys);
        if let Some(terminator) = terminator
            && !keys.ends_with(terminator)
        {
            self.keys.late_end_key = Some((terminator, now_ms + LATE_END_KEY_MS));
        } else if terminator.is_some() {
            keys.pop();
        }
        let reply = match &asking.asked.answers {
            Answers::Keys { min, .. } if keys.chars().count() >= *min => {
                Some(Reply::Keys(Masked::new(keys.clone())))
            }
            Answers::Value(value) => value.keyed(&keys),
            _ => None,
        };
        self.events.push_back(Event::Keyed {
            question: asking.asked.name.clone(),
            keys: Masked::new(keys),
            at_ms: now_ms,
        });
        match reply {
            Some(reply) => {
                self.latency.keyed(&asking.asked.name, now_ms);
                let answer = asking.keyed(reply);
                self.answered(answer);
            }
            None => self.not_understood(now_ms, None, 1.0),
        }
    }
}
