//! Speaks a text as a call would: by the configured synthesizers in order, at the call's rate.

use std::io::Cursor;
use std::time::{Duration, Instant};

use ghanti_model::Language;
use ghanti_speech::{CacheSettings, Keep, Loss, PromptCache, SynthesisError, Utterance, Voices};

/// A synthesized text.
#[derive(Debug)]
pub struct Spoken {
    /// PCM16 mono.
    pub samples: Vec<i16>,
    /// Their rate.
    pub rate_hz: u32,
    /// Time to the first piece of audio.
    pub first: Duration,
    /// Time to the last one.
    pub whole: Duration,
    /// Synthesizers that failed.
    pub losses: Vec<Loss>,
}

impl Spoken {
    /// Its duration in milliseconds.
    pub fn lasts_ms(&self) -> u64 {
        self.samples.len() as u64 * 1_000 / u64::from(self.rate_hz.max(1))
    }

    /// The audio as a WAV file.
    ///
    /// # Errors
    /// It is longer than a WAV can be.
    pub fn wav(&self) -> Result<Vec<u8>, hound::Error> {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: self.rate_hz,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec)?;
        for sample in &self.samples {
            writer.write_sample(*sample)?;
        }
        writer.finalize()?;
        Ok(bytes.into_inner())
    }
}

/// Synthesizes a text. Nothing is stored on disk.
///
/// # Errors
/// No synthesizer could speak it.
pub async fn say(
    voices: Voices,
    text: &str,
    language: &Language,
    rate_hz: u32,
) -> Result<Spoken, SynthesisError> {
    let cache = PromptCache::of(voices, CacheSettings::default());
    let utterance = Utterance {
        text: text.into(),
        language: language.clone(),
        voice: None,
    };
    spoken(&cache, &utterance, rate_hz).await
}

/// Synthesizes an utterance by a prompt cache. Nothing is stored on disk.
///
/// # Errors
/// No synthesizer could speak it.
pub async fn spoken(
    cache: &PromptCache,
    utterance: &Utterance,
    rate_hz: u32,
) -> Result<Spoken, SynthesisError> {
    let begun = Instant::now();
    let mut audio = cache.fetch(utterance, rate_hz, Keep::Personal);
    let mut spoken = Spoken {
        samples: Vec::new(),
        rate_hz,
        first: Duration::ZERO,
        whole: Duration::ZERO,
        losses: Vec::new(),
    };
    while let Some(piece) = audio.next().await {
        if spoken.samples.is_empty() {
            spoken.first = begun.elapsed();
        }
        spoken.losses.extend(audio.losses());
        spoken.samples.extend_from_slice(&piece?);
    }
    spoken.losses.extend(audio.losses());
    spoken.whole = begun.elapsed();
    Ok(spoken)
}
