//! What came of a call, as a campaign sees it: whether the customer was reached, or why not.

use ghanti_model::{CallRecord, DialState, Outcome};

/// The fact that a flow establishes when it knows whom it is talking to.
const IDENTITY: &str = "identity";
/// The outcome of an attempt of which it is not known whether it was dialled.
pub const UNKNOWN: &str = "unknown";

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The customer was talked to, or the flow came to its own end.
    Reached,
    /// Their line was busy.
    Busy,
    /// They did not answer.
    NoAnswer,
    /// The network could not connect them.
    Failed,
    /// A machine answered.
    Voicemail,
    /// They hung up, or were not understood, before they had said who they are.
    HungUp,
    /// They asked to be called later.
    Later,
    /// The call broke off by a failure on our side or the network's.
    Dropped,
    /// Exotel refused to dial: they certainly were not called.
    NotDialled,
    /// Whether they were called is not known.
    Unknown,
}

impl Class {
    /// The class of an ended call.
    pub fn of(record: &CallRecord) -> Self {
        let is_identified = record.established.iter().any(|fact| fact == IDENTITY);
        let class = Self::of_outcome(record.outcome.as_deref().unwrap_or_default());
        match class {
            // nothing is worth a second call once the customer was talked to about their loan
            Self::HungUp | Self::Dropped | Self::NoAnswer if is_identified => Self::Reached,
            Self::Reached | Self::HungUp | Self::NoAnswer
                if is_machine(record) && !is_identified =>
            {
                Self::Voicemail
            }
            // of a node that died the spool may still say that it dialled
            Self::NotDialled if record.dial != Some(DialState::Refused) => Self::Unknown,
            class => class,
        }
    }

    /// The class of an outcome's name alone.
    pub fn of_outcome(outcome: &str) -> Self {
        let Some(own) = Outcome::parse(outcome) else {
            // what a flow has set
            return match outcome {
                // nobody said a word
                "no-answer" => Self::NoAnswer,
                "voicemail" => Self::Voicemail,
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
            Outcome::NotDialled => Self::NotDialled,
            Outcome::NeverConnected => Self::Unknown,
            Outcome::ConnectionLost
            | Outcome::EngineFailed
            | Outcome::EngineStopped
            | Outcome::FlowFailed
            | Outcome::NoFlow
            | Outcome::NoMedia
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

    /// Whether it speaks of a failure of the set-up rather than of the customer.
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
    fn a_customer_who_hung_up_before_they_were_known_was_not_reached() {
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
            "a machine does not say who it is"
        );
    }

    #[test]
    fn what_the_network_says_is_told_apart() {
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
    fn only_a_refusal_is_certain_not_to_have_dialled() {
        let mut refused = record("not-dialled");
        refused.dial = Some(DialState::Refused);
        assert_eq!(Class::of(&refused), Class::NotDialled);
        refused.dial = Some(DialState::Waiting);
        assert_eq!(Class::of(&refused), Class::Unknown, "the node died");
    }
}
