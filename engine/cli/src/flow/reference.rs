//! The keys of the files that authors write, found by giving their parser wrong input: the error for an
//! unknown key lists the known keys, and the error for an invalid value describes valid ones. So there
//! is no second list that could become outdated.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Maximum depth of tables.
const DEPTH: usize = 6;
/// A key and a text that no file contains.
const ODD: &str = "zz-odd";
/// A name that the author chooses.
const NAME: &str = "zz-name";
/// serde's error for an unknown key.
const ODD_FIELD: &str = "unknown field";
/// A value that is valid for no key.
const NO_VALUE: &str = "1979-05-27";

/// A kind of file.
pub struct Document {
    /// A short description.
    pub title: &'static str,
    /// Returns the errors in a text, one sentence each.
    pub errors: fn(&str) -> Vec<String>,
    /// The keys whose values are lists of tables.
    pub lists: &'static [&'static str],
    /// Boolean keys in a table with names that the author chooses.
    pub switches: &'static [(&'static str, &'static str)],
    /// Whether serde parses it, which reports one error at a time and does not name the key.
    pub is_serdes: bool,
}

/// The type of a key's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Takes {
    Text,
    /// A text or a list of texts, with this description.
    Texts(String),
    Boolean,
    Whole {
        min: Option<i64>,
        max: Option<i64>,
    },
    Number,
    OneOf(Vec<String>),
    /// A table with these keys.
    Table(Vec<Key>),
    /// A list of tables with these keys.
    Tables(Vec<Key>),
    /// A table with names that the author chooses.
    Entries {
        each: Box<Takes>,
        /// Keys that are not such names.
        besides: Vec<Key>,
    },
    /// Another type, as the error describes it.
    Other(String),
    /// One of several.
    Either(Vec<Takes>),
}

/// A key.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub takes: Takes,
}

impl Document {
    /// All keys of the file.
    pub fn keys(&self) -> Vec<Key> {
        match self.table(&[]) {
            Some(Takes::Table(keys)) => keys,
            _ => Vec::new(),
        }
    }

    /// The errors for a file with one line in a table.
    fn errors_for(&self, path: &[String], line: &str) -> Vec<String> {
        let header = match path {
            [] => String::new(),
            [first, rest @ ..] if self.lists.contains(&first.as_str()) => {
                let table = if rest.is_empty() {
                    String::new()
                } else {
                    format!("[{}]\n", path.join("."))
                };
                format!("[[{first}]]\n{table}")
            }
            _ => format!("[{}]\n", path.join(".")),
        };
        (self.errors)(&format!("{header}{line}\n"))
    }

    /// The part of an error that is about a key's value.
    fn about(&self, sentence: String, name: &str) -> Option<String> {
        if self.is_serdes {
            let is_of_others = sentence.contains("missing field") || sentence.contains(ODD_FIELD);
            return (!is_of_others).then_some(sentence);
        }
        let words = sentence.strip_prefix(&format!("`{name}` "))?;
        Some(words.to_owned())
    }

    /// The type of a table, if it is one.
    fn table(&self, path: &[String]) -> Option<Takes> {
        if path.len() > DEPTH {
            return None;
        }
        let errors = self.errors_for(path, &format!("{ODD} = {NO_VALUE}"));
        if let Some(names) = errors.iter().find_map(|sentence| known(sentence)) {
            let keys = names.into_iter().map(|name| {
                let takes = self.value(path, &name);
                Key { name, takes }
            });
            return Some(Takes::Table(keys.collect()));
        }
        let path_of_entry = [path, &[NAME.to_owned()]].concat();
        let is_entry = errors.iter().any(|sentence| {
            let names_it = sentence.starts_with(&format!("`{ODD}` "));
            names_it || (self.is_serdes && invalid(sentence).is_some())
        });
        if !is_entry && !errors.is_empty() {
            return None;
        }
        // a name of the author's choice
        let (last, before) = path_of_entry.split_last()?;
        let switches = self.switches.iter();
        let here = switches.filter(|(table, _)| path.last().is_some_and(|name| name == table));
        Some(Takes::Entries {
            each: Box::new(self.value(before, last)),
            besides: here
                .map(|(_, name)| Key {
                    name: (*name).to_owned(),
                    takes: Takes::Boolean,
                })
                .collect(),
        })
    }

    /// The type of a key's value.
    fn value(&self, path: &[String], name: &str) -> Takes {
        let inner = [path, &[name.to_owned()]].concat();
        if path.is_empty() && self.lists.contains(&name) {
            return match self.table(&inner) {
                Some(Takes::Table(keys)) => Takes::Tables(keys),
                _ => Takes::Other("a list of tables".to_owned()),
            };
        }
        let errors_for = |value: &str| {
            let errors = self.errors_for(path, &format!("{name} = {value}"));
            errors
                .into_iter()
                .find_map(|sentence| self.about(sentence, name))
        };
        let words = match errors_for(NO_VALUE) {
            // every value is valid
            None => {
                return self
                    .table(&inner)
                    .unwrap_or(Takes::Other("a value".to_owned()));
            }
            Some(words) => words,
        };
        let expected = invalid(&words).unwrap_or(&words);
        let of_words = read(&words, |value| errors_for(value));
        let as_table = match self.table(&inner) {
            // the error for a table is the same as for any other value
            Some(Takes::Table(keys)) if !keys.is_empty() => Some(Takes::Table(keys)),
            // serde does not report which of two tables was meant
            Some(entries @ Takes::Entries { .. })
                if !self.is_serdes || expected.contains("map") || expected.contains("table") =>
            {
                Some(entries)
            }
            _ => None,
        };
        match (of_words, as_table) {
            (None, Some(table)) if errors_for(&format!("[\"{ODD}\"]")).is_none() => {
                Takes::Either(vec![Takes::Texts("a list of names".to_owned()), table])
            }
            (None, Some(table)) => table,
            (Some(other), None) => other,
            (Some(other), Some(table)) => Takes::Either(vec![other, table]),
            (None, None) => Takes::Other(
                words
                    .strip_prefix("takes ")
                    .map_or_else(|| words.clone(), str::to_owned),
            ),
        }
    }
}

/// The known keys that an error lists.
fn known(sentence: &str) -> Option<Vec<String>> {
    if let Some((_, names)) = sentence
        .strip_prefix(&format!("unknown key `{ODD}`: known here are "))
        .map(|names| ("", names))
    {
        let names = names.split(';').next().unwrap_or(names);
        return Some(names.split(", ").map(str::to_owned).collect());
    }
    // serde's words
    let (_, names) = sentence.split_once(&format!("unknown field `{ODD}`, expected "))?;
    Some(ticked(names))
}

/// The names in backticks.
fn ticked(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// What serde expected.
fn invalid(sentence: &str) -> Option<&str> {
    let (_, expected) = sentence.split_once("invalid type: ")?;
    Some(expected.split_once("expected ")?.1)
}

/// Parses an error into a type. `None` if a table is expected.
fn read(words: &str, errors_for: impl Fn(&str) -> Option<String>) -> Option<Takes> {
    let taken = words.strip_prefix("takes ").unwrap_or(words);
    let taken = invalid(taken).unwrap_or(taken).trim();
    if taken.starts_with("a table") || taken.starts_with("struct ") || taken.starts_with("a map") {
        return None;
    }
    if taken.starts_with("`true` or `false`") || taken.starts_with("a boolean") {
        return Some(Takes::Boolean);
    }
    if let Some(range) = taken.strip_prefix("a whole number from ") {
        let (min, max) = range.split_once(" to ").unwrap_or((range, ""));
        return Some(Takes::Whole {
            min: min.trim().parse().ok(),
            max: max.trim().parse().ok(),
        });
    }
    if ["u8", "u16", "u32", "u64", "usize", "i64"].contains(&taken) {
        return Some(Takes::Whole {
            min: Some(0),
            max: None,
        });
    }
    if taken.starts_with("a text in quotes or a whole number") {
        let whole = Takes::Whole {
            min: None,
            max: None,
        };
        return Some(Takes::Either(vec![Takes::Text, whole]));
    }
    if taken.starts_with("a number") || taken.starts_with("f32") || taken.starts_with("f64") {
        return Some(Takes::Number);
    }
    if taken.starts_with("a sequence") {
        return Some(Takes::Texts("texts".to_owned()));
    }
    let is_text = taken.starts_with("a text in quotes")
        || taken.starts_with("a string")
        || taken.contains("string or table")
        || taken.contains("variant");
    if !is_text {
        return Some(Takes::Other(taken.to_owned()));
    }
    let odd = format!("\"{ODD}\"");
    let errors = errors_for(&odd);
    if let Some(errors) = &errors {
        if let Some((_, names)) = errors.split_once(&format!("is `{ODD}`: give ")) {
            let names_given = ticked(names);
            let is_choice = names
                .replace(" or ", "")
                .replace(", ", "")
                .split('`')
                .step_by(2)
                .all(str::is_empty);
            return Some(if is_choice {
                Takes::OneOf(names_given)
            } else {
                Takes::Other(names.to_owned())
            });
        }
        if let Some((_, names)) = errors.split_once(&format!("unknown variant `{ODD}`, expected "))
        {
            return Some(Takes::OneOf(ticked(names)));
        }
    }
    let in_list = errors_for(&format!("[{odd}]"));
    let takes_lists = !in_list.as_deref().is_some_and(|errors| {
        errors.starts_with("takes a text") || errors.contains("invalid type: sequence")
    });
    Some(if takes_lists {
        let reason = in_list.or(errors).and_then(|errors| {
            let (_, reason) = errors.split_once(&format!("has `{ODD}`: "))?;
            let what = reason.rsplit_once(": ").map_or(reason, |(_, what)| what);
            Some(format!("a text, or several: {what}"))
        });
        Takes::Texts(reason.unwrap_or_else(|| "a text, or several".to_owned()))
    } else {
        match errors {
            None => Takes::Text,
            Some(errors) => Takes::Other(errors.strip_prefix("takes ").map_or_else(
                || {
                    format!(
                        "a text: {}",
                        errors
                            .trim_start_matches("is ")
                            .replace(&format!("`{ODD}`: "), "")
                    )
                },
                str::to_owned,
            )),
        }
    })
}

impl Takes {
    /// A short description.
    pub fn words(&self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Texts(reason) => reason.clone(),
            Self::Boolean => "true or false".to_owned(),
            Self::Whole { min, max } => match (min, max) {
                (Some(min), Some(max)) => format!("a whole number from {min} to {max}"),
                _ => "a whole number".to_owned(),
            },
            Self::Number => "a number".to_owned(),
            Self::OneOf(names) => {
                let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
                names.join(", ")
            }
            Self::Table(_) => "a table".to_owned(),
            Self::Tables(_) => "a table each".to_owned(),
            Self::Entries { each, .. } => format!("a table of names, each with {}", each.words()),
            Self::Other(words) => words.clone(),
            Self::Either(several) => {
                let several: Vec<_> = several.iter().map(Self::words).collect();
                several.join("; or ")
            }
        }
    }

    /// The keys of the tables that are its values, and the path to these tables.
    pub fn below(&self) -> Vec<(&'static str, &[Key])> {
        match self {
            Self::Table(keys) => vec![("", keys)],
            Self::Tables(keys) => vec![("", keys)],
            Self::Entries { each, besides } => {
                let own = (!besides.is_empty()).then_some(("", besides.as_slice()));
                let named = each.below().into_iter().map(|(_, keys)| ("NAME", keys));
                own.into_iter().chain(named).collect()
            }
            Self::Either(several) => several.iter().flat_map(Self::below).collect(),
            _ => Vec::new(),
        }
    }

    fn schema(&self, describe: &dyn Fn(&str) -> Option<String>) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Texts(reason) => json!({
                "description": reason,
                "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
            }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Whole { min, max } => {
                let mut schema = Map::new();
                schema.insert("type".to_owned(), json!("integer"));
                if let Some(min) = min {
                    schema.insert("minimum".to_owned(), json!(min));
                }
                if let Some(max) = max {
                    schema.insert("maximum".to_owned(), json!(max));
                }
                Value::Object(schema)
            }
            Self::Number => json!({ "type": "number" }),
            Self::OneOf(names) => json!({ "enum": names }),
            Self::Table(keys) => object(keys, describe),
            Self::Tables(keys) => json!({ "type": "array", "items": object(keys, describe) }),
            Self::Entries { each, besides } => {
                let mut schema = object(besides, describe);
                if let Some(fields) = schema.as_object_mut() {
                    fields.insert("additionalProperties".to_owned(), each.schema(describe));
                }
                schema
            }
            Self::Other(words) => json!({ "description": words }),
            Self::Either(several) => {
                let several: Vec<_> = several.iter().map(|takes| takes.schema(describe)).collect();
                json!({ "anyOf": several })
            }
        }
    }
}

fn object(keys: &[Key], describe: &dyn Fn(&str) -> Option<String>) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let mut schema = key.takes.schema(describe);
        if let (Some(fields), Some(sentence)) = (schema.as_object_mut(), describe(&key.name)) {
            fields.insert("description".to_owned(), json!(sentence));
        }
        properties.insert(key.name.clone(), schema);
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The JSON Schema of a kind of file, for editors.
pub fn schema(document: &Document, describe: &dyn Fn(&str) -> Option<String>) -> Value {
    let mut schema = object(&document.keys(), describe);
    if let Some(fields) = schema.as_object_mut() {
        fields.insert(
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        fields.insert("title".to_owned(), json!(document.title));
    }
    schema
}

/// The description of a name in a Markdown table that has the name in its first column.
pub fn row(page: &str, name: &str) -> Option<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    for line in rows {
        let mut cells = line.split(" | ");
        let (Some(first), Some(second)) = (cells.next(), cells.next()) else {
            continue;
        };
        let named: BTreeSet<String> = ticked(first).into_iter().collect();
        if named.contains(name)
            || named.contains(&format!("[{name}]"))
            || named.contains(&format!("[[{name}]]"))
        {
            return Some(plain(second.trim_end_matches(" |")));
        }
    }
    None
}

/// Markdown without links.
pub fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let (lead, label) = before.rsplit_once('[').unwrap_or((before, ""));
        plain.push_str(lead);
        plain.push_str(label);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain.trim().trim_end_matches('|').trim().to_owned()
}
