//! Writes what happens in a call to its events and the log.

use ghanti_manifest::Manifest;
use ghanti_model::fold::LINES;
use ghanti_model::{CallState, EventKind, Extent, Language, Line, Masked, PromptId, Speaker, Step};

use crate::call::LiveCall;
use crate::event::Event;

/// Writes the events of one call.
#[derive(Default)]
pub struct Recorder {
    /// Number of lines in the transcript.
    lines: u32,
    /// Transcript line of each prompt that has not ended.
    open: Vec<(PromptId, u32)>,
    /// Transcript line and template of each prompt that is assumed to have been heard.
    assumed: Vec<(PromptId, u32, String)>,
    /// How long the call had lasted when the stream began: lines count from the call's start.
    lasted_before_ms: u64,
}

impl Recorder {
    /// A recorder of a call, whose transcript has lines already where it goes on with one of another
    /// engine.
    pub fn of(call: &LiveCall) -> Self {
        let lines = call.record().transcript.len();
        Self {
            lines: u32::try_from(lines).unwrap_or(u32::MAX),
            lasted_before_ms: call.lasted_before_ms(),
            ..Self::default()
        }
    }

    /// Records an event. The flow's manifest says which templates and questions reach a step.
    pub fn write(&mut self, call: &LiveCall, manifest: Option<&Manifest>, event: Event) {
        match event {
            Event::PromptBegan { prompt, template, text, language, at_ms } => {
                self.step(call, Step::Greeting);
                let line =
                    Line { at_ms: self.since_start(at_ms), lasted_ms: 0, speaker: Speaker::Bot, text, language, name: template, heard: None, confidence: None };
                if let Some(place) = self.next_line() {
                    self.open.push((prompt, place));
                    call.emit(EventKind::PromptStarted { line: place, prompt, text: line });
                }
            }
            Event::PromptEnded { prompt, template, heard, heard_ms } => {
                if let Some(at) = self.open.iter().position(|(open, _)| *open == prompt) {
                    let (_, place) = self.open.swap_remove(at);
                    if heard == Extent::Assumed {
                        self.assumed.push((prompt, place, template.clone()));
                    }
                    let template = template.clone();
                    call.emit(EventKind::PromptPlayed { line: place, prompt, template, heard, heard_ms });
                }
                if heard == Extent::Whole {
                    self.delivered(call, manifest, &template);
                }
            }
            Event::PromptPaused { prompt, template, heard_ms, at_ms, stopped_after_ms } => {
                if let Some(line) = self.line_of(prompt) {
                    call.emit(EventKind::PromptPaused { line, prompt, template, heard_ms, at_ms, stopped_after_ms });
                }
            }
            Event::PromptResumed { prompt, template, from_ms, paused_ms } => {
                if let Some(line) = self.line_of(prompt) {
                    call.emit(EventKind::PromptResumed { line, prompt, template, from_ms, paused_ms });
                }
            }
            Event::PromptConfirmed { prompt } => {
                if let Some(at) = self.assumed.iter().position(|(assumed, ..)| *assumed == prompt) {
                    let (_, place, template) = self.assumed.swap_remove(at);
                    call.emit(EventKind::PromptConfirmed { line: place, prompt, template: template.clone() });
                    self.delivered(call, manifest, &template);
                }
            }
            Event::NoMarks => call.problem(
                "no-marks",
                "no mark came back for what was sent, so nothing is known to have been heard: use the Voicebot applet (or `StreamType=bidirectional`), \
                 not the one-way Stream applet"
                    .to_owned(),
            ),
            Event::NoMedia { stopped } => {
                let when = if stopped { "the caller's audio stopped coming" } else { "not one frame of the caller's audio came after `start`" };
                call.problem("no-media", format!("{when}: check the network and proxies between Exotel and the engine"));
            }
            Event::PromptFailed { template, reason, .. } => call.problem("prompt-failed", format!("`{template}` was not spoken: {reason}")),
            Event::Asked { question } => {
                call.emit(EventKind::Asked { question: question.clone() });
                if let Some(milestone) = manifest.and_then(|manifest| manifest.questions.get(&question)).and_then(|rule| rule.milestone.clone()) {
                    self.step(call, Step::Milestone(milestone));
                }
            }
            Event::Listening => {
                call.emit(EventKind::Listening);
                self.step(call, Step::Listening);
            }
            Event::BargedIn { at_ms, stopped_after_ms } => {
                call.emit(EventKind::BargedIn { at_ms, stopped_after_ms: Some(stopped_after_ms) });
            }
            Event::Responded(latency) => call.emit(EventKind::Responded(latency)),
            Event::Said { question, text, language, confidence, began_ms, ended_ms } => {
                let text = self.spoken_line(question, text, language, confidence, (began_ms, ended_ms));
                if let Some(line) = self.next_line() {
                    call.emit(EventKind::Utterance { line, text });
                }
            }
            Event::TalkedOver { question, text, language, confidence, began_ms, ended_ms } => {
                if !text.is_empty()
                    && let Some(line) = self.next_line()
                {
                    let text = self.spoken_line(question, text, language, confidence, (began_ms, ended_ms));
                    call.emit(EventKind::TalkedOver { line, text });
                }
            }
            Event::Keyed { question, keys, at_ms } => {
                let language = call.record().language.clone().unwrap_or_else(Language::english);
                let text = Line {
                    at_ms: self.since_start(at_ms),
                    lasted_ms: 0,
                    speaker: Speaker::Keys,
                    text: keys,
                    language,
                    name: question,
                    heard: None,
                    confidence: Some(1.0),
                };
                if let Some(line) = self.next_line() {
                    call.emit(EventKind::Keys { line, text });
                }
            }
            Event::RecognitionFailed { reason } => call.problem("recognition-failed", reason),
        }
    }

    fn since_start(&self, at_ms: u64) -> u64 {
        self.lasted_before_ms.saturating_add(at_ms)
    }

    fn spoken_line(
        &self,
        name: String,
        text: Masked,
        language: Language,
        confidence: f32,
        (began_ms, ended_ms): (u64, u64),
    ) -> Line {
        Line {
            at_ms: self.since_start(began_ms),
            lasted_ms: ended_ms.saturating_sub(began_ms),
            speaker: Speaker::Caller,
            text,
            language,
            name,
            heard: None,
            confidence: Some(confidence),
        }
    }

    /// Returns the transcript line of a prompt that has not ended; `None` if it does not belong
    /// there.
    fn line_of(&self, prompt: PromptId) -> Option<u32> {
        let mut open = self.open.iter();
        open.find(|(open, _)| *open == prompt)
            .map(|(_, line)| *line)
    }

    /// Returns the number of the next transcript line; `None` if the transcript is full.
    fn next_line(&mut self) -> Option<u32> {
        let line = self.lines;
        let has_room = usize::try_from(line).is_ok_and(|line| line < LINES);
        self.lines += u32::from(has_room);
        has_room.then_some(line)
    }

    /// Records that a prompt was heard to its end, and the step it reaches, if any.
    fn delivered(&self, call: &LiveCall, manifest: Option<&Manifest>, template: &str) {
        call.hears(template);
        if let Some(milestone) = manifest
            .and_then(|manifest| manifest.prompts.get(template))
            .and_then(|rule| rule.milestone.clone())
        {
            self.step(call, Step::Milestone(milestone));
        }
    }

    /// Records that a step was reached, the first time only.
    pub fn step(&self, call: &LiveCall, step: Step) {
        let is_new = call.record().steps.iter().all(|entry| entry.step != step);
        if is_new {
            call.emit(EventKind::StepReached { step });
        }
    }
}

/// Returns the last position of a call: the last prompt and how much of it was heard, for the
/// record of a caller who hung up.
pub fn last_position(call: &LiveCall) -> String {
    let record = call.record();
    debug_assert!(record.state != CallState::Pending);
    let last = record
        .transcript
        .iter()
        .rev()
        .find(|line| line.speaker == Speaker::Bot);
    match last {
        None => "before anything was said".to_owned(),
        Some(line) => {
            let words = if line.name.is_empty() {
                Masked::default().to_string()
            } else {
                format!("`{}`", line.name)
            };
            match line.heard {
                Some(Extent::Whole) => format!("after {words}"),
                _ => format!("during {words}, {} ms into it", line.lasted_ms),
            }
        }
    }
}
