//! Text that must not reach a log.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A personal text: a name, a transcript, account digits. `Debug` and `Display` show only its
/// length; serde writes it in full, because it has to be stored in journals and records.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Masked(String);

impl Masked {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The unmasked text, for records, prompts and recognisers. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The unmasked text, by value.
    pub fn into_exposed(self) -> String {
        self.0
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹{} characters›", self.0.chars().count())
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl From<String> for Masked {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Masked {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_show_the_length_only() {
        let name = Masked::new("Asha Rao");
        assert_eq!(format!("{name} {name:?}"), "‹8 characters› ‹8 characters›");
        assert_eq!(name.expose(), "Asha Rao");
    }
}
