//! What the engine tells of itself (`tracing`), as the view takes it: a message with its fields as
//! texts.

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

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// How urgent it is.
    pub level: Level,
    /// Where it comes from.
    pub target: String,
    /// Its fixed words.
    pub message: String,
    /// Its fields, and those of the spans around it.
    pub fields: Fields,
}

/// Names and values.
pub type Fields = BTreeMap<&'static str, String>;

impl Told {
    /// A field's value; empty where there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// The screen as a listener to all that the engine tells: of the engine itself all but trace, of
/// others warnings, and what `wanted` names.
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
                of_span.iter().for_each(|(name, value)| {
                    fields.entry(name).or_insert_with(|| value.clone());
                });
            }
        }
        let about = event.metadata();
        self.0.hear(
            &Told {
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
