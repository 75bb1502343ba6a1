//! How a call ended, and the one outcome that follows from it.

use samvaad_dialog::{Limit, RunEnd};
use samvaad_model::{CallRecord, Decision};

/// Why a call's stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// The engine closed it: all was said.
    Finished,
    /// Exotel told that it is over (`stop`): the caller hung up.
    HungUp,
    /// The socket closed without a `stop`.
    Lost,
    /// No audio has come for so long that nobody can be there. `ever` says whether any had come at all.
    PeerLost {
        /// See above.
        ever: bool,
    },
    /// The call reached its longest time.
    TooLong,
    /// The engine is shutting down.
    EngineStopped,
}

/// Sets the record's outcome, detail and decision. `whereabouts` says how far the conversation had come.
pub fn settle(record: &mut CallRecord, stream: &StreamEnd, run: Option<&RunEnd>, whereabouts: String) {
    let returned = matches!(run, Some(RunEnd::Returned));
    let failed = run.is_some_and(RunEnd::is_failure);
    let transfers = matches!(record.decision, Some(Decision::Transfer { .. }));
    let (outcome, detail) = match stream {
        // What the flow decided stands when it had returned, even if the caller did not wait for its last word; but nobody who has
        // hung up can be connected.
        StreamEnd::Finished | StreamEnd::HungUp | StreamEnd::Lost if returned && !(transfers && *stream != StreamEnd::Finished) => {
            (record.outcome.take().unwrap_or_else(|| "completed".to_owned()), record.detail.take())
        }
        _ if matches!(run, Some(RunEnd::LimitExceeded { what: Limit::CallLength })) => ("too-long".to_owned(), Some(whereabouts)),
        _ if failed => ("flow-failed".to_owned(), run.map(describe)),
        StreamEnd::Finished => ("completed".to_owned(), record.detail.take()),
        StreamEnd::HungUp => ("hung-up".to_owned(), Some(whereabouts)),
        StreamEnd::Lost => ("connection-lost".to_owned(), Some(whereabouts)),
        StreamEnd::PeerLost { ever: true } => ("peer-lost".to_owned(), Some(whereabouts)),
        StreamEnd::PeerLost { ever: false } => ("no-media".to_owned(), Some(whereabouts)),
        StreamEnd::TooLong => ("too-long".to_owned(), Some(whereabouts)),
        StreamEnd::EngineStopped => ("engine-stopped".to_owned(), Some(whereabouts)),
    };
    record.outcome = Some(outcome);
    record.detail = detail;
    if !matches!(stream, StreamEnd::Finished) || record.decision.is_none() {
        record.decision = Some(Decision::HangUp);
    }
}

/// One sentence for the flow's author.
pub fn describe(run: &RunEnd) -> String {
    match run {
        RunEnd::Returned => "the flow returned".to_owned(),
        RunEnd::CallEnded => "the flow left when the call ended".to_owned(),
        RunEnd::Failed(error) => format!("the flow returned an error: {error}"),
        RunEnd::Trapped { reason, .. } => format!("the flow trapped: {reason}"),
        RunEnd::LimitExceeded { what: what @ Limit::CallLength } => what.to_string(),
        RunEnd::LimitExceeded { what } => format!("the flow exceeded a limit: {what}"),
        RunEnd::Diverged(divergence) => format!("the flow left the record at entry {}", divergence.seq),
    }
}
