//! The result of a test's conversation, compared with what the test expects.

use ghanti_host::{Does, Event, FlowVersion, Scripted};
use ghanti_model::{Content, Decision, Prompt, Reply};

use super::expect::Transfer;
use super::read::{Answer, FlowTest};
use crate::run::FinishedConversation;
use crate::transcript::{moment, words};

type Complaints = Vec<(Option<usize>, String)>;

impl FlowTest {
    /// Complaints about the conversation, with lines of the test. If the flow failed, or asked
    /// other questions than the script answers, nothing else is checked, since the rest follows
    /// from it.
    pub(super) fn judge(
        &self,
        conversation: &FinishedConversation,
        version: &FlowVersion,
    ) -> Complaints {
        let scripted = &conversation.scripted;
        let unfit = scripted.unfit.iter();
        let mut complaints: Complaints = unfit
            .map(|sentence| (self.line_of(sentence, &scripted.asked), sentence.clone()))
            .collect();
        if let Some(failure) = conversation.failure() {
            // an action without an answer fails, and so does what invokes it
            if complaints.is_empty() || !conversation.is_unavailable() {
                let sentence = format!("expected the flow to end by itself; got: {failure}");
                complaints.push((self.line_after(&scripted.asked), sentence));
            }
            complaints.splice(0..0, self.not_understood(scripted));
            return complaints;
        }
        complaints.extend(self.astray(&scripted.asked));
        if complaints.is_empty() {
            complaints = self.unmet(scripted);
            complaints.extend(self.unspoken(scripted, version));
            complaints.extend(self.attempts_unmet(scripted));
        }
        if !complaints.is_empty() {
            complaints.extend(self.not_understood(scripted));
            complaints.sort_by_key(|(line, _)| *line);
        }
        complaints
    }

    /// The line of a sentence about a question or an action.
    fn line_of(&self, sentence: &str, asked: &[String]) -> Option<usize> {
        let is_meant =
            |answer: &&Answer| sentence.starts_with(&format!("the question `{}` ", answer.asked));
        let question = self.answers.iter().find(is_meant).map(|answer| answer.line);
        // beside the answers to actions there are
        let is_of_action = sentence.starts_with("the action `");
        let action = self.actions.last().filter(|_| is_of_action);
        let action = action.map(|action| action.line);
        question.or(action).or_else(|| self.line_after(asked))
    }

    /// The line of the last answer that was given; that of the first where none was, or else the first of all.
    fn line_after(&self, asked: &[String]) -> Option<usize> {
        let last = self.answers.get(asked.len().saturating_sub(1));
        Some(
            last.or(self.answers.first())
                .map_or(1, |answer| answer.line),
        )
    }

    /// What the caller said or pressed that the question does not take, as it stands in the test: what is wrong behind it
    /// mostly follows from that.
    fn not_understood(&self, scripted: &Scripted) -> Complaints {
        let came = scripted.events.iter().filter_map(|event| match event {
            Event::Answered {
                question, reply, ..
            } => Some((question, reply)),
            _ => None,
        });
        let asks_action = |question: &str| {
            scripted.events.iter().any(|event| {
                matches!(event, Event::Asked(asking) if asking.name == question && asking.understand.is_some())
            })
        };
        let pairs = self.answers.iter().zip(came);
        let astray = pairs.filter_map(|(answer, (question, reply))| {
            let said = match &answer.act.does {
                Does::Says(words) => format!("says = \"{words}\""),
                Does::Presses(keys) => format!("presses = \"{keys}\""),
                _ => return None,
            };
            let is_wrong = *reply == Reply::NoMatch && !asks_action(question);
            let sentence = format!(
                "the question `{question}` does not understand `{said}`, and ends as no-match"
            );
            is_wrong.then_some((Some(answer.does_line), sentence))
        });
        astray.collect()
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
            if matches!(answer.act.does, Does::HangsUp) {
                break;
            }
        }
        None
    }

    fn attempts_unmet(&self, scripted: &Scripted) -> Complaints {
        let taken = scripted.events.iter().filter_map(|event| match event {
            Event::Answered { attempts, .. } => Some(*attempts),
            _ => None,
        });
        let pairs = self.answers.iter().zip(taken);
        let unmet = pairs.filter_map(|(answer, taken)| {
            let wanted = answer.attempts.filter(|wanted| *wanted != taken)?;
            let sentence = format!(
                "expected the question `{}` to be put {wanted} times; got {taken}",
                answer.asked
            );
            Some((Some(answer.line), sentence))
        });
        unmet.collect()
    }

    fn unmet(&self, scripted: &Scripted) -> Complaints {
        let expect = &self.expect;
        let mut complaints = Vec::new();
        let mut complain = |line: usize, sentence: String| complaints.push((Some(line), sentence));
        let said = scripted.templates();
        if let Some((line, wanted)) = expect
            .outcome
            .as_ref()
            .filter(|(_, outcome)| scripted.outcome != *outcome)
        {
            let named = |outcome: &Option<String>| {
                let outcome = outcome.as_ref();
                outcome.map_or_else(|| "none".to_owned(), |outcome| format!("`{outcome}`"))
            };
            let got = named(&scripted.outcome);
            let wanted = match wanted {
                Some(wanted) => format!("the outcome `{wanted}`"),
                None => "no outcome".to_owned(),
            };
            complain(*line, format!("expected {wanted}; got {got}"));
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
        if let Some((line, wanted)) = &expect.milestones
            && *wanted != scripted.milestones
        {
            let (wanted, got) = (list(wanted), list(&scripted.milestones));
            complain(
                *line,
                format!("expected the milestones {wanted}; got {got}"),
            );
        }
        if let Some((line, wanted)) = &expect.call_again
            && *wanted != scripted.call_again_ms
        {
            let named = |at_ms: Option<u64>| at_ms.map_or_else(|| "none".to_owned(), moment);
            let (wanted, got) = (named(*wanted), named(scripted.call_again_ms));
            complain(
                *line,
                format!("expected another call at {wanted}; got {got}"),
            );
        }
        if let Some((line, wanted)) = &expect.asked
            && *wanted != scripted.asked
        {
            let (wanted, got) = (list(wanted), list(&scripted.asked));
            complain(*line, format!("expected to be asked: {wanted}; got {got}"));
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

    /// What the prompts say, and with which values.
    fn unspoken(&self, scripted: &Scripted, version: &FlowVersion) -> Complaints {
        let expect = &self.expect;
        let today = self.known.today();
        let mut complaints = Vec::new();
        let mut complain = |line: usize, sentence: String| complaints.push((Some(line), sentence));
        let said = scripted.events.iter().filter_map(|event| match event {
            Event::Said { prompt, language } => {
                Some((prompt, words(version, prompt, language, today)))
            }
            _ => None,
        });
        let said: Vec<_> = said.collect();
        for (prompt, unspoken) in &said {
            if let Err(reason) = unspoken {
                let sentence = format!("`{}` cannot be said: {reason}", prompt.template());
                complaints.push((None, sentence));
                return complaints;
            }
        }
        let said: Vec<(&Prompt, String)> = said
            .into_iter()
            .filter_map(|(prompt, words)| Some((prompt, words.ok()?)))
            .collect();
        for (line, template, wanted) in &expect.wording {
            let mut of_template = said
                .iter()
                .filter(|(prompt, _)| prompt.template() == template);
            let has = |words: &str| lower(words).contains(&lower(wanted));
            if of_template.clone().any(|(_, words)| has(words)) {
                continue;
            }
            let got = of_template.next_back().map_or_else(
                || "it was not said".to_owned(),
                |(_, words)| format!("“{words}”"),
            );
            complain(
                *line,
                format!("expected `{template}` to say “{wanted}”; got: {got}"),
            );
        }
        if let Some((line, forbidden)) = &expect.never_wording {
            for forbidden in forbidden {
                let found = said
                    .iter()
                    .find(|(_, words)| lower(words).contains(&lower(forbidden)));
                if let Some((prompt, words)) = found {
                    let name = prompt.template();
                    complain(
                        *line,
                        format!("expected “{forbidden}” never to be said; got `{name}`: “{words}”"),
                    );
                }
            }
        }
        for (line, template, argument, wanted) in &expect.values {
            let given = said.iter().filter_map(|(prompt, _)| match &prompt.content {
                Content::Template(said) if said.name == *template => said
                    .arguments
                    .iter()
                    .find(|given| given.name == *argument)
                    .map(|given| given.value.to_string()),
                _ => None,
            });
            let given: Vec<_> = given.collect();
            if !given.contains(wanted) {
                complain(
                    *line,
                    format!(
                        "expected `{template}` to be said with `{argument}` = `{wanted}`; got {}",
                        list(&given)
                    ),
                );
            }
        }
        complaints
    }
}

fn lower(text: &str) -> String {
    text.to_lowercase()
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
