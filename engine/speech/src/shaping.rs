//! From a synthesizer's stream of bytes to pieces of speech at the call's rate: header, resampling,
//! trimming, cutting.
//!
//! Knows nothing of processes and connections: bytes go in, pieces come out.

pub(crate) mod trim;
mod wav;

use ghanti_audio::{ResampleError, StreamResampler};

use self::trim::Trim;
use self::wav::parse_head;
use crate::synthesis::Samples;

/// Duration of a piece: short enough to start quickly, long enough to be cheap to pass on.
const PIECE_MS: u32 = 100;

/// Samples in a piece at this rate.
pub(crate) fn piece_samples(rate_hz: u32) -> usize {
    (rate_hz * PIECE_MS / 1_000).max(1) as usize
}

/// Shapes the speech of one utterance.
pub(crate) struct Shaping {
    to_hz: u32,
    bytes: Vec<u8>,
    speech: Option<Speech>,
}

/// State that is set up once the header is known.
struct Speech {
    resampler: StreamResampler,
    trim: Trim,
    piece_samples: usize,
    wide: Vec<f32>,
    ready: Vec<i16>,
}

impl Shaping {
    /// A pipeline from a WAV stream to speech at `to_hz`.
    pub(crate) fn of_wav(to_hz: u32) -> Self {
        Self {
            to_hz,
            bytes: Vec::new(),
            speech: None,
        }
    }

    /// A pipeline from PCM16 mono, little-endian, without a header, to speech at `to_hz`.
    pub(crate) fn of_pcm(from_hz: u32, to_hz: u32) -> Result<Self, String> {
        Ok(Self {
            to_hz,
            bytes: Vec::new(),
            speech: Some(Speech::new(from_hz, to_hz)?),
        })
    }

    /// Takes bytes of the stream, split anywhere, and appends the completed pieces.
    pub(crate) fn push(&mut self, bytes: &[u8], pieces: &mut Vec<Samples>) -> Result<(), String> {
        self.bytes.extend_from_slice(bytes);
        let speech = match &mut self.speech {
            Some(speech) => speech,
            None => {
                let Some(head) = parse_head(&self.bytes)? else {
                    return Ok(());
                };
                self.bytes.drain(..head.samples_at);
                self.speech.insert(Speech::new(head.rate_hz, self.to_hz)?)
            }
        };
        let whole = self.bytes.len() - self.bytes.len() % 2;
        let (pairs, _) = self.bytes.as_chunks::<2>();
        let samples = pairs
            .iter()
            .map(|&pair| f32::from(i16::from_le_bytes(pair)));
        speech
            .resampler
            .push(samples, &mut speech.wide)
            .map_err(words)?;
        self.bytes.drain(..whole);
        speech.trim_ready();
        speech.cut(pieces);
        Ok(())
    }

    /// Ends the stream: appends what is left. A stream without a header is an error.
    pub(crate) fn finish(mut self, pieces: &mut Vec<Samples>) -> Result<(), String> {
        let speech = self
            .speech
            .as_mut()
            .ok_or("the stream ended before its samples")?;
        speech.resampler.finish(&mut speech.wide).map_err(words)?;
        speech.trim_ready();
        speech.trim.finish(&mut speech.ready);
        speech.cut(pieces);
        if !speech.ready.is_empty() {
            pieces.push(speech.ready.as_slice().into());
        }
        Ok(())
    }
}

fn words(error: ResampleError) -> String {
    error.to_string()
}

impl Speech {
    fn new(from_hz: u32, to_hz: u32) -> Result<Self, String> {
        Ok(Self {
            resampler: StreamResampler::new(from_hz, to_hz).map_err(words)?,
            trim: Trim::new(to_hz),
            piece_samples: piece_samples(to_hz),
            wide: Vec::new(),
            ready: Vec::new(),
        })
    }

    fn trim_ready(&mut self) {
        // `as` saturates: small overshoots of the resampler are clipped, never wrapped
        self.trim.push(
            self.wide.drain(..).map(|sample| sample.round() as i16),
            &mut self.ready,
        );
    }

    fn cut(&mut self, pieces: &mut Vec<Samples>) {
        let whole = self.ready.len() - self.ready.len() % self.piece_samples;
        let (ready, _) = self.ready.split_at(whole);
        pieces.extend(ready.chunks_exact(self.piece_samples).map(Samples::from));
        self.ready.drain(..whole);
    }
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
        let (mut shaping, mut pieces) = (Shaping::of_wav(8_000), Vec::new());
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
    fn samples_without_a_header_become_the_same_speech() {
        let (mut shaping, mut pieces) = (Shaping::of_pcm(22_050, 8_000).unwrap(), Vec::new());
        shaping.push(&stream()[44..], &mut pieces).unwrap();
        shaping.finish(&mut pieces).unwrap();
        assert_eq!(pieces.concat(), shaped(usize::MAX));
    }

    #[test]
    fn a_stream_without_samples_is_an_error() {
        assert!(Shaping::of_wav(8_000).finish(&mut Vec::new()).is_err());
    }
}
