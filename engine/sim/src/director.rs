//! Decides when the caller's next step is due, from what the caller has heard and from the call's
//! record.
//!
//! Pure: time is an argument. Only what the bot says after the previous step counts, so that one
//! turn of the bot never triggers two steps.

use ghanti_model::{Line, Speaker};

use crate::heard::Heard;
use crate::scenario::{Action, Step, When};

/// Audio of the bot this soon after the caller's step still belongs to the turn that the step
/// interrupted.
const RESIDUE_MS: u64 = 300;

/// The record counts from when the engine received `start`: on a busy machine up to so much later than
/// this side sent it.
const START_MS: u64 = 2_000;

/// The position in a scenario.
#[derive(Debug)]
pub struct Director {
    steps: std::vec::IntoIter<Step>,
    /// `None` before the first.
    before: Option<Before>,
}

/// The previous step.
#[derive(Debug, Clone, Copy)]
struct Before {
    began_ms: u64,
    ended_ms: u64,
    /// How many lines of the bot the record had.
    lines: usize,
}

impl Director {
    /// Starts at the stream's `start`.
    pub fn new(steps: Vec<Step>) -> Self {
        Self {
            steps: steps.into_iter(),
            before: None,
        }
    }

    /// The next action, if it is due now. If it takes time, [`Director::acts`] must then be called.
    pub fn due(&mut self, now_ms: u64, heard: &Heard, transcript: &[Line]) -> Option<Action> {
        let step = self.steps.as_slice().first()?;
        if self.before.is_some_and(|before| now_ms < before.ended_ms)
            || !self.is_time(&step.when, now_ms, heard, transcript)
        {
            return None;
        }
        self.before = Some(Before {
            began_ms: now_ms,
            ended_ms: now_ms,
            lines: of_bot(transcript).count(),
        });
        self.steps.next().map(|step| step.action)
    }

    /// Sets the time at which the action returned last will end.
    pub fn acts(&mut self, until_ms: u64) {
        if let Some(before) = &mut self.before {
            before.ended_ms = until_ms;
        }
    }

    /// The number of steps that have not been due.
    pub fn remaining(&self) -> usize {
        self.steps.len()
    }

    /// Whether the next step waits for the record to say that a template was spoken.
    pub fn waits_for_record(&self) -> bool {
        let next = self.steps.as_slice().first();
        next.is_some_and(|step| {
            matches!(
                step.when,
                When::AfterTemplate { .. } | When::IntoTemplate { .. }
            )
        })
    }

    fn is_time(&self, when: &When, now_ms: u64, heard: &Heard, transcript: &[Line]) -> bool {
        let silent = heard.is_silent(now_ms);
        // a line may come into the record only after the step that followed it
        let spoken = |name: &str| {
            let (known, after_ms) = self
                .before
                .map_or((0, 0), |before| (before.lines, before.began_ms));
            let new = of_bot(transcript).skip(known);
            new.filter(|line| line.name == name && line.at_ms + START_MS >= after_ms)
                .last()
        };
        match when {
            When::AfterTurn => {
                let new = |last_ms| {
                    self.before
                        .is_none_or(|before| last_ms > before.ended_ms + RESIDUE_MS)
                };
                silent && heard.last_audible_ms().is_some_and(new)
            }
            When::During { ms } => {
                let new =
                    |turn_ms: &u64| self.before.is_none_or(|before| *turn_ms > before.began_ms);
                !silent
                    && heard
                        .turn_began_ms()
                        .filter(new)
                        .is_some_and(|turn_ms| now_ms >= turn_ms + ms)
            }
            When::AfterTemplate { name } => {
                silent && spoken(name).is_some_and(|line| line.heard.is_some())
            }
            When::IntoTemplate { name, ms } => {
                spoken(name).is_some_and(|line| now_ms >= line.at_ms + ms)
            }
        }
    }
}

/// What the bot has said, by the record, in this order.
fn of_bot(transcript: &[Line]) -> impl Iterator<Item = &Line> {
    transcript
        .iter()
        .filter(|line| line.speaker == Speaker::Bot)
}

#[cfg(test)]
mod tests {
    use ghanti_model::{Extent, Language, Masked};

    use super::*;

    fn step(when: When) -> Step {
        Step {
            when,
            action: Action::Silence,
        }
    }

    fn bot_speaks(heard: &mut Heard, from_ms: u64, to_ms: u64) {
        (from_ms..to_ms)
            .step_by(20)
            .for_each(|at_ms| heard.bot(at_ms, &[3000; 160]));
    }

    fn line(name: &str, at_ms: u64, heard: Option<Extent>) -> Line {
        let (text, language) = (Masked::new("words"), Language::english());
        Line {
            at_ms,
            lasted_ms: 0,
            speaker: Speaker::Bot,
            text,
            language,
            name: name.to_owned(),
            heard,
            confidence: None,
        }
    }

    #[test]
    fn the_caller_waits_for_the_end_of_the_turn() {
        let (mut director, mut heard) = (
            Director::new(vec![step(When::AfterTurn)]),
            Heard::new(8_000),
        );
        assert_eq!(
            director.due(5_000, &heard, &[]),
            None,
            "the bot has not spoken"
        );
        bot_speaks(&mut heard, 5_000, 6_000);
        assert_eq!(director.due(6_600, &heard, &[]), None);
        assert_eq!(director.due(6_700, &heard, &[]), Some(Action::Silence));
        assert_eq!(director.remaining(), 0);
    }

    #[test]
    fn one_turn_of_the_bot_answers_one_step() {
        let (mut director, mut heard) = (
            Director::new(vec![step(When::AfterTurn), step(When::AfterTurn)]),
            Heard::new(8_000),
        );
        bot_speaks(&mut heard, 0, 1_000);
        assert!(director.due(1_700, &heard, &[]).is_some());
        director.acts(2_500);
        assert_eq!(director.due(9_000, &heard, &[]), None);
        bot_speaks(&mut heard, 9_000, 10_000);
        assert!(director.due(10_700, &heard, &[]).is_some());
    }

    #[test]
    fn the_rest_of_an_interrupted_turn_does_not_trigger_a_step() {
        let (mut director, mut heard) = (
            Director::new(vec![step(When::During { ms: 500 }), step(When::AfterTurn)]),
            Heard::new(8_000),
        );
        bot_speaks(&mut heard, 0, 520);
        assert!(director.due(520, &heard, &[]).is_some());
        director.acts(1_000);
        bot_speaks(&mut heard, 520, 1_200);
        assert_eq!(director.due(2_500, &heard, &[]), None);
    }

    #[test]
    fn a_turn_that_the_caller_could_not_interrupt_counts() {
        let (mut director, mut heard) = (
            Director::new(vec![step(When::During { ms: 500 }), step(When::AfterTurn)]),
            Heard::new(8_000),
        );
        bot_speaks(&mut heard, 0, 520);
        assert!(director.due(520, &heard, &[]).is_some());
        director.acts(1_000);
        bot_speaks(&mut heard, 520, 4_000);
        assert!(director.due(4_700, &heard, &[]).is_some());
    }

    #[test]
    fn a_template_counts_once_it_was_heard_and_only_after_the_previous_step() {
        let when = When::AfterTemplate {
            name: "emi".to_owned(),
        };
        let (mut director, mut heard) = (
            Director::new(vec![step(when.clone()), step(when)]),
            Heard::new(8_000),
        );
        bot_speaks(&mut heard, 0, 1_000);
        assert_eq!(
            director.due(1_700, &heard, &[line("emi", 0, None)]),
            None,
            "begun, not yet heard"
        );
        let first = line("emi", 0, Some(Extent::Whole));
        assert!(
            director
                .due(1_720, &heard, std::slice::from_ref(&first))
                .is_some()
        );
        assert_eq!(
            director.due(1_740, &heard, std::slice::from_ref(&first)),
            None
        );
        bot_speaks(&mut heard, 3_000, 4_000);
        assert!(
            director
                .due(
                    4_700,
                    &heard,
                    &[first, line("emi", 3_000, Some(Extent::Whole))]
                )
                .is_some()
        );
    }

    #[test]
    fn an_engine_that_began_to_count_later_is_followed_all_the_same() {
        let after = |name: &str| {
            step(When::AfterTemplate {
                name: name.to_owned(),
            })
        };
        let (mut director, mut heard) = (
            Director::new(vec![after("emi"), after("agent"), after("emi")]),
            Heard::new(8_000),
        );
        bot_speaks(&mut heard, 0, 1_000);
        let first = line("emi", 0, Some(Extent::Whole));
        assert!(
            director
                .due(1_700, &heard, std::slice::from_ref(&first))
                .is_some()
        );
        // by this side's clock at 1,720
        bot_speaks(&mut heard, 1_720, 3_000);
        let lines = [first, line("agent", 1_320, Some(Extent::Whole))];
        assert!(director.due(3_700, &heard, &lines).is_some());
        assert_eq!(
            director.due(3_720, &heard, &lines),
            None,
            "it was said before"
        );
    }

    #[test]
    fn a_step_can_fall_into_the_middle_of_a_template() {
        let when = When::IntoTemplate {
            name: "emi".to_owned(),
            ms: 800,
        };
        let (mut director, heard) = (Director::new(vec![step(when)]), Heard::new(8_000));
        assert_eq!(
            director.due(1_799, &heard, &[line("emi", 1_000, None)]),
            None
        );
        assert!(
            director
                .due(1_800, &heard, &[line("emi", 1_000, None)])
                .is_some()
        );
    }
}
