//! Speech synthesis: from words to samples, in pieces as they are produced.

use std::sync::Arc;

use async_trait::async_trait;
use ghanti_model::{Language, Masked};
use tokio::sync::mpsc;

use crate::fault::Fault;

/// Text to speak in its final form: templates rendered, amounts as words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Utterance {
    /// The text.
    pub text: Masked,
    /// Its language.
    pub language: Language,
    /// The provider's name of a voice; absent for the language's default.
    pub voice: Option<String>,
}

/// A piece of speech: PCM16 mono at the requested rate. Calls that play it share one copy.
pub type Samples = Arc<[i16]>;

/// Capacity of the channel between synthesizer and player. When it is full, the synthesizer waits.
pub const PIECES: usize = 16;

/// Why text could not be spoken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SynthesisError {
    /// The provider has no voice for the language.
    #[error("no voice speaks `{0}`: configure a provider that does")]
    NoVoice(Language),
    /// The provider is not installed or not reachable.
    #[error("speech synthesis is not available: {0}")]
    Unavailable(String),
    /// The provider exceeded its time limit.
    #[error("speech synthesis took over {0} ms")]
    TooSlow(u64),
    /// Other texts were spoken all the time.
    #[error(
        "speech synthesis had no turn for this text within {0} s: its call asks for more than can be spoken, or too many do"
    )]
    NoTurn(u64),
    /// A provider over the network failed.
    #[error("`{name}` {fault}")]
    Provider {
        /// Its name.
        name: String,
        /// What went wrong.
        fault: Fault,
    },
}

impl SynthesisError {
    /// The kind of fault: one of [`FAULTS`](crate::fault::FAULTS).
    pub fn fault(&self) -> &'static str {
        match self {
            Self::Provider { fault, .. } => fault.name(),
            Self::TooSlow(_) | Self::NoTurn(_) => "slow",
            Self::NoVoice(_) | Self::Unavailable(_) => "unavailable",
        }
    }

    /// Whether the same text may be spoken if it is asked for again at once.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Provider { fault, .. } if fault.may_pass())
    }
}

/// Synthesizes speech.
#[async_trait]
pub trait Synthesizer: Send + Sync {
    /// The provider's name.
    fn name(&self) -> &str;

    /// Whether it has a voice for a language.
    fn speaks(&self, _language: &Language) -> bool {
        true
    }

    /// What its speech of an utterance depends on besides text, language and rate, such as the voice
    /// and the model: part of the prompt cache's key too.
    fn voice(&self, utterance: &Utterance) -> String {
        utterance.voice.clone().unwrap_or_default()
    }

    /// Speaks an utterance at `rate_hz` (8,000, 16,000 or 24,000). Pieces are sent as they are
    /// produced; the channel closes after the last one or after an error. Dropping the receiver
    /// stops the work.
    async fn synthesize(
        &self,
        utterance: &Utterance,
        rate_hz: u32,
    ) -> Result<mpsc::Receiver<Result<Samples, SynthesisError>>, SynthesisError>;
}
