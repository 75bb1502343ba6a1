//! A difference between a record and its replay, and its kind.

use std::collections::BTreeSet;

use ghanti_journal::{Divergence, Side};
use ghanti_model::{
    Argument, Collection, Content, DifferenceKind, Function, Prompt, Question, Value,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// A difference, with both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The kind of difference.
    pub kind: DifferenceKind,
    /// The recorded entry's number, from 1.
    pub seq: u32,
    /// What was recorded; `None` if the record ended before.
    pub expected: Option<Side>,
    /// What the version does; `None` if it ended before.
    pub got: Option<Side>,
    /// If both sides are the same call and a rule of the manifest makes the difference: that rule,
    /// in one sentence.
    pub rule: Option<String>,
}

impl Difference {
    pub(crate) fn of(seq: u32, expected: Option<Side>, got: Option<Side>) -> Self {
        let kind = match (&expected, &got) {
            (Some(expected), Some(got)) if expected.function == got.function => {
                same_function(expected.function, &expected.arguments, &got.arguments)
            }
            (expected, got) => {
                let decides =
                    |side: &Option<Side>| side.as_ref().is_some_and(|side| decides(side.function));
                if decides(expected) || decides(got) {
                    DifferenceKind::Decisions
                } else {
                    DifferenceKind::Structure
                }
            }
        };
        Self {
            kind,
            seq,
            expected,
            got,
            rule: None,
        }
    }

    /// Whether the recorded answer still answers what the version does.
    pub(crate) fn can_be_passed(&self) -> bool {
        let function = |side: &Option<Side>| side.as_ref().map(|side| side.function);
        self.kind != DifferenceKind::Structure
            && self.rule.is_none()
            && function(&self.expected) == function(&self.got)
    }

    /// The difference as strict replay reports it.
    pub fn divergence(&self) -> Divergence {
        Divergence {
            seq: self.seq,
            expected: self.expected.clone(),
            got: self.got.clone(),
        }
    }
}

/// Whether a function decides the outcome of the call.
fn decides(function: Function) -> bool {
    matches!(
        function,
        Function::Transfer | Function::Outcome | Function::CallAgain | Function::Invoke
    )
}

fn same_function(function: Function, expected: &Json, got: &Json) -> DifferenceKind {
    let kind = match function {
        Function::Transfer
        | Function::Outcome
        | Function::Establish
        | Function::Milestone
        | Function::CallAgain
        | Function::Note => Some(DifferenceKind::Decisions),
        Function::Pause => Some(DifferenceKind::Wording),
        // the answer of another action answers nothing
        Function::Invoke if expected.get(0).is_some() && expected.get(0) == got.get(0) => {
            Some(DifferenceKind::Decisions)
        }
        Function::SetLanguage => Some(DifferenceKind::Wording),
        Function::Say => both(expected, got).and_then(|(expected, got)| prompt(&expected, &got)),
        Function::Ask => both(expected, got).and_then(|(expected, got)| question(&expected, &got)),
        Function::Collect => {
            both(expected, got).and_then(|(expected, got)| collection(&expected, &got))
        }
        _ => None,
    };
    kind.unwrap_or(DifferenceKind::Structure)
}

/// Both sides decoded, unless the host rejected one of them as invalid.
fn both<T: DeserializeOwned>(expected: &Json, got: &Json) -> Option<(T, T)> {
    Some((T::deserialize(expected).ok()?, T::deserialize(got).ok()?))
}

fn question(expected: &Question, got: &Question) -> Option<DifferenceKind> {
    let ids = |question: &Question| {
        question
            .choices
            .iter()
            .map(|choice| choice.id.clone())
            .collect::<BTreeSet<_>>()
    };
    if expected.name != got.name || ids(expected) != ids(got) {
        return None;
    }
    put(
        (&expected.prompt, &got.prompt),
        &[
            (&expected.no_input, &got.no_input),
            (&expected.no_match, &got.no_match),
            (&sides(expected), &sides(got)),
        ],
    )
}

/// What is said to callers who ask back, or say yes.
fn sides(question: &Question) -> Vec<Prompt> {
    let sides = question.side_answers.iter();
    sides
        .flat_map(|side| side.say.iter().chain([&side.then]))
        .chain(&question.acknowledge)
        .cloned()
        .collect()
}

fn collection(expected: &Collection, got: &Collection) -> Option<DifferenceKind> {
    if expected.name != got.name
        || (expected.min_keys, expected.max_keys) != (got.min_keys, got.max_keys)
    {
        return None;
    }
    put(
        (&expected.prompt, &got.prompt),
        &[
            (&expected.no_input, &got.no_input),
            (&expected.no_match, &got.no_match),
        ],
    )
}

/// The most serious kind among a question's prompts. A different number of repeated prompts is a
/// matter of wording.
fn put(
    opening: (&Prompt, &Prompt),
    again: &[(&Vec<Prompt>, &Vec<Prompt>)],
) -> Option<DifferenceKind> {
    let pairs = again
        .iter()
        .flat_map(|(expected, got)| expected.iter().zip(got.iter()));
    let differing = std::iter::once(opening)
        .chain(pairs)
        .filter(|(expected, got)| expected != got);
    let kinds = differing
        .map(|(expected, got)| prompt(expected, got))
        .collect::<Option<Vec<_>>>()?;
    Some(kinds.into_iter().min().unwrap_or(DifferenceKind::Wording))
}

/// The kind of difference between two prompts, or `None` if something else is said.
fn prompt(expected: &Prompt, got: &Prompt) -> Option<DifferenceKind> {
    match (&expected.content, &got.content) {
        (Content::Text(expected), Content::Text(got)) => {
            Some(other_words(expected.expose(), got.expose()))
        }
        (Content::Template(expected), Content::Template(got)) if expected.name == got.name => {
            Some(arguments(&expected.arguments, &got.arguments).unwrap_or(DifferenceKind::Wording))
        }
        (Content::Audio(expected), Content::Audio(got)) if expected == got => {
            Some(DifferenceKind::Wording)
        }
        _ => None,
    }
}

fn arguments(expected: &[Argument], got: &[Argument]) -> Option<DifferenceKind> {
    let named = |list: &[Argument], name: &str| {
        list.iter()
            .find(|argument| argument.name == name)
            .map(|argument| argument.value.clone())
    };
    let names = expected
        .iter()
        .chain(got)
        .map(|argument| argument.name.as_str())
        .collect::<BTreeSet<_>>();
    let pairs = names
        .into_iter()
        .map(|name| (named(expected, name), named(got, name)));
    pairs
        .filter(|(expected, got)| expected != got)
        .map(|pair| value(pair.0.as_ref(), pair.1.as_ref()))
        .min()
}

fn value(expected: Option<&Value>, got: Option<&Value>) -> DifferenceKind {
    if let (Some(Value::Text(expected)), Some(Value::Text(got))) = (expected, got) {
        return other_words(expected.expose(), got.expose());
    }
    let alone = |value: &Value| match value {
        Value::Money(_) | Value::Integer(_) | Value::Digits(_) => DifferenceKind::Amounts,
        Value::Date(_) | Value::Time(_) => DifferenceKind::Dates,
        Value::Text(_) => DifferenceKind::Wording,
    };
    expected
        .into_iter()
        .chain(got)
        .map(alone)
        .min()
        .unwrap_or(DifferenceKind::Wording)
}

/// The kind of difference between two texts: wording, unless their numbers differ. A different
/// number counts as an amount, which is more serious.
pub fn other_words(expected: &str, got: &str) -> DifferenceKind {
    if numbers(expected) == numbers(got) {
        DifferenceKind::Wording
    } else {
        DifferenceKind::Amounts
    }
}

/// The numbers in a text, in any script, without grouping: `12,500` is 12500.
fn numbers(text: &str) -> Vec<String> {
    let joined = text.replace(',', "");
    joined
        .split(|sign: char| !sign.is_numeric())
        .filter(|figures| !figures.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(function: Function, expected: Json, got: Json) -> DifferenceKind {
        let side = |arguments| {
            Some(Side {
                function,
                arguments,
            })
        };
        Difference::of(1, side(expected), side(got)).kind
    }

    fn emi(kind: &str, value: Json) -> Json {
        let argument = json!({ "name": "x", "value": { "kind": kind, "value": value } });
        json!({ "content": { "kind": "template", "value": { "name": "emi", "arguments": [argument] } } })
    }

    fn ask(prompt: Json, choices: &[&str], wait_ms: u32) -> Json {
        let choices: Vec<_> = choices.iter().map(|id| json!({ "id": id })).collect();
        json!({ "name": "q", "prompt": prompt, "choices": choices, "no_input_ms": wait_ms, "no_input": [], "no_match": [] })
    }

    #[test]
    fn each_difference_of_a_prompt_has_its_kind() {
        let text = |words: &str| json!({ "content": { "kind": "text", "value": words } });
        let rupees = |minor: i64| emi("money", json!({ "minor": minor, "currency": "INR" }));
        let other = json!({ "content": { "kind": "template", "value": { "name": "other", "arguments": [] } } });
        let cases = [
            (rupees(1), rupees(2), DifferenceKind::Amounts),
            (
                emi("integer", json!(1)),
                emi("integer", json!(2)),
                DifferenceKind::Amounts,
            ),
            (
                emi("digits", json!("1234")),
                emi("digits", json!("1235")),
                DifferenceKind::Amounts,
            ),
            (
                rupees(1),
                emi("text", json!("one")),
                DifferenceKind::Amounts,
            ),
            (
                emi("date", json!("2026-11-30")),
                emi("date", json!("2026-12-01")),
                DifferenceKind::Dates,
            ),
            (
                emi("text", json!("Ravi")),
                emi("text", json!("Asha")),
                DifferenceKind::Wording,
            ),
            (
                emi("text", json!("₹12,500")),
                emi("text", json!("Rs. 12500")),
                DifferenceKind::Wording,
            ),
            (text("pay ₹500"), text("pay ₹600"), DifferenceKind::Amounts),
            (text("५०० रुपये"), text("६०० रुपये"), DifferenceKind::Amounts),
            (text("hello"), text("good morning"), DifferenceKind::Wording),
            (rupees(1), other, DifferenceKind::Structure),
            (rupees(1), text("hello"), DifferenceKind::Structure),
        ];
        for (expected, got, reported) in cases {
            assert_eq!(
                kind(Function::Say, expected.clone(), got.clone()),
                reported,
                "{expected} {got}"
            );
            let asked = |prompt| ask(prompt, &["yes"], 5_000);
            assert_eq!(kind(Function::Ask, asked(expected), asked(got)), reported);
        }
    }

    #[test]
    fn a_question_with_other_answers_is_another_question_and_one_with_other_waits_is_not() {
        let greeting = || emi("text", json!("Ravi"));
        let five = ask(greeting(), &["yes", "no"], 5_000);
        assert_eq!(
            kind(
                Function::Ask,
                five.clone(),
                ask(greeting(), &["no", "yes"], 7_000)
            ),
            DifferenceKind::Wording
        );
        assert_eq!(
            kind(Function::Ask, five, ask(greeting(), &["yes"], 5_000)),
            DifferenceKind::Structure
        );
    }

    #[test]
    fn decisions_are_decisions_even_where_the_other_side_does_something_else() {
        let side = |function, arguments| {
            Some(Side {
                function,
                arguments,
            })
        };
        assert_eq!(
            kind(
                Function::Outcome,
                json!(["declined", null]),
                json!(["unclear", null])
            ),
            DifferenceKind::Decisions
        );
        assert_eq!(
            kind(Function::Establish, json!("identity"), json!("consent")),
            DifferenceKind::Decisions
        );
        let transfer = || side(Function::Transfer, Json::Null);
        assert_eq!(
            Difference::of(1, transfer(), None).kind,
            DifferenceKind::Decisions
        );
        let drained = Difference::of(1, transfer(), side(Function::Drain, Json::Null));
        assert_eq!(
            (drained.kind, drained.can_be_passed()),
            (DifferenceKind::Decisions, false)
        );
        assert_eq!(
            Difference::of(1, side(Function::Drain, Json::Null), None).kind,
            DifferenceKind::Structure
        );
    }

    #[test]
    fn another_input_of_an_action_is_a_decision_and_another_action_is_another_flow() {
        let invoked = |name: &str, due: i64| json!([name, { "due": due }]);
        assert_eq!(
            kind(Function::Invoke, invoked("sms", 1), invoked("sms", 2)),
            DifferenceKind::Decisions
        );
        assert_eq!(
            kind(Function::Invoke, invoked("sms", 1), invoked("crm", 1)),
            DifferenceKind::Structure
        );
    }

    #[test]
    fn what_the_host_refused_as_unusable_is_compared_as_it_stands() {
        assert_eq!(
            kind(
                Function::Say,
                json!({ "invalid": "too long" }),
                emi("integer", json!(1))
            ),
            DifferenceKind::Structure
        );
    }
}
