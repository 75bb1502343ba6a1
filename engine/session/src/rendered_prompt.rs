//! A prompt as the machine sees it: rendered text, or the samples of an audio file.

use ghanti_model::{Language, Masked, PromptId};
use ghanti_speech::{Samples, Utterance};

/// Where the samples of a prompt come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Text for the synthesiser.
    Words {
        /// The text, with language and voice.
        utterance: Utterance,
        /// Whether it contains data of the customer, which keeps it out of the shared prompt cache.
        personal: bool,
    },
    /// An audio file of the flow, resampled to the call's rate.
    File {
        /// Its name.
        name: String,
        /// Its samples.
        samples: Samples,
        /// The prompt's language or, if it has none, the call's when it was queued.
        language: Language,
    },
}

/// A prompt, ready to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedPrompt {
    /// The template's name; empty if it has none.
    pub template: String,
    /// Whether the caller may interrupt it.
    pub interruptible: bool,
    /// Where its samples come from.
    pub source: Source,
}

impl RenderedPrompt {
    /// The text for the transcript.
    pub fn text(&self) -> Masked {
        match &self.source {
            Source::Words { utterance, .. } => utterance.text.clone(),
            Source::File { name, .. } => Masked::new(format!("[audio {name}]")),
        }
    }

    /// Its language.
    pub fn language(&self) -> &Language {
        match &self.source {
            Source::Words { utterance, .. } => &utterance.language,
            Source::File { language, .. } => language,
        }
    }
}

/// A request for the samples of a queued prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The prompt's id.
    pub prompt: PromptId,
    /// The prompt.
    pub spoken: RenderedPrompt,
}
