//! From espeak-ng's WAV stream, which a pipe cuts anywhere, to pieces of speech.

use ghanti_audio::ResampleError;

use super::wav::parse_head;
use crate::shaping::Shaping;
use crate::synthesis::Samples;

/// Shapes the speech of one utterance.
pub(super) struct WavShaping {
    to_hz: u32,
    bytes: Vec<u8>,
    speech: Option<Shaping>,
}

impl WavShaping {
    /// A pipeline for speech at `to_hz`.
    pub(super) fn new(to_hz: u32) -> Self {
        Self {
            to_hz,
            bytes: Vec::new(),
            speech: None,
        }
    }

    /// Takes bytes of the stream, split anywhere, and appends the completed pieces.
    pub(super) fn push(&mut self, bytes: &[u8], pieces: &mut Vec<Samples>) -> Result<(), String> {
        self.bytes.extend_from_slice(bytes);
        let speech = match &mut self.speech {
            Some(speech) => speech,
            None => {
                let Some(head) = parse_head(&self.bytes)? else {
                    return Ok(());
                };
                self.bytes.drain(..head.samples_at);
                self.speech
                    .insert(Shaping::new(head.rate_hz, self.to_hz).map_err(words)?)
            }
        };
        let whole = self.bytes.len() - self.bytes.len() % 2;
        let (pairs, _) = self.bytes.as_chunks::<2>();
        let samples = pairs
            .iter()
            .map(|&pair| f32::from(i16::from_le_bytes(pair)));
        speech.push(samples, pieces).map_err(words)?;
        self.bytes.drain(..whole);
        Ok(())
    }

    /// Ends the stream: appends what is left. A stream without a header is an error.
    pub(super) fn finish(self, pieces: &mut Vec<Samples>) -> Result<(), String> {
        let speech = self.speech.ok_or("the stream ended before its samples")?;
        speech.finish(pieces).map_err(words)
    }
}

fn words(error: ResampleError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let mut stream = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x22\x56\0\0\x44\xac\0\0\x02\0\x10\0data\0\0\0\0".to_vec();
        let tone = (0..22_050).map(|n| ((n as f32 * 0.1).sin() * 8_000.0) as i16);
        stream.extend(tone.flat_map(i16::to_le_bytes));
        stream
    }

    fn shaped(cut: usize) -> Vec<i16> {
        let (mut shaping, mut pieces) = (WavShaping::new(8_000), Vec::new());
        for bytes in stream().chunks(cut) {
            shaping.push(bytes, &mut pieces).unwrap();
        }
        shaping.finish(&mut pieces).unwrap();
        assert!(
            pieces.iter().all(|piece| piece.len() <= 1_600),
            "no piece lasts over 200 ms"
        );
        pieces.concat()
    }

    #[test]
    fn it_does_not_matter_how_the_pipe_cuts_the_stream() {
        let whole = shaped(usize::MAX);
        assert!(whole.len().abs_diff(8_000) < 10, "{}", whole.len());
        assert_eq!(shaped(1), whole);
        assert_eq!(shaped(4_097), whole);
    }

    #[test]
    fn a_stream_without_samples_is_an_error() {
        assert!(WavShaping::new(8_000).finish(&mut Vec::new()).is_err());
    }
}
