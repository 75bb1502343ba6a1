//! Audio files of flows, decoded once for all calls.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex, PoisonError};

use ghanti_dialog::FlowVersion;
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
    #[error("cannot play audio file `{name}`: {reason}; it has to be WAV, PCM of 16 bits, mono")]
    Unplayable {
        /// The file's name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

type Key = (VersionId, String, u32);

/// Cache of decoded files. Clones share it.
#[derive(Clone, Default)]
pub struct AudioFiles(Arc<Mutex<HashMap<Key, Samples>>>);

impl AudioFiles {
    /// Returns the samples of a file, resampled to `rate_hz`.
    pub fn samples<P>(
        &self,
        version: &FlowVersion<P>,
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
        let samples = decode(wav, rate_hz).map_err(|reason| FileError::Unplayable {
            name: name.to_owned(),
            reason,
        })?;
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= FILES {
            files.clear();
        }
        files.insert(key, Arc::clone(&samples));
        Ok(samples)
    }
}

/// Checks by its header whether a file can be played.
pub fn check(name: &str, wav: &[u8]) -> Result<(), FileError> {
    let opened = open(wav).and_then(|reader| {
        let rate_hz = reader.spec().sample_rate;
        ghanti_audio::convert(&[0; 160], rate_hz, 8_000)
            .map(drop)
            .map_err(|error| error.to_string())
    });
    opened.map_err(|reason| FileError::Unplayable {
        name: name.to_owned(),
        reason,
    })
}

fn open(wav: &[u8]) -> Result<hound::WavReader<Cursor<&[u8]>>, String> {
    let reader = hound::WavReader::new(Cursor::new(wav)).map_err(|error| error.to_string())?;
    let spec = reader.spec();
    if spec.channels != 1
        || spec.bits_per_sample != 16
        || spec.sample_format != hound::SampleFormat::Int
    {
        return Err(format!(
            "it has {} channel(s) of {} bits",
            spec.channels, spec.bits_per_sample
        ));
    }
    Ok(reader)
}

fn decode(wav: &[u8], rate_hz: u32) -> Result<Samples, String> {
    let reader = open(wav)?;
    let spec = reader.spec();
    let samples = reader
        .into_samples::<i16>()
        .collect::<Result<Vec<i16>, _>>()
        .map_err(|error| error.to_string())?;
    let converted = ghanti_audio::convert(&samples, spec.sample_rate, rate_hz)
        .map_err(|error| error.to_string())?;
    Ok(converted.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(channels: u16, rate_hz: u32) -> Vec<u8> {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate_hz,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        for sample in 0..rate_hz / 10 * u32::from(channels) {
            writer.write_sample((sample % 64) as i16 * 100).unwrap();
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_file_is_played_at_the_calls_rate() {
        assert_eq!(decode(&wav(1, 16_000), 8_000).unwrap().len(), 800);
        assert_eq!(decode(&wav(1, 8_000), 8_000).unwrap().len(), 800);
    }

    #[test]
    fn what_cannot_be_played_says_why() {
        assert!(
            decode(&wav(2, 8_000), 8_000)
                .unwrap_err()
                .contains("2 channel")
        );
        assert!(decode(b"RIFF", 8_000).is_err());
        assert!(check("gong", &wav(1, 24_000)).is_ok());
        let told = check("gong", &wav(2, 8_000)).unwrap_err().to_string();
        assert!(
            told.starts_with("cannot play audio file `gong`: it has 2 channel(s)"),
            "{told}"
        );
        assert!(check("gong", b"RIFF").is_err());
    }
}
