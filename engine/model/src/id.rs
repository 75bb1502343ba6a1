//! Id types. No crate passes an id to another as a bare `String`.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The engine's own call id: a version 7 UUID, so ids sort by time.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct CallId(Uuid);

impl CallId {
    /// Generates an id from the current time and random bits.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Parses a hyphenated or plain UUID.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    pub(crate) fn uuid(self) -> Uuid {
        self.0
    }

    /// Returns the low 64 bits, used as the seed of the call's random numbers.
    pub fn seed(self) -> u64 {
        self.0.as_u64_pair().1
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The text is not an id: it is empty, longer than 128 bytes, or has characters other than ASCII
/// letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: use 1 to 128 letters, digits, `-`, `_` or `.`")]
pub struct NotAnId;

fn checked(text: String) -> Result<String, NotAnId> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=128).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err(NotAnId)
    }
}

macro_rules! text_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Accepts a text of 1 to 128 ASCII letters, digits, `-`, `_` and `.`.
            pub fn parse(text: impl Into<String>) -> Result<Self, NotAnId> {
                checked(text.into()).map(Self)
            }

            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

text_id! {
    /// Exotel's id of a call. Real ones are 32 lower-case letters and digits, not hexadecimal; no
    /// such format is assumed.
    CallSid
}
text_id! {
    /// Exotel's id of a media stream.
    StreamSid
}
text_id! {
    /// Exotel's account name.
    AccountSid
}
text_id! {
    /// A flow's name: the name of its folder or file in `flows/`.
    FlowName
}
text_id! {
    /// A flow version: the SHA-256 of component, manifest and templates, in hexadecimal.
    VersionId
}

/// The process that recorded an event. A restarted engine is a new node; its predecessor's calls
/// are not its own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct NodeId(Uuid);

impl NodeId {
    /// No node: for events that no node recorded.
    pub const NONE: Self = Self(Uuid::nil());

    /// Generates the id of a new node.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Parses a hyphenated or plain UUID.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sids_need_not_be_hexadecimal() {
        assert!(CallSid::parse("0317857b6ab660349bed721e5ed61a6p").is_ok());
    }

    #[test]
    fn template_text_and_paths_are_no_ids() {
        for text in ["{CallSid}", "", "a/b", "a b", "ü", &"x".repeat(129)] {
            assert_eq!(CallSid::parse(text), Err(NotAnId), "{text}");
        }
    }

    #[test]
    fn call_ids_sort_by_time() {
        let (first, second) = (CallId::generate(), CallId::generate());
        assert!(first < second);
        assert_eq!(CallId::parse(&first.to_string()), Some(first));
    }
}
