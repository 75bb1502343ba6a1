//! A prompt as the machine sees it: rendered words, or samples of a file.

use ghanti_model::{Language, Masked, PromptId};
use ghanti_speech::{Samples, Utterance};

/// Where a prompt's samples come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Words for the synthesiser. Personal ones hold something of the customer and are kept out of
    /// the shared prompt cache.
    Words {
        /// The words, with language and voice.
        utterance: Utterance,
        /// Whether they hold something of the customer.
        personal: bool,
    },
    /// An audio file of the flow, at the call's rate.
    File {
        /// Its name.
        name: String,
        /// Its samples.
        samples: Samples,
        /// The language it was queued for.
        language: Language,
    },
}

/// A prompt, ready to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedPrompt {
    /// The template's name, or nothing.
    pub template: String,
    /// Whether the caller may interrupt it.
    pub interruptible: bool,
    /// Where its samples come from.
    pub source: Source,
}

impl RenderedPrompt {
    /// What a transcript shows.
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

/// A prompt with its number, for whoever fetches its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Which prompt.
    pub prompt: PromptId,
    /// What it says.
    pub spoken: RenderedPrompt,
}
