//! OpenAI's HTTP interface to speech, which many servers of one's own have too: speaches, vLLM,
//! LocalAI, Kokoro-FastAPI, whisper.cpp and others.
//!
//! - `POST /v1/audio/speech`: JSON in, audio out while it is made. PCM is asked for, which is 16 bits,
//!   little-endian, mono at 24 kHz (platform.openai.com/docs/guides/text-to-speech, "Supported output
//!   formats"); a server that answers with `audio/wav` is understood too.
//! - `POST /v1/audio/transcriptions`: a form with a file in, JSON with `text` out
//!   (platform.openai.com/docs/api-reference/audio/createTranscription). There are no words before the
//!   end, and no confidence. A closed question's phrases are given as `prompt`, which is a hint.

use async_trait::async_trait;
use ghanti_model::Language;
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;

use super::connections::{json, send};
use super::form::upload;
use super::recognizer::{Heard, Transcriber, Words};
use super::synthesizer::{Speaker, Speech, Text};
use super::{ProviderSettings, Remote};
use crate::fault::Fault;

/// The rate of `response_format: pcm`.
const PCM_HZ: u32 = 24_000;
const USUAL_URL: &str = "https://api.openai.com";
const USUAL_VOICE: &str = "alloy";
const USUAL_SPEECH: &str = "gpt-4o-mini-tts";
const USUAL_LISTENING: &str = "gpt-4o-mini-transcribe";
/// The longest hint of phrases, in bytes: Whisper takes 224 tokens.
const PROMPT_BYTES: usize = 400;

fn authorized(request: RequestBuilder, settings: &ProviderSettings) -> RequestBuilder {
    match &settings.key {
        Some(key) => request.bearer_auth(key.expose()),
        None => request,
    }
}

/// Speaks.
pub(super) struct Voice(pub(super) Remote);

#[async_trait]
impl Speaker for Voice {
    fn name(&self) -> &str {
        &self.0.settings.name
    }

    fn voice(&self, language: &Language) -> Option<String> {
        if !self.0.settings.has(language, &[]) {
            return None;
        }
        let voice = self.0.settings.voice(language).unwrap_or(USUAL_VOICE);
        Some(voice.to_owned())
    }

    fn model(&self) -> &str {
        let model = self.0.settings.synthesis_model.as_deref();
        model.unwrap_or(USUAL_SPEECH)
    }

    async fn speak(&self, text: &Text<'_>, speech: &mut Speech) -> Result<(), Fault> {
        let url = format!("{}/v1/audio/speech", self.0.settings.base(USUAL_URL));
        let request = self.0.connections.post(&url).json(&json!({
            "model": self.model(),
            "input": text.words,
            "voice": text.voice,
            "response_format": "pcm",
        }));
        let response = send(authorized(request, &self.0.settings)).await?;
        let kind = response.headers().get(CONTENT_TYPE);
        if kind.is_some_and(|kind| kind.as_bytes().ends_with(b"wav")) {
            speech.is_wav();
        } else {
            speech.is_pcm(PCM_HZ)?;
        }
        speech.pour(response).await
    }
}

/// Listens.
pub(super) struct Listener(pub(super) Remote);

#[derive(Deserialize)]
struct Transcription {
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
        let url = format!(
            "{}/v1/audio/transcriptions",
            self.0.settings.base(USUAL_URL)
        );
        let model = self.0.settings.recognition_model.as_deref();
        let prompt = hint(&heard.expectation.phrases);
        let mut fields = vec![
            ("model", model.unwrap_or(USUAL_LISTENING)),
            ("language", heard.language.primary()),
            ("response_format", "json"),
        ];
        if !prompt.is_empty() {
            fields.push(("prompt", &prompt));
        }
        let request = upload(self.0.connections.post(&url), &fields, &samples);
        let answer: Transcription = json(authorized(request, &self.0.settings)).await?;
        Ok(Words {
            text: answer.text,
            ..Words::default()
        })
    }
}

/// As many of the phrases as a hint may have.
fn hint(phrases: &[String]) -> String {
    let mut hint = String::new();
    for phrase in phrases {
        if hint.len() + phrase.len() + 2 > PROMPT_BYTES {
            break;
        }
        if !hint.is_empty() {
            hint.push_str(", ");
        }
        hint.push_str(phrase);
    }
    hint
}
