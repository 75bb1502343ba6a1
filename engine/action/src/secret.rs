//! Secrets of actions: shown by nothing, and put in where a request is made.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A password, a token, or a URL that contains one. `Debug` and `Serialize` show a placeholder.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for a request; never for a log or an answer.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹secret›")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("‹secret›")
    }
}

impl<'de> Deserialize<'de> for SecretText {
    /// The error does not repeat a value of another type.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a secret takes a text in quotes")]
        enum Text {
            Text(String),
        }
        let Text::Text(text) = Text::deserialize(deserializer)?;
        Ok(Self(text))
    }
}
