//! Recognizes a recording as a call would: it is played as the caller's answer to a question, to the
//! session's machine and the configured recognisers.
//!
//! Time is virtual: the next frame is sent once the recogniser has processed the previous ones, so that
//! the result does not depend on its speed. Providers are fed in real time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ghanti_audio::wav::WavError;
use ghanti_audio::{Encoding, ResampleError};
use ghanti_language::PreparedChoices;
use ghanti_model::{Choice, Language, Reply};
use ghanti_session::event::Event;
use ghanti_session::machine::{Command, Completion, Machine, Output};
use ghanti_session::{Answers, Asked, MIN_CONFIDENCE, RenderedPrompt, Sending, Source};
use ghanti_speech::recognition::{HEARINGS, RATE_HZ};
use ghanti_speech::{Expectation, Hearing, Loss, Recognition, Recognizer, Utterance};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::config::{RecognizerChoice, Speech};

const FRAME_MS: u64 = 20;
/// Length of the question, which is a beep before the caller speaks.
const PROMPT_MS: usize = 100;
/// How long the line stays open after the recording, so that its last turn ends.
const AFTER_MS: u64 = 4_000;
/// Timeout for the recognisers to process what they were fed, and for the words of a turn.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Poll interval for whether the recogniser has processed everything.
const POLL: Duration = Duration::from_millis(1);

/// How fast audio is fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as the in-process recogniser accepts it.
    Fast,
    /// In real time, since a provider does not report its progress.
    Call,
}

impl Pace {
    /// The pace for the configured recognisers.
    pub fn of(speech: &Speech) -> Self {
        let listeners = speech.recognizer_order();
        if listeners.iter().any(|who| *who != RecognizerChoice::Vosk) {
            Self::Call
        } else {
            Self::Fast
        }
    }

    /// Waits until audio that began at `begun` would have been played.
    pub(super) async fn wait(self, begun: Instant, samples: usize) {
        if self == Self::Call {
            let lasts = Duration::from_secs(samples as u64) / RATE_HZ;
            tokio::time::sleep_until((begun + lasts).into()).await;
        }
    }
}

/// The question that the recording answers.
#[derive(Debug, Clone)]
pub struct Question {
    /// Names of lexicons, such as `yes`; empty for an open question.
    pub choices: Vec<String>,
    /// The languages of the answer, most likely first.
    pub languages: Vec<Language>,
}

/// The result of recognizing a recording.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Understood {
    /// The choice, or the words for an open question; absent if nothing was understood.
    pub answer: Option<String>,
    /// The turns as they were recognised.
    pub turns: Vec<Turn>,
    /// From the end of the last turn's audio to its words, in milliseconds.
    pub latency_ms: u64,
    /// Recognisers that failed, and why.
    pub lost: Vec<String>,
}

/// A turn of the caller.
#[derive(Debug, Clone, Serialize)]
pub struct Turn {
    /// What was recognised.
    pub text: String,
    /// The recogniser's confidence, 0 to 1.
    pub confidence: f32,
    /// The recognized language.
    pub language: Language,
}

/// A recording cannot be recognized.
#[derive(Debug, thiserror::Error)]
pub enum HearError {
    /// A choice that is no lexicon.
    #[error("{0}")]
    Choices(String),
    /// A rate that cannot be converted.
    #[error(transparent)]
    Rate(#[from] ResampleError),
    /// The recogniser failed, and no other one is left.
    #[error("{0}")]
    Failed(String),
    /// The recogniser returned nothing in time.
    #[error("no words came within {} s", TIMEOUT.as_secs())]
    Silent,
}

/// Recognizes samples at the call's rate.
///
/// # Errors
/// See [`HearError`].
pub async fn hear(
    recognizer: &dyn Recognizer,
    question: &Question,
    pace: Pace,
    samples: &[i16],
    rate_hz: u32,
) -> Result<Understood, HearError> {
    let (_, hearings) = mpsc::channel(1);
    let mut line = Line {
        recognizer,
        pace,
        machine: Machine::new(rate_hz, Encoding::Pcm16)?,
        rate_hz,
        listening: None,
        hearings,
        now_ms: 0,
        playing_until_ms: 0,
        marks: VecDeque::new(),
        is_heard: false,
        answered: None,
        understood: Understood::default(),
    };
    let asked = asked(question)?;
    line.machine.command(0, Command::Ask(Box::new(asked)));
    line.recognizer_caught_up().await?;
    line.call(samples).await?;
    Ok(line.understood)
}

fn asked(question: &Question) -> Result<Asked, HearError> {
    let languages = question.languages.clone();
    let choices: Vec<_> = question
        .choices
        .iter()
        .map(|name| Choice {
            id: name.clone(),
            lexicon: Some(name.clone()),
            phrases: Vec::new(),
            key: None,
        })
        .collect();
    let (answers, phrases, decoys) = if choices.is_empty() {
        (Answers::Open, Arc::default(), Arc::default())
    } else {
        let prepared = PreparedChoices::of(&choices, &languages)
            .map_err(|error| HearError::Choices(error.to_string()))?;
        (
            Answers::Choices(Arc::clone(&prepared.matcher)),
            Arc::clone(&prepared.phrases),
            Arc::clone(&prepared.decoys),
        )
    };
    let prompt = RenderedPrompt {
        template: "question".to_owned(),
        interruptible: true,
        source: Source::Words {
            utterance: Utterance {
                text: "".into(),
                language: Language::english(),
                voice: None,
            },
            personal: false,
        },
    };
    Ok(Asked {
        acknowledge: None,
        name: "question".to_owned(),
        answers,
        expectation: Expectation {
            languages,
            phrases,
            decoys,
        },
        prompt,
        min_confidence: MIN_CONFIDENCE,
        hands_over: false,
        no_input_ms: u64::from(u32::MAX),
        no_input: VecDeque::new(),
        no_match: VecDeque::new(),
    })
}

struct Line<'r> {
    recognizer: &'r dyn Recognizer,
    pace: Pace,
    machine: Machine,
    rate_hz: u32,
    listening: Option<Box<dyn Recognition>>,
    hearings: mpsc::Receiver<Hearing>,
    now_ms: u64,
    playing_until_ms: u64,
    marks: VecDeque<(u64, String)>,
    /// Whether the question has been played, so that the caller speaks.
    is_heard: bool,
    answered: Option<Reply>,
    understood: Understood,
}

impl Line<'_> {
    async fn call(&mut self, samples: &[i16]) -> Result<(), HearError> {
        let length = self.rate_hz as usize * FRAME_MS as usize / 1_000;
        let mut frames = samples.chunks(length);
        let mut after_ms = 0;
        while self.answered.is_none() && after_ms < AFTER_MS {
            self.now_ms += FRAME_MS;
            let mut frame = vec![0; length];
            if self.is_heard {
                match frames.next() {
                    Some(said) => frame
                        .iter_mut()
                        .zip(said)
                        .for_each(|(sample, said)| *sample = *said),
                    None => after_ms += FRAME_MS,
                }
            }
            while let Some((_, mark)) = self.marks.pop_front_if(|(at_ms, _)| *at_ms <= self.now_ms)
            {
                self.machine.mark(self.now_ms, &mark);
            }
            self.machine.audio(self.now_ms, &frame);
            self.machine.tick(self.now_ms);
            self.recognizer_caught_up().await?;
        }
        self.understood.answer = match self.answered.take() {
            Some(Reply::Choice(choice)) => Some(choice),
            Some(Reply::Text(text)) => Some(text.into_exposed()),
            _ => None,
        };
        Ok(())
    }

    async fn recognizer_caught_up(&mut self) -> Result<(), HearError> {
        let mut frame = Vec::new();
        loop {
            while let Some(output) = self.machine.output() {
                self.perform(output).await?;
            }
            while let Some(event) = self.machine.event() {
                self.happened(event)?;
            }
            let plays_at_ms = self.playing_until_ms.max(self.now_ms);
            match self.machine.send(self.now_ms, &mut frame) {
                // two bytes a sample
                Some(Sending::Frame) => {
                    let ms = frame.len() as u64 * 500 / u64::from(self.rate_hz);
                    self.playing_until_ms = plays_at_ms + ms;
                }
                Some(Sending::Mark(mark)) => self.marks.push_back((plays_at_ms, mark)),
                None => return Ok(()),
            }
        }
    }

    async fn perform(&mut self, output: Output) -> Result<(), HearError> {
        match output {
            Output::Fetch(fetch) => {
                let samples = vec![0; self.rate_hz as usize * PROMPT_MS / 1_000];
                self.machine.piece(fetch.prompt, Arc::from(samples));
                self.machine.pieces_complete(fetch.prompt);
            }
            Output::Clear => {
                self.playing_until_ms = self.now_ms;
                for (at_ms, _) in &mut self.marks {
                    *at_ms = self.now_ms;
                }
            }
            Output::Listen(expectation) => {
                let (sender, hearings) = mpsc::channel(HEARINGS);
                let listening = self.recognizer.listen(expectation, sender);
                self.listening = Some(listening.map_err(failed)?);
                self.hearings = hearings;
            }
            Output::Feed(samples) => self.feed(&samples).await?,
            Output::Finish => self.finish().await?,
            Output::Forget => {
                if let Some(listening) = &mut self.listening {
                    listening.reset();
                }
            }
            Output::StopListening => self.listening = None,
            Output::Complete(Completion::Answered(answer)) => self.answered = Some(answer.reply),
            Output::Complete(_) | Output::Close | Output::PeerLost { .. } | Output::Voicemail => {}
        }
        Ok(())
    }

    /// Feeds samples, and waits until they are processed.
    async fn feed(&mut self, samples: &[i16]) -> Result<(), HearError> {
        let begun = Instant::now();
        let until = begun + TIMEOUT;
        if let Some(listening) = &mut self.listening {
            listening.feed(samples).map_err(failed)?;
        }
        self.pace.wait(begun, samples.len()).await;
        while !self.recognizer.backlog().is_zero() {
            if Instant::now() >= until {
                return Err(HearError::Silent);
            }
            sleep(POLL).await;
        }
        while let Ok(hearing) = self.hearings.try_recv() {
            self.heard(hearing)?;
        }
        Ok(())
    }

    /// Ends the turn, and waits for its words.
    async fn finish(&mut self) -> Result<(), HearError> {
        let begun = Instant::now();
        if let Some(listening) = &mut self.listening {
            listening.finish();
        }
        loop {
            let hearing = timeout(TIMEOUT, self.hearings.recv()).await;
            let hearing = hearing.ok().flatten().ok_or(HearError::Silent)?;
            let is_last = matches!(hearing, Hearing::Final(_));
            self.heard(hearing)?;
            if is_last {
                let took = begun.elapsed().as_millis();
                self.understood.latency_ms = u64::try_from(took).unwrap_or(u64::MAX);
                return Ok(());
            }
        }
    }

    fn heard(&mut self, hearing: Hearing) -> Result<(), HearError> {
        match hearing {
            Hearing::Lost(Loss {
                provider, reason, ..
            }) => self.understood.lost.push(format!("`{provider}`: {reason}")),
            Hearing::Failed(error) => return Err(failed(error)),
            hearing => self.machine.hearing(self.now_ms, hearing),
        }
        Ok(())
    }

    fn happened(&mut self, event: Event) -> Result<(), HearError> {
        match event {
            Event::PromptEnded { .. } => self.is_heard = true,
            Event::Said {
                text,
                confidence,
                language,
                ..
            }
            | Event::TalkedOver {
                text,
                confidence,
                language,
                ..
            } => self.understood.turns.push(Turn {
                text: text.into_exposed(),
                confidence,
                language,
            }),
            Event::RecognitionFailed { reason } => return Err(HearError::Failed(reason)),
            _ => {}
        }
        Ok(())
    }
}

fn failed(error: impl ToString) -> HearError {
    HearError::Failed(error.to_string())
}

/// The samples of a WAV file at the call's rate.
///
/// # Errors
/// It is not a mono WAV with 16-bit PCM.
pub fn read_wav(wav: &[u8], rate_hz: u32) -> Result<Vec<i16>, WavError> {
    ghanti_audio::wav::decode(wav, rate_hz)
}
