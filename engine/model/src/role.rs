//! What the users of the API and of the console may do.

use serde::{Deserialize, Serialize};

/// What the holder of a token may do. Each role may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reads how the engine and its calls are; phone numbers, words and values are masked.
    Viewer,
    /// Reads everything, places calls, runs campaigns, imports customers.
    Operator,
    /// Also changes flows, erases customers, and reads the audit log.
    Admin,
}

impl Role {
    /// The name in the configuration and in the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}
