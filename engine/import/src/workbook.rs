//! XLSX (ECMA-376), read row by row through calamine. Cells come as a reader of the sheet would
//! type them: dates as `2026-12-05`, numbers without an exponent.

mod bounds;
mod cell;

use std::io::{BufReader, Seek};
use std::ops::ControlFlow;

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx, XlsxError};

use crate::row::{COLUMNS, Fault, Header, Row};
use crate::source::Source;

pub use bounds::Bounds;

/// Why a workbook cannot be read as a list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkbookError {
    #[error("it is {0}")]
    Kind(&'static str),
    #[error(transparent)]
    Bounds(#[from] bounds::BoundsError),
    /// Without calamine's words, which may have a value in them.
    #[error("{0} is damaged: open it in Excel and save it again")]
    Damaged(String),
    #[error("it has a password: save it without one")]
    Password,
    #[error("it has no sheet `{wanted}`, only {there}")]
    NoSheet { wanted: String, there: String },
    #[error("several of its sheets have rows ({0}): name one as the sheet (--sheet)")]
    SeveralSheets(String),
    #[error(
        "no visible sheet of it has a row: name a hidden one as the sheet (--sheet), or save the list anew"
    )]
    Empty,
    #[error(
        "its sheet has a header of more than {COLUMNS} columns: delete those that are not needed"
    )]
    Columns,
    #[error("row {row} comes after a later one: open the file in Excel and save it again")]
    Order { row: u64 },
}

/// A workbook, of which one sheet is the list.
pub(crate) struct Workbook {
    file: Xlsx<BufReader<Box<dyn Source>>>,
    sheet: String,
}

/// A row as it is put together from its cells.
#[derive(Default)]
struct Cells {
    /// The row, from 0.
    row: u32,
    cells: Vec<String>,
    faults: Vec<Fault>,
}

impl Workbook {
    /// Looks whether the workbook can be read safely, chooses the sheet, and reads its header: the
    /// first row with anything in it.
    pub(crate) fn open(
        mut source: BufReader<Box<dyn Source>>,
        sheet: Option<&str>,
        bounds: &Bounds,
    ) -> Result<(Self, Header), WorkbookError> {
        bounds::check(&mut source, bounds)?;
        source.rewind().map_err(|_| damaged("the file"))?;
        let mut file = Xlsx::new(source).map_err(|error| error_of("the workbook", &error))?;
        let sheets: Vec<_> = file
            .sheets_metadata()
            .iter()
            .filter(|sheet| sheet.typ == SheetType::WorkSheet)
            .map(|sheet| (sheet.name.clone(), sheet.visible == SheetVisible::Visible))
            .collect();
        let quoted = |names: Vec<&str>| {
            names
                .into_iter()
                .map(|name| format!("`{}`", crate::columns::shown(name)))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let candidates: Vec<_> = match sheet {
            Some(wanted) => sheets.iter().filter(|(name, _)| name == wanted).collect(),
            None => sheets
                .iter()
                .filter(|(_, is_visible)| *is_visible)
                .collect(),
        };
        if let (Some(wanted), []) = (sheet, candidates.as_slice()) {
            return Err(WorkbookError::NoSheet {
                wanted: crate::columns::shown(wanted),
                there: quoted(sheets.iter().map(|(name, _)| name.as_str()).collect()),
            });
        }
        let mut with_rows = Vec::new();
        for (name, _) in candidates {
            let mut first = None;
            each_row(&mut file, name, |row| {
                first = Some(row);
                ControlFlow::Break(())
            })?;
            with_rows.extend(first.map(|row| (name.clone(), row)));
        }
        if with_rows.len() > 1 {
            let names = with_rows.iter().map(|(name, _)| name.as_str()).collect();
            return Err(WorkbookError::SeveralSheets(quoted(names)));
        }
        let (sheet, header) = with_rows.pop().ok_or(WorkbookError::Empty)?;
        if header.cells.len() > COLUMNS {
            return Err(WorkbookError::Columns);
        }
        let header = Header {
            line: header.line(),
            names: header
                .cells
                .iter()
                .map(|name| name.trim().to_owned())
                .collect(),
        };
        Ok((Self { file, sheet }, header))
    }

    /// Calls `each` with every row below the header.
    pub(crate) fn rows(
        mut self,
        header: u64,
        columns: usize,
        mut each: impl FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        each_row(&mut self.file, &self.sheet, |cells| {
            let line = cells.line();
            if line <= header {
                return ControlFlow::Continue(());
            }
            let Cells {
                mut cells, faults, ..
            } = cells;
            // a row of a sheet ends with its last cell, so no cell is missing
            if cells.len() < columns {
                cells.resize(columns, String::new());
            }
            let mut row = Row::fitting(line, cells, columns);
            row.faults.extend(faults);
            each(row)
        })
    }
}

impl Cells {
    fn line(&self) -> u64 {
        u64::from(self.row) + 1
    }

    fn put(&mut self, column: usize, value: &DataRef<'_>) {
        let text = match cell::text(value) {
            Ok(text) => text,
            Err(rounded) => {
                self.faults.push(Fault {
                    column: Some(column),
                    reason: rounded.reason.to_owned(),
                });
                rounded.shown
            }
        };
        if text.is_empty() {
            return;
        }
        // one more than the maximum, to detect that there are too many
        let column = column.min(COLUMNS);
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        if let Some(cell) = self.cells.get_mut(column) {
            *cell = text;
        }
    }

    fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }
}

/// Calls `each` with every row of a sheet that is not blank, in order.
fn each_row(
    file: &mut Xlsx<BufReader<Box<dyn Source>>>,
    sheet: &str,
    mut each: impl FnMut(Cells) -> ControlFlow<()>,
) -> Result<(), WorkbookError> {
    let mut reader = file
        .worksheet_cells_reader(sheet)
        .map_err(|error| error_of("its sheet", &error))?;
    let mut row = Cells::default();
    loop {
        let next = reader
            .next_cell()
            .map_err(|error| error_of(&format!("its sheet, after row {},", row.line()), &error))?;
        let at = next.as_ref().map(calamine::Cell::get_position);
        if at.is_none_or(|(next, _)| next != row.row) {
            let next = at.map_or(u32::MAX, |(next, _)| next);
            if next < row.row {
                return Err(WorkbookError::Order {
                    row: u64::from(next) + 1,
                });
            }
            let whole = std::mem::replace(
                &mut row,
                Cells {
                    row: next,
                    ..Cells::default()
                },
            );
            if !whole.is_blank() && each(whole).is_break() {
                return Ok(());
            }
        }
        let (Some(cell), Some((_, column))) = (next, at) else {
            return Ok(());
        };
        row.put(usize::try_from(column).unwrap_or(COLUMNS), cell.get_value());
    }
}

fn damaged(what: &str) -> WorkbookError {
    WorkbookError::Damaged(what.to_owned())
}

fn error_of(what: &str, error: &XlsxError) -> WorkbookError {
    match error {
        XlsxError::Password => WorkbookError::Password,
        _ => damaged(what),
    }
}
