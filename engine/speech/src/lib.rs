//! Speech: synthesizers and recognisers behind two traits, providers of both and their failover, and
//! the prompt cache.
//!
//! This crate knows nothing about calls, sockets or flows.

pub mod cache;
pub mod espeak;
pub mod failover;
pub mod fault;
pub mod hibari;
mod patience;
pub mod providers;
pub mod recognition;
mod shaping;
pub mod synthesis;
mod turns;
mod upper_band;
pub mod voices;
pub mod vosk;

pub use cache::{CacheSettings, Keep, PromptAudio, PromptCache};
pub use espeak::{Espeak, EspeakSettings};
pub use failover::{Limits, Recognizers, Voices};
pub use fault::{FailureCount, Fault, Loss};
pub use hibari::{Hibari, HibariError, HibariSettings};
pub use recognition::{
    Expectation, Hearing, Recognition, RecognitionError, Recognized, Recognizer,
};
pub use synthesis::{Samples, SynthesisError, Synthesizer, Utterance};
pub use turns::Usage;
pub use voices::OfflineVoices;
pub use vosk::{Vosk, VoskError, VoskSettings};
