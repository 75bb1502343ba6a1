//! When the caller's voice pauses a prompt, when it stops it for good, and when the prompt goes on.
//!
//! A voice pauses the prompt long before its words are known. If they are an answer, or an urgent
//! choice, the prompt is over; if they are nothing (a "hmm", talk that is no answer, a sound) it
//! goes on from where it was. A prompt that may not be interrupted is never paused: only an urgent
//! choice stops it, and it is said again from its start if that was a mistake.

use super::{Machine, Output, STALL_MS, Waiting};
use crate::event::Event;
use crate::question::{Answers, Asking, Phase, Stage, Utterance};
use crate::rendered_prompt::RenderedPrompt;

/// How much speech stops the prompt of an open question, where any words are an answer.
const BARGE_IN_MS: u32 = 300;
/// How long the partial result must stay on the same choice before it stops a prompt.
pub(super) const STABLE_MS: u64 = 120;
/// After this much silence a paused prompt goes on, unless the words so far stop it.
const GO_ON_MS: u32 = 700;
/// The same after so little speech that it is a "hmm" or an "achha": words that are known only
/// later still stop the prompt.
const GO_ON_SHORT_MS: u32 = 352;
/// The longest of such sounds.
const SHORT_MS: u32 = 480;
/// The longest pause for a voice whose words do not stop the prompt: somebody else's, or talk.
const LONGEST_PAUSE_MS: u64 = 2_000;

impl Machine {
    /// Pauses or stops prompts if the caller's speech so far asks for it.
    pub(super) fn barge_in(&mut self, now_ms: u64) {
        let Some(Waiting::Ask(asking)) = &self.waiting else {
            return;
        };
        let Some(utterance) = asking.utterance.as_ref() else {
            return;
        };
        if utterance.is_acknowledged || self.playback.is_idle() || self.playback.is_paused() {
            return;
        }
        let stops = self.stops(asking, utterance, |since_ms| now_ms >= since_ms + STABLE_MS);
        // who speaks on over a prompt that went on is not waited for again
        let is_voice = utterance.stage == Stage::Speaking
            && !utterance.is_talk
            && self.caller_audio.interrupts();
        let (began_ms, has_stopped) = (utterance.began_ms, utterance.barged_in);
        if asking.phase == Phase::Prompting
            && (stops || is_voice)
            && self.playback.is_pausable(now_ms)
        {
            self.playback.pause(now_ms, began_ms, &mut self.events);
            self.outputs.push_back(Output::Clear);
        } else if stops && !has_stopped {
            self.stop(now_ms);
        }
    }

    /// Stops prompts, which are said again if that turns out to have been a mistake.
    pub(super) fn stop(&mut self, now_ms: u64) {
        let stopped = self.interrupt(now_ms);
        if let Some(Waiting::Ask(asking)) = &mut self.waiting {
            if let Some(utterance) = &mut asking.utterance {
                utterance.barged_in = true;
            }
            asking.stopped = stopped;
            asking.phase = Phase::Listening {
                deadline_ms: now_ms + asking.asked.no_input_ms,
            };
        }
    }

    /// Whether what was said so far stops the prompt. `is_stable` decides by when the words became
    /// the choice that they are.
    fn stops(
        &self,
        asking: &Asking,
        utterance: &Utterance,
        is_stable: impl Fn(u64) -> bool,
    ) -> bool {
        let may_interrupt = utterance.counts && self.playback.is_interruptible();
        match &asking.asked.answers {
            Answers::Choices(_) | Answers::Value(_) => {
                let candidate = utterance.candidate.as_ref();
                candidate.is_some_and(|(_, since_ms)| is_stable(*since_ms))
                    && (utterance.stops || may_interrupt)
            }
            Answers::Open => may_interrupt && self.caller_audio.voiced_ms() >= BARGE_IN_MS,
            Answers::Keys { .. } => false,
        }
    }

    /// Lets a paused prompt go on if what the caller says is nothing.
    pub(super) fn go_on(&mut self, now_ms: u64) {
        let Some(paused_ms) = self.playback.paused_ms() else {
            return;
        };
        if let Some(Waiting::Ask(asking)) = &self.waiting
            && let Some(utterance) = &asking.utterance
            && !self.is_nothing(now_ms, paused_ms, asking, utterance)
        {
            return;
        }
        let go_on_ms = self.go_on_ms();
        self.caller_audio.pass_over();
        if let Some(Waiting::Ask(asking)) = &mut self.waiting
            && let Some(utterance) = &mut asking.utterance
        {
            utterance.is_talk = self.caller_audio.quiet_ms() < go_on_ms;
            utterance.went_on = true;
        }
        self.playback.go_on(now_ms, &mut self.events);
    }

    fn is_nothing(
        &self,
        now_ms: u64,
        paused_ms: u64,
        asking: &Asking,
        utterance: &Utterance,
    ) -> bool {
        let stops = self.stops(asking, utterance, |_| true);
        match utterance.stage {
            Stage::Speaking => {
                let is_quiet = self.caller_audio.quiet_ms() >= self.go_on_ms();
                !stops && (is_quiet || now_ms >= paused_ms + LONGEST_PAUSE_MS)
            }
            Stage::Understanding {
                ended_ms, is_late, ..
            } => is_late || (!stops && now_ms >= ended_ms + u64::from(GO_ON_MS)),
        }
    }

    /// How long the caller has to be silent for a paused prompt to go on. Who goes on, too, is heard out.
    fn go_on_ms(&self) -> u32 {
        let has_gone_on = match &self.waiting {
            Some(Waiting::Ask(asking)) => asking.utterance.as_ref().is_some_and(|it| it.went_on),
            _ => false,
        };
        if !has_gone_on && self.caller_audio.voiced_ms() <= SHORT_MS {
            GO_ON_SHORT_MS
        } else {
            GO_ON_MS
        }
    }

    /// Stops prompts, because of what the caller says. Returns those that were not heard to their end.
    pub(super) fn interrupt(&mut self, now_ms: u64) -> Vec<RenderedPrompt> {
        let silent_ms = self.playback.paused_ms().unwrap_or(now_ms);
        if let Some(Waiting::Ask(asking)) = &self.waiting
            && let Some(utterance) = &asking.utterance
        {
            self.events.push_back(Event::BargedIn {
                at_ms: utterance.began_ms,
                stopped_after_ms: silent_ms.saturating_sub(utterance.began_ms),
            });
        }
        self.flush(now_ms)
    }

    /// When a paused prompt may have to go on although no audio of the caller comes.
    pub(super) fn pause_wake(&self, now_ms: u64) -> Option<u64> {
        self.playback.is_paused().then_some(now_ms + STALL_MS)
    }
}
