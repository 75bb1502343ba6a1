//! How customers respond to a call, by their number.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ghanti_model::PhoneNumber;
use serde::Deserialize;

use super::flow::is_time;
use crate::agent::AgentAnswer;
use crate::conversation::FRAME_MS;
use crate::room::Line;
use crate::scenario::{Scenario, Step, When};
use crate::voice::Voice;

/// What a voicemail says if the file does not.
pub const VOICEMAIL_GREETING: &str = "The person you have called is not available. Please leave a message after the tone, and press hash when you are done.";

/// After how long a caller hangs up if the bot does not end the call.
const MAX_DURATION: Duration = Duration::from_secs(300);
/// For how long somebody who hangs up at once listens.
const LISTENS: Duration = Duration::from_millis(500);
/// For how long a voicemail plays and records.
const VOICEMAIL: Duration = Duration::from_secs(45);

/// The longest frame of a caller, in milliseconds.
const FRAME_MS_MAX: u64 = 1_000;

/// How some customers respond.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Caller {
    /// Whose calls these are; when empty, everybody's.
    pub numbers: Vec<Pattern>,
    /// Which call to the same number this is, from 1; without it, every one. So a line can be busy
    /// once and then answer.
    pub nth_call: Option<u32>,
    /// What happens.
    pub does: Behaviour,
    /// How long the phone rings before that, in seconds; 3 by default. It never rings for longer
    /// than `TimeOut`.
    pub rings_s: Option<f64>,
    /// A scenario's file: its caller's steps, voice, line, sample rate, longest time and agent.
    /// Whom it calls and what it expects does not matter here.
    pub scenario: Option<PathBuf>,
    /// The caller's steps, if there is no scenario. Without any, the caller is silent.
    pub steps: Vec<Step>,
    /// The caller's voice, and the voicemail's.
    pub voice: Voice,
    /// Other sound on the line.
    pub line: Line,
    /// What a voicemail says.
    pub greeting: Option<String>,
    /// After how long the caller hangs up, in seconds of real time from answering. By default half
    /// a second for `hangs-up`, 45 s for a voicemail, the scenario's `max-seconds`, and else 300 s.
    pub hangs_up_after_s: Option<f64>,
    /// Milliseconds of audio in one message, a multiple of 20. Thousands of calls are cheap with
    /// 100 and more.
    pub frame_ms: Option<u64>,
    /// From the scenario: the stream's sample rate in Hz.
    #[serde(skip)]
    pub sample_rate_hz: Option<u32>,
    /// From the scenario: how an agent responds.
    #[serde(skip)]
    pub agent: Option<AgentAnswer>,
}

/// What happens when a phone is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// Somebody answers and follows the steps.
    #[default]
    Answers,
    /// Somebody answers and hangs up at once.
    HangsUp,
    /// A voicemail answers, plays its greeting and records.
    Voicemail,
    /// The line is busy.
    Busy,
    /// Nobody answers.
    NoAnswer,
    /// The network cannot connect the call.
    Failed,
}

/// Phone numbers: one in any spelling, or a beginning and an end of E.164 around one `*`:
/// `+9198*`, `*7`, `+91*00`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Pattern {
    /// This number.
    One(PhoneNumber),
    /// All with this beginning and this end.
    Many {
        /// The beginning.
        start: String,
        /// The end.
        end: String,
    },
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is neither a number nor a pattern: write `+919876500001`, `+9198*` or `*7`"
            )
        };
        let is_digits = |part: &str| part.chars().all(|character| character.is_ascii_digit());
        match text.split_once('*') {
            None => PhoneNumber::parse(&text)
                .map(Self::One)
                .map_err(|_| wrong()),
            Some((start, end))
                if is_digits(end) && is_digits(start.strip_prefix('+').unwrap_or(start)) =>
            {
                Ok(Self::Many {
                    start: start.to_owned(),
                    end: end.to_owned(),
                })
            }
            Some(_) => Err(wrong()),
        }
    }
}

impl Behaviour {
    fn hangs_up_after(self) -> Duration {
        match self {
            Behaviour::HangsUp => LISTENS,
            Behaviour::Voicemail => VOICEMAIL,
            _ => MAX_DURATION,
        }
    }
}

impl Pattern {
    fn fits(&self, number: &PhoneNumber) -> bool {
        match self {
            Pattern::One(one) => one == number,
            Pattern::Many { start, end } => {
                number.expose().starts_with(start) && number.expose().ends_with(end)
            }
        }
    }
}

impl Caller {
    /// Whether this is how the nth call to a number goes.
    pub fn fits(&self, number: &PhoneNumber, nth_call: u32) -> bool {
        let is_theirs =
            self.numbers.is_empty() || self.numbers.iter().any(|pattern| pattern.fits(number));
        is_theirs && self.nth_call.is_none_or(|nth| nth == nth_call)
    }

    /// How long the phone rings before something happens.
    pub fn rings(&self) -> Duration {
        Duration::from_secs_f64(self.rings_s.unwrap_or(3.0))
    }

    /// After how long the caller hangs up, counted from answering.
    pub fn hangs_up_after(&self) -> Duration {
        self.hangs_up_after_s
            .map_or(self.does.hangs_up_after(), Duration::from_secs_f64)
    }

    /// Milliseconds of audio in one message.
    pub fn frame_ms(&self) -> u64 {
        self.frame_ms.unwrap_or(FRAME_MS)
    }

    /// Whether the caller waits for something that is only known from the call's record.
    pub fn needs_record(&self) -> bool {
        let of_record =
            |when: &When| matches!(when, When::AfterTemplate { .. } | When::IntoTemplate { .. });
        self.steps.iter().any(|step| of_record(&step.when))
    }

    pub(super) fn apply_scenario(&mut self, folder: &Path) -> Result<(), String> {
        let Some(file) = &self.scenario else {
            return Ok(());
        };
        if !self.steps.is_empty() {
            return Err(format!(
                "a caller has both `scenario = \"{}\"` and `steps`",
                file.display()
            ));
        }
        let scenario = Scenario::load(&folder.join(file)).map_err(|error| error.to_string())?;
        self.steps = scenario.caller;
        self.voice = scenario.voice;
        self.line = scenario.line;
        self.sample_rate_hz = scenario.sample_rate_hz;
        self.agent = Some(scenario.agent);
        self.hangs_up_after_s
            .get_or_insert(scenario.max_seconds as f64);
        Ok(())
    }

    pub(super) fn errors(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let times = [self.rings_s, self.hangs_up_after_s];
        if !times.into_iter().flatten().all(is_time) {
            errors.push(
                "`rings-s` and `hangs-up-after-s` of a caller are 0 to 3600 seconds".to_owned(),
            );
        }
        let frame_ms = self.frame_ms();
        if frame_ms == 0 || !frame_ms.is_multiple_of(FRAME_MS) || frame_ms > FRAME_MS_MAX {
            errors.push(format!(
                "`frame-ms = {frame_ms}` of a caller: give a multiple of {FRAME_MS} up to {FRAME_MS_MAX}"
            ));
        }
        if self.nth_call == Some(0) {
            errors.push("`nth-call` of a caller counts from 1".to_owned());
        }
        let speaks = self.scenario.is_some() || !self.steps.is_empty();
        if speaks && self.does != Behaviour::Answers {
            errors.push(format!(
                "a caller with `does = \"{:?}\"` has a scenario or steps: they need `does = \"answers\"`",
                self.does
            ));
        }
        if self.greeting.is_some() && self.does != Behaviour::Voicemail {
            errors.push("`greeting` of a caller needs `does = \"voicemail\"`".to_owned());
        }
        errors
    }
}
