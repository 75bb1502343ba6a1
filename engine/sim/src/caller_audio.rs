//! The caller's audio: speech if there is some, and always the low noise of a telephone.
//!
//! Pure, and the same in every run: the noise has a fixed seed.

use std::sync::Arc;

/// The noise's amplitude: about -65 dBFS, like a quiet room over a telephone.
const NOISE: i32 = 32;

/// Generates the caller's audio.
#[derive(Debug)]
pub struct CallerAudio {
    noise: u32,
    speech: Option<(Arc<[i16]>, usize)>,
}

impl Default for CallerAudio {
    fn default() -> Self {
        Self {
            noise: 0x5eed_cafe,
            speech: None,
        }
    }
}

impl CallerAudio {
    /// Starts to speak with the next frame, replacing what was being said.
    pub fn say(&mut self, samples: Arc<[i16]>) {
        self.speech = Some((samples, 0));
    }

    /// Fills the next frame. If the speech ended in it, returns after how many samples.
    pub fn fill(&mut self, frame: &mut [i16]) -> Option<usize> {
        for sample in frame.iter_mut() {
            *sample = self.noise();
        }
        let (samples, spoken) = self.speech.as_mut()?;
        let rest = samples.get(*spoken..).unwrap_or_default();
        let mixed = frame
            .iter_mut()
            .zip(rest)
            .map(|(noise, speech)| *noise = noise.saturating_add(*speech))
            .count();
        *spoken += mixed;
        if *spoken < samples.len() {
            return None;
        }
        self.speech = None;
        Some(mixed)
    }

    /// Marsaglia's xorshift, which is good enough for noise.
    fn noise(&mut self) -> i16 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 17;
        self.noise ^= self.noise << 5;
        let amplitude = (self.noise >> 16) as i32 % (2 * NOISE + 1) - NOISE;
        amplitude as i16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heard::is_audible;

    #[test]
    fn the_line_is_never_digitally_silent_and_never_audible_by_itself() {
        let mut frame = [0; 8_000];
        assert_eq!(CallerAudio::default().fill(&mut frame), None);
        assert!(frame.iter().any(|&sample| sample != 0));
        assert!(!frame.iter().any(|&sample| is_audible(sample)));
    }

    #[test]
    fn speech_ends_where_its_last_sample_is() {
        let (mut caller_audio, mut frame) = (CallerAudio::default(), [0; 160]);
        caller_audio.say(vec![9_000; 200].into());
        assert_eq!(caller_audio.fill(&mut frame), None);
        assert_eq!(caller_audio.fill(&mut frame), Some(40));
        assert!(is_audible(frame[39]) && !is_audible(frame[40]));
        assert_eq!(caller_audio.fill(&mut frame), None);
    }
}
