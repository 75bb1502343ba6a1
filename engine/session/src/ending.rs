//! The end of a flow's run: for the outcome of its call, and in words for the flow's author.

use ghanti_host::{Limit, RunEnd};
use ghanti_model::event::FlowEnd;
pub use ghanti_model::event::StreamEnd;

/// Converts the end of a run to what counts for the call's outcome.
pub fn flow_end(run: &RunEnd) -> FlowEnd {
    match run {
        RunEnd::Returned => FlowEnd::Returned,
        RunEnd::LimitExceeded {
            what: Limit::CallLength,
        } => FlowEnd::TooLong,
        _ if run.is_failure() => FlowEnd::Failed {
            reason: describe(run),
        },
        _ => FlowEnd::CallEnded,
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
    use ghanti_model::event::StreamStarted;
    use ghanti_model::fold::ending::DO_NOT_CALL;
    use ghanti_model::{
        CallId, CallLog, CallRecord, Decision, EventKind, Language, NodeId, StreamSid,
    };

    use super::*;

    fn ended(
        disposition: Option<&str>,
        decision: Option<Decision>,
        stream: StreamEnd,
        run: Option<RunEnd>,
    ) -> (String, CallRecord) {
        let started = StreamStarted {
            customer: None,
            stream_sid: StreamSid::parse("s1").unwrap(),
            call_sid: None,
            order: None,
            direction: None,
            customer_number: None,
            line_number: None,
            flow: None,
            version: None,
            language: Language::english(),
            journal: None,
        };
        let disposed = disposition.map(|disposition| EventKind::Disposed {
            disposition: disposition.to_owned(),
            detail: None,
        });
        let conversation_ended = EventKind::ConversationEnded {
            stream,
            flow: run.as_ref().map(flow_end),
            last_position: "after `greeting`".to_owned(),
            began_ms: None,
        };
        let events = [
            Some(EventKind::StreamStarted(Box::new(started))),
            disposed,
            decision.map(EventKind::Decided),
            Some(conversation_ended),
            Some(EventKind::StreamClosed),
        ];
        let mut log = CallLog::new(CallId::generate());
        for kind in events.into_iter().flatten() {
            log.emit(NodeId::NONE, 1, kind);
        }
        let record = log.into_record();
        (record.outcome.clone().unwrap_or_default(), record)
    }

    fn transfer() -> Option<Decision> {
        Some(Decision::Transfer {
            words: None,
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
