//! Deepgram.
//!
//! - `POST /v1/speak`: JSON in, audio out while it is made
//!   (developers.deepgram.com/reference/text-to-speech/speak-request); `linear16` without a container
//!   at the call's rate (…/docs/tts-media-output-settings). A voice is a model.
//! - `GET /v1/listen`, a WebSocket (…/reference/speech-to-text/listen-streaming): PCM as binary
//!   messages; `Results` with `is_final` or not; `CloseStream` has the rest of the audio processed,
//!   after which `Metadata` comes and the connection ends (…/docs/close-stream). Phrases of a closed
//!   question are given as `keyterm` in English (…/docs/keyterm), which is a hint.

use async_trait::async_trait;
use ghanti_model::Language;
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::connections::{read, send};
use super::dialogue::{Protocol, Said, converse};
use super::recognizer::{Heard, Transcriber, Words, pcm};
use super::synthesizer::{Speaker, Speech, Text};
use super::{ProviderSettings, Remote, in_query, web_socket};
use crate::fault::Fault;
use crate::recognition::RATE_HZ;

const USUAL_URL: &str = "https://api.deepgram.com";
const USUAL_ENGLISH: &str = "aura-2-thalia-en";
const USUAL_LISTENING: &str = "nova-3";
/// The most phrases that are given as hints.
const KEYTERMS: usize = 20;

fn authorization(settings: &ProviderSettings) -> String {
    format!("Token {}", settings.key())
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
        let usual = (language.primary() == "en").then_some(USUAL_ENGLISH);
        let voice = self.0.settings.voice(language).or(usual)?;
        Some(voice.to_owned())
    }

    fn model(&self) -> &str {
        ""
    }

    async fn speak(&self, text: &Text<'_>, speech: &mut Speech) -> Result<(), Fault> {
        let query = in_query(&[
            ("model", text.voice),
            ("encoding", "linear16"),
            ("container", "none"),
            ("sample_rate", &text.rate_hz.to_string()),
        ]);
        let url = format!("{}/v1/speak?{query}", self.0.settings.base(USUAL_URL));
        let request = self
            .0
            .connections
            .post(&url)
            .header("authorization", authorization(&self.0.settings))
            .json(&json!({ "text": text.words }));
        let response = send(request).await?;
        speech.is_pcm(text.rate_hz)?;
        speech.pour(response).await
    }
}

/// Listens.
pub(super) struct Listener(pub(super) Remote);

impl Listener {
    fn url(&self, heard: &Heard) -> String {
        let model = self.0.settings.recognition_model.as_deref();
        let is_english = heard.language.primary() == "en";
        let language = if is_english {
            heard.language.as_str()
        } else {
            heard.language.primary()
        };
        let rate_hz = RATE_HZ.to_string();
        let mut parameters = vec![
            ("model", model.unwrap_or(USUAL_LISTENING)),
            ("language", language),
            ("encoding", "linear16"),
            ("sample_rate", &rate_hz),
            ("channels", "1"),
            ("interim_results", "true"),
        ];
        if is_english {
            let phrases = heard.expectation.phrases.iter().take(KEYTERMS);
            parameters.extend(phrases.map(|phrase| ("keyterm", phrase.as_str())));
        }
        let base = web_socket(&self.0.settings.base(USUAL_URL));
        format!("{base}/v1/listen?{}", in_query(&parameters))
    }
}

#[async_trait]
impl Transcriber for Listener {
    fn name(&self) -> &str {
        &self.0.settings.name
    }

    fn understands(&self, language: &Language) -> bool {
        self.0.settings.has(language, &["en", "hi"])
    }

    async fn transcribe(&self, heard: &mut Heard) -> Result<Words, Fault> {
        let headers = [("authorization", authorization(&self.0.settings))];
        let socket = self
            .0
            .connections
            .socket(&self.url(heard), &headers)
            .await?;
        converse(socket, Utterance::default(), heard).await
    }
}

#[derive(Default)]
struct Utterance {
    words: Vec<String>,
    /// The lowest of the parts' that have words.
    confidence: Option<f32>,
}

#[derive(Deserialize)]
struct Reported {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    is_final: bool,
    channel: Option<Channel>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Channel {
    Heard {
        alternatives: Vec<Alternative>,
    },
    /// In other messages than `Results`, the channel is a list of numbers.
    Other(#[expect(dead_code, reason = "is not looked at")] serde_json::Value),
}

#[derive(Deserialize)]
struct Alternative {
    transcript: String,
    #[serde(default)]
    confidence: f32,
}

impl Utterance {
    fn whole(&self) -> Words {
        Words {
            text: self.words.join(" "),
            confidence: self.confidence,
            ..Words::default()
        }
    }
}

impl Protocol for Utterance {
    fn audio(&mut self, samples: &[i16]) -> Message {
        Message::binary(pcm(samples))
    }

    fn end(&self) -> Vec<Message> {
        vec![Message::text(json!({ "type": "CloseStream" }).to_string())]
    }

    fn read(&mut self, text: &str, is_over: bool) -> Result<Said, Fault> {
        let message: Reported = read(text.as_bytes())?;
        match (message.kind.as_str(), message.channel) {
            ("Results", Some(Channel::Heard { alternatives })) => {
                let Some(best) = alternatives.into_iter().next() else {
                    return Ok(Said::Nothing);
                };
                if !message.is_final {
                    let so_far = self.words.iter().map(String::as_str);
                    let so_far = so_far.chain([best.transcript.as_str()]);
                    return Ok(Said::SoFar(so_far.collect::<Vec<_>>().join(" ")));
                }
                if !best.transcript.is_empty() {
                    let least = self.confidence.unwrap_or(1.0).min(best.confidence);
                    self.confidence = Some(least);
                    self.words.push(best.transcript);
                }
                Ok(Said::Nothing)
            }
            ("Metadata", _) if is_over => Ok(Said::Done(self.whole())),
            ("Error", _) => Err(Fault::Reported),
            _ => Ok(Said::Nothing),
        }
    }
}
