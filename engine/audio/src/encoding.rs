//! The two sample encodings on the wire. Exotel sends PCM16LE; streams started through its Legs API
//! may be μ-law.

use crate::{g711, pcm};

/// The encoding of samples as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// 16-bit signed little-endian linear PCM, mono.
    #[default]
    Pcm16,
    /// G.711 μ-law.
    MuLaw,
}

impl Encoding {
    /// Bytes per sample.
    pub const fn bytes_per_sample(self) -> usize {
        match self {
            Self::Pcm16 => 2,
            Self::MuLaw => 1,
        }
    }

    /// Appends encoded samples to `out`.
    pub fn encode(self, samples: &[i16], out: &mut Vec<u8>) {
        match self {
            Self::Pcm16 => pcm::encode(samples, out),
            Self::MuLaw => g711::encode_into(samples, out),
        }
    }

    /// Appends `samples` samples of encoded silence to `out`.
    pub fn encode_silence(self, samples: usize, out: &mut Vec<u8>) {
        let silence = match self {
            Self::Pcm16 => 0,
            Self::MuLaw => g711::SILENCE,
        };
        out.resize(out.len() + samples * self.bytes_per_sample(), silence);
    }
}

/// Decodes the bytes of one inbound stream. Messages may have any length, including odd ones.
#[derive(Debug, Clone)]
pub struct Decoder {
    encoding: Encoding,
    pcm: pcm::PcmDecoder,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            pcm: pcm::PcmDecoder::new(),
        }
    }

    /// Appends the samples of one message to `out`.
    pub fn decode(&mut self, bytes: &[u8], out: &mut Vec<i16>) {
        match self.encoding {
            Encoding::Pcm16 => self.pcm.decode(bytes, out),
            Encoding::MuLaw => g711::decode_into(bytes, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_again() {
        // values that μ-law represents exactly
        let samples = [0, 132, -132, 924, -8316, 32124];
        for encoding in [Encoding::Pcm16, Encoding::MuLaw] {
            let (mut bytes, mut out) = (Vec::new(), Vec::new());
            encoding.encode(&samples, &mut bytes);
            assert_eq!(bytes.len(), samples.len() * encoding.bytes_per_sample());
            Decoder::new(encoding).decode(&bytes, &mut out);
            assert_eq!(out, samples, "{encoding:?}");
        }
    }

    #[test]
    fn silence_is_silent_in_both_encodings() {
        for encoding in [Encoding::Pcm16, Encoding::MuLaw] {
            let (mut bytes, mut out) = (Vec::new(), Vec::new());
            encoding.encode_silence(160, &mut bytes);
            Decoder::new(encoding).decode(&bytes, &mut out);
            assert_eq!(out, [0; 160], "{encoding:?}");
        }
    }
}
