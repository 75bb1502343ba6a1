//! Writes the events of a call to its record, its steps and the log.

use ghanti_dialog::Manifest;
use ghanti_model::{CallState, Extent, Language, Line, Masked, PromptId, Speaker, Step};

use crate::call::LiveCall;
use crate::event::Event;

/// How many lines a transcript keeps.
const LINES: usize = 2_000;

/// Writes the record of one call.
#[derive(Default)]
pub struct Recorder {
    /// Transcript line of each prompt that has not ended.
    open: Vec<(PromptId, usize)>,
    /// Transcript line and template of each prompt that is assumed to have been heard.
    assumed: Vec<(PromptId, usize, String)>,
    last_caller_ended_ms: Option<u64>,
}

impl Recorder {
    /// Records an event. The flow's manifest says which templates and questions reach a step.
    pub fn write(&mut self, call: &LiveCall, manifest: Option<&Manifest>, event: Event) {
        match event {
            Event::PromptBegan { prompt, template, text, language, at_ms } => {
                self.step(call, Step::Greeting);
                if let Some(ended_ms) = self.last_caller_ended_ms.take() {
                    tracing::debug!(call = %call.id(), response_ms = at_ms.saturating_sub(ended_ms), "response");
                }
                tracing::debug!(call = %call.id(), template, %text, %language, "prompt began");
                let line =
                    Line { at_ms, lasted_ms: 0, speaker: Speaker::Bot, text, language, name: template, heard: None, confidence: None };
                if let Some(place) = push(call, line) {
                    self.open.push((prompt, place));
                }
            }
            Event::PromptEnded { prompt, template, heard, heard_ms } => {
                tracing::debug!(call = %call.id(), template, ?heard, heard_ms, "prompt ended");
                if let Some(at) = self.open.iter().position(|(open, _)| *open == prompt) {
                    let (_, place) = self.open.swap_remove(at);
                    if heard == Extent::Assumed {
                        self.assumed.push((prompt, place, template.clone()));
                    }
                    if let Some(line) = call.record().transcript.get_mut(place) {
                        line.heard = Some(heard);
                        line.lasted_ms = heard_ms;
                    }
                }
                if heard == Extent::Whole {
                    self.delivered(call, manifest, &template);
                }
            }
            Event::PromptConfirmed { prompt } => {
                if let Some(at) = self.assumed.iter().position(|(assumed, ..)| *assumed == prompt) {
                    let (_, place, template) = self.assumed.swap_remove(at);
                    if let Some(line) = call.record().transcript.get_mut(place) {
                        line.heard = Some(Extent::Whole);
                    }
                    self.delivered(call, manifest, &template);
                }
            }
            Event::NoMarks => call.problem(
                "no-marks",
                "no mark came back behind what was sent, so nothing is known to have been heard: use the Voicebot applet (or `StreamType=bidirectional`), \
                 not the one-way Stream applet"
                    .to_owned(),
            ),
            Event::NoMedia { stopped } => {
                let when = if stopped { "the caller's audio stopped coming" } else { "not one frame of the caller's audio came after `start`" };
                call.problem("no-media", format!("{when}: check the network and proxies between Exotel and the engine"));
            }
            Event::PromptFailed { template, reason, .. } => call.problem("prompt-failed", format!("`{template}` was not spoken: {reason}")),
            Event::Asked { question } => {
                tracing::debug!(call = %call.id(), question, "asked");
                if let Some(step) = manifest.and_then(|manifest| manifest.questions.get(&question)).and_then(|rule| rule.step) {
                    self.step(call, step);
                }
            }
            Event::Listening => {
                self.step(call, Step::Listening);
            }
            Event::BargedIn { at_ms } => tracing::debug!(call = %call.id(), at_ms, "barge-in"),
            Event::Said { question, text, language, confidence, began_ms, ended_ms } => {
                tracing::info!(call = %call.id(), question, %text, %language, confidence, "caller said");
                self.last_caller_ended_ms = Some(ended_ms);
                push(call, spoken_line(question, text, language, confidence, began_ms, ended_ms));
            }
            Event::TalkedOver { question, text, language, confidence, began_ms, ended_ms } => {
                tracing::info!(call = %call.id(), question, %text, %language, confidence, "caller spoke over a prompt, which is no answer");
                if !text.is_empty() {
                    push(call, spoken_line(question, text, language, confidence, began_ms, ended_ms));
                }
            }
            Event::Keyed { question, keys, at_ms } => {
                tracing::info!(call = %call.id(), question, %keys, "caller pressed keys");
                self.last_caller_ended_ms = Some(at_ms);
                let language = call.record().language.clone().unwrap_or_else(Language::english);
                push(
                    call,
                    Line {
                        at_ms,
                        lasted_ms: 0,
                        speaker: Speaker::Keys,
                        text: keys,
                        language,
                        name: question,
                        heard: None,
                        confidence: Some(1.0),
                    },
                );
            }
            Event::RecognitionFailed { reason } => call.problem("recognition-failed", reason),
        }
    }

    /// A prompt was heard to its end: records the step it reaches, if any.
    fn delivered(&self, call: &LiveCall, manifest: Option<&Manifest>, template: &str) {
        if let Some(step) = manifest
            .and_then(|manifest| manifest.prompts.get(template))
            .and_then(|rule| rule.step)
        {
            self.step(call, step);
        }
    }

    /// Records that a step was reached and logs it, the first time only.
    pub fn step(&self, call: &LiveCall, step: Step) {
        let at_ms = call.now_ms();
        if call.record().reach(step, call.unix_ms(at_ms)) {
            tracing::info!(target: "ghanti::step", call = %call.id(), ?step, at_ms, "step");
        }
    }
}

fn spoken_line(
    name: String,
    text: Masked,
    language: Language,
    confidence: f32,
    began_ms: u64,
    ended_ms: u64,
) -> Line {
    let lasted_ms = ended_ms.saturating_sub(began_ms);
    Line {
        at_ms: began_ms,
        lasted_ms,
        speaker: Speaker::Caller,
        text,
        language,
        name,
        heard: None,
        confidence: Some(confidence),
    }
}

fn push(call: &LiveCall, line: Line) -> Option<usize> {
    let mut record = call.record();
    (record.transcript.len() < LINES).then(|| {
        record.transcript.push(line);
        record.transcript.len() - 1
    })
}

/// The last position of a call: the last prompt and how much of it was heard, for the record of a
/// caller who hung up.
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
