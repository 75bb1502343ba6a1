//! A client that follows what happens to calls, by server-sent events.

use std::time::{Duration, Instant};

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::engine::{Engine, PATIENCE};

/// The token that every follower sends; an engine without one takes any.
pub const API_TOKEN: &str = "api-token-of-followers";
/// A whole conversation takes a fraction of this, also on a busy machine.
const CONVERSATION: Duration = Duration::from_secs(300);

/// An event as a follower got it.
#[derive(Debug)]
pub struct Received {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Which call it is of.
    pub call: String,
    /// When it happened.
    pub unix_ms: u64,
    /// All of it.
    pub whole: Value,
}

impl Received {
    /// Nothing of a comment, which is a sign of life.
    fn read(block: &str) -> Option<Self> {
        let field = |name: &str| {
            let value = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned());
            block.lines().find_map(value)
        };
        let data: Value = serde_json::from_str(&field("data")?).unwrap();
        let (id, kind) = (field("id").unwrap(), field("event").unwrap());
        assert_eq!(
            (&data["id"], &data["kind"]),
            (&json!(id), &json!(kind)),
            "{block}"
        );
        Some(Self {
            id,
            kind,
            call: data["call_id"].as_str().unwrap().to_owned(),
            unix_ms: data["unix_ms"].as_u64().unwrap(),
            whole: data,
        })
    }
}

/// Ids and kinds, to be compared and shown.
pub fn ids(reported: &[Received]) -> Vec<String> {
    let shown = |reported: &Received| format!("{} {}", reported.id, reported.kind);
    reported.iter().map(shown).collect()
}

#[derive(Debug)]
enum Heard {
    Event(Received),
    SignOfLife,
    Gone,
}

/// A client that follows events.
pub struct Follower {
    response: Response,
    rest: Vec<u8>,
}

impl Follower {
    /// A request to follow, not yet sent.
    pub fn request(engine: &Engine, path: &str) -> RequestBuilder {
        let request = engine.http().get(engine.url(path)).bearer_auth(API_TOKEN);
        request.timeout(2 * CONVERSATION)
    }

    /// Follows from an event on, or from the first.
    pub async fn open(engine: &Engine, path: &str, last: Option<&str>) -> Self {
        let mut request = Self::request(engine, path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            rest: Vec::new(),
        }
    }

    async fn hear(&mut self) -> Heard {
        loop {
            if let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
                let block = self.rest.drain(..end + 2).collect();
                let block = String::from_utf8(block).unwrap();
                return Received::read(&block).map_or(Heard::SignOfLife, Heard::Event);
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await;
            match chunk.expect("neither an event nor a sign of life") {
                Ok(Some(bytes)) => self.rest.extend_from_slice(&bytes),
                Ok(None) | Err(_) => return Heard::Gone,
            }
        }
    }

    /// The next event, whole.
    pub async fn until_event(&mut self) -> Value {
        loop {
            if let Heard::Event(event) = self.hear().await {
                return event.whole;
            }
        }
    }

    /// The events from now on until there are those that are waited for.
    pub async fn until(&mut self, are_there: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let (mut reported, given_up) = (Vec::new(), Instant::now() + CONVERSATION);
        while !are_there(&reported) {
            match self.hear().await {
                Heard::Event(event) => reported.push(event),
                Heard::SignOfLife => {}
                Heard::Gone => panic!("it ended behind {:#?}", ids(&reported)),
            }
            assert!(Instant::now() < given_up, "only {:#?}", ids(&reported));
        }
        reported
    }

    /// The events until the engine has nothing more to send but a sign of life.
    pub async fn until_quiet(&mut self) -> Vec<Received> {
        let mut reported = Vec::new();
        while let Heard::Event(event) = self.hear().await {
            reported.push(event);
        }
        reported
    }

    /// The events until the engine is gone.
    pub async fn until_gone(mut self) -> Vec<Received> {
        let mut reported = Vec::new();
        loop {
            match self.hear().await {
                Heard::Event(event) => reported.push(event),
                Heard::SignOfLife => {}
                Heard::Gone => return reported,
            }
        }
    }
}
