//! Azure AI Speech, over REST with a key of the resource and its region.
//!
//! - `POST https://REGION.tts.speech.microsoft.com/cognitiveservices/v1`: SSML in, audio out
//!   (learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech), as raw PCM of 16 bits
//!   at the call's rate. SSML names a voice, so that `voices` has to name one for each language.
//! - `POST https://REGION.stt.speech.microsoft.com/speech/recognition/conversation/cognitiveservices/v1`
//!   (…/rest-speech-to-text-short): a WAV of up to a minute in, JSON out. No words before the end, and
//!   no phrases.

use async_trait::async_trait;
use ghanti_model::Language;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;

use super::connections::{json, send};
use super::form::wav;
use super::recognizer::{Heard, Transcriber, Words};
use super::synthesizer::{Speaker, Speech, Text};
use super::{ProviderSettings, Remote, in_query};
use crate::fault::Fault;

const KEY: &str = "ocp-apim-subscription-key";

/// Where the service is: of the region, unless `url` says.
fn base(settings: &ProviderSettings, service: &str) -> String {
    let region = settings.region.as_deref().unwrap_or_default();
    settings.base(&format!("https://{region}.{service}.speech.microsoft.com"))
}

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
        ""
    }

    async fn speak(&self, text: &Text<'_>, speech: &mut Speech) -> Result<(), Fault> {
        let url = format!("{}/cognitiveservices/v1", base(&self.0.settings, "tts"));
        let ssml = format!(
            "<speak version=\"1.0\" xmlns=\"http://www.w3.org/2001/10/synthesis\" xml:lang=\"{}\"><voice name=\"{}\">{}</voice></speak>",
            escaped(text.language.as_str()),
            escaped(text.voice),
            escaped(text.words)
        );
        let format = format!("raw-{}khz-16bit-mono-pcm", text.rate_hz / 1_000);
        let request = self
            .0
            .connections
            .post(&url)
            .header(KEY, self.0.settings.key())
            .header(CONTENT_TYPE, "application/ssml+xml")
            .header("x-microsoft-outputformat", format)
            .body(ssml);
        let response = send(request).await?;
        speech.is_pcm(text.rate_hz)?;
        speech.pour(response).await
    }
}

/// A text within XML, without what XML 1.0 cannot hold.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ if character.is_control() => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Listens.
pub(super) struct Listener(pub(super) Remote);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Recognised {
    recognition_status: String,
    #[serde(default, rename = "NBest")]
    best: Vec<Best>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Best {
    confidence: Option<f32>,
    /// The words as they were said, without marks and numbers.
    lexical: String,
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
        let query = in_query(&[
            ("language", heard.language.as_str()),
            ("format", "detailed"),
        ]);
        let url = format!(
            "{}/speech/recognition/conversation/cognitiveservices/v1?{query}",
            base(&self.0.settings, "stt")
        );
        let request = self
            .0
            .connections
            .post(&url)
            .header(KEY, self.0.settings.key())
            .header(
                CONTENT_TYPE,
                "audio/wav; codecs=audio/pcm; samplerate=16000",
            )
            .header("accept", "application/json")
            .body(wav(&samples));
        let answer: Recognised = json(request).await?;
        match answer.recognition_status.as_str() {
            "Success" => {
                let best = answer.best.into_iter().next();
                let best = best.ok_or_else(|| Fault::Nonsense("no words".to_owned()))?;
                Ok(Words {
                    text: best.lexical,
                    confidence: best.confidence,
                    ..Words::default()
                })
            }
            "NoMatch" | "InitialSilenceTimeout" | "BabbleTimeout" => Ok(Words::default()),
            _ => Err(Fault::Reported),
        }
    }
}
