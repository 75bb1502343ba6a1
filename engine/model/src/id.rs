//! Ids. A bare `String` crosses no crate as one.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Our own id of a call: a UUID of version 7, so that ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(Uuid);

impl CallId {
    /// A new id, made of the time now and randomness.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads one from its hyphenated or plain spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    pub(crate) fn uuid(self) -> Uuid {
        self.0
    }

    /// 64 bits of it, the seed of the call's randomness.
    pub fn seed(self) -> u64 {
        self.0.as_u64_pair().1
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A text from outside is no id: empty, over 128 bytes, or with characters beyond letters, digits,
/// `-`, `_` and `.`.
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
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text that has an id's form.
            pub fn parse(text: impl Into<String>) -> Result<Self, NotAnId> {
                checked(text.into()).map(Self)
            }

            /// The id as text.
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
    /// Exotel's id of a call. Real ones are 32 lower-case letters and digits, not hexadecimal;
    /// nothing is assumed of them.
    CallSid
}
text_id! {
    /// Exotel's id of one media stream.
    StreamSid
}
text_id! {
    /// Exotel's name of a tenant.
    AccountSid
}
text_id! {
    /// A flow's name: its folder's or file's name in `flows/`.
    FlowName
}
text_id! {
    /// A flow's version: the SHA-256 of component, manifest and templates, in hexadecimal.
    VersionId
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
