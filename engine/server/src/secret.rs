//! Settings that must not be shown.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The characters that are percent-encoded in URLs.
const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A password, a token, or a URL that contains one. `Debug` and `Serialize` print a placeholder,
/// and there is no `Display`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// Length of a random token in bytes: 144 bits, 24 characters in base64.
const TOKEN_BYTES: usize = 18;

/// The tokens that are accepted for one kind of request: the current one and, while it is being
/// changed, the previous one.
#[derive(Debug, Clone, Copy)]
pub struct Accepted<'a> {
    /// The token; when absent, every request is accepted.
    pub current: Option<&'a Secret>,
    /// The previous token, if it is still accepted.
    pub previous: Option<&'a Secret>,
}

impl Accepted<'_> {
    /// Whether to accept a request with this token, or with none.
    pub fn accepts(&self, given: Option<&str>) -> bool {
        let is = |token: Option<&Secret>| {
            token
                .zip(given)
                .is_some_and(|(token, given)| token.is(given))
        };
        // both are compared, so that the time does not reveal which one differs
        self.current.is_none() || is(self.current) | is(self.previous)
    }
}

/// The operating system provided no random bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the system provides no random bytes for tokens: {0}")]
pub struct NoRandomness(String);

impl Secret {
    /// A random token of characters that need no encoding in a URL.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for connecting or comparing; never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares with a text, in a time that depends neither on how many characters match nor on the
    /// secret's length: SHA-256 digests are compared.
    pub fn is(&self, other: &str) -> bool {
        let (own, other) = (Sha256::digest(&self.0), Sha256::digest(other));
        own.as_slice().ct_eq(other.as_slice()).into()
    }

    /// The secret as part of a URL's path or query: everything except letters, digits, `-`, `.`,
    /// `_` and `~` is percent-encoded (RFC 3986, 2.3).
    pub fn in_url(&self) -> String {
        utf8_percent_encode(&self.0, &RESERVED).to_string()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹secret›")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("‹secret›")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("redis://:hunter2@host");
        assert_eq!(
            format!("{secret:?} {}", serde_json::to_string(&secret).unwrap()),
            "‹secret› \"‹secret›\""
        );
        assert!(
            secret.is("redis://:hunter2@host")
                && !secret.is("redis://:hunter2@hosT")
                && !secret.is("")
        );
        assert!(!secret.is("redis://:hunter2@hos") && !secret.is("redis://:hunter2@host\n"));
    }

    #[test]
    fn while_a_token_is_changed_both_are_accepted() {
        let (new, old) = (Secret::new("new-token"), Secret::new("old-token"));
        let both = Accepted {
            current: Some(&new),
            previous: Some(&old),
        };
        let after = Accepted {
            previous: None,
            ..both
        };
        for (given, in_change, later) in [
            (Some("new-token"), true, true),
            (Some("old-token"), true, false),
            (Some("other"), false, false),
            (Some(""), false, false),
            (None, false, false),
        ] {
            assert_eq!(
                (both.accepts(given), after.accepts(given)),
                (in_change, later)
            );
        }
        let open = Accepted {
            current: None,
            previous: None,
        };
        assert!(open.accepts(None) && open.accepts(Some("x")));
    }

    #[test]
    fn a_secret_in_a_url_is_percent_encoded() {
        assert_eq!(
            Secret::new("p+q/r?s#t%u v-w_x.y~z").in_url(),
            "p%2Bq%2Fr%3Fs%23t%25u%20v-w_x.y~z"
        );
    }
}
