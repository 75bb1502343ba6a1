//! Log lines as JSON, one object per line: `time`, `level`, `target`, `message`, and all fields of the
//! event and its spans at the same level, so that every line of a call has its `call` and `sid`.

use std::fmt::{self, Debug};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// The format.
#[derive(Debug, Clone, Copy)]
pub(super) struct Json;

impl<S> FormatEvent<S, JsonFields> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Line(Map::new());
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            let fields = fields.and_then(|fields| serde_json::from_str::<Map<_, _>>(fields).ok());
            for (key, value) in fields.into_iter().flatten() {
                // the field `name` of a span `flow` becomes `flow`
                let key = if key == "name" {
                    span.name().to_owned()
                } else {
                    key
                };
                line.0.insert(key, value);
            }
        }
        event.record(&mut line);
        // last, so that no field of an event replaces them
        let (metadata, mut time) = (event.metadata(), String::new());
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        for (key, value) in [
            ("time", time.as_str()),
            ("level", metadata.level().as_str()),
            ("target", metadata.target()),
        ] {
            line.0.insert(key.to_owned(), value.into());
        }
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

/// The fields of a line.
struct Line(Map<String, Value>);

impl Line {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        // as raw identifiers are written
        let key = field.name().trim_start_matches("r#");
        self.0.insert(key.to_owned(), value.into());
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_has_its_own_fields_and_those_of_its_spans() {
        let captured = Captured::default();
        let writer = captured.clone();
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(Json)
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(count = 3, "outside");
            let call = tracing::error_span!("call", call = "c-1", sid = "s-1");
            call.in_scope(|| {
                let flow = tracing::info_span!("flow", name = "emi", call = "c-1");
                flow.in_scope(|| {
                    tracing::info!(ok = true, ratio = 0.5, level = "x", "in\n\"{}\"", "flow")
                });
            });
        });
        let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Map<String, Value>> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let [outside, inside] = lines.as_slice() else {
            panic!("{text}");
        };
        assert_eq!(
            (&outside["message"], &outside["count"]),
            (&"outside".into(), &3.into())
        );
        assert_eq!(outside["level"], "WARN");
        for (key, value) in [
            ("call", Value::from("c-1")),
            ("sid", "s-1".into()),
            ("flow", "emi".into()),
            ("ok", true.into()),
            ("ratio", 0.5.into()),
            ("level", "INFO".into()),
            ("target", module_path!().into()),
            ("message", "in\n\"flow\"".into()),
        ] {
            assert_eq!(inside[key], value, "{key}");
        }
        let time = inside["time"].as_str().unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    }
}
