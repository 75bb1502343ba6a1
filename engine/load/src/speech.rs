//! The callers' audio, prepared before the load and shared by all calls: frames in base64, ready to be
//! put into a message.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ghanti_sim::caller_audio::CallerAudio;
use ghanti_sim::voice::{Voice, VoiceError};

/// Length of the noise of a line on which nobody speaks, which repeats.
const NOISE_MS: u64 = 2_000;

/// The frames of a stream: their length and their sample rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frames {
    /// Milliseconds of audio in one message: 20 as measured on real calls, or 100.
    pub ms: u64,
    /// 8,000, 16,000 or 24,000.
    pub rate_hz: u32,
}

/// What a caller says, with the noise of their line.
#[derive(Debug)]
pub struct Utterance {
    /// Its frames in base64. The first audible sample is the first one.
    pub frames: Vec<Box<str>>,
    /// When its last audible sample is spoken, in milliseconds from its beginning.
    pub lasts_ms: u64,
}

/// The audio of all callers.
#[derive(Debug)]
pub struct Sounds {
    noise: Vec<Box<str>>,
    spoken: HashMap<(Voice, String), Arc<Utterance>>,
}

impl Sounds {
    /// Synthesizes all that is going to be said.
    ///
    /// # Errors
    /// A synthesizer is missing or fails.
    pub async fn prepare(
        wanted: impl IntoIterator<Item = (Voice, String)>,
        frames: Frames,
    ) -> Result<Self, VoiceError> {
        let mut spoken: HashMap<(Voice, String), Arc<Utterance>> = HashMap::new();
        for key in wanted {
            if let Entry::Vacant(place) = spoken.entry(key) {
                let (voice, words) = place.key();
                let samples = voice.speak(words, frames.rate_hz).await?;
                place.insert(Arc::new(utterance(samples, frames)));
            }
        }
        let mut line = CallerAudio::default();
        let noise = (0..NOISE_MS / frames.ms.max(1))
            .map(|_| frame(&mut line, frames).0)
            .collect();
        Ok(Self { noise, spoken })
    }

    /// What is said by a voice, if it was prepared.
    pub fn utterance(&self, voice: &Voice, words: &str) -> Option<Arc<Utterance>> {
        self.spoken
            .get(&(voice.clone(), words.to_owned()))
            .map(Arc::clone)
    }

    /// A frame of the line's noise.
    pub fn noise(&self, nth: u64) -> &str {
        let at = nth.checked_rem(self.noise.len() as u64).unwrap_or_default();
        self.noise.get(at as usize).map_or("", AsRef::as_ref)
    }
}

fn utterance(samples: Arc<[i16]>, frames_of: Frames) -> Utterance {
    let lasts_ms = samples.len() as u64 * 1_000 / u64::from(frames_of.rate_hz.max(1));
    let mut line = CallerAudio::default();
    line.say(samples);
    let mut frames = Vec::new();
    loop {
        let (payload, ended) = frame(&mut line, frames_of);
        frames.push(payload);
        if ended {
            return Utterance { frames, lasts_ms };
        }
    }
}

/// The next frame of a line, and whether speech ended in it.
fn frame(line: &mut CallerAudio, frames: Frames) -> (Box<str>, bool) {
    let mut samples = vec![0; (u64::from(frames.rate_hz) * frames.ms / 1_000) as usize];
    let ended = line.fill(&mut samples).is_some();
    let bytes: Vec<u8> = samples
        .iter()
        .flat_map(|sample: &i16| sample.to_le_bytes())
        .collect();
    (STANDARD.encode(bytes).into_boxed_str(), ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_utterance_is_cut_into_frames_and_its_end_is_known() {
        for (ms, count) in [(20, 13), (100, 3)] {
            let frames = Frames { ms, rate_hz: 8_000 };
            let said = utterance(vec![9_000; 8 * 250].into(), frames);
            assert_eq!((said.frames.len(), said.lasts_ms), (count, 250));
            let bytes = STANDARD.decode(said.frames[0].as_bytes()).unwrap();
            assert_eq!(bytes.len() as u64, ms * 16);
        }
    }

    #[tokio::test]
    async fn a_line_is_never_digitally_silent() {
        let frames = Frames {
            ms: 20,
            rate_hz: 8_000,
        };
        let sounds = Sounds::prepare([], frames).await.unwrap();
        let bytes = STANDARD.decode(sounds.noise(1_234)).unwrap();
        assert!(bytes.len() == 320 && bytes.iter().any(|byte| *byte != 0));
        assert_ne!(sounds.noise(0), sounds.noise(1));
        assert_eq!(sounds.noise(0), sounds.noise(100));
    }
}
