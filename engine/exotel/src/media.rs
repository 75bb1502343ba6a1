//! The audio of a stream: its format, its frames and the `media` message, which is the same in both
//! directions.
//!
//! Sources: Exotel, "Working with the Stream and Voicebot applets" (format, `sample-rate`), and the
//! support article on voicebot chunk sizes (the rules for frames).

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::ParseError;
use crate::frame::{FormatBody, MediaBody};
use crate::lenient::Scalar;

/// Frame lengths are multiples of this many bytes; after any other length Exotel waits 20 ms, which
/// is audible as a gap.
pub const FRAME_MULTIPLE_BYTES: usize = 320;
/// The shortest frame that plays without jitter, in milliseconds of audio.
pub const FRAME_MIN_MS: usize = 100;
/// The longest frame we send, in milliseconds of audio; longer frames would delay a barge-in.
pub const FRAME_MAX_MS: usize = 200;
/// Exotel's upper limit on the audio of one message, before base64.
pub const FRAME_MAX_BYTES: usize = 100_000;
/// The rate if none, or an unsupported one, was given.
pub const DEFAULT_RATE_HZ: u32 = 8_000;

/// Standard base64; padding is optional.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The sample encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 16-bit signed little-endian PCM, mono: what applets use.
    Linear16,
    /// G.711 mu-law, one byte per sample; plausible only on streams of Exotel's Legs API.
    MuLaw,
}

/// The audio format of a stream, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaFormat {
    /// The sample encoding.
    pub encoding: Encoding,
    /// Samples per second: 8000, 16000 or 24000.
    pub rate_hz: u32,
}

/// Audio that breaks Exotel's rules for frames.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Not a multiple of 320 bytes.
    #[error(
        "cannot send `{bytes}` bytes of audio: a frame is a multiple of 320 bytes; pad the tail with silence"
    )]
    Uneven {
        /// Length of the audio.
        bytes: usize,
    },
    /// Shorter than 100 or longer than 200 ms, or over 100000 bytes.
    #[error(
        "cannot send `{bytes}` bytes of audio: a frame holds 100 to 200 ms, here `{min}` to `{max}` bytes"
    )]
    Length {
        /// Length of the audio.
        bytes: usize,
        /// The minimum for this format.
        min: usize,
        /// The maximum for this format.
        max: usize,
    },
    /// Writing to the buffer failed.
    #[error("cannot write the message: the buffer is full")]
    Buffer(#[from] fmt::Error),
}

impl Default for MediaFormat {
    fn default() -> Self {
        Self {
            encoding: Encoding::Linear16,
            rate_hz: DEFAULT_RATE_HZ,
        }
    }
}

impl MediaFormat {
    /// Bytes per millisecond of audio.
    pub fn bytes_per_ms(self) -> usize {
        let samples = self.rate_hz as usize / 1000;
        match self.encoding {
            Encoding::Linear16 => samples * 2,
            Encoding::MuLaw => samples,
        }
    }

    /// The shortest frame we send, in bytes: 100 ms, rounded up to a multiple of 320. Gives the
    /// fastest barge-in.
    pub fn min_frame_bytes(self) -> usize {
        (self.bytes_per_ms() * FRAME_MIN_MS).next_multiple_of(FRAME_MULTIPLE_BYTES)
    }

    /// The longest frame we send, in bytes: 200 ms, rounded down to a multiple of 320 and never
    /// above Exotel's 100000.
    pub fn max_frame_bytes(self) -> usize {
        let bytes = (self.bytes_per_ms() * FRAME_MAX_MS).min(FRAME_MAX_BYTES);
        bytes - bytes % FRAME_MULTIPLE_BYTES
    }

    /// Checks that a frame of this many bytes plays without a gap.
    pub fn check_frame(self, bytes: usize) -> Result<(), FrameError> {
        let (min, max) = (self.min_frame_bytes(), self.max_frame_bytes());
        if !bytes.is_multiple_of(FRAME_MULTIPLE_BYTES) {
            return Err(FrameError::Uneven { bytes });
        }
        if !(min..=max).contains(&bytes) {
            return Err(FrameError::Length { bytes, min, max });
        }
        Ok(())
    }

    /// Reads each property from the first body that has it. Real streams report `base64` for PCM,
    /// so everything except a name of mu-law is PCM.
    pub(crate) fn read(bodies: [&FormatBody<'_>; 2]) -> Self {
        let mut encoding = None;
        let mut rate_hz = None;
        for body in bodies {
            encoding = encoding.or_else(|| read_encoding(&body.encoding));
            rate_hz = rate_hz.or_else(|| read_rate_hz(&body.sample_rate));
        }
        Self {
            encoding: encoding.unwrap_or(Encoding::Linear16),
            rate_hz: rate_hz.unwrap_or(DEFAULT_RATE_HZ),
        }
    }
}

fn read_encoding(value: &Scalar<'_>) -> Option<Encoding> {
    let Scalar::Text(text) = value else {
        return None;
    };
    if text.trim().is_empty() {
        return None;
    }
    let letters: String = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    let mu_law = ["mulaw", "ulaw", "pcmu"]
        .iter()
        .any(|name| letters.contains(name))
        || text.contains("μ-law");
    Some(if mu_law {
        Encoding::MuLaw
    } else {
        Encoding::Linear16
    })
}

/// Accepts `8000`, `"8000"`, `"8000Hz"`, `"16 kHz"`; `None` for a rate that Exotel does not offer.
fn read_rate_hz(value: &Scalar<'_>) -> Option<u32> {
    let rate_hz = match value {
        Scalar::Text(text) => {
            let text = text.trim().to_ascii_lowercase();
            let text = text.strip_suffix("hz").unwrap_or(&text).trim_end();
            match text.strip_suffix('k') {
                Some(thousands) => thousands
                    .trim_end()
                    .parse::<u64>()
                    .ok()?
                    .checked_mul(1000)?,
                None => text.parse().ok()?,
            }
        }
        number => number.count()?,
    };
    matches!(rate_hz, 8_000 | 16_000 | 24_000).then_some(rate_hz as u32)
}

/// A `media` message. The audio stays base64-encoded, borrowed from the message where possible.
#[derive(Clone, PartialEq, Eq)]
pub struct Media<'a> {
    /// The stream it names.
    pub stream_sid: Option<Cow<'a, str>>,
    /// Sequence number among all messages of the socket.
    pub sequence: Option<u64>,
    /// Chunk number among the audio messages, as sent.
    pub chunk: Option<u64>,
    /// Milliseconds since the start of the stream, as sent.
    pub timestamp_ms: Option<u64>,
    /// The audio in base64; any length, including an odd number of bytes.
    pub payload: Cow<'a, str>,
}

impl<'a> Media<'a> {
    pub(crate) fn read(
        stream_sid: Scalar<'a>,
        sequence: Option<u64>,
        body: MediaBody<'a>,
    ) -> Result<Self, ParseError> {
        let Scalar::Text(payload) = body.payload else {
            return Err(ParseError::Missing {
                field: "media.payload",
                expected: "the audio's bytes in standard base64",
            });
        };
        Ok(Self {
            stream_sid: stream_sid.into_text(),
            sequence,
            chunk: body.chunk.count(),
            timestamp_ms: body.timestamp.count(),
            payload,
        })
    }

    pub(crate) fn into_owned(self) -> Media<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        let Self {
            stream_sid,
            sequence,
            chunk,
            timestamp_ms,
            payload,
        } = self;
        Media {
            stream_sid: stream_sid.map(owned),
            sequence,
            chunk,
            timestamp_ms,
            payload: Cow::Owned(payload.into_owned()),
        }
    }

    /// Replaces the content of `audio` with the decoded bytes. Allocates only if the buffer has to
    /// grow; on error the buffer is left empty.
    pub fn decode_into(&self, audio: &mut Vec<u8>) -> Result<(), ParseError> {
        let payload = self.payload.as_bytes();
        audio.resize(base64::decoded_len_estimate(payload.len()), 0);
        let decoded = BASE64.decode_slice(payload, audio);
        audio.truncate(*decoded.as_ref().unwrap_or(&0));
        decoded.map(|_| ()).map_err(ParseError::NotBase64)
    }
}

/// Shows the length of the audio only: it is the caller's voice.
impl fmt::Debug for Media<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media")
            .field("sequence", &self.sequence)
            .field("chunk", &self.chunk)
            .field("timestamp_ms", &self.timestamp_ms)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_come_in_many_spellings_and_unusable_ones_mean_8000() {
        let cases = [
            ("\"8000\"", 8_000),
            ("8000", 8_000),
            ("16000.0", 16_000),
            ("\"8000Hz\"", 8_000),
            ("\"16kHz\"", 16_000),
            ("\" 24 KHz \"", 24_000),
            ("\"24k\"", 24_000),
            ("11025", 8_000),
            ("-1", 8_000),
            ("\"\"", 8_000),
            ("null", 8_000),
            ("{}", 8_000),
            ("\"99999999999999999999kHz\"", 8_000),
            ("18446744073709551615", 8_000),
        ];
        for (wire, expected) in cases {
            let value: Scalar<'_> = serde_json::from_str(wire).unwrap();
            assert_eq!(
                read_rate_hz(&value).unwrap_or(DEFAULT_RATE_HZ),
                expected,
                "{wire}"
            );
        }
    }

    #[test]
    fn only_names_of_mu_law_are_mu_law() {
        for name in [
            "mulaw",
            "MULAW",
            "audio/x-mulaw",
            "audio/x-mulaw;rate=8000",
            "PCMU",
            "ulaw",
            "mu-law",
            "u-law",
            "μ-law",
        ] {
            assert_eq!(
                read_encoding(&Scalar::Text(name.into())),
                Some(Encoding::MuLaw),
                "{name}"
            );
        }
        for name in [
            "base64",
            "raw",
            "audio/x-raw",
            "linear16",
            "raw/slin",
            "pcm",
        ] {
            assert_eq!(
                read_encoding(&Scalar::Text(name.into())),
                Some(Encoding::Linear16),
                "{name}"
            );
        }
    }

    #[test]
    fn frames_hold_100_to_200_ms_at_every_format() {
        let cases = [
            (Encoding::Linear16, 8_000, 1_600, 3_200),
            (Encoding::Linear16, 16_000, 3_200, 6_400),
            (Encoding::Linear16, 24_000, 4_800, 9_600),
            (Encoding::MuLaw, 8_000, 960, 1_600),
        ];
        for (encoding, rate_hz, min, max) in cases {
            let format = MediaFormat { encoding, rate_hz };
            assert_eq!(
                (format.min_frame_bytes(), format.max_frame_bytes()),
                (min, max),
                "{format:?}"
            );
            assert!(
                format.check_frame(min).is_ok() && format.check_frame(max).is_ok(),
                "{format:?}"
            );
            assert!(matches!(
                format.check_frame(min + 1),
                Err(FrameError::Uneven { .. })
            ));
            assert!(matches!(
                format.check_frame(max + 320),
                Err(FrameError::Length { .. })
            ));
            assert!(matches!(
                format.check_frame(min - 320),
                Err(FrameError::Length { .. })
            ));
        }
    }

    fn media(payload: &str) -> Media<'_> {
        Media {
            stream_sid: None,
            sequence: None,
            chunk: None,
            timestamp_ms: None,
            payload: Cow::Borrowed(payload),
        }
    }

    #[test]
    fn audio_of_any_length_is_decoded_over_what_was_there() {
        let mut audio = vec![9; 400];
        for (payload, expected) in [
            ("AAEC", &[0, 1, 2][..]),
            ("AAE=", &[0, 1]),
            ("AAE", &[0, 1]),
            ("", &[]),
            ("/w==", &[255]),
        ] {
            media(payload).decode_into(&mut audio).unwrap();
            assert_eq!(audio, expected, "{payload}");
        }
    }

    #[test]
    fn wrong_base64_is_an_error_and_leaves_nothing() {
        let mut audio = vec![9; 4];
        for payload in ["A", "****", "AA=A", "AAEC\n", "ÄÖÜ"] {
            assert!(
                matches!(
                    media(payload).decode_into(&mut audio),
                    Err(ParseError::NotBase64(_))
                ),
                "{payload}"
            );
            assert!(audio.is_empty());
        }
    }
}
