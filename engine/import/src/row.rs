//! One row of a list, and its header.

/// The most columns of a list. Lists have ten to sixty; a spreadsheet that is formatted to its edge
/// has 16,384, all of them empty.
pub const COLUMNS: usize = 256;

/// The columns that a file of rejected rows has after the list's own.
pub(crate) const REASONS: [&str; 3] = ["line", "field", "reason"];

/// The first row of a list: the names of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The line, as an editor counts, or the row of the sheet.
    pub line: u64,
    /// The name of each column, trimmed; empty for a column without a name.
    pub names: Vec<String>,
}

impl Header {
    /// How many of the columns are the list's own. The list may be a file of rejected rows, whose
    /// last three columns are not.
    pub fn own_columns(&self) -> usize {
        let own = self.names.len().saturating_sub(REASONS.len());
        match self.names.get(own..) {
            Some(last) if own > 0 && last == REASONS => own,
            _ => self.names.len(),
        }
    }
}

/// A row below the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line on which it begins, as an editor counts, or the row of the sheet.
    pub line: u64,
    /// The text of its cells. A row without faults has as many as the header.
    pub cells: Vec<String>,
    /// What keeps the row, or a cell, from being used.
    pub faults: Vec<Fault>,
}

/// Why a row or one of its cells cannot be used. Does not contain the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The column, from 0; `None` if it is the whole row.
    pub column: Option<usize>,
    /// What is wrong and what to do about it; a predicate whose subject is the row or the field.
    pub reason: String,
}

impl Fault {
    pub(crate) fn of_row(reason: impl Into<String>) -> Self {
        Self {
            column: None,
            reason: reason.into(),
        }
    }
}

impl Row {
    /// A row of a list with so many columns. Surplus empty cells are cut off; a row that has
    /// another number of cells is at fault, because nobody knows which of them are missing or too
    /// many.
    pub(crate) fn fitting(line: u64, mut cells: Vec<String>, columns: usize) -> Self {
        while cells.len() > columns && cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        let fault = (cells.len() != columns).then(|| {
            Fault::of_row(format!(
                "has {} cells, and the header has {columns}: put a value with a comma or a line break into quotes",
                cells.len()
            ))
        });
        Self {
            line,
            cells,
            faults: fault.into_iter().collect(),
        }
    }

    /// Whether no cell has anything in it.
    pub(crate) fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }
}
