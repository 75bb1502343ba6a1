//! Actions that act, around the death of an engine: what was begun is said before it is done, so that an
//! engine that goes on with the call does not do it again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ghanti_model::event::ActionBegun;
use ghanti_model::{CallError, EventKind};

use crate::call::LiveCall;
use crate::standing::Standing;

/// How long an action that acts waits until a store has that it was begun. The caller hears nothing
/// meanwhile.
const BEGUN: Duration = Duration::from_secs(1);

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
