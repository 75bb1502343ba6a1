//! The spans of a call: one of the whole call, and in it one of the request to dial, of the stream, of
//! each question and action, and of each turn. Pure.

use ghanti_model::event::DialAnswer;
use ghanti_model::{
    CallEvent, CallId, CallRecord, EventKind, Function, JournalEntry, Outcome, TraceContext,
};
use serde_json::Value as Json;

/// The most spans of one call. What comes after them is left out; the call's own span says so.
pub const SPANS: usize = 512;

/// A part of a call, with times in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its trace and id.
    pub context: TraceContext,
    /// The span that it is part of; none for that of the call.
    pub parent: Option<TraceContext>,
    /// The request that caused it.
    pub link: Option<TraceContext>,
    /// What it is, such as `ask identity`.
    pub name: String,
    /// Whether another system waits for it, or is asked in it.
    pub kind: Kind,
    /// When it began.
    pub began_ms: u64,
    /// When it ended.
    pub ended_ms: u64,
    /// What else is known, by name.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// Why it failed, if it did.
    pub failed: Option<String>,
}

/// Who is on the other side of a span (OpenTelemetry: SpanKind).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nobody: it is the engine's own.
    Internal,
    /// Exotel, which asked for it.
    Server,
    /// Exotel's API, or the service of an action.
    Client,
}

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Attribute {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

/// The spans of a call, that of the call first. `events` are all of the call's, in their order; of none
/// there are no spans.
pub fn spans(call: CallId, events: &[CallEvent]) -> Vec<Span> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return Vec::new();
    };
    let mut spans = Spans {
        call,
        parts: 0,
        invoked: 0,
        dialling_ms: None,
        streaming: None,
        link: None,
        found: Vec::new(),
    };
    for event in events {
        spans.take(event);
    }
    spans.end_stream(last.unix_ms, None);
    let record = CallRecord::fold(call, events);
    let whole = whole(&record, spans.link, first.unix_ms, last.unix_ms);
    let mut all = vec![whole];
    let left_out = spans.found.len().saturating_sub(SPANS);
    if let (Some(whole), true) = (all.first_mut(), left_out > 0) {
        whole
            .attributes
            .push(("ghanti.spans_left_out", (left_out as u64).into()));
    }
    all.extend(spans.found.into_iter().take(SPANS));
    all
}

/// The span of the whole call.
fn whole(record: &CallRecord, link: Option<TraceContext>, began_ms: u64, ended_ms: u64) -> Span {
    let texts = [
        ("ghanti.call_id", Some(record.call_id.to_string())),
        (
            "ghanti.call_sid",
            record.call_sid.as_ref().map(ToString::to_string),
        ),
        ("ghanti.node", record.node.map(|node| node.to_string())),
        ("ghanti.flow", record.flow.as_ref().map(ToString::to_string)),
        (
            "ghanti.version",
            record.version.as_ref().map(ToString::to_string),
        ),
        (
            "ghanti.language",
            record.language.as_ref().map(ToString::to_string),
        ),
        ("ghanti.outcome", record.outcome.clone()),
        ("ghanti.disposition", record.disposition.clone()),
    ];
    let mut attributes: Vec<_> = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, Attribute::Text(text?))))
        .collect();
    attributes.push(("ghanti.problems", (record.problems.len() as u64).into()));
    let outcome = record.outcome.as_deref();
    Span {
        context: TraceContext::of_call(record.call_id),
        parent: None,
        link,
        name: "call".to_owned(),
        kind: Kind::Server,
        began_ms,
        ended_ms,
        attributes,
        failed: outcome
            .filter(|name| Outcome::parse(name).is_some_and(Outcome::is_failure))
            .map(str::to_owned),
    }
}

struct Spans {
    call: CallId,
    /// How many spans there are that no action has.
    parts: u32,
    /// How many actions were invoked.
    invoked: u32,
    dialling_ms: Option<u64>,
    streaming: Option<(u64, String)>,
    link: Option<TraceContext>,
    found: Vec<Span>,
}

impl Spans {
    fn take(&mut self, event: &CallEvent) {
        let now_ms = event.unix_ms;
        match &event.kind {
            EventKind::Requested(requested) => self.link = requested.traced_from,
            EventKind::Dialling => self.dialling_ms = Some(now_ms),
            EventKind::Dialled(answer) => {
                let Some(began_ms) = self.dialling_ms.take() else {
                    return;
                };
                let mut span = self.part("dial", Kind::Client, began_ms, now_ms);
                span.failed = match answer {
                    DialAnswer::Accepted { .. } => None,
                    DialAnswer::Refused { .. } => Some("refused".to_owned()),
                    DialAnswer::Unknown { .. } => Some("not known".to_owned()),
                };
                self.found.push(span);
            }
            EventKind::StreamStarted(started) => {
                self.streaming = Some((now_ms, started.stream_sid.to_string()));
            }
            EventKind::ConversationEnded { stream, .. } => {
                // a text that is written in the record, too
                let why = serde_json::to_value(stream).ok();
                let why = why.and_then(|why| why.as_str().map(str::to_owned));
                self.end_stream(now_ms, why);
            }
            EventKind::HostCalled(called) => self.host_call(now_ms, &called.entry),
            EventKind::Responded(latency) => {
                let waited_ms = latency.stages().map(|(_, ms)| ms).max().unwrap_or_default();
                let began_ms = now_ms.saturating_sub(latency.whole_ms.unwrap_or(waited_ms));
                let name = format!("turn {}", latency.question);
                let mut span = self.part(name, Kind::Internal, began_ms, now_ms);
                let stages = [
                    ("ghanti.endpoint_ms", latency.endpoint_ms),
                    ("ghanti.result_ms", latency.result_ms),
                    ("ghanti.flow_ms", latency.flow_ms),
                    ("ghanti.audio_ms", latency.audio_ms),
                    ("ghanti.whole_ms", latency.whole_ms),
                ];
                let stages = stages.into_iter();
                span.attributes
                    .extend(stages.filter_map(|(name, ms)| Some((name, Attribute::Number(ms?)))));
                self.found.push(span);
            }
            _ => {}
        }
    }

    /// Questions and actions take time; what a flow does otherwise is done at once.
    fn host_call(&mut self, ended_ms: u64, entry: &JournalEntry) {
        let began_ms = ended_ms.saturating_sub(entry.took_ms);
        // the kind of an error alone: its sentence may quote a value
        let error = entry.answer.get("err");
        let failed = error.and_then(|error| error.get("kind")?.as_str().map(str::to_owned));
        let mut span = match entry.function {
            Function::Invoke => {
                let name = entry.arguments.get(0).and_then(Json::as_str);
                let name = format!("invoke {}", name.unwrap_or_default());
                let mut span = self.part(name, Kind::Client, began_ms, ended_ms);
                // what the manifest does not grant has no number
                if !matches!(failed.as_deref(), Some("refused" | "invalid")) {
                    self.invoked = self.invoked.saturating_add(1);
                    span.context = TraceContext::of_action(self.call, self.invoked);
                }
                span
            }
            Function::Ask | Function::Collect => {
                let name = entry.arguments.get("name").and_then(Json::as_str);
                let name = format!("ask {}", name.unwrap_or_default());
                self.part(name, Kind::Internal, began_ms, ended_ms)
            }
            _ => return,
        };
        span.failed = failed;
        self.found.push(span);
    }

    fn end_stream(&mut self, ended_ms: u64, why: Option<String>) {
        let Some((began_ms, stream)) = self.streaming.take() else {
            return;
        };
        let mut span = self.part("stream", Kind::Server, began_ms, ended_ms);
        span.attributes.push(("ghanti.stream_sid", stream.into()));
        span.attributes
            .extend(why.map(|why| ("ghanti.stream_end", why.into())));
        self.found.push(span);
    }

    fn part(&mut self, name: impl Into<String>, kind: Kind, began_ms: u64, ended_ms: u64) -> Span {
        self.parts = self.parts.saturating_add(1);
        Span {
            context: TraceContext::of_part(self.call, self.parts),
            parent: Some(TraceContext::of_call(self.call)),
            link: None,
            name: name.into(),
            kind,
            began_ms,
            ended_ms,
            attributes: Vec::new(),
            failed: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use ghanti_model::event::{HostCalled, Requested, TurnLatency};
    use ghanti_model::{EventId, NodeId};
    use serde_json::json;

    use super::*;

    fn events(call: CallId, kinds: Vec<(u64, EventKind)>) -> Vec<CallEvent> {
        let event = |(unix_ms, kind)| CallEvent {
            id: EventId::generate(),
            call_id: call,
            node: NodeId::NONE,
            unix_ms,
            kind,
        };
        kinds.into_iter().map(event).collect()
    }

    fn called(function: Function, arguments: Json, answer: Json) -> EventKind {
        EventKind::HostCalled(Box::new(HostCalled {
            began_ms: None,
            entry: JournalEntry {
                seq: 1,
                at_ms: 0,
                took_ms: 300,
                function,
                arguments,
                answer,
            },
        }))
    }

    #[test]
    fn a_call_is_one_trace_of_its_questions_turns_and_actions() {
        let call = CallId::generate();
        let from = TraceContext::of_call(CallId::generate());
        let latency = TurnLatency {
            question: "identity".to_owned(),
            endpoint_ms: Some(250),
            whole_ms: Some(400),
            ..TurnLatency::default()
        };
        let ok = json!({ "ok": null });
        let events = events(
            call,
            vec![
                (
                    1_000,
                    EventKind::Requested(Requested {
                        customer_number: None,
                        flow: None,
                        dials: true,
                        traced_from: Some(from),
                    }),
                ),
                (1_100, EventKind::Dialling),
                (
                    1_350,
                    EventKind::Dialled(DialAnswer::Unknown {
                        reason: "no answer".to_owned(),
                    }),
                ),
                (
                    2_000,
                    called(Function::Ask, json!({ "name": "identity" }), ok.clone()),
                ),
                (2_400, EventKind::Responded(latency)),
                (3_000, called(Function::Say, json!({}), ok.clone())),
                (
                    3_500,
                    called(
                        Function::Invoke,
                        json!(["due", { "loan": "LN-00478213" }]),
                        json!({ "err": { "kind": "unavailable", "value": "LN-00478213" } }),
                    ),
                ),
                (
                    3_600,
                    called(
                        Function::Invoke,
                        json!(["other", null]),
                        json!({ "err": { "kind": "refused", "value": "not granted" } }),
                    ),
                ),
                (3_900, called(Function::Invoke, json!(["due", null]), ok)),
            ],
        );
        let spans = spans(call, &events);
        let shown: Vec<_> = spans
            .iter()
            .map(|span| {
                (
                    span.name.as_str(),
                    span.began_ms,
                    span.ended_ms,
                    span.failed.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("call", 1_000, 3_900, None),
                ("dial", 1_100, 1_350, Some("not known")),
                ("ask identity", 1_700, 2_000, None),
                ("turn identity", 2_000, 2_400, None),
                ("invoke due", 3_200, 3_500, Some("unavailable")),
                ("invoke other", 3_300, 3_600, Some("refused")),
                ("invoke due", 3_600, 3_900, None),
            ]
        );
        let (root, parts) = spans.split_first().unwrap();
        assert_eq!(
            (root.context, root.link),
            (TraceContext::of_call(call), Some(from))
        );
        assert!(parts.iter().all(|part| part.parent == Some(root.context)));
        let of = |nth: usize| spans.get(nth).map(|span| span.context);
        assert_eq!(of(4), Some(TraceContext::of_action(call, 1)));
        assert_eq!(
            of(6),
            Some(TraceContext::of_action(call, 2)),
            "the one that was refused has none"
        );
        assert!(!format!("{spans:?}").contains("00478213"), "{spans:?}");
    }

    #[test]
    fn a_call_of_too_many_parts_has_its_first_ones_and_says_so() {
        let call = CallId::generate();
        let asks = (0..SPANS as u64 + 7).map(|nth| {
            let asked = called(
                Function::Ask,
                json!({ "name": "again" }),
                json!({ "ok": null }),
            );
            (1_000 + nth, asked)
        });
        let spans = spans(call, &events(call, asks.collect()));
        assert_eq!(spans.len(), SPANS + 1);
        assert!(
            spans[0]
                .attributes
                .contains(&("ghanti.spans_left_out", Attribute::Number(7)))
        );
    }

    #[test]
    fn of_a_call_without_events_there_is_nothing() {
        assert_eq!(spans(CallId::generate(), &[]), []);
    }
}
