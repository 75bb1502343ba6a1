//! A client of the engine's events: server-sent events (HTML Standard, section 9.2) of one response.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::time::timeout;

use crate::engine::{Engine, NoAnswer};

/// The engine ends a response after an hour.
const LONGEST: Duration = Duration::from_secs(7_200);
/// The engine gives a sign of life every 15 s.
const SILENT: Duration = Duration::from_secs(45);
/// The longest event. The longest that the engine sends is the import of a record from an engine that had no
/// events.
const EVENT_BYTES: usize = 16 << 20;

/// An event of a call.
pub struct Event {
    /// Its id, which a later request names to continue after it.
    pub id: String,
    /// The whole of it, as the engine sent it.
    pub json: String,
    /// The same, read.
    pub whole: Value,
}

impl Event {
    /// The kind, such as `prompt-started`.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// A text within it; empty if it has none.
    pub fn text(&self, pointer: &str) -> &str {
        let found = self.whole.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default()
    }

    /// A number within it; 0 if it has none.
    pub fn number(&self, pointer: &str) -> u64 {
        let found = self.whole.pointer(pointer).and_then(Value::as_u64);
        found.unwrap_or_default()
    }
}

/// The events of a response.
pub struct Events {
    response: Response,
    /// What has arrived and is not read yet.
    rest: Vec<u8>,
    /// How much of it has been searched for the end of an event.
    searched: usize,
}

impl Events {
    /// Follows the events at a path, such as `/api/events`, after the one with the id `last`.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub async fn open(engine: &Engine, path: &str, last: Option<&str>) -> Result<Self, NoAnswer> {
        let mut request = engine.request(Method::GET, path).timeout(LONGEST);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Ok(Self {
            response: engine.open(request).await?,
            rest: Vec::new(),
            searched: 0,
        })
    }

    /// The next event; `None` once the connection has ended or is lost. Cancel-safe.
    ///
    /// # Errors
    /// What arrives is no event.
    pub async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        loop {
            while let Some(block) = self.block() {
                if let Some(event) = read(&block)? {
                    return Ok(Some(event));
                }
            }
            if self.rest.len() > EVENT_BYTES {
                bail!("the engine sends an event of more than {EVENT_BYTES} bytes: report this");
            }
            match timeout(SILENT, self.response.chunk()).await {
                Ok(Ok(Some(bytes))) => self.rest.extend_from_slice(&bytes),
                Ok(Ok(None) | Err(_)) | Err(_) => return Ok(None),
            }
        }
    }

    /// The lines up to the next empty one, if all of them have arrived.
    fn block(&mut self) -> Option<Vec<u8>> {
        let from = self.searched.saturating_sub(1);
        let unsearched = self.rest.get(from..).unwrap_or_default();
        let Some(at) = unsearched.windows(2).position(|two| two == b"\n\n") else {
            self.searched = self.rest.len();
            return None;
        };
        self.searched = 0;
        Some(self.rest.drain(..from + at + 2).collect())
    }
}

/// Reads the lines of an event; `None` for a comment, which is a sign of life.
fn read(block: &[u8]) -> anyhow::Result<Option<Event>> {
    const ANOTHER: &str =
        "an event cannot be read: use the same version of `ghanti` as the running engine";
    let text = std::str::from_utf8(block).context(ANOTHER)?;
    let field = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim_start()))
    };
    let Some(json) = field("data") else {
        return Ok(None);
    };
    Ok(Some(Event {
        id: field("id").unwrap_or_default().to_owned(),
        json: json.to_owned(),
        whole: serde_json::from_str(json).context(ANOTHER)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_and_a_comment_is_none() {
        let read_event = read(b"event: keys\ndata: {\"kind\":\"keys\",\"unix_ms\":5}\nid: 01\n\n");
        let event = read_event.unwrap().unwrap();
        assert_eq!((event.id.as_str(), event.kind()), ("01", "keys"));
        assert_eq!(event.number("/unix_ms"), 5);
        assert_eq!((event.text("/data/text"), event.number("/none")), ("", 0));
        assert!(read(b": \n\n").unwrap().is_none());
        assert!(read(b"data: {\n\n").is_err());
        assert!(read(b"data: \xff\n\n").is_err());
    }
}
