//! What is measured in a stage: histograms (HdrHistogram: three significant digits at any size) and
//! counts. Calls add to them all the time, so that there are several sets, which are put together when
//! they are looked at.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use hdrhistogram::Histogram;
use serde::Serialize;

/// Sets of histograms that calls are spread over, so that they hardly ever wait for each other.
const SHARDS: usize = 8;

/// The largest value, in microseconds; larger ones count as this.
const LONGEST_US: u64 = 3_600_000_000;

/// Significant digits of all values.
const DIGITS: u8 = 3;

/// Different problems that are kept; more are counted as others.
const PROBLEMS: usize = 64;

/// Something that is measured, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Figure {
    /// From `start` to the bot's first audible sample.
    FirstAudio,
    /// From the caller's last audible sample to the bot's next one.
    Response,
    /// From the first sample of a caller who interrupts to the bot's `clear`.
    Clear,
    /// How much too late for its playout a frame of the bot arrived.
    Late,
    /// How much audio was still to be played when a frame arrived.
    Reserve,
    /// How late a frame was by its utterance's own pace.
    Pace,
    /// Lengths of gaps within utterances.
    Gap,
    /// The largest lateness of each call.
    WorstOfCall,
    /// How late the generator's own frames were sent.
    Own,
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::FirstAudio,
        Self::Response,
        Self::Clear,
        Self::Late,
        Self::Reserve,
        Self::Pace,
        Self::Gap,
        Self::WorstOfCall,
        Self::Own,
    ];
}

/// Numbers of calls and of what they sent and received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Calls that were begun: what the bot was offered.
    pub offered: u64,
    /// Calls whose stream began.
    pub taken: u64,
    /// Taken calls that went as expected, to their own end or until the generator ended them.
    pub good: u64,
    /// Taken calls that ended otherwise than expected, or with messages that Exotel cannot handle.
    pub wrong: u64,
    /// Lost: the bot did not take the call.
    pub refused: u64,
    /// Lost: no audio within the bound.
    pub mute: u64,
    /// Lost: the connection broke.
    pub dropped: u64,
    /// Calls with at least one gap.
    pub with_gaps: u64,
    /// Gaps within utterances.
    pub gaps: u64,
    /// The caller's frames sent.
    pub frames_sent: u64,
    /// The bot's frames received.
    pub frames_received: u64,
    /// Marks returned.
    pub marks: u64,
    /// Times that a caller spoke while the bot was audible.
    pub interruptions: u64,
    /// Of these, how many the bot answered with `clear` before its turn was over.
    pub cleared: u64,
}

impl Counts {
    /// Calls without any result.
    pub fn lost(&self) -> u64 {
        self.refused + self.mute + self.dropped
    }

    fn add(&mut self, other: &Self) {
        let Self {
            offered,
            taken,
            good,
            wrong,
            refused,
            mute,
            dropped,
            with_gaps,
            gaps,
            frames_sent,
            frames_received,
            marks,
            interruptions,
            cleared,
        } = other;
        self.offered += offered;
        self.taken += taken;
        self.good += good;
        self.wrong += wrong;
        self.refused += refused;
        self.mute += mute;
        self.dropped += dropped;
        self.with_gaps += with_gaps;
        self.gaps += gaps;
        self.frames_sent += frames_sent;
        self.frames_received += frames_received;
        self.marks += marks;
        self.interruptions += interruptions;
        self.cleared += cleared;
    }
}

/// One set of histograms and counts.
#[derive(Debug, Clone)]
pub struct Set {
    /// By [`Figure`], in its order.
    histograms: Vec<Histogram<u32>>,
    /// The counts.
    pub counts: Counts,
    /// Problems, with how often each occurred.
    pub problems: BTreeMap<String, u64>,
    /// Ends of calls, with how often each occurred.
    pub outcomes: BTreeMap<String, u64>,
}

impl Set {
    fn new() -> Self {
        // the bounds are constants that the library takes
        let histograms = Figure::ALL
            .iter()
            .filter_map(|_| Histogram::new_with_bounds(1, LONGEST_US, DIGITS).ok())
            .collect();
        Self {
            histograms,
            counts: Counts::default(),
            problems: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        }
    }

    /// Adds a value of a figure.
    pub fn record(&mut self, figure: Figure, us: u64) {
        if let Some(histogram) = self.histograms.get_mut(figure as usize) {
            histogram.saturating_record(us);
        }
    }

    /// Counts a problem.
    pub fn problem(&mut self, problem: String) {
        let is_kept = self.problems.len() < PROBLEMS || self.problems.contains_key(&problem);
        let name = if is_kept {
            problem
        } else {
            "others".to_owned()
        };
        *self.problems.entry(name).or_default() += 1;
    }

    /// The distribution of a figure.
    pub fn spread(&self, figure: Figure) -> Spread {
        self.histograms
            .get(figure as usize)
            .map(Spread::of)
            .unwrap_or_default()
    }

    /// What was added since an earlier look at the same stage.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut new = self.clone();
        for (histogram, before) in new.histograms.iter_mut().zip(&earlier.histograms) {
            // the earlier one is a part of it, so that nothing can become negative
            let _ = histogram.subtract(before);
        }
        new
    }

    fn add(&mut self, other: &Self) {
        for (histogram, added) in self.histograms.iter_mut().zip(&other.histograms) {
            // of the same bounds, so that it cannot fail
            let _ = histogram.add(added);
        }
        self.counts.add(&other.counts);
        for (problem, count) in &other.problems {
            *self.problems.entry(problem.clone()).or_default() += count;
        }
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += count;
        }
    }
}

/// The measures of a stage, which calls add to.
#[derive(Debug)]
pub struct Measures {
    shards: Vec<Mutex<Set>>,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(Set::new())).collect(),
        }
    }
}

impl Measures {
    /// Adds what the `nth` call has measured.
    pub fn of_call(&self, nth: u64, add: impl FnOnce(&mut Set)) {
        if let Some(shard) = self.shards.get(nth as usize % SHARDS) {
            add(&mut shard.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// All so far.
    pub fn look(&self) -> Set {
        let mut all = Set::new();
        for shard in &self.shards {
            all.add(&shard.lock().unwrap_or_else(PoisonError::into_inner));
        }
        all
    }

    /// The counts so far, which cost less than [`look`](Self::look).
    pub fn counts(&self) -> Counts {
        let mut all = Counts::default();
        for shard in &self.shards {
            all.add(&shard.lock().unwrap_or_else(PoisonError::into_inner).counts);
        }
        all
    }
}

/// A distribution, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Number of values.
    pub count: u64,
    /// Their mean.
    pub mean_ms: f64,
    /// The median: half of the values are not larger.
    pub p50_ms: f64,
    /// Nine of ten values are not larger.
    pub p90_ms: f64,
    /// 99 of 100 values are not larger.
    pub p99_ms: f64,
    /// 999 of 1,000 values are not larger.
    pub p999_ms: f64,
    /// The smallest value.
    pub min_ms: f64,
    /// The largest value.
    pub max_ms: f64,
    /// The value in milliseconds at each of [`QUANTILES`], for plots.
    pub curve_ms: Vec<f64>,
}

/// The quantiles of a curve.
pub const QUANTILES: [f64; 20] = [
    0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999,
    0.9995, 0.9998, 0.9999, 1.0,
];

impl Spread {
    fn of(histogram: &Histogram<u32>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        let ms = |us: u64| us as f64 / 1e3;
        let at = |quantile| ms(histogram.value_at_quantile(quantile));
        Self {
            count: histogram.len(),
            mean_ms: histogram.mean() / 1e3,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            min_ms: ms(histogram.min()),
            max_ms: ms(histogram.max()),
            curve_ms: QUANTILES.map(at).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_values_to_a_thousandth() {
        let measures = Measures::default();
        for us in 1..=10_000 {
            measures.of_call(us, |set| set.record(Figure::Late, us * 1_000));
        }
        let spread = measures.look().spread(Figure::Late);
        assert_eq!(spread.count, 10_000);
        for (is, value) in [
            (spread.p50_ms, 5_000.0),
            (spread.p90_ms, 9_000.0),
            (spread.p99_ms, 9_900.0),
            (spread.p999_ms, 9_990.0),
            (spread.max_ms, 10_000.0),
            (spread.mean_ms, 5_000.5),
        ] {
            assert!((is - value).abs() <= value * 1e-3, "{is} is not {value}");
        }
        assert_eq!(measures.look().spread(Figure::Own), Spread::default());
    }

    #[test]
    fn a_window_has_what_was_added_since_the_last_look() {
        let measures = Measures::default();
        measures.of_call(1, |set| set.record(Figure::Own, 90_000));
        let before = measures.look();
        for us in [1_000, 2_000] {
            measures.of_call(2, |set| set.record(Figure::Own, us));
        }
        let spread = measures.look().since(&before).spread(Figure::Own);
        assert_eq!(spread.count, 2);
        assert!(spread.max_ms < 2.1, "{spread:?}");
    }

    #[test]
    fn counts_of_all_calls_are_put_together_and_problems_are_bounded() {
        let measures = Measures::default();
        for nth in 0..100 {
            measures.of_call(nth, |set| {
                set.counts.offered += 1;
                set.counts.refused += nth % 2;
                set.problem(format!("problem {nth}"));
            });
        }
        for nth in 0..1_000 {
            measures.of_call(0, |set| set.problem(format!("problem {nth}")));
        }
        let all = measures.look();
        assert_eq!((all.counts.offered, all.counts.lost()), (100, 50));
        assert_eq!(measures.counts(), all.counts);
        assert_eq!(all.problems.values().sum::<u64>(), 1_100);
        assert!(all.problems.len() <= SHARDS * (PROBLEMS + 1));
    }
}
