//! The engine's `tracing` events as the `dev` view receives them: a message, with its fields as
//! text.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterFn, Targets};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::screen::Screen;

/// A log event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// Its level.
    pub level: Level,
    /// Its target.
    pub target: String,
    /// Its message, without fields.
    pub message: String,
    /// Its fields and those of the surrounding spans.
    pub fields: Fields,
}

/// Field names and values.
pub type Fields = BTreeMap<&'static str, String>;

impl LogEvent {
    /// The value of a field; empty if there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// A tracing layer that passes events to the screen: the engine's own up to debug level, others
/// from warnings on, and those that `wanted` selects.
pub fn listener<S>(screen: Arc<Screen>, wanted: Targets) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_heard = move |about: &Metadata<'_>| {
        let is_own = about.target().starts_with("ghanti") || about.target() == "flow";
        let level = if is_own { Level::DEBUG } else { Level::WARN };
        *about.level() <= level || wanted.would_enable(about.target(), about.level())
    };
    Listener(screen).with_filter(FilterFn::new(is_heard))
}

struct Listener(Arc<Screen>);

impl<S> Layer<S> for Listener
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut reading = Reading::default();
        attributes.record(&mut reading);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(reading.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut reading = Reading::default();
        event.record(&mut reading);
        let Reading {
            message,
            mut fields,
        } = reading;
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                // a field of the event, or of an inner span, takes precedence
                of_span.iter().for_each(|(name, value)| {
                    fields.entry(name).or_insert_with(|| value.clone());
                });
            }
        }
        let about = event.metadata();
        self.0.handle(
            &LogEvent {
                level: *about.level(),
                target: about.target().to_owned(),
                message,
                fields,
            },
            Instant::now(),
        );
    }
}

#[derive(Default)]
struct Reading {
    message: String,
    fields: Fields,
}

impl Reading {
    fn take(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            name => drop(self.fields.insert(name, value)),
        }
    }
}

impl Visit for Reading {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}"));
    }
}
