//! What happened in a scripted conversation, in words.

use ghanti_host::{Act, Does, Event, Failed, FlowVersion};
use ghanti_model::{Content, Decision, Extent, Language, Prompt, Reply};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, UtcOffset};

/// India's time, in seconds to the east of Greenwich.
pub(crate) const INDIA_S: i32 = 330 * 60;

/// Who speaks or acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The flow's prompts.
    Bot,
    /// The caller.
    Caller,
    /// What the flow does besides speaking.
    Flow,
}

impl Speaker {
    /// As it is written in transcripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Caller => "caller",
            Self::Flow => "flow",
        }
    }
}

/// A line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Who.
    pub speaker: Speaker,
    /// What they say or do.
    pub text: String,
    /// The template of a prompt, the question of an answer; else empty.
    pub name: String,
    /// How much of a prompt was heard, unless it is all of it.
    pub heard: Option<Extent>,
}

impl Line {
    /// The line without its speaker, with its name and what was not heard.
    pub fn shown(&self) -> String {
        let heard = match self.heard {
            Some(Extent::Partial) => " (interrupted)",
            Some(Extent::Unheard) => " (not heard)",
            Some(Extent::Whole | Extent::Assumed) | None => "",
        };
        if self.name.is_empty() {
            format!("{}{heard}", self.text)
        } else {
            format!("{}{heard}  [{}]", self.text, self.name)
        }
    }
}

/// The words of a prompt in a language, as they would be spoken on this day; or why there are none.
pub fn words(
    version: &FlowVersion,
    prompt: &Prompt,
    language: &Language,
    today: Date,
) -> Result<String, String> {
    match &prompt.content {
        Content::Text(text) => Ok(text.expose().to_owned()),
        Content::Audio(name) => Ok(format!("(audio `{name}.wav`)")),
        Content::Template(template) => version
            .prompts
            .render(template, language, today)
            .map_err(|error| error.to_string()),
    }
}

/// The lines of a conversation. Prompts are in the language in which they were said, or all in
/// `language`.
pub fn lines(
    version: &FlowVersion,
    events: &[Event],
    today: Date,
    language: Option<&Language>,
) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut prompts = Vec::new();
    for event in events {
        let (speaker, text, name) = match event {
            Event::Said {
                prompt,
                language: said_in,
            } => {
                let language = language.unwrap_or(said_in);
                let words = words(version, prompt, language, today);
                let text = words.unwrap_or_else(|reason| format!("(cannot be said: {reason})"));
                prompts.push(lines.len());
                (Speaker::Bot, text, prompt.template().to_owned())
            }
            Event::Played { said, heard } => {
                let line = prompts.get(*said).and_then(|at| lines.get_mut(*at));
                if let Some(Line { heard: known, .. }) = line {
                    *known = (*heard != Extent::Whole).then_some(*heard);
                }
                continue;
            }
            Event::Answered {
                question,
                act,
                reply,
                ..
            } => (Speaker::Caller, answered(act, reply), question.clone()),
            Event::HungUp => (Speaker::Caller, "hangs up".to_owned(), String::new()),
            Event::Asked(_) | Event::LookedUp(_) | Event::Waited => continue,
            Event::Milestone(name) => (Speaker::Flow, format!("reaches `{name}`"), String::new()),
            Event::CallAgain(at_ms) => (
                Speaker::Flow,
                format!("asks for another call at {}", moment(*at_ms)),
                String::new(),
            ),
            Event::Paused(ms) => (Speaker::Flow, format!("pauses for {ms} ms"), String::new()),
            Event::Established(name) => (
                Speaker::Flow,
                format!("establishes `{name}`"),
                String::new(),
            ),
            Event::Language(language) => (
                Speaker::Flow,
                format!("goes on in {language}"),
                String::new(),
            ),
            Event::Decided(Decision::Transfer { target, .. }) => (
                Speaker::Flow,
                format!("transfers to `{target}`"),
                String::new(),
            ),
            Event::Decided(Decision::HangUp) => {
                (Speaker::Flow, "transfers nowhere".to_owned(), String::new())
            }
            Event::Outcome(outcome) => (
                Speaker::Flow,
                format!("sets the outcome `{outcome}`"),
                String::new(),
            ),
            Event::Noted(name, value) => {
                let text = format!("notes `{name}` = `{}`", value.expose());
                (Speaker::Flow, text, String::new())
            }
            Event::Invoked {
                name,
                input,
                answer,
            } => {
                let answer = match answer {
                    Ok(answer) => answer.to_string(),
                    Err(error) => error.to_string(),
                };
                let text = format!("invokes `{name}` with {input}: {answer}");
                (Speaker::Flow, text, String::new())
            }
        };
        lines.push(Line {
            speaker,
            text,
            name,
            heard: None,
        });
    }
    lines
}

/// A time as tests write it, in India.
pub(crate) fn moment(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).unwrap_or(0);
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let offset = UtcOffset::from_whole_seconds(INDIA_S).unwrap_or(UtcOffset::UTC);
    moment
        .to_offset(offset)
        .format(&Rfc3339)
        .unwrap_or_default()
}

/// What the caller did, and what it counted as where that is not the same.
fn answered(act: &Act, reply: &Reply) -> String {
    let counts_as = match (&act.does, reply) {
        (Does::Says(_) | Does::Presses(_), Reply::Choice(id)) => format!(" → {id}"),
        (Does::Says(_) | Does::Presses(_), Reply::Value(value)) => format!(" → {value}"),
        (Does::Says(_) | Does::Presses(_), Reply::NoMatch) => " → not understood".to_owned(),
        _ => String::new(),
    };
    format!("{}{counts_as}", acted(act))
}

/// What the caller does.
pub fn acted(act: &Act) -> String {
    let does = match &act.does {
        Does::Replies(reply, language) => {
            let replied = match reply {
                Reply::Choice(id) => id.clone(),
                Reply::Text(words) => format!("“{}”", words.expose()),
                Reply::Keys(keys) => format!("presses {}", keys.expose()),
                Reply::Value(value) => value.to_string(),
                Reply::NoInput => "says nothing".to_owned(),
                Reply::NoMatch => "is not understood".to_owned(),
            };
            match language {
                Some(language) => format!("{replied} (in {language})"),
                None => replied,
            }
        }
        Does::Says(words) => format!("“{words}”"),
        Does::Presses(keys) => format!("presses {keys}"),
        Does::StaysSilent => "says nothing".to_owned(),
        Does::IsNotUnderstood => "is not understood".to_owned(),
        Does::HangsUp => "hangs up".to_owned(),
        Does::Waits => "waits".to_owned(),
    };
    let mut parts: Vec<_> = act
        .first
        .iter()
        .map(|failed| match failed {
            Failed::NoInput => "says nothing",
            Failed::NoMatch => "is not understood",
        })
        .collect();
    parts.push(&does);
    let parts = parts.join(", then ");
    if act.interrupts {
        format!("interrupting: {parts}")
    } else {
        parts
    }
}
