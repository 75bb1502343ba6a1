//! Playback: queues prompts, cuts them into frames, paces the frames, and reports how much of each
//! prompt the caller heard.
//!
//! Sans-I/O. Returned marks say what was heard; between marks it is estimated from what was sent
//! and when. A prompt whose mark does not come back is assumed to have been heard, which satisfies
//! no rule. A later mark that does come back confirms it, since audio is played in order.
//!
//! A prompt that may be interrupted has marks within, too, so that one that was paused goes on from
//! what is known to have been heard (`playback/pause.rs`).

mod pause;

use std::collections::VecDeque;

use ghanti_audio::{Encoding, Framer, PlayoutClock, PromptCursor};
use ghanti_model::{Extent, Playout, PromptId};
use ghanti_speech::Samples;

use crate::event::Event;
use crate::rendered_prompt::RenderedPrompt;

/// How far ahead of playout audio is sent: enough to absorb network jitter, and short enough for a
/// barge-in to take effect at once.
const LEAD_MS: u64 = 300;
/// Length of a frame. Exotel asks for 100 to 200 ms (Exotel: Voicebot applet, outbound rules).
const FRAME_MS: u32 = 100;
/// How many prompts may be queued; a further `say` waits until there is space.
pub const QUEUE: usize = 64;
/// With this little left to play, a prompt that is still being synthesised is sent in short frames,
/// so that none is late.
const SHORT_MS: u64 = 120;
/// A prompt whose first samples have not arrived after this time is skipped: silence is worse than
/// a missing sentence.
const FIRST_SAMPLES_MS: u64 = 6_000;
/// Prefix of mark names; the prompt's id follows.
const MARK: &str = "prompt-";
/// How many prompts that are assumed to have been heard can still be confirmed by a later mark.
const ASSUMED: usize = 64;

struct Queued {
    id: PromptId,
    spoken: RenderedPrompt,
    cursor: PromptCursor,
    queued_ms: u64,
    /// Whether any of it was sent.
    has_begun: bool,
    /// Its part in progress: all of it, or what comes after a pause.
    part: Part,
    /// How much of it was heard in earlier parts, in milliseconds.
    reached_ms: u64,
    /// How much of it marks have confirmed without a gap, in samples.
    confirmed: usize,
    /// Outstanding marks within it: name, position, and the start of its part, in samples.
    within: VecDeque<(String, usize, usize)>,
    /// How many marks it has had within, which makes their names unique.
    marks: u32,
    /// How often it was paused.
    pauses: u32,
    /// The mark at its end.
    mark: Option<String>,
    failed: bool,
}

/// What is played of a prompt without a pause.
#[derive(Default)]
struct Part {
    /// The prompt's position where it starts, in samples.
    from: usize,
    /// Position of its first sample, in milliseconds of all audio sent; none before its first
    /// frame.
    starts_at: Option<u64>,
    /// Samples sent of it, padding included.
    sent: usize,
    /// How many of these no mark follows yet.
    unmarked: usize,
}

impl Queued {
    /// How much of it was sent, padding included, in milliseconds.
    fn sent_ms(&self, rate_hz: u32) -> u64 {
        (self.part.from + self.part.sent) as u64 * 1_000 / u64::from(rate_hz)
    }

    /// How much of it was heard when so much of all audio was.
    fn heard_ms(&self, position_ms: u64, rate_hz: u32) -> u64 {
        let from_ms = self.part.from as u64 * 1_000 / u64::from(rate_hz);
        let heard_ms = self
            .part
            .starts_at
            .map_or(0, |start| from_ms + position_ms.saturating_sub(start));
        heard_ms.min(self.sent_ms(rate_hz)).max(self.reached_ms)
    }

    fn playout(&self, heard: Extent, heard_ms: u64) -> Playout {
        Playout {
            prompt: self.id,
            template: self.spoken.template.clone(),
            heard,
            heard_ms: u32::try_from(heard_ms).unwrap_or(u32::MAX),
        }
    }
}

/// What to send next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sending {
    /// The frame that was written to the buffer.
    Frame,
    /// A mark with this name.
    Mark(String),
}

/// What [`Playback::flush`] dropped.
pub struct Flushed {
    /// Whether audio was sent that has not been played, so that a `clear` is needed.
    pub is_unplayed: bool,
    /// The prompts that were not heard to their end, in queue order.
    pub prompts: Vec<RenderedPrompt>,
}

/// Plays the prompts of one call.
pub struct Playback {
    framer: Framer,
    clock: PlayoutClock,
    queue: VecDeque<Queued>,
    done: Vec<Playout>,
    /// Prompts whose marks are overdue, oldest first.
    assumed: VecDeque<PromptId>,
    /// Whether the network has returned any mark that confirms playout.
    has_marks: bool,
    rate_hz: u32,
    last_id: u32,
    /// Since when nothing is sent, because the caller speaks.
    paused_ms: Option<u64>,
}

impl Playback {
    /// Plays at the call's rate, in its encoding.
    pub fn new(rate_hz: u32, encoding: Encoding) -> Self {
        Self {
            framer: Framer::new(rate_hz, FRAME_MS, encoding),
            clock: PlayoutClock::new(rate_hz),
            queue: VecDeque::new(),
            done: Vec::new(),
            assumed: VecDeque::new(),
            has_marks: false,
            rate_hz,
            last_id: 0,
            paused_ms: None,
        }
    }

    /// Queues a prompt; its samples follow through [`Playback::piece`].
    pub fn queue(&mut self, now_ms: u64, spoken: RenderedPrompt) -> PromptId {
        self.last_id += 1;
        let id = PromptId(self.last_id);
        self.queue.push_back(Queued {
            id,
            spoken,
            cursor: PromptCursor::new(),
            queued_ms: now_ms,
            has_begun: false,
            part: Part::default(),
            reached_ms: 0,
            confirmed: 0,
            within: VecDeque::new(),
            marks: 0,
            pauses: 0,
            mark: None,
            failed: false,
        });
        id
    }

    /// Whether there is space in the queue.
    pub fn has_place(&self) -> bool {
        self.queue.len() < QUEUE
    }

    /// Whether no prompt is queued or still to be heard.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether no other prompt than those of this name is queued or still to be heard.
    pub fn is_idle_but_for(&self, template: &str) -> bool {
        self.queue
            .iter()
            .all(|queued| queued.spoken.template == template)
    }

    /// How many prompts have not been heard to their end.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// How long the queued prompts will still play, in milliseconds; none while one of them is
    /// still being synthesised.
    pub fn remaining_ms(&self, now_ms: u64) -> Option<u64> {
        let samples = |queued: &Queued| {
            queued
                .cursor
                .is_complete()
                .then(|| queued.cursor.available() as u64)
        };
        let unsent =
            self.queue.iter().map(samples).sum::<Option<u64>>()? * 1_000 / u64::from(self.rate_hz);
        let unheard = self
            .clock
            .sent_ms()
            .saturating_sub(self.clock.position_ms(now_ms));
        Some(unsent + unheard)
    }

    /// Whether everything still to be heard may be interrupted.
    pub fn is_interruptible(&self) -> bool {
        self.queue.iter().all(|queued| queued.spoken.interruptible)
    }

    /// Adds samples of a prompt.
    pub fn piece(&mut self, prompt: PromptId, samples: Samples) {
        if let Some(queued) = self.find(prompt) {
            queued.cursor.push_piece(samples);
        }
    }

    /// All samples of a prompt have arrived.
    pub fn complete(&mut self, prompt: PromptId) {
        if let Some(queued) = self.find(prompt) {
            queued.cursor.complete();
        }
    }

    /// The samples of a prompt will not arrive, or not all of them; those that have are played.
    pub fn fail(&mut self, prompt: PromptId, reason: String, events: &mut VecDeque<Event>) {
        if let Some(queued) = self.find(prompt) {
            queued.failed = true;
            queued.cursor.complete();
            events.push_back(Event::PromptFailed {
                prompt,
                template: queued.spoken.template.clone(),
                reason,
            });
        }
    }

    fn find(&mut self, prompt: PromptId) -> Option<&mut Queued> {
        self.queue.iter_mut().find(|queued| queued.id == prompt)
    }

    /// How much of the sent audio is still to be played, in milliseconds.
    pub fn lead_ms(&self, now_ms: u64) -> u64 {
        self.clock.lead_ms(now_ms)
    }

    /// Writes the next frame to `frame`, or returns the next mark, if one is due.
    pub fn send(
        &mut self,
        now_ms: u64,
        frame: &mut Vec<u8>,
        events: &mut VecDeque<Event>,
    ) -> Option<Sending> {
        if self.paused_ms.is_some() {
            return None;
        }
        let queued = self.queue.iter_mut().find(|queued| queued.mark.is_none())?;
        if !queued.has_begun
            && queued.cursor.available() == 0
            && !queued.cursor.is_complete()
            && now_ms >= queued.queued_ms + FIRST_SAMPLES_MS
        {
            queued.failed = true;
            queued.cursor.complete();
            let reason = format!(
                "no samples came within {FIRST_SAMPLES_MS} ms: see whether the synthesiser is overloaded"
            );
            events.push_back(Event::PromptFailed {
                prompt: queued.id,
                template: queued.spoken.template.clone(),
                reason,
            });
        }
        if queued.cursor.is_drained() {
            let mark = queued.end_mark();
            // the clock keeps more marks than a call queues prompts; a prompt whose mark it does
            // not keep is ended by a later mark
            let _ = self.clock.mark(mark.clone(), now_ms);
            queued.mark = Some(mark.clone());
            return Some(Sending::Mark(mark));
        }
        if queued.is_to_mark(self.rate_hz)
            && let Some(mark) = queued.mark_within(&mut self.clock, now_ms)
        {
            return Some(Sending::Mark(mark));
        }
        if self.clock.lead_ms(now_ms) >= LEAD_MS {
            return None;
        }
        frame.clear();
        let info = match self.framer.next(&mut queued.cursor, frame) {
            Some(info) => info,
            None if self.clock.lead_ms(now_ms) <= SHORT_MS => {
                self.framer.next_early(&mut queued.cursor, frame)?
            }
            None => return None,
        };
        if queued.part.starts_at.is_none() {
            queued.part.starts_at = Some(self.clock.sent_ms());
        }
        if !std::mem::replace(&mut queued.has_begun, true) {
            events.push_back(Event::PromptBegan {
                prompt: queued.id,
                template: queued.spoken.template.clone(),
                text: queued.spoken.text(),
                language: queued.spoken.language().clone(),
                at_ms: now_ms + self.clock.lead_ms(now_ms),
            });
        }
        self.clock.sent(now_ms, info.samples);
        queued.part.sent += info.samples;
        queued.part.unmarked += info.samples;
        Some(Sending::Frame)
    }

    /// When [`Playback::send`] or [`Playback::pass_over_lost_marks`] is due next, unless samples or
    /// marks arrive before.
    pub fn next_wake(&self, now_ms: u64) -> Option<u64> {
        let to_send = self
            .queue
            .iter()
            .find(|queued| queued.mark.is_none() && self.paused_ms.is_none())
            .map(|queued| {
                if queued.cursor.available() > 0 || queued.cursor.is_drained() {
                    now_ms + (self.clock.lead_ms(now_ms) + 1).saturating_sub(LEAD_MS)
                } else {
                    queued.queued_ms + FIRST_SAMPLES_MS
                }
            });
        let to_return = self.clock.overdue_at_ms();
        [to_send, to_return].into_iter().flatten().min()
    }

    /// A mark came back: everything sent before it has been heard.
    pub fn mark_returned(&mut self, now_ms: u64, name: &str, events: &mut VecDeque<Event>) {
        let Some(returned) = prompt_of(name) else {
            return;
        };
        let settled = self.clock.mark_returned(name, now_ms);
        for mark in &settled {
            self.confirm_within(mark);
            self.end_marked(mark, Extent::Whole, events);
        }
        // a mark after audio that was cleared confirms nothing: Exotel may return it because it
        // dropped the audio
        if settled.is_empty() && (Self::is_within(name) || !self.assumed.contains(&returned)) {
            return;
        }
        self.has_marks = true;
        while let Some(prompt) = self.assumed.pop_front_if(|prompt| *prompt <= returned) {
            events.push_back(Event::PromptConfirmed { prompt });
        }
    }

    /// Ends prompts whose marks are overdue. Marks are sometimes lost, and a call must not wait for
    /// them.
    pub fn pass_over_lost_marks(&mut self, now_ms: u64, events: &mut VecDeque<Event>) {
        while let Some(mark) = self.clock.take_overdue(now_ms) {
            if Self::is_within(&mark) {
                continue;
            }
            if self.assumed.len() == ASSUMED {
                self.assumed.pop_front();
            }
            // no mark confirms what lies in a gap
            let has_gap = |prompt| {
                let mut queue = self.queue.iter();
                queue.any(|queued| queued.id == prompt && queued.has_gap())
            };
            self.assumed
                .extend(prompt_of(&mark).filter(|prompt| !has_gap(*prompt)));
            self.end_marked(&mark, Extent::Assumed, events);
        }
    }

    /// Whether prompts were sent to their end but no mark has come back.
    pub fn lacks_marks(&self) -> bool {
        !self.has_marks && !self.assumed.is_empty()
    }

    fn end_marked(&mut self, mark: &str, heard: Extent, events: &mut VecDeque<Event>) {
        let Some(place) = self
            .queue
            .iter()
            .position(|queued| queued.mark.as_deref() == Some(mark))
        else {
            return;
        };
        for _ in 0..=place {
            self.end_front(heard, events);
        }
    }

    fn end_front(&mut self, heard: Extent, events: &mut VecDeque<Event>) {
        if let Some(queued) = self.queue.pop_front() {
            let sent_ms = queued.sent_ms(self.rate_hz);
            let heard = match (queued.failed, sent_ms) {
                (_, 0) => Extent::Unheard,
                (true, _) => Extent::Partial,
                // no mark came for all of what was heard before a pause
                (false, _) if heard == Extent::Whole && queued.has_gap() => Extent::Assumed,
                (false, _) => heard,
            };
            self.end(&queued, heard, sent_ms, events);
        }
    }

    fn end(&mut self, queued: &Queued, heard: Extent, heard_ms: u64, events: &mut VecDeque<Event>) {
        let template = queued.spoken.template.clone();
        events.push_back(Event::PromptEnded {
            prompt: queued.id,
            template,
            heard,
            heard_ms,
        });
        self.done.push(queued.playout(heard, heard_ms));
    }

    /// Drops all queued prompts, because the caller interrupted or the call ended. How much of each
    /// was heard is estimated by the playout clock.
    pub fn flush(&mut self, now_ms: u64, events: &mut VecDeque<Event>) -> Flushed {
        let position_ms = self.clock.position_ms(now_ms);
        let mut flushed = Flushed {
            is_unplayed: self.clock.lead_ms(now_ms) > 0,
            prompts: Vec::new(),
        };
        while let Some(queued) = self.queue.pop_front() {
            let heard_ms = queued.heard_ms(position_ms, self.rate_hz);
            let sent_ms = queued.sent_ms(self.rate_hz);
            let heard = if heard_ms == 0 {
                Extent::Unheard
            } else if queued.mark.is_some() && heard_ms == sent_ms && !queued.failed {
                Extent::Assumed
            } else {
                Extent::Partial
            };
            self.end(&queued, heard, heard_ms, events);
            if heard != Extent::Assumed {
                flushed.prompts.push(queued.spoken);
            }
        }
        self.clock.cleared(now_ms);
        self.paused_ms = None;
        flushed
    }

    /// Takes the playouts of prompts that have ended since the last call.
    pub fn take_done(&mut self) -> Vec<Playout> {
        std::mem::take(&mut self.done)
    }
}

/// The prompt that a mark is of.
fn prompt_of(mark: &str) -> Option<PromptId> {
    let id = mark.strip_prefix(MARK)?;
    let id = id.split(['.', '+']).next()?;
    id.parse().ok().map(PromptId)
}

#[cfg(test)]
mod tests;
