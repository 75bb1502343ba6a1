//! The result of a test's conversation, and its comparison with what the test expects.

use ghanti_host::{RunEnd, Scripted};
use ghanti_model::Decision;

use super::read::{Answer, FlowTest, Gives, Transfer};

/// How many frames of a failure's stack are reported.
const FRAMES: usize = 5;

/// A finished conversation.
pub(super) struct Held {
    /// How the run ended, or `None` if it timed out.
    pub(super) end: Option<RunEnd>,
    /// The stack where the flow failed, if it did.
    pub(super) stack: Vec<String>,
    pub(super) scripted: Scripted,
}

type Complaints = Vec<(Option<usize>, String)>;

impl FlowTest {
    /// Complaints about the conversation, with lines of the test. If the flow failed, or asked
    /// other questions than the script answers, nothing else is checked, since the rest follows
    /// from it.
    pub(super) fn judge(&self, held: &Held) -> Complaints {
        let mut complaints = failure(held);
        if !complaints.is_empty() {
            return complaints;
        }
        complaints.extend(
            held.scripted
                .unfit
                .iter()
                .map(|sentence| (self.line_of(sentence), sentence.clone())),
        );
        complaints.extend(self.astray(&held.scripted.asked));
        if complaints.is_empty() {
            complaints = self.unmet(&held.scripted);
        }
        complaints
    }

    fn line_of(&self, sentence: &str) -> Option<usize> {
        let is_meant =
            |answer: &&Answer| sentence.starts_with(&format!("the question `{}` ", answer.asked));
        self.answers.iter().find(is_meant).map(|answer| answer.line)
    }

    /// Where the flow's questions first depart from the script.
    fn astray(&self, asked: &[String]) -> Option<(Option<usize>, String)> {
        for (at, answer) in self.answers.iter().enumerate() {
            match asked.get(at) {
                Some(asked) if *asked == answer.asked => {}
                Some(asked) => {
                    return Some((
                        Some(answer.line),
                        format!("expected the question `{}`; got `{asked}`", answer.asked),
                    ));
                }
                None => {
                    return Some((
                        Some(answer.line),
                        format!(
                            "expected the question `{}`; got no further question",
                            answer.asked
                        ),
                    ));
                }
            }
            if matches!(answer.gives, Gives::HangUp) {
                break;
            }
        }
        None
    }

    fn unmet(&self, scripted: &Scripted) -> Complaints {
        let expect = &self.expect;
        let mut complaints = Vec::new();
        let mut complain = |line: usize, sentence: String| complaints.push((Some(line), sentence));
        let said = scripted.templates();
        if let Some((line, outcome)) = expect
            .outcome
            .as_ref()
            .filter(|(_, outcome)| scripted.outcome.as_ref() != Some(outcome))
        {
            let got = scripted
                .outcome
                .as_ref()
                .map_or_else(|| "none".to_owned(), |got| format!("`{got}`"));
            complain(
                *line,
                format!("expected the outcome `{outcome}`; got {got}"),
            );
        }
        if let Some((line, wanted)) = &expect.transfer {
            let target = match &scripted.decision {
                Some(Decision::Transfer { target, .. }) => Some(target.as_str()),
                Some(Decision::HangUp) | None => None,
            };
            let got =
                || target.map_or_else(|| "none".to_owned(), |target| format!("one to `{target}`"));
            match wanted {
                Transfer::None if target.is_some() => {
                    complain(*line, format!("expected no transfer; got {}", got()))
                }
                Transfer::Any if target.is_none() => {
                    complain(*line, "expected a transfer; got none".to_owned())
                }
                Transfer::To(wanted) if target != Some(wanted) => complain(
                    *line,
                    format!("expected a transfer to `{wanted}`; got {}", got()),
                ),
                _ => {}
            }
        }
        let invoked: Vec<_> = scripted.invoked.iter().map(|(name, _)| name).collect();
        if let Some((line, wanted)) = &expect.invoked
            && !wanted.iter().eq(invoked.iter().copied())
        {
            let (wanted, got) = (list(wanted), list(&invoked));
            complain(
                *line,
                format!("expected to be invoked: {wanted}; got {got}"),
            );
        }
        if let Some((line, wanted)) = &expect.only_said
            && *wanted != said
        {
            complain(
                *line,
                format!("expected to be said: {}; got {}", list(wanted), list(&said)),
            );
        }
        if let Some((line, wanted)) = &expect.said {
            let mut rest = said.iter();
            if let Some(missing) = wanted
                .iter()
                .find(|wanted| !rest.any(|said| said == wanted))
            {
                complain(
                    *line,
                    format!(
                        "expected `{missing}` to be said there, in the order {}; got {}",
                        list(wanted),
                        list(&said)
                    ),
                );
            }
        }
        if let Some((line, forbidden)) = &expect.never_said {
            for said in forbidden
                .iter()
                .filter(|forbidden| said.contains(&forbidden.as_str()))
            {
                complain(
                    *line,
                    format!(
                        "expected `{said}` never to be said; got {}",
                        list(&scripted.templates())
                    ),
                );
            }
        }
        if let Some((line, wanted)) = &expect.established {
            for missing in wanted
                .iter()
                .filter(|wanted| !scripted.established.contains(*wanted))
            {
                let got = scripted.established.iter().collect::<Vec<_>>();
                complain(
                    *line,
                    format!("expected `{missing}` to be established; got {}", list(&got)),
                );
            }
        }
        if let Some((line, wanted)) = expect
            .language
            .as_ref()
            .filter(|(_, wanted)| scripted.language.as_ref() != Some(wanted))
        {
            let got = scripted
                .language
                .as_ref()
                .map_or_else(|| "none set".to_owned(), ToString::to_string);
            complain(*line, format!("expected the language {wanted}; got {got}"));
        }
        for (line, name, value) in &expect.notes {
            match scripted.notes.get(name) {
                Some(noted) if noted.expose() == value => {}
                Some(noted) => complain(
                    *line,
                    format!(
                        "expected the note `{name}` to be `{value}`; got `{}`",
                        noted.expose()
                    ),
                ),
                None => complain(*line, format!("expected the note `{name}`; got none")),
            }
        }
        complaints
    }
}

/// A complaint if the flow did not end by itself.
fn failure(held: &Held) -> Complaints {
    let sentence = match &held.end {
        Some(RunEnd::Returned | RunEnd::CallEnded | RunEnd::Diverged(_)) => return Vec::new(),
        None => "the flow did not come to an end".to_owned(),
        Some(RunEnd::Failed(error)) => format!("`run` returned an error: {error}"),
        Some(RunEnd::Trapped { reason, .. }) => format!("the flow trapped: {reason}"),
        Some(RunEnd::LimitExceeded { what }) => what.to_string(),
    };
    let stack = held
        .stack
        .iter()
        .take(FRAMES)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" < ");
    let place = held
        .scripted
        .asked
        .last()
        .map_or_else(String::new, |asked| {
            format!(", after the question `{asked}`")
        });
    let stack = if stack.is_empty() {
        stack
    } else {
        format!("; in {stack}")
    };
    vec![(
        None,
        format!("expected the flow to end by itself; got: {sentence}{place}{stack}"),
    )]
}

fn list(names: &[impl AsRef<str>]) -> String {
    let names = names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect::<Vec<_>>();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}
