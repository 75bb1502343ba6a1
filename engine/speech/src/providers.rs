//! Providers of speech over the network, a module for each.
//!
//! Each speaks its own protocol to one of two private traits: a `Speaker` turns a sentence into bytes
//! of audio, a `Transcriber` the audio of one utterance into words. [`Remote`] opens them as a
//! [`Synthesizer`] and a [`Recognizer`]. Time-outs, retries and who takes over are not theirs: see
//! [`failover`](crate::failover).
//!
//! Nothing that is said, heard or sent is logged, and an error never repeats what came.

mod azure;
mod connections;
mod deepgram;
mod dialogue;
mod elevenlabs;
mod form;
mod google;
mod openai;
mod recognizer;
mod sarvam;
mod synthesizer;
mod vosk_server;
mod words;
mod wyoming;

use std::collections::BTreeMap;
use std::sync::Arc;

use ghanti_model::{Language, Masked};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::connections::Connections;
use self::recognizer::RemoteRecognizer;
use self::synthesizer::RemoteSynthesizer;
use crate::recognition::Recognizer;
use crate::synthesis::Synthesizer;

/// The characters that are percent-encoded in URLs.
const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The kinds of providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Sarvam AI.
    Sarvam,
    /// Deepgram.
    Deepgram,
    /// Google Cloud Text-to-Speech and Speech-to-Text.
    Google,
    /// Azure AI Speech.
    Azure,
    /// ElevenLabs.
    #[serde(rename = "elevenlabs")]
    ElevenLabs,
    /// Whatever has OpenAI's `/v1/audio` over HTTP.
    #[serde(rename = "openai")]
    OpenAi,
    /// Wyoming: piper, whisper, vosk and others.
    Wyoming,
    /// vosk-server's WebSocket.
    VoskServer,
}

/// All kinds.
pub const KINDS: [Kind; 8] = [
    Kind::Sarvam,
    Kind::Deepgram,
    Kind::Google,
    Kind::Azure,
    Kind::ElevenLabs,
    Kind::OpenAi,
    Kind::Wyoming,
    Kind::VoskServer,
];

impl Kind {
    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sarvam => "sarvam",
            Self::Deepgram => "deepgram",
            Self::Google => "google",
            Self::Azure => "azure",
            Self::ElevenLabs => "elevenlabs",
            Self::OpenAi => "openai",
            Self::Wyoming => "wyoming",
            Self::VoskServer => "vosk-server",
        }
    }

    /// The kind of a name.
    pub fn named(name: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it cannot be asked without a key.
    pub fn needs_key(self) -> bool {
        !matches!(self, Self::OpenAi | Self::Wyoming | Self::VoskServer)
    }

    /// Whether there is no address to ask by default.
    pub fn needs_url(self) -> bool {
        matches!(self, Self::OpenAi | Self::Wyoming | Self::VoskServer)
    }

    /// Whether it speaks.
    pub fn speaks(self) -> bool {
        self != Self::VoskServer
    }

    /// The schemes that its `url` may have.
    pub fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Wyoming => &["tcp"],
            Self::VoskServer => &["ws", "wss"],
            _ => &["http", "https"],
        }
    }
}

/// A provider's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// The name in the configuration.
    pub name: String,
    /// Its protocol.
    pub kind: Kind,
    /// Where it is, without the paths of its protocol; the kind's own address by default.
    pub url: Option<String>,
    /// What it is asked with.
    pub key: Option<Masked>,
    /// The region of the account, for those that have regions.
    pub region: Option<String>,
    /// Voices by language, by the provider's names.
    pub voices: BTreeMap<Language, String>,
    /// The languages it is used for; empty for those that it is known to have.
    pub languages: Vec<Language>,
    /// The model that speaks, if it is not the usual one.
    pub synthesis_model: Option<String>,
    /// The model that listens, likewise.
    pub recognition_model: Option<String>,
}

impl ProviderSettings {
    /// The voice for a language: of its region, else of another one.
    fn voice(&self, language: &Language) -> Option<&str> {
        let related = || {
            let mut voices = self.voices.iter();
            voices.find(|(other, _)| other.primary() == language.primary())
        };
        let voice = self.voices.get_key_value(language).or_else(related);
        voice.map(|(_, voice)| voice.as_str())
    }

    /// Whether it is used for a language: one of the setting, or of those that are known.
    fn has(&self, language: &Language, known: &[&str]) -> bool {
        if self.languages.is_empty() {
            known.is_empty() || known.contains(&language.primary())
        } else {
            self.languages
                .iter()
                .any(|other| other.primary() == language.primary())
        }
    }

    /// Where it is, without a slash at the end.
    fn base(&self, usual: &str) -> String {
        let url = self.url.as_deref().unwrap_or(usual);
        url.trim_end_matches('/').to_owned()
    }

    fn key(&self) -> &str {
        self.key.as_ref().map_or("", Masked::expose)
    }
}

/// A provider. Nothing is connected to before it is needed.
#[derive(Clone)]
pub struct Remote {
    settings: Arc<ProviderSettings>,
    connections: Arc<Connections>,
}

impl Remote {
    /// A provider that shares these connections.
    pub fn new(settings: ProviderSettings, connections: Arc<Connections>) -> Self {
        Self {
            settings: Arc::new(settings),
            connections,
        }
    }

    /// It as a synthesizer; `None` if it does not speak.
    pub fn synthesizer(&self) -> Option<Arc<dyn Synthesizer>> {
        let remote = self.clone();
        Some(match self.settings.kind {
            Kind::Sarvam => RemoteSynthesizer::of(sarvam::Voice(remote)),
            Kind::Deepgram => RemoteSynthesizer::of(deepgram::Voice(remote)),
            Kind::Google => RemoteSynthesizer::of(google::Voice(remote)),
            Kind::Azure => RemoteSynthesizer::of(azure::Voice(remote)),
            Kind::ElevenLabs => RemoteSynthesizer::of(elevenlabs::Voice(remote)),
            Kind::OpenAi => RemoteSynthesizer::of(openai::Voice(remote)),
            Kind::Wyoming => RemoteSynthesizer::of(wyoming::Voice(remote)),
            Kind::VoskServer => return None,
        })
    }

    /// It as a recogniser.
    pub fn recognizer(&self) -> Arc<dyn Recognizer> {
        let remote = self.clone();
        match self.settings.kind {
            Kind::Sarvam => RemoteRecognizer::of(sarvam::Listener(remote)),
            Kind::Deepgram => RemoteRecognizer::of(deepgram::Listener(remote)),
            Kind::Google => RemoteRecognizer::of(google::Listener(remote)),
            Kind::Azure => RemoteRecognizer::of(azure::Listener(remote)),
            Kind::ElevenLabs => RemoteRecognizer::of(elevenlabs::Listener(remote)),
            Kind::OpenAi => RemoteRecognizer::of(openai::Listener(remote)),
            Kind::Wyoming => RemoteRecognizer::of(wyoming::Listener(remote)),
            Kind::VoskServer => RemoteRecognizer::of(vosk_server::Listener(remote)),
        }
    }
}

/// The same address for a WebSocket.
fn web_socket(base: &str) -> String {
    match base.split_once("://") {
        Some(("http", rest)) => format!("ws://{rest}"),
        Some((_, rest)) => format!("wss://{rest}"),
        None => format!("wss://{base}"),
    }
}

/// The object with another member, where that has a value.
fn with(mut object: Value, name: &str, value: Option<Value>) -> Value {
    if let (Value::Object(members), Some(value)) = (&mut object, value) {
        members.insert(name.to_owned(), value);
    }
    object
}

/// Parameters as a URL's query.
fn in_query(parameters: &[(&str, &str)]) -> String {
    let parameters = parameters.iter();
    let pairs: Vec<_> = parameters
        .map(|(name, value)| format!("{name}={}", in_path(value)))
        .collect();
    pairs.join("&")
}

/// A text within a URL: everything except letters, digits, `-`, `.`, `_` and `~` is percent-encoded
/// (RFC 3986, 2.3).
fn in_path(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}
