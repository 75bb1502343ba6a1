//! Messages from the engine on the media stream, in the one spelling known to work everywhere:
//! snake_case `stream_sid` exactly as received in `start`, and numbers as strings. Messages are
//! written to a buffer of the caller's (`String`, `BytesMut`), so that it can be reused for every
//! frame.
//!
//! Source: Exotel, "Working with the Stream and Voicebot applets". `sequence_number`, `chunk` and
//! `timestamp` are optional there; Exotel's own bots send them.

use std::fmt::{self, Write};

use base64::display::Base64Display;
use ghanti_model::StreamSid;

use crate::media::{BASE64, FrameError};
use crate::{MediaFormat, Start};

/// Writes the messages of one stream. Constructed from the stream's `start`, so nothing can be sent
/// before it has arrived.
#[derive(Debug, Clone)]
pub struct OutboundWriter {
    stream_sid: StreamSid,
    format: MediaFormat,
    frames: u64,
}

impl OutboundWriter {
    /// A writer for a started stream.
    pub fn new(start: &Start) -> Self {
        Self {
            stream_sid: start.stream_sid.clone(),
            format: start.media_format,
            frames: 0,
        }
    }

    /// The audio format.
    pub fn format(&self) -> MediaFormat {
        self.format
    }

    /// Appends a `media` message with one frame of audio, encoded as [`format`](Self::format).
    /// `timestamp_ms` is its position in milliseconds from the start of the stream.
    ///
    /// # Errors
    /// The audio is not a valid frame: its length is not a multiple of 320 bytes, or it is not 100
    /// to 200 ms long. Nothing is written in that case.
    pub fn media(
        &mut self,
        audio: &[u8],
        timestamp_ms: u64,
        out: &mut impl Write,
    ) -> Result<(), FrameError> {
        self.format.check_frame(audio.len())?;
        self.frames += 1;
        // only media messages are numbered, so one counter serves both fields: a gap could be taken
        // for a lost frame
        let Self {
            stream_sid, frames, ..
        } = self;
        let payload = Base64Display::new(audio, &BASE64);
        write!(
            out,
            r#"{{"event":"media","stream_sid":"{stream_sid}","sequence_number":"{frames}","media":{{"chunk":"{frames}","timestamp":"{timestamp_ms}","payload":"{payload}"}}}}"#
        )?;
        Ok(())
    }

    /// Appends a `mark`: Exotel returns it once the audio sent before it has been played. Marks
    /// outstanding when the call stops are never returned.
    pub fn mark(&self, name: &str, out: &mut impl Write) -> fmt::Result {
        let (stream_sid, name) = (&self.stream_sid, JsonText(name));
        write!(
            out,
            r#"{{"event":"mark","stream_sid":"{stream_sid}","mark":{{"name":{name}}}}}"#
        )
    }

    /// Appends a `clear`: Exotel drops the audio it has not yet played.
    pub fn clear(&self, out: &mut impl Write) -> fmt::Result {
        write!(
            out,
            r#"{{"event":"clear","stream_sid":"{}"}}"#,
            self.stream_sid
        )
    }
}

/// A string as a JSON string, including quotes. Ids do not need it, as they contain no characters
/// that have to be escaped.
pub(crate) struct JsonText<'a>(pub(crate) &'a str);

impl fmt::Display for JsonText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Inbound, inbound};

    fn writer() -> OutboundWriter {
        let text = r#"{"event":"start","stream_sid":"95be037f0ff02b427c3a4a59ae721a6p","start":{"call_sid":"c1"}}"#;
        let Inbound::Start(start) = inbound::parse(text).unwrap() else {
            panic!("no start")
        };
        OutboundWriter::new(&start)
    }

    #[test]
    fn media_is_snake_case_with_texts_for_numbers() {
        let (mut writer, mut out) = (writer(), String::new());
        writer.media(&[0; 1600], 0, &mut out).unwrap();
        out.clear();
        writer.media(&[0; 1600], 100, &mut out).unwrap();
        let payload = format!("{}AA==", "A".repeat(2132));
        assert_eq!(
            out,
            format!(
                r#"{{"event":"media","stream_sid":"95be037f0ff02b427c3a4a59ae721a6p","sequence_number":"2","media":{{"chunk":"2","timestamp":"100","payload":"{payload}"}}}}"#
            )
        );
    }

    #[test]
    fn a_frame_that_would_be_heard_as_a_gap_is_refused_and_not_counted() {
        let (mut writer, mut out) = (writer(), String::new());
        for bytes in [0, 1, 320, 1599, 4096, 3520, 100_160] {
            assert!(
                writer.media(&vec![0; bytes], 0, &mut out).is_err(),
                "{bytes}"
            );
        }
        assert_eq!(out, "");
        writer.media(&[0; 3200], 0, &mut out).unwrap();
        assert!(out.contains(r#""sequence_number":"1""#));
    }

    #[test]
    fn marks_and_clears_have_the_official_form() {
        let (writer, mut out) = (writer(), String::new());
        writer.mark(r#"turn-3 "end""#, &mut out).unwrap();
        writer.clear(&mut out).unwrap();
        assert_eq!(
            out,
            concat!(
                r#"{"event":"mark","stream_sid":"95be037f0ff02b427c3a4a59ae721a6p","mark":{"name":"turn-3 \"end\""}}"#,
                r#"{"event":"clear","stream_sid":"95be037f0ff02b427c3a4a59ae721a6p"}"#
            )
        );
    }
}
