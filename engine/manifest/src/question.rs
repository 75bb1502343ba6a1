//! `[questions.NAME]`: what a flow asks, which answers count, and how it is repeated.
//!
//! The counters are VoiceXML's: silence (no-input) and answers that are not understood (no-match)
//! are counted separately.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ghanti_model::{Choice, Milestone};

/// How long a caller may stay silent where the manifest does not say, in milliseconds.
pub const WAIT_MS: u32 = 5_000;
/// How long each further key is awaited where the manifest does not say, in milliseconds.
pub const BETWEEN_KEYS_MS: u32 = 3_000;
/// The range of every wait for the caller, in milliseconds.
pub const WAITS_MS: RangeInclusive<u32> = 500..=60_000;
/// The range of the number of keys.
pub const KEYS: RangeInclusive<u8> = 1..=32;
/// How often a caller who asks back is answered in one question; after that it is a no-match.
pub const SIDE_ANSWERS_MAX: usize = 3;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The template that asks; `None` for the one with the question's name.
    pub prompt: Option<String>,
    /// The answers it accepts.
    pub expects: Expects,
    /// Choices that do not answer it, but are answered and followed by the question again.
    pub side_answers: Vec<SideAnswer>,
    /// How long the caller may stay silent after the prompt, in milliseconds.
    pub wait_ms: u32,
    /// Templates after the first, second, … silence.
    pub no_input: Vec<String>,
    /// Templates after the first, second, … answer that was not understood.
    pub no_match: Vec<String>,
    /// The template that is said as soon as a yes is understood, while it may still be taken back.
    pub acknowledge: Option<String>,
    /// What must be established, or `heard:TEMPLATE`, before it may be asked.
    pub requires: Vec<String>,
    /// The milestone that is reached when the question is asked.
    pub milestone: Option<Milestone>,
    /// The granted action that is asked which of the choices words mean that no grammar takes.
    pub understand: Option<String>,
    /// Spoken answers with a lower confidence, in percent, are no-matches; `None` uses the engine's
    /// default.
    pub min_confidence_percent: Option<u8>,
}

impl Default for Question {
    fn default() -> Self {
        Self {
            prompt: None,
            expects: Expects::default(),
            side_answers: Vec::new(),
            wait_ms: WAIT_MS,
            no_input: Vec::new(),
            no_match: Vec::new(),
            acknowledge: None,
            requires: Vec::new(),
            milestone: None,
            understand: None,
            min_confidence_percent: None,
        }
    }
}

/// Which answers a question accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expects {
    /// One of these, and of those that the flow adds.
    Choices(Vec<Choice>),
    /// Any words.
    Text,
    /// Keys.
    Digits(Digits),
    /// A value of one of the engine's grammars, said or keyed.
    Value(ValueGrammar),
}

/// A grammar of the engine. Which there are, and their parameters, is not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueGrammar {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Ends a keyed value; not part of it.
    pub end_key: char,
    /// How long each further key is awaited, in milliseconds.
    pub between_ms: u32,
    /// The template that reads a spoken value back, which has the variable `value`: the caller says
    /// yes or no to it.
    pub confirm: Option<String>,
}

impl Default for Expects {
    fn default() -> Self {
        Self::Choices(Vec::new())
    }
}

/// A number to be keyed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    /// Fewer keys are a no-match.
    pub min: u8,
    /// The answer is complete with this many.
    pub max: u8,
    /// Ends the answer early; not part of it.
    pub end_key: Option<char>,
    /// How long each further key is awaited, in milliseconds.
    pub between_ms: u32,
}

/// What follows when the caller asks back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideAnswer {
    /// The choice.
    pub choice: String,
    /// The template that answers it; `None` where asking again is answer enough.
    pub say: Option<String>,
    /// The template that asks again; `None` for the question's own.
    pub then: Option<String>,
}

impl Question {
    /// The template that asks, for the question of this name.
    pub fn opening<'q>(&'q self, name: &'q str) -> &'q str {
        self.prompt.as_deref().unwrap_or(name)
    }

    /// Every template it may use.
    pub fn templates<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.places(name).into_iter().map(|(.., template)| template)
    }

    /// Every template it may use, each with the key of the manifest that names it and its index
    /// there.
    pub(crate) fn places<'q>(
        &'q self,
        name: &'q str,
    ) -> Vec<(Vec<&'q str>, Option<usize>, &'q str)> {
        let mut templates = vec![(vec!["prompt"], None, self.opening(name))];
        for (key, list) in [("no-input", &self.no_input), ("no-match", &self.no_match)] {
            for (at, template) in list.iter().enumerate() {
                templates.push((vec![key], Some(at), template.as_str()));
            }
        }
        if let Some(acknowledge) = &self.acknowledge {
            templates.push((vec!["acknowledge"], None, acknowledge));
        }
        if let Expects::Value(ValueGrammar {
            confirm: Some(confirm),
            ..
        }) = &self.expects
        {
            templates.push((vec!["confirm"], None, confirm));
        }
        for side in &self.side_answers {
            for (key, template) in [("say", &side.say), ("then", &side.then)] {
                templates.extend(
                    template
                        .as_deref()
                        .map(|template| (vec!["side-answers", &side.choice, key], None, template)),
                );
            }
        }
        templates
    }
}
