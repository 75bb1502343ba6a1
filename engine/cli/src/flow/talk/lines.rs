//! A conversation as lines: what was said, which answers are expected, and other events.

use ghanti_explore::failure::Failure;
use ghanti_host::{FlowVersion, Instant, RunEnd};
use ghanti_model::{
    CallError, Choice, Content, Function, JournalEntry, Language, Prompt, Question, ValueGrammar,
};
use serde::Serialize;
use serde_json::Value as Json;

use super::caller::Expected;

/// Maximum length of a shown value of a note or an action, in characters.
const SHOWN_CHARS: usize = 400;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What the bot says.
    Bot,
    /// The answers that it expects.
    Asks,
    /// What the caller does.
    Caller,
    /// Other events.
    Event,
    /// What was refused.
    Refused,
    /// What the flow logs.
    Log,
    /// How the call ends.
    End,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Asks => "asks",
            Self::Caller => "caller",
            Self::Event => "event",
            Self::Refused => "refused",
            Self::Log => "log",
            Self::End => "end",
        }
    }
}

/// A line.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// When, in milliseconds since the call began.
    pub at_ms: u64,
    /// What it is about.
    pub kind: Kind,
    /// What happened.
    pub text: String,
}

impl Line {
    /// Creates a line without control characters, which texts from files may contain and which would move
    /// the terminal's cursor.
    pub fn new(at_ms: u64, kind: Kind, text: &str) -> Self {
        let text = text
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .collect();
        Self { at_ms, kind, text }
    }

    /// Whether a line of another run is the same, at any time.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.kind, &self.text) == (other.kind, &other.text)
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (minutes, seconds) = (self.at_ms / 60_000, self.at_ms / 1_000 % 60);
        let kind = self.kind.as_str();
        write!(f, "{minutes}:{seconds:02}  {kind:<8}{}", self.text)
    }
}

/// A moment on India's clocks.
pub fn in_india(unix_ms: u64) -> Instant {
    Instant {
        unix_ms,
        offset_minutes: 330,
    }
}

/// The text of a prompt, as the synthesiser gets it.
pub fn words(version: &FlowVersion, prompt: &Prompt, language: &Language, now: Instant) -> String {
    match &prompt.content {
        Content::Text(text) => text.expose().to_owned(),
        Content::Audio(name) => format!("[audio/{name}.wav]"),
        Content::Template(template) => {
            let words = version.prompts.render(template, language, now.date());
            let words = words.unwrap_or_else(|error| format!("[cannot be spoken: {error}]"));
            format!("{words}  ({})", template.name)
        }
    }
}

/// The answers that a question expects.
pub fn expected(expected: &Expected) -> String {
    match expected {
        Expected::To(question) => {
            let Question {
                name,
                choices,
                grammar,
                side_answers,
                ..
            } = question.as_ref();
            let expects = match grammar {
                Some(grammar) => value(grammar),
                None if choices.is_empty() => "any words".to_owned(),
                None => {
                    let is_aside =
                        |choice: &&Choice| side_answers.iter().any(|side| side.choice == choice.id);
                    let (asides, answers): (Vec<_>, Vec<_>) = choices.iter().partition(is_aside);
                    let named = |choices: Vec<&Choice>| {
                        choices
                            .into_iter()
                            .map(choice)
                            .collect::<Vec<_>>()
                            .join(", ")
                    };
                    let asides = named(asides);
                    let asides = if asides.is_empty() {
                        asides
                    } else {
                        format!("; asked back: {asides}")
                    };
                    format!("{}{asides}", named(answers))
                }
            };
            format!("{name}: {expects}")
        }
        Expected::ToKeys(keys) => {
            let many = if keys.min_keys == keys.max_keys {
                keys.min_keys.to_string()
            } else {
                format!("{} to {}", keys.min_keys, keys.max_keys)
            };
            let end = keys
                .terminator
                .map_or_else(String::new, |key| format!(", {key} ends them"));
            format!("{}: {many} keys{end}", keys.name)
        }
    }
}

fn choice(choice: &Choice) -> String {
    match choice.key {
        Some(key) => format!("{} (key {key})", choice.id),
        None => choice.id.clone(),
    }
}

fn value(grammar: &ValueGrammar) -> String {
    let parameters: Vec<_> = grammar
        .parameters
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    let parameters = if parameters.is_empty() {
        String::new()
    } else {
        format!(" ({})", parameters.join(", "))
    };
    let confirm = match &grammar.confirm {
        Some(template) => format!(", read back by {}", template.name),
        None => String::new(),
    };
    format!(
        "a {}{parameters}, said or keyed with {} at its end{confirm}",
        grammar.name, grammar.end_key
    )
}

/// The line for a host call, if it has one: what it changed, or why it was refused.
pub fn called(entry: &JournalEntry) -> Option<(Kind, String)> {
    let JournalEntry {
        function,
        arguments,
        answer,
        ..
    } = entry;
    let name = serde_json::to_value(function).unwrap_or_default();
    let name = name.as_str().unwrap_or_default();
    if let Some(error) = answer.get("err") {
        return match serde_json::from_value(error.clone()) {
            Ok(CallError::CallEnded) => None,
            Ok(CallError::Refused(refusal)) => Some((
                Kind::Refused,
                format!("{name} `{}`: {}", refusal.subject, refusal.reason),
            )),
            Ok(error) => Some((Kind::Refused, format!("{name}: {error}"))),
            Err(_) => Some((Kind::Refused, format!("{name}: {error}"))),
        };
    }
    let event = |text: String| Some((Kind::Event, text));
    match function {
        Function::Log => {
            let text = |key: &str| {
                arguments
                    .get(key)
                    .and_then(Json::as_str)
                    .unwrap_or_default()
            };
            Some((Kind::Log, format!("{}: {}", text("level"), text("message"))))
        }
        Function::Establish => event(format!("established {}", shown(arguments))),
        Function::SetLanguage => event(format!("goes on in {}", shown(arguments))),
        Function::Lookup => event(format!(
            "looked up {}: {}",
            shown(arguments),
            match answer.get("ok") {
                Some(Json::Null) | None => "nothing there".to_owned(),
                Some(found) => shown(found),
            }
        )),
        Function::Transfer => event(format!(
            "will transfer the call to {}",
            match shown(arguments) {
                target if target.is_empty() || *arguments == Json::Null => "default".to_owned(),
                target => target,
            }
        )),
        Function::Milestone => event(format!("milestone {}", shown(arguments))),
        Function::Pause => event(format!("is silent for {} ms", shown(arguments))),
        Function::Invoke
        | Function::Say
        | Function::Ask
        | Function::Collect
        | Function::Drain
        | Function::Now
        | Function::Random
        | Function::Facts
        | Function::Setting
        | Function::Get
        | Function::All
        | Function::History => None,
        // outcome, note, and functions of later contracts: by name
        _ => event(format!("{name} {}", shown(arguments))),
    }
}

/// A value as short text.
pub fn shown(value: &Json) -> String {
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .filter(|item| !item.is_null())
                .map(shown)
                .collect();
            items.join(" = ")
        }
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text,
    }
}

/// How a run ended, and whether the flow failed.
pub fn ended(
    end: &RunEnd,
    lines: &[Line],
    outcome: Option<&str>,
    transfer: Option<&str>,
) -> (String, bool) {
    let then = match transfer {
        Some(target) => format!("the call goes to {target}"),
        None => "the bot hangs up".to_owned(),
    };
    let outcome = outcome.map_or_else(
        || "without a disposition of the flow".to_owned(),
        |outcome| format!("outcome {outcome}"),
    );
    match end {
        RunEnd::Returned => (format!("the flow has returned, {outcome}; {then}"), false),
        RunEnd::CallEnded => (format!("the caller has hung up, {outcome}"), false),
        RunEnd::Failed(error) => (format!("the flow failed: `run` returned {error}"), true),
        RunEnd::Trapped { stack, .. } => {
            // a panic or an exception is logged as the last thing that the flow does
            let last = lines.last().filter(|line| line.kind == Kind::Log);
            let logged = last.and_then(|line| line.text.strip_prefix("error: "));
            let failure = Failure {
                end: Some(end),
                traceback: &[],
                frames: stack,
                logged: None,
                asked: None,
            };
            let sentence = match logged {
                Some(logged) => format!("the flow failed: {logged}"),
                None => failure.sentence().unwrap_or_default(),
            };
            (sentence, true)
        }
        RunEnd::LimitExceeded { what } => (format!("the flow was ended: {what}"), true),
        RunEnd::Diverged(_) => ("the flow was ended".to_owned(), true),
    }
}

/// The difference between two runs, as lines with `-` and `+`; empty if there is none.
pub fn differences(before: &[Line], now: &[Line]) -> Vec<String> {
    // log lines are not compared
    let visible = |lines: &[Line]| -> Vec<Line> {
        let lines = lines.iter().filter(|line| line.kind != Kind::Log);
        lines.cloned().collect()
    };
    let (before, now) = (visible(before), visible(now));
    let same = before
        .iter()
        .zip(&now)
        .take_while(|(before, now)| before.is_like(now))
        .count();
    let (before, now) = (
        before.get(same..).unwrap_or_default(),
        now.get(same..).unwrap_or_default(),
    );
    let same_end = before
        .iter()
        .rev()
        .zip(now.iter().rev())
        .take_while(|(before, now)| before.is_like(now))
        .count();
    let middle = |lines: &[Line], sign: &str| -> Vec<String> {
        let kept = lines.len() - same_end;
        lines
            .iter()
            .take(kept)
            .map(|line| format!("{sign} {line}"))
            .collect()
    };
    [middle(before, "-"), middle(now, "+")].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<Line> {
        let mut at_ms = 0;
        texts
            .iter()
            .map(|text| {
                at_ms += 1_000;
                Line::new(at_ms, Kind::Bot, text)
            })
            .collect()
    }

    #[test]
    fn only_differences_are_shown() {
        let before = lines(&["Hello", "Your EMI is due", "Goodbye"]);
        assert_eq!(differences(&before, &before), [""; 0]);
        let now = lines(&["Hello", "Your instalment is due", "Goodbye"]);
        assert_eq!(
            differences(&before, &now),
            [
                "- 0:02  bot     Your EMI is due",
                "+ 0:02  bot     Your instalment is due"
            ]
        );
        let now = lines(&["Hello", "Wait", "Your EMI is due", "Goodbye"]);
        assert_eq!(differences(&before, &now), ["+ 0:02  bot     Wait"]);
        let now = lines(&["Hello"]);
        assert_eq!(differences(&before, &now).len(), 2);
    }

    #[test]
    fn a_line_has_no_control_characters() {
        let line = Line::new(61_000, Kind::Log, "a\u{1b}[2Jb\nc");
        assert_eq!(line.to_string(), "1:01  log     a [2Jb c");
    }
}
