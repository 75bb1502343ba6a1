//! The kinds of differences between a recorded call and its replay.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a difference is about, most serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// A different amount, number or sequence of digits.
    Amounts,
    /// A different transfer, outcome, established fact or note; or a rule of the manifest that now
    /// forbids or allows something.
    Decisions,
    /// A different date or time.
    Dates,
    /// Something else is said or asked, or in another order. After it, the record cannot show what
    /// would have followed.
    Structure,
    /// The same is said or asked in other words, in another language or voice, or with other waits
    /// for the answer.
    Wording,
}

impl DifferenceKind {
    /// All kinds, most serious first.
    pub const ALL: [Self; 5] = [
        Self::Amounts,
        Self::Decisions,
        Self::Dates,
        Self::Structure,
        Self::Wording,
    ];

    /// The kind's name, as in the API and the CLI.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amounts => "amounts",
            Self::Decisions => "decisions",
            Self::Dates => "dates",
            Self::Structure => "structure",
            Self::Wording => "wording",
        }
    }
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DifferenceKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            format!(
                "`{text}` is no kind of difference: use {}",
                Self::ALL.map(Self::as_str).join(", ")
            )
        })
    }
}
