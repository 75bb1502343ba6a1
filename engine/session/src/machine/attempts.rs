//! The attempts of a question: no-input, no-match, reprompts and the answer.

use ghanti_model::{Answer, Masked};

use super::{Completion, HEARD_QUESTIONS, Machine, Output, STALL_MS, Waiting};
use crate::event::Event;
use crate::question::{Asking, Next, Phase, Stage};

/// How long the caller has to speak again after speech that was not an answer, before it becomes a
/// no-input.
const TALKED_OVER_MS: u64 = 2_000;
/// How many noises and other non-answers are ignored in one attempt. One more makes it a no-input:
/// a television never stops.
pub(super) const NOISES: u32 = 3;

impl Machine {
    /// When an open question has to be checked again.
    pub(super) fn question_wake(&self, now_ms: u64, asking: &Asking) -> Option<u64> {
        match (
            asking.utterance.as_ref().map(|utterance| utterance.stage),
            asking.phase,
        ) {
            (Some(Stage::Speaking), _) => Some(now_ms + STALL_MS),
            (Some(Stage::Understanding { deadline_ms, .. }), _) => Some(deadline_ms),
            (None, Phase::Listening { deadline_ms } | Phase::Keying { deadline_ms }) => {
                Some(deadline_ms)
            }
            (None, Phase::Prompting) => None,
        }
    }

    /// Advances an open question, as far as time and playout allow.
    pub(super) fn advance_question(&mut self, now_ms: u64) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        let stage = asking.utterance.as_ref().map(|utterance| utterance.stage);
        match (asking.phase, stage) {
            (Phase::Prompting, _) if self.playback.is_idle() => self.prompted(now_ms),
            (
                _,
                Some(Stage::Understanding {
                    deadline_ms,
                    is_late,
                    ..
                }),
            ) if now_ms >= deadline_ms => self.overloaded(now_ms, is_late),
            (Phase::Listening { deadline_ms }, None) if now_ms >= deadline_ms => {
                let next = asking.no_input();
                self.next_attempt(now_ms, next);
            }
            (Phase::Keying { deadline_ms }, _) if now_ms >= deadline_ms => self.keyed(now_ms),
            _ => {}
        }
    }

    /// Everything before the answer has been played, or will not be: starts timing no-input.
    fn prompted(&mut self, now_ms: u64) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        asking.heard(self.playback.take_done());
        if asking.was_delivered() {
            asking.is_heard = true;
            if self.heard_questions.len() < HEARD_QUESTIONS {
                self.heard_questions.insert(asking.asked.name.clone());
            }
        }
        // a caller who spoke over the question thinks they have answered, so they wait less
        let wait_ms = if asking.was_talked_over {
            asking.asked.no_input_ms.min(TALKED_OVER_MS)
        } else {
            asking.asked.no_input_ms
        };
        asking.phase = Phase::Listening {
            deadline_ms: now_ms + wait_ms,
        };
        self.events.push_back(Event::Listening);
        self.take_typed_ahead(now_ms);
    }

    pub(super) fn not_understood(
        &mut self,
        now_ms: u64,
        transcript: Option<Masked>,
        confidence: f32,
    ) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        let next = asking.no_match(transcript, confidence);
        self.next_attempt(now_ms, next);
    }

    pub(super) fn next_attempt(&mut self, now_ms: u64, next: Next) {
        match next {
            Next::Again(prompt) => {
                let _ = self.flush(now_ms);
                self.restart_turn();
                let prompt = self.queue(now_ms, prompt);
                self.latency.replies(prompt);
            }
            Next::Over(answer) => self.answered(answer),
        }
    }

    /// Drops the caller's current turn, so that they can start again.
    pub(super) fn restart_turn(&mut self) {
        self.caller_audio.close();
        self.caller_audio.reset();
        self.outputs.push_back(Output::Forget);
    }

    /// Drops the utterance in progress: the caller is pressing keys instead.
    pub(super) fn forget_utterance(&mut self) {
        self.caller_audio.reset();
        if let Some(Waiting::Ask(asking)) = &mut self.waiting
            && asking.utterance.take().is_some()
        {
            self.caller_audio.close();
            self.outputs.push_back(Output::Forget);
        }
    }

    pub(super) fn answered(&mut self, answer: Answer) {
        self.note_person(&answer);
        self.caller_audio.close();
        self.caller_audio.reset();
        self.outputs.push_back(Output::StopListening);
        self.waiting = None;
        self.complete(Completion::Answered(answer));
    }

    /// The utterance ended, and no recogniser was running that could have recognised it.
    pub fn heard_nothing(&mut self, now_ms: u64) {
        self.awaited_hearings = 0;
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        let Some(utterance) = asking.utterance.take() else {
            return;
        };
        // it had one that failed, which is not the caller's fault
        if asking.overloads > 0 {
            self.put_again(now_ms);
            return self.advance(now_ms);
        }
        if utterance.counts && asking.phase != Phase::Prompting {
            self.not_understood(now_ms, None, 0.0);
        } else {
            self.talked_over(now_ms);
        }
        self.advance(now_ms);
    }

    /// What was said is not an answer and uses up no attempt: prompts it stopped are played again.
    pub(super) fn talked_over(&mut self, now_ms: u64) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else {
            return;
        };
        asking.utterance = None;
        asking.was_talked_over = true;
        let stopped = std::mem::take(&mut asking.stopped);
        self.caller_audio.close();
        if !stopped.is_empty() {
            asking.phase = Phase::Prompting;
            for spoken in stopped {
                self.queue(now_ms, spoken);
            }
        } else if let Phase::Listening { deadline_ms } = &mut asking.phase {
            *deadline_ms = now_ms + TALKED_OVER_MS.min(asking.asked.no_input_ms);
            asking.noises += 1;
            if asking.noises > NOISES {
                let next = asking.no_input();
                self.next_attempt(now_ms, next);
            }
        }
    }
}
