//! Problems in a prompt file, reported so that its author can fix them.

use std::fmt;

/// The severity of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The flow cannot be loaded.
    Error,
    /// Odd, but harmless.
    Warning,
}

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// Its severity.
    pub severity: Severity,
    /// The file, within the flow's folder: `prompts/hi-IN.ftl`.
    pub file: String,
    /// The line, from 1; `None` if something is missing from the file.
    pub line: Option<usize>,
    /// What is wrong, with the names in backticks.
    pub message: String,
    /// How to fix it.
    pub hint: String,
}

impl TemplateProblem {
    /// An error in a file.
    pub(super) fn error(file: &str, line: Option<usize>, message: String, hint: String) -> Self {
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line,
            message,
            hint,
        }
    }
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.file)?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        write!(f, ": {}; {}", self.message, self.hint)
    }
}

/// The most problems reported per file.
const MAX_PROBLEMS: usize = 64;

/// Collects the problems of one file.
pub(super) struct Report<'a> {
    file: &'a str,
    text: &'a str,
    problems: Vec<TemplateProblem>,
}

impl<'a> Report<'a> {
    /// An empty report.
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            problems: Vec::new(),
        }
    }

    /// Adds an error, unless the limit is reached.
    pub(super) fn error(
        &mut self,
        line: usize,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(TemplateProblem {
                severity: Severity::Error,
                file: self.file.to_owned(),
                line: Some(line),
                message: message.into(),
                hint: hint.into(),
            });
        }
    }

    /// Whether no problem was found so far.
    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// The line of a word that the parser returned from a copy of the text.
    pub(super) fn line_in(&self, source: &str, word: &str) -> usize {
        let offset = (word.as_ptr() as usize).saturating_sub(source.as_ptr() as usize);
        line_of(self.text, offset)
    }

    /// All problems, ordered by line.
    pub(super) fn into_problems(mut self) -> Vec<TemplateProblem> {
        self.problems.sort_by_key(|problem| problem.line);
        self.problems
    }
}

/// The line, from 1, of a byte offset in a text.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}
