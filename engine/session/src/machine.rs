//! One live call as a pure state machine: timestamped input goes in, output comes out.
//!
//! There is no socket, task or clock inside. The driver hands in caller audio, keys, marks, prompt
//! samples, recognition results and the flow's commands. It then takes [`Machine::output`] and
//! [`Machine::event`] until there are none, sends what [`Machine::send`] returns, and calls
//! [`Machine::tick`] at [`Machine::next_wake`].

mod attempts;
mod barge_in;
mod keys;
mod latency;
mod network;
mod second;
mod turns;
mod voicemail;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};

use ghanti_audio::{Decoder, Encoding, ResampleError, TurnSettings};
use ghanti_model::{Answer, CallError, Playout, PromptId};
use ghanti_speech::{Expectation, Samples};

use crate::caller_audio::CallerAudio;
use crate::event::Event;
use crate::playback::{Playback, Sending};
use crate::question::{Answers, Asked, Asking};
use crate::rendered_prompt::{Fetch, RenderedPrompt};

/// Speech shorter than this does not start a turn.
const ONSET_MS: u32 = 96;
/// Silence that ends a turn.
const END_SILENCE_MS: u32 = 650;
/// Silence that ends a turn of free speech: people pause to think.
const END_SILENCE_OPEN_MS: u32 = 900;
/// The longest turn; speech beyond it is ignored.
const MAX_TURN_MS: u32 = 12_000;
/// Without caller audio for this long, the network has stalled, which counts as silence.
const STALL_MS: u64 = 500;
/// How many names of questions that the caller has heard are remembered.
const HEARD_QUESTIONS: usize = 64;

/// What the flow wants. Commands come one at a time, since the flow waits for each completion.
pub enum Command {
    /// Queue a prompt. Waits until there is space in the queue.
    Say(RenderedPrompt),
    /// Ask a question.
    Ask(Box<Asked>),
    /// Wait until all prompts have been heard, and report on them.
    Drain,
    /// Wait until all prompts have been heard.
    AwaitPlayout,
    /// Wait until all prompts have been heard, and then for so many milliseconds of silence.
    Pause(u32),
    /// The conversation is over: close the stream once all prompts have been heard.
    Finish,
}

/// The result of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Completion {
    /// Result of `Say`.
    Queued(PromptId),
    /// Result of `Ask`.
    Answered(Answer),
    /// Result of `Drain`.
    Drained(Vec<Playout>),
    /// Result of `Settle`.
    PlayedOut,
    /// Result of `Pause`.
    Paused,
    /// Result of any command once the call has ended.
    Failed(CallError),
}

/// Which completion the flow waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// A place in the queue for its prompt.
    Queued,
    /// The caller's answer.
    Answered,
    /// The report on what was heard.
    Drained,
    /// All prompts having been heard.
    PlayedOut,
    /// The end of a silence.
    Paused,
}

impl Command {
    /// The completion that this command is answered with; none for `Finish`.
    pub fn awaits(&self) -> Option<Awaited> {
        match self {
            Command::Say(_) => Some(Awaited::Queued),
            Command::Ask(_) => Some(Awaited::Answered),
            Command::Drain => Some(Awaited::Drained),
            Command::AwaitPlayout => Some(Awaited::PlayedOut),
            Command::Pause(_) => Some(Awaited::Paused),
            Command::Finish => None,
        }
    }
}

/// What the driver has to do.
#[derive(Debug)]
pub enum Output {
    /// Fetch the samples of a prompt.
    Fetch(Fetch),
    /// Send a `clear`, so that Exotel drops the audio it has not played.
    Clear,
    /// Start a recognition, dropping the previous one.
    Listen(Expectation),
    /// Pass these samples of the caller, at 16 kHz, to the recognition.
    Feed(Vec<i16>),
    /// The utterance is over; ask the recognition for its final result.
    Finish,
    /// Reset the recognition, so that it forgets the audio it was fed.
    Forget,
    /// Drop the recognition.
    StopListening,
    /// Return this completion to the flow.
    Complete(Completion),
    /// All prompts have been heard: close the stream.
    Close,
    /// An answering machine has taken the call: end it, so that nothing is recorded there.
    Voicemail,
    /// No caller audio has arrived for so long that nobody can be on the line.
    PeerLost {
        /// Whether any audio had arrived before.
        ever: bool,
    },
}

enum Waiting {
    Say(RenderedPrompt),
    Ask(Box<Asking>),
    Drain,
    AwaitPlayout,
    Pause { ms: u32, until_ms: Option<u64> },
    Finish,
}

/// A live call.
pub struct Machine {
    playback: Playback,
    caller_audio: CallerAudio,
    /// Decodes sent frames back to what the caller hears, so that their echo can be detected.
    decoder: Decoder,
    played: Vec<i16>,
    played_at_ms: u64,
    waiting: Option<Waiting>,
    outputs: VecDeque<Output>,
    events: VecDeque<Event>,
    keys: keys::TypedAhead,
    latency: latency::Latency,
    /// Names of questions that the caller has heard to their end.
    heard_questions: BTreeSet<String>,
    /// Finished utterances whose final recognition result is still outstanding.
    awaited_hearings: u32,
    /// Whether the recogniser knows only the phrases it is given.
    hears_phrases_only: bool,
    /// Whether an answering machine may have the call: it is looked for, and nobody has answered yet.
    may_be_voicemail: bool,
    last_audio_ms: Option<u64>,
    reported: network::Reported,
    ended: bool,
}

impl Machine {
    /// A call whose stream has started, at time 0. `rate_hz` is 8000, 16000 or 24000; any other
    /// rate is an error.
    pub fn new(rate_hz: u32, encoding: Encoding) -> Result<Self, ResampleError> {
        let settings = TurnSettings {
            onset_ms: ONSET_MS,
            end_silence_ms: END_SILENCE_MS,
            max_turn_ms: MAX_TURN_MS,
        };
        Ok(Self {
            playback: Playback::new(rate_hz, encoding),
            caller_audio: CallerAudio::new(rate_hz, settings)?,
            decoder: Decoder::new(encoding),
            played: Vec::new(),
            played_at_ms: 0,
            waiting: None,
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            keys: keys::TypedAhead::default(),
            latency: latency::Latency::default(),
            heard_questions: BTreeSet::new(),
            awaited_hearings: 0,
            hears_phrases_only: false,
            may_be_voicemail: false,
            last_audio_ms: None,
            reported: network::Reported::default(),
            ended: false,
        })
    }

    /// Sets whether the recogniser understands more where a line's noise is suppressed first.
    pub fn set_suppresses_noise(&mut self, suppresses_noise: bool) {
        self.caller_audio.set_suppresses_noise(suppresses_noise);
    }

    /// Which completion the flow waits for; none while it is not waiting.
    pub fn awaited(&self) -> Option<Awaited> {
        match self.waiting.as_ref()? {
            Waiting::Say(_) => Some(Awaited::Queued),
            Waiting::Ask(_) => Some(Awaited::Answered),
            Waiting::Drain => Some(Awaited::Drained),
            Waiting::AwaitPlayout => Some(Awaited::PlayedOut),
            Waiting::Pause { .. } => Some(Awaited::Paused),
            Waiting::Finish => None,
        }
    }

    /// The next action for the driver.
    pub fn output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next event.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next frame (written into `frame`) or mark that is due now.
    pub fn send(&mut self, now_ms: u64, frame: &mut Vec<u8>) -> Option<Sending> {
        if self.ended {
            return None;
        }
        let heard_at_ms = now_ms + self.playback.lead_ms(now_ms);
        let sending = self.playback.send(now_ms, frame, &mut self.events);
        if sending == Some(Sending::Frame) {
            if let Some(Event::PromptBegan { prompt, .. }) = self.events.back()
                && let Some(latency) = self.latency.began(now_ms, *prompt)
            {
                self.events.push_back(Event::Responded(latency));
            }
            self.played.clear();
            self.decoder.decode(frame, &mut self.played);
            self.played_at_ms = heard_at_ms;
            self.caller_audio.played(heard_at_ms, &self.played);
        }
        sending
    }

    /// What the last frame of [`Machine::send`] is to the caller: when they hear it, by the playout
    /// clock, and its samples at the call's rate.
    pub fn sent(&self) -> (u64, &[i16]) {
        (self.played_at_ms, &self.played)
    }

    /// When to call [`Machine::tick`] even if no input arrives, in milliseconds since the stream's
    /// start.
    pub fn next_wake(&self, now_ms: u64) -> Option<u64> {
        let question = match &self.waiting {
            Some(Waiting::Ask(asking)) => self.question_wake(now_ms, asking),
            Some(Waiting::Pause { until_ms, .. }) => *until_ms,
            _ => None,
        };
        let media = self.network_wake();
        let pause = self.pause_wake(now_ms);
        [question, self.playback.next_wake(now_ms), media, pause]
            .into_iter()
            .flatten()
            .min()
    }

    /// A command from the flow.
    pub fn command(&mut self, now_ms: u64, command: Command) {
        if self.ended {
            self.complete(Completion::Failed(CallError::CallEnded));
            return;
        }
        if let Some(latency) = self.latency.acts(now_ms) {
            self.events.push_back(Event::Responded(latency));
        }
        self.waiting = Some(match command {
            Command::Say(spoken) => Waiting::Say(spoken),
            Command::Drain => Waiting::Drain,
            Command::AwaitPlayout => Waiting::AwaitPlayout,
            Command::Pause(ms) => Waiting::Pause { ms, until_ms: None },
            Command::Finish => Waiting::Finish,
            Command::Ask(asked) => {
                // speech that began before the question is not an answer to it
                self.caller_audio.reset();
                self.queue(now_ms, asked.prompt.clone());
                self.events.push_back(Event::Asked {
                    question: asked.name.clone(),
                });
                match &asked.answers {
                    Answers::Choices(_) | Answers::Value(_) => self.listen(&asked, END_SILENCE_MS),
                    Answers::Open => self.listen(&asked, END_SILENCE_OPEN_MS),
                    Answers::Keys { .. } => {}
                }
                let is_heard = self.heard_questions.contains(&asked.name);
                Waiting::Ask(Box::new(Asking::new(*asked, is_heard)))
            }
        });
        self.take_typed_ahead(now_ms);
        self.advance(now_ms);
    }

    fn listen(&mut self, asked: &Asked, end_silence_ms: u32) {
        self.outputs
            .push_back(Output::Listen(asked.expectation.clone()));
        self.awaited_hearings = 0;
        self.caller_audio.set_end_silence_ms(end_silence_ms);
    }

    /// Queues a prompt of the engine's own before those of the flow.
    pub fn announce(&mut self, now_ms: u64, spoken: RenderedPrompt) {
        self.queue(now_ms, spoken);
    }

    fn queue(&mut self, now_ms: u64, spoken: RenderedPrompt) -> PromptId {
        let prompt = self.playback.queue(now_ms, spoken.clone());
        self.latency.queued(prompt);
        self.outputs
            .push_back(Output::Fetch(Fetch { prompt, spoken }));
        prompt
    }

    /// Samples of caller audio, at the call's rate.
    pub fn audio(&mut self, now_ms: u64, samples: &[i16]) {
        if self.ended {
            return;
        }
        self.last_audio_ms = Some(now_ms);
        let heard = self.caller_audio.listen(now_ms, samples);
        if self.caller_audio.is_answering_machine() {
            self.found_voicemail();
        }
        self.speech(now_ms, heard.ended);
        self.advance(now_ms);
    }

    /// Stops and drops all queued prompts. Returns those that were not heard to their end.
    fn flush(&mut self, now_ms: u64) -> Vec<RenderedPrompt> {
        let flushed = self.playback.flush(now_ms, &mut self.events);
        if flushed.is_unplayed {
            self.outputs.push_back(Output::Clear);
        }
        let playouts = self.playback.take_done();
        if let Some(Waiting::Ask(asking)) = &mut self.waiting {
            asking.heard(playouts);
        }
        flushed.prompts
    }

    fn complete(&mut self, completion: Completion) {
        self.outputs.push_back(Output::Complete(completion));
    }

    /// A mark came back.
    pub fn mark(&mut self, now_ms: u64, name: &str) {
        self.playback.mark_returned(now_ms, name, &mut self.events);
        self.advance(now_ms);
    }

    /// Some samples of a prompt arrived.
    pub fn piece(&mut self, prompt: PromptId, samples: Samples) {
        self.playback.piece(prompt, samples);
    }

    /// All samples of a prompt have arrived.
    pub fn pieces_complete(&mut self, prompt: PromptId) {
        self.playback.complete(prompt);
    }

    /// The samples of a prompt will not arrive, or not all of them.
    pub fn pieces_failed(&mut self, prompt: PromptId, reason: String) {
        self.playback.fail(prompt, reason, &mut self.events);
    }

    /// Recognition is not possible for the open question, which can then be answered only by keys.
    pub fn recognition_failed(&mut self, reason: String) {
        self.events.push_back(Event::RecognitionFailed { reason });
    }

    /// Time has passed: applies time-outs and deadlines.
    pub fn tick(&mut self, now_ms: u64) {
        let silent_ms = now_ms.saturating_sub(self.last_audio_ms.unwrap_or(0));
        if silent_ms >= STALL_MS
            && let Some(ended_ms) = self
                .caller_audio
                .stalled(now_ms, u32::try_from(silent_ms).unwrap_or(u32::MAX))
        {
            self.speech(now_ms, Some(ended_ms));
        }
        self.playback.pass_over_lost_marks(now_ms, &mut self.events);
        self.watch_network(now_ms, silent_ms);
        self.advance(now_ms);
    }

    /// The call is over: fails the command in progress and reports how much of each queued prompt
    /// was heard.
    pub fn end(&mut self, now_ms: u64) {
        if self.ended {
            return;
        }
        self.ended = true;
        self.report_missing_marks();
        let _ = self.playback.flush(now_ms, &mut self.events);
        self.caller_audio.close();
        self.outputs.push_back(Output::StopListening);
        if self.waiting.take().is_some() {
            self.complete(Completion::Failed(CallError::CallEnded));
        }
    }

    /// Ends the flow's use of the call, which itself goes on: fails the command in progress and
    /// drops queued prompts, so that a fallback prompt can be played.
    pub fn abandon(&mut self, now_ms: u64) {
        self.flush(now_ms);
        self.caller_audio.close();
        self.outputs.push_back(Output::StopListening);
        if self.waiting.take().is_some() {
            self.complete(Completion::Failed(CallError::CallEnded));
        }
    }

    /// Completes the command in progress if it is due, else advances an open question.
    fn advance(&mut self, now_ms: u64) {
        self.go_on(now_ms);
        match self.waiting.take() {
            Some(Waiting::Say(spoken)) if self.playback.has_place() => {
                let prompt = self.queue(now_ms, spoken);
                self.complete(Completion::Queued(prompt));
            }
            Some(Waiting::Drain) if self.playback.is_idle() => {
                let playouts = self.playback.take_done();
                self.complete(Completion::Drained(playouts));
            }
            Some(Waiting::AwaitPlayout) if self.playback.is_idle() => {
                self.complete(Completion::PlayedOut)
            }
            Some(Waiting::Pause { ms, until_ms: None }) if self.playback.is_idle() => {
                let until_ms = Some(now_ms + u64::from(ms));
                self.waiting = Some(Waiting::Pause { ms, until_ms });
            }
            Some(Waiting::Pause {
                until_ms: Some(until_ms),
                ..
            }) if now_ms >= until_ms => self.complete(Completion::Paused),
            Some(Waiting::Finish) if self.playback.is_idle() => {
                self.outputs.push_back(Output::Close)
            }
            waiting => {
                self.waiting = waiting;
                self.advance_question(now_ms);
            }
        }
    }
}
