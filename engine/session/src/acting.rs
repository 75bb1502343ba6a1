//! Actions that act, around the death of an engine: what was begun is said before it is done, so that an
//! engine that goes on with the call does not do it again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ghanti_action::ActionError;
use ghanti_model::event::{ActionBegun, Repeat};
use ghanti_model::{CallError, EventKind};

use crate::call::LiveCall;
use crate::standing::Standing;

/// How long an action that acts waits until a store has that it was begun. The caller hears nothing
/// meanwhile.
const BEGUN: Duration = Duration::from_secs(1);

/// Notes in the call's record that an action was not done.
pub fn note_failure(call: &LiveCall, error: &ActionError) {
    let detail = match error {
        // its reason is for the flow's author, and names what was given
        ActionError::Input { action, .. } => format!(
            "the input of `{action}` cannot be used: the call's journal has why; correct the flow, or the action's `input` schema"
        ),
        ActionError::Unknown(_) | ActionError::Refused { .. } | ActionError::Unavailable { .. } => {
            error.to_string()
        }
    };
    call.note("action-failed", detail, Repeat::OncePerSentence);
}

/// Says that an action is about to be done.
///
/// # Errors
/// An engine that has stopped had begun it: whether it was done is not known.
pub async fn begin(
    call: &LiveCall,
    standing: &Mutex<Standing>,
    name: &str,
    nth: u32,
) -> Result<(), CallError> {
    let was_begun = standing
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .was_begun(name, nth);
    if was_begun {
        tracing::warn!(
            action = name,
            "an action was begun by an engine that has stopped: it is not done again"
        );
        return Err(CallError::Unavailable(format!(
            "the engine stopped while it did `{name}`, and another one goes on: whether it was done is not known, and it was not done again"
        )));
    }
    call.emit(EventKind::ActionBegun(ActionBegun {
        name: name.to_owned(),
        nth,
    }));
    if !call.saved(BEGUN).await {
        // while no store takes it, no other engine goes on with the call either
        tracing::warn!(
            action = name,
            "an action is done of which no store has that it was begun"
        );
    }
    Ok(())
}
