//! A question in progress: its attempts, and VoiceXML's two counters (no-input and no-match).

use std::collections::VecDeque;
use std::sync::Arc;

use ghanti_language::ChoiceMatcher;
use ghanti_language::builtin::{Grammar, Reading};
use ghanti_model::{Answer, Extent, Language, Masked, Playout, Reply};
use ghanti_speech::{Expectation, Recognized};
use time::PrimitiveDateTime;

use crate::rendered_prompt::RenderedPrompt;

/// How answers to a question are interpreted.
pub enum Answers {
    /// One of the choices, by voice or key.
    Choices(Arc<ChoiceMatcher>),
    /// Any speech.
    Open,
    /// A value, by voice or keys.
    Value(Box<ValueAnswers>),
    /// Keys only.
    Keys {
        /// Fewer keys are a no-match.
        min: usize,
        /// The answer is complete at this many keys.
        max: usize,
        /// A key that ends the answer early.
        terminator: Option<char>,
        /// How long to wait for each further key, in milliseconds.
        between_ms: u64,
    },
}

impl Answers {
    /// Whether it can be answered by keys.
    pub fn has_keys(&self) -> bool {
        match self {
            Answers::Choices(matcher) => matcher.has_keys(),
            Answers::Value(_) | Answers::Keys { .. } => true,
            Answers::Open => false,
        }
    }
}

/// How a value is said and keyed.
pub struct ValueAnswers {
    /// The grammar.
    pub grammar: Grammar,
    /// The languages in which it may be said, most likely first.
    pub languages: Vec<Language>,
    /// The caller's local time when they were asked.
    pub now: PrimitiveDateTime,
    /// Ends a keyed value.
    pub end_key: char,
    /// How long to wait for each further key, in milliseconds.
    pub between_ms: u64,
}

impl ValueAnswers {
    /// What the words say, and in which language.
    pub fn read(&self, words: &str) -> (Reading, Option<Language>) {
        let mut best = (Reading::Nothing, None);
        for language in &self.languages {
            let reading = self.grammar.read(words, language, self.now);
            match &reading {
                Reading::Value(_) => return (reading, Some(language.clone())),
                Reading::Nothing => {}
                Reading::Partial(_) | Reading::Ambiguous(_) if best.0 == Reading::Nothing => {
                    best = (reading, Some(language.clone()));
                }
                Reading::Partial(_) | Reading::Ambiguous(_) => {}
            }
        }
        best
    }

    /// What the keys say, without the end key.
    pub fn keyed(&self, keys: &str) -> Option<Reply> {
        reply(self.grammar.keyed(keys, self.now).at_end()?)
    }

    /// Whether no further key can belong to these.
    pub fn is_complete(&self, keys: &str) -> bool {
        match self.grammar {
            Grammar::Digits { max, .. } => keys.len() >= max,
            Grammar::Date { .. } => keys.len() >= 8,
            Grammar::Time { .. } => keys.len() >= 4,
            _ => false,
        }
    }
}

/// A value as an answer.
pub fn reply(value: ghanti_language::builtin::Value) -> Option<Reply> {
    value.argument().map(Reply::Value)
}

/// A question with its prompts rendered.
pub struct Asked {
    /// The question's name.
    pub name: String,
    /// How answers are interpreted.
    pub answers: Answers,
    /// What the recogniser should expect.
    pub expectation: Expectation,
    /// The prompt that asks the question.
    pub prompt: RenderedPrompt,
    /// Choices recognised with less confidence (0 to 1) are a no-match.
    pub min_confidence: f32,
    /// What is said as soon as a yes is understood, while the caller may still take it back.
    pub acknowledge: Option<RenderedPrompt>,
    /// Whether words that are not understood end it, so that something else can understand them.
    pub hands_over: bool,
    /// How long the caller may stay silent, in milliseconds.
    pub no_input_ms: u64,
    /// Prompts for the first, second, … no-input.
    pub no_input: VecDeque<RenderedPrompt>,
    /// Prompts for the first, second, … no-match.
    pub no_match: VecDeque<RenderedPrompt>,
}

/// The phase of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Its prompts are playing.
    Prompting,
    /// The caller may speak; silence until `deadline_ms` is a no-input.
    Listening {
        /// When silence becomes a no-input.
        deadline_ms: u64,
    },
    /// Keys are being pressed; the next one is awaited until `deadline_ms`.
    Keying {
        /// When the keys so far are taken as the answer.
        deadline_ms: u64,
    },
}

/// An utterance of the caller that is being spoken or recognised.
#[derive(Debug, Clone, PartialEq)]
pub struct Utterance {
    /// When the caller began to speak.
    pub began_ms: u64,
    /// Whether it may be an answer: the caller had heard the question when they began.
    pub counts: bool,
    /// Whether it has stopped prompts that cannot be paused.
    pub barged_in: bool,
    /// Whether a paused prompt went on although the caller spoke on.
    pub is_talk: bool,
    /// Whether a prompt that it had paused has gone on.
    pub went_on: bool,
    /// The choice matched by the partial result, and since when.
    pub candidate: Option<(String, u64)>,
    /// Whether the words so far are exactly that choice.
    pub is_complete: bool,
    /// Whether a yes has been acknowledged to the caller.
    pub is_acknowledged: bool,
    /// Whether that choice may stop any prompt, even before the question was heard.
    pub stops: bool,
    /// What the recogniser was fed of it, at 16 kHz, for a second hearing.
    pub fed: Vec<i16>,
    /// Its second hearing.
    pub second: SecondHearing,
    /// Whether the recogniser was not given all of it, so that its words may be wrong.
    pub is_cut: bool,
    /// Its stage.
    pub stage: Stage,
}

/// The second hearing of an utterance, without the question's phrases: a recogniser that knows only
/// these may have put the most similar one in place of what was said.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum SecondHearing {
    /// None so far.
    #[default]
    Possible,
    /// In progress; this was heard first.
    Running(Recognized),
    /// It has had one.
    Over,
}

/// The stage of an utterance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The caller is speaking.
    Speaking,
    /// They have stopped; the recogniser has until `deadline_ms` for its final result.
    Understanding {
        /// When they stopped speaking.
        ended_ms: u64,
        /// When the recogniser's time is up.
        deadline_ms: u64,
        /// Whether the caller has been asked to wait for the recogniser.
        is_late: bool,
    },
}

impl Utterance {
    /// The caller begins to speak.
    pub fn new(began_ms: u64, counts: bool) -> Self {
        Self {
            began_ms,
            counts,
            barged_in: false,
            is_talk: false,
            went_on: false,
            candidate: None,
            is_complete: false,
            is_acknowledged: false,
            stops: false,
            fed: Vec::new(),
            second: SecondHearing::default(),
            is_cut: false,
            stage: Stage::Speaking,
        }
    }
}

/// A question in progress.
pub struct Asking {
    /// The question.
    pub asked: Asked,
    /// Its phase.
    pub phase: Phase,
    /// What the caller is saying, or has just said.
    pub utterance: Option<Utterance>,
    /// Whether the caller has heard the question.
    pub is_heard: bool,
    /// Whether the caller spoke in this attempt without it counting as an answer.
    pub was_talked_over: bool,
    /// Prompts stopped by the caller's speech; they are played again if it turns out to be no
    /// answer.
    pub stopped: Vec<RenderedPrompt>,
    /// The keys pressed so far.
    pub keys: String,
    /// Noises and speech in this attempt that were no answer while no prompt was playing.
    pub noises: u32,
    /// How often the recogniser failed or was too late.
    pub overloads: u32,
    /// Whether it is answered by keys alone, as the recogniser has failed too often.
    pub by_keys: bool,
    /// Attempts so far, including the current one.
    attempts: u32,
    /// Playouts of the prompts so far.
    playouts: Vec<Playout>,
    /// The last words recognised.
    transcript: Option<Masked>,
}

/// What follows a failed attempt.
pub enum Next {
    /// Another attempt, with this prompt.
    Again(RenderedPrompt),
    /// The question is over, with this answer.
    Over(Answer),
}

impl Asking {
    /// A question whose prompt has just been queued. `is_heard` says whether the caller has heard
    /// this question before in the call.
    pub fn new(asked: Asked, is_heard: bool) -> Self {
        Self {
            asked,
            phase: Phase::Prompting,
            utterance: None,
            is_heard,
            was_talked_over: false,
            stopped: Vec::new(),
            keys: String::new(),
            noises: 0,
            overloads: 0,
            by_keys: false,
            attempts: 1,
            playouts: Vec::new(),
            transcript: None,
        }
    }

    /// Whether the last prompt was heard to its end, or is assumed to have been.
    pub fn was_delivered(&self) -> bool {
        self.playouts
            .last()
            .is_some_and(|playout| matches!(playout.heard, Extent::Whole | Extent::Assumed))
    }

    /// Adds playouts.
    pub fn heard(&mut self, playouts: impl IntoIterator<Item = Playout>) {
        self.playouts.extend(playouts);
    }

    /// Takes the playouts so far.
    pub fn take_playouts(&mut self) -> Vec<Playout> {
        std::mem::take(&mut self.playouts)
    }

    /// The caller was silent.
    pub fn no_input(&mut self) -> Next {
        match self.asked.no_input.pop_front() {
            Some(prompt) => self.again(prompt),
            None => Next::Over(self.answer(Reply::NoInput, 0.0, None)),
        }
    }

    /// The recogniser heard none of what the caller said, and there are no keys to answer by.
    pub fn unheard(&mut self) -> Next {
        Next::Over(self.answer(Reply::NoInput, 0.0, None))
    }

    /// The caller said or pressed something that is no answer.
    pub fn no_match(&mut self, transcript: Option<Masked>, confidence: f32) -> Next {
        let has_words = transcript.as_ref().is_some_and(|words| !words.is_empty());
        self.transcript = transcript.or_else(|| self.transcript.take());
        match self.asked.no_match.pop_front() {
            Some(prompt) if !(self.asked.hands_over && has_words) => self.again(prompt),
            _ => Next::Over(self.answer(Reply::NoMatch, confidence, None)),
        }
    }

    /// The caller answered by voice.
    pub fn spoken(
        &mut self,
        reply: Reply,
        transcript: Masked,
        confidence: f32,
        language: Language,
    ) -> Answer {
        self.transcript = Some(transcript);
        self.answer(reply, confidence, Some(language))
    }

    /// The caller answered by key.
    pub fn keyed(&mut self, reply: Reply) -> Answer {
        self.transcript = None;
        self.answer(reply, 1.0, None)
    }

    fn again(&mut self, prompt: RenderedPrompt) -> Next {
        self.attempts += 1;
        self.phase = Phase::Prompting;
        self.utterance = None;
        self.was_talked_over = false;
        self.keys.clear();
        self.noises = 0;
        Next::Again(prompt)
    }

    fn answer(&mut self, reply: Reply, confidence: f32, language: Option<Language>) -> Answer {
        Answer {
            understood_by: None,
            reply,
            confidence,
            language,
            changed_to: None,
            transcript: self.transcript.take(),
            attempts: self.attempts,
            playouts: self.take_playouts(),
        }
    }
}
