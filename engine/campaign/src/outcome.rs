//! The result of a call for a campaign: whether the customer was reached, or why not.

use ghanti_model::{CallRecord, DialState, Outcome};
use ghanti_store::Reached;

/// The fact that a flow establishes when it has identified the customer.
const IDENTITY: &str = "identity";
/// The outcome of an attempt that may or may not have been dialled.
pub const UNKNOWN: &str = "unknown";

/// The class of a call's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The bot talked with the customer, or the flow ended by itself.
    Reached,
    /// Their line was busy.
    Busy,
    /// They did not answer.
    NoAnswer,
    /// The network could not connect them.
    Failed,
    /// A machine answered.
    Voicemail,
    /// They hung up, or were not understood, before they were identified.
    HungUp,
    /// They asked to be called later.
    Later,
    /// The call ended because of a failure on our side or the network's.
    Dropped,
    /// Exotel refused to dial: they certainly were not called.
    NotDialled,
    /// It is unknown whether they were called.
    Unknown,
}

/// How far a call came: whether the customer answered, and was identified.
pub fn reached(record: &CallRecord) -> Reached {
    if is_identified(record) {
        Reached::Identified
    } else if record.started_ms.is_some() {
        // Exotel opens the stream once they have answered
        Reached::Answered
    } else {
        Reached::Nobody
    }
}

fn is_identified(record: &CallRecord) -> bool {
    record.established.iter().any(|fact| fact == IDENTITY)
}

impl Class {
    /// The class of an ended call.
    pub fn of(record: &CallRecord) -> Self {
        let is_identified = is_identified(record);
        let class = Self::of_outcome(record.outcome.as_deref().unwrap_or_default());
        match class {
            // once the bot has talked with the customer about their loan, they are not called again
            Self::HungUp | Self::Dropped | Self::NoAnswer if is_identified => Self::Reached,
            Self::Reached | Self::HungUp | Self::NoAnswer
                if is_machine(record) && !is_identified =>
            {
                Self::Voicemail
            }
            // the spool of a node that died may still contain that it dialled
            Self::NotDialled if record.dial != Some(DialState::Refused) => Self::Unknown,
            class => class,
        }
    }

    /// The class of an outcome, by its name only.
    pub fn of_outcome(outcome: &str) -> Self {
        let Some(own) = Outcome::parse(outcome) else {
            // a disposition that a flow has set
            return match outcome {
                // nobody said anything
                "no-answer" => Self::NoAnswer,
                "unclear" => Self::HungUp,
                "call-later" => Self::Later,
                UNKNOWN => Self::Unknown,
                _ => Self::Reached,
            };
        };
        match own {
            Outcome::Busy => Self::Busy,
            Outcome::NotAnswered => Self::NoAnswer,
            Outcome::CallFailed | Outcome::CallCanceled => Self::Failed,
            Outcome::HungUp => Self::HungUp,
            Outcome::Voicemail => Self::Voicemail,
            Outcome::NotDialled => Self::NotDialled,
            Outcome::NeverConnected => Self::Unknown,
            Outcome::ConnectionLost
            | Outcome::EngineFailed
            | Outcome::EngineStopped
            | Outcome::FlowFailed
            | Outcome::NoFlow
            | Outcome::NoMedia
            | Outcome::NoVoice
            | Outcome::PeerLost
            | Outcome::RefusedBusy => Self::Dropped,
            Outcome::AgentBusy
            | Outcome::AgentUnreachable
            | Outcome::AgentsNeverAsked
            | Outcome::AgentsNotAnswering
            | Outcome::Completed
            | Outcome::DoNotCall
            | Outcome::EndedByOperator
            | Outcome::HungUpBeforeAgent
            | Outcome::TooLong
            | Outcome::TransferDecided
            | Outcome::Transferred => Self::Reached,
        }
    }

    /// Whether it is a failure of the set-up, not a result of the customer's.
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Dropped | Self::NotDialled | Self::Unknown
        )
    }
}

/// Whether Exotel detected that a machine answered.
fn is_machine(record: &CallRecord) -> bool {
    record.exotel.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("AnsweredBy") && value.eq_ignore_ascii_case("machine")
    })
}

#[cfg(test)]
mod tests {
    use ghanti_model::CallId;

    use super::*;

    fn record(outcome: &str) -> CallRecord {
        CallRecord {
            outcome: Some(outcome.to_owned()),
            ..CallRecord::new(CallId::generate(), 0)
        }
    }

    #[test]
    fn a_customer_who_hung_up_before_identification_was_not_reached() {
        for (outcome, class) in [
            ("hung-up", Class::HungUp),
            ("unclear", Class::HungUp),
            ("no-answer", Class::NoAnswer),
        ] {
            let mut call = record(outcome);
            assert_eq!(Class::of(&call), class, "{outcome}");
            call.established.push(IDENTITY.to_owned());
            assert_eq!(Class::of(&call), Class::Reached, "{outcome}");
        }
    }

    #[test]
    fn a_machine_that_answered_is_no_customer() {
        let mut answered = record("no-response");
        answered
            .exotel
            .insert("answeredby".to_owned(), "Machine".to_owned());
        assert_eq!(Class::of(&answered), Class::Voicemail);
        answered.established.push(IDENTITY.to_owned());
        assert_eq!(
            Class::of(&answered),
            Class::Reached,
            "an answering machine is recognised without identification"
        );
    }

    #[test]
    fn results_of_the_network_are_distinguished() {
        for (outcome, class, is_failure) in [
            ("busy", Class::Busy, false),
            ("not-answered", Class::NoAnswer, false),
            ("call-failed", Class::Failed, true),
            ("never-connected", Class::Unknown, true),
            ("flow-failed", Class::Dropped, true),
            ("no-answer", Class::NoAnswer, false),
            ("unclear", Class::HungUp, false),
            ("call-later", Class::Later, false),
            ("wrong-person", Class::Reached, false),
            ("transferred", Class::Reached, false),
            ("declined", Class::Reached, false),
        ] {
            let found = Class::of(&record(outcome));
            assert_eq!(
                (found, found.is_failure()),
                (class, is_failure),
                "{outcome}"
            );
        }
    }

    #[test]
    fn only_a_refusal_certainly_did_not_dial() {
        let mut refused = record("not-dialled");
        refused.dial = Some(DialState::Refused);
        assert_eq!(Class::of(&refused), Class::NotDialled);
        refused.dial = Some(DialState::Waiting);
        assert_eq!(Class::of(&refused), Class::Unknown, "the node died");
    }
}
