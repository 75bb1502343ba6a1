//! A whole `multipart/form-data` body with a file, as browsers send it (RFC 7578). Exotel's callbacks,
//! whose parts are texts alone, are read in `ghanti-exotel`.

use std::ops::Range;

use memchr::memmem;

/// Maximum number of parts: the console's form has six.
const PARTS: usize = 16;
/// Maximum length of a part's headers, in bytes.
const HEAD_BYTES: usize = 4 << 10;
/// Maximum length of a boundary (RFC 2046, 5.1.1).
const BOUNDARY_BYTES: usize = 70;

/// A part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// The file's name, of a file.
    pub file: Option<String>,
    /// Where its content is in the body.
    pub content: Range<usize>,
}

/// The parts of a body with this content type; `None` if it is no such body, or is not whole.
pub fn parts(content_type: &str, body: &[u8]) -> Option<Vec<Part>> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters
        .split(';')
        .find_map(|parameter| named(parameter, "boundary"))
        .filter(|boundary| (1..=BOUNDARY_BYTES).contains(&boundary.len()))?;
    // the first delimiter may be without a line break before it
    let first = format!("--{boundary}");
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(delimiter.as_bytes());
    let mut at = memmem::find(body, first.as_bytes())? + first.len();
    let mut parts = Vec::new();
    loop {
        let rest = body.get(at..)?;
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        if parts.len() >= PARTS {
            return None;
        }
        at += memmem::find(rest, b"\r\n")? + 2;
        let head_end = {
            let head = body.get(at..)?;
            let head = head.get(..HEAD_BYTES.min(head.len()))?;
            at + memmem::find(head, b"\r\n\r\n")?
        };
        let from = head_end + 4;
        let until = from + finder.find(body.get(from..)?)?;
        let head = String::from_utf8_lossy(body.get(at..head_end)?).into_owned();
        if let Some((name, file)) = disposition(&head) {
            parts.push(Part {
                name,
                file,
                content: from..until,
            });
        }
        at = until + delimiter.len();
    }
}

/// The names of field and file.
fn disposition(head: &str) -> Option<(String, Option<String>)> {
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is = name.trim().eq_ignore_ascii_case("content-disposition");
        is.then_some(value)
    })?;
    let of = |name: &str| quoted(value, name);
    Some((of("name")?, of("filename")))
}

/// The value of `; name="value"`. Browsers write a quotation mark within it as `%22` (HTML, multipart/form-data
/// encoding algorithm), so that it ends at the next one.
fn quoted(value: &str, name: &str) -> Option<String> {
    let start = format!("{name}=\"");
    let at = value.match_indices(start.as_str()).find_map(|(at, _)| {
        let before = value.get(..at)?.trim_end();
        (before.ends_with(';')).then_some(at + start.len())
    })?;
    let (inside, _) = value.get(at..)?.split_once('"')?;
    Some(inside.replace("%22", "\""))
}

/// The value of a parameter `name=value`.
fn named<'t>(parameter: &'t str, name: &str) -> Option<&'t str> {
    let (given, value) = parameter.split_once('=')?;
    let is = given.trim().eq_ignore_ascii_case(name);
    is.then(|| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=----x";

    fn read(body: &str) -> Option<Vec<(String, Option<String>, String)>> {
        let parts = parts(TYPE, body.as_bytes())?;
        let each = parts.into_iter();
        Some(
            each.map(|part| (part.name, part.file, body[part.content].to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_form_with_a_file_is_read_as_browsers_send_it() {
        let body = "------x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nabc\r\n------x\r\n\
                    Content-Disposition: form-data; name=\"file\"; filename=\"the \"; filename.csv\"\r\nContent-Type: text/csv\r\n\r\n\
                    a,b\r\n------y\r\n1,2\r\n\r\n------x\r\ncontent-disposition: form-data; name=\"empty\"\r\n\r\n\r\n------x--\r\n";
        let body = body.replace("the \"; filename.csv", "the %22; filename.csv");
        assert_eq!(
            read(&body).unwrap(),
            [
                ("csrf".to_owned(), None, "abc".to_owned()),
                (
                    "file".to_owned(),
                    Some("the \"; filename.csv".to_owned()),
                    "a,b\r\n------y\r\n1,2\r\n".to_owned()
                ),
                ("empty".to_owned(), None, String::new()),
            ]
        );
    }

    #[test]
    fn a_body_that_is_not_whole_is_none() {
        let whole = "------x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n------x--";
        assert_eq!(read(whole).unwrap().len(), 1);
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut]), None, "{cut}");
        }
        let long = format!(
            "------x\r\n{}\r\n\r\nb\r\n------x--",
            "x".repeat(HEAD_BYTES)
        );
        let part = "------x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n";
        let many = format!("{}------x--", part.repeat(PARTS + 1));
        assert_eq!((read(&long), read(&many)), (None, None));
        for other in [
            "text/plain",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=----x",
        ] {
            assert_eq!(parts(other, whole.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_part_without_a_name_is_left_out() {
        let body = "------x\r\nX: y\r\n\r\nb\r\n------x\r\nContent-Disposition: form-data; filename=\"name=\"\r\n\r\nb\r\n------x--";
        assert_eq!(read(body).unwrap(), []);
    }
}
