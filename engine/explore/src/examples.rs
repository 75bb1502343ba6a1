//! Example values for the variables of a flow's prompts, so that a prompt can be heard without a
//! call: those that the flow gives them in its own tests, else what its settings and its customers
//! have by the same name, else a usual value of the type.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ghanti_host::{Event, FlowVersion};
use ghanti_manifest::CustomerField;
use ghanti_model::description::Kind;
use ghanti_model::values::Kind as Field;
use ghanti_model::{Content, Money, TimeOfDay, Value};
use time::{Date, Duration as Days};

use crate::flow_tests::{self, FlowTest};
use crate::run::converse;

/// The time limit of the conversations that are run for examples.
const WITHIN: Duration = Duration::from_secs(5);
/// In how many days the dates of examples are.
const DAYS_AHEAD: i64 = 10;

/// Example values by the variables' names.
pub type Values = BTreeMap<String, Value>;

/// The values that the flow gives its variables in its tests, given by file name, and usual ones for
/// what is not said there. Holds the tests' conversations, for at most a few seconds.
pub async fn values(
    version: &FlowVersion,
    tests: &BTreeMap<String, String>,
    today: Date,
) -> Values {
    let began = Instant::now();
    let (tests, _) = flow_tests::read(version, tests);
    let mut values = Values::new();
    for (_, test) in &tests {
        let left = WITHIN.saturating_sub(began.elapsed());
        let conversation = converse(version, test.caller(), &test.known.settings);
        let Ok(conversation) = tokio::time::timeout(left, conversation).await else {
            break;
        };
        for event in &conversation.scripted.events {
            let Event::Said { prompt, .. } = event else {
                continue;
            };
            if let Content::Template(template) = &prompt.content {
                for argument in &template.arguments {
                    values
                        .entry(argument.name.clone())
                        .or_insert_with(|| argument.value.clone());
                }
            }
        }
    }
    let customer = tests.first().map(|(_, test)| of_customer(test));
    let usual = usual(version, &customer.unwrap_or_default(), today);
    for (name, value) in usual {
        // a test may say a variable with another type than the prompts have now
        let known = values.entry(name).or_insert_with(|| value.clone());
        if known.kind() != value.kind() {
            *known = value;
        }
    }
    values
}

/// Usual values for all variables of a version, without any conversation.
pub fn usual(version: &FlowVersion, customer: &BTreeMap<&str, &str>, today: Date) -> Values {
    let manifest = version.manifest();
    let mut values = Values::new();
    let languages = version.prompts.languages();
    let messages = languages
        .filter_map(|language| version.prompts.source(language))
        .flat_map(ghanti_language::template::written::messages);
    for message in messages {
        for (name, kind) in version.prompts.variables(&message.name) {
            let Some(kind) = kind.filter(|_| !values.contains_key(name)) else {
                continue;
            };
            let given = manifest.settings.get(name).map(String::as_str);
            let given = given.or_else(|| customer.get(name).copied());
            let field = manifest.customer.fields.get(name);
            values.insert(name.to_owned(), value(name, kind, given, field, today));
        }
    }
    values
}

fn of_customer(test: &FlowTest) -> BTreeMap<&str, &str> {
    let fields = test.known.customer.iter();
    fields
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn value(
    name: &str,
    kind: Kind,
    given: Option<&str>,
    field: Option<&CustomerField>,
    today: Date,
) -> Value {
    match kind {
        Kind::Text => {
            let is_name = field.is_some_and(|field| field.kind == Field::Name);
            let words = match given {
                Some(given) => given.to_owned(),
                None if is_name => "Ravi Kumar".to_owned(),
                // what it is called says best what is said there
                None => name.replace(['-', '_'], " "),
            };
            Value::Text(words.into())
        }
        Kind::Integer => Value::Integer(3),
        Kind::Money => Value::Money(Money {
            minor: 1_250_000,
            currency: "INR".to_owned(),
        }),
        Kind::Date => Value::Date(today.saturating_add(Days::days(DAYS_AHEAD))),
        Kind::Time => Value::Time(TimeOfDay {
            hour: 10,
            minute: 30,
        }),
        Kind::Digits => Value::Digits("4821".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_value_and_what_is_given_is_taken() {
        let today = Date::from_calendar_date(2026, time::Month::November, 28).unwrap();
        for kind in Kind::ALL {
            let value = value("due-date", kind, None, None, today);
            assert_eq!(value.kind(), kind.as_str());
        }
        let text = |name: &str, given, field: Option<&CustomerField>| {
            value(name, Kind::Text, given, field, today).to_string()
        };
        assert_eq!(text("bot-name", Some("Asha"), None), "Asha");
        assert_eq!(text("bot-name", None, None), "bot name");
        let date = value("due", Kind::Date, Some("tomorrow"), None, today);
        assert_eq!(date.to_string(), "2026-12-08");
    }
}
