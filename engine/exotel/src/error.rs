//! Why a message or a request could not be understood. No text of a caller and no number appears in
//! one.

/// What is wrong with a message, with the hint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Longer than any message has reason to be.
    #[error(
        "cannot read a message of `{bytes}` bytes: the limit is `{limit}`; send audio in frames of at most 100000 bytes"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest that is read.
        limit: usize,
    },
    /// No JSON. The source tells the place alone: no value is typed while reading, so none can be
    /// quoted.
    #[error("cannot read the message as JSON (`{0}`): send one JSON object per text frame")]
    NotJson(#[source] serde_json::Error),
    /// A field that the message means nothing without.
    #[error("cannot use the message: `{field}` is missing or has the wrong form; send {expected}")]
    Missing {
        /// The field, as a path.
        field: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// The audio is not base64.
    #[error("cannot decode `media.payload` (`{0}`): send the audio's bytes in standard base64")]
    NotBase64(#[source] base64::DecodeSliceError),
    /// A reply that Exotel would reject as a whole. The place alone, because the value there may be
    /// a number.
    #[error(
        "cannot use the reply: the field at line `{line}` column `{column}` is unknown, missing or has the wrong form; send Exotel's own fields only"
    )]
    Rejected {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A body of a type that is not understood.
    #[error(
        "cannot read a body of type `{0}`: send application/json, application/x-www-form-urlencoded or multipart/form-data"
    )]
    ContentType(String),
}
