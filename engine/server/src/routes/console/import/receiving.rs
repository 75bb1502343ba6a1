//! The form of an upload: it is received whole, and bounded.

use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use ghanti_console::Unread;
use ghanti_exotel::multipart::{self, Part, Parts};

use super::held::FILE_BYTES;

/// Maximum size of an upload's form without the file, in bytes.
const FORM_BYTES: usize = 64 << 10;
/// Maximum number of parts of an upload's form, which has five.
const PARTS: usize = 16;
/// So much of an upload that is too large is read and dropped, so that the browser shows why it was
/// refused, in bytes.
const DROPPED_BYTES: usize = 128 << 20;

/// Receives the body of an upload.
pub(super) async fn received(body: Body) -> Result<Bytes, Unread> {
    let mut chunks = body.into_data_stream();
    let (mut all, mut size) = (Vec::new(), 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Unread::Broken)?;
        size = size.saturating_add(chunk.len());
        if size <= FILE_BYTES + FORM_BYTES {
            all.extend_from_slice(&chunk);
        } else {
            all = Vec::new();
        }
        if size > DROPPED_BYTES {
            break;
        }
    }
    if size > FILE_BYTES + FORM_BYTES {
        return Err(Unread::TooLarge);
    }
    Ok(all.into())
}

/// The parts of a body with this content type; `None` if it is no form with a file, or is not whole.
pub(super) fn parts(content_type: &str, body: Bytes) -> Option<Vec<Part>> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = multipart::boundary(content_type)?;
    let parts: Result<Vec<_>, _> = Parts::new(boundary, body).take(PARTS + 1).collect();
    parts.ok().filter(|parts| parts.len() <= PARTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_taken_whole_and_with_few_parts() {
        const TYPE: &str = "Multipart/Form-Data; boundary=x";
        let part = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n";
        let read = |kind: &str, body: String| parts(kind, body.into()).map(|parts| parts.len());
        let many = |count: usize| part.repeat(count) + "--x--";
        assert_eq!(read(TYPE, many(PARTS)), Some(PARTS));
        assert_eq!(read(TYPE, many(PARTS + 1)), None);
        assert_eq!(read(TYPE, part.to_owned()), None);
        for other in [
            "text/plain",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=x",
        ] {
            assert_eq!(read(other, many(1)), None, "{other}");
        }
    }
}
