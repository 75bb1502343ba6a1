//! Messages from Exotel on the media stream, one per text frame.
//!
//! Source: Exotel, "Working with the Stream and Voicebot applets", and messages of real calls where
//! they differ: numbers are sent as strings, `encoding` is `base64`, `custom_parameters` is absent
//! when there are none, and `stop` has undocumented reasons.

use std::borrow::Cow;
use std::fmt;

use ghanti_model::{AccountSid, CallSid, PhoneNumber, StreamSid};

use crate::frame::{DtmfBody, Frame, StartBody};
use crate::lenient::Scalar;
use crate::repair::repaired;
use crate::{Media, MediaFormat, ParseError};

/// A message from Exotel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// The socket is open; nothing is known about the call yet.
    Connected,
    /// The stream has started. Nothing may be sent before this.
    Start(Start),
    /// Caller audio.
    Media(Media<'a>),
    /// A key was pressed.
    Dtmf(Dtmf),
    /// The audio sent before this mark has been played.
    Mark(Mark<'a>),
    /// The stream has ended. Exotel closes the socket immediately, usually without a close frame.
    Stop(Stop),
    /// Described by some samples as "start over"; never seen on a real call.
    Clear,
    /// An unknown event, to be ignored.
    Unknown {
        /// The event's name.
        event: Cow<'a, str>,
    },
}

/// The properties of a stream. Constructed only by [`parse`], so having one proves that the stream
/// has started.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Start {
    /// The stream's id, repeated in every message to Exotel.
    pub stream_sid: StreamSid,
    /// The call's id; `None` if missing or an unexpanded template (`{CallSid}`).
    pub call_sid: Option<CallSid>,
    /// The account.
    pub account_sid: Option<AccountSid>,
    /// The number that called, or that was dialled first.
    pub from: Option<PhoneNumber>,
    /// The other number, usually the ExoPhone.
    pub to: Option<PhoneNumber>,
    /// The query parameters of the stream URL, in order. May be personal: `Debug` shows only the
    /// names.
    pub custom_parameters: Vec<(String, String)>,
    /// The audio format, in both directions.
    pub media_format: MediaFormat,
    /// Sequence number among all messages of the socket, from 1.
    pub sequence: Option<u64>,
}

/// A pressed key. `Debug` hides it, since it may be part of a PIN.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Dtmf {
    /// `0` to `9`, `*`, `#`, `A` to `D`.
    pub digit: char,
    /// How long it was held, if reported.
    pub duration_ms: Option<u64>,
    /// Sequence number among all messages of the socket.
    pub sequence: Option<u64>,
}

/// A mark returned by Exotel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark<'a> {
    /// The name it was sent with.
    pub name: Cow<'a, str>,
    /// Sequence number among all messages of the socket.
    pub sequence: Option<u64>,
}

/// The end of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stop {
    /// The call's id, if present.
    pub call_sid: Option<CallSid>,
    /// The account, if present.
    pub account_sid: Option<AccountSid>,
    /// Exotel's wording: `callended` and `stopped` in the documentation, `canceled or call ended`
    /// on real calls. For display only.
    pub reason: Option<String>,
    /// Sequence number among all messages of the socket.
    pub sequence: Option<u64>,
}

/// Parses one message. A `media` message borrows from the text and does not allocate.
///
/// # Errors
/// The text is not JSON, is over 256 KiB, or has no value for a required field: every message needs `event`,
/// `start` needs `stream_sid`, `media` its payload, `dtmf` its digit, `mark` its name.
///
/// A value that Rust cannot represent (such as half a surrogate pair in a parameter) does not fail
/// the message; see the crate's `repair` module.
pub fn parse(text: &str) -> Result<Inbound<'_>, ParseError> {
    match Frame::read(text) {
        Ok(frame) => of_frame(frame),
        Err(ParseError::NotJson(error)) => match repaired(text) {
            Some(text) => of_frame(Frame::read(&text)?).map(Inbound::into_owned),
            None => Err(ParseError::NotJson(error)),
        },
        Err(error) => Err(error),
    }
}

/// The CallSid of a `start` that [`parse`] rejects, so that the call can still be identified.
pub fn call_sid_of(start: &str) -> Option<CallSid> {
    let of = |text: &str| {
        Frame::read(text)
            .ok()
            .and_then(|frame| call_sid(frame.start.call_sid))
    };
    of(start).or_else(|| of(&repaired(start)?))
}

fn of_frame(frame: Frame<'_>) -> Result<Inbound<'_>, ParseError> {
    let Scalar::Text(event) = frame.event else {
        return Err(ParseError::Missing {
            field: "event",
            expected: "the event's name as a text, such as `media`",
        });
    };
    let sequence = frame.sequence_number.count();
    Ok(match event.as_ref() {
        "media" => Inbound::Media(Media::read(frame.stream_sid, sequence, frame.media)?),
        "mark" => Inbound::Mark(Mark::read(frame.mark.name, sequence)?),
        "dtmf" => Inbound::Dtmf(Dtmf::read(frame.digit, frame.dtmf, sequence)?),
        "start" => {
            let media_format = MediaFormat::read([&frame.start.media_format, &frame.media_format]);
            Inbound::Start(Start::read(
                frame.stream_sid,
                frame.start,
                media_format,
                sequence,
            )?)
        }
        "stop" => Inbound::Stop(Stop {
            call_sid: call_sid(frame.stop.call_sid),
            account_sid: account_sid(frame.stop.account_sid),
            reason: frame.stop.reason.into_text().map(Cow::into_owned),
            sequence,
        }),
        "connected" => Inbound::Connected,
        "clear" => Inbound::Clear,
        _ => Inbound::Unknown { event },
    })
}

impl Inbound<'_> {
    /// Clones whatever is borrowed.
    fn into_owned(self) -> Inbound<'static> {
        match self {
            Inbound::Connected => Inbound::Connected,
            Inbound::Start(start) => Inbound::Start(start),
            Inbound::Media(media) => Inbound::Media(media.into_owned()),
            Inbound::Dtmf(dtmf) => Inbound::Dtmf(dtmf),
            Inbound::Mark(mark) => Inbound::Mark(Mark {
                name: Cow::Owned(mark.name.into_owned()),
                sequence: mark.sequence,
            }),
            Inbound::Stop(stop) => Inbound::Stop(stop),
            Inbound::Clear => Inbound::Clear,
            Inbound::Unknown { event } => Inbound::Unknown {
                event: Cow::Owned(event.into_owned()),
            },
        }
    }
}

fn call_sid(value: Scalar<'_>) -> Option<CallSid> {
    CallSid::parse(value.into_text()?).ok()
}

fn account_sid(value: Scalar<'_>) -> Option<AccountSid> {
    AccountSid::parse(value.into_text()?).ok()
}

fn stream_sid(value: Scalar<'_>) -> Option<StreamSid> {
    StreamSid::parse(value.into_text()?).ok()
}

fn phone_number(value: Scalar<'_>) -> Option<PhoneNumber> {
    PhoneNumber::parse(&value.into_text()?).ok()
}

impl Start {
    fn read(
        top: Scalar<'_>,
        body: StartBody<'_>,
        media_format: MediaFormat,
        sequence: Option<u64>,
    ) -> Result<Self, ParseError> {
        let stream_sid = stream_sid(top)
            .or_else(|| stream_sid(body.stream_sid))
            .ok_or(ParseError::Missing {
                field: "stream_sid",
                expected: "the stream's id: 1 to 128 letters, digits, `-`, `_` or `.`",
            })?;
        Ok(Self {
            stream_sid,
            call_sid: call_sid(body.call_sid),
            account_sid: account_sid(body.account_sid),
            from: phone_number(body.from),
            to: phone_number(body.to),
            custom_parameters: body.custom_parameters.0,
            media_format,
            sequence,
        })
    }
}

impl Dtmf {
    fn read(
        top: Scalar<'_>,
        body: DtmfBody<'_>,
        sequence: Option<u64>,
    ) -> Result<Self, ParseError> {
        let digit = body
            .digit
            .into_text()
            .or_else(|| top.into_text())
            .and_then(|text| key(text.trim()));
        let expected = "one of `0` to `9`, `*`, `#`, `A` to `D` as a text";
        let digit = digit.ok_or(ParseError::Missing {
            field: "dtmf.digit",
            expected,
        })?;
        Ok(Self {
            digit,
            duration_ms: body.duration.count(),
            sequence,
        })
    }
}

/// The text as a single DTMF key (ITU-T Q.23).
fn key(text: &str) -> Option<char> {
    let mut characters = text.chars();
    let key = characters.next()?.to_ascii_uppercase();
    (characters.next().is_none() && matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')).then_some(key)
}

impl<'a> Mark<'a> {
    pub(crate) fn read(name: Scalar<'a>, sequence: Option<u64>) -> Result<Self, ParseError> {
        let expected = "the name the mark was sent with";
        let name = name.into_text().ok_or(ParseError::Missing {
            field: "mark.name",
            expected,
        })?;
        Ok(Self { name, sequence })
    }
}

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .custom_parameters
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        f.debug_struct("Start")
            .field("stream_sid", &self.stream_sid)
            .field("call_sid", &self.call_sid)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("custom_parameters", &names)
            .field("media_format", &self.media_format)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Dtmf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dtmf")
            .field("duration_ms", &self.duration_ms)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(text: &str) -> Start {
        match parse(text).unwrap() {
            Inbound::Start(start) => start,
            other => panic!("not a start: {other:?}"),
        }
    }

    #[test]
    fn custom_parameters_may_be_missing_or_empty_in_every_way() {
        for parameters in [
            "",
            r#","custom_parameters":null"#,
            r#","custom_parameters":"""#,
            r#","custom_parameters":{}"#,
            r#","custom_parameters":[1]"#,
        ] {
            let text = format!(
                r#"{{"event":"start","stream_sid":"s1","start":{{"call_sid":"c1"{parameters}}}}}"#
            );
            let start = start(&text);
            assert_eq!(
                (start.custom_parameters, start.call_sid.unwrap().as_str()),
                (vec![], "c1"),
                "{parameters}"
            );
        }
    }

    #[test]
    fn parameters_keep_their_order_and_may_be_numbers() {
        let start = start(
            r#"{"event":"start","start":{"streamSid":"s1","customParameters":{"b":"x","a":7,"c":null}}}"#,
        );
        assert_eq!(
            start.custom_parameters,
            [
                ("b".to_owned(), "x".to_owned()),
                ("a".to_owned(), "7".to_owned())
            ]
        );
    }

    #[test]
    fn the_format_in_start_goes_before_the_one_beside_it() {
        let start = start(
            r#"{"event":"start","stream_sid":"s","mediaFormat":{"encoding":"mulaw","sampleRate":8000},"start":{"media_format":{"sample_rate":"16kHz"}}}"#,
        );
        assert_eq!(
            start.media_format,
            MediaFormat {
                encoding: crate::Encoding::MuLaw,
                rate_hz: 16_000
            }
        );
    }

    #[test]
    fn half_an_emoji_in_any_text_of_any_message_costs_nothing_else() {
        let whole = start(
            r#"{"event":"start","stream_sid":"s","x\ud83d":"\udc00","start":{"call_sid":"c1","from":"\ud83d","custom_parameters":{"name":"Asha \ud83d","ok":"\ud83d\ude00"}}}"#,
        );
        let parameters = [("name", "Asha \u{fffd}"), ("ok", "\u{1f600}")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            (
                whole.call_sid.unwrap().as_str(),
                whole.from,
                whole.custom_parameters
            ),
            ("c1", None, parameters.to_vec())
        );
        for (text, expected) in [
            (
                r#"{"event":"mark","mark":{"name":"m1"},"x":"\ud83d"}"#,
                Inbound::Mark(Mark {
                    name: "m1".into(),
                    sequence: None,
                }),
            ),
            (
                r#"{"event":"\ud83d"}"#,
                Inbound::Unknown {
                    event: "\u{fffd}".into(),
                },
            ),
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        let text = r#"{"event":"media","media":{"payload":"AAA=","\udfff":"\udfff"},"sequence_number":1e999}"#;
        let Inbound::Media(media) = parse(text).unwrap() else {
            panic!("no media")
        };
        assert_eq!((media.payload.as_ref(), media.sequence), ("AAA=", None));
        let stop = parse(r#"{"event":"stop","stop":{"reason":"call\ud83dended"}}"#).unwrap();
        assert!(
            matches!(stop, Inbound::Stop(stop) if stop.reason.as_deref() == Some("call\u{fffd}ended"))
        );
    }

    #[test]
    fn a_start_of_odd_values_is_still_a_start() {
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        for extra in [
            r#","sequence_number":1e999"#.to_owned(),
            r#","sequence_number":123456789012345678901234567890"#.to_owned(),
            format!(r#","x":{deep}"#),
            r#","start":{"call_sid":"c0"},"start":{"call_sid":"c1"}"#.to_owned(),
            ",\"x\":\"a\tb\"".to_owned(),
        ] {
            let text = format!(
                r#"{{"event":"start","stream_sid":"s","start":{{"call_sid":"c1","custom_parameters":{{"p":{deep}}}}}{extra}}}"#
            );
            assert_eq!(
                start(&text).call_sid.unwrap().as_str(),
                "c1",
                "{}",
                &text[..80]
            );
        }
    }

    #[test]
    fn an_unusable_start_still_names_its_call() {
        for text in [
            r#"{"event":"start","start":{"call_sid":"c1"}}"#,
            r#"{"event":"start","start":{"callSid":"c1","from":"\ud83d"}}"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
            assert_eq!(call_sid_of(text).unwrap().as_str(), "c1", "{text}");
        }
        assert_eq!(call_sid_of("start"), None);
    }

    #[test]
    fn a_template_text_or_a_withheld_number_is_none() {
        let start = start(
            r#"{"event":"start","stream_sid":"s","start":{"call_sid":"{CallSid}","from":"anonymous","to":null}}"#,
        );
        assert_eq!((start.call_sid, start.from, start.to), (None, None, None));
    }

    #[test]
    fn both_spellings_in_one_message_are_no_error() {
        let start = start(
            r#"{"event":"start","stream_sid":"s","streamSid":"s","start":{"call_sid":"c","callSid":"c"}}"#,
        );
        assert_eq!(start.call_sid.unwrap().as_str(), "c");
    }

    #[test]
    fn a_digit_is_found_at_both_places_as_text_or_number() {
        for text in [
            r#"{"event":"dtmf","digit":"5"}"#,
            r#"{"event":"dtmf","dtmf":{"digit":5}}"#,
            r#"{"event":"dtmf","dtmf":{"digit":" 5 ","duration":null}}"#,
        ] {
            assert_eq!(
                parse(text).unwrap(),
                Inbound::Dtmf(Dtmf {
                    digit: '5',
                    duration_ms: None,
                    sequence: None
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_hint() {
        let cases = [
            ("", "as JSON"),
            ("nonsense", "as JSON"),
            ("{} {}", "as JSON"),
            ("{}", "`event` is missing"),
            ("[1]", "`event` is missing"),
            (r#"{"event":5}"#, "`event` is missing"),
            (r#"{"event":"start"}"#, "`stream_sid` is missing"),
            (
                r#"{"event":"start","stream_sid":"a/b","start":7}"#,
                "`stream_sid` is missing",
            ),
            (
                r#"{"event":"media","media":""}"#,
                "`media.payload` is missing",
            ),
            (
                r#"{"event":"media","media":{"payload":7}}"#,
                "`media.payload` is missing",
            ),
            (
                r#"{"event":"dtmf","dtmf":{"digit":"55"}}"#,
                "`dtmf.digit` is missing",
            ),
            (r#"{"event":"mark"}"#, "`mark.name` is missing"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("send "),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn unknown_events_and_keys_are_passed_over() {
        assert_eq!(
            parse(r#"{"event":"silence","x":[{"y":1}]}"#).unwrap(),
            Inbound::Unknown {
                event: "silence".into()
            }
        );
        assert_eq!(
            parse(r#"{"event":"clear","z":null}"#).unwrap(),
            Inbound::Clear
        );
    }

    #[test]
    fn nothing_personal_is_shown() {
        let text = r#"{"event":"start","stream_sid":"s","start":{"from":"09876543210","custom_parameters":{"name":"Asha"}}}"#;
        let shown = format!(
            "{:?} {:?}",
            parse(text).unwrap(),
            parse(r#"{"event":"dtmf","digit":"7"}"#).unwrap()
        );
        assert!(
            !shown.contains("98765") && !shown.contains("Asha") && !shown.contains('7'),
            "{shown}"
        );
    }
}
