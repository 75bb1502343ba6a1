//! Language tags.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A BCP 47 tag of language and region in canonical case: `en-IN`, `hi-IN`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

/// The text is not a language tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a language tag: give a language and a region, such as `hi-IN`")]
pub struct NotALanguage(pub String);

impl Language {
    /// Parses `hi-IN`, `hi_in`, or `hi` (which defaults to region `IN`).
    pub fn parse(text: &str) -> Result<Self, NotALanguage> {
        let refuse = || NotALanguage(text.chars().take(32).collect());
        let (language, region) = text
            .trim()
            .split_once(['-', '_'])
            .unwrap_or((text.trim(), "IN"));
        let letters = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
            lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
        };
        if !letters(language, 2..=3) || !letters(region, 2..=2) {
            return Err(refuse());
        }
        Ok(Self(format!(
            "{}-{}",
            language.to_ascii_lowercase(),
            region.to_ascii_uppercase()
        )))
    }

    /// `en-IN`, the default when no language is known.
    pub fn english() -> Self {
        Self("en-IN".to_owned())
    }

    /// The full tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language subtag: `hi` of `hi-IN`.
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Language {
    type Error = NotALanguage;

    fn try_from(text: String) -> Result<Self, NotALanguage> {
        Self::parse(&text)
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_language_are_equal() {
        for text in ["hi-IN", "hi_in", "HI-in", "hi", " hi "] {
            assert_eq!(Language::parse(text).unwrap().as_str(), "hi-IN", "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "hindi language", "h-IN", "hi-India", "12-IN", "../x"] {
            assert!(Language::parse(text).is_err(), "{text}");
        }
    }
}
