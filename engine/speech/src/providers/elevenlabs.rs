//! ElevenLabs.
//!
//! - `POST /v1/text-to-speech/VOICE/stream`: JSON in, audio out while it is made
//!   (elevenlabs.io/docs/api-reference/text-to-speech/stream), as `pcm_16000` or `pcm_24000`. Voices
//!   are ids of the account, so that `voices` has to name one for each language.
//! - `POST /v1/speech-to-text`: a form with a file in, JSON with `text` out
//!   (elevenlabs.io/docs/api-reference/speech-to-text/convert). No words before the end; the
//!   probability of the language is no confidence in words.

use async_trait::async_trait;
use ghanti_model::Language;
use serde::Deserialize;
use serde_json::json;

use super::connections::{json, send};
use super::form::upload;
use super::recognizer::{Heard, Transcriber, Words};
use super::synthesizer::{Speaker, Speech, Text};
use super::{Remote, in_path};
use crate::fault::Fault;

const USUAL_URL: &str = "https://api.elevenlabs.io";
const USUAL_SPEECH: &str = "eleven_flash_v2_5";
const USUAL_LISTENING: &str = "scribe_v1";
const KEY: &str = "xi-api-key";

/// Speaks.
pub(super) struct Voice(pub(super) Remote);

#[async_trait]
impl Speaker for Voice {
    fn name(&self) -> &str {
        &self.0.settings.name
    }

    fn voice(&self, language: &Language) -> Option<String> {
        let voice = self.0.settings.voice(language);
        voice
            .filter(|_| self.0.settings.has(language, &[]))
            .map(str::to_owned)
    }

    fn model(&self) -> &str {
        let model = self.0.settings.synthesis_model.as_deref();
        model.unwrap_or(USUAL_SPEECH)
    }

    async fn speak(&self, text: &Text<'_>, speech: &mut Speech) -> Result<(), Fault> {
        let rate_hz = if text.rate_hz > 16_000 {
            24_000
        } else {
            16_000
        };
        let url = format!(
            "{}/v1/text-to-speech/{}/stream?output_format=pcm_{rate_hz}",
            self.0.settings.base(USUAL_URL),
            in_path(text.voice)
        );
        let request = self
            .0
            .connections
            .post(&url)
            .header(KEY, self.0.settings.key())
            .json(&json!({ "text": text.words, "model_id": self.model() }));
        let response = send(request).await?;
        speech.is_pcm(rate_hz)?;
        speech.pour(response).await
    }
}

/// Listens.
pub(super) struct Listener(pub(super) Remote);

#[derive(Deserialize)]
struct Transcript {
    text: String,
}

#[async_trait]
impl Transcriber for Listener {
    fn name(&self) -> &str {
        &self.0.settings.name
    }

    fn understands(&self, language: &Language) -> bool {
        self.0.settings.has(language, &[])
    }

    async fn transcribe(&self, heard: &mut Heard) -> Result<Words, Fault> {
        let samples = heard.all().await;
        if samples.is_empty() {
            return Ok(Words::default());
        }
        let url = format!("{}/v1/speech-to-text", self.0.settings.base(USUAL_URL));
        let request = self
            .0
            .connections
            .post(&url)
            .header(KEY, self.0.settings.key());
        let model = self.0.settings.recognition_model.as_deref();
        let fields = [
            ("model_id", model.unwrap_or(USUAL_LISTENING)),
            ("language_code", heard.language.primary()),
            ("tag_audio_events", "false"),
        ];
        let answer: Transcript = json(upload(request, &fields, &samples)).await?;
        Ok(Words {
            text: answer.text,
            ..Words::default()
        })
    }
}
