//! A question in progress: attempts, and VoiceXML's two counters.

use std::collections::VecDeque;

use samvaad_model::{Answer, Language, Masked, Playout, Reply};
use samvaad_speech::Expectation;
use samvaad_speech::words::ChoiceMatcher;

use crate::spoken::Spoken;

/// How a question's answers are understood.
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
    pub prompt: Spoken,
    /// How long the caller may stay silent.
    pub no_input_ms: u64,
    /// Said after the first, second, … silence.
    pub no_input: VecDeque<Spoken>,
    /// Said after the first, second, … answer not understood.
    pub no_match: VecDeque<Spoken>,
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
    /// The caller speaks.
    Speaking {
        /// When he began.
        began_ms: u64,
        /// Whether he interrupted a prompt.
        barged_in: bool,
    },
    /// He has finished; the recogniser has until `deadline_ms` to say what he said.
    Understanding {
        /// When he began.
        began_ms: u64,
        /// When he ended.
        ended_ms: u64,
        /// When the recogniser's time is up.
        deadline_ms: u64,
        /// Whether he interrupted a prompt.
        barged_in: bool,
        /// The no-input deadline to go back to where it was only a noise.
        resume_ms: u64,
    },
    /// Keys are coming in; the next one is awaited until `deadline_ms`.
    Keying {
        /// When the answer is taken as it is.
        deadline_ms: u64,
    },
}

/// A question being asked.
pub struct Asking {
    /// What is asked.
    pub asked: Asked,
    /// Where it is.
    pub phase: Phase,
    /// The keys so far.
    pub keys: String,
    /// Noises in this attempt that were no words.
    pub noises: u32,
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
    Again(Spoken),
    /// That was the last attempt.
    Over(Answer),
}

impl Asking {
    /// A question whose prompt has just been queued.
    pub fn new(asked: Asked) -> Self {
        Self { asked, phase: Phase::Prompting, keys: String::new(), noises: 0, attempts: 1, playouts: Vec::new(), transcript: None }
    }

    /// Adds what became of prompts.
    pub fn heard(&mut self, playouts: impl IntoIterator<Item = Playout>) {
        self.playouts.extend(playouts);
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
    pub fn spoken(&mut self, reply: Reply, transcript: Masked, confidence: f32, language: Language) -> Answer {
        self.transcript = Some(transcript);
        self.answer(reply, confidence, Some(language))
    }

    /// The caller answered by keys.
    pub fn keyed(&mut self, reply: Reply) -> Answer {
        self.transcript = None;
        self.answer(reply, 1.0, None)
    }

    fn again(&mut self, prompt: Spoken) -> Next {
        self.attempts += 1;
        self.phase = Phase::Prompting;
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
            playouts: std::mem::take(&mut self.playouts),
        }
    }
}
