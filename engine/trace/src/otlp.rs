//! Spans as OTLP (OpenTelemetry Protocol 1.x, `ExportTraceServiceRequest`) in its JSON encoding, as a
//! collector takes it at `/v1/traces`. There, ids are hexadecimal and numbers of 64 bits are texts.

use serde::Serialize;

use crate::spans::{Attribute, Kind, Span};

/// The name of what made the spans.
const SCOPE: &str = "ghanti";

/// What is sent: all spans of one engine.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    resource_spans: [ResourceSpans; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    resource: Resource,
    scope_spans: [ScopeSpans; 1],
}

#[derive(Debug, Serialize)]
struct Resource {
    attributes: Vec<KeyValue>,
}

#[derive(Debug, Serialize)]
struct ScopeSpans {
    scope: Scope,
    spans: Vec<WireSpan>,
}

#[derive(Debug, Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireSpan {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    name: String,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<KeyValue>,
    links: Vec<Link>,
    status: Status,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    trace_id: String,
    span_id: String,
}

#[derive(Debug, Default, Serialize)]
struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Debug, Serialize)]
struct KeyValue {
    key: String,
    value: AnyValue,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum AnyValue {
    StringValue(String),
    IntValue(String),
}

/// `STATUS_CODE_ERROR`
const ERROR: u8 = 2;

impl Request {
    /// The spans of calls. `service` is the engine's `service.name`.
    pub fn new(service: &str, spans: Vec<Span>) -> Self {
        let resource = [
            ("service.name", service),
            ("service.version", env!("CARGO_PKG_VERSION")),
        ];
        Self {
            resource_spans: [ResourceSpans {
                resource: Resource {
                    attributes: resource
                        .map(|(key, text)| KeyValue::new(key, Attribute::Text(text.to_owned())))
                        .into(),
                },
                scope_spans: [ScopeSpans {
                    scope: Scope {
                        name: SCOPE,
                        version: env!("CARGO_PKG_VERSION"),
                    },
                    spans: spans.into_iter().map(WireSpan::from).collect(),
                }],
            }],
        }
    }
}

impl KeyValue {
    fn new(key: &str, value: Attribute) -> Self {
        Self {
            key: key.to_owned(),
            value: match value {
                Attribute::Text(text) => AnyValue::StringValue(text),
                Attribute::Number(number) => AnyValue::IntValue(number.to_string()),
            },
        }
    }
}

impl From<Span> for WireSpan {
    fn from(span: Span) -> Self {
        let attributes = span.attributes.into_iter();
        Self {
            trace_id: span.context.trace_id(),
            span_id: span.context.span_id(),
            parent_span_id: span.parent.map(|parent| parent.span_id()),
            name: span.name,
            kind: match span.kind {
                Kind::Internal => 1,
                Kind::Server => 2,
                Kind::Client => 3,
            },
            start_time_unix_nano: nanoseconds(span.began_ms),
            end_time_unix_nano: nanoseconds(span.ended_ms),
            attributes: attributes
                .map(|(key, value)| KeyValue::new(key, value))
                .collect(),
            links: span
                .link
                .map(|link| Link {
                    trace_id: link.trace_id(),
                    span_id: link.span_id(),
                })
                .into_iter()
                .collect(),
            status: match span.failed {
                None => Status::default(),
                Some(why) => Status {
                    code: Some(ERROR),
                    message: Some(why),
                },
            },
        }
    }
}

fn nanoseconds(unix_ms: u64) -> String {
    (u128::from(unix_ms) * 1_000_000).to_string()
}

#[cfg(test)]
mod tests {
    use ghanti_model::{CallId, TraceContext};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_span_is_written_as_the_protocols_examples_are() {
        let call = CallId::parse("0190a1b2-0000-7000-8000-000000000001").unwrap();
        let link = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let span = Span {
            context: TraceContext::of_action(call, 1),
            parent: Some(TraceContext::of_call(call)),
            link: TraceContext::parse(link).ok(),
            name: "invoke due".to_owned(),
            kind: Kind::Client,
            began_ms: 1_795_000_000_000,
            ended_ms: 1_795_000_000_300,
            attributes: vec![("ghanti.endpoint_ms", Attribute::Number(250))],
            failed: Some("unavailable".to_owned()),
        };
        let request = serde_json::to_value(Request::new("ghanti", vec![span])).unwrap();
        let spans = &request["resourceSpans"][0]["scopeSpans"][0]["spans"];
        assert_eq!(
            spans[0],
            json!({
                "traceId": "0190a1b2000070008000000000000001",
                "spanId": TraceContext::of_action(call, 1).span_id(),
                "parentSpanId": "8000000000000001",
                "name": "invoke due",
                "kind": 3,
                "startTimeUnixNano": "1795000000000000000",
                "endTimeUnixNano": "1795000000300000000",
                "attributes": [{ "key": "ghanti.endpoint_ms", "value": { "intValue": "250" } }],
                "links": [{
                    "traceId": "0af7651916cd43dd8448eb211c80319c",
                    "spanId": "b7ad6b7169203331",
                }],
                "status": { "code": 2, "message": "unavailable" },
            })
        );
        assert_eq!(
            request["resourceSpans"][0]["resource"]["attributes"][0],
            json!({ "key": "service.name", "value": { "stringValue": "ghanti" } })
        );
    }
}
