//! The header of a WAV stream from a pipe.
//!
//! A program that writes to a pipe cannot go back to fill in lengths, so those of the RIFF and
//! `data` chunks are ignored: the samples end where the stream ends. Source: Microsoft, "Multimedia
//! Programming Interface and Data Specifications 1.0", RIFF WAVE.

/// The `data` chunk must start within this many bytes.
const HEAD_BYTES: usize = 4_096;

/// The content of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WavHead {
    /// Samples per second.
    pub(super) rate_hz: u32,
    /// Byte offset of the first sample.
    pub(super) samples_at: usize,
}

/// Parses the header: `None` if more bytes are needed, an error if it is invalid.
pub(super) fn parse_head(stream: &[u8]) -> Result<Option<WavHead>, String> {
    let Some(riff) = stream.get(..12) else {
        return Ok(None);
    };
    if !riff.starts_with(b"RIFF") || !riff.ends_with(b"WAVE") {
        return Err("the stream is not a WAV".to_owned());
    }
    let mut rate_hz = None;
    let mut at = 12;
    while let (Some(id), Some(length)) = (stream.get(at..at + 4), u32_at(stream, at + 4)) {
        let body = at + 8;
        match (id, rate_hz) {
            (b"data", Some(rate_hz)) => {
                return Ok(Some(WavHead {
                    rate_hz,
                    samples_at: body,
                }));
            }
            (b"data", None) => return Err("the WAV has no format before its samples".to_owned()),
            (b"fmt ", _) => match read_format(stream, body) {
                Some(format) => rate_hz = Some(format?),
                None => break,
            },
            _ => {}
        }
        // chunks are padded to an even length
        at = body
            .saturating_add(length as usize)
            .saturating_add(length as usize % 2);
        if at > HEAD_BYTES {
            return Err("the WAV has no samples".to_owned());
        }
    }
    Ok(None)
}

/// The rate of a mono PCM16 format, or `None` if it is not complete yet.
fn read_format(stream: &[u8], at: usize) -> Option<Result<u32, String>> {
    let (encoding, channels) = (u16_at(stream, at)?, u16_at(stream, at + 2)?);
    let (rate_hz, bits) = (u32_at(stream, at + 4)?, u16_at(stream, at + 14)?);
    Some(match (encoding, channels, bits) {
        (1, 1, 16) if rate_hz > 0 => Ok(rate_hz),
        _ => Err(format!(
            "the WAV has encoding {encoding}, {channels} channels, {bits} bits; PCM mono of 16 bits was expected"
        )),
    })
}

fn u16_at(stream: &[u8], at: usize) -> Option<u16> {
    stream
        .get(at..at + 2)?
        .try_into()
        .ok()
        .map(u16::from_le_bytes)
}

fn u32_at(stream: &[u8], at: usize) -> Option<u32> {
    stream
        .get(at..at.checked_add(4)?)?
        .try_into()
        .ok()
        .map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(channels: u16, length: u32) -> Vec<u8> {
        let mut head = b"RIFF".to_vec();
        head.extend(length.to_le_bytes());
        head.extend(b"WAVEfmt \x10\0\0\0\x01\0");
        head.extend(channels.to_le_bytes());
        head.extend(22_050u32.to_le_bytes());
        head.extend(44_100u32.to_le_bytes());
        head.extend([2, 0, 16, 0]);
        head.extend(b"data");
        head.extend(length.to_le_bytes());
        head
    }

    #[test]
    fn bogus_lengths_do_not_matter() {
        for length in [0, 0x7fff_f024, u32::MAX] {
            assert_eq!(
                parse_head(&head(1, length)),
                Ok(Some(WavHead {
                    rate_hz: 22_050,
                    samples_at: 44
                }))
            );
        }
    }

    #[test]
    fn a_head_that_comes_in_pieces_is_waited_for() {
        let head = head(1, 0);
        for end in 0..head.len() {
            assert_eq!(parse_head(&head[..end]), Ok(None), "{end}");
        }
    }

    #[test]
    fn chunks_before_the_samples_are_passed_over() {
        let mut with_list = head(1, 0);
        let data = with_list.split_off(36);
        with_list.extend(b"LIST\x03\0\0\0abc\0");
        with_list.extend(data);
        assert_eq!(parse_head(&with_list).unwrap().unwrap().samples_at, 56);
    }

    #[test]
    fn other_streams_are_refused() {
        assert!(parse_head(b"Error: no such voice").is_err());
        assert!(parse_head(&head(2, 0)).is_err());
    }
}
