//! Stand-ins for providers of speech: servers that speak their wire, look at what they are sent,
//! and fail as they are set up.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod http;
pub mod sockets;
pub mod wyoming;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::HeaderMap;
use ghanti_model::Language;
use ghanti_speech::providers::{Kind, ProviderSettings};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The key that stand-ins take.
pub const KEY: &str = "k3y-of-the-stand-in";
/// What stand-ins hear, as providers write it.
pub const HEARD: &str = "Yes, please.";
/// How long a stand-in's speech of a text lasts.
pub const SPEECH_MS: u32 = 500;
/// What a test's utterance consists of.
pub const SAMPLE: i16 = 100;

/// How a stand-in fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It does not.
    Good,
    /// It takes a request, and gives nothing.
    Silent,
    /// It begins, and then gives nothing more.
    Stalls,
    /// It begins, and then closes the connection.
    Drops,
    /// It answers with this status.
    Status(u16),
    /// It answers with something else.
    Nonsense,
}

/// A stand-in. Dropping it ends it.
pub struct StandIn {
    pub kind: Kind,
    pub url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What its connections share.
pub struct Shared {
    mode: Mutex<Mode>,
    /// How many requests came.
    asked: AtomicUsize,
    /// How many bytes of audio came in whole utterances.
    heard_bytes: AtomicUsize,
    /// Whether something else was heard than [`SAMPLE`] (of WebSockets alone).
    is_band_filled: AtomicBool,
    /// How long a text is thought about before its first audio (of `OpenAi` alone).
    late: Mutex<Duration>,
    /// The texts that were to be spoken (of `OpenAi` alone).
    texts: Mutex<Vec<String>>,
    /// What was wrong with a request.
    wrong: Mutex<Vec<String>>,
}

impl Shared {
    pub fn mode(&self) -> Mode {
        self.asked.fetch_add(1, Ordering::SeqCst);
        *self.mode.lock().unwrap()
    }

    /// A text is to be spoken: the time until its first audio.
    pub fn text(&self, text: &str) -> Duration {
        self.texts.lock().unwrap().push(text.to_owned());
        *self.late.lock().unwrap()
    }

    /// A whole utterance of so many bytes of PCM was heard.
    pub fn heard(&self, bytes: usize) {
        self.heard_bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    /// These samples are a piece of an utterance.
    pub fn piece(&self, pcm: &[u8]) {
        let differs = pcm.chunks(2).any(|sample| sample != SAMPLE.to_le_bytes());
        self.is_band_filled.fetch_or(differs, Ordering::SeqCst);
    }

    /// Notes what a request should be and is not.
    pub fn expect(&self, is_right: bool, what: &str) {
        if !is_right {
            self.wrong.lock().unwrap().push(what.to_owned());
        }
    }

    pub fn expect_header(&self, headers: &HeaderMap, name: &str, value: &str) {
        let given = headers.get(name).and_then(|value| value.to_str().ok());
        self.expect(given == Some(value), &format!("{name}: {given:?}"));
    }
}

impl StandIn {
    pub async fn start(kind: Kind, mode: Mode) -> Self {
        let shared = Arc::new(Shared {
            mode: Mutex::new(mode),
            asked: AtomicUsize::new(0),
            heard_bytes: AtomicUsize::new(0),
            is_band_filled: AtomicBool::new(false),
            late: Mutex::default(),
            texts: Mutex::default(),
            wrong: Mutex::default(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (scheme, server) = match kind {
            Kind::Wyoming => (
                "tcp",
                tokio::spawn(wyoming::serve(listener, Arc::clone(&shared))),
            ),
            _ => {
                let router = http::router(Arc::clone(&shared));
                let serving = async move { axum::serve(listener, router).await.unwrap() };
                let scheme = if kind == Kind::VoskServer {
                    "ws"
                } else {
                    "http"
                };
                (scheme, tokio::spawn(serving))
            }
        };
        Self {
            kind,
            url: format!("{scheme}://{address}"),
            shared,
            server,
        }
    }

    /// The settings of a provider that asks it.
    pub fn settings(&self) -> ProviderSettings {
        ProviderSettings {
            name: self.kind.name().to_owned(),
            kind: self.kind,
            url: Some(self.url.clone()),
            key: Some(KEY.into()),
            region: None,
            voices: BTreeMap::from([(Language::english(), "a voice".to_owned())]),
            languages: Vec::new(),
            synthesis_model: None,
            recognition_model: None,
        }
    }

    pub fn is_now(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
    }

    /// From now on the first audio of a text takes so long.
    pub fn is_late_by(&self, late: Duration) {
        *self.shared.late.lock().unwrap() = late;
    }

    /// The texts that were to be spoken, in the order in which they came.
    pub fn texts(&self) -> Vec<String> {
        self.shared.texts.lock().unwrap().clone()
    }

    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// Whether more was heard than the call's own audio.
    pub fn is_band_filled(&self) -> bool {
        self.shared.is_band_filled.load(Ordering::SeqCst)
    }

    pub fn heard_bytes(&self) -> usize {
        self.shared.heard_bytes.load(Ordering::SeqCst)
    }

    /// What was wrong with the requests.
    pub fn wrong(&self) -> Vec<String> {
        self.shared.wrong.lock().unwrap().clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A tone of [`SPEECH_MS`] as PCM16, little-endian.
pub fn tone(rate_hz: u32) -> Vec<u8> {
    let samples = rate_hz * SPEECH_MS / 1_000;
    (0..samples)
        .map(|at| {
            ((at as f32 / rate_hz as f32 * 440.0 * std::f32::consts::TAU).sin() * 9_000.0) as i16
        })
        .flat_map(i16::to_le_bytes)
        .collect()
}

/// A WAV of samples at a rate.
pub fn wav(rate_hz: u32, samples: &[u8]) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for pair in samples.chunks_exact(2) {
        writer
            .write_sample(i16::from_le_bytes([pair[0], pair[1]]))
            .unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}
