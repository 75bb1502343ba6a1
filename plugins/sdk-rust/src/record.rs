//! The customer's record, field by field.

use std::collections::BTreeMap;

use crate::{Date, Error, Money, Value, customer};

/// The fields that the record has.
#[derive(Debug, Clone)]
pub struct Record(BTreeMap<String, Value>);

impl Record {
    /// Reads the record, which has to have these fields: `Error::Invalid` names those that are missing, and never a value.
    pub fn read(required: &[&str]) -> Result<Self, Error> {
        let record = Self(customer::all()?.into_iter().collect());
        let missing: Vec<&str> = required
            .iter()
            .filter(|field| !record.0.contains_key(**field))
            .copied()
            .collect();
        if missing.is_empty() {
            Ok(record)
        } else {
            Err(lacking(&missing.join(", ")))
        }
    }

    /// A field that has to be there.
    pub fn required<T>(
        &self,
        name: &str,
        get: impl Fn(&Self, &str) -> Option<T>,
    ) -> Result<T, Error> {
        get(self, name).ok_or_else(|| lacking(name))
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name) {
            Some(Value::Text(text) | Value::Digits(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// An amount.
    pub fn money(&self, name: &str) -> Option<Money> {
        match self.0.get(name) {
            Some(Value::Money(money)) => Some(money.clone()),
            _ => None,
        }
    }

    /// A date.
    pub fn date(&self, name: &str) -> Option<Date> {
        match self.0.get(name) {
            Some(Value::Date(date)) => Some(*date),
            _ => None,
        }
    }
}

fn lacking(fields: &str) -> Error {
    Error::Invalid(format!("missing or unreadable: {fields}"))
}
