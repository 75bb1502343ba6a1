//! The caller's voice, which differs from the bot's: synthesized by `flite` or, for other
//! languages, by `espeak-ng`, each run as a child process.
//!
//! Speech is synthesized before the call, so that responding takes no time. Nothing is played on a
//! sound card.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ghanti_audio::level::{gain, rms_dbfs};
use serde::Deserialize;
use tokio::process::Command;

/// Timeout of a synthesizer for one sentence.
const LIMIT: Duration = Duration::from_secs(20);

/// Level of the caller's speech, a usual one for telephones: between -30 and -16 dBFS by ITU-T
/// P.56.
const LEVEL_DBFS: f32 = -20.0;

/// A voice: `slt`, `rms`, `kal16` or another of `flite -lv`; or `espeak:hi` or another of
/// `espeak-ng --voices`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "String")]
pub enum Voice {
    /// A voice of flite, which speaks English.
    Flite(String),
    /// A voice of espeak-ng.
    Espeak(String),
}

impl Default for Voice {
    fn default() -> Self {
        Voice::Flite("slt".to_owned())
    }
}

impl From<String> for Voice {
    fn from(text: String) -> Self {
        match text.strip_prefix("espeak:") {
            Some(name) => Voice::Espeak(name.to_owned()),
            None => Voice::Flite(text),
        }
    }
}

/// The caller's speech could not be synthesized.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    /// The program is not installed.
    #[error(
        "the caller's voice needs `{program}`: install the package `{program}` (`apt-get install {program}`; {reason})"
    )]
    Missing {
        /// The program.
        program: &'static str,
        /// The operating system's error.
        reason: std::io::Error,
    },
    /// The program ran but produced no speech.
    #[error("`{program}` made no speech with the voice `{voice}`: {reason}")]
    Failed {
        /// The program.
        program: &'static str,
        /// The voice's name.
        voice: String,
        /// The reason.
        reason: String,
    },
}

impl Voice {
    /// Synthesizes a sentence as PCM16 mono at `rate_hz`, without silence around it, at a
    /// telephone's level (-20 dBFS).
    pub async fn speak(&self, words: &str, rate_hz: u32) -> Result<Arc<[i16]>, VoiceError> {
        let folder = tempfile::tempdir().map_err(|error| self.failed(error.to_string()))?;
        let path = folder.path().join("caller.wav");
        self.synthesize(words, &path).await?;
        let (samples, made_at_hz) =
            read_wav(&path).map_err(|error| self.failed(error.to_string()))?;
        let samples = ghanti_audio::convert(&samples, made_at_hz, rate_hz)
            .map_err(|error| self.failed(error.to_string()))?;
        let samples = levelled(trimmed(&samples));
        match trimmed(&samples) {
            [] => Err(self.failed("silence".to_owned())),
            spoken => Ok(spoken.into()),
        }
    }

    async fn synthesize(&self, words: &str, path: &Path) -> Result<(), VoiceError> {
        let mut command = Command::new(self.program());
        match self {
            Voice::Flite(name) => command
                .arg("-voice")
                .arg(name)
                .arg("-t")
                .arg(words)
                .arg("-o")
                .arg(path),
            Voice::Espeak(name) => command
                .arg("-v")
                .arg(name)
                .arg("-w")
                .arg(path)
                .arg("--")
                .arg(words),
        };
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let missing = |reason| VoiceError::Missing {
            program: self.program(),
            reason,
        };
        let output = tokio::time::timeout(LIMIT, command.output())
            .await
            .map_err(|_| self.failed(format!("no answer within {} s", LIMIT.as_secs())))?
            .map_err(missing)?;
        if output.status.success() {
            return Ok(());
        }
        Err(self.failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    fn program(&self) -> &'static str {
        match self {
            Voice::Flite(_) => "flite",
            Voice::Espeak(_) => "espeak-ng",
        }
    }

    fn failed(&self, reason: String) -> VoiceError {
        let (Voice::Flite(voice) | Voice::Espeak(voice)) = self;
        VoiceError::Failed {
            program: self.program(),
            voice: voice.clone(),
            reason,
        }
    }
}

fn read_wav(path: &Path) -> Result<(Vec<i16>, u32), hound::Error> {
    let mut reader = hound::WavReader::open(path)?;
    let rate_hz = reader.spec().sample_rate;
    Ok((reader.samples::<i16>().collect::<Result<_, _>>()?, rate_hz))
}

/// Removes the silence that synthesizers put around a sentence, so that the last sample is the
/// caller's last audible one.
fn trimmed(samples: &[i16]) -> &[i16] {
    let audible = |sample: &i16| crate::heard::is_audible(*sample);
    match (
        samples.iter().position(audible),
        samples.iter().rposition(audible),
    ) {
        (Some(first), Some(last)) => samples.get(first..=last).unwrap_or_default(),
        _ => &[],
    }
}

/// Scales to an average of [`LEVEL_DBFS`], clipping at full scale.
fn levelled(samples: &[i16]) -> Vec<i16> {
    let gain = gain(LEVEL_DBFS - rms_dbfs(samples));
    samples
        .iter()
        .map(|&sample| {
            (f32::from(sample) * gain).clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_caller_speaks_at_a_telephones_level_with_no_silence_around_it() {
        let samples = Voice::default()
            .speak("yes, speaking", 8_000)
            .await
            .unwrap();
        assert!(
            (LEVEL_DBFS - rms_dbfs(&samples)).abs() < 0.5,
            "{} dBFS",
            rms_dbfs(&samples)
        );
        assert!(
            (4_000..16_000).contains(&samples.len()),
            "{} samples",
            samples.len()
        );
        assert!(crate::heard::is_audible(samples[0]));
    }

    #[tokio::test]
    async fn hindi_is_spoken_too() {
        assert!(
            Voice::from("espeak:hi".to_owned())
                .speak("जी हाँ", 16_000)
                .await
                .unwrap()
                .len()
                > 3_000
        );
    }

    #[tokio::test]
    async fn an_unknown_voice_is_an_error_that_names_it() {
        let error = Voice::from("espeak:nobody".to_owned())
            .speak("yes", 8_000)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("nobody"), "{error}");
    }
}
