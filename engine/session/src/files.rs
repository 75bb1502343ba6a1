//! Audio files of flows, decoded once for all calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ghanti_audio::wav::{self, WavError};
use ghanti_host::FlowVersion;
use ghanti_model::VersionId;
use ghanti_speech::Samples;

/// How many decoded files are cached. At the limit the whole cache is dropped, and files are
/// decoded again when they are used.
const FILES: usize = 256;

/// Why an audio file cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The flow has no such file.
    #[error("the flow has no audio file `{0}`: put `{0}.wav` into its folder `audio`")]
    Missing(String),
    /// It is not a mono 16-bit PCM WAV file.
    #[error("cannot play audio file `{name}`: {reason}")]
    Unplayable {
        /// The file's name.
        name: String,
        /// What is wrong with it.
        reason: WavError,
    },
}

type Key = (VersionId, String, u32);

/// Cache of decoded files. Clones share it.
#[derive(Clone, Default)]
pub struct AudioFiles(Arc<Mutex<HashMap<Key, Samples>>>);

impl AudioFiles {
    /// Returns the samples of a file, resampled to `rate_hz`.
    pub fn samples(
        &self,
        version: &FlowVersion,
        name: &str,
        rate_hz: u32,
    ) -> Result<Samples, FileError> {
        let key = (version.id.clone(), name.to_owned(), rate_hz);
        if let Some(samples) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return Ok(Arc::clone(samples));
        }
        let wav = version
            .audio
            .get(name)
            .ok_or_else(|| FileError::Missing(name.to_owned()))?;
        let samples: Samples = wav::decode(wav, rate_hz)
            .map_err(|reason| FileError::Unplayable {
                name: name.to_owned(),
                reason,
            })?
            .into();
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= FILES {
            files.clear();
        }
        files.insert(key, Arc::clone(&samples));
        Ok(samples)
    }
}
