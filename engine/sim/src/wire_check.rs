//! Checks what a bot sends against Exotel's rules, strictly, and collects every violation.
//!
//! Works on plain JSON on purpose: a tolerant parser would hide mistakes of the engine's writer.
//! Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ghanti_exotel::MediaFormat;
use serde_json::Value as Json;

use crate::fault::WireFault;

/// A valid message of the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromBot {
    /// Queue this audio: PCM16 at the stream's rate.
    Media(Vec<i16>),
    /// Return this mark when everything queued before it has been played.
    Mark(String),
    /// Drop everything that has not been played.
    Clear,
}

/// Checks the messages of one stream.
#[derive(Debug)]
pub struct WireCheck {
    stream_sid: String,
    format: MediaFormat,
    started: bool,
    faults: Vec<WireFault>,
}

impl WireCheck {
    /// Starts in the state before `start`.
    pub fn new(stream_sid: String, format: MediaFormat) -> Self {
        Self {
            stream_sid,
            format,
            started: false,
            faults: Vec::new(),
        }
    }

    /// Call this when `start` has been sent; from then on the bot may send audio.
    pub fn starts(&mut self) {
        self.started = true;
    }

    /// Adds a violation.
    pub fn violation(&mut self, fault: WireFault) {
        // limited, so that a bot which repeats itself does not flood the report
        if self.faults.len() < 64 {
            self.faults.push(fault);
        }
    }

    /// All violations so far.
    pub fn into_faults(self) -> Vec<WireFault> {
        self.faults
    }

    /// Checks a text message. `None` if Exotel would ignore it.
    pub fn text(&mut self, text: &str) -> Option<FromBot> {
        let Ok(message) = serde_json::from_str::<Json>(text) else {
            self.violation(WireFault::NotJson { bytes: text.len() });
            return None;
        };
        let event = message
            .get("event")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned();
        if !matches!(event.as_str(), "media" | "mark" | "clear") {
            self.violation(WireFault::UnknownEvent { event });
            return None;
        }
        if !self.started {
            self.violation(WireFault::BeforeStart { event });
            return None;
        }
        if message.get("stream_sid").and_then(Json::as_str) != Some(self.stream_sid.as_str()) {
            self.violation(WireFault::WrongStreamSid { event });
            return None;
        }
        match event.as_str() {
            "media" => self.media(&message),
            "mark" => self.mark(&message),
            _ => Some(FromBot::Clear),
        }
    }

    fn mark(&mut self, message: &Json) -> Option<FromBot> {
        match message.pointer("/mark/name").and_then(Json::as_str) {
            Some(name) if !name.is_empty() => Some(FromBot::Mark(name.to_owned())),
            _ => {
                self.violation(WireFault::MarkWithoutName);
                None
            }
        }
    }

    fn media(&mut self, message: &Json) -> Option<FromBot> {
        let payload = message
            .pointer("/media/payload")
            .and_then(Json::as_str)
            .and_then(|payload| STANDARD.decode(payload).ok());
        let Some(payload) = payload else {
            self.violation(WireFault::NotBase64);
            return None;
        };
        if let Err(error) = self.format.check_frame(payload.len()) {
            self.violation(WireFault::Frame {
                problem: error.to_string(),
            });
        }
        Some(FromBot::Media(
            payload
                .as_chunks::<2>()
                .0
                .iter()
                .map(|pair| i16::from_le_bytes(*pair))
                .collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn media(bytes: usize, sid: &str) -> String {
        json!({ "event": "media", "stream_sid": sid, "media": { "payload": STANDARD.encode(vec![0; bytes]) } }).to_string()
    }

    fn faults(messages: &[String]) -> Vec<WireFault> {
        let mut check = WireCheck::new("s1".to_owned(), MediaFormat::default());
        check.starts();
        messages
            .iter()
            .for_each(|message| drop(check.text(message)));
        check.into_faults()
    }

    #[test]
    fn frames_of_100_to_200_ms_are_right() {
        let mark =
            json!({ "event": "mark", "stream_sid": "s1", "mark": { "name": "m" } }).to_string();
        let clear = json!({ "event": "clear", "stream_sid": "s1" }).to_string();
        assert_eq!(
            faults(&[
                media(3200, "s1"),
                media(1600, "s1"),
                mark,
                media(1920, "s1"),
                clear
            ]),
            []
        );
    }

    #[test]
    fn lengths_that_exotel_cannot_play_are_faults() {
        for bytes in [0, 320, 1000, 1700, 3520, 100_160] {
            assert!(
                matches!(faults(&[media(bytes, "s1")])[..], [WireFault::Frame { .. }]),
                "{bytes}"
            );
        }
    }

    #[test]
    fn what_exotel_ignores_is_a_fault() {
        assert_eq!(
            faults(&[media(1600, "s2")]),
            [WireFault::WrongStreamSid {
                event: "media".to_owned()
            }]
        );
        assert_eq!(faults(&["{".to_owned()]), [WireFault::NotJson { bytes: 1 }]);
        let hang_up = json!({ "event": "hangup", "stream_sid": "s1" }).to_string();
        assert_eq!(
            faults(&[hang_up]),
            [WireFault::UnknownEvent {
                event: "hangup".to_owned()
            }]
        );
        let number =
            json!({ "event": "mark", "stream_sid": "s1", "mark": { "name": 7 } }).to_string();
        assert_eq!(faults(&[number]), [WireFault::MarkWithoutName]);
    }

    #[test]
    fn audio_before_start_is_a_fault() {
        let mut check = WireCheck::new("s1".to_owned(), MediaFormat::default());
        assert_eq!(check.text(&media(1600, "s1")), None);
        assert_eq!(
            check.into_faults(),
            [WireFault::BeforeStart {
                event: "media".to_owned()
            }]
        );
    }
}
