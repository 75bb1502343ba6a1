//! Calls as traces, for OpenTelemetry: a view of a call's events.
//!
//! A call that has ended becomes one trace ([`spans`]), which is sent to a collector by OTLP over HTTP
//! ([`otlp`], [`exporter`]). Nothing personal is in it: names of the flow's own, ids, times and outcomes.

pub mod exporter;
pub mod otlp;
pub mod spans;

pub use exporter::{Collector, Counts, Exporter};
pub use spans::{Span, spans};
