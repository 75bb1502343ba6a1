//! Sarvam AI: voices and recognition of Indian languages.
//!
//! - `POST /text-to-speech/stream`: JSON in, audio out while it is made
//!   (docs.sarvam.ai/api-reference-docs/text-to-speech/convert-stream). `linear16` is asked for at the
//!   call's rate, which is raw PCM by the list of codecs ("How to set the audio format").
//! - `GET /speech-to-text-realtime/ws`, a WebSocket
//!   (docs.sarvam.ai/api-reference/speech-to-text/transcribe/realtime/ws, beta when it was written):
//!   `audio_input` events with PCM in base64 between `speech_start` and `speech_end`, as the engine
//!   itself knows when the caller has ended (`endpointing=manual`); `transcript.partial` and
//!   `transcript.final` come back, and `error` with `is_fatal`.
//!
//! Languages are identified with the words: where a caller may answer in several, `language_code` is
//! `auto`, and each transcript has its language. A recogniser of free speech: phrases are not used,
//! and there is no confidence. Odia is `od-IN` to the voices and `or-IN` to the recogniser.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ghanti_model::Language;
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::connections::{read, send};
use super::dialogue::{Protocol, Said, converse};
use super::recognizer::{Heard, Transcriber, Words, pcm};
use super::synthesizer::{Speaker, Speech, Text};
use super::{Remote, in_query, web_socket};
use crate::fault::Fault;
use crate::recognition::RATE_HZ;

const USUAL_URL: &str = "https://api.sarvam.ai";
const USUAL_SPEECH: &str = "bulbul:v3";
const USUAL_LISTENING: &str = "saaras:v3-realtime";
/// The usual voice of `bulbul:v3`.
const USUAL_VOICE: &str = "shubh";
const KEY: &str = "api-subscription-key";
/// The languages of `bulbul`; the recogniser has them too, and more that `languages` may name.
const LANGUAGES: [&str; 11] = [
    "en", "hi", "ta", "te", "mr", "kn", "ml", "bn", "gu", "pa", "or",
];

/// Speaks.
pub(super) struct Voice(pub(super) Remote);

#[async_trait]
impl Speaker for Voice {
    fn name(&self) -> &str {
        &self.0.settings.name
    }

    fn voice(&self, language: &Language) -> Option<String> {
        if !self.0.settings.has(language, &LANGUAGES) {
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
        let url = format!("{}/text-to-speech/stream", self.0.settings.base(USUAL_URL));
        let language = match text.language.primary() {
            "or" => "od-IN".to_owned(),
            primary => format!("{primary}-IN"),
        };
        let request = self
            .0
            .connections
            .post(&url)
            .header(KEY, self.0.settings.key());
        let request = request.json(&json!({
            "text": text.words,
            "target_language_code": language,
            "speaker": text.voice,
            "model": self.model(),
            "speech_sample_rate": text.rate_hz,
            "output_audio_codec": "linear16",
        }));
        let response = send(request).await?;
        speech.is_pcm(text.rate_hz)?;
        speech.pour(response).await
    }
}

/// Listens.
pub(super) struct Listener(pub(super) Remote);

impl Listener {
    fn url(&self, heard: &Heard) -> String {
        let language = match &heard.expectation.languages[..] {
            [_] => format!("{}-IN", heard.language.primary()),
            _ => "auto".to_owned(),
        };
        let model = self.0.settings.recognition_model.as_deref();
        let query = in_query(&[
            ("model", model.unwrap_or(USUAL_LISTENING)),
            ("language_code", &language),
            ("mode", "transcribe"),
            ("stream_type", "fast"),
            ("endpointing", "manual"),
            ("encoding", "linear16"),
            ("sample_rate", &RATE_HZ.to_string()),
        ]);
        let base = web_socket(&self.0.settings.base(USUAL_URL));
        format!("{base}/speech-to-text-realtime/ws?{query}")
    }
}

#[async_trait]
impl Transcriber for Listener {
    fn name(&self) -> &str {
        &self.0.settings.name
    }

    fn understands(&self, language: &Language) -> bool {
        self.0.settings.has(language, &LANGUAGES)
    }

    async fn transcribe(&self, heard: &mut Heard) -> Result<Words, Fault> {
        let headers = [(KEY, self.0.settings.key().to_owned())];
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
    language: Option<Language>,
}

#[derive(Deserialize)]
struct Event {
    event: String,
    text: Option<String>,
    language: Option<String>,
    #[serde(default)]
    is_fatal: bool,
}

impl Utterance {
    fn whole(&mut self) -> Words {
        Words {
            text: self.words.join(" "),
            language: self.language.take(),
            ..Words::default()
        }
    }
}

impl Protocol for Utterance {
    fn begin(&self) -> Vec<Message> {
        vec![Message::text(
            json!({ "event": "speech_start" }).to_string(),
        )]
    }

    fn audio(&mut self, samples: &[i16]) -> Message {
        let audio = STANDARD.encode(pcm(samples));
        Message::text(json!({ "event": "audio_input", "audio": audio }).to_string())
    }

    fn end(&self) -> Vec<Message> {
        ["speech_end", "end"]
            .map(|event| Message::text(json!({ "event": event }).to_string()))
            .into()
    }

    fn read(&mut self, text: &str, is_over: bool) -> Result<Said, Fault> {
        let event: Event = read(text.as_bytes())?;
        match event.event.as_str() {
            "transcript.partial" => {
                let so_far = self.words.iter().map(String::as_str);
                let so_far = so_far.chain(event.text.as_deref());
                Ok(Said::SoFar(so_far.collect::<Vec<_>>().join(" ")))
            }
            "transcript.final" => {
                self.words.extend(event.text);
                let language = event.language.as_deref().map(Language::parse);
                self.language = language.and_then(Result::ok).or(self.language.take());
                Ok(if is_over {
                    Said::Done(self.whole())
                } else {
                    Said::Nothing
                })
            }
            "session.end" if is_over => Ok(Said::Done(self.whole())),
            "error" if event.is_fatal => Err(Fault::Reported),
            _ => Ok(Said::Nothing),
        }
    }
}
