//! The report of a load: counts, problems, and the timing of the bot's audio.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bot_audio::Frame;

/// The result of a load.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LoadReport {
    /// Number of calls started.
    pub calls: u64,
    /// Calls by outcome in the engine's record; `in-progress` for those hung up at the end.
    pub outcomes: BTreeMap<String, u64>,
    /// Problems with their counts.
    pub problems: BTreeMap<String, u64>,
    /// Number of the caller's frames sent.
    pub frames_sent: u64,
    /// How late they were sent, in microseconds. A measure of this process; it must be small for
    /// the other figures to be reliable.
    pub late_us: Percentiles,
    /// Time from `start` to the bot's first audio, in milliseconds.
    pub first_media_ms: Percentiles,
    /// Duration of the bot's audio received, in milliseconds.
    pub bot_audio_ms: u64,
    /// Timing of all frames of the bot.
    pub bot: BotFrames,
    /// Timing of the bot's frames by phase, in order.
    pub phases: Vec<BotFrames>,
    /// Number of marks returned.
    pub marks: u64,
}

/// Timing of the bot's frames within prompts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BotFrames {
    /// Number of frames.
    pub frames: u64,
    /// How late frames arrived relative to their prompt's own pace, in microseconds.
    pub late_us: Percentiles,
    /// Number of gaps: how often the audio ran dry within a prompt.
    pub gaps: u64,
    /// Length of these gaps, in microseconds.
    pub gap_us: Percentiles,
    /// Number of gaps according to the bot's own timestamps: those caused by the bot, and not by
    /// the network or the callers.
    pub own_gaps: u64,
    /// Length of these gaps, in microseconds.
    pub own_gap_us: Percentiles,
}

/// A distribution, by nearest rank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "each is what its name says")]
pub struct Percentiles {
    pub p50: u64,
    pub p95: u64,
    pub p99: u64,
    pub max: u64,
}

impl Percentiles {
    /// Computes the percentiles of values in any order.
    pub fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        let rank = |percent: usize| {
            values
                .get((values.len() * percent).div_ceil(100).saturating_sub(1))
                .copied()
                .unwrap_or_default()
        };
        Self {
            p50: rank(50),
            p95: rank(95),
            p99: rank(99),
            max: values.last().copied().unwrap_or_default(),
        }
    }
}

/// A report being collected, for one caller or for all.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) report: LoadReport,
    pub(super) late_us: Vec<u64>,
    pub(super) first_media_ms: Vec<u64>,
    bot: Vec<Frames>,
}

/// The bot's frames in one phase.
#[derive(Debug, Clone, Default)]
pub(super) struct Frames {
    count: u64,
    late_us: Vec<u64>,
    gap_us: Vec<u64>,
    own_gap_us: Vec<u64>,
}

impl Tally {
    pub(super) fn problem(&mut self, problem: String) {
        *self.report.problems.entry(problem).or_default() += 1;
    }

    pub(super) fn frames(&mut self, phase: usize) -> &mut Frames {
        if self.bot.len() <= phase {
            self.bot.resize_with(phase + 1, Frames::default);
        }
        #[expect(clippy::indexing_slicing, reason = "it was just made long enough")]
        &mut self.bot[phase]
    }

    pub(super) fn add(&mut self, other: Tally) {
        self.report.calls += other.report.calls;
        self.report.frames_sent += other.report.frames_sent;
        self.report.bot_audio_ms += other.report.bot_audio_ms;
        self.report.marks += other.report.marks;
        for (outcome, count) in other.report.outcomes {
            *self.report.outcomes.entry(outcome).or_default() += count;
        }
        for (problem, count) in other.report.problems {
            *self.report.problems.entry(problem).or_default() += count;
        }
        self.late_us.extend(other.late_us);
        self.first_media_ms.extend(other.first_media_ms);
        for (phase, frames) in other.bot.into_iter().enumerate() {
            self.frames(phase).add(frames);
        }
    }

    pub(super) fn report(self) -> LoadReport {
        let mut all = Frames::default();
        self.bot.iter().cloned().for_each(|frames| all.add(frames));
        LoadReport {
            late_us: Percentiles::of(self.late_us),
            first_media_ms: Percentiles::of(self.first_media_ms),
            bot: all.reported(),
            phases: self.bot.into_iter().map(Frames::reported).collect(),
            ..self.report
        }
    }
}

impl Frames {
    /// Counts a frame, by its arrival and by the bot's own timestamp. Returns whether it is the
    /// call's first.
    pub(super) fn count(&mut self, came: Frame, sent: Frame) -> bool {
        self.count += 1;
        if let Frame::AfterGap { gap_us } = sent {
            self.own_gap_us.push(gap_us);
        }
        match came {
            Frame::FirstOfCall | Frame::FirstOfPrompt => {}
            Frame::Paced { late_us } => self.late_us.push(late_us),
            Frame::AfterGap { gap_us } => self.gap_us.push(gap_us),
        }
        came == Frame::FirstOfCall
    }

    fn add(&mut self, other: Frames) {
        self.count += other.count;
        self.late_us.extend(other.late_us);
        self.gap_us.extend(other.gap_us);
        self.own_gap_us.extend(other.own_gap_us);
    }

    fn reported(self) -> BotFrames {
        BotFrames {
            frames: self.count,
            late_us: Percentiles::of(self.late_us),
            gaps: self.gap_us.len() as u64,
            gap_us: Percentiles::of(self.gap_us),
            own_gaps: self.own_gap_us.len() as u64,
            own_gap_us: Percentiles::of(self.own_gap_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        assert_eq!(
            Percentiles::of((1..=100).rev().collect()),
            Percentiles {
                p50: 50,
                p95: 95,
                p99: 99,
                max: 100
            }
        );
        assert_eq!(
            Percentiles::of(vec![7]),
            Percentiles {
                p50: 7,
                p95: 7,
                p99: 7,
                max: 7
            }
        );
        assert_eq!(Percentiles::of(Vec::new()), Percentiles::default());
    }

    #[test]
    fn frames_are_counted_by_phase_and_in_all() {
        let mut all = Tally::default();
        for gap_us in [5, 9] {
            let mut one = Tally::default();
            assert!(one.frames(2).count(Frame::FirstOfCall, Frame::FirstOfCall));
            assert!(
                !one.frames(2)
                    .count(Frame::Paced { late_us: 1 }, Frame::Paced { late_us: 0 })
            );
            assert!(
                !one.frames(2)
                    .count(Frame::AfterGap { gap_us }, Frame::Paced { late_us: 0 })
            );
            all.add(one);
        }
        let report = all.report();
        assert_eq!(
            report
                .phases
                .iter()
                .map(|phase| phase.frames)
                .collect::<Vec<_>>(),
            [0, 0, 6]
        );
        assert_eq!(
            (report.bot.gaps, report.bot.gap_us.max, report.bot.own_gaps),
            (2, 9, 0)
        );
        assert_eq!(report.bot, report.phases[2]);
    }
}
