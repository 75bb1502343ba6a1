//! How a stage changes while it lasts: samples, and the slopes of memory, descriptors and delays over
//! hours, in which a leak shows.

use serde::Serialize;

/// A look at both processes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds from the beginning of the stage.
    pub at_s: f64,
    /// Open streams.
    pub live: u64,
    /// Calls that have ended by then, however.
    pub ended: u64,
    /// Calls lost by then.
    pub lost: u64,
    /// Processors that were busy with the bot since the last sample.
    pub bot_cores: Option<f64>,
    /// The same of the generator.
    pub own_cores: Option<f64>,
    /// The bot's memory (PSS) in KiB.
    pub pss_kib: Option<u64>,
    /// The bot's open descriptors.
    pub descriptors: Option<u64>,
    /// The bot's threads.
    pub threads: Option<u64>,
    /// The median of first audio since the last sample.
    pub first_audio_p50_ms: Option<f64>,
    /// The 99th percentile of lateness by pace since the last sample.
    pub pace_p99_ms: Option<f64>,
    /// The 99th percentile of the generator's own lateness since the last sample.
    pub own_p99_ms: Option<f64>,
}

/// By how much values rise in an hour: straight lines through all samples (least squares).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Slopes {
    /// Samples that they are drawn through.
    pub samples: usize,
    /// The time between the first and the last of them.
    pub hours: f64,
    /// Memory (PSS), KiB in an hour.
    pub pss_kib_per_h: Option<f64>,
    /// Descriptors in an hour.
    pub descriptors_per_h: Option<f64>,
    /// Threads in an hour.
    pub threads_per_h: Option<f64>,
    /// First audio, ms in an hour.
    pub first_audio_ms_per_h: Option<f64>,
    /// Lateness by pace, ms in an hour.
    pub pace_ms_per_h: Option<f64>,
    /// Memory (PSS) by calls that have ended: KiB for each.
    pub pss_kib_per_call: Option<f64>,
    /// Descriptors by calls that have ended.
    pub descriptors_per_call: Option<f64>,
}

impl Slopes {
    /// The slopes of samples; each is `None` where fewer than three samples have the value.
    pub fn of(samples: &[Sample]) -> Self {
        let hours = |sample: &Sample| sample.at_s / 3_600.0;
        let by_time = |value: &dyn Fn(&Sample) -> Option<f64>| {
            slope(
                samples
                    .iter()
                    .filter_map(|sample| Some((hours(sample), value(sample)?))),
            )
        };
        let by_call = |value: &dyn Fn(&Sample) -> Option<f64>| {
            let ended = |sample: &Sample| sample.ended as f64;
            slope(
                samples
                    .iter()
                    .filter_map(|sample| Some((ended(sample), value(sample)?))),
            )
        };
        let pss = |sample: &Sample| sample.pss_kib.map(|kib| kib as f64);
        let descriptors = |sample: &Sample| sample.descriptors.map(|count| count as f64);
        Self {
            samples: samples.len(),
            hours: match samples {
                [first, .., last] => hours(last) - hours(first),
                _ => 0.0,
            },
            pss_kib_per_h: by_time(&pss),
            descriptors_per_h: by_time(&descriptors),
            threads_per_h: by_time(&|sample| sample.threads.map(|count| count as f64)),
            first_audio_ms_per_h: by_time(&|sample| sample.first_audio_p50_ms),
            pace_ms_per_h: by_time(&|sample| sample.pace_p99_ms),
            pss_kib_per_call: by_call(&pss),
            descriptors_per_call: by_call(&descriptors),
        }
    }
}

/// The slope of the straight line with the least squares of distances; `None` for fewer than three
/// points, or for points above each other.
fn slope(points: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let points: Vec<_> = points.collect();
    if points.len() < 3 {
        return None;
    }
    let count = points.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(&|point| point.0), mean(&|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let product: f64 = points
        .iter()
        .map(|point| (point.0 - x) * (point.1 - y))
        .sum();
    (spread > 0.0).then(|| product / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_shows_by_the_hour_and_by_the_call() {
        // 10 KiB a minute and two calls a minute, with noise that cancels out
        let samples: Vec<Sample> = (0..=60)
            .map(|minute: u64| Sample {
                at_s: minute as f64 * 60.0,
                ended: minute * 2,
                pss_kib: Some(50_000 + minute * 10 + (minute % 2) * 4),
                descriptors: Some(40),
                ..Sample::default()
            })
            .collect();
        let slopes = Slopes::of(&samples);
        assert_eq!((slopes.samples, slopes.hours), (61, 1.0));
        let near = |is: Option<f64>, value: f64| (is.unwrap() - value).abs() < 0.5;
        assert!(near(slopes.pss_kib_per_h, 600.0), "{slopes:?}");
        assert!(near(slopes.pss_kib_per_call, 5.0), "{slopes:?}");
        assert_eq!(slopes.descriptors_per_h, Some(0.0));
        assert_eq!(slopes.threads_per_h, None);
    }

    #[test]
    fn no_calls_have_no_slope_by_calls() {
        let samples = vec![
            Sample {
                pss_kib: Some(1),
                ..Sample::default()
            };
            5
        ];
        assert_eq!(Slopes::of(&samples).pss_kib_per_call, None);
        assert_eq!(Slopes::of(&[]), Slopes::default());
    }
}
