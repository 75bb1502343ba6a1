//! Finds the line of a key in a manifest's text.

use toml::de::{DeTable, DeValue};

/// The text of a parsed manifest.
pub(crate) struct Said<'t>(pub(crate) &'t str);

impl Said<'_> {
    /// The line, from 1, of the value under these keys, or of one item if it is a list. `None` if
    /// there is no such value.
    pub(crate) fn line(&self, keys: &[&str], item: Option<usize>) -> Option<usize> {
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
        Some(
            1 + self
                .0
                .bytes()
                .take(start)
                .filter(|byte| *byte == b'\n')
                .count(),
        )
    }
}
