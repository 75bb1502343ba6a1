//! A message of the media stream as sent: all message types in one struct, parsed in one pass, with
//! keys in either spelling. The caller uses the fields that belong to its `event`.
//!
//! Source: Exotel, "Working with the Stream and Voicebot applets"; real `start` messages are
//! snake_case, older samples camelCase.

use serde::de::MapAccess;

use crate::ParseError;
use crate::lenient::{Lenient, Object, Pairs, Scalar, skip};

/// The longest message accepted. Exotel's limit of 100000 bytes of audio is about 133 kB of base64.
pub(crate) const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// The top-level object.
#[derive(Default)]
pub(crate) struct Frame<'a> {
    pub(crate) event: Scalar<'a>,
    pub(crate) stream_sid: Scalar<'a>,
    pub(crate) sequence_number: Scalar<'a>,
    pub(crate) digit: Scalar<'a>,
    pub(crate) start: StartBody<'a>,
    pub(crate) media: MediaBody<'a>,
    pub(crate) dtmf: DtmfBody<'a>,
    pub(crate) mark: MarkBody<'a>,
    pub(crate) stop: StopBody<'a>,
    pub(crate) media_format: FormatBody<'a>,
}

#[derive(Default)]
pub(crate) struct StartBody<'a> {
    pub(crate) stream_sid: Scalar<'a>,
    pub(crate) call_sid: Scalar<'a>,
    pub(crate) account_sid: Scalar<'a>,
    pub(crate) from: Scalar<'a>,
    pub(crate) to: Scalar<'a>,
    pub(crate) custom_parameters: Pairs,
    pub(crate) media_format: FormatBody<'a>,
}

#[derive(Default)]
pub(crate) struct FormatBody<'a> {
    pub(crate) encoding: Scalar<'a>,
    pub(crate) sample_rate: Scalar<'a>,
}

#[derive(Default)]
pub(crate) struct MediaBody<'a> {
    pub(crate) chunk: Scalar<'a>,
    pub(crate) timestamp: Scalar<'a>,
    pub(crate) payload: Scalar<'a>,
}

#[derive(Default)]
pub(crate) struct DtmfBody<'a> {
    pub(crate) digit: Scalar<'a>,
    pub(crate) duration: Scalar<'a>,
}

#[derive(Default)]
pub(crate) struct MarkBody<'a> {
    pub(crate) name: Scalar<'a>,
}

#[derive(Default)]
pub(crate) struct StopBody<'a> {
    pub(crate) call_sid: Scalar<'a>,
    pub(crate) account_sid: Scalar<'a>,
    pub(crate) reason: Scalar<'a>,
}

impl<'a> Frame<'a> {
    /// Parses one message. Allocates only for strings with escapes and for custom parameters.
    pub(crate) fn read(text: &'a str) -> Result<Self, ParseError> {
        if text.len() > MAX_MESSAGE_BYTES {
            return Err(ParseError::TooLong {
                bytes: text.len(),
                limit: MAX_MESSAGE_BYTES,
            });
        }
        serde_json::from_str::<Lenient<Frame<'a>>>(text)
            .map(|frame| frame.0)
            .map_err(ParseError::NotJson)
    }
}

/// Reads an object; any other JSON type leaves the field empty.
fn object<'de, A: MapAccess<'de>, T: Object<'de>>(map: &mut A) -> Result<T, A::Error> {
    map.next_value::<Lenient<T>>().map(|lenient| lenient.0)
}

impl<'de> Object<'de> for Frame<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "event" => self.event = map.next_value()?,
            "stream_sid" | "streamSid" => self.stream_sid = map.next_value()?,
            "sequence_number" | "sequenceNumber" => self.sequence_number = map.next_value()?,
            "media" => self.media = object(map)?,
            "mark" => self.mark = object(map)?,
            "dtmf" => self.dtmf = object(map)?,
            "digit" => self.digit = map.next_value()?,
            "start" => self.start = object(map)?,
            "stop" => self.stop = object(map)?,
            "media_format" | "mediaFormat" => self.media_format = object(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for StartBody<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "stream_sid" | "streamSid" => self.stream_sid = map.next_value()?,
            "call_sid" | "callSid" => self.call_sid = map.next_value()?,
            "account_sid" | "accountSid" => self.account_sid = map.next_value()?,
            "from" => self.from = map.next_value()?,
            "to" => self.to = map.next_value()?,
            "custom_parameters" | "customParameters" => self.custom_parameters = object(map)?,
            "media_format" | "mediaFormat" => self.media_format = object(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for FormatBody<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "encoding" => self.encoding = map.next_value()?,
            "sample_rate" | "sampleRate" => self.sample_rate = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for MediaBody<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "chunk" => self.chunk = map.next_value()?,
            "timestamp" => self.timestamp = map.next_value()?,
            "payload" => self.payload = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for DtmfBody<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "digit" => self.digit = map.next_value()?,
            "duration" => self.duration = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for MarkBody<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for StopBody<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "call_sid" | "callSid" => self.call_sid = map.next_value()?,
            "account_sid" | "accountSid" => self.account_sid = map.next_value()?,
            "reason" => self.reason = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}
