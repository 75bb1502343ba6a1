//! Where a journal's answers come from, if they do not come from the running call.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ghanti_model::{Function, JournalEntry};
use serde_json::Value as Json;

use crate::answer::{Closed, Divergence, Waiting};

/// Where a function's answer comes from.
pub enum Next {
    /// From the running call, as all that follow.
    Live,
    /// From this entry.
    Record(JournalEntry),
    /// From the version's own settings and rules. The entry has the time and the recorded answer.
    Version(JournalEntry),
    /// From the running call, which is waiting for it already under another version.
    Waiting(Arc<Waiting>),
}

/// A source of answers: a record, or the call of another version.
pub trait AnswerSource: Debug + Send {
    /// Decides where the answer to a function comes from. `seq` is the entry's number. Fails if
    /// the function does not fit the record.
    fn next(&mut self, seq: u32, function: Function, arguments: &Json) -> Result<Next, Closed>;

    /// Compares the answer of the version's own rules with the recorded one.
    fn judge(
        &mut self,
        _entry: &JournalEntry,
        _recorded: &Json,
        _answer: &Json,
    ) -> Result<(), Closed> {
        Ok(())
    }

    /// Called when a function for which this returned [`Next::Waiting`] has an answer although the
    /// journal is not live yet.
    fn answered(&mut self, _answer: &Json) -> Result<(), Closed> {
        Ok(())
    }

    /// Whether the journal has the entries that are being repeated already, so that none is
    /// appended.
    fn is_ahead(&self) -> bool {
        false
    }

    /// When the last repeated function was answered, in milliseconds from the beginning of the
    /// journal; `None` if that is the journal's last entry.
    fn answered_ms(&self) -> Option<u64> {
        None
    }

    /// The first difference between the run and the record, including what the run has not reached.
    fn divergence(&self) -> Option<Divergence>;
}

/// A source that its maker can read too.
pub type SharedSource<S> = Arc<Mutex<S>>;

/// Locks a source. Ignores poisoning: no code panics while holding the lock.
pub fn lock<S: ?Sized>(source: &Mutex<S>) -> MutexGuard<'_, S> {
    source.lock().unwrap_or_else(PoisonError::into_inner)
}
