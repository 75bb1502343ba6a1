//! An error in a file that an author writes, with its line and what to do.

use crate::said::Said;

/// An error in a manifest, or in another file that a [`Reader`](crate::reader::Reader) reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ManifestError {
    /// Line number, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong, with a hint.
    pub message: String,
}

impl ManifestError {
    /// An error of what is under these keys in a manifest's text, or of the item with this index
    /// where it is a list; an error of the whole file if there is nothing.
    pub fn at(text: &str, keys: &[&str], item: Option<usize>, message: String) -> Self {
        let (line, column) = Said(text).place(keys, item).unwrap_or((1, 1));
        Self {
            line,
            column,
            message,
        }
    }

    /// What is wrong in `flow.toml`, a line for each error.
    pub fn reasons(errors: &[Self]) -> String {
        let lines: Vec<_> = errors.iter().map(Self::to_string).collect();
        lines.join("\n")
    }

    /// What to do about it: the last part of the message.
    pub fn hint(&self) -> String {
        if let Some((name, what)) = self.message.split_once("` takes ") {
            return format!("give {name}` {what}");
        }
        let (mut is_name, mut last) = (false, None);
        for (at, letter) in self.message.char_indices() {
            is_name ^= letter == '`';
            let rest = self.message.get(at..).unwrap_or_default();
            if !is_name && rest.starts_with(": ") {
                last = Some(at + 2);
            }
        }
        match last.and_then(|at| self.message.get(at..)) {
            Some(hint) => hint.to_owned(),
            None => format!("correct line {} of `flow.toml`", self.line),
        }
    }

    /// What to do about errors of `flow.toml`, in one sentence.
    pub fn hints(errors: &[Self]) -> String {
        match errors {
            [] => String::new(),
            [error] => error.hint(),
            [first, ..] => format!(
                "correct each of these lines of `flow.toml`; the first: {}",
                first.hint()
            ),
        }
    }
}
