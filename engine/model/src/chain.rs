//! The hash chain over a call's events, by which any later change of them is found. Pure.
//!
//! Each event has a position in its call, from 1 in the order in which the events were stored, and
//! a hash: the SHA-256, as 64 hexadecimal digits, of this JSON array without spaces:
//!
//! ```json
//! ["ghanti-chain-1","CALL",POSITION,"HASH BEFORE","ID",UNIX_MS,"NODE","KIND","PAYLOAD HASH"]
//! ```
//!
//! The hash before the first event is [`START`]. The payload hash is the SHA-256 of the event's salt
//! followed by its payload (the event's kind and data as JSON, byte for byte as it was stored). The
//! salt is random, so that what an erased payload said cannot be guessed from its hash; it is erased
//! with the payload. Events of engines before there was a chain have none.
//!
//! A payload may be replaced by one without personal data. An event `erased` of the same chain then
//! says so ([`Erased`]), with a digest of all replaced payloads of the call: a payload that differs
//! from its hash without one has been tampered with.

use std::fmt;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::{CallEvent, CallId, Erased, EventId, EventKind, NodeId};

/// The hash before the first event of a call.
pub const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Names what is hashed, and its version.
const SCHEME: &str = "ghanti-chain-1";

/// The SHA-256 of bytes, as 64 hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes as hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The hash of a payload with its salt.
pub fn payload_hash(salt: &str, payload: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(salt);
    hash.update(payload);
    hexadecimal(&hash.finalize())
}

/// The head of a call's chain: how many events it has, and the hash of the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainHead {
    /// How many events the chain has.
    pub length: u64,
    /// The hash of the last one; [`START`] if there is none.
    pub hash: String,
}

impl Default for ChainHead {
    fn default() -> Self {
        Self {
            length: 0,
            hash: START.to_owned(),
        }
    }
}

/// What is hashed of an event, as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Link<'e> {
    /// Its id.
    pub id: &'e str,
    /// Its time, in milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: i64,
    /// The node that recorded it.
    pub node: &'e str,
    /// The name of its kind.
    pub kind: &'e str,
    /// The hash of its payload.
    pub payload_hash: &'e str,
}

impl ChainHead {
    /// The head after one more event of the call.
    #[must_use]
    pub fn with(&self, call: CallId, link: &Link<'_>) -> Self {
        let length = self.length.saturating_add(1);
        let hashed = serde_json::json!([
            SCHEME,
            call.to_string(),
            length,
            self.hash,
            link.id,
            link.unix_ms,
            link.node,
            link.kind,
            link.payload_hash
        ]);
        Self {
            length,
            hash: sha256(hashed.to_string().as_bytes()),
        }
    }
}

/// An event as it is stored, with its place in the chain. This is a line of `events.jsonl` in an
/// export.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainedEvent {
    /// Its position in the call, from 1; 0 if it has none.
    pub position: u64,
    /// Its id.
    pub id: String,
    /// The node that recorded it.
    pub node: String,
    /// Its time, in milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: i64,
    /// The name of its kind.
    pub kind: String,
    /// Its kind and data as JSON.
    pub payload: Option<String>,
    /// The salt of the payload's hash, in hexadecimal; none if the payload was erased or is older
    /// than salts.
    pub salt: Option<String>,
    /// The hash of the payload as it was recorded.
    pub payload_hash: String,
    /// The hash of the event, and so of all before it.
    pub hash: String,
}

/// Shows no payload: it is personal.
impl fmt::Debug for ChainedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainedEvent")
            .field("position", &self.position)
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl ChainedEvent {
    /// What is hashed of it.
    pub fn link(&self) -> Link<'_> {
        Link {
            id: &self.id,
            unix_ms: self.unix_ms,
            node: &self.node,
            kind: &self.kind,
            payload_hash: &self.payload_hash,
        }
    }

    /// The head of the chain that ends with it.
    pub fn head(&self) -> ChainHead {
        ChainHead {
            length: self.position,
            hash: self.hash.clone(),
        }
    }

    /// Whether its payload is the one that was recorded.
    pub fn is_as_recorded(&self) -> bool {
        let salt = self.salt.as_deref().unwrap_or_default();
        self.payload
            .as_deref()
            .is_some_and(|payload| payload_hash(salt, payload) == self.payload_hash)
    }

    /// The event; `None` if its id is invalid. Without a readable payload only its kind is known
    /// ([`EventKind::Other`]).
    pub fn event(&self, call: CallId) -> Option<CallEvent> {
        let payload = self.payload.as_deref();
        let kind = payload
            .and_then(|payload| serde_json::from_str(payload).ok())
            .unwrap_or_else(|| EventKind::Other {
                kind: self.kind.clone(),
                data: serde_json::Value::Null,
            });
        Some(CallEvent {
            id: EventId::parse(&self.id)?,
            call_id: call,
            node: NodeId::parse(&self.node).unwrap_or(NodeId::NONE),
            unix_ms: u64::try_from(self.unix_ms).unwrap_or_default(),
            kind,
        })
    }
}

/// A chain in which nothing was changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Intact {
    /// How many events it has.
    pub events: u64,
    /// Of how many of them the personal data was erased.
    pub erased: u64,
}

/// A chain in which something was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{}{reason}", place(*.position, .event.as_deref()))]
pub struct Broken {
    /// The first position at which it shows; 0 if it is no event's.
    pub position: u64,
    /// The id of the event there, if there is one.
    pub event: Option<String>,
    /// What was found.
    pub reason: String,
}

/// Where a change shows, in front of what it is.
fn place(position: u64, event: Option<&str>) -> String {
    match (position, event) {
        (0, _) => String::new(),
        (_, None) => format!("event {position}: "),
        (_, Some(id)) => format!("event {position} ({id}): "),
    }
}

impl Broken {
    fn at(event: &ChainedEvent, position: u64, reason: &str) -> Self {
        Self {
            position,
            event: Some(event.id.clone()),
            reason: reason.to_owned(),
        }
    }
}

/// Checks all events of a call, in the order of their positions, against the head of its chain.
///
/// # Errors
/// Something was changed, removed or added.
pub fn verify(call: CallId, events: &[ChainedEvent], head: &ChainHead) -> Result<Intact, Broken> {
    let mut chain = ChainHead::default();
    let mut differing = Vec::new();
    let mut erased = None;
    for event in events {
        let position = chain.length.saturating_add(1);
        if event.position != position {
            let reason = match event.position {
                0 => "the event has no position: it was not added by the engine",
                before if before < position => "two events have this position: one was added",
                _ => "the event at this position is missing",
            };
            return Err(Broken::at(event, position, reason));
        }
        chain = chain.with(call, &event.link());
        if event.hash != chain.hash {
            let reason = "its id, time, node, kind, hashes or place was changed";
            return Err(Broken::at(event, position, reason));
        }
        if !event.is_as_recorded() {
            differing.push(event);
        } else if let Some(EventKind::Erased(found)) = event.event(call).map(|event| event.kind) {
            erased = Some((position, found));
        }
    }
    if &chain != head {
        return Err(Broken {
            position: chain.length.saturating_add(1),
            event: None,
            reason: format!(
                "the call has {} chained events and its head says {}: the last ones, or the head, were changed",
                chain.length, head.length
            ),
        });
    }
    let is_reported = match &erased {
        None => differing.is_empty(),
        Some((position, erased)) => {
            differing.iter().all(|event| event.position < *position)
                && erased.digest == digest(differing.iter().copied())
        }
    };
    match differing.first() {
        Some(event) if !is_reported => Err(Broken::at(
            event,
            event.position,
            "its payload is not the one that was recorded, and no erasure says so",
        )),
        None if !is_reported => Err(Broken {
            position: erased.map_or(0, |(position, _)| position),
            event: None,
            reason: "an erasure names payloads that were not erased".to_owned(),
        }),
        _ => Ok(Intact {
            events: chain.length,
            erased: u64::try_from(differing.len()).unwrap_or(u64::MAX),
        }),
    }
}

/// The digest of the replaced payloads of a call, in the order of their positions: the SHA-256 of a
/// JSON array of the position and the payload's SHA-256 of each.
pub fn digest<'e>(replaced: impl IntoIterator<Item = &'e ChainedEvent>) -> String {
    let listed: Vec<_> = replaced
        .into_iter()
        .map(|event| {
            let payload = event.payload.as_deref().unwrap_or_default();
            serde_json::json!([event.position, sha256(payload.as_bytes())])
        })
        .collect();
    sha256(serde_json::Value::Array(listed).to_string().as_bytes())
}

impl Erased {
    /// Says which payloads of a call are replaced now: those of `events` that are not as recorded.
    pub fn of<'e>(
        what: crate::Erasable,
        events: impl IntoIterator<Item = &'e ChainedEvent>,
    ) -> Self {
        let replaced: Vec<_> = events
            .into_iter()
            .filter(|event| !event.is_as_recorded())
            .collect();
        Self {
            what,
            events: u64::try_from(replaced.len()).unwrap_or(u64::MAX),
            digest: digest(replaced),
        }
    }
}

#[cfg(test)]
mod tests;
