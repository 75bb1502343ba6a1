//! One live call as a pure state machine: what comes in, with its time, and what is to go out.
//!
//! No socket, task or clock inside. Whoever drives it hands in audio, keys, marks, samples, hearings and the flow's commands, then
//! takes [`Machine::output`] until there is none, sends what [`Machine::send`] gives, and comes back at [`Machine::next_wake`].

use std::collections::VecDeque;

use samvaad_audio::{Encoding, ResampleError, TurnSettings};
use samvaad_model::{Answer, CallError, Masked, Playout, PromptId, Reply};
use samvaad_speech::{Expectation, Hearing, Recognized, Samples};

use crate::ear::Ear;
use crate::event::Event;
use crate::playback::{Playback, Sending};
use crate::question::{Answers, Asked, Asking, Next, Phase};
use crate::spoken::{Fetch, Spoken};

/// Speech shorter than this does not interrupt a prompt: it is a cough, or "hm".
const BARGE_IN_MS: u64 = 240;
/// Speech shorter than this is no turn at all.
const ONSET_MS: u32 = 96;
/// Silence that ends a turn.
const END_SILENCE_MS: u32 = 650;
/// Silence that ends a turn whose words are already a whole answer. No shorter, since people say "yes", and then "speaking".
const END_SILENCE_COMPLETE_MS: u32 = 450;
/// Silence that ends a turn of free speech: people pause to think.
const END_SILENCE_OPEN_MS: u32 = 900;
/// The longest turn; what is said further is not listened to.
const MAX_TURN_MS: u32 = 12_000;
/// When no audio has come for so long, the network stalls, and that counts as silence.
const STALL_MS: u64 = 500;
/// A choice explains at least this share of the words; less is a word that happens to be in a sentence about something else.
const LEAST_SCORE: f32 = 0.3;
/// How long the recogniser may take for its last word.
const UNDERSTAND_MS: u64 = 2_000;
/// After a noise that was no word, the caller has at least this long to begin.
const RESUME_MS: u64 = 1_000;

/// What the flow wants. One at a time: it waits for each answer.
pub enum Command {
    /// Queue a prompt.
    Say(Spoken),
    /// Put a question.
    Ask(Box<Asked>),
    /// Wait until all is heard, and report.
    Drain,
    /// Wait until all is heard.
    Settle,
    /// The conversation is over: close the stream when all is heard.
    Finish,
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Completion {
    /// Of `Say`.
    Queued(PromptId),
    /// Of `Ask`.
    Answered(Answer),
    /// Of `Drain`.
    Drained(Vec<Playout>),
    /// Of `Settle`.
    Settled,
    /// Of any, once the call has ended.
    Failed(CallError),
}

/// What is to be done outside.
#[derive(Debug)]
pub enum Output {
    /// Fetch a prompt's samples.
    Fetch(Fetch),
    /// Tell the network to drop what it has not played.
    Clear,
    /// Prepare a recognition; the one before is dropped.
    Listen(Expectation),
    /// Hand [`Machine::feed`] to the recognition.
    Feed,
    /// The utterance is over.
    Finish,
    /// Forget what the recognition was fed.
    Forget,
    /// The recognition is no longer needed.
    StopListening,
    /// Answer the flow.
    Complete(Completion),
    /// All is said: close the stream.
    Close,
}

enum Waiting {
    Say(Spoken),
    Ask(Box<Asking>),
    Drain,
    Settle,
    Finish,
}

/// A live call.
pub struct Machine {
    playback: Playback,
    ear: Ear,
    waiting: Option<Waiting>,
    outputs: VecDeque<Output>,
    events: VecDeque<Event>,
    last_audio_ms: u64,
    ended: bool,
}

impl Machine {
    /// A call whose stream has started, at time 0. The rate is 8, 16 or 24 kHz.
    pub fn new(rate_hz: u32, encoding: Encoding) -> Result<Self, ResampleError> {
        let settings = TurnSettings { onset_ms: ONSET_MS, end_silence_ms: END_SILENCE_MS, max_turn_ms: MAX_TURN_MS };
        Ok(Self {
            playback: Playback::new(rate_hz, encoding),
            ear: Ear::new(rate_hz, settings)?,
            waiting: None,
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            last_audio_ms: 0,
            ended: false,
        })
    }

    /// The next thing to be done.
    pub fn output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next thing that happened.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What the recognition has not had yet.
    pub fn feed(&self) -> &[i16] {
        self.ear.feed()
    }

    /// The recognition has had it.
    pub fn fed(&mut self) {
        self.ear.fed();
    }

    /// The next frame (written into `frame`) or mark to be sent now.
    pub fn send(&mut self, now_ms: u64, frame: &mut Vec<u8>) -> Option<Sending> {
        if self.ended {
            return None;
        }
        self.playback.send(now_ms, frame, &mut self.events)
    }

    /// When to come back though nothing came in.
    pub fn next_wake(&self, now_ms: u64) -> Option<u64> {
        let question = match &self.waiting {
            Some(Waiting::Ask(asking)) => match asking.phase {
                Phase::Listening { deadline_ms } | Phase::Understanding { deadline_ms, .. } | Phase::Keying { deadline_ms } => Some(deadline_ms),
                Phase::Speaking { .. } => Some(now_ms + STALL_MS),
                Phase::Prompting => None,
            },
            _ => None,
        };
        [question, self.playback.next_wake(now_ms)].into_iter().flatten().min()
    }

    /// The flow wants something.
    pub fn command(&mut self, now_ms: u64, command: Command) {
        if self.ended {
            self.complete(Completion::Failed(CallError::CallEnded));
            return;
        }
        self.waiting = Some(match command {
            Command::Say(spoken) => Waiting::Say(spoken),
            Command::Drain => Waiting::Drain,
            Command::Settle => Waiting::Settle,
            Command::Finish => Waiting::Finish,
            Command::Ask(asked) => {
                // Speech that began before the question is no answer to it.
                self.ear.reset();
                self.queue(now_ms, asked.prompt.clone());
                self.events.push_back(Event::Asked { question: asked.name.clone() });
                match &asked.answers {
                    Answers::Choices(_) => self.listen(&asked, END_SILENCE_MS),
                    Answers::Open => self.listen(&asked, END_SILENCE_OPEN_MS),
                    Answers::Keys { .. } => {}
                }
                Waiting::Ask(Box::new(Asking::new(*asked)))
            }
        });
        self.advance(now_ms);
    }

    fn listen(&mut self, asked: &Asked, end_silence_ms: u32) {
        self.outputs.push_back(Output::Listen(asked.expectation.clone()));
        self.ear.set_end_silence_ms(end_silence_ms);
    }

    fn queue(&mut self, now_ms: u64, spoken: Spoken) -> PromptId {
        let prompt = self.playback.queue(now_ms, spoken.clone());
        self.outputs.push_back(Output::Fetch(Fetch { prompt, spoken }));
        prompt
    }

    /// Samples of the caller, at the call's rate.
    pub fn audio(&mut self, now_ms: u64, samples: &[i16]) {
        if self.ended {
            return;
        }
        self.last_audio_ms = now_ms;
        let heard = self.ear.listen(now_ms, samples);
        if let Some(Waiting::Ask(asking)) = &mut self.waiting {
            if !matches!(asking.asked.answers, Answers::Keys { .. }) {
                self.speech(now_ms, heard.ended);
            }
        }
        self.advance(now_ms);
    }

    /// Follows the caller's voice while a question is open.
    fn speech(&mut self, now_ms: u64, ended: Option<u64>) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        let speaking_since = self.ear.speaking_since();
        match (asking.phase, speaking_since) {
            (Phase::Prompting, Some(began_ms)) if now_ms >= began_ms + BARGE_IN_MS && self.playback.is_interruptible() => {
                asking.phase = Phase::Speaking { began_ms, barged_in: true };
                self.events.push_back(Event::BargedIn { at_ms: began_ms });
                self.flush(now_ms);
                self.ear.open();
            }
            (Phase::Listening { .. } | Phase::Keying { .. }, Some(began_ms)) => {
                asking.phase = Phase::Speaking { began_ms, barged_in: false };
                self.ear.open();
            }
            _ => {}
        }
        if !self.ear.feed().is_empty() {
            self.outputs.push_back(Output::Feed);
        }
        if let (Some(Waiting::Ask(asking)), Some(ended_ms)) = (&mut self.waiting, ended) {
            if let Phase::Speaking { began_ms, barged_in } = asking.phase {
                asking.phase = Phase::Understanding {
                    began_ms,
                    ended_ms,
                    deadline_ms: now_ms + UNDERSTAND_MS,
                    barged_in,
                    resume_ms: now_ms + RESUME_MS.max(asking.asked.no_input_ms / 2),
                };
                self.ear.close();
                self.outputs.push_back(Output::Finish);
            }
        }
    }

    fn flush(&mut self, now_ms: u64) {
        if self.playback.flush(now_ms, &mut self.events) {
            self.outputs.push_back(Output::Clear);
        }
        let playouts = self.playback.take_done();
        if let Some(Waiting::Ask(asking)) = &mut self.waiting {
            asking.heard(playouts);
        }
    }

    /// What the recognition heard.
    pub fn hearing(&mut self, now_ms: u64, hearing: Hearing) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        match hearing {
            Hearing::Partial(recognized) => {
                if let Answers::Choices(matcher) = &asking.asked.answers {
                    let complete = matcher.is_complete(recognized.text.expose());
                    self.ear.set_end_silence_ms(if complete { END_SILENCE_COMPLETE_MS } else { END_SILENCE_MS });
                }
            }
            Hearing::Final(recognized) => self.understood(now_ms, recognized),
            Hearing::Failed(error) => {
                self.events.push_back(Event::RecognitionFailed { reason: error.to_string() });
                if matches!(asking.phase, Phase::Speaking { .. } | Phase::Understanding { .. }) {
                    self.not_understood(now_ms, None, 0.0);
                }
            }
        }
        self.advance(now_ms);
    }

    fn understood(&mut self, now_ms: u64, recognized: Recognized) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        let Phase::Understanding { began_ms, ended_ms, barged_in, resume_ms, .. } = asking.phase else { return };
        let Recognized { text, confidence, language, unknown } = recognized;
        if text.is_empty() && !unknown && !barged_in {
            asking.phase = Phase::Listening { deadline_ms: resume_ms };
            self.restart_turn();
            return;
        }
        let question = asking.asked.name.clone();
        let said = |language| Event::Said { question, text: text.clone(), language, confidence, began_ms, ended_ms };
        match &asking.asked.answers {
            Answers::Choices(matcher) => match matcher.best(text.expose()).filter(|found| found.score >= LEAST_SCORE) {
                Some(found) => {
                    self.events.push_back(said(found.language.clone()));
                    let answer = asking.spoken(Reply::Choice(found.choice), text, confidence, found.language);
                    self.answered(answer);
                }
                None => {
                    self.events.push_back(said(language));
                    self.not_understood(now_ms, Some(text), confidence);
                }
            },
            Answers::Open => {
                self.events.push_back(said(language.clone()));
                let answer = asking.spoken(Reply::Text(text.clone()), text, confidence, language);
                self.answered(answer);
            }
            Answers::Keys { .. } => {}
        }
    }

    /// A key was pressed.
    pub fn key(&mut self, now_ms: u64, key: char) {
        if self.ended {
            return;
        }
        // A key's tone is heard as speech.
        self.ear.reset();
        let interruptible = self.playback.is_interruptible();
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        if asking.phase == Phase::Prompting && !interruptible {
            return;
        }
        asking.keys.push(key);
        let event = Event::Keyed { question: asking.asked.name.clone(), keys: Masked::new(asking.keys.clone()), at_ms: now_ms };
        match &asking.asked.answers {
            Answers::Choices(matcher) => {
                let choice = matcher.key(key).map(str::to_owned);
                self.events.push_back(event);
                self.hush(now_ms);
                let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
                match choice {
                    Some(choice) => {
                        let answer = asking.keyed(Reply::Choice(choice));
                        self.answered(answer);
                    }
                    None => self.not_understood(now_ms, None, 1.0),
                }
            }
            Answers::Keys { max, terminator, between_ms, .. } => {
                let over = *terminator == Some(key) || asking.keys.len() >= *max;
                asking.phase = Phase::Keying { deadline_ms: if over { now_ms } else { now_ms + between_ms } };
                self.hush(now_ms);
            }
            Answers::Open => self.events.push_back(event),
        }
        self.advance(now_ms);
    }

    /// Keys interrupt what is being said and heard.
    fn hush(&mut self, now_ms: u64) {
        self.flush(now_ms);
        self.ear.close();
        self.outputs.push_back(Output::Forget);
    }

    fn keyed(&mut self, now_ms: u64) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        let Answers::Keys { min, terminator, .. } = asking.asked.answers else { return };
        let mut keys = std::mem::take(&mut asking.keys);
        if terminator.is_some_and(|terminator| keys.ends_with(terminator)) {
            keys.pop();
        }
        let enough = keys.chars().count() >= min;
        let keys = Masked::new(keys);
        self.events.push_back(Event::Keyed { question: asking.asked.name.clone(), keys: keys.clone(), at_ms: now_ms });
        if enough {
            let answer = asking.keyed(Reply::Keys(keys));
            self.answered(answer);
        } else {
            self.not_understood(now_ms, None, 1.0);
        }
    }

    fn not_understood(&mut self, now_ms: u64, transcript: Option<Masked>, confidence: f32) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        let next = asking.no_match(transcript, confidence);
        self.next_attempt(now_ms, next);
    }

    fn next_attempt(&mut self, now_ms: u64, next: Next) {
        match next {
            Next::Again(prompt) => {
                self.restart_turn();
                self.queue(now_ms, prompt);
            }
            Next::Over(answer) => self.answered(answer),
        }
    }

    fn restart_turn(&mut self) {
        self.ear.close();
        self.ear.reset();
        self.outputs.push_back(Output::Forget);
    }

    fn answered(&mut self, answer: Answer) {
        self.ear.close();
        self.ear.reset();
        self.outputs.push_back(Output::StopListening);
        self.waiting = None;
        self.complete(Completion::Answered(answer));
    }

    fn complete(&mut self, completion: Completion) {
        self.outputs.push_back(Output::Complete(completion));
    }

    /// A mark came back.
    pub fn mark(&mut self, now_ms: u64, name: &str) {
        self.playback.mark_returned(now_ms, name, &mut self.events);
        self.advance(now_ms);
    }

    /// A piece of a prompt's samples came.
    pub fn piece(&mut self, prompt: PromptId, samples: Samples) {
        self.playback.piece(prompt, samples);
    }

    /// All pieces of a prompt have come.
    pub fn pieces_complete(&mut self, prompt: PromptId) {
        self.playback.complete(prompt);
    }

    /// A prompt's samples will not come.
    pub fn pieces_failed(&mut self, prompt: PromptId, reason: String) {
        self.playback.fail(prompt, reason, &mut self.events);
    }

    /// The utterance ended, and no recogniser runs that could tell what was said.
    pub fn heard_nothing(&mut self, now_ms: u64) {
        self.not_understood(now_ms, None, 0.0);
        self.advance(now_ms);
    }

    /// Nothing can be recognised for the question that is open: it is answered by keys, or not at all.
    pub fn recognition_failed(&mut self, reason: String) {
        self.events.push_back(Event::RecognitionFailed { reason });
    }

    /// Time has passed.
    pub fn tick(&mut self, now_ms: u64) {
        let silent_ms = now_ms.saturating_sub(self.last_audio_ms);
        if silent_ms >= STALL_MS
            && let Some(ended_ms) = self.ear.stalled(now_ms, u32::try_from(silent_ms).unwrap_or(u32::MAX))
        {
            self.speech(now_ms, Some(ended_ms));
        }
        self.playback.pass_over_lost_marks(now_ms, &mut self.events);
        self.advance(now_ms);
    }

    /// The call is over: whoever waits is told, and what was heard of each prompt is settled.
    pub fn end(&mut self, now_ms: u64) {
        if self.ended {
            return;
        }
        self.ended = true;
        self.playback.flush(now_ms, &mut self.events);
        self.ear.close();
        self.outputs.push_back(Output::StopListening);
        if self.waiting.take().is_some() {
            self.complete(Completion::Failed(CallError::CallEnded));
        }
    }

    /// The flow has failed: what it asked is dropped, what it queued is silenced, so that the engine's own words can be said.
    pub fn abandon(&mut self, now_ms: u64) {
        self.flush(now_ms);
        self.ear.close();
        self.waiting = None;
        self.outputs.push_back(Output::StopListening);
    }

    /// Moves on whatever waits, as far as time and playout allow.
    fn advance(&mut self, now_ms: u64) {
        match self.waiting.take() {
            Some(Waiting::Say(spoken)) if self.playback.has_place() => {
                let prompt = self.queue(now_ms, spoken);
                self.complete(Completion::Queued(prompt));
            }
            Some(Waiting::Drain) if self.playback.is_idle() => {
                let playouts = self.playback.take_done();
                self.complete(Completion::Drained(playouts));
            }
            Some(Waiting::Settle) if self.playback.is_idle() => self.complete(Completion::Settled),
            Some(Waiting::Finish) if self.playback.is_idle() => self.outputs.push_back(Output::Close),
            waiting => {
                self.waiting = waiting;
                self.advance_question(now_ms);
            }
        }
    }

    fn advance_question(&mut self, now_ms: u64) {
        let Some(Waiting::Ask(asking)) = &mut self.waiting else { return };
        match asking.phase {
            Phase::Prompting if self.playback.is_idle() => {
                asking.heard(self.playback.take_done());
                asking.phase = Phase::Listening { deadline_ms: now_ms + asking.asked.no_input_ms };
                self.events.push_back(Event::Listening);
            }
            Phase::Listening { deadline_ms } if now_ms >= deadline_ms => {
                let next = asking.no_input();
                self.next_attempt(now_ms, next);
            }
            Phase::Understanding { deadline_ms, .. } if now_ms >= deadline_ms => {
                self.events.push_back(Event::RecognitionFailed { reason: format!("no result within {UNDERSTAND_MS} ms: the recogniser is overloaded") });
                self.not_understood(now_ms, None, 0.0);
            }
            Phase::Keying { deadline_ms } if now_ms >= deadline_ms => self.keyed(now_ms),
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
