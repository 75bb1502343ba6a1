//! Which answers to a question are likely: those that callers gave before, else a yes, then a no, then
//! the others.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ghanti_model::{Choice, FlowName, Question, Reply};

/// How many questions' answers are counted. Beyond it nothing is learned of further ones.
const QUESTIONS: usize = 512;
/// How many different answers to a question are counted.
const REPLIES: usize = 32;

type Counts = BTreeMap<String, u64>;

/// How often callers of this process gave which answer, by flow and question. Only ids of choices are
/// kept, nothing that a caller said.
#[derive(Debug, Default)]
pub(super) struct Likelihood(Mutex<BTreeMap<(FlowName, String), Counts>>);

impl Likelihood {
    /// Counts an answer, if it is one that a flow may be forked for.
    pub(super) fn learn(&self, flow: &FlowName, question: &str, reply: &Reply) {
        let Some(name) = name(reply) else {
            return;
        };
        let mut questions = self.locked();
        let key = (flow.clone(), question.to_owned());
        if questions.len() >= QUESTIONS && !questions.contains_key(&key) {
            return;
        }
        let counts = questions.entry(key).or_default();
        if counts.len() < REPLIES || counts.contains_key(name) {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// Puts the likelier answers first; those that are equally likely stay in their order.
    pub(super) fn order(&self, flow: &FlowName, question: &str, replies: &mut [Reply]) {
        let questions = self.locked();
        if let Some(counts) = questions.get(&(flow.clone(), question.to_owned())) {
            replies.sort_by_key(|reply| {
                let count = name(reply).and_then(|name| counts.get(name));
                Reverse(count.copied().unwrap_or(0))
            });
        }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<(FlowName, String), Counts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that can be known before it is given. No id of a choice is empty or has a space.
fn name(reply: &Reply) -> Option<&str> {
    match reply {
        Reply::Choice(id) => Some(id),
        Reply::NoInput => Some("no input"),
        Reply::NoMatch => Some("no match"),
        Reply::Text(_) | Reply::Keys(_) | Reply::Value(_) => None,
    }
}

/// The answers with which a question may end, as far as they can be known. Silence comes first where
/// the flow takes it for an answer, as it does not ask again; then what is said most at any question.
pub(super) fn replies(question: &Question) -> Vec<Reply> {
    let is_side = |id: &str| question.side_answers.iter().any(|side| side.choice == id);
    let choices = question
        .choices
        .iter()
        .filter(|choice| !is_side(&choice.id));
    // a table of choices in a manifest has no order of its own
    let mut choices: Vec<&Choice> = choices.collect();
    choices.sort_by_key(|choice| match choice.lexicon.as_deref() {
        _ if choice.is_yes() => 0,
        Some("no") => 1,
        _ => 2,
    });
    let choices = choices.into_iter().map(|choice| choice.id.as_str());
    let silence = question.no_input.is_empty().then_some(Reply::NoInput);
    let unclear = question.no_match.is_empty() && question.understand.is_none();
    silence
        .into_iter()
        .chain(choices.map(|id| Reply::Choice(id.to_owned())))
        .chain(unclear.then_some(Reply::NoMatch))
        .collect()
}

#[cfg(test)]
mod tests {
    use ghanti_model::{Content, Prompt, SideAnswer};

    use super::*;

    fn question(choices: &[&str]) -> Question {
        let prompt = Prompt {
            content: Content::Text("?".into()),
            language: None,
            voice: None,
            interruptible: None,
        };
        let choice = |id: &&str| Choice {
            id: (*id).to_owned(),
            lexicon: ghanti_model::question::LEXICONS
                .contains(id)
                .then(|| (*id).to_owned()),
            phrases: Vec::new(),
            key: None,
        };
        Question {
            name: "pay".to_owned(),
            prompt: prompt.clone(),
            choices: choices.iter().map(choice).collect(),
            grammar: None,
            side_answers: vec![SideAnswer {
                choice: "who".to_owned(),
                say: None,
                then: prompt.clone(),
            }],
            understand: None,
            no_input_ms: 5_000,
            no_input: vec![prompt.clone()],
            no_match: vec![prompt],
            acknowledge: None,
        }
    }

    fn ids(replies: &[Reply]) -> Vec<String> {
        replies.iter().map(Reply::to_string).collect()
    }

    #[test]
    fn what_asks_back_is_no_answer_and_silence_is_one_where_nothing_is_asked_again() {
        let mut asked = question(&["later", "no", "other", "who", "yes"]);
        assert_eq!(ids(&replies(&asked)), ["yes", "no", "later", "other"]);
        (asked.no_input, asked.no_match) = (Vec::new(), Vec::new());
        assert_eq!(
            ids(&replies(&asked)),
            ["no-input", "yes", "no", "later", "other", "no-match"]
        );
    }

    #[test]
    fn what_callers_answered_comes_first() {
        let (likelihood, flow) = (
            Likelihood::default(),
            FlowName::parse("emi-reminder").unwrap(),
        );
        let mut asked = replies(&question(&["yes", "no", "later"]));
        likelihood.order(&flow, "pay", &mut asked);
        assert_eq!(ids(&asked), ["yes", "no", "later"]);
        for reply in ["later", "no", "later"] {
            likelihood.learn(&flow, "pay", &Reply::Choice(reply.to_owned()));
        }
        likelihood.learn(&flow, "pay", &Reply::Text("my words".into()));
        likelihood.order(&flow, "pay", &mut asked);
        assert_eq!(ids(&asked), ["later", "no", "yes"]);
        // of another question nothing is known
        let mut other = replies(&question(&["yes", "no", "later"]));
        likelihood.order(&flow, "other", &mut other);
        assert_eq!(ids(&other), ["yes", "no", "later"]);
        assert!(!format!("{likelihood:?}").contains("my words"));
    }

    #[test]
    fn no_more_is_kept_than_has_room() {
        let (likelihood, flow) = (
            Likelihood::default(),
            FlowName::parse("emi-reminder").unwrap(),
        );
        for number in 0..QUESTIONS + 5 {
            for reply in 0..REPLIES + 5 {
                let reply = Reply::Choice(format!("c{reply}"));
                likelihood.learn(&flow, &format!("q{number}"), &reply);
            }
        }
        let questions = likelihood.locked();
        assert_eq!(questions.len(), QUESTIONS);
        assert!(questions.values().all(|counts| counts.len() == REPLIES));
    }
}
