//! Speech in: from samples to words, while they are spoken.

use ghanti_model::{Language, Masked};
use tokio::sync::mpsc;

/// Every recogniser takes PCM16 mono at this rate.
pub const RATE_HZ: u32 = 16_000;

/// What to listen for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The languages the caller may answer in, likeliest first.
    pub languages: Vec<Language>,
    /// The phrases of a closed question, lower case, of all those languages; empty means free
    /// speech. A recogniser may answer outside them only with [`Recognized::unknown`].
    pub phrases: Vec<String>,
    /// Other phrases and words that the caller may say, lower case: a recogniser that is bound to
    /// `phrases` knows them besides, so that it does not hear the phrase that sounds most like
    /// them. What it recognises of them stands in [`Recognized::text`].
    pub decoys: Vec<String>,
}

/// Words as recognised.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognized {
    /// The words, lower case, in the recogniser's spelling; empty when nothing was said.
    pub text: Masked,
    /// 0 to 1.
    pub confidence: f32,
    /// The language the recogniser took it for.
    pub language: Language,
    /// Something was said that is none of the expected phrases.
    pub unknown: bool,
}

/// What a recognition tells while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Hearing {
    /// The words so far; they may still change.
    Partial(Recognized),
    /// The words of one utterance, after [`Recognition::finish`]: exactly one for each `finish`.
    Final(Recognized),
    /// The recogniser failed; nothing further comes.
    Failed(RecognitionError),
}

/// Why nothing can be recognised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecognitionError {
    /// No model for any of the languages.
    #[error("no recogniser for `{0}`: add a model folder for it, or take answers by keys")]
    NoModel(Language),
    /// The provider is not installed or not reachable.
    #[error("speech recognition is not available: {0}")]
    Unavailable(String),
    /// The recogniser lags so far behind that audio had to be dropped.
    #[error("speech recognition is overloaded")]
    Overloaded,
}

/// A recognition in progress: one per question and attempt. Cheap to hold: it costs CPU only while
/// it is fed.
pub trait Recognition: Send {
    /// Hands over 16 kHz samples of any number. Never waits: work happens elsewhere. `Overloaded`
    /// tells that these samples were dropped.
    fn feed(&mut self, samples: &[i16]) -> Result<(), RecognitionError>;

    /// The utterance is over: one [`Hearing::Final`] follows. Feeding again begins the next
    /// utterance.
    fn finish(&mut self);

    /// Forgets what was fed since the last `finish`; nothing is reported for it.
    fn reset(&mut self);
}

/// How many hearings may wait; when full, partial ones are dropped, final ones wait.
pub const HEARINGS: usize = 32;

/// Makes recognitions.
pub trait Recognizer: Send + Sync {
    /// The provider's name.
    fn name(&self) -> &str;

    /// Whether it understands a language.
    fn understands(&self, language: &Language) -> bool;

    /// Prepares to listen: returns at once, loading and compiling happen elsewhere.
    fn listen(
        &self,
        expectation: Expectation,
        hearings: mpsc::Sender<Hearing>,
    ) -> Result<Box<dyn Recognition>, RecognitionError>;
}
