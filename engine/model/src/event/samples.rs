//! Samples of every kind of event, and a random number generator, for tests.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::chain::digest;
use crate::journal::FORMAT;
use crate::{
    AgentLegState, CallState, Direction, Erasable, Function, JournalEntry, JournalHeader,
    RecordingState, Speaker, StreamSid, VersionId,
};

/// A small random number generator (xorshift64*) with a fixed seed, so that a failing test can be
/// repeated.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = self.below(u64::try_from(at).unwrap() + 1);
            items.swap(at, usize::try_from(other).unwrap());
        }
    }
}

pub(crate) fn started() -> StreamStarted {
    let flow = FlowName::parse("emi-reminder").unwrap();
    let version = VersionId::parse("ab12").unwrap();
    StreamStarted {
        customer: None,
        stream_sid: StreamSid::parse("stream-1").unwrap(),
        call_sid: Some(CallSid::parse("c1").unwrap()),
        order: None,
        direction: Some(Direction::Outbound),
        customer_number: PhoneNumber::parse("9876543210").ok(),
        line_number: PhoneNumber::parse("08047112233").ok(),
        flow: Some(flow.clone()),
        version: Some(version.clone()),
        language: Language::english(),
        journal: Some(JournalHeader {
            format: FORMAT,
            call_id: CallId::generate(),
            flow,
            version,
            seed: u64::MAX,
            began_ms: None,
        }),
    }
}

fn line(speaker: Speaker) -> Line {
    Line {
        at_ms: 40,
        lasted_ms: 0,
        speaker,
        text: "haan boliye".into(),
        language: Language::english(),
        name: "greeting".to_owned(),
        heard: None,
        confidence: Some(0.87),
    }
}

/// Returns events of every kind, including one that only a later engine version knows.
pub(crate) fn every_kind(call: CallId) -> Vec<EventKind> {
    let (flow, number) = (
        FlowName::parse("emi-reminder").unwrap(),
        PhoneNumber::parse("9876543210").unwrap(),
    );
    let version = |text: &str| VersionId::parse(text).unwrap();
    let parameters = |status: &str| BTreeMap::from([("Status".to_owned(), status.to_owned())]);
    let leg = |state| LegReport {
        state: Some(state),
        agent: Some("xxxxxx0001".to_owned()),
        talked_s: Some(45),
    };
    let cause = || Cause::new("stream-failed", "Exotel could not stream this call");
    vec![
        EventKind::Imported(Box::new(CallRecord {
            state: CallState::Pending,
            ..CallRecord::new(call, 900)
        })),
        EventKind::Requested(Requested {
            customer_number: Some(number.clone()),
            flow: Some(flow.clone()),
            dials: false,
            traced_from: None,
        }),
        EventKind::Dialling,
        EventKind::Dialled(DialAnswer::Refused {
            reason: "exotel refused: the number is not the account's: correct it".to_owned(),
        }),
        EventKind::Attributed {
            order: Some(CallId::parse("0190a1b2-0000-7000-8000-000000000001").unwrap()),
            customer_number: Some(number.clone()),
            flow: None,
        },
        EventKind::Named {
            call_sid: CallSid::parse("c2").unwrap(),
        },
        EventKind::AppletAsked(Box::new(AppletAsked {
            is_passthru: true,
            at_ms: Some(1_795_000_000_000),
            call_sid: CallSid::parse("c1").unwrap(),
            order: None,
            direction: Some(Direction::Outbound),
            customer_number: Some(number),
            line_number: None,
            problems: vec![Cause::new("unknown-order", "no such order")],
            late_problems: vec![Cause::new("wrong-number", "another number")],
            customer_found: false,
        })),
        EventKind::Refused {
            reason: "full".to_owned(),
            detail: "full (`passthru`): raise max-calls".to_owned(),
        },
        EventKind::StreamStarted(Box::new(started())),
        EventKind::StreamOverdue {
            what: "no stream came".to_owned(),
            unnamed: Some(cause()),
        },
        EventKind::StepReached {
            step: Step::Greeting,
        },
        EventKind::HostCalled(Box::new(HostCalled {
            began_ms: Some(1_000),
            entry: JournalEntry {
                seq: 1,
                at_ms: 4,
                took_ms: 5,
                function: Function::Say,
                arguments: json!({ "text": "क्या\u{0}" }),
                answer: json!({ "ok": 1 }),
            },
        })),
        EventKind::LanguageSet {
            language: Language::parse("hi-IN").unwrap(),
        },
        EventKind::Established {
            name: "identity".to_owned(),
        },
        EventKind::Decided(Decision::HangUp),
        EventKind::Decided(Decision::Transfer {
            words: None,
            target: "default".to_owned(),
            numbers: Vec::new(),
        }),
        EventKind::Disposed {
            disposition: "declined".to_owned(),
            detail: Some("too dear".to_owned()),
        },
        EventKind::Noted {
            name: "promise".to_owned(),
            value: "Friday".into(),
        },
        EventKind::PromptStarted {
            line: 0,
            prompt: PromptId(1),
            text: line(Speaker::Bot),
        },
        EventKind::PromptPlayed {
            line: 0,
            prompt: PromptId(1),
            template: "greeting".to_owned(),
            heard: Extent::Assumed,
            heard_ms: 2_400,
        },
        EventKind::PromptPaused {
            line: 0,
            prompt: PromptId(1),
            template: "greeting".to_owned(),
            heard_ms: 800,
            at_ms: 790,
            stopped_after_ms: 210,
        },
        EventKind::PromptResumed {
            line: 0,
            prompt: PromptId(1),
            template: "greeting".to_owned(),
            from_ms: 480,
            paused_ms: 1_060,
        },
        EventKind::PromptConfirmed {
            line: 0,
            prompt: PromptId(1),
            template: "greeting".to_owned(),
        },
        EventKind::Asked {
            question: "identity".to_owned(),
        },
        EventKind::Listening,
        EventKind::BargedIn {
            at_ms: 90,
            stopped_after_ms: None,
        },
        EventKind::BargedIn {
            at_ms: 90,
            stopped_after_ms: Some(320),
        },
        EventKind::Responded(TurnLatency {
            question: "identity".to_owned(),
            endpoint_ms: Some(650),
            whole_ms: Some(700),
            ..TurnLatency::default()
        }),
        EventKind::Utterance {
            line: 1,
            text: line(Speaker::Caller),
        },
        EventKind::TalkedOver {
            line: 2,
            text: line(Speaker::Caller),
        },
        EventKind::Keys {
            line: 3,
            text: line(Speaker::Keys),
        },
        EventKind::problem(5, "bad-frame", "a frame".to_owned(), Repeat::Always),
        EventKind::problem(6, "no-marks", "none".to_owned(), Repeat::OncePerName),
        EventKind::problem(7, "no-media", "none".to_owned(), Repeat::OncePerSentence),
        EventKind::VersionMoved(VersionMove {
            unix_ms: 8,
            from: version("ab12"),
            to: version("cd34"),
            seq: 1,
            refused: None,
        }),
        EventKind::FlowFailed(Box::new(FailureReport {
            flow,
            version: version("cd34"),
            call_id: call,
            reason: "the flow trapped".to_owned(),
            returned: None,
            shows_log: false,
            turn: 1,
            after: None,
            traceback: Vec::new(),
            stack: Vec::new(),
            entries: Vec::new(),
            log: Vec::new(),
        })),
        EventKind::EngineEnded {
            outcome: "engine-failed".to_owned(),
            hang_up: true,
        },
        EventKind::ConversationEnded {
            stream: StreamEnd::PeerLost { ever: true },
            flow: Some(FlowEnd::Failed {
                reason: "it trapped".to_owned(),
            }),
            last_position: "after `greeting`".to_owned(),
            began_ms: Some(1_000),
        },
        EventKind::ConversationEnded {
            stream: StreamEnd::Finished,
            flow: Some(FlowEnd::Returned),
            last_position: String::new(),
            began_ms: None,
        },
        EventKind::ActionBegun(ActionBegun {
            name: "note-promise".to_owned(),
            nth: 1,
        }),
        EventKind::StreamClosed,
        EventKind::StreamResumed(StreamResumed {
            stream_sid: StreamSid::parse("s2").unwrap(),
            entries: 3,
        }),
        EventKind::RecordingBegun {
            file: "0190-1.wav".to_owned(),
            at_ms: 0,
            engine: Some("engine-1".to_owned()),
        },
        EventKind::Recorded(Box::new(Recorded {
            file: "0190-1.wav".to_owned(),
            state: RecordingState::Cut,
            sha256: Some("ab".repeat(32)),
            bytes: 44,
            length_ms: 1_000,
            lost_ms: 20,
            reason: Some("the disk is full: make room".to_owned()),
        })),
        EventKind::RecordingDeleted {
            file: "0190-1.wav".to_owned(),
            why: DeletedFor::Erasure,
        },
        EventKind::Abandoned,
        EventKind::PassthruAfter(Box::new(PassthruAfter {
            parameters: parameters("in-progress"),
            at_ms: Some(1_795_000_000_000),
            problem: Some(cause()),
            leg: leg(AgentLegState::NotAnswered),
        })),
        EventKind::ConnectAnswered(ConnectAnswered {
            numbers: vec!["xxxxxx0001".to_owned()],
        }),
        EventKind::AgentReported(AgentReported {
            event: Some("Ringing".to_owned()),
            leg: leg(AgentLegState::Ringing),
        }),
        EventKind::AgentReported(AgentReported {
            event: Some("Answered".to_owned()),
            leg: leg(AgentLegState::Answered),
        }),
        EventKind::TransferOverdue,
        EventKind::StatusReported(Box::new(StatusReported {
            parameters: parameters("no-answer"),
            call_sid: Some(CallSid::parse("c1").unwrap()),
            direction: None,
            agents: vec![leg(AgentLegState::Busy)],
        })),
        EventKind::StatusReported(Box::new(StatusReported {
            parameters: parameters("completed"),
            call_sid: None,
            direction: None,
            agents: Vec::new(),
        })),
        EventKind::Erased(Erased {
            what: Erasable::Journal,
            events: 0,
            digest: digest([]),
        }),
        EventKind::Other {
            kind: "teleported".to_owned(),
            data: json!({ "to": ["mars", 1] }),
        },
    ]
}

/// Returns a random event other than an import, which can only be the first of its call.
pub(crate) fn random(chance: &mut Chance, call: CallId) -> EventKind {
    let mut kinds = every_kind(call);
    kinds.remove(0);
    let at = chance.below(u64::try_from(kinds.len()).unwrap());
    kinds.swap_remove(usize::try_from(at).unwrap())
}
