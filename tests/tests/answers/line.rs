//! One question of one call, in virtual time: the session's machine, a network that plays what it
//! is sent and returns marks, a caller who says one thing on a line with its own faults, and the
//! recogniser.

use std::sync::Arc;

use ghanti_audio::level::gain;
use ghanti_audio::{Encoding, g711};
use ghanti_model::{Extent, Playout, Reply};
use ghanti_session::event::Event;
use ghanti_session::machine::{Command, Completion, Machine, Output};
use ghanti_session::{Asked, Sending};
use ghanti_sim::room::Room;
use ghanti_speech::Hearing;

use crate::caller::{self, RATE_HZ, samples};
use crate::hearer::{Hearer, Listening};
use crate::question::{self, DISCLOSURE};

const FRAME_MS: u64 = 20;
/// No question of these takes longer.
const LONGEST_MS: u64 = 60_000;
/// Asking once more is the answer, when the caller has said all and this has passed since.
const ASKED_AGAIN_MS: u64 = 1_000;

/// When the caller speaks, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// So long after the question was heard.
    After(u64),
    /// So long after the question's prompt has begun.
    Into(u64),
    /// So long before the end of a prompt that comes before the question and cannot be interrupted.
    BeforeEndOfDisclosure(u64),
}

/// How long a prompt is that puts the question again.
const AGAIN_MS: u32 = 1_000;
/// How long the prompt before the question is.
const DISCLOSURE_MS: u32 = 3_000;

/// What a line has of its own. Without it there would be no sound at all between words.
const NOISE_DBFS: f32 = -75.0;

/// What a line is like.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// What is heard around the caller.
    pub room: Room,
    /// What is added to the caller's level, in decibels.
    pub gain_db: f32,
    /// The level of the line's white noise, in dBFS.
    pub noise_dbfs: Option<f32>,
    /// Of 1,000 packets of 20 ms from the caller so many are lost, and come as silence.
    pub lost_in_1000: u32,
    /// What the question sounds like, where its echo is heard.
    pub question: Option<Arc<[i16]>>,
}

/// What became of the question.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The choice, or `no-match`, `no-input`, also where the question is then put again.
    pub reply: String,
    /// All that was heard, each with the recogniser's confidence.
    pub heard: Vec<(String, f32)>,
    /// How much of the question was heard before it was answered or put again.
    pub question: Option<Extent>,
    /// From the caller's first sound until the bot's audio was first stopped, in milliseconds, be it
    /// that it goes on later.
    pub stopped_after_ms: Option<i64>,
    /// How often the question was paused.
    pub pauses: u32,
    /// From when the question began to be heard until it had been, in milliseconds.
    pub question_took_ms: Option<u64>,
    /// From the caller's last sound until they were answered, in milliseconds: until the flow had
    /// the answer, or something was said in reply.
    pub answered_after_ms: Option<i64>,
}

impl Outcome {
    /// What was heard, for a table.
    pub fn transcript(&self) -> String {
        self.heard
            .iter()
            .map(|(words, confidence)| format!("{words} ({confidence:.2})"))
            .collect::<Vec<_>>()
            .join(" | ")
    }
}

/// Puts a question and has the caller, who is in that room, say something.
pub fn put(
    hearer: &Hearer,
    conditions: &Conditions,
    asked: Asked,
    prompt_ms: u32,
    when: When,
    clip: &[i16],
) -> Outcome {
    let mut line = Line {
        hearer,
        machine: Machine::new(RATE_HZ, Encoding::MuLaw).unwrap(),
        listening: None,
        now_ms: 0,
        playing_until_ms: 0,
        conditions: conditions.clone(),
        room: conditions.room.clone(),
        bot: Vec::new(),
        noise: 1,
        begins_ms: None,
        marks: Vec::new(),
        prompt_ms,
        disclosed_ms: None,
        began_ms: None,
        heard_ms: None,
        again: None,
        goes_on: false,
        completion: None,
        outcome: Outcome::default(),
    };
    if matches!(when, When::BeforeEndOfDisclosure(_)) {
        line.machine
            .command(0, Command::Say(question::disclosure()));
        line.settle();
        assert!(matches!(
            line.completion.take(),
            Some(Completion::Queued(_))
        ));
    }
    // as Vosk does
    line.machine.set_hears_phrases_only(true);
    line.machine.set_suppresses_noise(true);
    line.machine.command(0, Command::Ask(Box::new(asked)));
    line.settle();
    line.call(when, clip);
    line.outcome
}

struct Line<'a> {
    hearer: &'a Hearer,
    machine: Machine,
    listening: Option<Listening>,
    now_ms: u64,
    playing_until_ms: u64,
    conditions: Conditions,
    room: Room,
    /// What the bot's side has sounded like since the start of the call, where it is heard again.
    bot: Vec<i16>,
    noise: u32,
    /// When the caller's first sound is heard.
    begins_ms: Option<u64>,
    marks: Vec<(u64, String)>,
    prompt_ms: u32,
    /// When the prompt before the question began to be heard; the question's own; and when that
    /// ended.
    disclosed_ms: Option<u64>,
    began_ms: Option<u64>,
    heard_ms: Option<u64>,
    /// Why the question is put again, and when that began.
    again: Option<(String, u64)>,
    /// Whether the bot has begun to say something since the question.
    goes_on: bool,
    completion: Option<Completion>,
    outcome: Outcome,
}

impl Line<'_> {
    fn call(&mut self, when: When, clip: &[i16]) {
        let audible_ms = caller::audible(clip);
        let mut frames = clip.chunks(samples(FRAME_MS as u32)).peekable();
        while self.completion.is_none() {
            assert!(
                self.now_ms < LONGEST_MS,
                "the question is not answered: {:?}",
                self.outcome
            );
            self.now_ms += FRAME_MS;
            let begins_ms = match when {
                When::After(ms) => self.heard_ms.map(|at| at + ms),
                When::Into(ms) => self.began_ms.map(|at| at + ms),
                When::BeforeEndOfDisclosure(ms) => self
                    .disclosed_ms
                    .map(|at| at + u64::from(DISCLOSURE_MS) - ms),
            };
            self.begins_ms = begins_ms.map(|at| at + audible_ms.start);
            let mut frame = [0; 160];
            if begins_ms.is_some_and(|at_ms| self.now_ms >= at_ms)
                && let Some(spoken) = frames.next()
            {
                let gain = gain(self.conditions.gain_db);
                for (sample, spoken) in frame.iter_mut().zip(spoken) {
                    *sample = (f32::from(*spoken) * gain) as i16;
                }
            }
            let heard_of_bot = samples(self.now_ms as u32);
            self.room.fill(
                self.bot.get(..heard_of_bot).unwrap_or(&self.bot),
                &mut frame,
            );
            let mut frame = frame.map(|sample| self.over_the_line(sample));
            if self.random(1_000) < self.conditions.lost_in_1000 {
                frame.fill(0);
            }
            self.frame(&frame);
            let ended_ms = begins_ms.map(|at| (at + audible_ms.end) as i64);
            let all_said = frames.peek().is_none();
            if let Some((why, _)) = self
                .again
                .take_if(|(_, at_ms)| all_said && self.now_ms >= *at_ms + ASKED_AGAIN_MS)
            {
                self.outcome.reply = why;
                return;
            }
            let since_ms = ended_ms.map(|at_ms| self.now_ms as i64 - at_ms);
            let goes_on = std::mem::take(&mut self.goes_on) && since_ms > Some(0);
            if goes_on || self.completion.is_some() {
                self.outcome.answered_after_ms = self.outcome.answered_after_ms.or(since_ms);
            }
        }
        if let Some(Completion::Answered(answer)) = self.completion.take() {
            self.outcome.reply = match answer.reply {
                Reply::Choice(choice) => choice,
                other => other.to_string(),
            };
            self.outcome.question = self
                .outcome
                .question
                .or_else(|| question_heard(&answer.playouts));
        }
    }

    /// A sample with the line's noise, the same in every call, through G.711.
    fn over_the_line(&mut self, sample: i16) -> i16 {
        let dbfs = self.conditions.noise_dbfs.unwrap_or(NOISE_DBFS);
        // an even distribution's root mean square is its amplitude by the root of three
        let amplitude = gain(dbfs) * 32_768.0 * 3_f32.sqrt();
        let noise = amplitude * (self.random(2_001) as f32 / 1_000.0 - 1.0);
        g711::decode(g711::encode(sample.saturating_add(noise as i16)))
    }

    /// A number below that one, the same ones in every call.
    fn random(&mut self, below: u32) -> u32 {
        // Numerical Recipes' generator; its upper bits are the random ones
        self.noise = self
            .noise
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        (self.noise >> 8) % below
    }

    /// 20 ms of the caller, and what follows from them.
    fn frame(&mut self, frame: &[i16]) {
        let now_ms = self.now_ms;
        let due = self
            .marks
            .iter()
            .take_while(|(at_ms, _)| *at_ms <= now_ms)
            .count();
        for (_, mark) in self.marks.drain(..due) {
            self.machine.mark(now_ms, &mark);
        }
        self.machine.audio(now_ms, frame);
        self.machine.tick(now_ms);
        self.settle();
    }

    fn settle(&mut self) {
        let mut frame = Vec::new();
        loop {
            while let Some(output) = self.machine.output() {
                self.perform(output);
            }
            while let Some(event) = self.machine.event() {
                self.happened(event);
            }
            let plays_at_ms = self.playing_until_ms.max(self.now_ms);
            match self.machine.send(self.now_ms, &mut frame) {
                // one byte a sample
                Some(Sending::Frame) => {
                    self.playing_until_ms =
                        plays_at_ms + frame.len() as u64 * 1_000 / u64::from(RATE_HZ);
                    if self.room.has_echo() {
                        self.bot.resize(samples(plays_at_ms as u32), 0);
                        self.bot.extend_from_slice(self.machine.sent().1);
                    }
                }
                Some(Sending::Mark(mark)) => self.marks.push((plays_at_ms, mark)),
                None => return,
            }
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Fetch(fetch) => {
                let length_ms = match fetch.spoken.template.as_str() {
                    question::PROMPT => self.prompt_ms,
                    DISCLOSURE => DISCLOSURE_MS,
                    _ => AGAIN_MS,
                };
                let sound = match &self.conditions.question {
                    Some(question) if fetch.spoken.template == question::PROMPT => {
                        Arc::clone(question)
                    }
                    _ => caller::bot(length_ms),
                };
                self.machine.piece(fetch.prompt, sound);
                self.machine.pieces_complete(fetch.prompt);
            }
            Output::Clear => {
                self.playing_until_ms = self.now_ms;
                self.bot.truncate(samples(self.now_ms as u32));
                let since_ms = self.now_ms as i64 - self.begins_ms.unwrap_or(self.now_ms) as i64;
                self.outcome.stopped_after_ms.get_or_insert(since_ms);
                // what is dropped counts as played: its marks come at once
                for (at_ms, _) in &mut self.marks {
                    *at_ms = self.now_ms;
                }
            }
            Output::Listen(expectation) => self.listening = Some(self.hearer.listen(expectation)),
            Output::Feed(samples) => {
                let heard = self
                    .listening
                    .as_mut()
                    .map(|listening| self.hearer.feed(listening, &samples));
                self.hear(heard.unwrap_or_default());
            }
            Output::Finish => {
                let heard = self.listening.as_mut().map(Listening::finish);
                self.hear(heard.unwrap_or_default());
            }
            Output::Forget => {
                if let Some(listening) = &mut self.listening {
                    listening.reset();
                }
            }
            Output::StopListening => self.listening = None,
            Output::Complete(completion) => self.completion = Some(completion),
            Output::Close | Output::PeerLost { .. } | Output::Voicemail => {}
        }
    }

    fn hear(&mut self, hearings: Vec<Hearing>) {
        for hearing in hearings {
            self.machine.hearing(self.now_ms, hearing);
        }
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::PromptBegan {
                template, at_ms, ..
            } if template == DISCLOSURE => self.disclosed_ms = Some(at_ms),
            Event::PromptBegan {
                template, at_ms, ..
            } if template == question::PROMPT => self.began_ms = Some(at_ms),
            Event::PromptBegan { template, .. } if template == question::ACKNOWLEDGE => {
                self.goes_on = true;
            }
            Event::PromptBegan {
                template, at_ms, ..
            } => {
                self.goes_on = true;
                self.again = Some((template, at_ms));
            }
            Event::PromptEnded {
                template, heard, ..
            } if template == question::PROMPT => {
                self.outcome.question = Some(heard);
                self.outcome.question_took_ms = self.began_ms.map(|at_ms| self.now_ms - at_ms);
                self.heard_ms = Some(self.now_ms);
            }
            Event::PromptPaused { .. } => self.outcome.pauses += 1,
            Event::Said {
                text, confidence, ..
            } => self.outcome.heard.push((text.into_exposed(), confidence)),
            Event::RecognitionFailed { reason } => panic!("{reason}"),
            _ => {}
        }
    }
}

fn question_heard(playouts: &[Playout]) -> Option<Extent> {
    playouts
        .iter()
        .find(|playout| playout.template == question::PROMPT)
        .map(|playout| playout.heard)
}
