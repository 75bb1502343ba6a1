//! The stream from Exotel's side, for a simulator: parses what a bot sends and writes what Exotel
//! sends, spelled as on real calls (numbers as strings, snake_case, `encoding` `base64` for PCM, no
//! `custom_parameters` when there are none).

use std::borrow::Cow;
use std::fmt::{self, Write};

use base64::display::Base64Display;
use ghanti_model::{AccountSid, CallSid, Masked, StreamSid};

use crate::frame::Frame;
use crate::inbound::Mark;
use crate::lenient::Scalar;
use crate::media::BASE64;
use crate::outbound::JsonText;
use crate::{Encoding, Media, MediaFormat, ParseError};

/// A message from a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbound<'a> {
    /// Audio to play. Exotel ignores audio that names another stream; check [`Media::stream_sid`]
    /// and [`MediaFormat::check_frame`].
    Media(Media<'a>),
    /// A mark to return once the audio before it has been played.
    Mark(Mark<'a>),
    /// Drop the audio that has not been played.
    Clear,
    /// An event unknown to Exotel. There is no hang-up message: a bot closes the socket.
    Unknown {
        /// The event's name.
        event: Cow<'a, str>,
    },
}

/// Parses a message from a bot, in either spelling. Errors as for
/// [`inbound::parse`](crate::inbound::parse).
pub fn parse_outbound(text: &str) -> Result<Outbound<'_>, ParseError> {
    let frame = Frame::read(text)?;
    let Scalar::Text(event) = frame.event else {
        return Err(ParseError::Missing {
            field: "event",
            expected: "`media`, `mark` or `clear`",
        });
    };
    let sequence = frame.sequence_number.count();
    Ok(match event.as_ref() {
        "media" => Outbound::Media(Media::read(frame.stream_sid, sequence, frame.media)?),
        "mark" => Outbound::Mark(Mark::read(frame.mark.name, sequence)?),
        "clear" => Outbound::Clear,
        _ => Outbound::Unknown { event },
    })
}

/// The properties of a simulated stream, spelled as they are sent.
#[derive(Debug, Clone)]
pub struct Stream {
    /// The stream's id.
    pub stream_sid: StreamSid,
    /// The call's id.
    pub call_sid: CallSid,
    /// The account.
    pub account_sid: AccountSid,
    /// The customer's number in Exotel's spelling (`09876543210`, `+919876543210`).
    pub from: Masked,
    /// The ExoPhone in Exotel's spelling, usually with a leading 0.
    pub to: Masked,
    /// The query parameters of the bot's URL.
    pub custom_parameters: Vec<(String, Masked)>,
    /// The audio format.
    pub media_format: MediaFormat,
}

/// Writes Exotel's messages of one stream. One sequence counter covers the whole socket and starts
/// at 1 with `start`.
#[derive(Debug, Clone)]
pub struct FarEnd {
    stream: Stream,
    sequence: u64,
    chunk: u64,
}

impl FarEnd {
    /// A stream that has sent nothing yet.
    pub fn new(stream: Stream) -> Self {
        Self {
            stream,
            sequence: 0,
            chunk: 0,
        }
    }

    /// The properties of the stream.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Appends `connected`, the first message on a socket.
    pub fn connected(&self, out: &mut impl Write) -> fmt::Result {
        out.write_str(r#"{"event":"connected"}"#)
    }

    /// Appends `start`.
    pub fn start(&mut self, out: &mut impl Write) -> fmt::Result {
        self.open("start", out)?;
        let Stream {
            stream_sid,
            call_sid,
            account_sid,
            media_format,
            ..
        } = &self.stream;
        let (from, to) = (
            JsonText(self.stream.from.expose()),
            JsonText(self.stream.to.expose()),
        );
        write!(
            out,
            r#","start":{{"stream_sid":"{stream_sid}","call_sid":"{call_sid}","account_sid":"{account_sid}","from":{from},"to":{to}"#
        )?;
        for (at, (name, value)) in self.stream.custom_parameters.iter().enumerate() {
            let before = if at == 0 {
                r#","custom_parameters":{"#
            } else {
                ","
            };
            write!(
                out,
                "{before}{}:{}",
                JsonText(name),
                JsonText(value.expose())
            )?;
        }
        if !self.stream.custom_parameters.is_empty() {
            out.write_char('}')?;
        }
        let encoding = match media_format.encoding {
            Encoding::Linear16 => "base64",
            Encoding::MuLaw => "mulaw",
        };
        let (rate_hz, kbps) = (media_format.rate_hz, media_format.bytes_per_ms() * 8);
        write!(
            out,
            r#","media_format":{{"encoding":"{encoding}","sample_rate":"{rate_hz}","bit_rate":"{kbps}kbps"}}}}}}"#
        )
    }

    /// Appends `media`. Real calls send 20 ms per message (320 bytes at 8 kHz); any length is
    /// allowed. `timestamp_ms` is relative to the start of the stream.
    pub fn media(&mut self, audio: &[u8], timestamp_ms: u64, out: &mut impl Write) -> fmt::Result {
        self.payload(Base64Display::new(audio, &BASE64), timestamp_ms, out)
    }

    /// Appends `media` whose audio is in base64 already, so that many streams can share it.
    pub fn media_in_base64(
        &mut self,
        payload: &str,
        timestamp_ms: u64,
        out: &mut impl Write,
    ) -> fmt::Result {
        self.payload(payload, timestamp_ms, out)
    }

    fn payload(
        &mut self,
        payload: impl fmt::Display,
        timestamp_ms: u64,
        out: &mut impl Write,
    ) -> fmt::Result {
        self.open("media", out)?;
        self.chunk += 1;
        let chunk = self.chunk;
        write!(
            out,
            r#","media":{{"chunk":"{chunk}","timestamp":"{timestamp_ms}","payload":"{payload}"}}}}"#
        )
    }

    /// Appends `dtmf`: a key and how long it was held.
    pub fn dtmf(&mut self, digit: char, duration_ms: u64, out: &mut impl Write) -> fmt::Result {
        self.open("dtmf", out)?;
        write!(
            out,
            r#","dtmf":{{"digit":{},"duration":"{duration_ms}"}}}}"#,
            JsonText(digit.encode_utf8(&mut [0; 4]))
        )
    }

    /// Appends `mark`, returned once the audio before it has been played.
    pub fn mark(&mut self, name: &str, out: &mut impl Write) -> fmt::Result {
        self.open("mark", out)?;
        write!(out, r#","mark":{{"name":{}}}}}"#, JsonText(name))
    }

    /// Appends `stop`. On real calls the reason is `canceled or call ended`.
    pub fn stop(&mut self, reason: &str, out: &mut impl Write) -> fmt::Result {
        self.open("stop", out)?;
        let Stream {
            call_sid,
            account_sid,
            ..
        } = &self.stream;
        write!(
            out,
            r#","stop":{{"call_sid":"{call_sid}","account_sid":"{account_sid}","reason":{}}}}}"#,
            JsonText(reason)
        )
    }

    /// Opens a message with the keys that all except `connected` start with, in the order of real
    /// calls.
    fn open(&mut self, event: &str, out: &mut impl Write) -> fmt::Result {
        self.sequence += 1;
        write!(
            out,
            r#"{{"event":"{event}","stream_sid":"{}","sequence_number":"{}""#,
            self.stream.stream_sid, self.sequence
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Stream {
        Stream {
            stream_sid: StreamSid::parse("95be037f0ff02b427c3a4a59ae72198c").unwrap(),
            call_sid: CallSid::parse("75b90b4b77ce9e6fe9a60a26f03d198c").unwrap(),
            account_sid: AccountSid::parse("ezora2").unwrap(),
            from: "+14120000000".into(),
            to: "08045000000".into(),
            custom_parameters: vec![(
                "serviceHost".to_owned(),
                "customer-support.acme-corp".into(),
            )],
            media_format: MediaFormat::default(),
        }
    }

    fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
        let mut out = String::new();
        write(&mut out).unwrap();
        out
    }

    #[test]
    fn start_is_the_one_of_a_real_call() {
        let mut far_end = FarEnd::new(stream());
        assert_eq!(
            written(|out| far_end.connected(out)),
            r#"{"event":"connected"}"#
        );
        assert_eq!(
            written(|out| far_end.start(out)),
            r#"{"event":"start","stream_sid":"95be037f0ff02b427c3a4a59ae72198c","sequence_number":"1","start":{"stream_sid":"95be037f0ff02b427c3a4a59ae72198c","call_sid":"75b90b4b77ce9e6fe9a60a26f03d198c","account_sid":"ezora2","from":"+14120000000","to":"08045000000","custom_parameters":{"serviceHost":"customer-support.acme-corp"},"media_format":{"encoding":"base64","sample_rate":"8000","bit_rate":"128kbps"}}}"#
        );
    }

    #[test]
    fn without_parameters_the_key_is_absent_and_mu_law_is_said() {
        let media_format = MediaFormat {
            encoding: Encoding::MuLaw,
            rate_hz: 8_000,
        };
        let mut far_end = FarEnd::new(Stream {
            custom_parameters: vec![],
            media_format,
            ..stream()
        });
        let text = written(|out| far_end.start(out));
        assert!(!text.contains("custom_parameters"));
        assert!(
            text.ends_with(
                r#""media_format":{"encoding":"mulaw","sample_rate":"8000","bit_rate":"64kbps"}}}"#
            ),
            "{text}"
        );
    }

    #[test]
    fn one_counter_runs_through_all_messages() {
        let mut far_end = FarEnd::new(stream());
        let sid = "95be037f0ff02b427c3a4a59ae72198c";
        written(|out| far_end.start(out));
        assert_eq!(
            written(|out| far_end.media(&[0; 8], 20, out)),
            format!(
                r#"{{"event":"media","stream_sid":"{sid}","sequence_number":"2","media":{{"chunk":"1","timestamp":"20","payload":"AAAAAAAAAAA="}}}}"#
            )
        );
        assert_eq!(
            written(|out| far_end.dtmf('#', 100, out)),
            format!(
                r##"{{"event":"dtmf","stream_sid":"{sid}","sequence_number":"3","dtmf":{{"digit":"#","duration":"100"}}}}"##
            )
        );
        assert_eq!(
            written(|out| far_end.mark("my-label", out)),
            format!(
                r#"{{"event":"mark","stream_sid":"{sid}","sequence_number":"4","mark":{{"name":"my-label"}}}}"#
            )
        );
        assert_eq!(
            written(|out| far_end.stop("callended", out)),
            format!(
                r#"{{"event":"stop","stream_sid":"{sid}","sequence_number":"5","stop":{{"call_sid":"75b90b4b77ce9e6fe9a60a26f03d198c","account_sid":"ezora2","reason":"callended"}}}}"#
            )
        );
    }
}
