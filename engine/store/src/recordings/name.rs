//! The name of a recording's file.

use std::fmt;

use ghanti_model::CallId;

/// Follows the name until the digest is stored with the call.
pub(super) const PART: &str = ".part";
const EXTENSION: &str = ".wav";

/// The name of a recording's file. Read strictly: it becomes a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingName {
    /// The call.
    pub call: CallId,
    /// When its stream began, in milliseconds since 1970-01-01T00:00:00Z.
    pub began_ms: u64,
}

impl RecordingName {
    /// Reads a name; `None` if it is not exactly as one is written.
    pub fn parse(text: &str) -> Option<Self> {
        let (call, began_ms) = text.strip_suffix(EXTENSION)?.rsplit_once('-')?;
        let name = Self {
            call: CallId::parse(call)?,
            began_ms: began_ms.parse().ok()?,
        };
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for RecordingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}{EXTENSION}", self.call, self.began_ms)
    }
}
