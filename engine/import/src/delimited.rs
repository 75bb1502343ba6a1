//! CSV (RFC 4180, and what spreadsheets and banks' software make of it): the separator is found
//! from the header, quotes may hold line breaks, and a row that cannot be read is reported with its
//! line, and those below it are read all the same.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::lines::{LINE_BYTES, Line, Lines};
use crate::row::{COLUMNS, Fault, Header, Row};

/// What may separate the cells.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// The most lines of one row: a cell with an address has three or four. Beyond it, a quotation mark
/// was not closed.
const ROW_LINES: usize = 32;

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeaderError {
    #[error("cannot be read")]
    Io(#[from] io::Error),
    #[error("has no row with anything in it: the first one has to be the header")]
    Empty,
    #[error("line {0} is not UTF-8: save the list as \"CSV UTF-8\"")]
    Encoding(u64),
    #[error("line {0} has a NUL, so the file is not a text: save the list as \"CSV UTF-8\"")]
    Binary(u64),
    #[error("line {line} is the header, and {reason}")]
    Row { line: u64, reason: String },
    #[error(
        "line {0} is the header, and its cells may be separated by several characters: leave one of comma, semicolon, tab and `|` out of the names"
    )]
    Separator(u64),
}

/// A list of separated values, after its header.
pub(crate) struct Delimited<R> {
    lines: Lines<R>,
    /// Lines that have been read and not taken: those of the row at hand.
    ahead: VecDeque<Line>,
    parser: Parser,
    /// Reads a line whose quotation marks mean nothing.
    unquoted: Parser,
    columns: usize,
}

/// A parser with its buffers.
struct Parser {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// How the lines at hand came to be a row, or did not.
enum Parsed {
    /// The first so many lines are a row.
    Row { lines: usize },
    /// A quotation mark is not closed.
    Open,
    /// More than [`COLUMNS`] cells.
    TooMany,
}

impl<R: BufRead> Delimited<R> {
    /// Reads the header. A byte order mark must have been read already.
    pub(crate) fn open(source: R) -> Result<(Self, Header), HeaderError> {
        let mut list = Self {
            lines: Lines::new(source),
            ahead: VecDeque::new(),
            parser: Parser::new(b',', true),
            unquoted: Parser::new(b',', false),
            columns: 0,
        };
        let line = list.skip_blank()?.ok_or(HeaderError::Empty)?;
        let separator = match list.declared() {
            Some(separator) => {
                list.ahead.pop_front();
                list.skip_blank()?.ok_or(HeaderError::Empty)?;
                separator
            }
            None => list.separator(line)?,
        };
        list.parser = Parser::new(separator, true);
        list.unquoted = Parser::new(separator, false);
        let row = list.next_row()?.ok_or(HeaderError::Empty)?;
        if let Some(fault) = row.faults.into_iter().next() {
            return Err(HeaderError::Row {
                line: row.line,
                reason: fault.reason,
            });
        }
        let mut names: Vec<_> = row
            .cells
            .iter()
            .map(|name| name.trim().to_owned())
            .collect();
        while names.last().is_some_and(String::is_empty) {
            names.pop();
        }
        list.columns = names.len();
        Ok((
            list,
            Header {
                line: row.line,
                names,
            },
        ))
    }

    /// The next row that is not blank; `None` at the end of the file.
    pub(crate) fn next_row(&mut self) -> io::Result<Option<Row>> {
        loop {
            let Some(line) = self.skip_blank()? else {
                return Ok(None);
            };
            let row = self.row(line)?;
            if !row.is_blank() || !row.faults.is_empty() {
                return Ok(Some(row));
            }
        }
    }

    /// Reads the row that begins with the first line at hand.
    fn row(&mut self, line: u64) -> io::Result<Row> {
        let is_header = self.columns == 0;
        let parsed = self.parse()?;
        let fault = match parsed {
            Parsed::Row { lines } => {
                let is_cut = self.ahead.drain(..lines).any(|line| line.is_cut);
                if !is_cut {
                    let (cells, is_text) = self.parser.cells();
                    let mut row = if is_header {
                        Row {
                            line,
                            cells,
                            faults: Vec::new(),
                        }
                    } else {
                        Row::fitting(line, cells, self.columns)
                    };
                    if !is_text {
                        let reason = "is not UTF-8: save the list as \"CSV UTF-8\"";
                        row.faults = vec![Fault::of_row(reason)];
                    }
                    return Ok(row);
                }
                too_long()
            }
            Parsed::Open => {
                format!(
                    "opens a quotation mark that is not closed within {ROW_LINES} lines: close it, or write it twice"
                )
            }
            Parsed::TooMany => format!("has more than {COLUMNS} cells"),
        };
        // the lines below may be rows of their own
        let mut cells = Vec::new();
        if matches!(parsed, Parsed::Open | Parsed::TooMany)
            && let Some(first) = self.ahead.pop_front()
        {
            self.unquoted.feed_whole(&first.bytes);
            cells = self.unquoted.cells().0;
        }
        Ok(Row {
            line,
            cells,
            faults: vec![Fault::of_row(fault)],
        })
    }

    /// Parses the lines at hand, and as many more as belong to the row.
    fn parse(&mut self) -> io::Result<Parsed> {
        self.parser.begin();
        for count in 0..ROW_LINES {
            if self.ahead.get(count).is_none() {
                let Some(next) = self.lines.next_line()? else {
                    return Ok(Parsed::Open);
                };
                self.ahead.push_back(next);
            }
            let Some(line) = self.ahead.get(count) else {
                return Ok(Parsed::Open);
            };
            if line.is_cut {
                // what is left out may have had quotation marks
                return Ok(Parsed::Row { lines: count + 1 });
            }
            match self.parser.feed(&line.bytes) {
                Fed::Whole => return Ok(Parsed::Row { lines: count + 1 }),
                Fed::Open => {}
                Fed::TooMany => return Ok(Parsed::TooMany),
            }
        }
        Ok(Parsed::Open)
    }

    /// Skips blank lines; returns the number of the next other line.
    fn skip_blank(&mut self) -> io::Result<Option<u64>> {
        loop {
            if self.ahead.is_empty() {
                self.ahead.extend(self.lines.next_line()?);
            }
            match self.ahead.front() {
                None => return Ok(None),
                Some(line) if line.bytes.trim_ascii().is_empty() && !line.is_cut => {
                    self.ahead.pop_front();
                }
                Some(line) => return Ok(Some(line.number)),
            }
        }
    }

    /// `sep=;`, a first line which declares the separator for Excel.
    fn declared(&self) -> Option<u8> {
        match self.ahead.front()?.bytes.as_slice() {
            [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator] => Some(*separator),
            _ => None,
        }
        .filter(|separator| SEPARATORS.contains(separator))
    }

    /// The separator that makes the most columns of the header.
    fn separator(&mut self, line: u64) -> Result<u8, HeaderError> {
        let mut found: Vec<(usize, u8)> = Vec::new();
        for separator in SEPARATORS {
            self.parser = Parser::new(separator, true);
            if let Parsed::Row { lines } = self.parse()? {
                if self.ahead.iter().take(lines).any(|line| line.is_cut) {
                    let reason = too_long();
                    return Err(HeaderError::Row { line, reason });
                }
                let (cells, is_text) = self.parser.cells();
                if !is_text {
                    return Err(HeaderError::Encoding(line));
                }
                if cells.iter().any(|cell| cell.contains('\0')) {
                    return Err(HeaderError::Binary(line));
                }
                found.push((cells.len(), separator));
            }
        }
        found.sort_by_key(|(columns, _)| std::cmp::Reverse(*columns));
        match found.as_slice() {
            [(1, _), ..] | [] => Ok(b','),
            [(most, _), (next, _), ..] if most == next => Err(HeaderError::Separator(line)),
            [(_, separator), ..] => Ok(*separator),
        }
    }
}

fn too_long() -> String {
    format!("has a line of more than {LINE_BYTES} bytes")
}

enum Fed {
    Whole,
    Open,
    TooMany,
}

impl Parser {
    fn new(separator: u8, quoting: bool) -> Self {
        Self {
            reader: ReaderBuilder::new()
                .delimiter(separator)
                .quoting(quoting)
                .build(),
            text: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn begin(&mut self) {
        self.reader.reset();
        self.text.clear();
        self.ends.clear();
    }

    /// Feeds a line and its end.
    fn feed(&mut self, line: &[u8]) -> Fed {
        for mut input in [line, b"\n"] {
            while !input.is_empty() {
                let (written, ended) = (self.text.len(), self.ends.len());
                // a cell is never longer than its quoted form
                self.text.resize(written + input.len() + 1, 0);
                self.ends.resize(COLUMNS + 1, 0);
                let (text, ends) = (self.text.get_mut(written..), self.ends.get_mut(ended..));
                let (result, read, wrote, cells) = self.reader.read_record(
                    input,
                    text.unwrap_or_default(),
                    ends.unwrap_or_default(),
                );
                self.text.truncate(written + wrote);
                self.ends.truncate(ended + cells);
                match result {
                    ReadRecordResult::Record if self.ends.len() > COLUMNS => return Fed::TooMany,
                    ReadRecordResult::Record => return Fed::Whole,
                    ReadRecordResult::OutputEndsFull => return Fed::TooMany,
                    ReadRecordResult::InputEmpty
                    | ReadRecordResult::OutputFull
                    | ReadRecordResult::End => {}
                }
                input = input.get(read..).unwrap_or_default();
            }
        }
        Fed::Open
    }

    fn feed_whole(&mut self, line: &[u8]) {
        self.begin();
        self.feed(line);
    }

    /// The cells, and whether all of them are UTF-8; other bytes are replaced.
    fn cells(&self) -> (Vec<String>, bool) {
        let mut is_text = true;
        let mut start = 0;
        let cells = self.ends.iter().map(|end| {
            let bytes = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            let text = String::from_utf8_lossy(bytes);
            is_text &= matches!(text, std::borrow::Cow::Borrowed(_));
            text.into_owned()
        });
        (cells.collect(), is_text)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;

    /// A list that never ends, and how much of it was read.
    struct Endless<'c> {
        read: &'c std::cell::Cell<usize>,
    }

    const ROW: &[u8] = b"98765 43210,Ravi Kumar,\"12,450\"\r\n";

    impl Read for Endless<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let at = self.read.get();
            for (offset, byte) in buffer.iter_mut().enumerate() {
                *byte = ROW[(at + offset) % ROW.len()];
            }
            self.read.set(at + buffer.len());
            Ok(buffer.len())
        }
    }

    #[test]
    fn rows_are_read_as_they_are_asked_for() {
        const BUFFER: usize = 4_096;
        let read = std::cell::Cell::new(0);
        let source = BufReader::with_capacity(BUFFER, Endless { read: &read });
        let (mut list, header) = Delimited::open(source).unwrap();
        assert_eq!(header.names, ["98765 43210", "Ravi Kumar", "12,450"]);
        for count in 2..100_000 {
            let row = list.next_row().unwrap().unwrap();
            assert_eq!((row.line, row.cells[2].as_str()), (count, "12,450"));
            let asked = usize::try_from(count).unwrap() * ROW.len();
            assert!(
                read.get() < asked + 2 * BUFFER,
                "{} bytes were read for {asked}",
                read.get()
            );
            assert!(list.ahead.is_empty());
        }
    }
}
