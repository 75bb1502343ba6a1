//! A `multipart/form-data` body (RFC 7578) of text fields, as Exotel's status callback is by
//! default.

/// The boundary. It is long, and no field of a callback contains it.
const BOUNDARY: &str = "------------------------7d1c9be0a3f44e52";

/// The `Content-Type` of such a body.
pub(super) fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// The body with these fields.
pub(super) fn body(fields: &[(String, String)]) -> String {
    let mut body = String::new();
    for (name, value) in fields {
        body.push_str(&format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str(&format!("--{BOUNDARY}--\r\n"));
    body
}

#[cfg(test)]
mod tests {
    use ghanti_exotel::Parameters;

    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let fields = [
            ("CallSid".to_owned(), "c1".to_owned()),
            ("Legs[1][Status]".to_owned(), "busy".to_owned()),
        ];
        let read = Parameters::from_body(Some(&content_type()), body(&fields).as_bytes()).unwrap();
        assert_eq!(read.get("CallSid"), Some("c1"));
        assert_eq!(read.get("Legs[1][Status]"), Some("busy"));
    }
}
