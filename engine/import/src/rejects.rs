//! The file of rejected rows: the list's own columns, followed by line, field and reason, so
//! that it can be corrected and imported as it is.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};

use crate::row::{Header, REASONS, Row};

/// The longest header that is looked at to know an earlier file of rejected rows, in bytes.
const HEADER_BYTES: u64 = 64 << 10;

/// Why rejected rows cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum RejectsError {
    /// Another file has the name.
    #[error(
        "`{}` exists and is not a file of rejected rows: move it, or name another file with --rejects", .0.display()
    )]
    Other(PathBuf),
    /// The list itself has the name.
    #[error("`{}` is the list itself: name another file with --rejects", .0.display())]
    List(PathBuf),
    /// The file cannot be written.
    #[error("cannot write `{}`: {reason}", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
}

/// A file of rejected rows, which is made with the first one.
pub struct RejectsFile {
    path: PathBuf,
    form: Form,
    writer: Option<Writer<File>>,
}

/// Rejected rows that are held in memory, up to a size.
pub struct RejectsHeld {
    form: Form,
    writer: Writer<Vec<u8>>,
    most_bytes: usize,
    bytes: usize,
}

/// What rejected rows look like.
struct Form {
    header: Vec<String>,
    /// How many cells a row of the list has.
    columns: usize,
}

impl RejectsFile {
    /// For a list with this header. Looks whether the file may be written, and makes nothing.
    ///
    /// # Errors
    /// A file of another kind has the name, or it cannot be looked at.
    pub fn new(path: &Path, list: &Path, header: &Header) -> Result<Self, RejectsError> {
        let failed = |reason| RejectsError::Io {
            file: path.to_owned(),
            reason,
        };
        if path.exists() {
            if same(path, list).map_err(failed)? {
                return Err(RejectsError::List(path.to_owned()));
            }
            if !is_rejects(path).map_err(failed)? {
                return Err(RejectsError::Other(path.to_owned()));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            form: Form::of(header),
            writer: None,
        })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a row has been written.
    pub const fn is_written(&self) -> bool {
        self.writer.is_some()
    }

    /// Adds a row with its fields and reasons.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&mut self, row: &Row, problems: &[(String, String)]) -> Result<(), RejectsError> {
        let path = self.path.clone();
        let failed = |reason| RejectsError::Io { file: path, reason };
        let cells = self.form.cells(row, problems);
        let mut write = || {
            let writer = match &mut self.writer {
                Some(writer) => writer,
                None => self
                    .writer
                    .insert(begin(made(&self.path)?, &self.form.header)?),
            };
            writer.write_record(&cells).map_err(io::Error::other)
        };
        write().map_err(failed)
    }

    /// Makes what was added last.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn flush(&mut self) -> Result<(), RejectsError> {
        let flushed = self.writer.as_mut().map_or(Ok(()), Writer::flush);
        flushed.map_err(|reason| RejectsError::Io {
            file: self.path.clone(),
            reason,
        })
    }
}

impl RejectsHeld {
    /// For a list with this header.
    ///
    /// # Errors
    /// Never, in memory.
    pub fn new(header: &Header, most_bytes: usize) -> io::Result<Self> {
        let form = Form::of(header);
        Ok(Self {
            writer: begin(Vec::new(), &form.header)?,
            form,
            most_bytes,
            bytes: 0,
        })
    }

    /// Adds a row with its fields and reasons, if there is room for it; whether there was.
    pub fn add(&mut self, row: &Row, problems: &[(String, String)]) -> bool {
        let cells = self.form.cells(row, problems);
        // a quoted cell has two quotation marks, a separator, and each of its own twice
        let quotes = |cell: &String| cell.bytes().filter(|byte| *byte == b'"').count();
        let bytes: usize = cells.iter().map(|cell| cell.len() + quotes(cell) + 3).sum();
        if self.bytes + bytes > self.most_bytes {
            return false;
        }
        self.bytes += bytes;
        self.writer.write_record(&cells).is_ok()
    }

    /// The file's bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.writer.into_inner().unwrap_or_default()
    }
}

impl Form {
    fn of(header: &Header) -> Self {
        let own = header.names.get(..header.own_columns()).unwrap_or_default();
        Self {
            header: own
                .iter()
                .map(|name| name.replace(char::is_control, " "))
                .chain(REASONS.map(str::to_owned))
                .collect(),
            columns: header.names.len(),
        }
    }

    /// A row with its fields and reasons.
    fn cells(&self, row: &Row, problems: &[(String, String)]) -> Vec<String> {
        let own = self.header.len() - REASONS.len();
        let mut cells: Vec<String> = row.cells.iter().take(own).cloned().collect();
        if let (Some(last), Some(surplus)) = (cells.last_mut(), row.cells.get(self.columns..)) {
            // where the row has too many cells, nobody knows which of them belong together
            for cell in surplus {
                last.push(',');
                last.push_str(cell);
            }
        }
        cells.resize(own, String::new());
        let mut fields: Vec<&str> = Vec::new();
        for (field, _) in problems {
            if !field.is_empty() && !fields.contains(&field.as_str()) {
                fields.push(field);
            }
        }
        let reasons = problems.iter().map(|(field, reason)| {
            if field.is_empty() {
                reason.clone()
            } else {
                format!("`{field}` {reason}")
            }
        });
        cells.push(row.line.to_string());
        cells.push(fields.join("; "));
        cells.push(reasons.collect::<Vec<_>>().join("; "));
        cells
    }
}

/// Makes the file, readable for its owner alone: it holds names and numbers.
fn made(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Begins with a byte order mark, without which Excel does not read it as UTF-8, and the header.
fn begin<W: io::Write>(mut into: W, header: &[String]) -> io::Result<Writer<W>> {
    into.write_all("\u{feff}".as_bytes())?;
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        // so that no other separator in a name is taken for the file's
        .quote_style(QuoteStyle::Always)
        .from_writer(into);
    writer.write_record(header).map_err(io::Error::other)?;
    Ok(writer)
}

fn same(one: &Path, other: &Path) -> io::Result<bool> {
    Ok(one.canonicalize()? == other.canonicalize()?)
}

/// Whether a file's first line ends in the three columns of a file of rejected rows. An empty file
/// may be overwritten as well.
fn is_rejects(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut line = Vec::new();
    let mut source = BufReader::new(io::Read::take(file, HEADER_BYTES));
    source.read_until(b'\n', &mut line)?;
    // a spreadsheet program may have saved it without quotes
    let line = String::from_utf8_lossy(&line).replace('"', "");
    Ok(line
        .trim_end()
        .ends_with(&format!(",{}", REASONS.join(","))))
}
