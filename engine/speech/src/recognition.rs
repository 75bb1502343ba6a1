//! Speech recognition: from samples to words, while they are spoken.

use std::sync::Arc;
use std::time::Duration;

use ghanti_model::{Language, Masked};
use tokio::sync::mpsc;

use crate::fault::{FailureCount, Fault, Loss};

/// Every recogniser takes PCM16 mono at this rate.
pub const RATE_HZ: u32 = 16_000;

/// What to listen for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The languages the caller may answer in, most likely first.
    pub languages: Vec<Language>,
    /// The phrases of a closed question in all those languages, lower case; empty means free
    /// speech. Speech outside these and `decoys` is only reported with [`Recognized::unknown`] set.
    pub phrases: Arc<[String]>,
    /// Other phrases and words the caller may say, lower case. A recogniser restricted to `phrases`
    /// also knows these, so that it does not report the most similar phrase in their place.
    /// Recognised decoys appear in [`Recognized::text`].
    pub decoys: Arc<[String]>,
}

/// Words as recognised.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognized {
    /// The words, lower case, in the recogniser's spelling; empty if nothing was said.
    pub text: Masked,
    /// Confidence, 0 to 1.
    pub confidence: f32,
    /// The recogniser's language.
    pub language: Language,
    /// Whether something other than the expected phrases was said.
    pub unknown: bool,
}

/// A result of a recognition in progress.
#[derive(Debug, Clone, PartialEq)]
pub enum Hearing {
    /// The words so far; they may still change.
    Partial(Recognized),
    /// The words of one utterance, after [`Recognition::finish`]: exactly one per `finish`.
    Final(Recognized),
    /// A provider was lost in the middle, and another one goes on with all that was fed.
    Lost(Loss),
    /// The recogniser failed; this is the last hearing.
    Failed(RecognitionError),
}

/// Why recognition is not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecognitionError {
    /// No model for any of the languages.
    #[error("no recogniser for `{0}`: add a model folder for it, or take answers by keys")]
    NoModel(Language),
    /// The provider is not installed or not reachable.
    #[error("speech recognition is not available: {0}")]
    Unavailable(String),
    /// The recogniser is so far behind that audio had to be dropped.
    #[error("speech recognition is overloaded")]
    Overloaded,
    /// A provider over the network failed.
    #[error("`{name}` {fault}")]
    Provider {
        /// Its name.
        name: String,
        /// What went wrong.
        fault: Fault,
    },
}

impl RecognitionError {
    /// The kind of fault: one of [`FAULTS`](crate::fault::FAULTS).
    pub fn fault(&self) -> &'static str {
        match self {
            Self::Provider { fault, .. } => fault.name(),
            Self::NoModel(_) | Self::Unavailable(_) | Self::Overloaded => "unavailable",
        }
    }
}

/// A recognition in progress, one per question and attempt. Cheap to hold: it uses CPU only while
/// it is fed.
pub trait Recognition: Send {
    /// Passes on any number of 16 kHz samples. Never blocks: the work happens elsewhere.
    /// `Overloaded` means that these samples were dropped.
    fn feed(&mut self, samples: &[i16]) -> Result<(), RecognitionError>;

    /// Ends the utterance: one [`Hearing::Final`] follows. Feeding again starts the next utterance.
    fn finish(&mut self);

    /// Discards what was fed since the last `finish`, without a hearing.
    fn reset(&mut self);
}

/// Capacity of the hearings channel. When it is full, partial hearings are dropped and final ones
/// wait.
pub const HEARINGS: usize = 32;

/// Starts recognitions.
pub trait Recognizer: Send + Sync {
    /// The provider's name.
    fn name(&self) -> &str;

    /// Whether it supports a language.
    fn understands(&self, language: &Language) -> bool;

    /// Whether for these languages it knows only the phrases of an [`Expectation`], so that listening
    /// without them may give other words.
    fn hears_phrases_only(&self, _languages: &[Language]) -> bool {
        false
    }

    /// Whether for these languages it understands more where the noise of a noisy line is suppressed
    /// first.
    fn is_helped_by_suppression(&self, _languages: &[Language]) -> bool {
        false
    }

    /// How much audio of all recognitions was fed and has not been recognised yet. What was heard in
    /// the rest has been sent. Above zero for long, it cannot keep up.
    fn backlog(&self) -> Duration;

    /// How often each of its providers failed, by kind of fault.
    fn failures(&self) -> Vec<FailureCount> {
        Vec::new()
    }

    /// Starts a recognition. Returns immediately; loading and compiling happen elsewhere.
    fn listen(
        &self,
        expectation: Expectation,
        hearings: mpsc::Sender<Hearing>,
    ) -> Result<Box<dyn Recognition>, RecognitionError>;
}
