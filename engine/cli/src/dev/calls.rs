//! Renders the events of calls turn by turn for a flow's author. What callers say is masked, as in
//! every log; templates, questions and choices are the author's own text. Pure.

use std::collections::BTreeMap;

use ghanti_model::{CallEvent, CallId, CallLog, EventKind, Extent, Problem, Step};
use ghanti_session::log_lines::{FLOW_FAILED, answered};
use ghanti_session::postmortem::FailureLines;

use super::event_format::short;
use super::line::{Line, Subject, Tone};

/// Maximum number of calls kept, so that calls which were announced and never started are dropped.
const CALLS: usize = 2_000;

/// The calls that have been seen and have not ended.
#[derive(Debug, Default)]
pub struct Calls {
    calls: BTreeMap<CallId, Call>,
    count: u64,
}

#[derive(Debug)]
struct Call {
    nth: u64,
    log: CallLog,
}

impl Calls {
    /// The short name of a call followed by a space; empty for an unknown call.
    pub fn of(&self, id: &str) -> String {
        CallId::parse(id)
            .and_then(|id| self.calls.get(&id))
            .map_or_else(String::new, |call| format!("#{} ", call.nth))
    }

    /// The lines for an event; none if it is of no interest to an author.
    pub fn lines(&mut self, event: &CallEvent) -> Vec<Line> {
        let begins = matches!(
            event.kind,
            EventKind::Requested(_) | EventKind::AppletAsked(_) | EventKind::StreamStarted(_)
        );
        if !begins && !self.calls.contains_key(&event.call_id) {
            return Vec::new();
        }
        let call = self.call(event.call_id);
        let known = call.log.record().problems.len();
        call.log.apply(event);
        let record = call.log.record();
        let number = record.customer_number.as_ref();
        let about = format!(
            "#{} {}",
            call.nth,
            number.map_or_else(String::new, ToString::to_string)
        );
        let line = |words: &str, tone| Line::new(Subject::Call, &about, words, tone);
        let mut lines = Vec::new();
        if let Some((words, tone)) = words(event, &call.log) {
            lines.push(match &event.kind {
                EventKind::FlowFailed(report) => {
                    line(&words, tone).with_all(report_lines(&FailureLines(report).to_string()))
                }
                _ => line(&words, tone),
            });
        }
        let problems = record.problems.iter().skip(known);
        let is_shown = |problem: &&Problem| problem.name != FLOW_FAILED;
        lines.extend(
            problems
                .filter(is_shown)
                .map(|problem| line(&format!("{}: {}", problem.name, problem.detail), Tone::Odd)),
        );
        if matches!(event.kind, EventKind::StreamClosed) {
            self.calls.remove(&event.call_id);
        }
        lines
    }

    fn call(&mut self, id: CallId) -> &mut Call {
        if !self.calls.contains_key(&id) && self.calls.len() >= CALLS {
            // ids sort by time, so the first is the oldest
            self.calls.pop_first();
        }
        self.calls.entry(id).or_insert_with(|| {
            self.count += 1;
            Call {
                nth: self.count,
                log: CallLog::new(id),
            }
        })
    }
}

fn words(event: &CallEvent, log: &CallLog) -> Option<(String, Tone)> {
    let record = log.record();
    Some(match &event.kind {
        EventKind::Requested(_) => ("announced, waits for Exotel".to_owned(), Tone::Faint),
        EventKind::AppletAsked(asked) if !asked.is_passthru => return None,
        EventKind::AppletAsked(asked) if asked.customer_found => {
            ("Exotel asks, the customer is known".to_owned(), Tone::Faint)
        }
        EventKind::AppletAsked(_) => (
            "Exotel asks, the customer is not known".to_owned(),
            Tone::Faint,
        ),
        EventKind::StreamStarted(started) => match (&started.flow, &started.version) {
            (Some(flow), Some(version)) => (
                format!("started on {flow} {}", short(version.as_str())),
                Tone::Good,
            ),
            _ => ("started, and no flow takes it".to_owned(), Tone::Bad),
        },
        EventKind::StepReached {
            step: step @ Step::Milestone(_),
        } => (format!("milestone: {}", step.name()), Tone::Faint),
        EventKind::PromptStarted { text, .. } => {
            (format!("bot: {} {}", text.name, text.text), Tone::Plain)
        }
        EventKind::PromptPlayed {
            template,
            heard,
            heard_ms,
            ..
        } => match heard {
            Extent::Whole => return None,
            Extent::Unheard => (format!("bot: {template} was not heard"), Tone::Faint),
            _ => (
                format!("bot: {template} was cut off after {heard_ms} ms"),
                Tone::Faint,
            ),
        },
        EventKind::PromptPaused {
            template, heard_ms, ..
        } => (
            format!("bot: {template} was paused after {heard_ms} ms"),
            Tone::Faint,
        ),
        EventKind::PromptResumed {
            template, from_ms, ..
        } => (
            format!("bot: {template} goes on from {from_ms} ms"),
            Tone::Faint,
        ),
        EventKind::BargedIn { .. } => ("caller: interrupts".to_owned(), Tone::Plain),
        EventKind::Utterance { text: said, .. } => (
            format!(
                "caller: {} in {}, confidence {:.2}",
                said.text,
                said.language,
                said.confidence.unwrap_or_default()
            ),
            Tone::Plain,
        ),
        EventKind::Keys { text: keys, .. } => (format!("caller: keys {}", keys.text), Tone::Plain),
        EventKind::HostCalled(called) => {
            let (question, reply) = answered(&called.entry)?;
            (format!("answer: {question} = {reply}"), Tone::Plain)
        }
        EventKind::Established { name } => (format!("established: {name}"), Tone::Plain),
        EventKind::FlowFailed(_) => ("the flow failed:".to_owned(), Tone::Bad),
        EventKind::VersionMoved(moved) => {
            let (from, to) = (short(moved.from.as_str()), short(moved.to.as_str()));
            match &moved.refused {
                None => (
                    format!("goes on with version {to} from entry {}", moved.seq),
                    Tone::Good,
                ),
                Some(reason) => (
                    format!("stays on version {from}, since {to} cannot take it over: {reason}"),
                    Tone::Odd,
                ),
            }
        }
        EventKind::StreamClosed => {
            let started_ms = record.started_ms.unwrap_or(event.unix_ms);
            let seconds = event.unix_ms.saturating_sub(started_ms) / 1_000;
            let outcome = record.outcome.as_deref().unwrap_or_default();
            (format!("ended: {outcome} after {seconds} s"), Tone::Good)
        }
        _ => return None,
    })
}

/// The lines of a failure's report, which arrives as one indented block.
fn report_lines(block: &str) -> impl Iterator<Item = String> {
    block
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use ghanti_model::event::{HostCalled, Repeat, Requested, StreamStarted};
    use ghanti_model::{
        EventId, FailureReport, FlowName, Function, JournalEntry, Language, Line as Said, NodeId,
        PhoneNumber, PromptId, Speaker, StreamSid, VersionId, VersionMove,
    };
    use serde_json::json;

    use super::*;

    const VERSION: &str = "3fa2b4c6d8";

    fn shown(calls: &mut Calls, call_id: CallId, unix_ms: u64, kind: EventKind) -> String {
        let event = CallEvent {
            id: EventId::generate(),
            call_id,
            node: NodeId::NONE,
            unix_ms,
            kind,
        };
        let lines = calls.lines(&event);
        lines
            .iter()
            .map(|line| line.render("14:02:20", false))
            .collect()
    }

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).unwrap()
    }

    fn version(text: &str) -> VersionId {
        VersionId::parse(text).unwrap()
    }

    fn requested() -> EventKind {
        EventKind::Requested(Requested {
            customer_number: Some(number("+919876500000")),
            flow: None,
            dials: false,
            traced_from: None,
        })
    }

    fn started() -> EventKind {
        EventKind::StreamStarted(Box::new(StreamStarted {
            customer: None,
            stream_sid: StreamSid::parse("s1").unwrap(),
            call_sid: None,
            order: None,
            direction: None,
            customer_number: Some(number("+919876543210")),
            line_number: None,
            flow: Some(FlowName::parse("emi").unwrap()),
            version: Some(version(VERSION)),
            language: Language::english(),
            journal: None,
        }))
    }

    fn said(speaker: Speaker, name: &str, text: &str) -> Said {
        Said {
            at_ms: 0,
            lasted_ms: 0,
            speaker,
            text: text.into(),
            language: Language::english(),
            name: name.to_owned(),
            heard: None,
            confidence: Some(0.912_345),
        }
    }

    fn played(line: u32, template: &str, heard: Extent) -> EventKind {
        EventKind::PromptPlayed {
            line,
            prompt: PromptId(line),
            template: template.to_owned(),
            heard,
            heard_ms: 880,
        }
    }

    #[test]
    fn a_call_is_shown_turn_by_turn_with_its_number() {
        let mut calls = Calls::default();
        let (first, second) = (CallId::generate(), CallId::generate());
        let asked = HostCalled {
            began_ms: None,
            entry: JournalEntry {
                seq: 1,
                at_ms: 0,
                took_ms: 900,
                function: Function::Ask,
                arguments: json!({ "name": "identity" }),
                answer: json!({ "ok": { "reply": { "kind": "choice", "value": "yes" } } }),
            },
        };
        let greeting = said(Speaker::Bot, "greeting", "Am I speaking with Ravi?");
        let mut reported = shown(&mut calls, first, 1_000, started());
        reported += &shown(&mut calls, second, 1_000, requested());
        for (unix_ms, kind) in [
            (
                1_001,
                EventKind::PromptStarted {
                    line: 0,
                    prompt: PromptId(0),
                    text: greeting,
                },
            ),
            (
                1_900,
                EventKind::BargedIn {
                    at_ms: 900,
                    stopped_after_ms: Some(300),
                },
            ),
            (1_901, played(0, "greeting", Extent::Partial)),
            (
                2_500,
                EventKind::Utterance {
                    line: 1,
                    text: said(Speaker::Caller, "identity", "yes"),
                },
            ),
            (2_501, EventKind::HostCalled(Box::new(asked))),
            (8_000, played(2, "emi-details", Extent::Whole)),
            (
                42_000,
                EventKind::EngineEnded {
                    outcome: "transfer-decided".to_owned(),
                    hang_up: false,
                },
            ),
            (42_320, EventKind::StreamClosed),
        ] {
            reported += &shown(&mut calls, first, unix_ms, kind);
        }
        assert_eq!(
            reported,
            "14:02:20 call   #1 xxxxxx3210    started on emi 3fa2b4c6\n\
             14:02:20 call   #2 xxxxxx0000    announced, waits for Exotel\n\
             14:02:20 call   #1 xxxxxx3210    bot: greeting ‹24 characters›\n\
             14:02:20 call   #1 xxxxxx3210    caller: interrupts\n\
             14:02:20 call   #1 xxxxxx3210    bot: greeting was cut off after 880 ms\n\
             14:02:20 call   #1 xxxxxx3210    caller: ‹3 characters› in en-IN, confidence 0.91\n\
             14:02:20 call   #1 xxxxxx3210    answer: identity = yes\n\
             14:02:20 call   #1 xxxxxx3210    ended: transfer-decided after 41 s\n"
        );
        assert_eq!(
            shown(&mut calls, first, 50_000, EventKind::TransferOverdue),
            "",
            "the call has ended"
        );
    }

    #[test]
    fn a_failures_report_is_shown_once_below_its_line() {
        let (mut calls, call) = (Calls::default(), CallId::generate());
        shown(&mut calls, call, 1, started());
        let reason = "the flow trapped: unreachable".to_owned();
        let problem = EventKind::problem(2, FLOW_FAILED, reason.clone(), Repeat::Always);
        assert_eq!(shown(&mut calls, call, 2, problem), "");
        let report = FailureReport {
            flow: FlowName::parse("emi").unwrap(),
            version: version("ab"),
            call_id: call,
            reason,
            returned: None,
            shows_log: false,
            turn: 0,
            after: None,
            traceback: Vec::new(),
            stack: vec!["emi::main".to_owned()],
            entries: Vec::new(),
            log: Vec::new(),
        };
        let reported = shown(&mut calls, call, 2, EventKind::FlowFailed(Box::new(report)));
        assert_eq!(
            reported,
            format!(
                "14:02:20 call   #1 xxxxxx3210    the flow failed:\n         flow emi, version ab\n         \
                 call {call}, turn 0, after nothing was said\n         the flow trapped: unreachable\n         \
                 stack, the innermost first:\n           emi::main\n"
            )
        );
    }

    #[test]
    fn a_calls_change_of_version_or_its_failure_is_shown() {
        let (mut calls, call) = (Calls::default(), CallId::generate());
        shown(&mut calls, call, 1, started());
        let mut moves = |refused: Option<&str>| {
            let moved = VersionMove {
                unix_ms: 2,
                from: version("aaaaaaaaaa"),
                to: version("bbbbbbbbbb"),
                seq: 7,
                refused: refused.map(str::to_owned),
            };
            shown(&mut calls, call, 2, EventKind::VersionMoved(moved))
        };
        let moved = moves(None);
        assert!(
            moved.ends_with("goes on with version bbbbbbbb from entry 7\n"),
            "{moved}"
        );
        let stayed = moves(Some("entry 3 (amounts)"));
        assert!(
            stayed.ends_with(
                "stays on version aaaaaaaa, since bbbbbbbb cannot take it over: entry 3 (amounts)\n"
            ),
            "{stayed}"
        );
    }

    #[test]
    fn a_problem_that_follows_from_an_event_is_shown() {
        let (mut calls, call) = (Calls::default(), CallId::generate());
        shown(&mut calls, call, 1, started());
        let reported = shown(&mut calls, call, 2, started());
        assert!(reported.contains("second-stream: "), "{reported}");
    }

    #[test]
    fn calls_that_never_start_are_forgotten() {
        let mut calls = Calls::default();
        let ids: Vec<_> = (0..2 * CALLS).map(|_| CallId::generate()).collect();
        for &call in &ids {
            shown(&mut calls, call, 1, requested());
        }
        assert_eq!(calls.calls.len(), CALLS);
        assert_eq!(calls.calls.keys().next(), ids.get(CALLS));
    }
}
