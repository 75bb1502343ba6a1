//! What is known of a call when it begins.

use serde::{Deserialize, Serialize};

use crate::{CallId, CallSid, Language, PhoneNumber};

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The customer called.
    Inbound,
    /// The customer was called.
    Outbound,
}

impl Direction {
    /// Reads Exotel's words: `incoming`, `inbound`, `outbound-dial`, `outbound-api`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text.starts_with("in") {
            Some(Direction::Inbound)
        } else if text.starts_with("out") {
            Some(Direction::Outbound)
        } else {
            None
        }
    }
}

/// Facts of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFacts {
    /// Our own id.
    pub call_id: CallId,
    /// Exotel's id, once known.
    pub call_sid: Option<CallSid>,
    /// Who called whom.
    pub direction: Direction,
    /// The customer's number, where it was told.
    pub customer_number: Option<PhoneNumber>,
    /// The line's number, where it was told.
    pub line_number: Option<PhoneNumber>,
    /// The call's language at its beginning.
    pub language: Language,
    /// Parameters of the stream's URL and of the request that began the call.
    pub parameters: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exotel_spells_directions_in_many_ways() {
        assert_eq!(Direction::parse("incoming"), Some(Direction::Inbound));
        assert_eq!(Direction::parse("inbound"), Some(Direction::Inbound));
        assert_eq!(Direction::parse("outbound-dial"), Some(Direction::Outbound));
        assert_eq!(Direction::parse("null"), None);
    }
}
