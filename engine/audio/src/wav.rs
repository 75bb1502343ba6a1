//! WAV: files of flows (PCM of 16 bits, mono, at any rate), and the header of what is sent as WAV.

use std::io::Cursor;

use crate::convert::convert;

/// Why a file cannot be played, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; it has to be WAV, PCM of 16 bits, mono")]
pub struct WavError(String);

impl WavError {
    fn new(reason: impl ToString) -> Self {
        // the decoder's sentences end with a full stop, and more follows
        Self(reason.to_string().trim_end_matches('.').to_owned())
    }
}

/// Checks by its header whether a file can be played.
pub fn check(wav: &[u8]) -> Result<(), WavError> {
    let rate_hz = open(wav)?.spec().sample_rate;
    convert(&[0; 160], rate_hz, 8_000)
        .map(drop)
        .map_err(WavError::new)
}

/// Decodes a file, and resamples it to `rate_hz`.
pub fn decode(wav: &[u8], rate_hz: u32) -> Result<Vec<i16>, WavError> {
    let reader = open(wav)?;
    let from_hz = reader.spec().sample_rate;
    let samples = reader
        .into_samples::<i16>()
        .collect::<Result<Vec<i16>, _>>()
        .map_err(WavError::new)?;
    convert(&samples, from_hz, rate_hz).map_err(WavError::new)
}

/// Bytes of the header after its first length, which counts them too.
const HEADER_BYTES: u32 = 36;

/// The header of a WAV of 16-bit PCM that is followed by `data_bytes` of samples.
pub fn header(channels: u16, rate_hz: u32, data_bytes: u32) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut header = spec.into_header_for_infinite_file();
    // the lengths of the file and of its samples, which that header leaves open
    for (at, bytes) in [
        (4, data_bytes.saturating_add(HEADER_BYTES)),
        (40, data_bytes),
    ] {
        if let Some(length) = header.get_mut(at..at + 4) {
            length.copy_from_slice(&bytes.to_le_bytes());
        }
    }
    header
}

fn open(wav: &[u8]) -> Result<hound::WavReader<Cursor<&[u8]>>, WavError> {
    if !wav.starts_with(b"RIFF") {
        return Err(WavError("it is no WAV file".to_owned()));
    }
    let reader = hound::WavReader::new(Cursor::new(wav)).map_err(WavError::new)?;
    let spec = reader.spec();
    if spec.channels != 1
        || spec.bits_per_sample != 16
        || spec.sample_format != hound::SampleFormat::Int
    {
        return Err(WavError(format!(
            "it has {} channel(s) of {} bits",
            spec.channels, spec.bits_per_sample
        )));
    }
    Ok(reader)
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
    fn a_file_is_resampled() {
        assert_eq!(decode(&wav(1, 16_000), 8_000).unwrap().len(), 800);
        assert_eq!(decode(&wav(1, 8_000), 8_000).unwrap().len(), 800);
    }

    #[test]
    fn a_header_is_that_of_a_whole_file() {
        let whole = wav(1, 16_000);
        let bytes = u32::try_from(whole.len()).unwrap() - 44;
        assert_eq!(header(1, 16_000, bytes), whole[..44]);
    }

    #[test]
    fn a_file_that_cannot_be_played_says_why() {
        assert!(check(&wav(1, 24_000)).is_ok());
        for reported in [
            check(&wav(2, 8_000)).unwrap_err().to_string(),
            decode(&wav(2, 8_000), 8_000).unwrap_err().to_string(),
        ] {
            assert!(reported.starts_with("it has 2 channel(s)"), "{reported}");
        }
        assert!(check(b"RIFF").is_err() && decode(b"RIFF", 8_000).is_err());
    }
}
