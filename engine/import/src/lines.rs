//! Lines of a text file, counted as an editor counts them: ended by LF, CR LF or, from old
//! spreadsheet programs on a Mac, CR alone.

use std::io::{self, BufRead};

use memchr::memchr2;

/// The longest line, in bytes. A list with sixty columns has lines of one or two KiB.
pub(crate) const LINE_BYTES: usize = 64 << 10;

/// A line without its end.
#[derive(Debug)]
pub(crate) struct Line {
    /// Its number, from 1.
    pub(crate) number: u64,
    /// Its bytes, at most [`LINE_BYTES`].
    pub(crate) bytes: Vec<u8>,
    /// Whether it is longer, and the rest was left out.
    pub(crate) is_cut: bool,
}

/// Reads lines. Never holds more than one, and what the reader below has buffered.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    source: R,
    read: u64,
    /// The last byte was a CR, so that a LF belongs to it.
    after_cr: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) const fn new(source: R) -> Self {
        Self {
            source,
            read: 0,
            after_cr: false,
        }
    }

    /// The next line; `None` at the end of the file.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Line {
            number: self.read + 1,
            bytes: Vec::new(),
            is_cut: false,
        };
        let mut is_begun = false;
        loop {
            let mut buffer = match self.source.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                self.read += u64::from(is_begun);
                return Ok(is_begun.then_some(line));
            }
            if self.after_cr {
                self.after_cr = false;
                if buffer.starts_with(b"\n") {
                    self.source.consume(1);
                    continue;
                }
            }
            is_begun = true;
            let end = memchr2(b'\r', b'\n', buffer);
            let is_cr = end.and_then(|at| buffer.get(at)) == Some(&b'\r');
            let taken = end.unwrap_or(buffer.len());
            buffer = buffer.get(..taken).unwrap_or(buffer);
            let room = LINE_BYTES - line.bytes.len();
            line.is_cut |= buffer.len() > room;
            line.bytes
                .extend_from_slice(buffer.get(..room).unwrap_or(buffer));
            self.source.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                self.after_cr = is_cr;
                self.read += 1;
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(bytes: &[u8], buffer: usize) -> Vec<(u64, String, bool)> {
        let mut lines = Lines::new(BufReader::with_capacity(buffer, bytes));
        let mut all = Vec::new();
        while let Some(Line {
            number,
            bytes,
            is_cut,
        }) = lines.next_line().unwrap()
        {
            all.push((number, String::from_utf8(bytes).unwrap(), is_cut));
        }
        all
    }

    #[test]
    fn every_kind_of_line_end_is_one_however_it_is_buffered() {
        let expected: Vec<_> = [(1, "a"), (2, ""), (3, "bc"), (4, ""), (5, "d"), (6, "e")]
            .map(|(number, text)| (number, text.to_owned(), false))
            .into();
        for buffer in 1..8 {
            for ends in ["\n", "\r\n", "\r"] {
                let text = ["a", "", "bc", "", "d", "e"].join(ends);
                assert_eq!(lines(text.as_bytes(), buffer), expected, "{ends:?}");
                let ended = format!("{text}{ends}");
                assert_eq!(lines(ended.as_bytes(), buffer), expected, "{ends:?}");
            }
        }
        assert_eq!(lines(b"", 4), []);
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_is_whole() {
        let mut text = vec![b'x'; 10 * LINE_BYTES];
        text.extend(b"\nnext");
        let lines = lines(&text, 4_096);
        assert_eq!((lines[0].1.len(), lines[0].2), (LINE_BYTES, true));
        assert_eq!(lines[1], (2, "next".to_owned(), false));
    }
}
