//! Who is called, in an exploration: the customers of the flow's tests, or one made up from
//! `[customer]`.

use std::collections::BTreeSet;

use ghanti_host::{Away, Does, FlowVersion};
use ghanti_manifest::question::Expects;
use ghanti_model::Reply;
use ghanti_model::values::Kind;
use serde_json::{Value as Json, json};
use time::Duration;

use super::options::Examples;
use crate::flow_tests::{FlowTest, Known};

/// The most different customers and calls taken from tests.
const SITUATIONS_MAX: usize = 8;

/// A customer and a call.
#[derive(Debug, Clone)]
pub struct Situation {
    /// Where it comes from.
    pub name: String,
    /// What is known before the call.
    pub known: Known,
    /// Whether disturbances are explored, too.
    pub is_disturbed: bool,
}

/// The situations to explore, what their tests show of answers, and how many were left out.
pub(super) fn situations(
    version: &FlowVersion,
    tests: &[(String, FlowTest)],
) -> (Vec<Situation>, Examples, usize) {
    let mut examples = Examples::default();
    let mut situations: Vec<Situation> = Vec::new();
    for (file, test) in tests {
        for (question, does) in test.examples() {
            let is_example = match does {
                Does::Says(_) | Does::Presses(_) => true,
                Does::Replies(reply, None) => !matches!(reply, Reply::Choice(_)),
                _ => false,
            };
            let known = examples.answers.entry(question.to_owned()).or_default();
            if is_example && !known.contains(does) {
                known.push(does.clone());
            }
        }
        for (action, answer) in test.action_examples() {
            let known = examples.actions.entry(action.to_owned()).or_default();
            if !known.contains(answer) {
                known.push(answer.clone());
            }
        }
        let known = Known {
            away: BTreeSet::new(),
            ..test.known.clone()
        };
        if situations.iter().all(|other| other.known != known) {
            situations.push(Situation {
                name: format!("tests/{file}.toml"),
                known,
                is_disturbed: true,
            });
        }
    }
    for (action, answers) in understood(version) {
        examples.actions.entry(action).or_insert(answers);
    }
    let left_out = situations.len().saturating_sub(SITUATIONS_MAX);
    situations.truncate(SITUATIONS_MAX);
    if situations.is_empty() {
        situations.push(Situation {
            name: "an example by `[customer]`".to_owned(),
            known: made_up(version),
            is_disturbed: true,
        });
    }
    situations.extend(further(version, &situations));
    (situations, examples, left_out)
}

/// What actions answer that understand questions: a choice, and none.
fn understood(version: &FlowVersion) -> impl Iterator<Item = (String, Vec<Json>)> {
    let questions = version.manifest().questions.values();
    questions.filter_map(|question| {
        let action = question.understand.clone()?;
        let Expects::Choices(choices) = &question.expects else {
            return None;
        };
        let first = choices.first().map(|choice| json!({ "choice": choice.id }));
        let none = json!({ "choice": null });
        Some((action, first.into_iter().chain([none]).collect()))
    })
}

/// The first one in the flow's other languages, and without the stores that it may need.
fn further(version: &FlowVersion, situations: &[Situation]) -> Vec<Situation> {
    let Some(first) = situations.first() else {
        return Vec::new();
    };
    let mut further = Vec::new();
    let mut add = |what: &str, known: Known| {
        if situations.iter().all(|other| other.known != known) {
            further.push(Situation {
                name: format!("{}, {what}", first.name),
                known,
                is_disturbed: false,
            });
        }
    };
    for language in version.languages.iter().skip(1) {
        let known = Known {
            language: Some(language.clone()),
            ..first.known.clone()
        };
        add(&format!("in {language}"), known);
    }
    let manifest = version.manifest();
    let stores = [
        (
            Away::Customer,
            !manifest.customer.fields.is_empty(),
            "without the customer's record",
        ),
        (
            Away::Lookup,
            !manifest.grants.lookup.is_empty(),
            "without look-ups",
        ),
    ];
    for (away, _, what) in stores.into_iter().filter(|(_, is_used, _)| *is_used) {
        let known = Known {
            away: BTreeSet::from([away]),
            ..first.known.clone()
        };
        add(what, known);
    }
    further
}

/// A customer with a value for every field of the schema.
fn made_up(version: &FlowVersion) -> Known {
    let mut known = Known {
        languages: version.languages.clone(),
        ..Known::default()
    };
    let soon = known.today().saturating_add(Duration::days(10));
    let fields = &version.manifest().customer.fields;
    known.customer = fields
        .iter()
        .filter_map(|(name, field)| {
            let value = match field.kind {
                Kind::Text => "example".to_owned(),
                Kind::Name => "Ravi Kumar".to_owned(),
                Kind::Money => "12500".to_owned(),
                Kind::Date => soon.to_string(),
                Kind::Account => "LN00478213".to_owned(),
                Kind::Phone => "+919876543210".to_owned(),
                // the call's own
                Kind::Language => return None,
            };
            Some((name.clone(), value))
        })
        .collect();
    known
}
