//! Speech: synthesizers and recognisers behind two traits, and the prompt cache.
//!
//! This crate knows nothing about calls, sockets or flows.

pub mod cache;
pub mod espeak;
pub mod hibari;
mod patience;
pub mod recognition;
mod shaping;
pub mod synthesis;
pub mod voices;
pub mod vosk;

pub use cache::{CacheSettings, Keep, PromptAudio, PromptCache};
pub use espeak::{Espeak, EspeakSettings};
pub use hibari::{Hibari, HibariError, HibariSettings};
pub use recognition::{
    Expectation, Hearing, Recognition, RecognitionError, Recognized, Recognizer,
};
pub use synthesis::{Samples, SynthesisError, Synthesizer, Utterance};
pub use voices::OfflineVoices;
pub use vosk::{Vosk, VoskError, VoskSettings};
