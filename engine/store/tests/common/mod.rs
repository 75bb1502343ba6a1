//! Data that several suites store.
#![allow(dead_code, reason = "each suite uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

pub mod switched;

use std::collections::BTreeMap;

use ghanti_model::journal::FORMAT;
use ghanti_model::*;
use ghanti_store::SessionSettings;

/// Texts that must never appear in an error or a log.
pub const PERSONAL: [&str; 4] = ["Asha Rao", "9876543210", "haan boliye", "LN-4321"];

pub fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

pub fn sid(text: &str) -> CallSid {
    CallSid::parse(text).unwrap()
}

pub fn customer(number: &str) -> CustomerRecord {
    let fields = [
        ("name", "Asha Rao"),
        ("loan", "LN-4321"),
        ("state", "Tamil Nadu"),
    ];
    CustomerRecord {
        call_id: CallId::generate(),
        phone: phone(number),
        flow: Some(FlowName::parse("emi-reminder").unwrap()),
        fields: fields
            .map(|(name, value)| (name.to_owned(), Masked::new(value)))
            .into(),
    }
}

pub fn settings(ttl_ms: u64) -> SessionSettings {
    SessionSettings {
        ttl: std::time::Duration::from_millis(ttl_ms),
        ..SessionSettings::default()
    }
}

/// A record of a new call.
pub fn record(created_ms: u64) -> CallRecord {
    CallRecord::new(CallId::generate(), created_ms)
}

/// A record of a new call in this state.
pub fn in_state(state: CallState, created_ms: u64) -> CallRecord {
    CallRecord {
        state,
        ..record(created_ms)
    }
}

/// Makes the event that imports a record.
pub fn imported(record: &CallRecord) -> CallEvent {
    CallEvent::imported(record.clone())
}

/// Makes an event of a call.
pub fn event(call: CallId, unix_ms: u64, kind: EventKind) -> CallEvent {
    CallEvent {
        id: EventId::generate(),
        call_id: call,
        node: NodeId::NONE,
        unix_ms,
        kind,
    }
}

/// Makes the event of a value that the flow notes under this name.
pub fn noted(call: CallId, unix_ms: u64, name: &str) -> CallEvent {
    let value = Masked::new("Friday");
    let name = name.to_owned();
    event(call, unix_ms, EventKind::Noted { name, value })
}

/// A record with something in every field.
pub fn full_record() -> CallRecord {
    let (call_id, flow, version) = (
        CallId::generate(),
        FlowName::parse("emi-reminder").unwrap(),
        VersionId::parse("ab12").unwrap(),
    );
    let playout = Playout {
        prompt: PromptId(1),
        template: "greeting".to_owned(),
        heard: Extent::Whole,
        heard_ms: 2_400,
    };
    let answer = Answer {
        understood_by: None,
        reply: Reply::Choice("yes".to_owned()),
        confidence: 0.87,
        language: Some(Language::english()),
        changed_to: None,
        transcript: Some(Masked::new("haan boliye")),
        attempts: 2,
        playouts: vec![playout],
    };
    let entry = JournalEntry {
        seq: 1,
        at_ms: 40,
        took_ms: 5_120,
        function: Function::Ask,
        arguments: serde_json::json!({"name": "identity", "amount": 1_250_000, "text": "क्या मैं Asha Rao से बात कर रही हूँ?\u{0}"}),
        answer: serde_json::json!({"ok": answer}),
    };
    let line = Line {
        at_ms: 3_000,
        lasted_ms: 700,
        speaker: Speaker::Caller,
        text: Masked::new("haan boliye"),
        language: Language::parse("hi").unwrap(),
        name: "identity".to_owned(),
        heard: None,
        confidence: Some(0.87),
    };
    CallRecord {
        call_again_ms: None,
        customer: None,
        recordings: Vec::new(),
        call_id,
        order: Some(CallId::generate()),
        call_sid: Some(sid(&format!("sid-{call_id}"))),
        stream_sid: Some(StreamSid::parse("stream-1").unwrap()),
node: None,
        state: CallState::Ended,
        direction: Some(Direction::Outbound),
        customer_number: Some(phone("9876543210")),
        line_number: Some(phone("08047112233")),
        flow: Some(flow.clone()),
        version: Some(version.clone()),
        resumptions: 1,
        reopened: false,
        acting: None,
        moves: vec![VersionMove {
            unix_ms: 1_795_000_030_000,
            from: VersionId::parse("0a").unwrap(),
            to: version.clone(),
            seq: 1,
            refused: Some("entry 1 (structure): expected ask identity: greeting (name) [yes, no], got the end".to_owned()),
        }],
        language: Some(Language::parse("hi").unwrap()),
        outcome: Some("transferred".to_owned()),
        disposition: Some("transferred".to_owned()),
        detail: Some("asked for an agent".to_owned()),
        decision: Some(Decision::Transfer { target: "default".to_owned(), numbers: vec![phone("1800123456")], words: None }),
        dial: None,
        established: Vec::new(),
        transfer: Some(Transfer {
            passthru_after_ms: Some(1_795_000_061_100),
            asked: vec![ConnectAsked { unix_ms: 1_795_000_061_200, numbers: vec!["xxxxxx3456".to_owned()] }],
            leg: Some(AgentLeg { state: AgentLegState::Answered, unix_ms: 1_795_000_070_000, agent: Some("xxxxxx3456".to_owned()), talked_s: Some(45) }),
            answered_after_ms: Some(8_800),
            agents: vec![AgentLeg { state: AgentLegState::Answered, unix_ms: 1_795_000_070_000, agent: Some("xxxxxx3456".to_owned()), talked_s: Some(45) }],
        }),
        notes: BTreeMap::from([("promise".to_owned(), Masked::new("Friday"))]),
        steps: vec![StepEntry { step: Step::Greeting, unix_ms: 1_000 }],
        transcript: vec![line],
        problems: vec![Problem { unix_ms: 5, name: "bad-frame".to_owned(), detail: "a frame of 3 bytes was ignored".to_owned() }],
        failure: Some(FailureReport {
            flow: flow.clone(),
            version: version.clone(),
            call_id,
            reason: "the flow trapped: unreachable".to_owned(),
returned: None,
shows_log: false,
            turn: 1,
            after: Some("identity".to_owned()),
            traceback: vec![Masked::new("ValueError: Asha Rao")],
            stack: vec!["acts::fail".to_owned()],
            entries: vec!["1 ask identity".to_owned()],
            log: vec![LogLine { level: "info".to_owned(), message: Masked::new("it is Asha Rao") }],
        }),
        journal: Some(Journal {
            header: JournalHeader { format: FORMAT, call_id, flow, version, seed: u64::MAX, began_ms: Some(1_767_591_000_000) },
            entries: vec![entry],
        }),
        created_ms: 1_795_000_000_000,
        started_ms: Some(1_795_000_001_000),
        ended_ms: Some(1_795_000_061_000),
        exotel: BTreeMap::from([("RecordingUrl".to_owned(), "https://example.com/a.mp3\u{0}".to_owned())]),
    }
}

/// Asserts that an error or log contains neither personal data nor secrets.
pub fn assert_clean(shown: &str, secrets: &[&str]) {
    for secret in PERSONAL.iter().chain(secrets) {
        assert!(!shown.contains(secret), "`{secret}` is shown in: {shown}");
    }
}
