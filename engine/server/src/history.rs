//! The load of the last minutes, for the console's first page: a value of each measure every few
//! seconds, up to a bounded number.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ghanti_console::Load;

/// The time between two values.
pub const EVERY: Duration = Duration::from_secs(5);
/// How many values are kept: those of ten minutes, and the first of the next.
const VALUES: usize = 121;

/// The measures at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// Live calls.
    pub places: u64,
    /// Calls that were refused since the start.
    pub refused: u64,
    /// How far the recogniser is behind the callers, in milliseconds.
    pub recognition_ms: u64,
    /// Prompts that are being synthesised or read.
    pub prompts: u64,
    /// The longest that a call had to wait until it was attended, since the sample before.
    pub late_ms: u64,
}

/// The last samples.
#[derive(Debug, Default)]
pub struct History(Mutex<VecDeque<Sample>>);

impl History {
    fn samples(&self) -> MutexGuard<'_, VecDeque<Sample>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a sample, in the place of the oldest if there are as many as fit.
    pub fn add(&self, sample: Sample) {
        let mut samples = self.samples();
        // one more, since refusals are shown as the difference to the sample before
        if samples.len() > VALUES {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// The values of each measure.
    pub fn load(&self) -> Load {
        let samples = self.samples();
        let mut load = Load {
            most: VALUES,
            ..Load::default()
        };
        for (before, sample) in samples.iter().zip(samples.iter().skip(1)) {
            load.places.push(sample.places);
            load.refused
                .push(sample.refused.saturating_sub(before.refused));
            load.recognition_ms.push(sample.recognition_ms);
            load.prompts.push(sample.prompts);
            load.late_ms.push(sample.late_ms);
        }
        load
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_ten_minutes_and_refusals_are_counted_between_them() {
        let history = History::default();
        assert_eq!(history.load().places, Vec::<u64>::new());
        for at in 0..1_000 {
            history.add(Sample {
                places: at,
                refused: at * 2,
                late_ms: 7,
                ..Sample::default()
            });
        }
        let load = history.load();
        assert_eq!((load.most, load.places.len()), (VALUES, VALUES));
        assert_eq!(load.places.last(), Some(&999));
        assert!(load.refused.iter().all(|refused| *refused == 2));
        assert_eq!(load.late_ms.len(), VALUES);
    }
}
