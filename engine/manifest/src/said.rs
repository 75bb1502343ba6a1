//! Finds the line of a key in a manifest's text.

use toml::de::{DeTable, DeValue};

/// The text of a parsed manifest.
pub(crate) struct Said<'t>(pub(crate) &'t str);

impl Said<'_> {
    /// The line, from 1, of the value under these keys, or of one item if it is a list. `None` if
    /// there is no such value.
    pub(crate) fn line(&self, keys: &[&str], item: Option<usize>) -> Option<usize> {
        self.place(keys, item).map(|(line, _)| line)
    }

    /// The same with the column, from 1.
    pub(crate) fn place(&self, keys: &[&str], item: Option<usize>) -> Option<(usize, usize)> {
        let document = DeTable::parse(self.0).ok()?;
        let (last, sections) = keys.split_last()?;
        let mut table = document.get_ref();
        for key in sections {
            let DeValue::Table(inner) = table.get(*key)?.get_ref() else {
                return None;
            };
            table = inner;
        }
        let value = table.get(*last)?;
        let item = match (value.get_ref(), item) {
            (DeValue::Array(items), Some(at)) => items.get(at),
            _ => None,
        };
        let start = item.unwrap_or(value).span().start;
        Some(place(self.0, start))
    }
}

/// Line and column, from 1, of a byte offset in a text; the column in characters.
pub(crate) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let lines = before.bytes().filter(|byte| *byte == b'\n').count();
    let columns = before.get(line_start..).unwrap_or_default().chars().count();
    (1 + lines, 1 + columns)
}
