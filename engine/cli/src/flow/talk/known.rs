//! The data for a conversation: the customer, and the answers of actions. By default both come from the
//! flow's own tests.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ghanti_manifest::CustomerSchema;
use ghanti_model::values::DateRules;
use ghanti_model::{CallError, Masked};
use serde_json::Value as Json;
use time::Date;
use toml::{Table, Value};

use super::caller::ActionAnswer;

/// Maximum size of a customer's file in bytes.
const CUSTOMER_BYTES: u64 = 1 << 20;

/// The customer and the answers of actions.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The fields of the customer's record.
    pub customer: BTreeMap<String, String>,
    /// Values that look-ups find.
    pub lookup: BTreeMap<String, String>,
    /// Where the customer comes from, as text.
    pub source: String,
    /// The answers of actions, by name, in order.
    pub actions: BTreeMap<String, VecDeque<ActionAnswer>>,
}

impl Known {
    /// Reads them: the customer from a file, or else from the flow's first test with one, with these fields
    /// changed.
    pub fn read(
        folder: &Path,
        customer: Option<&Path>,
        set: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let tests = tests(folder);
        let mut known = Self {
            actions: actions(&tests),
            ..Self::default()
        };
        match customer {
            Some(file) => {
                let table = table(file)?;
                let fields = table.get("customer").and_then(Value::as_table);
                known.customer = texts(fields.unwrap_or(&table))
                    .with_context(|| format!("in `{}`", file.display()))?;
                known.lookup = lookup(&table);
                known.source = format!("the customer of {}", file.display());
            }
            None => {
                let first = tests.iter().find_map(|(name, table)| {
                    Some((name, table, table.get("customer")?.as_table()?))
                });
                match first {
                    Some((name, table, fields)) => {
                        known.customer = texts(fields).unwrap_or_default();
                        known.lookup = lookup(table);
                        known.source = format!("the customer of tests/{name}");
                    }
                    None => known.source = "a customer without any fields".to_owned(),
                }
            }
        }
        for (name, value) in set {
            known.customer.insert(name.clone(), value.clone());
        }
        if !set.is_empty() {
            let names: Vec<_> = set.iter().map(|(name, _)| name.as_str()).collect();
            let names = names.join(", ");
            known.source = if known.customer.len() == set.len() {
                format!("a customer from --set only ({names})")
            } else {
                format!("{}, but {names} from --set", known.source)
            };
        }
        Ok(known)
    }

    /// What a flow with this schema cannot read of the customer, a sentence each, without values,
    /// unless all of it has been reported already.
    pub fn new_problems(
        &self,
        schema: &CustomerSchema,
        today: Date,
        told: &mut Vec<String>,
    ) -> Vec<String> {
        let unknown = self.customer.keys().filter_map(|name| schema.unknown(name));
        let record: BTreeMap<_, _> = self
            .customer
            .iter()
            .map(|(name, value)| (name.clone(), Masked::from(value.as_str())))
            .collect();
        let reading = schema.read(&record, DateRules::unordered(today));
        let problems: Vec<_> = unknown
            .chain(reading.problems)
            .map(|problem| format!("the customer's record: {problem}"))
            .collect();
        if problems == *told {
            return Vec::new();
        }
        told.clone_from(&problems);
        problems
    }
}

fn lookup(table: &Table) -> BTreeMap<String, String> {
    let lookup = table.get("lookup").and_then(Value::as_table);
    lookup
        .and_then(|lookup| texts(lookup).ok())
        .unwrap_or_default()
}

fn table(file: &Path) -> anyhow::Result<Table> {
    let shown = file.display();
    let found = file
        .metadata()
        .with_context(|| format!("cannot read `{shown}`"))?;
    if !found.is_file() || found.len() > CUSTOMER_BYTES {
        bail!(
            "`{shown}` is not a file of at most {} MiB",
            CUSTOMER_BYTES >> 20
        );
    }
    let text = fs::read_to_string(file).with_context(|| format!("cannot read `{shown}`"))?;
    text.parse().with_context(|| {
        format!("`{shown}` is not valid TOML: write `name = \"Priya\"`, one field per line")
    })
}

fn texts(table: &Table) -> anyhow::Result<BTreeMap<String, String>> {
    let text = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        Value::Integer(_) | Value::Float(_) | Value::Datetime(_) => {
            Ok((name.clone(), value.to_string()))
        }
        _ => bail!("`{name}` is not a string: write `{name} = \"…\"`"),
    };
    table.iter().map(text).collect()
}

/// The flow's tests that can be read, by name.
fn tests(folder: &Path) -> Vec<(String, Table)> {
    let entries = fs::read_dir(folder.join("tests"))
        .into_iter()
        .flatten()
        .flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.to_owned();
        Some((name, table(&path).ok()?))
    };
    paths.into_iter().filter_map(read).collect()
}

/// The answers of each action, from the first test that has some.
fn actions(tests: &[(String, Table)]) -> BTreeMap<String, VecDeque<ActionAnswer>> {
    let mut all: BTreeMap<String, VecDeque<ActionAnswer>> = BTreeMap::new();
    for (_, table) in tests {
        let mut of_test: BTreeMap<String, VecDeque<ActionAnswer>> = BTreeMap::new();
        let entries = table.get("actions").and_then(Value::as_array);
        for entry in entries.into_iter().flatten() {
            let name = entry.get("name").and_then(Value::as_str);
            let answer = match (entry.get("answer"), entry.get("error")) {
                (Some(answer), None) => Some(Ok(json(answer))),
                (None, Some(error)) => error.as_str().and_then(error_named).map(Err),
                _ => None,
            };
            if let (Some(name), Some(answer)) = (name, answer) {
                of_test
                    .entry(name.to_owned())
                    .or_default()
                    .push_back(answer);
            }
        }
        for (name, answers) in of_test {
            all.entry(name).or_insert(answers);
        }
    }
    all
}

/// An error of an action by its name in tests.
pub fn error_named(name: &str) -> Option<CallError> {
    let reported = "as typed".to_owned();
    Some(match name {
        "unavailable" => CallError::Unavailable(reported),
        "invalid" => CallError::Invalid(reported),
        "limit" => CallError::Limit(reported),
        "refused" => CallError::Refused(ghanti_model::Refusal {
            subject: "action".to_owned(),
            missing: Vec::new(),
            reason: reported,
        }),
        _ => return None,
    })
}

/// A TOML value as JSON. A time becomes a text.
fn json(value: &Value) -> Json {
    match value {
        Value::String(text) => Json::from(text.as_str()),
        Value::Integer(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Boolean(value) => Json::from(*value),
        Value::Datetime(moment) => Json::from(moment.to_string()),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Table(table) => table
            .iter()
            .map(|(name, value)| (name.clone(), json(value)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customer_and_answers_come_from_the_flows_tests_unless_they_are_given() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tests")).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("tests/a.toml", "[expect]\noutcome = 'done'\n");
        write(
            "tests/b.toml",
            "[customer]\nname = 'Priya'\n[[actions]]\nname = 'slots'\nanswer = { free = [1, 2] }\n[[actions]]\nname = 'slots'\nerror = 'unavailable'\n",
        );
        write(
            "tests/c.toml",
            "[customer]\nname = 'Ravi'\n[[actions]]\nname = 'slots'\nanswer = 3\n",
        );
        let set = [("amount".to_owned(), "500".to_owned())];
        let known = Known::read(folder.path(), None, &set).unwrap();
        assert_eq!(known.customer["name"], "Priya");
        assert_eq!(known.customer["amount"], "500");
        assert_eq!(
            known.source,
            "the customer of tests/b.toml, but amount from --set"
        );
        let answers = &known.actions["slots"];
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[0], Ok(serde_json::json!({ "free": [1, 2] })));
        assert!(matches!(answers[1], Err(CallError::Unavailable(_))));

        for text in ["name = 'Asha'\n", "[customer]\nname = 'Asha'\n"] {
            write("customer.toml", text);
            let file = folder.path().join("customer.toml");
            let known = Known::read(folder.path(), Some(&file), &[]).unwrap();
            assert_eq!(known.customer["name"], "Asha");
        }
        write("customer.toml", "name = Asha\n");
        let file = folder.path().join("customer.toml");
        let error = Known::read(folder.path(), Some(&file), &[]).unwrap_err();
        assert!(
            format!("{error:#}").contains("is not valid TOML"),
            "{error:#}"
        );
    }
}
