//! A machine on a simulated network, which plays what it is sent and returns marks, with a caller
//! who is silent unless a test makes them speak.

use std::sync::Arc;

use ghanti_audio::Encoding;
use ghanti_language::PreparedChoices;
use ghanti_model::{Answer, Choice, Language, Masked};
use ghanti_speech::{Expectation, Hearing, Recognized, Utterance};

use crate::event::Event;
use crate::machine::{Command, Completion, Machine, Output};
use crate::playback::Sending;
use crate::question::{Answers, Asked};
use crate::rendered_prompt::{RenderedPrompt, Source};

pub(super) const FRAME_MS: u64 = 20;

/// The machine under test and a log of what happened.
pub(super) struct Bench {
    pub(super) machine: Machine,
    pub(super) now_ms: u64,
    /// When all audio sent so far has been played.
    pub(super) playing_until_ms: u64,
    pub(super) marks: Vec<(u64, String)>,
    pub(super) return_marks: bool,
    /// Whether marks behind audio that is dropped come back at once, instead of never.
    pub(super) return_dropped: bool,
    pub(super) log: Vec<String>,
    pub(super) completions: Vec<Completion>,
    pub(super) prompt_ms: u64,
    /// What every prompt sounds like, where that matters.
    pub(super) prompt: Option<Arc<[i16]>>,
    /// What the caller has heard since the stream's start, and is still going to.
    pub(super) heard: Vec<i16>,
    /// The bot's voice comes back: by this factor, and so much later in milliseconds.
    pub(super) echo: Option<(f32, usize)>,
    pub(super) speech: Vec<i16>,
    pub(super) recognised: Option<(&'static str, bool)>,
    /// The recogniser's partial result while the caller is still speaking.
    pub(super) partial: Option<&'static str>,
    pub(super) confidence: f32,
    /// What a second hearing gives, and how sure it is.
    pub(super) second: Option<(&'static str, f32)>,
    /// Samples fed since the recogniser began to listen, and whether it listens without the question's
    /// phrases.
    pub(super) fed: usize,
    pub(super) is_free: bool,
    has_phrases: bool,
}

pub(super) fn yes_wav() -> Vec<i16> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/yes-8k.wav");
    hound::WavReader::open(path)
        .unwrap()
        .samples::<i16>()
        .map(Result::unwrap)
        .collect()
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            machine: Machine::new(8_000, Encoding::Pcm16).unwrap(),
            now_ms: 0,
            playing_until_ms: 0,
            marks: Vec::new(),
            return_marks: true,
            return_dropped: false,
            log: Vec::new(),
            completions: Vec::new(),
            prompt_ms: 1_000,
            prompt: None,
            heard: Vec::new(),
            echo: None,
            speech: Vec::new(),
            recognised: None,
            partial: None,
            confidence: 0.9,
            second: None,
            fed: 0,
            is_free: false,
            has_phrases: false,
        }
    }

    pub(super) fn command(&mut self, command: Command) {
        self.machine.command(self.now_ms, command);
        self.settle();
    }

    pub(super) fn settle(&mut self) {
        let mut frame = Vec::new();
        loop {
            while let Some(output) = self.machine.output() {
                self.perform(output);
            }
            while let Some(event) = self.machine.event() {
                self.log.push(format!("{} {}", self.now_ms, name(&event)));
            }
            match self.machine.send(self.now_ms, &mut frame) {
                Some(Sending::Frame) => {
                    assert_eq!(frame.len() % 320, 0, "frames are multiples of 320 bytes");
                    let begins_ms = self.playing_until_ms.max(self.now_ms);
                    self.playing_until_ms = begins_ms + frame.len() as u64 / 16;
                    self.heard.resize(begins_ms as usize * 8, 0);
                    let samples = frame.as_chunks::<2>().0.iter();
                    self.heard
                        .extend(samples.map(|sample| i16::from_le_bytes(*sample)));
                }
                Some(Sending::Mark(mark)) => self
                    .marks
                    .push((self.playing_until_ms.max(self.now_ms), mark)),
                None => return,
            }
        }
    }

    pub(super) fn perform(&mut self, output: Output) {
        match output {
            Output::Fetch(fetch) => {
                let samples = self
                    .prompt
                    .clone()
                    .unwrap_or_else(|| Arc::from(vec![1_000; self.prompt_ms as usize * 8]));
                self.machine.piece(fetch.prompt, samples);
                self.machine.pieces_complete(fetch.prompt);
            }
            Output::Clear => {
                self.log.push(format!("{} clear", self.now_ms));
                self.playing_until_ms = self.now_ms;
                self.heard.truncate(self.now_ms as usize * 8);
                if self.return_dropped {
                    for (at_ms, _) in &mut self.marks {
                        *at_ms = self.now_ms;
                    }
                } else {
                    self.marks.clear();
                }
            }
            Output::Finish if self.is_free => {
                assert!(self.fed > 0, "a second hearing of nothing");
                self.log.push(format!("{} second hearing", self.now_ms));
                if let Some((words, confidence)) = self.second.take() {
                    self.confidence = confidence;
                    let heard = self.recognized(words, false);
                    self.machine.hearing(self.now_ms, Hearing::Final(heard));
                }
            }
            Output::Finish => {
                if let Some((words, unknown)) = self.recognised.take() {
                    let heard = self.recognized(words, unknown);
                    self.machine.hearing(self.now_ms, Hearing::Final(heard));
                }
            }
            Output::Feed(samples) => {
                self.fed += samples.len();
                if let Some(words) = self.partial.take() {
                    let heard = self.recognized(words, false);
                    self.machine.hearing(self.now_ms, Hearing::Partial(heard));
                }
            }
            Output::Voicemail => self.log.push(format!("{} voicemail", self.now_ms)),
            Output::PeerLost { .. } => self.log.push(format!("{} peer lost", self.now_ms)),
            Output::Complete(completion) => self.completions.push(completion),
            Output::Close => self.log.push(format!("{} close", self.now_ms)),
            Output::Listen(expectation) => {
                self.fed = 0;
                self.is_free = self.has_phrases && expectation.phrases.is_empty();
                self.has_phrases |= !expectation.phrases.is_empty();
                self.log.push(format!("{} listen", self.now_ms));
            }
            Output::StopListening => self.log.push(format!("{} stop listening", self.now_ms)),
            Output::Forget => {}
        }
    }

    /// Lets time pass, frame by frame.
    pub(super) fn pass(&mut self, ms: u64) {
        let until = self.now_ms + ms;
        while self.now_ms < until {
            self.now_ms += FRAME_MS;
            let due: Vec<String> = self
                .marks
                .iter()
                .filter(|(at, _)| *at <= self.now_ms)
                .map(|(_, mark)| mark.clone())
                .collect();
            self.marks.retain(|(at, _)| *at > self.now_ms);
            if self.return_marks {
                for mark in due {
                    self.machine.mark(self.now_ms, &mark);
                }
            }
            let mut frame = [0_i16; 160];
            let take = self.speech.len().min(160);
            for (to, from) in frame.iter_mut().zip(self.speech.drain(..take)) {
                *to = from;
            }
            if let Some((gain, late_ms)) = self.echo {
                let begins = (self.now_ms - FRAME_MS) as usize * 8;
                for (nth, sample) in frame.iter_mut().enumerate() {
                    let back = (begins + nth)
                        .checked_sub(8 * late_ms)
                        .and_then(|at| self.heard.get(at))
                        .map_or(0.0, |bot| gain * f32::from(*bot));
                    *sample = sample.saturating_add(back.round() as i16);
                }
            }
            self.machine.audio(self.now_ms, &frame);
            self.machine.tick(self.now_ms);
            self.settle();
        }
    }

    pub(super) fn says(&mut self, words: &'static str) {
        self.speech = yes_wav();
        self.recognised = Some((words, words.is_empty()));
    }

    /// The same, but the recogniser reports the words before the caller has finished.
    pub(super) fn says_at_once(&mut self, words: &'static str) {
        self.says(words);
        self.partial = Some(words);
    }

    /// The recogniser's final result arrives late.
    pub(super) fn final_words(&mut self, words: &str) {
        let heard = self.recognized(words, false);
        self.machine.hearing(self.now_ms, Hearing::Final(heard));
        self.settle();
    }

    fn recognized(&self, words: &str, unknown: bool) -> Recognized {
        Recognized {
            text: Masked::new(words),
            confidence: self.confidence,
            language: Language::english(),
            unknown,
        }
    }

    pub(super) fn answer(&self) -> &Answer {
        match self.completions.last() {
            Some(Completion::Answered(answer)) => answer,
            other => panic!("no answer but {other:?} after {:#?}", self.log),
        }
    }

    pub(super) fn happened(&self, what: &str) -> Option<u64> {
        self.log.iter().find_map(|line| {
            line.split_once(' ')
                .filter(|(_, event)| *event == what)
                .map(|(at, _)| at.parse().unwrap())
        })
    }
}

pub(super) fn name(event: &Event) -> String {
    match event {
        Event::PromptBegan { template, .. } => format!("began {template}"),
        Event::PromptEnded {
            template, heard, ..
        } => format!("ended {template} {heard:?}"),
        Event::PromptFailed { template, .. } => format!("failed {template}"),
        Event::Asked { question } => format!("asked {question}"),
        Event::Listening => "listening".to_owned(),
        Event::BargedIn {
            stopped_after_ms, ..
        } => {
            assert!(*stopped_after_ms < 5_000);
            "barged-in".to_owned()
        }
        Event::Responded(latency) => {
            let stages = latency.stages().map(|(stage, ms)| format!(" {stage} {ms}"));
            format!("responded{}", stages.collect::<String>())
        }
        Event::TalkedOver { text, .. } => format!("talked over {}", text.expose()),
        Event::PromptPaused {
            template, heard_ms, ..
        } => format!("paused {template} {heard_ms}"),
        Event::PromptResumed {
            template, from_ms, ..
        } => format!("resumed {template} {from_ms}"),
        Event::PromptConfirmed { prompt } => format!("confirmed {}", prompt.0),
        Event::NoMarks => "no marks".to_owned(),
        Event::NoMedia { .. } => "no media".to_owned(),
        Event::Said { text, .. } => format!("said {}", text.expose()),
        Event::Keyed { keys, .. } => format!("keyed {}", keys.expose()),
        Event::RecognitionFailed { .. } => "recognition failed".to_owned(),
    }
}

pub(super) fn spoken(template: &str) -> RenderedPrompt {
    let utterance = Utterance {
        text: Masked::new(template),
        language: Language::english(),
        voice: None,
    };
    RenderedPrompt {
        template: template.to_owned(),
        interruptible: true,
        source: Source::Words {
            utterance,
            personal: false,
        },
    }
}

pub(super) fn disclosure() -> RenderedPrompt {
    RenderedPrompt {
        interruptible: false,
        ..spoken("disclosure")
    }
}

pub(super) fn yes_or_no() -> Box<Asked> {
    let choice = |id: &str, key| Choice {
        id: id.to_owned(),
        lexicon: Some(id.to_owned()),
        phrases: Vec::new(),
        key: Some(key),
    };
    let prepared = PreparedChoices::of(
        &[choice("yes", '1'), choice("no", '2')],
        &[Language::english()],
    )
    .unwrap();
    Box::new(Asked {
        hands_over: false,
        acknowledge: None,
        name: "identity".to_owned(),
        expectation: Expectation {
            languages: vec![Language::english()],
            phrases: Arc::clone(&prepared.phrases),
            decoys: Arc::clone(&prepared.decoys),
        },
        answers: Answers::Choices(Arc::clone(&prepared.matcher)),
        prompt: spoken("greeting"),
        min_confidence: 0.5,
        no_input_ms: 5_000,
        no_input: [spoken("still-there"), spoken("still-there-again")].into(),
        no_match: [spoken("pardon")].into(),
    })
}

pub(super) fn keys(min: usize, max: usize) -> Box<Asked> {
    let answers = Answers::Keys {
        min,
        max,
        terminator: Some('#'),
        between_ms: 2_000,
    };
    Box::new(Asked {
        answers,
        expectation: Expectation::default(),
        ..*yes_or_no()
    })
}
