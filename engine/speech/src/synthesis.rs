//! Speech out: from words to samples, in pieces as they are made.

use std::sync::Arc;

use async_trait::async_trait;
use ghanti_model::{Language, Masked};
use tokio::sync::mpsc;

/// Words to be spoken, complete: templates are rendered, amounts are words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Utterance {
    /// What to say.
    pub text: Masked,
    /// In which language.
    pub language: Language,
    /// A provider's own name of a voice; the language's default when absent.
    pub voice: Option<String>,
}

/// A piece of speech: PCM16 mono at the rate that was asked for. One copy serves every call that
/// plays it.
pub type Samples = Arc<[i16]>;

/// How many pieces may wait between a synthesiser and whoever plays them; when full, the
/// synthesiser waits.
pub const PIECES: usize = 16;

/// Why words could not be spoken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SynthesisError {
    /// The provider has no voice for the language.
    #[error("no voice speaks `{0}`: configure a provider that does")]
    NoVoice(Language),
    /// The provider is not installed or not reachable.
    #[error("speech synthesis is not available: {0}")]
    Unavailable(String),
    /// The provider took longer than it may.
    #[error("speech synthesis took over {0} ms")]
    TooSlow(u64),
}

/// Makes speech.
#[async_trait]
pub trait Synthesizer: Send + Sync {
    /// The provider's name, part of the prompt cache's key.
    fn name(&self) -> &str;

    /// Speaks an utterance at `rate_hz` (8,000, 16,000 or 24,000). Pieces come as they are made;
    /// the channel closes after the last one or after an error. Dropping the receiver stops the
    /// work.
    async fn synthesize(
        &self,
        utterance: &Utterance,
        rate_hz: u32,
    ) -> Result<mpsc::Receiver<Result<Samples, SynthesisError>>, SynthesisError>;
}
