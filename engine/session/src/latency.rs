//! How long callers have waited for the bot since the engine started, by stage, for metrics.

use ghanti_model::EventKind;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of the histogram in seconds: people notice a pause of 0.3 s, and take one of 1 s for
/// a bad line.
const BUCKETS: [f64; 13] = [
    0.05, 0.1, 0.2, 0.3, 0.45, 0.65, 0.9, 1.2, 1.6, 2.2, 3.0, 4.0, 5.0,
];

/// All stages: each is there from the start, so that nobody has to wait for the first call to watch it.
const STAGES: [&str; 6] = ["endpoint", "result", "flow", "audio", "whole", "barge-in"];

/// A histogram of seconds for each stage.
pub type Stages = Family<[(&'static str, &'static str); 1], Histogram, fn() -> Histogram>;

/// The histograms.
#[derive(Debug, Clone)]
pub struct Latencies(Stages);

impl Default for Latencies {
    fn default() -> Self {
        let stages = Stages::new_with_constructor(|| Histogram::new(BUCKETS));
        for stage in STAGES {
            drop(stages.get_or_create(&[("stage", stage)]));
        }
        Self(stages)
    }
}

impl Latencies {
    /// The histograms, which share their counts.
    pub fn stages(&self) -> Stages {
        self.0.clone()
    }

    /// Counts what an event says of waiting.
    pub(crate) fn count(&self, kind: &EventKind) {
        match kind {
            EventKind::Responded(latency) => latency
                .stages()
                .for_each(|(stage, ms)| self.observe(stage, ms)),
            EventKind::BargedIn {
                stopped_after_ms: Some(ms),
                ..
            } => self.observe("barge-in", *ms),
            _ => {}
        }
    }

    fn observe(&self, stage: &'static str, ms: u64) {
        let seconds = std::time::Duration::from_millis(ms).as_secs_f64();
        self.0.get_or_create(&[("stage", stage)]).observe(seconds);
    }
}

#[cfg(test)]
mod tests {
    use ghanti_model::event::TurnLatency;

    use super::*;

    #[test]
    fn every_stage_of_a_turn_is_one_that_is_watched() {
        let latencies = Latencies::default();
        let before = format!("{:?}", latencies.0).matches("stage").count();
        latencies.count(&EventKind::Responded(TurnLatency {
            question: "identity".to_owned(),
            endpoint_ms: Some(650),
            result_ms: Some(40),
            flow_ms: Some(1),
            audio_ms: Some(0),
            whole_ms: Some(691),
        }));
        latencies.count(&EventKind::BargedIn {
            at_ms: 90,
            stopped_after_ms: Some(320),
        });
        let after = format!("{:?}", latencies.0).matches("stage").count();
        assert_eq!((before, after), (STAGES.len(), STAGES.len()));
    }
}
