//! Everything that crossed the socket, as one JSON object a line: when, which way, what; audio as
//! its number of bytes.
//!
//! Kept in memory during the call, so that no disk is waited for. It holds the customer's number
//! and keys: it belongs to a folder, not to a log.

use serde_json::{Value as Json, json};

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Exotel said it.
    FromExotel,
    /// The bot said it.
    FromBot,
}

/// The log of one stream.
#[derive(Debug, Default)]
pub struct WireLog(String);

impl WireLog {
    /// Adds a text message. `at_ms` counts from `start`, and is negative before it.
    pub fn text(&mut self, at_ms: i64, way: Way, text: &str) {
        let message = match serde_json::from_str::<Json>(text) {
            Ok(mut message) => {
                if let Some(payload) = message.pointer_mut("/media/payload") {
                    *payload = payload_bytes(payload.as_str().unwrap_or_default());
                }
                message
            }
            Err(_) => json!({ "not-json": text.chars().take(200).collect::<String>() }),
        };
        self.line(at_ms, way, message);
    }

    /// Adds what is no text message: a binary one, a close.
    pub fn event(&mut self, at_ms: i64, way: Way, what: &str) {
        self.line(at_ms, way, Json::String(what.to_owned()));
    }

    /// All lines.
    pub fn into_lines(self) -> String {
        self.0
    }

    fn line(&mut self, at_ms: i64, way: Way, message: Json) {
        let from = match way {
            Way::FromExotel => "exotel",
            Way::FromBot => "bot",
        };
        self.0
            .push_str(&json!({ "ms": at_ms, "from": from, "message": message }).to_string());
        self.0.push('\n');
    }
}

/// How many bytes a base64 text stands for, without decoding it.
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
            Way::FromBot,
            r#"{"event":"media","media":{"payload":"AAECAwQ="}}"#,
        );
        log.event(60, Way::FromBot, "close");
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
