//! What is known about a call at its start.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CallId, CallSid, Language, PhoneNumber};

/// Whether the customer called or was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The customer called.
    Inbound,
    /// The customer was called.
    Outbound,
}

impl Direction {
    /// Parses Exotel's words: `incoming`, `inbound`, `outbound-dial`, `outbound-api`.
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

/// The facts of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFacts {
    /// The engine's call id.
    pub call_id: CallId,
    /// Exotel's id, once known.
    pub call_sid: Option<CallSid>,
    /// Whether the customer called or was called.
    pub direction: Direction,
    /// The customer's number, if Exotel sent it.
    pub customer_number: Option<PhoneNumber>,
    /// The number of the line, if Exotel sent it.
    pub line_number: Option<PhoneNumber>,
    /// The language at the start of the call.
    pub language: Language,
    /// Parameters of the stream URL and of the request that started the call.
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
