//! What the flow knows of the caller so far; it decides whether a transfer is allowed.

use ghanti_model::{CallError, Refusal};

/// What the flow knows of the caller so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing {
    /// The flow has established something, such as who is on the line.
    pub is_anyone_known: bool,
    /// The last question ended in a no-input or no-match.
    pub is_unclear: bool,
}

impl Standing {
    /// That of a call that goes on after its caller was identified, or was not.
    pub fn resumed(is_anyone_known: bool) -> Self {
        Self {
            is_anyone_known,
            is_unclear: false,
        }
    }

    /// Refuses a transfer after an answer that was not understood, because it may have been a
    /// refusal. The transfer is allowed if the flow has established something about the caller and
    /// the recogniser supports their language (`is_heard`).
    pub fn check_transfer(self, is_heard: bool) -> Result<(), CallError> {
        if !self.is_unclear || (self.is_anyone_known && is_heard) {
            return Ok(());
        }
        let why = if self.is_anyone_known {
            "no recogniser here understands their language"
        } else {
            "nothing is established of them"
        };
        let reason = format!(
            "a caller whose answer was not understood is not transferred, as {why}: say goodbye, or ask again"
        );
        Err(CallError::Refused(Refusal {
            subject: "transfer".to_owned(),
            missing: Vec::new(),
            reason,
        }))
    }
}
