//! Why a call ended, and the outcome that follows.

use ghanti_dialog::{Limit, RunEnd};
use ghanti_model::{CallRecord, Decision};
use ghanti_store::do_not_call::DO_NOT_CALL;

use crate::transfer;

/// Why a call's stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// The engine closed it after the last prompt.
    Finished,
    /// Exotel ended it (`stop`): the caller hung up.
    HungUp,
    /// The socket closed without a `stop`.
    Lost,
    /// No caller audio arrived for so long that nobody can be on the line.
    PeerLost {
        /// Whether any audio had arrived before.
        ever: bool,
    },
    /// The call reached its maximum length.
    TooLong,
    /// The engine is shutting down.
    EngineStopped,
}

/// Sets the record's outcome, detail and decision. `last_position` says how far the conversation
/// had come.
pub fn settle(
    record: &mut CallRecord,
    stream: &StreamEnd,
    run: Option<&RunEnd>,
    last_position: String,
) {
    let returned = matches!(run, Some(RunEnd::Returned));
    let failed = run.is_some_and(RunEnd::is_failure);
    let transfers = transfer::is_decided(record);
    let asked_not_to_be_called = record.disposition.as_deref() == Some(DO_NOT_CALL);
    let (outcome, detail) = match stream {
        // once the flow has returned, its decision stands even if the caller hung up before the
        // last prompt ended; except for a transfer, since nobody is left to connect
        StreamEnd::Finished | StreamEnd::HungUp | StreamEnd::Lost
            if returned && !(transfers && *stream != StreamEnd::Finished) =>
        {
            conversation(record)
        }
        _ if matches!(
            run,
            Some(RunEnd::LimitExceeded {
                what: Limit::CallLength
            })
        ) =>
        {
            ("too-long".to_owned(), Some(last_position))
        }
        _ if failed => ("flow-failed".to_owned(), run.map(describe)),
        StreamEnd::Finished => ("completed".to_owned(), record.detail.take()),
        // the usual end of a call after such a request
        StreamEnd::HungUp | StreamEnd::Lost if asked_not_to_be_called => {
            (DO_NOT_CALL.to_owned(), Some(last_position))
        }
        StreamEnd::HungUp => ("hung-up".to_owned(), Some(last_position)),
        StreamEnd::Lost => ("connection-lost".to_owned(), Some(last_position)),
        StreamEnd::PeerLost { ever: true } => ("peer-lost".to_owned(), Some(last_position)),
        StreamEnd::PeerLost { ever: false } => ("no-media".to_owned(), Some(last_position)),
        StreamEnd::TooLong => ("too-long".to_owned(), Some(last_position)),
        StreamEnd::EngineStopped => ("engine-stopped".to_owned(), Some(last_position)),
    };
    record.outcome = Some(outcome);
    record.detail = detail;
    if !matches!(stream, StreamEnd::Finished) || record.decision.is_none() {
        record.decision = Some(Decision::HangUp);
    }
}

/// The outcome of a conversation whose flow returned: the engine's own if it has set one, else the
/// transfer, else the flow's disposition. A flow cannot claim an outcome that only the network can
/// report.
fn conversation(record: &mut CallRecord) -> (String, Option<String>) {
    let detail = record.detail.take();
    if let Some(own) = record.outcome.take() {
        return (own, detail);
    }
    match &record.disposition {
        _ if transfer::is_decided(record) => (transfer::DECIDED.to_owned(), detail),
        Some(claimed) if transfer::is_outcome(claimed) => (
            "completed".to_owned(),
            Some(format!(
                "the flow called it `{claimed}` and decided no transfer"
            )),
        ),
        Some(disposition) => (disposition.clone(), detail),
        None => ("completed".to_owned(), detail),
    }
}

/// Describes the end of a run in one sentence, for the flow's author.
pub fn describe(run: &RunEnd) -> String {
    match run {
        RunEnd::Returned => "the flow returned".to_owned(),
        RunEnd::CallEnded => "the flow left when the call ended".to_owned(),
        RunEnd::Failed(error) => format!("the flow returned an error: {error}"),
        RunEnd::Trapped { reason, .. } => format!("the flow trapped: {reason}"),
        RunEnd::LimitExceeded {
            what: what @ Limit::CallLength,
        } => what.to_string(),
        RunEnd::LimitExceeded { what } => format!("the flow exceeded a limit: {what}"),
        RunEnd::Diverged(divergence) => {
            format!("the flow left the record at entry {}", divergence.seq)
        }
    }
}

#[cfg(test)]
mod tests {
    use ghanti_model::CallId;

    use super::*;

    fn ended(
        disposition: Option<&str>,
        decision: Option<Decision>,
        stream: StreamEnd,
        run: Option<RunEnd>,
    ) -> (String, CallRecord) {
        let mut record = CallRecord::new(CallId::generate(), 1);
        record.disposition = disposition.map(str::to_owned);
        record.decision = decision;
        settle(
            &mut record,
            &stream,
            run.as_ref(),
            "after `greeting`".to_owned(),
        );
        (record.outcome.clone().unwrap_or_default(), record)
    }

    fn transfer() -> Option<Decision> {
        Some(Decision::Transfer {
            target: "default".to_owned(),
            numbers: Vec::new(),
        })
    }

    #[test]
    fn a_flow_that_says_transferred_has_only_decided_it() {
        for disposition in [Some("transferred"), Some("disputed"), None] {
            let (outcome, record) = ended(
                disposition,
                transfer(),
                StreamEnd::Finished,
                Some(RunEnd::Returned),
            );
            assert_eq!(
                (outcome.as_str(), record.disposition.as_deref()),
                ("transfer-decided", disposition)
            );
        }
        let (outcome, _) = ended(
            Some("transferred"),
            None,
            StreamEnd::Finished,
            Some(RunEnd::Returned),
        );
        assert_eq!(outcome, "completed", "it decided no transfer");
        let (outcome, record) = ended(
            Some("transferred"),
            transfer(),
            StreamEnd::HungUp,
            Some(RunEnd::Returned),
        );
        assert_eq!(
            (outcome.as_str(), record.decision),
            ("hung-up", Some(Decision::HangUp)),
            "nobody is there to be connected"
        );
    }

    #[test]
    fn other_dispositions_are_the_outcome() {
        assert_eq!(
            ended(
                Some("declined"),
                None,
                StreamEnd::HungUp,
                Some(RunEnd::Returned)
            )
            .0,
            "declined"
        );
        assert_eq!(
            ended(None, None, StreamEnd::Finished, Some(RunEnd::Returned)).0,
            "completed"
        );
    }

    #[test]
    fn whoever_asks_not_to_be_called_and_hangs_up_has_asked() {
        for stream in [StreamEnd::HungUp, StreamEnd::Lost] {
            assert_eq!(
                ended(
                    Some(DO_NOT_CALL),
                    None,
                    stream.clone(),
                    Some(RunEnd::CallEnded)
                )
                .0,
                DO_NOT_CALL
            );
            assert_ne!(
                ended(Some("declined"), None, stream.clone(), None).0,
                "declined",
                "{stream:?}"
            );
        }
        assert_eq!(
            ended(
                Some(DO_NOT_CALL),
                None,
                StreamEnd::Finished,
                Some(RunEnd::Returned)
            )
            .0,
            DO_NOT_CALL
        );
    }
}
