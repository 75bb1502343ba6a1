//! Looks through a workbook before calamine reads it: how much each part inflates to, and how long
//! the pieces are that calamine holds at once. An archive of some KiB may inflate to GiB.
//!
//! calamine holds the shared strings, styles and names whole, and of the sheet one cell. Sizes that
//! that the archive itself states are not trusted; every part is inflated once and counted.

use std::io::{Read, Seek};

use memchr::memchr;
use zip::ZipArchive;

use super::WorkbookError;

/// The largest workbook, in bytes. A million rows of ten columns are 60 to 100 MiB.
const FILE_BYTES: u64 = 512 << 20;
/// The largest sheet of a workbook that was uploaded, in bytes: it is read beside calls.
const UPLOAD_SHEET_BYTES: u64 = 512 << 20;
/// The most shared strings of one, in bytes of XML: they are held in the engine's memory.
const UPLOAD_STRINGS_BYTES: u64 = 64 << 20;
/// The largest other part of one, in bytes.
const UPLOAD_PART_BYTES: u64 = 16 << 20;
/// The most parts. A workbook has ten, and one or two for each sheet and picture.
const PARTS: usize = 4_096;
/// The largest part that is XML of a sheet, in bytes: a million rows of sixty columns.
const SHEET_BYTES: u64 = 4 << 30;
/// The most shared strings, in bytes of XML: a million names, loan numbers and addresses. They are
/// held while the list is read.
const STRINGS_BYTES: u64 = 256 << 20;
/// The largest other part, in bytes.
const PART_BYTES: u64 = 64 << 20;
/// The longest cell with its formula, in bytes. Excel's longest text has 32,767 characters.
const CELL_BYTES: u64 = 1 << 20;
/// The longest tag, in bytes.
const TAG_BYTES: u64 = 64 << 10;
/// Bytes of XML that a shared string has at least (`<si><t/></si>`), to know whether the number
/// that the part states can be true: calamine reserves space for as many.
const STRING_BYTES: u64 = 13;
/// How much is inflated at once, in bytes.
const BUFFER: usize = 64 << 10;

/// Why a workbook is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BoundsError {
    #[error("it has more than {} MiB: save the list as \"CSV UTF-8\"", FILE_BYTES >> 20)]
    File,
    #[error("it has more than {PARTS} parts: copy the list into a workbook of its own")]
    Parts,
    #[error(
        "its part `{part}` is larger than any list's: copy the list into a workbook of its own, or save it as \"CSV UTF-8\""
    )]
    Part { part: String },
    #[error(
        "its part `{part}` has something longer than any cell: copy the list into a workbook of its own, or save it as \"CSV UTF-8\""
    )]
    Piece { part: String },
    #[error("its part `{part}` cannot be unpacked: open it in Excel and save it again")]
    Damaged { part: String },
}

/// How much a workbook may inflate to, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    sheet: u64,
    strings: u64,
    part: u64,
}

impl Bounds {
    /// Of a file, which is read by a process of its own.
    pub const FILE: Self = Self {
        sheet: SHEET_BYTES,
        strings: STRINGS_BYTES,
        part: PART_BYTES,
    };
    /// Of an upload, which is read by an engine that has calls.
    pub const UPLOAD: Self = Self {
        sheet: UPLOAD_SHEET_BYTES,
        strings: UPLOAD_STRINGS_BYTES,
        part: UPLOAD_PART_BYTES,
    };
}

/// Inflates every part once.
pub(super) fn check<R: Read + Seek>(source: &mut R, bounds: &Bounds) -> Result<(), WorkbookError> {
    let size = source
        .seek(std::io::SeekFrom::End(0))
        .map_err(|_| super::damaged("the file"))?;
    if size > FILE_BYTES {
        return Err(BoundsError::File.into());
    }
    let mut archive = ZipArchive::new(source).map_err(|_| super::damaged("the archive"))?;
    if archive.len() > PARTS {
        return Err(BoundsError::Parts.into());
    }
    let mut is_xlsx = false;
    let mut buffer = vec![0; BUFFER];
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(|_| BoundsError::Damaged {
            part: index.to_string(),
        })?;
        let name = part
            .name()
            .map(|name| name.to_lowercase())
            .unwrap_or_default();
        is_xlsx |= name.ends_with("xl/workbook.xml");
        if let Some(what) = other_kind(&name) {
            return Err(WorkbookError::Kind(what));
        }
        let shown = crate::columns::shown(&name);
        look_through(&mut part, &name, bounds, &mut buffer).map_err(|wrong| match wrong {
            Wrong::Size => BoundsError::Part { part: shown },
            Wrong::Piece => BoundsError::Piece { part: shown },
            Wrong::Damaged => BoundsError::Damaged { part: shown },
        })?;
    }
    if is_xlsx {
        Ok(())
    } else {
        Err(WorkbookError::Kind("an archive, and no Excel workbook"))
    }
}

fn other_kind(name: &str) -> Option<&'static str> {
    match name {
        "xl/workbook.bin" => Some("an Excel workbook of the binary kind (.xlsb)"),
        "content.xml" => Some("an OpenDocument spreadsheet (.ods)"),
        "word/document.xml" => Some("a Word document"),
        "index/document.iwa" => Some("a Numbers spreadsheet"),
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Size,
    Piece,
    Damaged,
}

fn look_through(
    part: &mut impl Read,
    name: &str,
    bounds: &Bounds,
    buffer: &mut [u8],
) -> Result<(), Wrong> {
    let is_xml = name.ends_with(".xml") || name.ends_with(".rels");
    let is_sheet = is_xml && name.contains("worksheets/");
    let is_strings = name.ends_with("sharedstrings.xml");
    let most = match (is_sheet, is_strings) {
        (true, _) => bounds.sheet,
        (_, true) => bounds.strings,
        _ => bounds.part,
    };
    let (mut size, mut pieces) = (0, Pieces::default());
    loop {
        let read = match part.read(buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(Wrong::Damaged),
        };
        size += u64::try_from(read).unwrap_or(u64::MAX);
        if size > most {
            return Err(Wrong::Size);
        }
        if is_xml {
            pieces.look(buffer.get(..read).unwrap_or_default())?;
        }
    }
    if is_strings && pieces.string_count > size / STRING_BYTES {
        return Err(Wrong::Piece);
    }
    Ok(())
}

/// How long the pieces of XML are: tags, text, and what is between two cells of a sheet.
#[derive(Debug, Default)]
struct Pieces {
    within: Within,
    /// The length of the tag or text so far.
    length: u64,
    /// Bytes since the last cell or row began; `None` outside of a sheet's data.
    cell: Option<u64>,
    /// The tag so far, up to its name.
    name: Vec<u8>,
    /// The number of strings according to the shared strings.
    string_count: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Within {
    #[default]
    Text,
    /// A tag, outside of quotes.
    Tag,
    /// A value of a tag, in these quotes.
    Quoted(u8),
}

/// How much of a tag is kept to know its name and, of shared strings, their number.
const NAME_BYTES: usize = 512;

impl Pieces {
    fn look(&mut self, mut bytes: &[u8]) -> Result<(), Wrong> {
        while let Some(first) = bytes.first() {
            let (end, most) = match self.within {
                Within::Text => (memchr(b'<', bytes), CELL_BYTES),
                Within::Quoted(quote) => (memchr(quote, bytes), TAG_BYTES),
                Within::Tag => (
                    bytes
                        .iter()
                        .position(|byte| matches!(byte, b'>' | b'"' | b'\'')),
                    TAG_BYTES,
                ),
            };
            // a comment may hide what looks like cells, and no spreadsheet program writes one
            if self.within == Within::Tag && self.length == 0 && *first == b'!' {
                return Err(Wrong::Piece);
            }
            let taken = end.map_or(bytes.len(), |at| at + 1);
            let (piece, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
            let count = u64::try_from(taken).unwrap_or(u64::MAX);
            self.length += count;
            if let Some(cell) = &mut self.cell {
                *cell += count;
            }
            if self.length > most || self.cell.is_some_and(|cell| cell > CELL_BYTES) {
                return Err(Wrong::Piece);
            }
            if self.within != Within::Text {
                let room = NAME_BYTES.saturating_sub(self.name.len());
                self.name
                    .extend_from_slice(piece.get(..room).unwrap_or(piece));
            }
            if end.is_some() {
                self.step(piece.last().copied().unwrap_or_default())?;
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Continues after the byte that ended a piece.
    fn step(&mut self, byte: u8) -> Result<(), Wrong> {
        self.within = match (self.within, byte) {
            (Within::Text, _) => {
                self.length = 0;
                self.name.clear();
                Within::Tag
            }
            (Within::Quoted(_), _) => Within::Tag,
            (Within::Tag, b'>') => {
                self.end_tag()?;
                self.length = 0;
                Within::Text
            }
            (Within::Tag, quote) => Within::Quoted(quote),
        };
        Ok(())
    }

    fn end_tag(&mut self) -> Result<(), Wrong> {
        // an instruction goes on to `?>`, and may hide what looks like cells as a comment does
        if self.name.starts_with(b"?") && !self.name.ends_with(b"?>") {
            return Err(Wrong::Piece);
        }
        let is_end = |byte: &u8| matches!(byte, b'>' | b'/') || byte.is_ascii_whitespace();
        let (slash, tag) = match self.name.strip_prefix(b"/") {
            Some(tag) => (true, tag),
            None => (false, self.name.as_slice()),
        };
        let name = tag.split(is_end).next().unwrap_or_default();
        let local = name.rsplit(|byte| *byte == b':').next().unwrap_or_default();
        match (local, slash) {
            (b"sheetData", false) | (b"c" | b"row", _)
                if self.cell.is_some() || local == b"sheetData" =>
            {
                self.cell = Some(0);
            }
            (b"sheetData", true) => self.cell = None,
            (b"sst", false) => self.string_count = string_count(tag),
            _ => {}
        }
        Ok(())
    }
}

/// `uniqueCount="…"` of a tag. 0 if it is not a number.
fn string_count(tag: &[u8]) -> u64 {
    let tag = String::from_utf8_lossy(tag);
    let count = tag.split_once("uniqueCount=").map(|(_, rest)| {
        rest.trim_start_matches(['"', '\''])
            .chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
    });
    count.map_or(0, |digits| {
        digits
            .parse()
            .unwrap_or(u64::from(!digits.is_empty()) * u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(name: &str, chunks: &[&[u8]]) -> Result<(), Wrong> {
        let bytes = chunks.concat();
        // whatever is read at once
        let mut last = Ok(());
        for size in [1, 7, 4_096, BUFFER] {
            let mut buffer = vec![0; size];
            last = look_through(&mut bytes.as_slice(), name, &Bounds::FILE, &mut buffer);
            if bytes.len() < 100_000 {
                continue;
            }
            break;
        }
        last
    }

    const SHEET: &str = "xl/worksheets/sheet1.xml";

    #[test]
    fn a_sheet_as_programs_write_it_is_read() {
        for prefix in ["", "x:"] {
            let cell = format!("<{prefix}c r=\"A1\" t=\"s\"><{prefix}v>1</{prefix}v></{prefix}c>");
            let row = format!("<{prefix}row r=\"1\">{}</{prefix}row>", cell.repeat(60));
            let sheet = [
                format!("<?xml version=\"1.0\"?><{prefix}worksheet><{prefix}sheetData>"),
                row.repeat(2_000),
                format!(
                    "</{prefix}sheetData>{}",
                    "<mergeCell ref='A1:B1'/>".repeat(100_000)
                ),
            ];
            let sheet: Vec<_> = sheet.iter().map(String::as_bytes).collect();
            assert_eq!(looked(SHEET, &sheet), Ok(()));
        }
    }

    #[test]
    fn what_would_have_to_be_held_at_once_is_refused() {
        let long = vec![b'x'; 2 << 20];
        let runs = b"<r><t>x</t></r>".repeat(200_000);
        let cells = b"<c r='A1'><v>1</v></c>".repeat(100_000);
        for (wrong, chunks) in [
            ("a text", &[b"<sheetData><c><is><t>", long.as_slice()][..]),
            ("many runs of text", &[b"<sheetData><c><is>", &runs]),
            ("a tag", &[b"<sheetData><c ", &long]),
            (
                "a value with cells in it",
                &[
                    b"<sheetData><c r='",
                    &cells
                        .iter()
                        .map(|byte| if *byte == b'\'' { b'"' } else { *byte })
                        .collect::<Vec<_>>(),
                ],
            ),
            ("a comment with cells in it", &[b"<sheetData><!-- ", &cells]),
            (
                "an instruction with cells in it",
                &[b"<sheetData><?a >", &cells],
            ),
            (
                "a DOCTYPE",
                &[b"<!DOCTYPE lolz [<!ENTITY lol 'lol'>]><worksheet>"],
            ),
        ] {
            assert_eq!(looked(SHEET, chunks), Err(Wrong::Piece), "{wrong}");
        }
    }

    #[test]
    fn a_number_of_strings_that_cannot_be_true_is_refused() {
        let strings = "xl/sharedstrings.xml";
        let part = |count: &str| {
            format!("<sst count=\"3\" uniqueCount=\"{count}\"><si><t>a</t></si><si><t/></si></sst>")
        };
        assert_eq!(looked(strings, &[part("2").as_bytes()]), Ok(()));
        for count in ["99999999999", "99999999999999999999999999"] {
            assert_eq!(
                looked(strings, &[part(count).as_bytes()]),
                Err(Wrong::Piece)
            );
        }
    }

    #[test]
    fn a_part_that_inflates_without_end_is_refused() {
        let mut endless = std::io::repeat(0);
        let mut buffer = vec![0; BUFFER];
        for bounds in [Bounds::FILE, Bounds::UPLOAD] {
            assert_eq!(
                look_through(&mut endless, "xl/media/image1.png", &bounds, &mut buffer),
                Err(Wrong::Size)
            );
        }
    }
}
