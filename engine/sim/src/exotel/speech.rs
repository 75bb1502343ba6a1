//! The callers' speech, synthesised once for all calls that need it.

use std::collections::HashMap;
use std::f32::consts::TAU;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::setup::VOICEMAIL_GREETING;
use crate::voice::{Voice, VoiceError};

/// Maximum number of cached sentences; others are synthesised for each call.
const SENTENCES_MAX: usize = 1_024;

/// The tone after which a voicemail records: its pitch in Hz, length in milliseconds and amplitude.
const TONE: (f32, u32, f32) = (1_000.0, 400, 8_000.0);

/// A cache of sentences.
#[derive(Debug, Default)]
pub(super) struct Speech(Mutex<HashMap<Sentence, Arc<[i16]>>>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sentence {
    voice: Voice,
    words: String,
    rate_hz: u32,
}

impl Speech {
    /// A sentence as PCM16 at `rate_hz`.
    pub(super) async fn of(
        &self,
        voice: &Voice,
        words: &str,
        rate_hz: u32,
    ) -> Result<Arc<[i16]>, VoiceError> {
        let sentence = Sentence {
            voice: voice.clone(),
            words: words.to_owned(),
            rate_hz,
        };
        // locked while synthesising, so that calls that begin together wait for one synthesis
        let mut kept = self.0.lock().await;
        if let Some(samples) = kept.get(&sentence) {
            return Ok(Arc::clone(samples));
        }
        let samples = voice.speak(words, rate_hz).await?;
        if kept.len() < SENTENCES_MAX {
            kept.insert(sentence, Arc::clone(&samples));
        }
        Ok(samples)
    }

    /// A voicemail's greeting with the tone after it.
    pub(super) async fn voicemail(
        &self,
        voice: &Voice,
        greeting: Option<&str>,
        rate_hz: u32,
    ) -> Result<Arc<[i16]>, VoiceError> {
        let words = greeting.unwrap_or(VOICEMAIL_GREETING);
        let spoken = self.of(voice, words, rate_hz).await?;
        let (pitch_hz, ms, amplitude) = TONE;
        let step = TAU * pitch_hz / rate_hz as f32;
        let tone =
            (0..rate_hz / 1_000 * ms).map(|at| ((at as f32 * step).sin() * amplitude) as i16);
        Ok(spoken.iter().copied().chain(tone).collect())
    }
}
