//! A list: what kind of file it is, and its rows one by one.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::delimited::{Delimited, HeaderError};
use ghanti_model::values::phone;

use crate::row::{Header, Row};
use crate::source::Source;
use crate::workbook::{Bounds, Workbook, WorkbookError};

/// How much of a text file is read at once, in bytes.
const BUFFER: usize = 64 << 10;

/// Why a file cannot be read as a list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file cannot be opened or read.
    #[error("cannot read `{}`: {reason}", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// The file is of another kind.
    #[error("`{}` is {what}: {hint}", .file.display())]
    Kind {
        /// The file.
        file: PathBuf,
        /// What it is.
        what: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
    /// The file's first row is not a header, or the sheet is ambiguous.
    #[error("`{}`: {reason}", .file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What is wrong, and what to do about it.
        reason: String,
    },
}

/// A list whose header has been read.
pub struct ListFile {
    file: PathBuf,
    header: Header,
    rows: Rows,
}

enum Rows {
    Text(Box<Delimited<BufReader<Box<dyn Source>>>>),
    Workbook(Box<Workbook>),
}

const AS_CSV: &str = "save the list as \"CSV UTF-8\" or as an Excel workbook (.xlsx)";

/// What files begin with that are sent as lists and are none.
const OTHERS: [(&[u8], &str, &str); 6] = [
    (
        &[0xd0, 0xcf, 0x11, 0xe0],
        "an old Excel workbook (.xls), or one with a password",
        "save it as an Excel workbook (.xlsx) without a password, or as \"CSV UTF-8\"",
    ),
    (&[0xff, 0xfe], "text in UTF-16", AS_CSV),
    (&[0xfe, 0xff], "text in UTF-16", AS_CSV),
    (b"%PDF", "a PDF", AS_CSV),
    (&[0x1f, 0x8b], "compressed", "unpack it first"),
    (b"Rar!", "an archive", "unpack it first"),
];

/// What web pages and XML begin with, which some software calls `.xls`.
const MARKUP: [&[u8]; 5] = [b"<html", b"<!doctype", b"<table", b"<?xml", b"<meta"];

impl ListFile {
    /// Opens a list and reads its header. `sheet` names the sheet of a workbook that has several
    /// with rows.
    ///
    /// # Errors
    /// The file cannot be read, is neither CSV in UTF-8 nor XLSX, or has no header.
    pub fn open(path: &Path, sheet: Option<&str>) -> Result<Self, ListError> {
        let failed = |reason| ListError::Io {
            file: path.to_owned(),
            reason,
        };
        let file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(ListError::Kind {
                file: path.to_owned(),
                what: "no file",
                hint: "name a CSV or XLSX file",
            });
        }
        Self::read(path, Box::new(file), sheet, &Bounds::FILE)
    }

    /// Reads a list's header from wherever its bytes are. `name` is what errors call it.
    ///
    /// # Errors
    /// As [`ListFile::open`]; a workbook is larger than `bounds`.
    pub fn read(
        name: &Path,
        source: Box<dyn Source>,
        sheet: Option<&str>,
        bounds: &Bounds,
    ) -> Result<Self, ListError> {
        let list = Self::of_source(name, source, sheet, bounds)?;
        // the error does not contain it
        if list.header.names.iter().any(|name| phone(name).is_ok()) {
            return Err(ListError::Unusable {
                file: name.to_owned(),
                reason: format!(
                    "line {} has a phone number, so that it is no header: put the names of the columns above it",
                    list.header.line
                ),
            });
        }
        Ok(list)
    }

    fn of_source(
        path: &Path,
        source: Box<dyn Source>,
        sheet: Option<&str>,
        bounds: &Bounds,
    ) -> Result<Self, ListError> {
        let failed = |reason| ListError::Io {
            file: path.to_owned(),
            reason,
        };
        let unusable = |reason: String| ListError::Unusable {
            file: path.to_owned(),
            reason,
        };
        let mut source = BufReader::with_capacity(BUFFER, source);
        let beginning = source.fill_buf().map_err(failed)?;
        if beginning.starts_with(b"PK\x03\x04") {
            let (workbook, header) =
                Workbook::open(source, sheet, bounds).map_err(|error| match error {
                    WorkbookError::Kind(what) => ListError::Kind {
                        file: path.to_owned(),
                        what,
                        hint: AS_CSV,
                    },
                    other => unusable(other.to_string()),
                })?;
            return Ok(Self {
                file: path.to_owned(),
                header,
                rows: Rows::Workbook(Box::new(workbook)),
            });
        }
        if let Some((what, hint)) = other_kind(beginning) {
            return Err(ListError::Kind {
                file: path.to_owned(),
                what,
                hint,
            });
        }
        if sheet.is_some() {
            return Err(unusable(
                "it is a text file, which has no sheets: leave the sheet (--sheet) out".to_owned(),
            ));
        }
        if beginning.starts_with(b"\xef\xbb\xbf") {
            source.consume(3);
        }
        let (list, header) = Delimited::open(source).map_err(|error| match error {
            HeaderError::Io(reason) => failed(reason),
            other => unusable(other.to_string()),
        })?;
        Ok(Self {
            file: path.to_owned(),
            header,
            rows: Rows::Text(Box::new(list)),
        })
    }

    /// The header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Calls `each` with every row that is not blank, until it breaks. Rows are read as they are
    /// asked for.
    ///
    /// # Errors
    /// The file cannot be read further. Rows that are wrong by themselves have a
    /// [`Fault`](crate::Fault) instead.
    pub fn rows(self, mut each: impl FnMut(Row) -> ControlFlow<()>) -> Result<(), ListError> {
        let file = self.file;
        match self.rows {
            Rows::Text(mut list) => loop {
                let row = list.next_row();
                let Some(row) = row.map_err(|reason| ListError::Io {
                    file: file.clone(),
                    reason,
                })?
                else {
                    return Ok(());
                };
                if each(row).is_break() {
                    return Ok(());
                }
            },
            Rows::Workbook(workbook) => {
                let columns = self.header.names.len();
                workbook
                    .rows(self.header.line, columns, each)
                    .map_err(|error| ListError::Unusable {
                        file,
                        reason: error.to_string(),
                    })
            }
        }
    }
}

fn other_kind(beginning: &[u8]) -> Option<(&'static str, &'static str)> {
    let markup = beginning
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(beginning)
        .trim_ascii_start();
    let is_markup = MARKUP.iter().any(|start| {
        markup
            .get(..start.len())
            .is_some_and(|begun| begun.eq_ignore_ascii_case(start))
    });
    if is_markup {
        return Some((
            "a web page or XML, whatever its name says",
            "open it in a spreadsheet program, and save it as an Excel workbook (.xlsx) or \"CSV UTF-8\"",
        ));
    }
    OTHERS
        .iter()
        .find(|(start, ..)| beginning.starts_with(start))
        .map(|(_, what, hint)| (*what, *hint))
}
