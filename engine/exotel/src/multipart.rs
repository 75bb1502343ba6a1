//! The parts of a complete `multipart/form-data` body (RFC 7578, read by `multer`): Exotel's status
//! callback is one by default, and so is a list that is uploaded in the console.

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use multer::Multipart;

/// Maximum length of a boundary, in bytes (RFC 2046, 5.1.1).
const BOUNDARY_BYTES: usize = 70;

/// The boundary in a content type. Also accepts characters that would have to be quoted.
pub fn boundary(content_type: &str) -> Option<&str> {
    let value = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then(|| value.trim().trim_matches('"'))
    })?;
    (1..=BOUNDARY_BYTES).contains(&value.len()).then_some(value)
}

/// A part that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// The file's name, if it is a file.
    pub file: Option<String>,
    /// The field's value, or the content of the file.
    pub content: Bytes,
}

/// The body is not valid `multipart/form-data`, or it is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not valid multipart/form-data, or it is incomplete")]
pub struct Broken;

/// Iterates over the named parts of a body in the order sent; parts without a name are ignored. An
/// error is the last item.
pub struct Parts {
    multipart: Option<Multipart<'static>>,
}

impl Parts {
    /// Reads a body with this boundary.
    pub fn new(boundary: &str, body: Bytes) -> Self {
        let body = stream::iter([Ok::<_, Broken>(body)]);
        Self {
            multipart: Some(Multipart::new(body, boundary)),
        }
    }
}

impl Iterator for Parts {
    type Item = Result<Part, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        let multipart = self.multipart.as_mut()?;
        // the whole body is there, so that reading it never waits
        let part = next_part(multipart).now_or_never().unwrap_or(Err(Broken));
        if !matches!(part, Ok(Some(_))) {
            self.multipart = None;
        }
        part.transpose()
    }
}

async fn next_part(multipart: &mut Multipart<'static>) -> Result<Option<Part>, Broken> {
    while let Some(field) = multipart.next_field().await.map_err(|_| Broken)? {
        // browsers write a quotation mark so (HTML, "multipart/form-data encoding algorithm")
        let unescaped = |name: &str| name.replace("%22", "\"");
        let name = field.name().map(unescaped);
        let file = field.file_name().map(unescaped);
        let content = field.bytes().await.map_err(|_| Broken)?;
        if let Some(name) = name {
            return Ok(Some(Part {
                name,
                file,
                content,
            }));
        }
    }
    Ok(None)
}

/// Names and values of a callback's fields. Lenient, as everything that reads what Exotel sends: lines
/// may all end in LF, the last delimiter may be missing, and of an invalid body the parts before the
/// error are returned.
pub(crate) fn fields(boundary: &str, body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let text = if text.contains("\r\n") {
        text.into_owned()
    } else {
        text.replace('\n', "\r\n")
    };
    let closed = format!("{text}\r\n--{boundary}--");
    Parts::new(boundary, closed.into())
        .map_while(Result::ok)
        .map(|part| {
            let value = String::from_utf8_lossy(&part.content).into_owned();
            (part.name, value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<(String, Option<String>, String)>, Broken> {
        let parts = Parts::new("----x", Bytes::copy_from_slice(body.as_bytes()));
        parts
            .map(|part| {
                part.map(|part| {
                    let content = String::from_utf8(part.content.into()).unwrap();
                    (part.name, part.file, content)
                })
            })
            .collect()
    }

    #[test]
    fn a_form_with_a_file_is_read_as_browsers_send_it() {
        let body = "------x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nabc\r\n------x\r\n\
                    Content-Disposition: form-data; name=\"file\"; filename=\"the %22; filename.csv\"\r\nContent-Type: text/csv\r\n\r\n\
                    a,b\r\n------y\r\n1,2\r\n\r\n------x\r\ncontent-disposition: form-data; name=\"empty\"\r\n\r\n\r\n------x--\r\n";
        assert_eq!(
            read(body).unwrap(),
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
    fn names_may_be_in_any_script() {
        let body = "------x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"सूची.csv\"\r\n\r\nक\r\n------x--";
        let part = (
            "file".to_owned(),
            Some("सूची.csv".to_owned()),
            "क".to_owned(),
        );
        assert_eq!(read(body), Ok(vec![part]));
    }

    #[test]
    fn a_body_that_is_not_whole_is_an_error() {
        let whole = "------x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n------x--";
        assert_eq!(read(whole).unwrap().len(), 1);
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut]), Err(Broken), "{cut}");
        }
    }

    #[test]
    fn a_part_without_a_name_is_ignored() {
        let body = "------x\r\nX: y\r\n\r\nb\r\n------x\r\nContent-Disposition: form-data; filename=\"name=\"\r\n\r\nb\r\n------x--";
        assert_eq!(read(body), Ok(vec![]));
    }

    fn fields_of(body: &[u8]) -> Vec<(String, String)> {
        fields("x", body)
    }

    fn expected(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn fields_are_read_with_their_empty_and_broken_lines() {
        let body = b"preamble\r\n--x\r\nContent-Disposition: form-data; name=\"CallSid\"\r\nContent-Type: text/plain\r\n\r\nc1\r\n\
                     --x\r\ncontent-disposition: form-data; name=RecordingUrl\r\n\r\n\r\n--x\r\n\
                     Content-Disposition: form-data; name=\"CustomField\"\r\n\r\na\r\nb\r\n--x--\r\nepilogue";
        let fields = [
            ("CallSid", "c1"),
            ("RecordingUrl", ""),
            ("CustomField", "a\r\nb"),
        ];
        assert_eq!(fields_of(body), expected(&fields));
    }

    #[test]
    fn a_callback_may_end_its_lines_in_lf_and_lack_its_last_delimiter() {
        let part = |name: &str, value: &str, end: &str| {
            format!("--x{end}Content-Disposition: form-data; name=\"{name}\"{end}{end}{value}{end}")
        };
        for end in ["\r\n", "\n"] {
            let body = part("CallSid", "c1", end) + &part("Status", "busy", end);
            let fields = expected(&[("CallSid", "c1"), ("Status", "busy")]);
            for body in [format!("{body}--x--{end}"), body.trim_end().to_owned()] {
                assert_eq!(fields_of(body.as_bytes()), fields, "{body:?}");
            }
        }
    }

    #[test]
    fn the_boundary_may_be_quoted_and_must_be_there() {
        assert_eq!(
            boundary("multipart/form-data; charset=utf-8; boundary=\"--a b\""),
            Some("--a b")
        );
        assert_eq!(
            boundary("multipart/form-data; boundary=----=_Part_1"),
            Some("----=_Part_1")
        );
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(boundary("multipart/form-data; boundary="), None);
        let long = "x".repeat(BOUNDARY_BYTES + 1);
        assert_eq!(
            boundary(&format!("multipart/form-data; boundary={long}")),
            None
        );
    }

    #[test]
    fn broken_bodies_have_fewer_fields() {
        for body in [
            &b""[..],
            b"--x",
            b"--x\r\n",
            b"--x\r\n\r\n\r\n",
            b"--x\r\nContent-Disposition: form-data\r\n\r\nv\r\n--x--",
            b"\xff\xfe--x\xff",
        ] {
            assert!(fields_of(body).is_empty());
        }
        let body = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\nbroken\r\n\r\n2\r\n--x--";
        assert_eq!(fields_of(body), expected(&[("a", "1")]));
    }
}
