//! Transfers whose agents answer, do not answer, or are never asked; reports in any order.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ghanti_exotel::status::StatusCallback;
use ghanti_model::event::{FlowEnd, StreamEnd, StreamStarted};
use ghanti_model::fold::transfer::NEVER_ASKED;
use ghanti_model::{CallId, CallLog, ConnectAsked, Decision, Language, NodeId, StreamSid};

use super::*;
use crate::network::{passthru_after, status_reported};

const AGENT: &str = "+918000000001";
const DECIDED: &str = "transfer-decided";

fn decided() -> CallLog {
    ended(to_agent(), FlowEnd::Returned)
}

fn to_agent() -> Decision {
    Decision::Transfer {
        words: None,
        target: "default".to_owned(),
        numbers: vec![PhoneNumber::parse(AGENT).unwrap()],
    }
}

/// A call that has ended with a decision.
fn ended(decision: Decision, flow: FlowEnd) -> CallLog {
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
    let events = [
        EventKind::StreamStarted(Box::new(started)),
        EventKind::Decided(decision),
        EventKind::ConversationEnded {
            stream: StreamEnd::Finished,
            flow: Some(flow),
            last_position: String::new(),
            began_ms: None,
        },
        EventKind::StreamClosed,
    ];
    let mut log = CallLog::new(CallId::generate());
    for kind in events {
        log.emit(NodeId::NONE, 1, kind);
    }
    log
}

enum Report {
    After(&'static str),
    Connect,
    Event(&'static str),
    Status(&'static str),
    Overdue,
}

fn after(mut log: CallLog, reports: &[Report]) -> CallLog {
    for (report, now_ms) in reports.iter().zip(100..) {
        let kind = match report {
            Report::After(query) => passthru_after(&PassthruRequest::parse(query), None, None),
            Report::Connect => connect_answered(&[PhoneNumber::parse(AGENT).unwrap()]),
            Report::Event(query) => agent_reported(&PassthruRequest::parse(query)),
            Report::Status(body) => {
                status_reported(&StatusCallback::from_body(None, body.as_bytes()).unwrap())
            }
            Report::Overdue => EventKind::TransferOverdue,
        };
        log.emit(NodeId::NONE, now_ms, kind);
    }
    log
}

fn outcome(reports: &[Report]) -> String {
    after(decided(), reports).into_record().outcome.unwrap()
}

use Report::{After, Connect, Event, Overdue, Status};

const BOT_CLOSED: Report =
    After("CallSid=c1&DialCallStatus=null&CallType=call-attempt&Stream[Status]=completed");
const OVER: Report = Status("CallSid=c1&Status=completed");

#[test]
fn a_transfer_is_only_decided_until_the_agents_leg_says_more() {
    assert_eq!(outcome(&[]), DECIDED);
    assert_eq!(outcome(&[BOT_CLOSED, Connect]), DECIDED);
    assert_eq!(
        outcome(&[
            BOT_CLOSED,
            Connect,
            Event("EventType=Dial"),
            Event("EventType=Ringing")
        ]),
        DECIDED
    );
    assert_eq!(
        outcome(&[BOT_CLOSED, Connect, OVER, Overdue]),
        DECIDED,
        "nobody has reported kind the agent did"
    );
}

#[test]
fn what_the_agents_leg_says_is_the_outcome_wherever_it_is_said() {
    for (report, expected) in [
        (
            Event("EventType=Answered&DialWhomNumber=08000000001"),
            "transferred",
        ),
        (Event("EventType=Terminal&Status=free"), DECIDED),
        (
            Event("EventType=Terminal&DialCallStatus=no-answer"),
            "agents-not-answering",
        ),
        (
            After("DialCallStatus=completed&DialCallDuration=12"),
            "transferred",
        ),
        (After("DialCallStatus=busy"), "agent-busy"),
        (After("DialCallStatus=no-answer"), "agents-not-answering"),
        (After("DialCallStatus=failed"), "agent-unreachable"),
        (After("DialCallStatus=canceled"), "hung-up-before-agent"),
        (
            After("DialCallStatus=null&CallType=incomplete"),
            "agents-not-answering",
        ),
        (
            Status(
                "Status=completed&Legs[0][Status]=completed&Legs[1][Status]=completed&Legs[1][OnCallDuration]=9",
            ),
            "transferred",
        ),
        (
            Status(
                "Status=in-progress&EventType=answered&Legs[0][Status]=in-progress&Legs[1][Status]=in-progress",
            ),
            "transferred",
        ),
        (
            Status("Status=completed&Legs[0][Status]=completed&Legs[1][Status]=busy"),
            "agent-busy",
        ),
        (
            Status("Status=completed&Legs[0][Status]=completed&Legs[1][Status]=no-answer"),
            "agents-not-answering",
        ),
        (
            Status("Status=completed&Legs[0][Status]=completed&Legs[1][Status]="),
            DECIDED,
        ),
    ] {
        let shown = match &report {
            After(text) | Event(text) | Status(text) => *text,
            Connect | Overdue => "",
        };
        let record = after(decided(), &[BOT_CLOSED, Connect, report]).into_record();
        assert_eq!(
            (record.outcome.as_deref(), record.problems.len()),
            (Some(expected), 0),
            "{shown}"
        );
    }
}

#[test]
fn an_agent_who_answered_stays_the_outcome() {
    let talked = Event("EventType=Answered");
    assert_eq!(
        outcome(&[
            Connect,
            talked,
            After("DialCallStatus=no-answer"),
            Status("Status=completed&Legs[1][Status]=busy")
        ]),
        "transferred"
    );
    assert_eq!(
        outcome(&[OVER, Connect, After("DialCallStatus=completed")]),
        "transferred",
        "in any order"
    );
}

#[test]
fn a_transfer_that_nobody_asks_for_is_a_problem_with_the_fix() {
    for (reports, hint) in [
        (
            vec![OVER],
            "no Passthru and Connect after the Voicebot applet",
        ),
        (
            vec![Overdue],
            "no Passthru and Connect after the Voicebot applet",
        ),
        (
            vec![BOT_CLOSED, OVER],
            "its transfer branch leads to no Connect applet",
        ),
        (
            vec![BOT_CLOSED, Overdue, OVER, OVER],
            "its transfer branch leads to no Connect applet",
        ),
    ] {
        let record = after(decided(), &reports).into_record();
        assert_eq!(record.outcome.as_deref(), Some(NEVER_ASKED));
        let problems: Vec<_> = record
            .problems
            .iter()
            .map(|problem| (problem.name.as_str(), problem.detail.contains(hint)))
            .collect();
        assert_eq!(problems, [(NEVER_ASKED, true)], "{:?}", record.problems);
    }
    let record = after(decided(), &[Overdue, Connect]).into_record();
    assert_eq!(
        (record.outcome.as_deref(), record.problems.len()),
        (Some(DECIDED), 0),
        "it was asked after all"
    );
}

#[test]
fn connect_leaves_a_trace_without_a_number() {
    let log = after(decided(), &[BOT_CLOSED, Connect]);
    let transfer = log.record().transfer.clone().unwrap();
    assert_eq!(transfer.passthru_after_ms, Some(100));
    assert_eq!(
        transfer.asked,
        [ConnectAsked {
            unix_ms: 101,
            numbers: vec!["xxxxxx0001".to_owned()]
        }]
    );
    let asked_again = (0..100).fold(log, |log, _| after(log, &[Connect]));
    assert!(asked_again.into_record().transfer.unwrap().asked.len() <= 16);
}

#[test]
fn a_conversation_that_failed_stays_so_whatever_the_agent_does() {
    let failed = FlowEnd::Failed {
        reason: "it trapped".to_owned(),
    };
    let reports = [BOT_CLOSED, Connect, Event("EventType=Answered")];
    let record = after(ended(to_agent(), failed), &reports).into_record();
    assert_eq!(record.outcome.as_deref(), Some("flow-failed"));
    assert_eq!(
        record.transfer.unwrap().leg.unwrap().state,
        AgentLegState::Answered
    );
}

#[test]
fn connect_for_a_call_that_was_to_end_is_reported_with_the_fix() {
    let mut log = ended(Decision::HangUp, FlowEnd::Returned);
    for now_ms in [5, 6] {
        log.emit(NodeId::NONE, now_ms, connect_answered(&[]));
    }
    let record = log.into_record();
    assert_eq!(
        (record.outcome.as_deref(), record.problems.len()),
        (Some("completed"), 1)
    );
    assert!(
        record.problems[0].detail.contains("to Hangup"),
        "{:?}",
        record.problems
    );
}

#[test]
fn the_applet_behind_connect_is_not_sent_to_connect_again() {
    let request = PassthruRequest::parse("CallSid=c1&DialCallStatus=no-answer");
    assert!(
        !is_after_connect(decided().record(), &request),
        "nobody has asked yet"
    );
    assert!(is_after_connect(
        after(decided(), &[Connect]).record(),
        &request
    ));
    assert!(!is_after_connect(
        after(decided(), &[Connect]).record(),
        &PassthruRequest::parse("CallSid=c1&DialCallStatus=null")
    ));
}

#[test]
fn the_record_says_who_answered_after_how_long_and_who_was_busy() {
    let reports = [
        BOT_CLOSED,
        Connect,
        Event("EventType=Dial&DialWhomNumber=08000000001"),
        Event("EventType=Terminal&DialCallStatus=busy&DialWhomNumber=08000000001"),
        Event("EventType=Dial&DialWhomNumber=08000000002"),
        Event("EventType=Answered&DialWhomNumber=08000000002"),
        Event(
            "EventType=Terminal&DialCallStatus=completed&DialCallDuration=45&DialWhomNumber=08000000002",
        ),
    ];
    let transfer = after(decided(), &reports).into_record().transfer.unwrap();
    let agents: Vec<_> = transfer
        .agents
        .iter()
        .map(|leg| (leg.agent.as_deref().unwrap(), leg.state, leg.talked_s))
        .collect();
    assert_eq!(
        agents,
        [
            ("xxxxxx0001", AgentLegState::Busy, None),
            ("xxxxxx0002", AgentLegState::Answered, Some(45))
        ]
    );
    // Connect asked at 101 ms and the answer was reported at 105 ms
    assert_eq!(transfer.answered_after_ms, Some(4));
    let leg = transfer.leg.unwrap();
    assert_eq!(
        (leg.agent.as_deref(), leg.talked_s),
        (Some("xxxxxx0002"), Some(45))
    );
}

#[test]
fn an_answer_that_only_a_late_callback_tells_has_no_time() {
    let callback = Status(
        "CallSid=c1&Status=completed&Legs[0][Status]=completed&Legs[1][Status]=completed&Legs[1][OnCallDuration]=30&Legs[1][Number]=08000000001",
    );
    let record = after(decided(), &[BOT_CLOSED, Connect, callback]).into_record();
    let transfer = record.transfer.unwrap();
    assert_eq!(record.outcome.as_deref(), Some("transferred"));
    assert_eq!(transfer.answered_after_ms, None);
    assert_eq!(transfer.leg.unwrap().talked_s, Some(30));
}
