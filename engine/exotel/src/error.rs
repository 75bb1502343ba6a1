//! Parse errors. They contain no speech and no phone number.

/// Why a message, request or reply was rejected, with a hint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The message exceeds the size limit.
    #[error(
        "cannot read a message of `{bytes}` bytes: the limit is `{limit}`; send audio in frames of at most 100000 bytes"
    )]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not JSON. The source gives only the position: parsing is untyped, so its message cannot
    /// quote a value.
    #[error("cannot read the message as JSON (`{0}`): send one JSON object per text frame")]
    NotJson(#[source] serde_json::Error),
    /// Not XML. Only the position is given, because the text there may be a phone number.
    #[error("cannot read the reply as XML: it is broken at line `{line}` column `{column}`")]
    NotXml {
        /// The line, from 1.
        line: u32,
        /// The column, from 1.
        column: u32,
    },
    /// A required field is missing or has the wrong type.
    #[error("cannot use the message: `{field}` is missing or has the wrong form; send {expected}")]
    Missing {
        /// The path of the field.
        field: &'static str,
        /// The expected value.
        expected: &'static str,
    },
    /// The audio is not base64.
    #[error("cannot decode `media.payload` (`{0}`): send the audio's bytes in standard base64")]
    NotBase64(#[source] base64::DecodeSliceError),
    /// A reply that Exotel would reject as a whole. Only the position is given, because the value
    /// there may be a phone number.
    #[error(
        "cannot use the reply: the field at line `{line}` column `{column}` is unknown, missing or has the wrong form; send Exotel's own fields only"
    )]
    Rejected {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The body has an unsupported content type.
    #[error(
        "cannot read a body of type `{0}`: send application/json, application/x-www-form-urlencoded or multipart/form-data"
    )]
    ContentType(String),
}
