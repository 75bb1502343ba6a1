//! Google Cloud, over REST with an API key.
//!
//! - `POST /v1/text:synthesize` (cloud.google.com/text-to-speech/docs/reference/rest/v1/text/synthesize):
//!   `LINEAR16`, which comes whole, as a WAV in base64 within JSON.
//! - `POST /v1/speech:recognize` (cloud.google.com/speech-to-text/docs/reference/rest/v1/speech/recognize):
//!   audio of up to a minute within JSON. Phrases of a closed question are given as `speechContexts`,
//!   which is a hint. Streaming is gRPC alone there, so that there are no words before the end.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ghanti_model::Language;
use serde::Deserialize;
use serde_json::json;

use super::connections::{json, read, send, whole};
use super::recognizer::{Heard, Transcriber, Words};
use super::synthesizer::{Speaker, Speech, Text};
use super::{Remote, with};
use crate::fault::Fault;
use crate::recognition::RATE_HZ;

const USUAL_SPEECH_URL: &str = "https://texttospeech.googleapis.com";
const USUAL_LISTENING_URL: &str = "https://speech.googleapis.com";
/// API keys in a header: cloud.google.com/docs/authentication/api-keys-use.
const KEY: &str = "x-goog-api-key";
/// The longest answer with audio: five minutes at 24 kHz in base64.
const AUDIO_BYTES: usize = 20 << 20;
/// The most phrases of one request (cloud.google.com/speech-to-text/quotas).
const PHRASES: usize = 500;

/// Speaks.
pub(super) struct Voice(pub(super) Remote);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Synthesized {
    audio_content: String,
}

#[async_trait]
impl Speaker for Voice {
    fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// Empty for the voice that Google takes for the language.
    fn voice(&self, language: &Language) -> Option<String> {
        let voice = self.0.settings.voice(language).unwrap_or_default();
        let has = self.0.settings.has(language, &[]);
        has.then(|| voice.to_owned())
    }

    fn model(&self) -> &str {
        ""
    }

    async fn speak(&self, text: &Text<'_>, speech: &mut Speech) -> Result<(), Fault> {
        let url = format!(
            "{}/v1/text:synthesize",
            self.0.settings.base(USUAL_SPEECH_URL)
        );
        let voice = json!({ "languageCode": text.language.as_str() });
        let named = (!text.voice.is_empty()).then(|| json!(text.voice));
        let voice = with(voice, "name", named);
        let request = self
            .0
            .connections
            .post(&url)
            .header(KEY, self.0.settings.key())
            .json(&json!({
                "input": { "text": text.words },
                "voice": voice,
                "audioConfig": { "audioEncoding": "LINEAR16", "sampleRateHertz": text.rate_hz },
            }));
        let body = whole(send(request).await?, AUDIO_BYTES).await?;
        let answer: Synthesized = read(&body)?;
        let wav = STANDARD
            .decode(answer.audio_content)
            .map_err(|_| Fault::Nonsense("no base64".to_owned()))?;
        speech.is_wav();
        speech.push(&wav).await
    }
}

/// Listens.
pub(super) struct Listener(pub(super) Remote);

#[derive(Deserialize)]
struct Recognised {
    /// Absent where nothing was said.
    #[serde(default)]
    results: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    alternatives: Vec<Alternative>,
}

#[derive(Deserialize)]
struct Alternative {
    #[serde(default)]
    transcript: String,
    confidence: Option<f32>,
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
            "{}/v1/speech:recognize",
            self.0.settings.base(USUAL_LISTENING_URL)
        );
        let config = json!({
            "encoding": "LINEAR16",
            "sampleRateHertz": RATE_HZ,
            "languageCode": heard.language.as_str(),
        });
        let phrases: Vec<_> = heard.expectation.phrases.iter().take(PHRASES).collect();
        let contexts = (!phrases.is_empty()).then(|| json!([{ "phrases": phrases }]));
        let model = self.0.settings.recognition_model.as_ref();
        let config = with(config, "speechContexts", contexts);
        let config = with(config, "model", model.map(|model| json!(model)));
        let request = self
            .0
            .connections
            .post(&url)
            .header(KEY, self.0.settings.key())
            .json(&json!({ "config": config, "audio": { "content": STANDARD.encode(&samples) } }));
        let answer: Recognised = json(request).await?;
        let parts = answer.results.into_iter();
        let best: Vec<_> = parts
            .filter_map(|part| part.alternatives.into_iter().next())
            .collect();
        let rated = best.iter().filter_map(|part| part.confidence);
        let texts: Vec<_> = best.iter().map(|part| part.transcript.trim()).collect();
        Ok(Words {
            text: texts.join(" "),
            // 0 stands for one that was not set
            confidence: rated.filter(|rate| *rate > 0.0).reduce(f32::min),
            ..Words::default()
        })
    }
}
