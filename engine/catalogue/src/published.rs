//! How a version came to this engine: in which way, by whom and when.

use ghanti_model::VersionId;
use serde::{Deserialize, Serialize};

/// The way in which a version came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Way {
    /// Its files were found in the flows folder: somebody copied them there, or another engine that
    /// has the same folder put them there.
    Folder,
    /// It was sent over the API.
    Api {
        /// The name of the token.
        by: String,
    },
    /// A prompt was changed in the console.
    Prompt {
        /// The name of the token.
        by: String,
        /// The prompt.
        prompt: String,
        /// The language that got another text.
        language: String,
    },
}

impl Way {
    /// The way's name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Way::Folder => "folder",
            Way::Api { .. } => "api",
            Way::Prompt { .. } => "prompt",
        }
    }

    /// The name of the token with which it came, if it came with one.
    pub fn by(&self) -> Option<&str> {
        match self {
            Way::Folder => None,
            Way::Api { by } | Way::Prompt { by, .. } => Some(by),
        }
    }
}

/// How and when a version came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// When it began to take calls or, if it waits for its promotion, was accepted; in milliseconds
    /// since 1970.
    pub at_ms: u64,
    /// The way.
    #[serde(flatten)]
    pub way: Way,
}

/// A version that was just taken from the folder or put there, with how it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken<'a> {
    pub(crate) version: &'a VersionId,
    pub(crate) published: &'a Published,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_read_as_it_was_written() {
        let by = || "asha".to_owned();
        for (way, text) in [
            (Way::Folder, r#"{"at_ms":7,"how":"folder"}"#),
            (
                Way::Api { by: by() },
                r#"{"at_ms":7,"how":"api","by":"asha"}"#,
            ),
            (
                Way::Prompt {
                    by: by(),
                    prompt: "greeting".to_owned(),
                    language: "hi-IN".to_owned(),
                },
                r#"{"at_ms":7,"how":"prompt","by":"asha","prompt":"greeting","language":"hi-IN"}"#,
            ),
        ] {
            let published = Published { at_ms: 7, way };
            assert_eq!(serde_json::to_string(&published).unwrap(), text);
            assert_eq!(serde_json::from_str::<Published>(text).unwrap(), published);
            assert!(text.contains(published.way.as_str()));
        }
    }
}
