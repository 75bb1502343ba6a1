//! Pausing what is played, and going on from where it was.
//!
//! A pause drops what was sent and not played. Where the caller was is estimated by the playout
//! clock; the marks within a prompt show what they have certainly heard. The prompt goes on from
//! there, at the start of a word, so that every part of it has a mark and the whole may count as
//! heard. Where marks are too late for that it goes on from the estimate, and is only assumed to
//! have been heard.

use std::collections::VecDeque;

use ghanti_audio::{PlayoutClock, word_began};

use super::{MARK, Part, Playback, Queued};
use crate::event::Event;

/// How much of a prompt lies between two marks within it.
const MARK_EVERY_MS: usize = 300;
/// A prompt that was paused so often for nothing is played on.
const PAUSES: u32 = 3;
/// With less to play nothing is paused: it is over as soon.
const LEAST_LEFT_MS: u64 = 300;
/// No more of a prompt is said again to make up for marks that did not come back.
const REPEATED_MS: usize = 1_000;
/// How far back the start of a word is looked for.
const WORD_MS: usize = 600;

impl Queued {
    /// Whether a mark is due before more of it is sent.
    pub(super) fn is_to_mark(&self, rate_hz: u32) -> bool {
        self.spoken.interruptible && self.part.unmarked >= MARK_EVERY_MS * rate_hz as usize / 1_000
    }

    /// Records a mark within it; none where the clock has no room for it.
    pub(super) fn mark_within(&mut self, clock: &mut PlayoutClock, now_ms: u64) -> Option<String> {
        let name = format!("{MARK}{}.{}", self.id.0, self.marks);
        clock.mark_within(name.clone(), now_ms).ok()?;
        self.marks += 1;
        self.part.unmarked = 0;
        let marked = (name.clone(), self.cursor.position(), self.part.from);
        self.within.push_back(marked);
        Some(name)
    }

    /// The name of the mark at its end.
    pub(super) fn end_mark(&self) -> String {
        match self.pauses {
            0 => format!("{MARK}{}", self.id.0),
            // the mark of before the pause may still come back, although its audio was dropped
            pauses => format!("{MARK}{}+{pauses}", self.id.0),
        }
    }

    /// Whether it went on from a place up to which no mark has confirmed it.
    pub(super) fn has_gap(&self) -> bool {
        self.part.from > self.confirmed
    }

    /// Whether part of it was sent and it was not heard to its end.
    fn is_playing(&self) -> bool {
        self.has_begun && self.mark.is_none()
    }
}

impl Playback {
    /// Whether nothing is sent, because the caller speaks.
    pub fn is_paused(&self) -> bool {
        self.paused_ms.is_some()
    }

    /// Since when, if it is.
    pub fn paused_ms(&self) -> Option<u64> {
        self.paused_ms
    }

    /// Whether what the caller hears can be paused: it may be interrupted, goes on for a while, and
    /// was not paused too often.
    pub fn is_pausable(&self, now_ms: u64) -> bool {
        let mut begun = self.queue.iter().take_while(|queued| queued.has_begun);
        !self.is_paused()
            && self.clock.lead_ms(now_ms) > 0
            && begun.all(|queued| queued.spoken.interruptible && queued.pauses < PAUSES)
            && self
                .remaining_ms(now_ms)
                .is_none_or(|remaining_ms| remaining_ms >= LEAST_LEFT_MS)
    }

    /// Stops sending and drops what was not played, so that a `clear` is needed. The caller began to
    /// speak at `began_ms`.
    pub fn pause(&mut self, now_ms: u64, began_ms: u64, events: &mut VecDeque<Event>) {
        let position_ms = self.clock.position_ms(now_ms);
        self.clock.cleared(now_ms);
        self.paused_ms = Some(now_ms);
        let mut is_first = true;
        for queued in self.queue.iter_mut().take_while(|queued| queued.has_begun) {
            let is_outstanding = |name: &String| self.clock.due_ms(name).is_some();
            // all of it was played, and its mark is on its way
            if queued.mark.as_ref().is_some_and(is_outstanding) {
                continue;
            }
            queued.reached_ms = queued.heard_ms(position_ms, self.rate_hz);
            queued.within.retain(|(name, ..)| is_outstanding(name));
            queued.mark = None;
            queued.pauses += 1;
            let reached = queued.reached_ms * u64::from(self.rate_hz) / 1_000;
            queued
                .cursor
                .go_back(usize::try_from(reached).unwrap_or(usize::MAX));
            queued.part = Part {
                from: queued.cursor.position(),
                ..Part::default()
            };
            if std::mem::take(&mut is_first) {
                events.push_back(Event::PromptPaused {
                    prompt: queued.id,
                    template: queued.spoken.template.clone(),
                    heard_ms: queued.reached_ms,
                    at_ms: began_ms,
                    stopped_after_ms: now_ms.saturating_sub(began_ms),
                });
            }
        }
    }

    /// Goes on from where it was.
    pub fn go_on(&mut self, now_ms: u64, events: &mut VecDeque<Event>) {
        let Some(paused_ms) = self.paused_ms.take() else {
            return;
        };
        let samples = |ms: usize| ms * self.rate_hz as usize / 1_000;
        let mut is_first = true;
        for queued in self.queue.iter_mut().filter(|queued| queued.is_playing()) {
            let reached = queued.cursor.position();
            let is_known = reached.saturating_sub(queued.confirmed) <= samples(REPEATED_MS);
            let known = if is_known {
                reached.min(queued.confirmed)
            } else {
                reached
            };
            let before = queued.cursor.before(known, samples(WORD_MS));
            let word = word_began(&before, self.rate_hz);
            queued.cursor.go_back(known.saturating_sub(word));
            queued.part = Part {
                from: queued.cursor.position(),
                ..Part::default()
            };
            if std::mem::take(&mut is_first) {
                events.push_back(Event::PromptResumed {
                    prompt: queued.id,
                    template: queued.spoken.template.clone(),
                    from_ms: queued.sent_ms(self.rate_hz),
                    paused_ms: now_ms.saturating_sub(paused_ms),
                });
            }
        }
    }

    /// Whether a mark is one within a prompt.
    pub(super) fn is_within(mark: &str) -> bool {
        mark.contains('.')
    }

    /// Notes that a prompt was heard up to one of its marks.
    pub(super) fn confirm_within(&mut self, mark: &str) {
        for queued in &mut self.queue {
            let Some(nth) = queued.within.iter().position(|(name, ..)| name == mark) else {
                continue;
            };
            for (_, position, part_from) in queued.within.drain(..=nth) {
                // what comes after a gap does not fill it
                if part_from <= queued.confirmed {
                    queued.confirmed = queued.confirmed.max(position);
                }
            }
        }
    }
}
