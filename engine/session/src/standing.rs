//! What the flow knows of the caller so far; it decides whether a transfer is allowed.

use ghanti_model::event::ActionBegun;
use ghanti_model::{CallError, Refusal};

/// What the flow knows of the caller so far.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The action that acts which another engine had begun when it stopped. Whether it was done is not
    /// known.
    pub acting: Option<ActionBegun>,
    /// The flow has established something, such as who is on the line.
    pub is_anyone_known: bool,
    /// The last question ended in a no-input or no-match.
    pub is_unclear: bool,
}

impl Standing {
    /// That of a call that goes on after its caller was identified, or was not.
    pub fn resumed(is_anyone_known: bool, acting: Option<ActionBegun>) -> Self {
        Self {
            acting,
            is_anyone_known,
            is_unclear: false,
        }
    }

    /// Whether another engine had begun this invocation of an action when it stopped. It is asked once:
    /// what the flow does next is its own.
    pub fn was_begun(&mut self, name: &str, nth: u32) -> bool {
        let acting = self.acting.take();
        acting.is_some_and(|begun| begun.name == name && begun.nth == nth)
    }

    /// Refuses a transfer after an answer that was not understood, because it may have been a
    /// refusal. The transfer is allowed if the flow has established something about the caller and
    /// the recogniser supports their language (`is_heard`).
    pub fn check_transfer(&self, is_heard: bool) -> Result<(), CallError> {
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
