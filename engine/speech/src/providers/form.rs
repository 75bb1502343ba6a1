//! A body of `multipart/form-data` (RFC 7578) with one WAV file, and that file.

use ghanti_audio::wav::header;
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;

use crate::recognition::RATE_HZ;

/// The boundary between the parts. PCM could hold it by chance with odds of one in 2^200.
const BOUNDARY: &str = "ghanti-9f1c44b0a7e35d2886c31f";

/// The request with these fields, and the samples as the file `file`.
pub(super) fn upload(
    request: RequestBuilder,
    fields: &[(&str, &str)],
    samples: &[u8],
) -> RequestBuilder {
    let mut body = Vec::with_capacity(samples.len() + 1_024);
    for (name, value) in fields {
        body.extend(
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            )
            .into_bytes(),
        );
    }
    body.extend(
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"utterance.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
        )
        .into_bytes(),
    );
    body.extend(wav(samples));
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    request.header(CONTENT_TYPE, kind).body(body)
}

/// A WAV of PCM16 mono at 16 kHz.
pub(super) fn wav(samples: &[u8]) -> Vec<u8> {
    let length = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    let mut wav = header(1, RATE_HZ, length);
    wav.extend(samples);
    wav
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wav_is_one() {
        let samples: Vec<u8> = [1i16, -2, 3]
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        let mut reader = hound::WavReader::new(std::io::Cursor::new(wav(&samples))).unwrap();
        assert_eq!(
            (reader.spec().sample_rate, reader.spec().channels),
            (RATE_HZ, 1)
        );
        let read: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert_eq!(read, [1, -2, 3]);
    }
}
