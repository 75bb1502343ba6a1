//! From a flow's prompt to what is played: rendered words, or the samples of an audio file.

use ghanti_host::FlowVersion;
use ghanti_model::{CallError, Content, Language, Masked, Prompt};
use ghanti_speech::Utterance;
use time::Date;

use crate::files::AudioFiles;
use crate::known_ahead::is_personal;
use crate::rendered_prompt::{RenderedPrompt, Source};

/// What the wording of a call's prompts depends on, besides the prompts.
pub(crate) struct Wording<'a> {
    /// The version that says them.
    pub(crate) version: &'a FlowVersion,
    /// Decoded audio files of flows.
    pub(crate) files: &'a AudioFiles,
    /// The call's sample rate in Hz.
    pub(crate) rate_hz: u32,
    /// The call's language, of prompts without one of their own.
    pub(crate) language: &'a Language,
    /// The day of the call.
    pub(crate) today: Date,
}

impl Wording<'_> {
    /// A prompt as it is played.
    ///
    /// # Errors
    /// The template cannot be rendered, or the audio file cannot be played.
    pub(crate) fn of(&self, prompt: Prompt) -> Result<RenderedPrompt, CallError> {
        let template = prompt.template().to_owned();
        let interruptible = prompt.interruptible.unwrap_or(true);
        let language = prompt.language.unwrap_or_else(|| self.language.clone());
        let voice = prompt.voice;
        let words = |text, personal, language| Source::Words {
            utterance: Utterance {
                text,
                language,
                voice,
            },
            personal,
        };
        let source = match prompt.content {
            Content::Text(text) => words(text, true, language),
            Content::Template(template) => {
                let prompts = &self.version.prompts;
                let text = prompts
                    .render(&template, &language, self.today)
                    .map_err(|error| CallError::Invalid(error.to_string()))?;
                let personal = is_personal(&template, &self.version.manifest().settings);
                words(Masked::new(text), personal, language)
            }
            Content::Audio(name) => {
                let samples = self
                    .files
                    .samples(self.version, &name, self.rate_hz)
                    .map_err(|error| CallError::Invalid(error.to_string()))?;
                Source::File {
                    name,
                    samples,
                    language,
                }
            }
        };
        Ok(RenderedPrompt {
            template,
            interruptible,
            source,
        })
    }
}
