//! The second hearing of an utterance that is no answer, or not surely one.
//!
//! A recogniser that knows only a question's phrases has to put one of them in place of everything
//! else. If what it heard is no choice, or is one without being sure, the same audio is recognised
//! once more as free speech. That counts if it is clearly a choice, or less clearly the same one.
//! Otherwise, also if it takes too long, nothing was understood.

use ghanti_speech::{Expectation, Recognized};

use super::{Machine, Output, Waiting};
use crate::question::{Answers, SecondHearing, Stage};

/// What is kept of an utterance: five seconds at 16 kHz. Longer ones are no choice.
const KEPT_SAMPLES: usize = 80_000;
/// How long the second hearing may take; the caller waits meanwhile.
const SECOND_MS: u64 = 1_500;
/// A choice is sure from this confidence on, and is heard once.
const SURE_CONFIDENCE: f32 = 0.75;
/// Minimum confidence of a second hearing that differs from the first.
const SECOND_CONFIDENCE: f32 = 0.7;

impl Machine {
    /// Sets whether the recogniser knows only the phrases it is given, so that a second hearing
    /// without them may differ.
    pub fn set_hears_phrases_only(&mut self, hears_phrases_only: bool) {
        self.hears_phrases_only = hears_phrases_only;
    }

    /// Keeps what the recogniser is fed of an utterance.
    pub(super) fn keep(&mut self, samples: &[i16]) {
        if let Some(Waiting::Ask(asking)) = &mut self.waiting
            && let Some(utterance) = &mut asking.utterance
            && self.hears_phrases_only
            && utterance.counts
            && utterance.second == SecondHearing::Possible
            && matches!(asking.asked.answers, Answers::Choices(_))
        {
            if utterance.fed.len() + samples.len() > KEPT_SAMPLES {
                utterance.second = SecondHearing::Over;
                utterance.fed = Vec::new();
            } else {
                utterance.fed.extend_from_slice(samples);
            }
        }
    }

    /// Takes the final result of a recognition. Returns what counts as heard; nothing if a second
    /// hearing has just begun.
    pub(super) fn heard_twice(
        &mut self,
        now_ms: u64,
        recognized: Recognized,
    ) -> Option<Recognized> {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return Some(recognized);
        };
        let Answers::Choices(matcher) = &asking.asked.answers else {
            return Some(recognized);
        };
        let Some(utterance) = &mut asking.utterance else {
            return Some(recognized);
        };
        let Stage::Understanding {
            deadline_ms,
            is_late,
            ..
        } = &mut utterance.stage
        else {
            return Some(recognized);
        };
        let choice = |heard: &Recognized, least: f32| {
            let is_heard = !heard.unknown && heard.confidence >= least;
            let best = is_heard.then(|| matcher.best(heard.text.expose()));
            best.flatten().map(|found| found.choice)
        };
        let least = asking.asked.min_confidence;
        match std::mem::replace(&mut utterance.second, SecondHearing::Over) {
            SecondHearing::Running(first) => {
                let expectation = asking.asked.expectation.clone();
                self.outputs.push_back(Output::Listen(expectation));
                let is_clear = choice(&recognized, least.max(SECOND_CONFIDENCE)).is_some();
                let again = choice(&recognized, least);
                Some(
                    if is_clear || again.is_some() && again == choice(&first, least) {
                        recognized
                    } else {
                        not_understood(first)
                    },
                )
            }
            // one that is late has kept the caller waiting long enough
            SecondHearing::Possible
                if !utterance.fed.is_empty()
                    && !utterance.is_cut
                    && !*is_late
                    && (recognized.unknown || !recognized.text.is_empty())
                    && choice(&recognized, least.max(SURE_CONFIDENCE)).is_none() =>
            {
                utterance.second = SecondHearing::Running(recognized);
                *deadline_ms = now_ms + SECOND_MS;
                let free = Expectation {
                    languages: asking.asked.expectation.languages.clone(),
                    ..Expectation::default()
                };
                let fed = std::mem::take(&mut utterance.fed);
                self.awaited_hearings = 1;
                self.outputs
                    .extend([Output::Listen(free), Output::Feed(fed), Output::Finish]);
                None
            }
            SecondHearing::Possible | SecondHearing::Over => Some(recognized),
        }
    }

    /// Ends a second hearing without a result: nothing was understood. `false` if none is running.
    pub(super) fn ends_second_hearing(&mut self, now_ms: u64) -> bool {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return false;
        };
        let Some(utterance) = &mut asking.utterance else {
            return false;
        };
        let SecondHearing::Running(first) = utterance.second.clone() else {
            return false;
        };
        utterance.second = SecondHearing::Over;
        let expectation = asking.asked.expectation.clone();
        self.outputs.push_back(Output::Listen(expectation));
        self.awaited_hearings = 0;
        self.understood(now_ms, not_understood(first));
        true
    }
}

/// What was heard, as no choice.
fn not_understood(heard: Recognized) -> Recognized {
    Recognized {
        unknown: true,
        ..heard
    }
}
