//! A question in progress: attempts, and VoiceXML's two counters.

use std::collections::VecDeque;

use ghanti_model::{Answer, Extent, Language, Masked, Playout, Reply};
use ghanti_speech::Expectation;
use ghanti_speech::words::ChoiceMatcher;

use crate::rendered_prompt::RenderedPrompt;

/// How a question's answers are understood.
#[expect(
    clippy::large_enum_variant,
    reason = "a call has one question open at a time"
)]
pub enum Answers {
    /// One of the choices, spoken or keyed.
    Choices(ChoiceMatcher),
    /// Any words.
    Open,
    /// Keys alone.
    Keys {
        /// Fewer are a no-match.
        min: usize,
        /// With the last one the answer is complete.
        max: usize,
        /// Ends the answer early.
        terminator: Option<char>,
        /// How long to wait for each next key.
        between_ms: u64,
    },
}

/// A question with its prompts rendered.
pub struct Asked {
    /// Its name.
    pub name: String,
    /// How answers are understood.
    pub answers: Answers,
    /// What the recogniser is to expect.
    pub expectation: Expectation,
    /// What is asked.
    pub prompt: RenderedPrompt,
    /// Less sure words are not understood, 0 to 1.
    pub min_confidence: f32,
    /// How long the caller may stay silent.
    pub no_input_ms: u64,
    /// Said after the first, second, … silence.
    pub no_input: VecDeque<RenderedPrompt>,
    /// Said after the first, second, … answer not understood.
    pub no_match: VecDeque<RenderedPrompt>,
}

/// Where a question is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Prompts are being heard.
    Prompting,
    /// The caller may speak; silence is counted until `deadline_ms`.
    Listening {
        /// When silence becomes a no-input.
        deadline_ms: u64,
    },
    /// Keys are coming in; the next one is awaited until `deadline_ms`.
    Keying {
        /// When the answer is taken as it is.
        deadline_ms: u64,
    },
}

/// Something that the caller says, while it is said or being understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utterance {
    /// When they began.
    pub began_ms: u64,
    /// Whether it may be an answer: the question had been heard when they began.
    pub counts: bool,
    /// Whether it interrupted a prompt.
    pub barged_in: bool,
    /// The choice that the words so far make, and since when.
    pub candidate: Option<(String, u64)>,
    /// Whether that choice may stop what is being said.
    pub stops: bool,
    /// Where it is.
    pub stage: Stage,
}

/// Where an utterance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The caller speaks.
    Speaking,
    /// They have finished; the recogniser has until `deadline_ms` to report what they said.
    Understanding {
        /// When they ended.
        ended_ms: u64,
        /// When the recogniser's time is up.
        deadline_ms: u64,
        /// Whether the caller has been asked to wait for it.
        is_late: bool,
    },
}

impl Utterance {
    /// Somebody begins to speak.
    pub fn new(began_ms: u64, counts: bool) -> Self {
        Self {
            began_ms,
            counts,
            barged_in: false,
            candidate: None,
            stops: false,
            stage: Stage::Speaking,
        }
    }
}

/// A question being asked.
pub struct Asking {
    /// What is asked.
    pub asked: Asked,
    /// Where it is.
    pub phase: Phase,
    /// What the caller is saying.
    pub utterance: Option<Utterance>,
    /// Whether the caller has heard the question.
    pub is_heard: bool,
    /// Whether they spoke while it was put, and got no answer to that.
    pub was_talked_over: bool,
    /// Prompts that the caller's words stopped; they are said again if those words were no answer.
    pub stopped: Vec<RenderedPrompt>,
    /// The keys so far.
    pub keys: String,
    /// Noises in this attempt that were no words.
    pub noises: u32,
    /// How often the recogniser was too late.
    pub overloads: u32,
    /// How often it was put.
    attempts: u32,
    /// What became of the prompts so far.
    playouts: Vec<Playout>,
    /// The last words heard.
    transcript: Option<Masked>,
}

/// What follows an unsuccessful attempt.
pub enum Next {
    /// Ask again with this prompt.
    Again(RenderedPrompt),
    /// That was the last attempt.
    Over(Answer),
}

impl Asking {
    /// A question whose prompt has just been queued. `is_heard` says whether the caller has heard
    /// it earlier in the call.
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
            attempts: 1,
            playouts: Vec::new(),
            transcript: None,
        }
    }

    /// Whether the question's last prompt reached the caller, as far as is known.
    pub fn was_delivered(&self) -> bool {
        self.playouts
            .last()
            .is_some_and(|playout| matches!(playout.heard, Extent::Whole | Extent::Assumed))
    }

    /// Adds what became of prompts.
    pub fn heard(&mut self, playouts: impl IntoIterator<Item = Playout>) {
        self.playouts.extend(playouts);
    }

    /// Takes what became of the prompts so far.
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

    /// The caller said or keyed something that is no answer.
    pub fn no_match(&mut self, transcript: Option<Masked>, confidence: f32) -> Next {
        self.transcript = transcript.or_else(|| self.transcript.take());
        match self.asked.no_match.pop_front() {
            Some(prompt) => self.again(prompt),
            None => Next::Over(self.answer(Reply::NoMatch, confidence, None)),
        }
    }

    /// The caller answered in words.
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

    /// The caller answered by keys.
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
            reply,
            confidence,
            language,
            transcript: self.transcript.take(),
            attempts: self.attempts,
            playouts: self.take_playouts(),
        }
    }
}
