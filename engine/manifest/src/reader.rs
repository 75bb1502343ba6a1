//! Reads a TOML document key by key, so that one pass finds every error with its line.
//!
//! `flow.toml` is read by it, and a flow's own tests.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::said::place;
use crate::spelling::{did_you_mean, did_you_mean_of_few};
use crate::{ManifestError, syntax};

/// A value with its place in the text.
pub type Item<'i> = Spanned<DeValue<'i>>;

/// Reads a TOML document key by key and collects errors.
#[derive(Debug)]
pub struct Reader<'t> {
    text: &'t str,
    pub(crate) errors: Vec<ManifestError>,
}

impl<'t> Reader<'t> {
    /// Reads a whole document with `read`. On failure returns all errors, by line.
    pub fn document<T>(
        text: &'t str,
        read: impl FnOnce(&mut Self, &DeTable<'_>) -> T,
    ) -> Result<T, Vec<ManifestError>> {
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut reader = Self {
            text,
            errors: Vec::new(),
        };
        for error in errors {
            let span = error.span().unwrap_or_default();
            let message = syntax::describe(text, span.clone(), error.message());
            reader.complain(span, message);
            if syntax::leads_to_others(error.message()) {
                break;
            }
        }
        reader.errors.dedup_by_key(|error| error.line);
        // errors in a document that is not valid TOML would be misleading
        if reader.errors.is_empty() {
            let value = read(&mut reader, document.get_ref());
            if reader.errors.is_empty() {
                return Ok(value);
            }
        }
        reader.errors.sort_by_key(|error| error.line);
        Err(reader.errors)
    }

    /// The line of a span, from 1.
    pub fn line(&self, span: Range<usize>) -> usize {
        place(self.text, span.start).0
    }

    pub(crate) fn complain(&mut self, span: Range<usize>, message: String) {
        let (line, column) = place(self.text, span.start);
        self.errors.push(ManifestError {
            line,
            column,
            message,
        });
    }

    /// Visits a table's keys; `field` returns whether a key is known.
    pub fn table(
        &mut self,
        table: &DeTable<'_>,
        known: &[&str],
        mut field: impl FnMut(&mut Self, &str, &Item<'_>) -> bool,
    ) {
        for (key, item) in table.iter() {
            let name = key.get_ref().as_ref();
            if !field(self, name, item) {
                let meant = did_you_mean(name, known.iter().copied());
                self.complain(
                    key.span(),
                    format!(
                        "unknown key `{name}`: known here are {}{meant}",
                        known.join(", ")
                    ),
                );
            }
        }
    }

    /// Reports that `name` takes something else.
    pub fn expect(&mut self, name: &str, item: &Item<'_>, what: &str) {
        self.complain(item.span(), format!("`{name}` takes {what}"));
    }

    /// Reads the item as a table with fixed keys.
    pub fn section(
        &mut self,
        name: &str,
        item: &Item<'_>,
        known: &[&str],
        field: impl FnMut(&mut Self, &str, &Item<'_>) -> bool,
    ) {
        match item.get_ref() {
            DeValue::Table(table) => self.table(table, known, field),
            _ => self.expect(name, item, "a table"),
        }
    }

    /// Reads the item as a table with keys of the author's choice.
    pub fn entries(
        &mut self,
        name: &str,
        item: &Item<'_>,
        mut entry: impl FnMut(&mut Self, &str, &Item<'_>),
    ) {
        self.section(name, item, &[], |reader, key, item| {
            entry(reader, key, item);
            true
        });
    }

    /// Reads a text.
    pub fn string(&mut self, name: &str, item: &Item<'_>) -> Option<String> {
        match item.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => {
                self.expect(name, item, "a text in quotes");
                None
            }
        }
    }

    pub(crate) fn boolean(&mut self, name: &str, item: &Item<'_>) -> Option<bool> {
        match item.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            _ => {
                self.expect(name, item, "`true` or `false`");
                None
            }
        }
    }

    pub(crate) fn integer(
        &mut self,
        name: &str,
        item: &Item<'_>,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = match item.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let value = value.filter(|value| range.contains(value));
        if value.is_none() {
            self.expect(
                name,
                item,
                &format!("a whole number from {} to {}", range.start(), range.end()),
            );
        }
        value
    }

    /// Reads an array of texts, or a single text, with `parse`.
    pub fn each<T>(
        &mut self,
        name: &str,
        item: &Item<'_>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let items = match item.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![item],
        };
        let mut read = Vec::with_capacity(items.len());
        for item in items {
            let Some(text) = self.string(name, item) else {
                continue;
            };
            match parse(&text) {
                Ok(value) => read.push(value),
                Err(reason) => {
                    self.complain(item.span(), format!("`{name}` has `{text}`: {reason}"))
                }
            }
        }
        read
    }

    /// Reads one of these names, and returns its value.
    pub fn one_of<T: Copy>(
        &mut self,
        name: &str,
        item: &Item<'_>,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let text = self.string(name, item)?;
        let found = choices
            .iter()
            .find(|(choice, _)| *choice == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            let names = choices
                .iter()
                .map(|(choice, _)| format!("`{choice}`"))
                .collect::<Vec<_>>()
                .join(" or ");
            let known = choices.iter().map(|(choice, _)| *choice);
            let meant = did_you_mean_of_few(&text, known);
            self.complain(
                item.span(),
                format!("`{name}` is `{text}`: give {names}{meant}"),
            );
        }
        found
    }
}
