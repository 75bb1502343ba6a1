//! A log of everything on the socket, one JSON object per line: time, sender and message; audio as
//! its number of bytes.
//!
//! Kept in memory during the call, so that nothing waits for a disk. It contains the customer's
//! number and keys, so it must be written to the call's folder only, never to a log.

use serde_json::{Value as Json, json};

/// The direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Sent by Exotel.
    FromExotel,
    /// Sent by the bot.
    FromBot,
}

/// The log of one stream; `None` keeps nothing.
#[derive(Debug)]
pub struct WireLog(Option<String>);

impl Default for WireLog {
    fn default() -> Self {
        Self(Some(String::new()))
    }
}

impl WireLog {
    /// A log that keeps nothing.
    pub fn off() -> Self {
        Self(None)
    }

    /// Adds a text message. `at_ms` counts from `start` and is negative before it.
    pub fn text(&mut self, at_ms: i64, direction: Direction, text: &str) {
        if self.0.is_none() {
            return;
        }
        let message = match serde_json::from_str::<Json>(text) {
            Ok(mut message) => {
                if let Some(payload) = message.pointer_mut("/media/payload") {
                    *payload = payload_bytes(payload.as_str().unwrap_or_default());
                }
                message
            }
            Err(_) => json!({ "not-json": text.chars().take(200).collect::<String>() }),
        };
        self.line(at_ms, direction, message);
    }

    /// Adds something other than a text message, such as a close.
    pub fn event(&mut self, at_ms: i64, direction: Direction, what: &str) {
        self.line(at_ms, direction, Json::String(what.to_owned()));
    }

    /// All lines.
    pub fn into_lines(self) -> String {
        self.0.unwrap_or_default()
    }

    fn line(&mut self, at_ms: i64, direction: Direction, message: Json) {
        let from = match direction {
            Direction::FromExotel => "exotel",
            Direction::FromBot => "bot",
        };
        if let Some(lines) = &mut self.0 {
            lines.push_str(&json!({ "ms": at_ms, "from": from, "message": message }).to_string());
            lines.push('\n');
        }
    }
}

/// The number of bytes that a base64 text encodes, without decoding it.
fn payload_bytes(payload: &str) -> Json {
    let characters = payload.trim_end_matches('=').len();
    Json::from(characters * 3 / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_is_logged_as_its_length() {
        let mut log = WireLog::default();
        log.text(
            40,
            Direction::FromBot,
            r#"{"event":"media","media":{"payload":"AAECAwQ="}}"#,
        );
        log.event(60, Direction::FromBot, "close");
        let lines = log.into_lines();
        let lines: Vec<Json> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            lines[0],
            json!({ "ms": 40, "from": "bot", "message": { "event": "media", "media": { "payload": 5 } } })
        );
        assert_eq!(
            lines[1],
            json!({ "ms": 60, "from": "bot", "message": "close" })
        );
    }
}
