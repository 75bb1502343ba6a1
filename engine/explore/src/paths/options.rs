//! What a caller, or an action, may answer where a call waits.

use std::collections::BTreeMap;

use ghanti_host::{Act, Asking, Does, Failed, Turn, Wait};
use ghanti_language::builtin::Grammar;
use ghanti_model::{CallError, Language, Masked, Reply, ValueGrammar};
use serde_json::Value as Json;
use time::{Date, Duration, Time};

/// What is said to a question for any words, where no test has an example.
const WORDS: &str = "I would like to talk about it another time";
/// The most examples of tests that are tried at one question or action.
const EXAMPLES_MAX: usize = 4;
/// The end of the name of a question that reads a value back.
const CONFIRM: &str = "-confirm";
const YES: &str = "yes";

/// What tests show of answers.
#[derive(Debug, Clone, Default)]
pub struct Examples {
    /// What callers said or pressed, by question.
    pub answers: BTreeMap<String, Vec<Does>>,
    /// What actions answered, by name.
    pub actions: BTreeMap<String, Vec<Json>>,
}

/// Something that may follow.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) turn: Turn,
    /// Whether it is a disturbance: the caller comes to the same answer in a roundabout way, or a
    /// service fails.
    pub(super) is_disturbance: bool,
}

/// Where and for whom options are looked for.
pub(super) struct Place<'p> {
    pub(super) examples: &'p Examples,
    pub(super) today: Date,
    /// The languages in which they may answer: that of the call first.
    pub(super) languages: &'p [Language],
    /// Whether the flow goes on in the language of an answer.
    pub(super) follows: bool,
}

/// Everything that may follow, in the order in which it is tried; and a sentence where something is
/// missing to try more.
pub(super) fn options(wait: &Wait, place: &Place<'_>) -> (Vec<Choice>, Option<String>) {
    match wait {
        Wait::Action(name) => of_action(name, place),
        Wait::Question(asking) => of_question(asking, place),
    }
}

fn of_action(name: &str, place: &Place<'_>) -> (Vec<Choice>, Option<String>) {
    let examples = place.examples.actions.get(name);
    let answers = examples.into_iter().flatten().take(EXAMPLES_MAX);
    let mut choices: Vec<_> = answers
        .map(|answer| Choice {
            turn: Turn::Action(Ok(answer.clone())),
            is_disturbance: false,
        })
        .collect();
    let missing = choices.is_empty().then(|| {
        format!(
            "the action `{name}` has no example of an answer: let a test give one in `[[actions]]`"
        )
    });
    let failed = CallError::Unavailable("tried without it".to_owned());
    choices.push(Choice {
        turn: Turn::Action(Err(failed)),
        is_disturbance: missing.is_none(),
    });
    (choices, missing)
}

fn of_question(asking: &Asking, place: &Place<'_>) -> (Vec<Choice>, Option<String>) {
    let (answers, missing) = answers(asking, place);
    let is_confirm = asking.name.ends_with(CONFIRM);
    let mut choices = Vec::new();
    let mut add = |act: Act, is_disturbance: bool| {
        choices.push(Choice {
            turn: Turn::Caller(act),
            is_disturbance,
        })
    };
    for does in &answers {
        let is_yes = matches!(does, Does::Replies(Reply::Choice(id), _) if id == YES);
        add(does.clone().into(), is_confirm && !is_yes);
    }
    for does in [Does::StaysSilent, Does::IsNotUnderstood] {
        add(does.into(), is_confirm);
    }
    if is_confirm {
        return (choices, missing);
    }
    if asking.understand.is_some() {
        // what no grammar takes goes to the action
        add(Does::Says(WORDS.to_owned()).into(), true);
    }
    for side in &asking.sides {
        add(chooses(side).into(), true);
    }
    let mut first = Vec::new();
    if asking.no_input > 0 {
        first.push(Failed::NoInput);
    }
    if asking.no_match > 0 {
        first.push(Failed::NoMatch);
    }
    for does in answers {
        if !first.is_empty() {
            let act = Act {
                does: does.clone(),
                first: first.clone(),
                interrupts: false,
            };
            add(act, true);
        }
        let act = Act {
            does: does.clone(),
            first: Vec::new(),
            interrupts: true,
        };
        add(act, true);
        if let (true, Does::Replies(reply @ Reply::Choice(_), _)) = (place.follows, &does) {
            // one language represents all: the conversation itself is tried in each of them
            if let Some(other) = place.languages.get(1) {
                add(
                    Does::Replies(reply.clone(), Some(other.clone())).into(),
                    true,
                );
            }
        }
    }
    (choices, missing)
}

fn chooses(id: &str) -> Does {
    Does::Replies(Reply::Choice(id.to_owned()), None)
}

/// The answers that a question takes.
fn answers(asking: &Asking, place: &Place<'_>) -> (Vec<Does>, Option<String>) {
    let mut answers: Vec<Does> = asking
        .choices
        .iter()
        .filter(|choice| !asking.sides.contains(&choice.id))
        .map(|choice| chooses(&choice.id))
        .collect();
    if !answers.is_empty() {
        return (answers, None);
    }
    let examples = place.examples.answers.get(&asking.name);
    answers.extend(examples.into_iter().flatten().take(EXAMPLES_MAX).cloned());
    if let Some((min, _)) = asking.keys {
        if answers.is_empty() {
            answers.push(Does::Presses(row_of_keys(min)));
        }
    } else if let Some(grammar) = &asking.grammar {
        answers.extend(values(grammar, place, &answers));
        if answers.is_empty() {
            let missing = format!(
                "the question `{}` asks for a {}, and no value in its range was found: let a test say one",
                asking.name, grammar.name
            );
            return (answers, Some(missing));
        }
    } else if answers.is_empty() {
        answers.push(Does::Replies(Reply::Text(Masked::new(WORDS)), None));
    }
    (answers, None)
}

fn row_of_keys(count: usize) -> String {
    "1234567890".chars().cycle().take(count.max(1)).collect()
}

/// A value that is said and the same keyed, where the tests do not have them already.
fn values(value: &ValueGrammar, place: &Place<'_>, known: &[Does]) -> Vec<Does> {
    let Ok(grammar) = Grammar::with(&value.name, &value.parameters) else {
        return Vec::new();
    };
    let Some(language) = place.languages.first() else {
        return Vec::new();
    };
    let now = place.today.with_time(Time::MIDNIGHT + Duration::hours(11));
    let is_said = known.iter().any(|does| matches!(does, Does::Says(_)));
    let is_keyed = known.iter().any(|does| matches!(does, Does::Presses(_)));
    let taken = |value: &ghanti_language::builtin::Value| value.argument().is_some();
    let mut values = Vec::new();
    if !is_said {
        let said = spoken(value, place.today).into_iter().find(|words| {
            let read = grammar.read(words, language, now).at_end();
            read.as_ref().is_some_and(taken)
        });
        values.extend(said.map(Does::Says));
    }
    if !is_keyed {
        let keyed = keyed(value, place.today).into_iter().find(|keys| {
            let read = grammar.keyed(keys, now).at_end();
            read.as_ref().is_some_and(taken)
        });
        values.extend(keyed.map(Does::Presses));
    }
    values
}

/// Days around today that a range may have.
fn days(today: Date) -> impl Iterator<Item = Date> {
    [7, 1, 30, 0, -7, -1, -30, 90, -90]
        .into_iter()
        .filter_map(move |days| today.checked_add(Duration::days(days)))
}

/// Numbers that a range may have: its own ends, and usual ones.
fn numbers(value: &ValueGrammar) -> Vec<String> {
    let ends = ["min", "max"]
        .into_iter()
        .filter_map(|end| value.parameters.get(end).cloned());
    let usual = ["5000", "100", "25", "10", "5", "1"].map(str::to_owned);
    usual.into_iter().chain(ends).collect()
}

fn digits(value: &ValueGrammar) -> String {
    let length = ["length", "min-length"]
        .into_iter()
        .find_map(|name| value.parameters.get(name)?.parse().ok());
    row_of_keys(length.unwrap_or(1))
}

/// What may be said for a value, in figures as recognisers write them.
fn spoken(value: &ValueGrammar, today: Date) -> Vec<String> {
    match value.name.as_str() {
        "date" => days(today).map(|day| day.to_string()).collect(),
        "time" => ["11:00", "18:30", "09:15", "15:00", "23:00"]
            .map(str::to_owned)
            .to_vec(),
        "digits" => vec![digits(value)],
        "phone" => vec!["9876543210".to_owned()],
        _ => numbers(value),
    }
}

/// What may be keyed for a value.
fn keyed(value: &ValueGrammar, today: Date) -> Vec<String> {
    match value.name.as_str() {
        "date" => days(today)
            .map(|day| {
                format!(
                    "{:02}{:02}{:04}",
                    day.day(),
                    u8::from(day.month()),
                    day.year()
                )
            })
            .collect(),
        "time" => spoken(value, today)
            .into_iter()
            .map(|time| time.replace(':', ""))
            .collect(),
        _ => spoken(value, today),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use time::macros::date;

    use super::*;

    fn asking(name: &str) -> Asking {
        Asking {
            name: name.to_owned(),
            choices: Vec::new(),
            sides: Vec::new(),
            grammar: None,
            understand: None,
            keys: None,
            no_input: 1,
            no_match: 1,
        }
    }

    fn choice(id: &str) -> ghanti_model::Choice {
        ghanti_model::Choice {
            id: id.to_owned(),
            lexicon: None,
            phrases: Vec::new(),
            key: None,
        }
    }

    fn shown(asking: Asking, follows: bool) -> Vec<String> {
        let languages = ["en", "hi", "ta"].map(|tag| Language::parse(tag).unwrap());
        let examples = Examples::default();
        let place = Place {
            examples: &examples,
            today: date!(2026 - 11 - 27),
            languages: &languages,
            follows,
        };
        let (choices, missing) = options(&Wait::Question(Box::new(asking)), &place);
        assert_eq!(missing, None);
        choices
            .into_iter()
            .map(|choice| {
                let Turn::Caller(act) = choice.turn else {
                    panic!("an action")
                };
                let level = u8::from(choice.is_disturbance);
                format!("{level} {}", crate::transcript::acted(&act))
            })
            .collect()
    }

    #[test]
    fn every_choice_silence_and_unknown_words_come_before_all_disturbances() {
        let mut identity = asking("identity");
        identity.choices = vec![choice("yes"), choice("who")];
        identity.sides = vec!["who".to_owned()];
        assert_eq!(
            shown(identity.clone(), true),
            [
                "0 yes",
                "0 says nothing",
                "0 is not understood",
                "1 who",
                "1 says nothing, then is not understood, then yes",
                "1 interrupting: yes",
                "1 yes (in hi-IN)",
            ]
        );
        identity.no_input = 0;
        identity.no_match = 0;
        assert!(
            shown(identity, false)
                .iter()
                .all(|shown| { !shown.contains("says nothing, then") && !shown.contains("hi-IN") })
        );
    }

    #[test]
    fn a_question_for_a_value_is_answered_with_one_in_its_range() {
        for (name, parameters, said, keyed) in [
            (
                "date",
                vec![("earliest", "today"), ("latest", "today+3")],
                "“2026-11-28”",
                "presses 28112026",
            ),
            (
                "date",
                vec![("latest", "today-1")],
                "“2026-11-20”",
                "presses 20112026",
            ),
            ("digits", vec![("length", "4")], "“1234”", "presses 1234"),
            ("number", vec![("max", "12")], "“10”", "presses 10"),
            ("number", vec![("min", "7777")], "“7777”", "presses 7777"),
            ("currency", vec![], "“5000”", "presses 5000"),
            (
                "time",
                vec![("earliest", "17:00"), ("latest", "19:00")],
                "“18:30”",
                "presses 1830",
            ),
            ("phone", vec![], "“9876543210”", "presses 9876543210"),
        ] {
            let parameters: BTreeMap<_, _> = parameters
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let mut question = asking("value");
            question.grammar = Some(ValueGrammar {
                name: name.to_owned(),
                parameters,
                end_key: '#',
                between_keys_ms: 3_000,
                confirm: None,
            });
            let shown = shown(question, false);
            assert_eq!(
                shown.get(..2).unwrap(),
                [format!("0 {said}"), format!("0 {keyed}")],
                "{name}"
            );
        }
    }

    #[test]
    fn a_value_that_is_read_back_is_confirmed_and_the_rest_is_a_disturbance() {
        let mut confirm = asking("date-confirm");
        confirm.choices = vec![choice("yes"), choice("no")];
        assert_eq!(
            shown(confirm, false),
            ["0 yes", "1 no", "1 says nothing", "1 is not understood"]
        );
    }

    #[test]
    fn an_action_answers_as_in_the_tests_and_fails() {
        let examples = Examples {
            actions: BTreeMap::from([("due".to_owned(), vec![Json::from(1), Json::from(2)])]),
            ..Examples::default()
        };
        let place = Place {
            examples: &examples,
            today: date!(2026 - 11 - 27),
            languages: &[],
            follows: false,
        };
        let levels = |name: &str| {
            let (choices, missing) = options(&Wait::Action(name.to_owned()), &place);
            let levels: Vec<_> = choices.iter().map(|choice| choice.is_disturbance).collect();
            (levels, missing.is_some())
        };
        assert_eq!(levels("due"), (vec![false, false, true], false));
        assert_eq!(levels("other"), (vec![false], true));
    }
}
