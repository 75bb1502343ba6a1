//! The body of a message, as JSON: `type`, `timestamp` and `data` (Standard Webhooks, "Payload
//! structure"). `docs/webhooks.md` documents it for receivers. Pure.

use std::collections::BTreeMap;

use ghanti_model::fold::network::final_status;
use ghanti_model::fold::transfer::is_outcome;
use ghanti_model::{
    AgentLeg, CallRecord, CallState, CallStatus, ChainHead, Decision, Direction, PhoneNumber,
    Problem, Step,
};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::endpoint::Endpoint;
use crate::kind::Kind;

/// Maximum length of a text from a flow or Exotel, in characters; longer ones are truncated.
pub const TEXT_CHARACTERS: usize = 1_000;
/// Maximum number of milestones and of notes in a message: flows have a few dozen.
pub const ITEMS: usize = 64;

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    call_id: String,
    /// The id that `POST /api/calls` returned.
    order: Option<String>,
    call_sid: Option<&'a str>,
    flow: Option<&'a str>,
    version: Option<&'a str>,
    direction: Option<Direction>,
    customer_number: Option<String>,
    language: Option<String>,
    state: CallState,
    outcome: Option<&'a str>,
    disposition: Option<&'a str>,
    detail: Option<String>,
    milestones: Vec<&'a str>,
    notes: BTreeMap<&'a str, Option<String>>,
    /// When the customer asked to be called again.
    #[serde(skip_serializing_if = "Option::is_none")]
    call_again_at: Option<String>,
    created_at: Option<String>,
    started_at: Option<String>,
    ended_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer: Option<TransferData<'a>>,
    exotel: Reported<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemData<'a>>,
    /// The head of the hash chain of a call that has ended. A copy elsewhere proves that the whole chain
    /// was not replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<&'a ChainHead>,
}

/// The result of a transfer.
#[derive(Serialize)]
struct TransferData<'a> {
    target: &'a str,
    outcome: Option<&'a str>,
    /// Who answered, or was dialled last; masked.
    agent: Option<&'a str>,
    answered_after_s: Option<u64>,
    talked_s: Option<u32>,
    agents: &'a [AgentLeg],
}

/// What Exotel has reported.
#[derive(Serialize)]
struct Reported<'a> {
    status: Option<String>,
    duration_s: Option<u64>,
    recording_url: Option<&'a str>,
}

#[derive(Serialize)]
struct ProblemData<'a> {
    name: &'a str,
    detail: &'a str,
}

/// Writes the body of a message to an endpoint. `unix_ms` is the time of the event, in
/// milliseconds since 1970-01-01T00:00:00Z.
///
/// # Errors
/// Serialization fails, which cannot happen: every key is a text.
pub fn body(
    endpoint: &Endpoint,
    kind: &Kind,
    record: &CallRecord,
    chain: &ChainHead,
    unix_ms: u64,
) -> Result<String, serde_json::Error> {
    let problem = match kind {
        Kind::Problem(Problem { name, detail, .. }) => Some(ProblemData { name, detail }),
        _ => None,
    };
    let milestones = record.steps.iter().filter_map(|entry| match &entry.step {
        Step::Milestone(_) => Some(entry.step.name()),
        _ => None,
    });
    let notes = record.notes.iter().take(ITEMS).map(|(name, value)| {
        let shown = endpoint.include_notes.then(|| cut(value.expose()));
        (name.as_str(), shown)
    });
    let data = Data {
        call_id: record.call_id.to_string(),
        order: record.order.map(|order| order.to_string()),
        call_sid: record.call_sid.as_ref().map(|sid| sid.as_str()),
        flow: record.flow.as_ref().map(|flow| flow.as_str()),
        version: record.version.as_ref().map(|version| version.as_str()),
        direction: record.direction,
        customer_number: record
            .customer_number
            .as_ref()
            .map(|number| shown(number, endpoint.include_number)),
        language: record.language.as_ref().map(ToString::to_string),
        state: record.state,
        outcome: record.outcome.as_deref(),
        disposition: record.disposition.as_deref(),
        detail: record.detail.as_deref().map(cut),
        milestones: milestones.take(ITEMS).collect(),
        notes: notes.collect(),
        call_again_at: record.call_again_ms.and_then(time_of),
        created_at: time_of(record.created_ms),
        started_at: record.started_ms.and_then(time_of),
        ended_at: record.ended_ms.and_then(time_of),
        transfer: transfer(record),
        exotel: reported(record),
        problem,
        chain: matches!(kind, Kind::Ended).then_some(chain),
    };
    serde_json::to_string(&Body {
        r#type: kind.name(),
        timestamp: time_of(unix_ms).unwrap_or_default(),
        data,
    })
}

fn shown(number: &PhoneNumber, in_full: bool) -> String {
    if in_full {
        number.expose().to_owned()
    } else {
        number.masked()
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_CHARACTERS).collect()
}

fn transfer(record: &CallRecord) -> Option<TransferData<'_>> {
    let Some(Decision::Transfer { target, .. }) = &record.decision else {
        return None;
    };
    let body_of = record.transfer.as_ref();
    let leg = body_of.and_then(|transfer| transfer.leg.as_ref());
    Some(TransferData {
        target,
        outcome: record.outcome.as_deref().filter(|word| is_outcome(word)),
        agent: leg.and_then(|leg| leg.agent.as_deref()),
        answered_after_s: body_of
            .and_then(|transfer| transfer.answered_after_ms)
            .map(|ms| ms / 1_000),
        talked_s: leg.and_then(|leg| leg.talked_s),
        agents: body_of.map_or(&[], |transfer| transfer.agents.as_slice()),
    })
}

fn reported(record: &CallRecord) -> Reported<'_> {
    let body_of = |names: &[&str]| {
        names.iter().find_map(|name| {
            let mut parameters = record.exotel.iter();
            let found = parameters.find(|(body_of, _)| body_of.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        })
    };
    Reported {
        status: final_status(record)
            .as_ref()
            .map(CallStatus::as_str)
            .map(str::to_owned),
        duration_s: body_of(&[
            "ConversationDuration",
            "Duration",
            "Legs[0][OnCallDuration]",
        ])
        .and_then(|seconds| seconds.parse().ok()),
        recording_url: body_of(&["RecordingUrl", "Stream[RecordingUrl]"]),
    }
}

/// RFC 3339, with milliseconds where there are any.
fn time_of(unix_ms: u64) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000).ok()?;
    at.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ghanti_model::{
        AgentLegState, CallId, ConnectAsked, FlowName, Masked, Milestone, StepEntry, Transfer,
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::backoff::Backoff;
    use crate::endpoint::Target;

    fn endpoint(include: bool) -> Endpoint {
        Endpoint {
            name: "crm".to_owned(),
            target: Target::parse("https://crm.example.com/").unwrap(),
            keys: Vec::new(),
            events: vec!["*".to_owned()],
            flows: Vec::new(),
            include_number: include,
            include_notes: include,
            ca_file: None,
            timeout: Duration::from_secs(1),
            backoff: Backoff {
                attempts: 1,
                first_ms: 1,
            },
        }
    }

    fn record() -> CallRecord {
        let leg = AgentLeg {
            state: AgentLegState::Answered,
            unix_ms: 1_795_000_070_000,
            agent: Some("xxxxxx3456".to_owned()),
            talked_s: Some(45),
        };
        CallRecord {
            state: CallState::Ended,
            flow: Some(FlowName::parse("emi-reminder").unwrap()),
            customer_number: Some(PhoneNumber::parse("9876543210").unwrap()),
            outcome: Some("transferred".to_owned()),
            detail: Some("x".repeat(5_000)),
            decision: Some(Decision::Transfer {
                words: None,
                target: "default".to_owned(),
                numbers: Vec::new(),
            }),
            transfer: Some(Transfer {
                asked: vec![ConnectAsked {
                    unix_ms: 1_795_000_061_200,
                    numbers: Vec::new(),
                }],
                leg: Some(leg.clone()),
                answered_after_ms: Some(8_800),
                agents: vec![leg],
                ..Transfer::default()
            }),
            notes: BTreeMap::from([("promise-date".to_owned(), Masked::new("2026-12-05"))]),
            steps: vec![
                StepEntry {
                    step: Step::Greeting,
                    unix_ms: 1,
                },
                StepEntry {
                    step: Step::Milestone(Milestone::parse("emi-delivered").unwrap()),
                    unix_ms: 2,
                },
            ],
            exotel: BTreeMap::from([
                ("Status".to_owned(), "completed".to_owned()),
                ("ConversationDuration".to_owned(), "61".to_owned()),
            ]),
            ended_ms: Some(1_795_000_061_000),
            ..CallRecord::new(CallId::generate(), 1_795_000_000_000)
        }
    }

    fn body_of(include: bool, kind: &Kind) -> Value {
        let text = body(
            &endpoint(include),
            kind,
            &record(),
            &ChainHead::default(),
            1_795_000_061_250,
        )
        .unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_message_has_the_result_of_the_call_without_personal_data() {
        let body_of = body_of(false, &Kind::TransferOutcome);
        assert_eq!(body_of["type"], "transfer.outcome");
        assert_eq!(body_of["timestamp"], "2026-11-18T11:07:41.25Z");
        let data = &body_of["data"];
        assert_eq!(data["customer_number"], "xxxxxx3210");
        assert_eq!(data["notes"], json!({ "promise-date": null }));
        assert_eq!(data["milestones"], json!(["emi-delivered"]));
        assert_eq!(data["detail"].as_str().unwrap().len(), TEXT_CHARACTERS);
        assert_eq!(
            data["exotel"],
            json!({ "status": "completed", "duration_s": 61, "recording_url": null })
        );
        let transfer = &data["transfer"];
        assert_eq!(
            (
                &transfer["outcome"],
                &transfer["agent"],
                &transfer["answered_after_s"],
                &transfer["talked_s"]
            ),
            (
                &json!("transferred"),
                &json!("xxxxxx3456"),
                &json!(8),
                &json!(45)
            )
        );
        assert_eq!(data.get("problem"), None);
    }

    #[test]
    fn number_and_notes_are_included_if_the_operator_configures_it() {
        let data = &body_of(true, &Kind::Ended)["data"];
        assert_eq!(data["customer_number"], "+919876543210");
        assert_eq!(data["notes"], json!({ "promise-date": "2026-12-05" }));
    }

    #[test]
    fn a_problem_is_sent_with_its_detail() {
        let problem = Problem {
            unix_ms: 7,
            name: "no-marks".to_owned(),
            detail: "no mark came back".to_owned(),
        };
        let data = &body_of(false, &Kind::Problem(problem))["data"];
        assert_eq!(
            data["problem"],
            json!({ "name": "no-marks", "detail": "no mark came back" })
        );
    }
}
