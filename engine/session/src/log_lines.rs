//! The log lines of calls: a view of their events.
//!
//! Lines have the target [`CALL`] or [`STEP`], by which a view that reads the events themselves
//! knows that it need not read them here. What callers say and press is masked by its type.

use ghanti_model::event::TurnLatency;
use ghanti_model::{CallEvent, CallRecord, EventKind, Function, JournalEntry, Reply};
use tracing::field::display;

use crate::postmortem::FailureLines;

/// The target of lines about a call's events.
pub const CALL: &str = "ghanti::call";
/// The target of lines about the steps of a call.
pub const STEP: &str = "ghanti::step";
/// The problem that stands for a failure of the flow, which has a report of its own.
pub const FLOW_FAILED: &str = "flow-failed";

/// Writes the line for an event, if it has one. `record` is the call's after the event.
pub(crate) fn log(event: &CallEvent, record: &CallRecord) {
    // also on lines of steps before and after the stream, which are in no span of the call
    let (call, sid) = (event.call_id, record.call_sid.as_ref().map(display));
    let at_ms = event
        .unix_ms
        .saturating_sub(record.started_ms.unwrap_or(event.unix_ms));
    match &event.kind {
        EventKind::StreamStarted(started) => {
            let number = started.customer_number.as_ref().map(display);
            let (flow, version) = (
                started.flow.as_ref().map(display),
                started.version.as_ref().map(display),
            );
            tracing::info!(target: CALL, %call, sid, stream = %started.stream_sid, "WebSocket started");
            tracing::info!(target: CALL, %call, sid, number, flow, version, "call started");
        }
        EventKind::StepReached { step } => {
            tracing::info!(target: STEP, %call, sid, ?step, at_ms, "step")
        }
        EventKind::PromptStarted { text, .. } => {
            tracing::debug!(target: CALL, %call, sid, template = text.name, text = %text.text, language = %text.language, "prompt began");
        }
        EventKind::PromptPlayed {
            template,
            heard,
            heard_ms,
            ..
        } => {
            tracing::debug!(target: CALL, %call, sid, template, ?heard, heard_ms, "prompt ended");
        }
        EventKind::PromptPaused {
            template,
            heard_ms,
            stopped_after_ms,
            ..
        } => {
            tracing::debug!(target: CALL, %call, sid, template, heard_ms, stopped_after_ms, "prompt paused");
        }
        EventKind::PromptResumed {
            template,
            from_ms,
            paused_ms,
            ..
        } => {
            tracing::debug!(target: CALL, %call, sid, template, from_ms, paused_ms, "prompt resumed");
        }
        EventKind::Asked { question } => {
            tracing::debug!(target: CALL, %call, sid, question, "asked")
        }
        EventKind::BargedIn {
            at_ms,
            stopped_after_ms,
        } => {
            tracing::debug!(target: CALL, %call, sid, at_ms, stopped_after_ms, "barge-in")
        }
        EventKind::Responded(TurnLatency {
            question,
            endpoint_ms,
            result_ms,
            flow_ms,
            audio_ms,
            whole_ms,
        }) => {
            tracing::debug!(target: CALL, %call, sid, question, endpoint_ms, result_ms, flow_ms, audio_ms, whole_ms, "response");
        }
        EventKind::Utterance { text: said, .. } => {
            tracing::info!(target: CALL, %call, sid, question = said.name, text = %said.text, language = %said.language, confidence = said.confidence, "caller said");
        }
        EventKind::TalkedOver { text: said, .. } => {
            tracing::info!(target: CALL, %call, sid, question = said.name, text = %said.text, language = %said.language, confidence = said.confidence, "caller spoke over a prompt, which is no answer");
        }
        EventKind::Keys { text: keys, .. } => {
            tracing::info!(target: CALL, %call, sid, question = keys.name, keys = %keys.text, "caller pressed keys");
        }
        EventKind::HostCalled(called) => {
            if let Some((question, reply)) = answered(&called.entry) {
                tracing::debug!(target: CALL, %call, sid, question, %reply, "question answered");
            }
        }
        EventKind::Established { name } => {
            tracing::info!(target: CALL, %call, sid, established = name, "established");
        }
        EventKind::Problem { problem, .. } if problem.name == FLOW_FAILED => {}
        EventKind::Problem { problem, .. } => {
            tracing::warn!(target: CALL, %call, sid, problem = problem.name, detail = problem.detail, "problem in a call");
        }
        EventKind::FlowFailed(report) => {
            let lines = FailureLines(report);
            tracing::error!(target: CALL, %call, sid, flow = %report.flow, version = %report.version, turn = report.turn, reason = lines.reason(), report = %lines, "a flow failed");
        }
        EventKind::VersionMoved(moved) => {
            let (flow, from, to) = (record.flow.as_ref().map(display), &moved.from, &moved.to);
            match &moved.refused {
                None => {
                    tracing::info!(target: CALL, %call, sid, flow, %from, %to, entry = moved.seq, "call moved to another version");
                }
                Some(reason) => {
                    tracing::warn!(target: CALL, %call, sid, flow, %from, %to, reason, "call stays on its version: the other one cannot take it over");
                }
            }
        }
        EventKind::StreamClosed => {
            let outcome = record.outcome.as_deref();
            tracing::info!(target: CALL, %call, sid, outcome, lasted_ms = at_ms, "call ended");
        }
        _ => {}
    }
}

/// The question that a host call has asked and its reply, if it is one that got a reply.
pub fn answered(entry: &JournalEntry) -> Option<(&str, Reply)> {
    if !matches!(entry.function, Function::Ask | Function::Collect) {
        return None;
    }
    let question = entry.arguments.get("name")?.as_str()?;
    let reply = entry.answer.pointer("/ok/reply")?;
    Some((question, serde_json::from_value(reply.clone()).ok()?))
}
