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
    header: Vec<String>,
    /// How many cells a row of the list has.
    columns: usize,
    writer: Option<Writer<File>>,
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
        let own = header.names.get(..header.own_columns()).unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
            header: own
                .iter()
                .map(|name| name.replace(char::is_control, " "))
                .chain(REASONS.map(str::to_owned))
                .collect(),
            columns: header.names.len(),
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
        let mut write = || {
            let writer = match &mut self.writer {
                Some(writer) => writer,
                None => self.writer.insert(open(&self.path, &self.header)?),
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

/// Makes the file, readable for its owner alone: it holds names and numbers. It begins with a byte
/// order mark, without which Excel does not read it as UTF-8.
fn open(path: &Path, header: &[String]) -> io::Result<Writer<File>> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    io::Write::write_all(&mut file, "\u{feff}".as_bytes())?;
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        // so that no other separator in a name is taken for the file's
        .quote_style(QuoteStyle::Always)
        .from_writer(file);
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
