//! `[customer]`: the fields that a customer's record has for this flow, and how a record is read.

use std::collections::BTreeMap;
use std::fmt;

use ghanti_model::Masked;
use ghanti_model::values::{DateRules, Kind, Unreadable, is_placeholder, language_of_state, shape};

use crate::spelling::did_you_mean_of_few;

/// The field that identifies the customer where the manifest declares no account.
const NAME: &str = "name";

/// The fields that a flow needs or uses, by name. Other fields of a record are not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomerSchema {
    /// The declared fields.
    pub fields: BTreeMap<String, CustomerField>,
}

/// A declared field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerField {
    /// The type of its value.
    pub kind: Kind,
    /// Whether a record without it is rejected.
    pub required: bool,
    /// For a language: the name of the field with the customer's state, from which the language
    /// follows if the record has none.
    pub from_state: Option<String>,
}

/// A record as read by a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerReading {
    /// Declared fields in their canonical spelling, all others unchanged. Unreadable values are
    /// left out.
    pub fields: BTreeMap<String, Masked>,
    /// Fields that are missing or unreadable.
    pub problems: Vec<FieldProblem>,
}

/// Why a field cannot be used. Does not contain the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field's name.
    pub field: String,
    /// The value with its digits and letters masked, or `None` if there is no value.
    pub shape: Option<String>,
    /// What is wrong and what to write instead; continues a sentence that starts with the field's
    /// name.
    pub reason: String,
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field, self.reason)
    }
}

impl FieldProblem {
    /// A value that cannot be read for certain.
    pub fn unreadable(field: &str, value: &str, why: Unreadable) -> Self {
        Self {
            field: field.to_owned(),
            shape: Some(shape(value)),
            reason: why.to_string(),
        }
    }
}

impl CustomerSchema {
    /// Reads a record. Reading is idempotent.
    pub fn read(&self, record: &BTreeMap<String, Masked>, dates: DateRules) -> CustomerReading {
        let undeclared = record
            .iter()
            .filter(|(name, _)| !self.fields.contains_key(*name));
        let mut reading = CustomerReading {
            fields: undeclared
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            problems: Vec::new(),
        };
        for (name, field) in &self.fields {
            let given = record
                .get(name)
                .map(Masked::expose)
                .filter(|value| !value.trim().is_empty());
            let read = match given.map(|value| (value, field.kind.canonical(value, dates))) {
                Some((_, Ok(canonical))) => Some(canonical),
                Some((value, Err(_))) if !field.required && is_placeholder(value) => {
                    field.of_state(record)
                }
                Some((value, Err(why))) => {
                    reading
                        .problems
                        .push(FieldProblem::unreadable(name, value, why));
                    field.of_state(record)
                }
                None => {
                    reading.problems.extend(self.missing(name, field, record));
                    field.of_state(record)
                }
            };
            if let Some(read) = read {
                reading.fields.insert(name.clone(), Masked::new(read));
            }
        }
        reading
    }

    /// The values of a record that identify the customer: those of the declared accounts or,
    /// without any, the name.
    pub fn identifying<'r>(
        &self,
        record: &'r BTreeMap<String, Masked>,
    ) -> impl Iterator<Item = (&'r str, &'r Masked)> {
        let is_account = |name: &str| {
            let field = self.fields.get(name);
            field.is_some_and(|field| field.kind == Kind::Account)
        };
        let has_accounts = self.fields.keys().any(|name| is_account(name));
        let accounts: Vec<_> = record
            .iter()
            .filter(|(name, _)| match has_accounts {
                true => is_account(name),
                false => *name == NAME,
            })
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        accounts.into_iter()
    }

    /// Reads a record by those of several schemas that accept it. If they yield different
    /// spellings, the record stays as it is; if none accepts it, the problems are those of the
    /// schema with the fewest.
    pub fn read_by_one(
        schemas: &[&Self],
        record: &BTreeMap<String, Masked>,
        dates: DateRules,
    ) -> Result<BTreeMap<String, Masked>, Vec<FieldProblem>> {
        let readings: Vec<_> = schemas
            .iter()
            .map(|schema| schema.read(record, dates))
            .collect();
        let mut taken = readings
            .iter()
            .filter(|reading| reading.problems.is_empty())
            .map(|reading| &reading.fields);
        match (
            taken.next(),
            readings.iter().min_by_key(|reading| reading.problems.len()),
        ) {
            (Some(first), _) if taken.all(|other| other == first) => Ok(first.clone()),
            (None, Some(nearest)) => Err(nearest.problems.clone()),
            _ => Ok(record.clone()),
        }
    }

    /// What is wrong with the name of a field that the schema does not have; `None` if it has it, or has no fields at
    /// all. Records may have further fields, but in what an author writes by hand such a name is a slip.
    pub fn unknown(&self, name: &str) -> Option<FieldProblem> {
        let states = self
            .fields
            .values()
            .filter_map(|field| field.from_state.as_ref());
        let known = || self.fields.keys().chain(states.clone()).map(String::as_str);
        if self.fields.is_empty() || known().any(|known| known == name) {
            return None;
        }
        let listed: Vec<_> = known().map(|known| format!("`{known}`")).collect();
        Some(FieldProblem {
            field: name.to_owned(),
            shape: None,
            reason: format!(
                "is no field of `[customer]` in flow.toml, which has {}: fix the name, or add it there{}",
                listed.join(", "),
                did_you_mean_of_few(name, known())
            ),
        })
    }

    /// The problem with an absent field, if any: the flow needs it, or there is a value under
    /// nearly the same name, which would be lost.
    fn missing(
        &self,
        name: &str,
        field: &CustomerField,
        record: &BTreeMap<String, Masked>,
    ) -> Option<FieldProblem> {
        let plain = |name: &str| {
            name.chars()
                .filter(|letter| letter.is_alphanumeric())
                .flat_map(char::to_lowercase)
                .collect::<String>()
        };
        let near = record
            .keys()
            .find(|other| !self.fields.contains_key(*other) && plain(other) == plain(name));
        let reason = match near.map(|near| near.chars().take(64).collect::<String>()) {
            Some(near) => {
                format!("is missing, and `{near}` stands there instead: write the name as here")
            }
            None if field.required => format!("is missing: the flow needs it, as {}", field.kind),
            None => return None,
        };
        Some(FieldProblem {
            field: name.to_owned(),
            shape: None,
            reason,
        })
    }
}

impl CustomerField {
    fn of_state(&self, record: &BTreeMap<String, Masked>) -> Option<String> {
        let state = record.get(self.from_state.as_ref()?)?;
        language_of_state(state.expose()).map(String::from)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::Manifest;

    const DATES: DateRules = DateRules::unordered(date!(2026 - 11 - 26));

    const SCHEMA: &str = r#"
[customer]
name = { type = "name", required = true }
amount = { type = "money", required = true }
due-date = { type = "date", required = true }
loan = { type = "account", required = true }
city = { type = "text" }
language = { type = "language", from-state = "state" }
"#;

    #[test]
    fn a_name_that_an_author_misspells_is_none_of_the_schema() {
        let schema = Manifest::parse(SCHEMA).unwrap().customer;
        for known in ["name", "due-date", "state"] {
            assert_eq!(schema.unknown(known), None, "{known}");
        }
        let unknown = schema.unknown("amonut").unwrap().to_string();
        assert!(
            unknown.starts_with(
                "`amonut` is no field of `[customer]` in flow.toml, which has `amount`, "
            ) && unknown.ends_with("; did you mean `amount`?"),
            "{unknown}"
        );
        let meant = |name: &str| schema.unknown(name).unwrap().to_string();
        assert!(meant("lone").ends_with("; did you mean `loan`?"));
        assert!(meant("purpose").ends_with("fix the name, or add it there"));
        // without a schema anything may be a field
        assert_eq!(CustomerSchema::default().unknown("nme"), None);
    }

    fn read(schema: &str, pairs: &[(&str, &str)]) -> (BTreeMap<String, String>, Vec<String>) {
        let record = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Masked::from(*value)))
            .collect();
        let reading = Manifest::parse(schema)
            .unwrap()
            .customer
            .read(&record, DATES);
        let fields = reading
            .fields
            .into_iter()
            .map(|(name, value)| (name, value.into_exposed()))
            .collect();
        (
            fields,
            reading.problems.iter().map(ToString::to_string).collect(),
        )
    }

    fn is(fields: &BTreeMap<String, String>, pairs: &[(&str, &str)]) {
        let expected = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>();
        assert_eq!(fields, &expected);
    }

    #[test]
    fn declared_fields_become_canonical_and_others_stay_as_they_are() {
        let record = [
            ("name", " Ravi  Kumar "),
            ("amount", "Rs. 12,450/-"),
            ("due-date", "5-Dec-26"),
            ("loan", "LN-00478213"),
            ("state", "Bihar"),
            ("x", " 1,2,3 "),
        ];
        let (fields, problems) = read(SCHEMA, &record);
        assert_eq!(problems, Vec::<String>::new());
        let canonical = [
            ("name", "Ravi Kumar"),
            ("amount", "12450"),
            ("due-date", "2026-12-05"),
            ("loan", "LN-00478213"),
            ("language", "hi-IN"),
            ("state", "Bihar"),
            ("x", " 1,2,3 "),
        ];
        is(&fields, &canonical);
        let again: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            read(SCHEMA, &again),
            (fields.clone(), Vec::new()),
            "read again it is the same"
        );
    }

    #[test]
    fn all_that_is_missing_or_unreadable_is_named_at_once_and_left_out() {
        let (fields, problems) = read(
            SCHEMA,
            &[
                ("name", "NULL"),
                ("amount", "12500,00"),
                ("Due Date", "2026-12-05"),
                ("city", "N/A"),
            ],
        );
        is(&fields, &[("Due Date", "2026-12-05")]);
        assert_eq!(problems.len(), 4, "{problems:#?}");
        let reported = problems.join("\n");
        for words in [
            "`name` only says",
            "`amount` has its commas",
            "`Due Date` stands there instead",
            "`loan` is missing: the flow needs it, as account",
        ] {
            assert!(reported.contains(words), "`{words}`: {reported}");
        }
        assert!(!reported.contains("12500"), "{reported}");
    }

    #[test]
    fn a_language_that_cannot_be_read_is_the_states() {
        let (_, problems) = read(
            SCHEMA,
            &[
                ("name", "Ravi"),
                ("amount", "1"),
                ("due-date", "2026-12-05"),
                ("loan", "1234"),
                ("Language", "hi"),
            ],
        );
        assert_eq!(
            problems,
            ["`language` is missing, and `Language` stands there instead: write the name as here"]
        );
        let schema = "[customer]\nlanguage = { type = \"language\", from-state = \"state\" }";
        let (fields, problems) = read(schema, &[("language", "klingon"), ("state", "Kerala")]);
        assert_eq!(
            (fields.get("language").map(String::as_str), problems.len()),
            (Some("ml-IN"), 1)
        );
        let (fields, problems) = read(schema, &[("language", "n/a"), ("state", "elsewhere")]);
        assert_eq!((fields.get("language"), problems.len()), (None, 0));
    }

    #[test]
    fn a_schema_that_cannot_be_is_rejected_by_line() {
        let errors = Manifest::parse(
            "[customer]\nname = { type = \"nmae\" }\namount = { required = true }\n\"due date\" = { type = \"date\" }\nloan = { type = \"account\", requird = true }\nplan = { type = \"text\", from-state = \"state\" }\ncity = \"text\"\n",
        )
        .unwrap_err();
        let lines: Vec<_> = errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7], "{errors:#?}");
    }
    fn read_by_one(
        manifests: &[&str],
        pairs: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, Vec<String>> {
        let schemas: Vec<_> = manifests
            .iter()
            .map(|toml| Manifest::parse(toml).unwrap().customer)
            .collect();
        let record = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Masked::from(*value)))
            .collect();
        let read = CustomerSchema::read_by_one(&schemas.iter().collect::<Vec<_>>(), &record, DATES);
        read.map(|fields| {
            fields
                .into_iter()
                .map(|(name, value)| (name, value.into_exposed()))
                .collect()
        })
        .map_err(|problems| problems.into_iter().map(|problem| problem.field).collect())
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    const AMOUNT: &str = "[customer]\namount = { type = \"money\", required = true }";
    const LOAN: &str = "[customer]\nloan = { type = \"account\", required = true }\nname = { type = \"name\", required = true }";

    #[test]
    fn an_order_that_names_no_flow_has_to_suit_one_that_the_call_may_come_to() {
        assert_eq!(
            read_by_one(&[AMOUNT], &[("amount", "Rs. 5/-")]),
            Ok(vec![pair("amount", "5")])
        );
        assert_eq!(
            read_by_one(&[AMOUNT, AMOUNT], &[("amount", "Rs. 5/-")]),
            Ok(vec![pair("amount", "5")])
        );
        assert_eq!(
            read_by_one(&[AMOUNT, LOAN], &[("amount", "5,0")]),
            Err(vec!["amount".to_owned()])
        );
        assert_eq!(
            read_by_one(&[AMOUNT, LOAN], &[("amount", "Rs. 5/-")]),
            Ok(vec![pair("amount", "5")])
        );
        let spelt_otherwise = "[customer]\namount = { type = \"text\" }";
        assert_eq!(
            read_by_one(&[AMOUNT, spelt_otherwise], &[("amount", "Rs. 5/-")]),
            Ok(vec![pair("amount", "Rs. 5/-")])
        );
        assert_eq!(
            read_by_one(&[], &[("amount", "5,0")]),
            Ok(vec![pair("amount", "5,0")])
        );
    }
}
