//! Settings that must not be shown.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A password, token, or URL that holds one. It has no readable `Debug`, `Display` or serialised form.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself: for whoever connects or compares, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares without telling by its time how much was right.
    pub fn is(&self, other: &str) -> bool {
        let (own, other) = (self.0.as_bytes(), other.as_bytes());
        let differing = own.iter().zip(other).fold(0, |differing, (a, b)| differing | (a ^ b));
        own.len() == other.len() && differing == 0
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
        assert_eq!(format!("{secret:?} {}", serde_json::to_string(&secret).unwrap()), "‹secret› \"‹secret›\"");
        assert!(secret.is("redis://:hunter2@host") && !secret.is("redis://:hunter2@hosT") && !secret.is(""));
    }
}
