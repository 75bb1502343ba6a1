//! The text fields of a complete `multipart/form-data` body, Exotel's default for its status
//! callback. Files and streaming are not supported (RFC 7578, RFC 2046).

/// The boundary in a content type, 1 to 70 characters long (RFC 2046).
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let value = content_type
        .split(';')
        .skip(1)
        .find_map(|part| parameter(part, "boundary"))?;
    (1..=70).contains(&value.len()).then_some(value)
}

/// Names and values of the fields; parts without a name are ignored.
pub(crate) fn pairs(boundary: &str, body: &[u8]) -> Vec<(String, String)> {
    let body = String::from_utf8_lossy(body);
    let delimiter = format!("--{boundary}");
    body.split(delimiter.as_str())
        .skip(1)
        .take_while(|part| !part.starts_with("--"))
        .filter_map(field)
        .collect()
}

fn field(part: &str) -> Option<(String, String)> {
    let part = without_line_break(part.trim_start_matches([' ', '\t']));
    let (headers, value) = part
        .split_once("\r\n\r\n")
        .or_else(|| part.split_once("\n\n"))?;
    let disposition = headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    })?;
    let name = disposition
        .split(';')
        .skip(1)
        .find_map(|part| parameter(part, "name"))?;
    let value = value
        .strip_suffix("\r\n")
        .or_else(|| value.strip_suffix('\n'))
        .unwrap_or(value);
    Some((name.to_owned(), value.to_owned()))
}

/// Strips the line break that ends the delimiter.
fn without_line_break(part: &str) -> &str {
    part.strip_prefix("\r\n")
        .or_else(|| part.strip_prefix('\n'))
        .unwrap_or(part)
}

/// The value of `name=value` or `name="value"`, if the name matches.
fn parameter<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (given, value) = text.split_once('=')?;
    given
        .trim()
        .eq_ignore_ascii_case(name)
        .then(|| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_with_their_empty_and_broken_lines() {
        let body = b"preamble\r\n--x\r\nContent-Disposition: form-data; name=\"CallSid\"\r\nContent-Type: text/plain\r\n\r\nc1\r\n\
                     --x\r\ncontent-disposition: form-data; name=RecordingUrl\r\n\r\n\r\n--x\r\n\
                     Content-Disposition: form-data; name=\"CustomField\"\r\n\r\na\r\nb\r\n--x--\r\nepilogue";
        let expected = [
            ("CallSid", "c1"),
            ("RecordingUrl", ""),
            ("CustomField", "a\r\nb"),
        ];
        let found = pairs("x", body);
        assert_eq!(
            found
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn the_boundary_may_be_quoted_and_must_be_there() {
        assert_eq!(
            boundary("multipart/form-data; charset=utf-8; boundary=\"--a b\""),
            Some("--a b")
        );
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(boundary("multipart/form-data; boundary="), None);
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
            assert!(pairs("x", body).is_empty());
        }
    }
}
