//! PCM16LE bytes and samples. A network message need not hold whole samples.

/// Decodes a stream of PCM16LE bytes. A sample split across two messages is reassembled.
#[derive(Debug, Clone, Default)]
pub struct PcmDecoder {
    carried: Option<u8>,
}

impl PcmDecoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the samples of one message, of any length, to `out`.
    pub fn decode(&mut self, bytes: &[u8], out: &mut Vec<i16>) {
        let mut rest = bytes;
        if let (Some(low), Some((high, tail))) = (self.carried, bytes.split_first()) {
            out.push(i16::from_le_bytes([low, *high]));
            self.carried = None;
            rest = tail;
        }
        let (pairs, odd) = rest.as_chunks::<2>();
        out.extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
        if let Some(low) = odd.first() {
            self.carried = Some(*low);
        }
    }
}

/// Appends samples to `out` as PCM16LE.
pub fn encode(samples: &[i16], out: &mut Vec<u8>) {
    out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded_in_pieces_of(bytes: &[u8], piece_bytes: usize) -> Vec<i16> {
        let mut decoder = PcmDecoder::new();
        let mut out = Vec::new();
        for piece in bytes.chunks(piece_bytes) {
            decoder.decode(piece, &mut out);
        }
        out
    }

    #[test]
    fn bytes_are_little_endian_samples() {
        assert_eq!(
            decoded_in_pieces_of(&[0x01, 0x00, 0xff, 0xff, 0x00, 0x80], 6),
            [1, -1, -32768]
        );
    }

    #[test]
    fn a_sample_split_between_messages_is_put_together() {
        let samples: Vec<i16> = (-500..500).map(|n| n * 61).collect();
        let mut bytes = Vec::new();
        encode(&samples, &mut bytes);
        for piece_bytes in [1, 2, 3, 7, 319, 1731] {
            assert_eq!(
                decoded_in_pieces_of(&bytes, piece_bytes),
                samples,
                "pieces of {piece_bytes} bytes"
            );
        }
    }

    #[test]
    fn an_empty_message_keeps_the_carried_byte() {
        let mut decoder = PcmDecoder::new();
        let mut out = Vec::new();
        decoder.decode(&[0x34], &mut out);
        decoder.decode(&[], &mut out);
        decoder.decode(&[0x12], &mut out);
        assert_eq!(out, [0x1234]);
    }
}
